"""The same variance components give the numbers of R's performance.

R 4.2.2, lme4 1.1.31, glmmTMB 1.1.5, insight 0.19.0, performance 0.10.2, called as
``get_variance(m)``, ``r2_nakagawa(m)``, ``icc(m)`` on the models below.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hierglm.families import family
from hierglm.variance.components import components
from hierglm.variance.icc import icc
from hierglm.variance.observation import observation_variance
from hierglm.variance.r2 import r2
from tests.variance.given import given_fit

DATA = Path(__file__).parents[1] / "data"


def test_gaussian_with_varying_slopes() -> None:
    # lmer(log_radon ~ floor_measure + log_uppm + (floor_measure | county_idx))
    radon = pd.read_csv(DATA / "pdb_radon_mn.csv", dtype={"county_idx": str})
    fit = given_fit(
        "log_radon ~ floor_measure + log_uppm + (floor_measure | county_idx)",
        radon,
        values={
            "b": [1.408501241814, -0.614895676152, 0.839544017755],
            "sd_county_idx": [0.119110651520, 0.341763169701],
            "cor_county_idx": [0.227545529545],
            "sigma": 0.718931453230,
        },
    )
    found = components(fit)
    np.testing.assert_allclose(found.fixed, 0.121448506218, rtol=1e-9)
    np.testing.assert_allclose(found.group(), 0.036717428791, rtol=1e-9)
    np.testing.assert_allclose(found.residual, 0.516862434443, rtol=1e-9)
    shares = icc(fit)
    assert shares["icc"].tolist() == ["adjusted", "unadjusted"]
    np.testing.assert_allclose(shares["estimate"], [0.0663272478454, 0.0543939046899], rtol=1e-9)
    table = r2(fit).query("r2 == 'nakagawa'")
    assert table["part"].tolist() == ["conditional", "marginal"]
    np.testing.assert_allclose(table["estimate"], [0.234310055942, 0.179916151252], rtol=1e-9)


@pytest.mark.parametrize(
    ("link", "b", "variance", "expected"),
    [
        (
            "logit", [0.667033508496, -0.610903731386], 0.0570011929757,
            [0.0329964243012, 0.0162418447294, 0.0170311976394, 0.0167545795718],
        ),
        (
            "probit", [0.414496205436, -0.380151258144], 0.0214046448118,
            [0.0410448658802, 0.0205187718440, 0.0209560872085, 0.0205260940363],
        ),
        (
            "cloglog", [0.0763422942423, -0.4010586225719], 0.0214972624715,
            [0.0268082507443, 0.0140898330943, 0.0129001790193, 0.0127184176500],
        ),
    ],
)  # fmt: skip
def test_binary(link: str, b: list[float], variance: float, expected: list[float]) -> None:
    # glmer(switched ~ d + (1 | educ), family = binomial(link), nAGQ = 0), d = dist / 100
    wells = pd.read_csv(DATA / "pdb_wells_data.csv", dtype={"educ": str})
    wells["d"] = wells["dist"] / 100
    fit = given_fit(
        "switched ~ d + (1 | educ)",
        wells,
        f"bernoulli({link})",
        {"b": b, "sd_educ": [variance**0.5]},
        draws=1,
    )
    table = r2(fit).query("r2 == 'nakagawa'")
    found = [*table["estimate"], *icc(fit)["estimate"]]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_counts() -> None:
    # glmer(n ~ x1 + x2 + (1 | block), family = poisson), block = rep(1:7, 3): the mean is that of
    # its null model, exp(2.98396662361).
    eta = np.array([2.98396662361])
    poisson = observation_variance(family("poisson"), eta, {})
    np.testing.assert_allclose(poisson, 0.0493535833930, rtol=1e-9)
    # glmmTMB(n ~ x1 + x2 + (1 | block), family = nbinom2), sigma(m) = 2.0972927359.
    shape = {"shape": np.array([2.0972927359])}
    negative = observation_variance(family("negbinomial"), np.array([3.00521101773]), shape)
    np.testing.assert_allclose(negative, 0.422868429689, rtol=1e-9)
    seeds = pd.read_csv(DATA / "pdb_seeds_data.csv")
    seeds["block"] = list("abcdefg") * 3
    fit = given_fit(
        "n ~ x1 + x2 + (1 | block)",
        seeds,
        "poisson",
        {"b": [2.975677074396, -0.739132933511, 0.510745602907],
         "sd_block": [0.0205712391985**0.5]},
    )  # fmt: skip
    found = components(fit)
    np.testing.assert_allclose(found.fixed, 0.2203922167368, rtol=1e-9)
    np.testing.assert_allclose(found.group("block"), 0.0205712391985, rtol=1e-9)
