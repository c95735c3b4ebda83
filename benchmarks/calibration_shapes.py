"""Models for simulation-based calibration: their priors, and data sets drawn from them.

Nothing of the simulation is shared with hierglm: tables, predictors and responses are made
here with NumPy, so that a mistake in the package cannot hide by being made twice. Only the
objects and the names of priors are the package's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

import hierglm as hg
from benchmarks.calibration_responses import OWN, respond
from benchmarks.calibration_tables import exposed, few_distinct, grouped, nested, several
from hierglm.names import Parameter, flat_name
from hierglm.priors.distributions import Prior

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Effects:
    """The effects of one group term: a factor and the columns that vary over its levels.

    With a rank they are those of so many factors, whose loadings have a prior.
    """

    factor: str
    terms: tuple[str, ...] = ("Intercept",)
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Shape:
    """A model with proper priors, and a way to draw its table.

    Attributes
    ----------
    name, formula, family : str
        As on the command line, and as `hierglm.model` takes them.
    priors : mapping of str to Prior
        Under "Intercept", "b", "sd", "cor" and the family's own parameters; all that the
        model needs.
    groups : tuple of Effects
        In the order of the formula.
    table : callable
        Draws the columns other than the response.
    ranked : tuple of (str, str, str)
        Factor, level and term of the single effects whose ranks are kept.
    offset, trials : str
        Columns, or "".
    """

    name: str
    formula: str
    family: str
    priors: Mapping[str, Prior]
    groups: tuple[Effects, ...]
    table: Callable[[np.random.Generator], pd.DataFrame]
    ranked: tuple[tuple[str, str, str], ...]
    offset: str = ""
    trials: str = ""

    @property
    def response(self) -> str:
        """The response's column."""
        return self.formula.partition("~")[0].partition("|")[0].strip()

    def draw(self, rng: np.random.Generator) -> Simulated:
        """Return a data set whose parameters come from the priors."""
        return simulate(self, rng)


@dataclass(frozen=True, slots=True)
class Simulated:
    """A data set, the parameters that made it by hierglm's flat names, and matrices beside it."""

    data: pd.DataFrame
    truth: Mapping[str, float]
    data2: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def draw_prior(
    prior: Prior, rng: np.random.Generator, size: int = 1, positive: bool = False
) -> Floats:
    """Return independent draws of a prior.

    Parameters
    ----------
    prior : Prior
        One of normal, exponential, gamma, beta or lkj.
    rng : Generator
    size : int
    positive : bool
        Only the part above 0, as in Stan.

    Returns
    -------
    ndarray, shape (size,)
        For lkj the correlation r of two effects: its density is proportional to
        ``(1 - r^2)^(eta - 1)``, a beta distribution on (-1, 1) (Lewandowski, Kurowicka and
        Joe 2009, "Generating random correlation matrices based on vines and extended onion
        method").
    """
    match prior.kind, prior.numbers:
        case "normal", (location, scale):
            law = stats.norm(location, scale)
        case "exponential", (rate,):
            law = stats.expon(scale=1 / rate)
        case "gamma", (shape, rate):
            law = stats.gamma(shape, scale=1 / rate)
        case "beta", (alpha, beta):
            law = stats.beta(alpha, beta)
        case "lkj", (eta,):
            law = stats.beta(eta, eta, loc=-1, scale=2)
        case _:
            raise ValueError(f"no draws of {prior!r}")
    low = law.cdf(0.0) if positive else 0.0
    return np.asarray(law.ppf(low + (1 - low) * rng.uniform(size=size)))


def simulate(shape: Shape, rng: np.random.Generator) -> Simulated:
    """Return a data set whose parameters come from the priors.

    The prior of the intercept is that of centred columns, as hierglm says: the intercept
    itself is the draw less the slope times the column's mean over all rows.

    A beta response may be so near to 0 or 1 that it is rounded to it, and has no density. Then
    all is drawn again, parameters too: as the data alone decide, their posterior is the same.

    Parameters
    ----------
    shape : Shape
    rng : Generator
    """
    while True:
        made = _simulate(shape, rng)
        y = made.data[shape.response]
        if shape.family != "beta" or y.between(0, 1, inclusive="neither").all():
            return made


