"""Log likelihoods of rows, written out by SciPy from the draws."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hierglm.results.pointwise import log_likelihood
from tests.variance.given import given_fit


@pytest.mark.parametrize("both", [True, False], ids=["se and sigma", "se alone"])
def test_known_errors_weights_offset_and_effects(both):
    rng = np.random.default_rng(8)
    data = pd.DataFrame(
        {
            "y": rng.normal(size=12),
            "s": rng.uniform(0.2, 2, 12),
            "w": rng.uniform(0.5, 3, 12),
            "o": rng.normal(size=12),
            "x": rng.normal(2, 1, 12),
            "g": list("abcd") * 3,
        }
    )
    known = "se(s, sigma=TRUE)" if both else "se(s)"
    fit = given_fit(f"y | {known} + weights(w) ~ x + offset(o) + (1 | g)", data)
    draws = fit.draws
    b, r = draws["b"].values, draws["r_g"].values[..., 0]
    mean = b[..., :1] + b[..., 1:] * data["x"].to_numpy() + data["o"].to_numpy()
    mean = mean + r[..., np.arange(12) % 4]
    own = draws["sigma"].values[..., None] if both else 0.0
    sd = np.sqrt(data["s"].to_numpy() ** 2 + own**2)
    expected = data["w"].to_numpy() * stats.norm(mean, sd).logpdf(data["y"].to_numpy())
    np.testing.assert_allclose(log_likelihood(fit), expected, rtol=1e-12)
