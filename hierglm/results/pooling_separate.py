"""Estimates without pooling, level by level, and with complete pooling, by maximum likelihood."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design
from hierglm.design.magnitudes import units
from hierglm.models import Model
from hierglm.results.estimates import mean, pooled
from hierglm.results.fitted import Fitted
from hierglm.results.pointwise import Flat, scales_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_STEPS = 100
_CLOSE = 1e-8
_LONGEST = 2.0
"""Longest step of a linear predictor on a log or logit scale."""
_FARTHEST = 20.0
"""A linear predictor so far from 0, on a log or logit scale, has lost touch with the data."""
_TOLERANCE = 1e-9
"""Share of a column that the columns before it leave, if it is no combination of them."""


@dataclass(frozen=True, slots=True)
class Separate:
    """Estimates of each level by its own rows.

    Attributes
    ----------
    values : ndarray, shape (levels, effects)
        NaN where the rows do not tell them.
    notes : tuple of str
        One a level: why there is none, or what was taken from the model.
    """

    values: Floats
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of a response, and how their log likelihood moves with the linear predictor."""

    model: Model
    scales: dict[str, Floats]
    y: Floats
    offset: Floats
    weights: Floats
    trials: Floats | None

    def only(self, some: Ints) -> _Rows:
        scales = {k: x[some] if x.ndim else x for k, x in self.scales.items()}
        trials = None if self.trials is None else self.trials[some]
        return _Rows(
            self.model, scales, self.y[some], self.offset[some], self.weights[some], trials
        )

    @property
    def normal(self) -> bool:
        exponential = self.model.family.exponential
        return exponential is not None and exponential.dispersion

    def slopes(self, eta: Floats) -> tuple[Floats, Floats]:
        """Return score and information of each row, its weight included."""
        family = self.model.family
        if family.exponential is not None:
            trials = 1.0 if self.trials is None else self.trials
            score = self.y - trials * family.exponential.mean(eta)
            information = trials * family.exponential.variance(eta)
        else:
            assert family.slopes is not None
            score = family.slopes.score(self.y, eta, self.scales, self.trials)
            information = family.slopes.information(eta, self.scales, self.trials)
        return self.weights * score, self.weights * information


def all_rows(fitted: Fitted, predictor: Model) -> dict[str, float]:
    """Return the maximum-likelihood estimates of the common coefficients without group effects.

    Parameters
    ----------
    fitted : Fitted
    predictor : Model
        One of its predictors; only those of means have such estimates.

    Returns
    -------
    dict of str to float
        By term; NaN where there are none.
    """
    design = predictor.design
    X = _columns(design)
    if not_alone(predictor):
        return dict.fromkeys(_labels(design), np.nan)
    rows = _rows(fitted, predictor)
    found = _maximise(rows, X)
    values = np.full(X.shape[1], np.nan) if found is None else found
    return dict(zip(_labels(design), map(float, values), strict=True))


def not_alone(predictor: Model) -> str:
    """Return why a predictor cannot be estimated by itself, by rows alone; or ""."""
    if predictor.family.categories:
        return "categories are not estimated one by one"
    return "" if predictor.part.first else f"{predictor.part.dpar} is estimated beside the mean"


def level_by_level(fitted: Fitted, predictor: Model, numbers: Sequence[int]) -> Separate:
    """Return the maximum-likelihood estimates of each level of a group by its own rows.

    The common columns that do not vary over the group are estimated from the level's rows too,
    as far as these tell them; else they are at their posterior mean.

    Parameters
    ----------
    fitted : Fitted
    predictor : Model
        One of its predictors.
    numbers : sequence of int
        Positions among its group terms of those of one grouping factor.
    """
    design = predictor.design
    groupings = [design.groups[k] for k in numbers]
    terms = [term for g in groupings for term in g.terms]
    levels = len(groupings[0].levels)
    values = np.full((levels, len(terms)), np.nan)
    if groupings[0].relation.members is not None:
        return Separate(values, ("rows belong to several levels",) * levels)
    if not_alone(predictor):
        return Separate(values, (not_alone(predictor),) * levels)
    rows, notes = _rows(fitted, predictor), []
    Z = np.hstack([g.effects.matrix for g in groupings])
    labels = _labels(design)
    others = [k for k, label in enumerate(labels) if label not in terms]
    X, names = _columns(design)[:, others], [labels[k] for k in others]
    b = np.zeros(0)
    if others:
        b = mean(pooled(fitted.draws[f"b{predictor.part.ending}"].values))[others]
    for j, some in enumerate(_by_level(groupings[0].index, rows.weights, levels)):
        found, note = _one_level(rows.only(some), Z[some], X[some], b, (terms, names))
        if found is not None:
            values[j] = found
        notes.append(note)
    return Separate(values, tuple(notes))