def _simulate(shape: Shape, rng: np.random.Generator) -> Simulated:
    data = shape.table(rng)
    priors, x = shape.priors, data["x"].to_numpy()
    slope = draw_prior(priors["b"], rng)[0]
    intercept = draw_prior(priors["Intercept"], rng)[0] - slope * x.mean()
    truth = {_name("fixed", term="Intercept"): intercept, _name("fixed", term="x"): slope}
    eta = intercept + slope * x
    for group in shape.groups:
        drawn, part = _draw_effects(shape, group, data, rng)
        truth |= drawn
        eta = eta + part
    if shape.offset:
        eta = eta + data[shape.offset].to_numpy()
    own = {p: _own(priors[p], p, rng) for p in OWN if p in priors}
    truth |= own
    trials = data[shape.trials].to_numpy() if shape.trials else np.ones(len(data), dtype=int)
    y, log_lik = respond(shape.family, eta, own, trials, rng)
    truth["log_lik"] = log_lik.sum()
    return Simulated(data.assign(**{shape.response: y}), {k: float(v) for k, v in truth.items()})


def _own(prior: Prior, name: str, rng: np.random.Generator) -> float:
    """Return a draw of a family's parameter; nu is cut at 1."""
    while True:
        value = float(draw_prior(prior, rng, positive=True)[0])
        if name != "nu" or value > 1:
            return value


def _draw_effects(
    shape: Shape, group: Effects, data: pd.DataFrame, rng: np.random.Generator
) -> tuple[dict[str, float], Floats]:
    """Return a group term's parameters by name, and what it adds to the predictor."""
    columns = [data[c] for c in group.factor.split(":")]
    keys = [":".join(labels) for labels in zip(*columns, strict=True)]
    levels, index = np.unique(keys, return_inverse=True)
    matrix = [np.ones(len(data)) if t == "Intercept" else data[t] for t in group.terms]
    if group.rank:
        truth, effects = _of_factors(shape, group, np.array(matrix), len(levels), rng)
    else:
        truth, effects = _of_sds(shape, group, len(levels), rng)
    for factor, level, term in shape.ranked:
        if factor == group.factor:
            value = effects[list(levels).index(level), group.terms.index(term)]
            truth[_name("ran_vals", factor, level=level, term=term)] = value
    return truth, (effects[index] * np.stack(matrix, axis=1)).sum(axis=1)


def _of_factors(
    shape: Shape, group: Effects, columns: Floats, levels: int, rng: np.random.Generator
) -> tuple[dict[str, float], Floats]:
    """Return sds, correlations and loadings of a few factors, and the effects of all levels.

    Loadings are independent for columns of size 1. Reported ones are rotated: zero above the
    diagonal and positive on it, from the QR decomposition of their transpose.
    """
    f, terms, q = group.factor, group.terms, len(group.terms)
    drawn = draw_prior(shape.priors["loading"], rng, q * group.rank).reshape(q, group.rank)
    U = drawn / np.sqrt(np.mean(columns**2, axis=1))[:, None]
    effects = rng.standard_normal((levels, group.rank)) @ U.T
    sd = np.sqrt(np.sum(U**2, axis=1))
    R = np.linalg.qr(U.T)[1]
    L = (R * np.sign(np.diag(R))[:, None]).T
    truth = {_name("ran_sd", f, term=t): s for t, s in zip(terms, sd, strict=True)}
    for i, one in enumerate(terms):
        for j in range(i + 1, q):
            truth[_name("ran_cor", f, term=one, term2=terms[j])] = U[i] @ U[j] / sd[i] / sd[j]
        for k in range(min(i + 1, group.rank)):
            truth[_name("ran_loading", f, term=one, term2=str(k + 1))] = L[i, k]
    return truth, effects


