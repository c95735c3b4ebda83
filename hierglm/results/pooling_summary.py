"""Explained variance and pooling at each level of a model (Gelman and Pardoe 2006)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design
from hierglm.draws.scales import place
from hierglm.models import Model
from hierglm.results.fitted import Fitted
from hierglm.results.pointwise import flatten, linear_predictor

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

_BLOCK = 2**22
_TOLERANCE = 1e-9
"""Largest share of a column that may be left, if it is a predictor of the levels."""


@dataclass(slots=True)
class _Moments:
    """Sums over the units of a batch, for each draw, and over draws, for each unit."""

    count: int
    total: Floats
    squares: Floats
    means: list[Floats]

    @classmethod
    def empty(cls, draws: int) -> _Moments:
        return cls(0, np.zeros(draws), np.zeros(draws), [])

    def add(self, values: Floats) -> None:
        """Add units, shape (draws, units)."""
        self.count += values.shape[1]
        self.total += values.sum(axis=1)
        self.squares += np.sum(values**2, axis=1)
        self.means.append(values.mean(axis=0))

    @property
    def variance(self) -> float:
        """Posterior mean of the finite-sample variance over the units."""
        spread = self.squares - self.total**2 / self.count
        return float(np.mean(spread)) / (self.count - 1) if self.count > 1 else np.nan

    @property
    def variance_of_means(self) -> float:
        """Finite-sample variance of the units' posterior means."""
        return float(np.var(np.concatenate(self.means), ddof=1)) if self.count > 1 else np.nan


def pooling_summary(fitted: Fitted) -> pd.DataFrame:
    """Return explained variance R^2 and pooling factor lambda of each level of the model.

    A multilevel model is a regression at each of its levels, ``theta_k = prediction_k +
    error_k``: of the data, and of each varying coefficient over the levels of its grouping
    factor, where the prediction is that of the columns that are constant within a level (for a
    slope: such a column times the slope's). With V the finite-sample variance over k and E the
    posterior mean (Gelman and Pardoe 2006, equations 3 and 4)::

        R^2    = 1 - E(V error_k) / E(V theta_k)
        lambda = 1 - V(E error_k) / E(V error_k)

    R^2 is 0 for a batch without predictors, and can be below 0. A lambda near 1 says that the
    errors are all but pooled to 0, one near 0 that each is estimated by itself.

    Parameters
    ----------
    fitted : Fitted

    Returns
    -------
    DataFrame
        One row a batch: group ("" for the data), term (the response, or the coefficient),
        count (how many units), r2 and pooling. Those of the data are NaN where the link is not
        the identity: there is no error beside the linear predictor. Of several linear
        predictors each has its rows, with response and dpar in front.

    References
    ----------
    Gelman, A. and Pardoe, I. (2006). Bayesian measures of explained variance and pooling in
    multilevel (hierarchical) models. Technometrics 48(2), 241-251.
    """
    import pandas as pd

    model = fitted.plan.model
    columns = ["group", "term", "count", "r2", "pooling"]
    parts = []
    for m in model.parts or (model,):
        rows = [_data_level(fitted, m)] if m.part.first else []
        own = pd.DataFrame([*rows, *_group_levels(fitted, m)], columns=columns)
        parts.append(own.assign(response=m.part.response, dpar=m.part.dpar))
    named = ["response", "dpar"] if model.parts else []
    return pd.concat(parts, ignore_index=True)[[*named, *columns]]


_Row = tuple[str, str, int, float, float]


def _data_level(fitted: Fitted, model: Model) -> _Row:
    design, response = model.design, model.design.response
    if model.family.link.name != "identity":
        return "", response.label, design.rows, np.nan, np.nan
    flat = flatten(fitted.draws)
    y = model.family.scale.apply(response.values)
    step = max(1, _BLOCK // max(1, design.rows))
    between, means = 0.0, np.zeros(design.rows)
    for low in range(0, flat.size, step):
        some = slice(low, min(low + step, flat.size))
        error = y - linear_predictor(design, flat, some, model.part.ending)
        between += float(np.var(error, axis=1, ddof=1).sum())
        means += error.sum(axis=0)
    within = between / flat.size
    explained = 1 - within / float(np.var(y, ddof=1))
    pooled = 1 - float(np.var(means / flat.size, ddof=1)) / within
    return "", response.label, design.rows, explained, pooled


def _group_levels(fitted: Fitted, model: Model) -> Iterator[_Row]:
    design, draws, ending = model.design, fitted.draws, model.part.ending
    size = draws.chains * draws.draws
    for number, grouping in enumerate(design.groups):
        at = place(design.groups, number, lambda g: g.terms).start
        for k, term in enumerate(grouping.terms):
            which, values = level_predictors(design, number, k)
            b = np.zeros((size, 0))
            if which:
                b = draws[f"b{ending}"].values.reshape(size, -1)[:, which]
            error, whole = _Moments.empty(size), _Moments.empty(size)
            for levels, drawn in draws[f"r_{grouping.group}{ending}"].parts():
                u = drawn[..., at + k].reshape(size, -1)
                error.add(u)
                # The common coefficient is the same for all levels: it has no variance.
                whole.add(u + b @ values[levels].T)
            explained = 1 - error.variance / whole.variance
            pooled = 1 - error.variance_of_means / error.variance
            yield grouping.group, term, error.count, explained, pooled


def level_predictors(design: Design, number: int, effect: int) -> tuple[list[int], Floats]:
    """Return the common columns that predict an effect of each level, and their values.

    A column predicts the effect of column z if it is w_j z in all rows of level j: for an
    intercept a column that is constant within levels, for a slope a cross-level interaction.

    Parameters
    ----------
    design : Design
    number, effect : int
        Positions of the group term, and of the effect within it.

    Returns
    -------
    list of int
        Positions of their coefficients, the intercept's being 0 where there is one.
    ndarray, shape (levels, columns)
        w_j, about its mean over the levels.
    """
    grouping = design.groups[number]
    levels, index = len(grouping.levels), grouping.index
    z = grouping.effects.matrix[:, effect]
    which: list[int] = []
    found = [np.zeros((levels, 0))]
    if grouping.relation.members is not None:
        return which, found[0]
    norm = np.bincount(index, weights=z * z, minlength=levels)
    for k, column in enumerate(design.common.matrix.T):
        product = np.bincount(index, weights=z * column, minlength=levels)
        w = np.divide(product, norm, out=np.zeros(levels), where=norm > 0)
        left = column - w[index] * z
        varies = np.ptp(w[norm > 0]) > _TOLERANCE * np.abs(w).max(initial=0.0)
        if varies and left @ left <= _TOLERANCE**2 * (column @ column):
            which.append(k + int(design.intercept))
            found.append(np.where(norm > 0, w - w[norm > 0].mean(), 0.0)[:, None])
    return which, np.hstack(found)