def _one_level(
    rows: _Rows, Z: Floats, X: Floats, b: Floats, names: tuple[list[str], list[str]]
) -> tuple[Floats | None, str]:
    """Return the estimates of the columns Z, and a note; None where there are none."""
    terms, others = names
    count = f"{len(Z)} row{'' if len(Z) == 1 else 's'}"
    if len(_independent(Z)) < len(terms):
        return None, f"{count} do{'es' if len(Z) == 1 else ''} not tell {', '.join(terms)}"
    told = [k - len(terms) for k in _independent(np.hstack([Z, X])) if k >= len(terms)]
    rest = [k for k in range(len(others)) if k not in told]
    moved = _Rows(rows.model, rows.scales, rows.y, rows.offset + X[:, rest] @ b[rest],
                  rows.weights, rows.trials)  # fmt: skip
    found = _maximise(moved, np.hstack([Z, X[:, told]]))
    if found is None:
        return None, f"{count} without a finite estimate"
    note = f"as in the model: {', '.join(others[k] for k in rest)}" if rest else ""
    return found[: len(terms)], note


def _independent(columns: Floats) -> list[int]:
    """Return the columns that are no combination of those before them."""
    kept: list[int] = []
    basis = np.zeros((len(columns), 0))
    for k, column in enumerate(columns.T):
        # Twice: rounding of the first pass is taken away by the second.
        left = column - basis @ (basis.T @ column)
        left = left - basis @ (basis.T @ left)
        size, whole = float(np.linalg.norm(left)), float(np.linalg.norm(column))
        if size > _TOLERANCE * whole:
            kept.append(k)
            basis = np.column_stack([basis, left / size])
        if len(kept) == len(columns):
            break
    return kept


def _maximise(rows: _Rows, X: Floats) -> Floats | None:
    """Return maximum-likelihood coefficients, or None where there is no finite estimate."""
    if rows.model.family.exponential is None and rows.model.family.slopes is None:
        return None
    b: Floats = np.zeros(X.shape[1])
    if rows.normal:
        root = np.sqrt(rows.weights / rows.scales["sigma"] ** 2)
        b[:] = _least_squares(X * root[:, None], (rows.y - rows.offset) * root)
        return b
    curved = rows.model.family.link.name != "identity"
    for _ in range(_STEPS):
        eta = X @ b + rows.offset
        score, information = rows.slopes(eta)
        root = np.sqrt(np.maximum(information, 1e-12))
        step = _least_squares(X * root[:, None], score / root)
        moved = float(np.max(np.abs(X @ step), initial=0.0))
        # Far from the maximum a whole step may overshoot on a log scale.
        b = b + step / (max(1.0, moved / _LONGEST) if curved else 1.0)
        far = float(np.max(np.abs(X @ b), initial=0.0))
        if not np.isfinite(far) or (curved and far > _FARTHEST):
            return None
        if moved < _CLOSE * max(1.0, far):
            return b
    return None


def _rows(fitted: Fitted, model: Model) -> _Rows:
    """Return the rows of a mean; the family's parameters are at their posterior means.

    Where a parameter has a predictor, this is at its posterior mean, level by level.
    """
    design, response = model.design, model.design.response
    zero, one = np.zeros(design.rows), np.ones(design.rows)
    further = fitted.plan.model.predictors(model)[1:]
    needed = [f"{name}{model.part.rows}" for name in model.scales]
    for m in further:
        groups = {g.group for g in m.design.groups}
        names = [f"b{m.part.ending}", *(f"r_{g}{m.part.ending}" for g in groups)]
        needed += [name for name in names if name in fitted.draws.variables]
    means = {name: np.mean(fitted.draws[name].values, axis=(0, 1))[None] for name in needed}
    found = scales_of(model, Flat(means, 1), slice(None), further)
    return _Rows(
        model=model,
        scales={name: np.squeeze(x, axis=(0, 1) if x.shape[1] == 1 else 0)
                for name, x in found.items()},
        y=response.values,
        offset=zero if design.offset is None else design.offset,
        weights=model.part.weight * (one if response.weights is None else response.weights),
        trials=response.trials,
    )  # fmt: skip


def _by_level(index: Ints, weights: Floats, levels: int) -> Iterator[Ints]:
    """Yield the rows of each level that count."""
    counted = np.flatnonzero(weights > 0)
    order = counted[np.argsort(index[counted], kind="stable")]
    ends = np.cumsum(np.bincount(index[counted], minlength=levels))
    for low, high in zip(np.append(0, ends[:-1]), ends, strict=True):
        yield order[low:high]


def _columns(design: Design) -> Floats:
    if not design.intercept:
        return design.common.matrix
    return np.column_stack([np.ones(design.rows), design.common.matrix])


def _labels(design: Design) -> list[str]:
    return [*(["Intercept"] if design.intercept else []), *design.common.labels]


def _least_squares(X: Floats, y: Floats) -> Floats:
    # In units of each column: lstsq leaves out directions that are small beside others.
    unit = units(X) if X.size else np.ones(X.shape[1])
    return np.asarray(np.linalg.lstsq(X * unit, y, rcond=None)[0] * unit, dtype=np.float64)
