"""``ar1(0 + t | g)``: one sd, correlation rho^|s - t| between the effects at times s and t."""

from __future__ import annotations

import numpy as np

from hierglm.covariances.covariance import Covariance, Floats, Ints, OneCorrelation


def _powers(rho: Floats, times: Ints) -> Floats:
    apart = np.abs(times[:, None] - times)
    return np.asarray(rho[:, None, None] ** apart)


AR1 = Covariance(
    "ar1",
    "their one sd and autocorrelation",
    common_sd=True,
    one=OneCorrelation(lambda q: -1.0, _powers, "autoregressive_factor", by_time=True),
)
