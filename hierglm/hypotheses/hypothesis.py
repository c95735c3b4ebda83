"""Hypotheses about parameters: estimates, posterior probabilities, evidence ratios."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hierglm.engines.engine import chosen_seed
from hierglm.errors import HypothesisError, SettingsError
from hierglm.families.parameters import BOUNDS
from hierglm.hypotheses.density import density_at
from hierglm.hypotheses.expressions import Hypothesis, parse
from hierglm.hypotheses.parameters import Place, resolve
from hierglm.hypotheses.prior import Belief, belief
from hierglm.hypotheses.values import Linear, drawn, linear
from hierglm.models import Model
from hierglm.results.fitted import Fitted
from hierglm.results.quantities import quantity_draws, quantity_table

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Floats = NDArray[np.float64]


def hypothesis(
    fitted: Fitted,
    *hypotheses: str,
    conf_level: float = 0.95,
    hdi: bool = False,
    seed: int | None = None,
    summary: bool = True,
) -> pd.DataFrame | xr.DataArray:
    """Return what the posterior says of hypotheses about parameters.

    A hypothesis compares two expressions by ``>``, ``<`` or ``=``. Expressions are made of
    names, numbers, ``+ - * / ^``, abs, exp, log, sqrt and brackets. Names are those of the
    tables, ``sd[school:x]``, ``cor[school:Intercept,x]``, ``r[school:A,x]``, ``sigma``; a name
    that is none of these is the label of a common coefficient, ``x`` for ``b[x]``. The text is
    read by a grammar and never evaluated as code.

    Parameters
    ----------
    fitted : Fitted
    *hypotheses : str
        Such as ``"x > 0"``, ``"x - z = 0.5"``, ``"sd[school:x] > sd[school:Intercept]"``.
    conf_level : float
        Probability of the intervals.
    hdi : bool
        Shortest intervals instead of equal-tailed ones.
    seed : int, optional
        Of draws from the priors; the fit's by default.
    summary : bool
        A table; or the draws.

    Returns
    -------
    DataFrame or DataArray
        One row for each: hypothesis; estimate, std_error, conf_low, conf_high of the left side
        minus the right side; and

        - probability: that the hypothesis is true, given the data. Of ``=`` that is against its
          negation, both having had probability 1/2.
        - evidence_ratio: of ``>`` and ``<`` the posterior odds; of ``=`` the posterior density at
          the point over the prior density there, which is the Bayes factor against its negation
          (Dickey and Lientz 1970: Savage's density ratio). Infinite where all draws agree.
        - prior_odds: of ``>`` and ``<`` the odds under the prior, so that evidence_ratio /
          prior_odds is their Bayes factor; of ``=`` 1, for equal probabilities.
        - posterior, prior: how these were found; see `hierglm.hypotheses.density` and
          `hierglm.hypotheses.prior`. What a flat prior leaves open is NaN.

        Or draws with dimensions chain, draw and quantity.

    Raises
    ------
    HypothesisError
        A text that cannot be read, a name that no parameter has, an expression without a value.
    SettingsError
        No hypothesis, or a fit without draws.

    References
    ----------
    Dickey, J. M. and Lientz, B. P. (1970). The weighted likelihood ratio, sharp hypotheses about
    chances, the order of a Markov chain. Annals of Mathematical Statistics 41(1), 214-226.
    """
    if not hypotheses:
        raise SettingsError("give at least one hypothesis, such as fit.hypothesis('x > 0')")
    draws = fitted.draws
    if draws.chains * draws.draws < 2:
        raise SettingsError("hypothesis() needs draws; this fit has its mode alone")
    asked = [_asked(fitted, text) for text in hypotheses]
    labels = {"hypothesis": list(hypotheses)}
    values = np.stack([a.values for a in asked], axis=-1)
    values = values.reshape(draws.chains, draws.draws, len(asked))
    if not summary:
        return quantity_draws("hypothesis", labels, values)
    seed = chosen_seed(seed, fitted.settings.seed)
    table = quantity_table(labels, values, conf_level, hdi)
    found = [_evidence(fitted.plan.model, a, seed) for a in asked]
    return table.assign(**{name: [e[name] for e in found] for name in found[0]})


@dataclass(frozen=True, slots=True)
class _Asked:
    """A hypothesis, what its names mean, its draws (S,), and it as a linear form, if it is one."""

    hypothesis: Hypothesis
    places: Mapping[str, Place]
    values: Floats
    form: Linear | None


def _asked(fitted: Fitted, text: str) -> _Asked:
    found = parse(text)
    places = resolve(fitted.draws, found)
    if not places:
        raise HypothesisError("a hypothesis must name a parameter", found.source)
    values = drawn(fitted.draws, found, places)
    bad = int(np.count_nonzero(~np.isfinite(values)))
    if bad:
        raise HypothesisError(
            f"the expression is no number in {bad:,} of {len(values):,} draws: a logarithm or a "
            "root of a negative number, or a division by 0",
            found.source,
        )
    return _Asked(found, places, values, linear(found, places))


def _evidence(model: Model, asked: _Asked, seed: int) -> dict[str, float | str]:
    """Return the columns of the table from probability on."""
    support = _support(model, asked)
    prior = belief(model, asked.hypothesis, asked.places, asked.form, support, seed)
    if asked.hypothesis.relation == "=":
        return _of_point(asked, prior, support)
    less = asked.hypothesis.relation == "<"
    share = float(np.mean(asked.values < 0 if less else asked.values > 0))
    before = 1 - prior.above if less else prior.above
    return {
        "probability": share,
        "evidence_ratio": _odds(share),
        "prior_odds": _odds(before),
        "posterior": "share of the draws",
        "prior": prior.above_by,
    }


def _of_point(asked: _Asked, prior: Belief, support: tuple[float, float]) -> dict[str, float | str]:
    after, how = density_at(asked.values, 0.0, *support)
    ratio = after / prior.density if prior.density > 0 else np.nan
    probability = 1.0 if np.isinf(ratio) else ratio / (1 + ratio)
    return {
        "probability": probability,
        "evidence_ratio": ratio,
        "prior_odds": 1.0,
        "posterior": how,
        "prior": prior.density_by,
    }


def _odds(probability: float) -> float:
    return np.inf if probability == 1 else probability / (1 - probability)


def _support(model: Model, asked: _Asked) -> tuple[float, float]:
    """Return between what the value lies: known of linear forms."""
    if asked.form is None:
        return -np.inf, np.inf
    bounds = {place.name: _bounds(model, place) for place in asked.places.values()}
    ends = np.full(2, asked.form.constant)
    for name, k in asked.form.multiples.items():
        ends += np.sort(k * np.array(bounds[name]))
    return float(ends[0]), float(ends[1])


def _bounds(model: Model, place: Place) -> tuple[float, float]:
    p = place.parameter
    match p.effect:
        case "ran_sd":
            return 0.0, np.inf
        case "ran_cor":
            return -1.0, 1.0
        case "ran_alpha" | "ran_rho":
            return 0.0, 1.0
        case "ran_df":
            return 1.0, np.inf
        case "family":
            response = next(m for m in model.responses if m.part.response == p.response)
            return next(BOUNDS[f.support] for f in response.family.parameters if f.name == p.term)
    return -np.inf, np.inf
