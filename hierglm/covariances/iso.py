"""``iso(x | g)``: one sd for all effects, and no correlations."""

from hierglm.covariances.covariance import Covariance

ISO = Covariance("iso", "their one sd", common_sd=True)
