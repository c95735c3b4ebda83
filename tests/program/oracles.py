"""The table of oracles: a formula, its hand-written program, and how data maps onto it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hierglm.priors import distributions as prior
from hierglm.program.fragment import Program

MODELS = Path(__file__).resolve().parents[2] / "stan" / "models"


@dataclass(frozen=True)
class Oracle:
    """A model of ours and the program that a person wrote for it."""

    model: str
    formula: str
    family: str
    table: Callable[[], pd.DataFrame]
    data: Callable[[pd.DataFrame], Mapping[str, Any]]
    priors: Any = None
    label: str = ""
    # How far from 0 the points are: Phi(9) is 1, and a hand-written log(1 - p) ends there.
    reach: float = 0.7
    # Stan's ordered_probit has the slopes of log Phi by an approximation that is good to 5 digits.
    close: float = 1e-9
    options: Mapping[str, Any] = field(default_factory=dict)


def textbook(name: str, data: Mapping[str, Any]) -> Program:
    """Return a hand-written program with its data."""
    code = (MODELS / f"{name}.stan").read_text(encoding="utf-8")
    return Program(code, code, data, (), ())


def simulated(seed: int = 1, rows: int = 60) -> pd.DataFrame:
    """Return a small table with columns of every kind that the oracles use."""
    r = np.random.default_rng(seed)
    school = r.integers(0, 6, rows)
    return pd.DataFrame(
        {
            "x": r.normal(1, 2, rows),
            "z": r.normal(-1, 1, rows),
            "v": r.normal(0, 3, rows),
            "g": np.array(list("abcdefg"))[r.integers(0, 7, rows)],
            "h": r.integers(10, 15, rows),
            "school": school,
            "class": r.integers(0, 3, rows),
            "y": r.normal(20, 9, rows),
            "w": r.uniform(0.2, 3, rows),
            "count": r.poisson(3, rows),
            "hit": r.integers(0, 2, rows),
            "n": r.integers(1, 9, rows),
            "exposure": r.uniform(1, 4, rows),
        }
    ).assign(
        s=lambda d: r.binomial(d["n"], 0.4),
        # Constant within a class: 0 in half of them.
        half=lambda d: (d["school"] * 3 + d["class"]) % 2.0,
        room=lambda d: d["school"] * 3 + d["class"],
        area=lambda d: np.where(d["school"] < 4, "north", "south"),
    )


def eight_schools() -> pd.DataFrame:
    """Return Rubin's data with schools named."""
    return pd.read_csv(Path(__file__).parents[1] / "data" / "pdb_eight_schools.csv")


def codes(column: pd.Series) -> np.ndarray:
    """Return 1-based codes of sorted levels."""
    return pd.factorize(column, sort=True)[0] + 1


def sd(column: pd.Series) -> float:
    return float(np.std(column, ddof=1))


def spread(y: np.ndarray) -> tuple[float, float]:
    """Return brms' centre and scale of a response, written out again."""
    median = np.median(y)
    return round(median, 1), max(2.5, round(1.4826 * np.median(abs(y - median)), 1))


def _varying_slopes(d):
    m, s = spread(d["y"].to_numpy())
    return {
        "n": len(d), "p": 2, "n_groups": 7, "x": d[["x", "z"]].to_numpy(),
        "z": np.column_stack([np.ones(len(d)), d["x"]]), "g": codes(d["g"]),
        "y": d["y"].to_numpy(), "location_scale_alpha": np.array([m, s]),
        "scale_beta": np.array([2.5 * sd(d["y"]) / sd(d["x"]), 2.5 * sd(d["y"]) / sd(d["z"])]),
        "scale_sd": np.array([s, s]), "scale_sigma": s, "eta": 2.0,
    }  # fmt: skip


def _crossed(d):
    return {
        "n": len(d), "n_g": 7, "n_h": 5, "x": d["x"].to_numpy(), "g": codes(d["g"]),
        "h": codes(d["h"]), "y": d["hit"].to_numpy(), "scale_beta": 2.5 / sd(d["x"]),
    }  # fmt: skip


