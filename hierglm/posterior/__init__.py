"""What comes out of a fit."""

from hierglm.posterior.fit import Fit, load
from hierglm.posterior.pictures import Plots

__all__ = ["Fit", "Plots", "load"]
