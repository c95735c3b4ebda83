"""How much each level borrows from the others: its own estimate, the model's, and all rows'."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design
from hierglm.draws.coefficients import coefficients
from hierglm.models import Model
from hierglm.results.effects import known_group
from hierglm.results.estimates import mean
from hierglm.results.fitted import Fitted
from hierglm.results.pooling_factors import pooling_factors
from hierglm.results.pooling_separate import Separate, all_rows, level_by_level, not_alone
from hierglm.results.rows import measure

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


def pooling(fitted: Fitted, group: str | None = None) -> pd.DataFrame:
    """Return what each level's coefficients are without, with and by nothing but the others.

    The pooling factor of effect k of level j is the share of its prior variance that the
    level's rows leave, ``omega_jk = E[var(u_jk | y, rest) / sigma_k^2]`` over the posterior of
    the rest: coefficients, variances, and effects of other group terms. It is 0 where the
    level's own rows decide, 1 where they say nothing. For ``y ~ 1 + (1 | g)`` it is
    ``(sigma^2 / n_j) / (sigma^2 / n_j + sigma_g^2)``, the factor of Gelman and Hill (2007,
    section 21.6) and Gelman and Pardoe (2006), by which a level's mean moves to the common one.
    For families that are not Gaussian, the information of the rows is that at each draw; of
    effects that several responses share, it is that of the rows of all of them. Where there is
    none (effects that are related, or on a parameter such as sigma, or rows of several levels),
    it is the posterior variance of the effect over the posterior mean of ``sigma_k^2``, at most
    1, as Gelman and Hill compute it.

    Parameters
    ----------
    fitted : Fitted
    group : str, optional
        One grouping factor; all by default.

    Returns
    -------
    DataFrame
        One row a level and coefficient: group, level, term; rows (of the level, those of weight
        0 not counted); no_pooling, the maximum-likelihood estimate by the level's own rows;
        partial_pooling, the posterior mean of the model's coefficient; complete_pooling, the
        maximum-likelihood estimate by all rows without group effects (0 for a term that is not
        among the common ones); pooling, the factor; and note, why no_pooling is NaN, or which
        other coefficients the level's rows could not tell and are as in the model. Effects of
        other grouping factors are left out of no_pooling. Of several linear predictors each has
        its rows, with response and dpar in front; only means have estimates by rows alone.

    Raises
    ------
    SettingsError
        For a group that is not in the model.
    """
    import pandas as pd

    model = fitted.plan.model
    known_group(fitted, group)
    parts: list[pd.DataFrame] = []
    factors: dict[int, Floats] = {}
    for m in model.parts or (model,):
        complete = all_rows(fitted, m)
        for name in dict.fromkeys(g.group for g in m.design.groups):
            if group in (None, name):
                parts.append(_of_group(fitted, m, name, complete, factors))
    columns = [*(("response", "dpar") if model.parts else ()), "group", "level", "term", "rows",
               "no_pooling", "partial_pooling", "complete_pooling", "pooling", "note"]  # fmt: skip
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat(parts, ignore_index=True)[columns]


def _of_group(
    fitted: Fitted, m: Model, name: str, complete: dict[str, float], known: dict[int, Floats]
) -> pd.DataFrame:
    """Return the rows of the levels of a grouping factor, of one predictor.

    `known` keeps the factors of terms that act on several predictors.
    """
    import pandas as pd

    numbers = [k for k, g in enumerate(m.design.groups) if g.group == name]
    groupings = [m.design.groups[k] for k in numbers]
    terms = [term for g in groupings for term in g.terms]
    levels = groupings[0].levels
    factors = np.concatenate([_factors(fitted, m, k, known) for k in numbers], axis=1)
    separate = level_by_level(fitted, m, numbers)
    size = (len(levels), len(terms))
    # What is not among the common terms is 0 for all rows, where these have estimates.
    absent = np.nan if not_alone(m) else 0.0
    return pd.DataFrame(
        {
            "response": m.part.response,
            "dpar": m.part.dpar,
            "group": np.full(factors.size, name, dtype=object),
            "level": np.repeat(levels, len(terms)),
            "term": np.tile(np.array(terms, dtype=object), len(levels)),
            "rows": np.repeat(_rows(m.design, numbers[0]), len(terms)),
            "no_pooling": separate.values.ravel(),
            "partial_pooling": _partial(fitted, f"r_{name}{m.part.ending}"),
            "complete_pooling": np.tile([complete.get(t, absent) for t in terms], len(levels)),
            "pooling": factors.ravel(),
            "note": _notes(separate, size),
        }
    )


def _factors(fitted: Fitted, m: Model, number: int, known: dict[int, Floats]) -> Floats:
    """Return the pooling factors of a predictor's group term, shape (levels, effects)."""
    whole, first = fitted.plan.model.place(m, number)
    if whole not in known:
        known[whole] = pooling_factors(fitted, whole)
    return known[whole][:, first : first + len(m.design.groups[number].terms)]


def _partial(fitted: Fitted, name: str) -> Floats:
    """Return the posterior means of the coefficients of a group's levels."""
    chosen = coefficients(fitted.draws, fitted.draws[name])
    found: Floats = measure([chosen], mean)[0]
    return found


def _rows(design: Design, number: int) -> NDArray[np.int64]:
    grouping, weights = design.groups[number], design.response.weights
    members = grouping.relation.members
    counted = np.ones(design.rows, dtype=bool) if weights is None else weights > 0
    index = grouping.index[counted] if members is None else members[:, counted].ravel()
    return np.bincount(index[index >= 0], minlength=len(grouping.levels)).astype(np.int64)


def _notes(separate: Separate, size: tuple[int, int]) -> NDArray[Any]:
    return np.repeat(np.array(separate.notes, dtype=object), size[1])
