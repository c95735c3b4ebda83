"""Models for simulation-based calibration of families: they differ by the response alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

import hierglm as hg
from benchmarks.calibration_shapes import SHAPES as STRUCTURES
from benchmarks.calibration_shapes import Effects, Shape
from benchmarks.calibration_tables import grouped
from hierglm.priors.distributions import Prior


def _by_family(name: str, own: Mapping[str, Prior]) -> Shape:
    """Return a shape that differs from others of its kind by the family alone."""
    trials = "n" if "binomial" in name and "neg" not in name else ""
    left = "y | trials(n)" if trials else "y"
    return Shape(
        name,
        f"{left} ~ x + (1 | g)",
        name,
        {
            "Intercept": hg.prior.normal(0.5, 0.7),
            "b": hg.prior.normal(0.0, 0.5),
            "sd": hg.prior.normal(0, 0.7),
            **own,
        },
        (Effects("g"),),
        _counted,
        (("g", "g00", "Intercept"), ("g", "g05", "Intercept")),
        trials=trials,
    )


def _counted(rng: np.random.Generator) -> pd.DataFrame:
    """Return 10 groups of 12 rows, and numbers of trials."""
    table = grouped(10, 12, rng)
    return table.assign(n=rng.choice([3, 8], len(table)))


_OWN: Mapping[str, Mapping[str, Prior]] = {
    "student": {"sigma": hg.prior.gamma(4, 4), "nu": hg.prior.gamma(5, 0.7)},
    "lognormal": {"sigma": hg.prior.gamma(4, 4)},
    "gamma": {"shape": hg.prior.gamma(4, 2)},
    "beta": {"phi": hg.prior.gamma(4, 1)},
    "beta_binomial": {"phi": hg.prior.gamma(4, 1)},
    "negbinomial": {"shape": hg.prior.gamma(4, 2)},
    "zero_inflated_poisson": {"zi": hg.prior.beta(2, 4)},
    "zero_inflated_negbinomial": {
        "shape": hg.prior.gamma(4, 2),
        "zi": hg.prior.beta(2, 4),
    },
    "hurdle_poisson": {"hu": hg.prior.beta(2, 3)},
    "hurdle_negbinomial": {
        "shape": hg.prior.gamma(4, 2),
        "hu": hg.prior.beta(2, 3),
    },
    "bernoulli(probit)": {},
    "bernoulli(cloglog)": {},
    "binomial(probit)": {},
    "binomial(cloglog)": {},
}

SHAPES = {**STRUCTURES, **{name: _by_family(name, own) for name, own in _OWN.items()}}
"""All shapes, by name as on the command line."""
