"""Posteriors against brms 2.18, rstanarm 2.21.3 and posteriordb on the data that may be copied.

``peers.csv`` beside this file holds their answers with their source: brms and rstanarm ran
4 chains x 2000 draws with their default priors; posteriordb's are its reference posteriors,
replaced by exact values (closed form, quadrature) where those exist.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from benchmarks.agreement import LIMIT, compare

HERE = Path(__file__).resolve().parent
PEERS = pd.read_csv(HERE / "peers.csv")
OWN = {
    "posteriordb kidiq": {"b": hg.prior.flat(), "Intercept": hg.prior.flat(),
                          "sigma": hg.prior.cauchy(0, 2.5)},
    "posteriordb eight_schools": {"Intercept": hg.prior.normal(0, 5),
                                  "sd": hg.prior.cauchy(0, 5)},
}  # fmt: skip
RUNS = [key for key, _ in PEERS.groupby(["case", "priors"], sort=False)]


@pytest.mark.parametrize(("case", "priors"), RUNS, ids=lambda x: x)
def test_posterior_agrees_with_the_peer_s(case, priors):
    theirs = PEERS[(PEERS["case"] == case) & (PEERS["priors"] == priors)]
    first = theirs.iloc[0]
    data = pd.read_csv(HERE.parent / "data" / first["file"])
    fit = hg.fit(
        first["formula"],
        data,
        first["family"],
        priors=OWN.get(priors, priors),
        seed=20261121,
        draws=2000,
        adapt_delta=0.95,
        progress=False,
    )
    table = compare(fit, theirs)
    assert table["z"].abs().max() < LIMIT, table.to_string()
    # The standard error of an sd is known for near-normal posteriors only: common effects, sigma.
    normal = table[table["quantity"].str.startswith(("b:", "sigma")) & ~table["quantity"].isin(
        ["b:Intercept"] if "school" in case else [])]  # fmt: skip
    assert normal["z_sd"].abs().max() < LIMIT or normal.empty, table.to_string()


def test_wells_under_flat_priors_equals_maximum_likelihood():
    # glm of R 4.2.2 on the same 3,020 rows. With flat priors the posterior mean differs from
    # the maximum of the likelihood by O(1 / rows): under a tenth of a standard error here.
    fit = hg.fit(
        "switched ~ I(dist / 100) + arsenic + assoc + educ",
        pd.read_csv(HERE.parent / "data" / "pdb_wells_data.csv"),
        "bernoulli",
        priors={"b": hg.prior.flat(), "Intercept": hg.prior.flat()},
        seed=1,
        draws=2000,
        progress=False,
    )
    table = fit.tidy(effects=["fixed"])
    assert table["term"].tolist() == ["Intercept", "I(dist / 100)", "arsenic", "assoc", "educ"]
    estimate = np.array([-0.1567116573, -0.8961101818, 0.4670215881, -0.1242999822, 0.04244661368])
    se = np.array([0.09960087048, 0.1045760517, 0.04160232399, 0.07696606705, 0.009587649425])
    np.testing.assert_array_less(np.abs(table["estimate"] - estimate) / se, 0.1)
    np.testing.assert_allclose(table["std_error"], se, rtol=0.05)
