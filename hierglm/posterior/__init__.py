"""What comes out of a fit."""

from hierglm.posterior.fit import Fit, load
from hierglm.posterior.pictures import Plots
from hierglm.posterior.streamed import StreamedFit

__all__ = ["Fit", "Plots", "StreamedFit", "load"]
