"""Pictures of a fit; each function returns a matplotlib figure, and nothing global changes."""

from hierglm.plots.correlation import correlation
from hierglm.plots.effects import effects
from hierglm.plots.intervals import intervals
from hierglm.plots.pooling import pooling
from hierglm.plots.ranef import ranef
from hierglm.plots.rank import rank
from hierglm.plots.trace import trace

__all__ = ["correlation", "effects", "intervals", "pooling", "ranef", "rank", "trace"]
