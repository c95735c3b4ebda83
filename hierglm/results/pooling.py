"""How much each level borrows from the others: its own estimate, the model's, and all rows'."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design
from hierglm.draws.coefficients import coefficients
from hierglm.errors import SettingsError
from hierglm.models import Model
from hierglm.results.effects import known_group
from hierglm.results.estimates import mean
from hierglm.results.fitted import Fitted
from hierglm.results.pooling_factors import pooling_factors
from hierglm.results.pooling_separate import Separate, all_rows, level_by_level
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
    For families that are not Gaussian, the information of the rows is that at each draw. Where
    there is none (effects that are related, or rows of several levels), it is the posterior
    variance of the effect over the posterior mean of ``sigma_k^2``, at most 1, as Gelman and
    Hill compute it.

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
        other grouping factors are left out of no_pooling.

    Raises
    ------
    SettingsError
        For a group that is not in the model, or a model of several linear predictors.
    """
    import pandas as pd

    model = one_predictor(fitted, "pooling")
    known_group(fitted, group)
    parts: list[pd.DataFrame] = []
    complete = all_rows(fitted)
    for name in dict.fromkeys(g.group for g in model.design.groups):
        if group in (None, name):
            parts.append(_of_group(fitted, model, name, complete))
    columns = ["group", "level", "term", "rows", "no_pooling", "partial_pooling",
               "complete_pooling", "pooling", "note"]  # fmt: skip
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat(parts, ignore_index=True)[columns]


def one_predictor(fitted: Fitted, what: str) -> Model:
    """Return the model of a fit, refusing those of several linear predictors.

    Raises
    ------
    SettingsError
        Says what cannot be had.
    """
    model = fitted.plan.model
    if model.parts or model.family.categories:
        raise SettingsError(f"{what} is for models of one linear predictor")
    return model


def _of_group(fitted: Fitted, model: Model, name: str, complete: dict[str, float]) -> pd.DataFrame:
    import pandas as pd

    numbers = [k for k, g in enumerate(model.design.groups) if g.group == name]
    groupings = [model.design.groups[k] for k in numbers]
    terms = [term for g in groupings for term in g.terms]
    levels = groupings[0].levels
    factors = np.concatenate([pooling_factors(fitted, k) for k in numbers], axis=1)
    separate = level_by_level(fitted, numbers)
    size = (len(levels), len(terms))
    return pd.DataFrame(
        {
            "group": np.full(factors.size, name, dtype=object),
            "level": np.repeat(levels, len(terms)),
            "term": np.tile(np.array(terms, dtype=object), len(levels)),
            "rows": np.repeat(_rows(model.design, numbers[0]), len(terms)),
            "no_pooling": separate.values.ravel(),
            "partial_pooling": _partial(fitted, name),
            "complete_pooling": np.tile([complete.get(t, 0.0) for t in terms], len(levels)),
            "pooling": factors.ravel(),
            "note": _notes(separate, size),
        }
    )


def _partial(fitted: Fitted, name: str) -> Floats:
    """Return the posterior means of the coefficients of a group's levels."""
    chosen = coefficients(fitted.draws, fitted.draws[f"r_{name}"])
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