def _seeds(d):
    x = np.column_stack([d["x"], d["z"], d["x"] * d["z"]])
    return {
        "n": len(d), "p": 3, "n_plates": 7, "x": x, "plate": codes(d["g"]),
        "germinated": d["s"].to_numpy(), "seeds": d["n"].to_numpy(),
        "scale_beta": 2.5 / x.std(axis=0, ddof=1),
    }  # fmt: skip


def _poisson_offset(d):
    return {
        "n": len(d), "n_groups": 7, "x": d["x"].to_numpy(), "exposure": d["exposure"].to_numpy(),
        "g": codes(d["g"]), "y": d["count"].to_numpy(),
    }  # fmt: skip


def _schools(extra):
    return lambda d: {
        "n": 8, "y": d["y"].to_numpy(float), "se": d["se"].to_numpy(float), "extra_sigma": extra
    }  # fmt: skip


def _weighted(d):
    m, s = spread(d["y"].to_numpy())
    return {
        "n": len(d), "x": d[["x", "z", "v"]].to_numpy(), "w": d["w"].to_numpy(),
        "y": d["y"].to_numpy(), "location_alpha": m, "scale_alpha": s,
    }  # fmt: skip


def _decov(d):
    return {
        "n": len(d), "n_groups": 7, "x": d["x"].to_numpy(), "g": codes(d["g"]),
        "y": d["y"].to_numpy(), "mean_y": d["y"].mean(), "sd_y": sd(d["y"]), "sd_x": sd(d["x"]),
    }  # fmt: skip


def _nested(d):
    m, s = spread(np.log(np.where(d["count"] == 0, 0.1, d["count"])))
    return {
        "n": len(d), "n_schools": d["school"].nunique(),
        "n_classes": len(d[["school", "class"]].drop_duplicates()), "x": d["x"].to_numpy(),
        "school": codes(d["school"]), "class": codes(d["school"] * 10 + d["class"]),
        "y": d["count"].to_numpy(), "location_alpha": m, "scale": s,
        "scale_beta": 2.5 / sd(d["x"]),
    }  # fmt: skip


def _cell_means(d):
    return {
        "n": len(d), "n_groups": 7, "x": d[["x", "z"]].to_numpy(), "z": d["v"].to_numpy(),
        "g": codes(d["g"]), "y": d["hit"].to_numpy(),
        "scale_beta": np.array([2.5 / sd(d["x"]), 2.5 / sd(d["z"])]),
    }  # fmt: skip


def _known_strengths(d):
    return {
        "n": len(d), "p": 2, "n_tasks": 7, "x": d[["x", "z"]].to_numpy(), "task": codes(d["g"]),
        "y": d["hit"].to_numpy(), "s": np.array([0.7, 0.4]), "s_star": 1.3,
    }  # fmt: skip


def responses(seed: int = 2) -> pd.DataFrame:
    """Return the same table with responses of other kinds: positive, in (0, 1), many zeros."""
    r = np.random.default_rng(seed)
    d = simulated()
    zero = r.random(len(d)) < 0.4
    return d.assign(
        positive=r.lognormal(0.5, 0.8, len(d)),
        share=r.beta(2, 3, len(d)),
        zeros=np.where(zero, 0, r.negative_binomial(2, 0.3, len(d))),
        late=r.standard_t(3, len(d)),
        stage=1 + r.integers(0, 4, len(d)),
        one=1,
    )


def _response(column, trials=""):
    def data(d):
        found = {
            "n": len(d), "n_groups": 7, "x": d["x"].to_numpy(), "g": codes(d["g"]),
            "y": d[column].to_numpy(),
        }  # fmt: skip
        return found | ({"trials": d[trials].to_numpy()} if trials else {})

    return data


PLAIN = {"Intercept": prior.normal(0, 2), "b": prior.normal(0, 1), "sd": prior.normal(0, 1)}


