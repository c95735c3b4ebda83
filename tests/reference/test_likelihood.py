"""Marginal likelihoods at their maximum are those of lme4, on the data that may be copied.

``ml.csv`` beside this file holds lme4 1.1.31's estimates and its log likelihood at them (R 4.2.2;
of counts by adaptive quadrature with 25 nodes, not by Laplace's approximation), and those of
the eight schools by their closed form. Near a maximum the log likelihood does not feel that
estimates are rounded.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hierglm.comparing.marginals import marginals
from tests.variance.given import given_fit

HERE = Path(__file__).resolve().parent
PEERS = pd.read_csv(HERE / "ml.csv")


def values(own):
    """Return estimates by the names of our variables."""
    found = {}
    for quantity, estimate in zip(own["quantity"], own["estimate"], strict=True):
        kind, _, rest = quantity.partition(":")
        group = rest.partition(":")[0]
        name = {"b": "b", "sd": f"sd_{group}", "cor": f"cor_{group}"}.get(kind)
        if name:
            found.setdefault(name, []).append(estimate)
        elif kind == "sigma":
            found["sigma"] = estimate
    return found


@pytest.mark.parametrize("case", PEERS["case"].unique())
def test_log_likelihood_at_the_maximum_is_the_peer_s(case):
    own = PEERS[PEERS["case"] == case]
    first = own.iloc[0]
    data = pd.read_csv(HERE.parent / "data" / first["file"])
    fit = given_fit(first["formula"], data, first["family"], values(own), chains=1, draws=4)
    design = fit.plan.model.design
    levels = design.groups[0].levels
    alone = {design.groups[0].group: np.ones(len(levels), dtype=bool)}
    given = marginals(fit, design)
    parts = [
        given.density(np.flatnonzero(design.groups[0].index == j), alone)
        for j in range(len(levels))
    ]
    expected = own.set_index("quantity")["estimate"]["logLik"]
    # With several nodes glmer leaves out the likelihood of the saturated model.
    if first["family"] == "binomial":
        expected += stats.binom.logpmf(data["n"], data["N"], data["n"] / data["N"]).sum()
    if first["family"] == "poisson":
        expected += stats.poisson.logpmf(data["C"], data["C"]).sum()
    np.testing.assert_allclose(np.sum(parts, axis=0), expected, rtol=0, atol=2e-6)
