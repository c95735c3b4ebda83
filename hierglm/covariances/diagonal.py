"""``(x || g)``, ``diag(x | g)``: an sd for each effect, and no correlations."""

from hierglm.covariances.covariance import Covariance

DIAGONAL = Covariance("diagonal", "their sds")
