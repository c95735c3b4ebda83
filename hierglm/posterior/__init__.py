"""What comes out of a fit."""

from hierglm.posterior.fit import Fit, load
from hierglm.posterior.pictures import Plots
from hierglm.posterior.streamed import StreamedFit, kind_of

__all__ = ["Fit", "Plots", "StreamedFit", "kind_of", "load"]
