"""``cs(x | g)``: compound symmetry, an sd for each effect and one correlation for each two."""

from __future__ import annotations

import numpy as np

from hierglm.covariances.covariance import Covariance, Floats, Ints, OneCorrelation


def _exchangeable(rho: Floats, times: Ints) -> Floats:
    one = np.eye(len(times))
    return one + rho[:, None, None] * (1 - one)


CS = Covariance(
    "cs",
    "their sds and one correlation",
    # Below -1/(q-1) the matrix is not positive definite.
    one=OneCorrelation(lambda q: -1 / (q - 1), _exchangeable, "exchangeable_factor"),
)
