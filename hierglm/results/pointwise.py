"""The linear predictor and the log likelihood of each row, for each draw, in blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design, Grouping
from hierglm.draws.draws import Draws
from hierglm.models import Model
from hierglm.results.fitted import Fitted
from hierglm.results.products import thin_product

Floats = NDArray[np.float64]

_BLOCK = 2**23
"""Numbers held at once (64 MB), whatever the number of rows and draws."""


@dataclass(frozen=True, slots=True)
class Flat:
    """Draws of all chains below each other: shape (draws, ...), by name of the variable."""

    values: Mapping[str, Floats]
    size: int


def flatten(draws: Draws) -> Flat:
    """Return the draws with chains and iterations as one dimension, chain by chain."""
    size = draws.chains * draws.draws
    return Flat({v.name: v.values.reshape(size, *v.values.shape[2:]) for v in draws}, size)


def linear_predictor(design: Design, flat: Flat, some: slice, ending: str = "") -> Floats:
    """Return X b + sum of Z u + offset for some draws, shape (draws, rows).

    Parameters
    ----------
    design : Design
        Its rows; the levels are those of the fit.
    flat : Flat
        What `flatten` returned.
    some : slice
        Which draws.
    ending : str
        What the names of its variables end in, where it is one of several predictors.
    """
    count = len(range(*some.indices(flat.size)))
    # Draws of a row lie side by side: those of a level are copied whole, and summaries run over
    # them.
    if f"b{ending}" in flat.values:
        b = flat.values[f"b{ending}"][some]
        # Thresholds in place of an intercept are no part of it.
        first = b.shape[1] - len(design.common.labels)
        eta = thin_product(design.common.matrix, b[:, first:].T)
        if first:
            eta += b[:, 0]
    else:
        eta = np.zeros((design.rows, count))
    used: dict[str, int] = {}
    for grouping in design.groups:
        # Several terms of one group lie side by side in its effects.
        low = used.get(grouping.group, 0)
        used[grouping.group] = low + len(grouping.terms)
        r = flat.values[f"r_{grouping.group}{ending}"][some]
        for k in range(len(grouping.terms)):
            effect = _by_row(grouping, np.ascontiguousarray(r[:, :, low + k].T))
            effect *= grouping.effects.matrix[:, k, None]
            eta += effect
    if design.offset is not None:
        eta += design.offset[:, None]
    return eta.T


def _by_row(grouping: Grouping, r: Floats) -> Floats:
    """Return the effect of each row's level, or of its several levels, shape (rows, draws).

    Parameters
    ----------
    grouping : Grouping
    r : ndarray, shape (levels, draws)
    """
    members, shares = grouping.relation.members, grouping.relation.shares
    if members is None or shares is None:
        return r[grouping.index]
    total = np.zeros((members.shape[1], r.shape[1]))
    for level, share in zip(members, shares, strict=True):
        total += r[level] * share[:, None]
    return total


def log_likelihood(fitted: Fitted, response: Model | None = None) -> Floats:
    """Return the log likelihood of each row, shape (chains, draws, rows).

    A row with a weight counts as often as its weight says, as in the fit.

    Parameters
    ----------
    fitted : Fitted
    response : Model, optional
        Of several responses which one: an item of ``fitted.plan.model.responses``.
    """
    whole, draws = fitted.plan.model, fitted.draws
    model, flat = response or whole.responses[0], flatten(draws)
    design = model.design
    out = np.empty((flat.size, design.rows))
    weight = np.full(design.rows, model.part.weight)
    if design.response.weights is not None:
        weight *= design.response.weights
    predictors = whole.predictors(model)
    for some in _blocks(flat.size, design.rows * len(predictors)):
        eta = eta_of(predictors, flat, some)
        scales = scales_of(model, flat, some, predictors[1:])
        out[some] = weight * model.family.log_density(
            design.response.values, eta, scales, design.response.trials
        )
    return out.reshape(draws.chains, draws.draws, design.rows)


def eta_of(predictors: Sequence[Model], flat: Flat, some: slice) -> Floats:
    """Return the linear predictor of a mean, shape (draws, rows).

    Of categories theirs, along a last dimension. The predictors are all those of a response.
    """
    first = predictors[0]
    if not first.family.categories:
        return linear_predictor(first.design, flat, some, first.part.ending)
    return np.stack(
        [linear_predictor(m.design, flat, some, m.part.ending) for m in predictors], axis=-1
    )


def _predicted(predictors: Sequence[Model], flat: Flat, some: slice) -> dict[str, Floats]:
    """Return the parameters that have predictors of their own, shape (draws, rows) each."""
    return {
        m.part.dpar: m.link.invert(linear_predictor(m.design, flat, some, m.part.ending))
        for m in predictors
        if not m.family.categories
    }


def scales_of(
    model: Model, flat: Flat, some: slice, further: Sequence[Model] = ()
) -> dict[str, Floats]:
    """Return the family's parameters, each to be broadcast over (draws, rows).

    Parameters
    ----------
    model : Model
        Known standard errors are those of its design.
    flat : Flat
        What `flatten` returned.
    some : slice
        Which draws.
    further : sequence of Model
        Predictors of parameters of the response.
    """
    scales = {name: flat.values[name + model.part.rows][some][:, None] for name in model.scales}
    scales |= _predicted(further, flat, some)
    if model.family.thresholds:
        scales["Intercept"] = flat.values[f"Intercept{model.part.ending}"][some][:, None]
    return with_errors(scales, model.design)


def with_errors(scales: dict[str, Floats], design: Design) -> dict[str, Floats]:
    """Return parameters with the known standard errors of rows in sigma, where there are some."""
    se = design.response.se
    if se is None:
        return scales
    own = scales.get("sigma")
    return scales | {"sigma": se[None, :] if own is None else np.sqrt(se**2 + own**2)}


def _blocks(draws: int, rows: int) -> Iterator[slice]:
    step = max(1, _BLOCK // max(1, rows))
    for low in range(0, draws, step):
        yield slice(low, min(low + step, draws))