def _family(model, column, family, trials="", label="", **own):
    left = f"{column} | trials({trials})" if trials and "bernoulli" not in family else column
    return Oracle(
        model, f"{left} ~ x + (1 | g)", family, responses, _response(column, trials),
        {**PLAIN, **own}, label, 0.2 if "(" in family else 0.7,
        1e-5 if family == "cumulative(probit)" else 1e-9,
    )  # fmt: skip


CENTRED_EFFECTS = Oracle(
    "varying_slopes", "y ~ x + z + (x | g)", "gaussian", simulated, _varying_slopes,
    {"cor": prior.lkj(2)},
)  # fmt: skip

ORACLES = [
    Oracle("known_strengths", "hit ~ 0 + x + z + (0 + x + z || g)", "bernoulli", simulated,
           _known_strengths, {"b": prior.normal(0, 1.3), "sd[g:x]": prior.constant(0.7),
                              "sd[g:z]": prior.constant(0.4)}),
    Oracle("crossed_intercepts", "hit ~ x + (1 | g) + (1 | h)", "bernoulli", simulated, _crossed),
    Oracle("seeds", "s | trials(n) ~ x * z + (1 | g)", "binomial", simulated, _seeds),
    Oracle("seeds", "cbind(s, n - s) ~ x * z + (1 | g)", "binomial", simulated, _seeds,
           label="cbind"),
    Oracle("poisson_offset", "count ~ 0 + x + offset(log(exposure)) + (x || g)", "poisson",
           simulated, _poisson_offset,
           {"b[x]": prior.student_t(4, 1, 2), "sd[g]": prior.exponential(0.5)}),
    Oracle("eight_schools", "y | se(se) ~ 1 + (1 | school)", "gaussian", eight_schools,
           _schools(0), {"Intercept": prior.normal(0, 5), "sd": prior.cauchy(0, 5)}),
    Oracle("eight_schools", "y | se(se, sigma=TRUE) ~ (1 | school)", "gaussian", eight_schools,
           _schools(1), {"b[Intercept]": prior.normal(0, 5), "sd[school:Intercept]":
                         prior.cauchy(0, 5), "sigma": prior.gamma(2, 0.1)}, label="sigma"),
    Oracle("weighted_regression", "y | weights(w) ~ x + z + v", "gaussian", simulated, _weighted,
           {"b[x]": prior.normal(0.5, 2), "b[z]": prior.cauchy(0, 1), "b[v]": prior.flat(),
            "sigma": prior.inv_gamma(3, 2)}),
    Oracle("decov", "y ~ x + (x | g)", "gaussian", simulated, _decov, "rstanarm"),
    Oracle("nested_poisson", "count ~ x + (1 | school/class)", "poisson", simulated, _nested),
    Oracle("cell_means_logistic", "hit ~ 0 + x + z + (0 + v | g)", "bernoulli", simulated,
           _cell_means, {"sd": prior.normal(0, 1.5)}),
    _family("negbinomial_counts", "zeros", "negbinomial"),
    _family("student_regression", "late", "student", sigma=prior.exponential(0.5)),
    _family("lognormal_regression", "positive", "lognormal", sigma=prior.exponential(0.5)),
    _family("gamma_regression", "positive", "gamma"),
    _family("beta_regression", "share", "beta"),
    _family("beta_binomial_regression", "s", "beta_binomial", "n"),
    _family("zero_inflated_poisson_counts", "zeros", "zero_inflated_poisson"),
    _family("zero_inflated_negbinomial_counts", "zeros", "zero_inflated_negbinomial"),
    _family("hurdle_poisson_counts", "zeros", "hurdle_poisson"),
    _family("hurdle_negbinomial_counts", "zeros", "hurdle_negbinomial"),
    _family("probit_regression", "s", "binomial(probit)", "n"),
    _family("probit_regression", "hit", "bernoulli(probit)", "one", "bernoulli"),
    _family("cloglog_regression", "s", "binomial(cloglog)", "n"),
    _family("cloglog_regression", "hit", "bernoulli(cloglog)", "one", "bernoulli"),
    _family("ordered_stages", "stage", "cumulative"),
    _family("ordered_stages_probit", "stage", "cumulative(probit)"),
]  # fmt: skip
