"""``(x | g)``: an sd for each effect, a correlation for each two."""

from hierglm.covariances.covariance import Covariance

UNSTRUCTURED = Covariance("unstructured", "their sds and correlations", free=True)
