"""Pictures of a fit; each function returns a matplotlib figure, and nothing global changes."""

from hierglm.plots.effects import effects
from hierglm.plots.intervals import intervals
from hierglm.plots.pooling import pooling
from hierglm.plots.ranef import ranef
from hierglm.plots.trace import trace

__all__ = ["effects", "intervals", "pooling", "ranef", "trace"]