def _of_sds(
    shape: Shape, group: Effects, levels: int, rng: np.random.Generator
) -> tuple[dict[str, float], Floats]:
    """Return sds and correlation, and the effects of all levels."""
    count, f = len(group.terms), group.factor
    sd = draw_prior(shape.priors["sd"], rng, count, positive=True)
    cor = draw_prior(shape.priors["cor"], rng)[0] if count == 2 else 0.0
    z = rng.standard_normal((levels, count))
    if count == 2:
        z[:, 1] = cor * z[:, 0] + np.sqrt(1 - cor**2) * z[:, 1]
    effects = z * sd
    truth = {_name("ran_sd", f, term=t): s for t, s in zip(group.terms, sd, strict=True)}
    if count == 2:
        truth[_name("ran_cor", f, term=group.terms[0], term2=group.terms[1])] = cor
    return truth, effects


def _name(effect: str, group: str = "", **rest: str) -> str:
    return flat_name(Parameter(effect, group, **rest))


_BASE = {"Intercept": hg.prior.normal(0.5, 1.0), "b": hg.prior.normal(0.0, 1.0)}
_SLOPES = (("g", "g00", "Intercept"), ("g", "g05", "x"), ("g", "g11", "x"))

SHAPES: Mapping[str, Shape] = {
    s.name: s
    for s in (
        Shape(
            "gaussian_slopes",
            "y ~ x + (x | g)",
            "gaussian",
            _BASE
            | {
                "sd": hg.prior.exponential(1),
                "cor": hg.prior.lkj(2),
                "sigma": hg.prior.exponential(1),
            },
            (Effects("g", ("Intercept", "x")),),
            partial(grouped, 12, 8),
            _SLOPES,
        ),
        Shape(
            "gaussian_low_rank",
            "y ~ x + rr(x + w | g, rank=2)",
            "gaussian",
            _BASE | {"loading": hg.prior.normal(0, 1), "sigma": hg.prior.gamma(3, 3)},
            (Effects("g", ("Intercept", "x", "w"), rank=2),),
            several,
            (("g", "g00", "Intercept"), ("g", "g05", "x"), ("g", "g11", "w")),
        ),
        Shape(
            "gaussian_nested_crossed",
            "y ~ x + (1 | a/b) + (1 | c)",
            "gaussian",
            _BASE | {"sd": hg.prior.normal(0, 1), "sigma": hg.prior.gamma(3, 3)},
            (Effects("a"), Effects("a:b"), Effects("c")),
            nested,
            (("a", "a00", "Intercept"), ("a:b", "a03:b02", "Intercept"), ("c", "c07", "Intercept")),
        ),
        Shape(
            "bernoulli_slopes",
            "hit ~ x + (x | g)",
            "bernoulli",
            _BASE | {"sd": hg.prior.normal(0, 1), "cor": hg.prior.lkj(2)},
            (Effects("g", ("Intercept", "x")),),
            partial(grouped, 15, 10),
            _SLOPES,
        ),
        Shape(
            "poisson_crossed",
            "count ~ x + offset(log_time) + (1 | g) + (1 | h)",
            "poisson",
            _BASE | {"sd": hg.prior.normal(0, 0.7)},
            (Effects("g"), Effects("h")),
            exposed,
            (("g", "g00", "Intercept"), ("g", "g05", "Intercept"), ("h", "h03", "Intercept")),
            offset="log_time",
        ),
        Shape(
            "binomial_intercept",
            "s | trials(n) ~ x + (1 | g)",
            "binomial",
            _BASE | {"sd": hg.prior.exponential(1)},
            (Effects("g"),),
            few_distinct,
            (("g", "g00", "Intercept"), ("g", "g03", "Intercept"), ("g", "g07", "Intercept")),
            trials="n",
        ),
    )
}
"""By name, as on the command line."""
