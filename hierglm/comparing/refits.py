"""Fitting again without some units, and the density of these units then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from hierglm.comparing.as_drawn import as_drawn
from hierglm.comparing.marginals import integrable, marginals
from hierglm.comparing.units import Units
from hierglm.comparing.weights import base
from hierglm.design.design import Design, Grouping
from hierglm.design.rows import take
from hierglm.design.several import Joined
from hierglm.draws.pareto import log_sum
from hierglm.engines.progress import unit_bar
from hierglm.errors import DataError
from hierglm.executing import perform
from hierglm.models import Model
from hierglm.refitting import fit_model
from hierglm.results.fitted import Fitted

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def each_held_out(
    fitted: Fitted,
    units: Sequence[tuple[Model, Units]],
    parts: Sequence[Ints],
    executor: Executor | None,
    progress: bool | None,
    unit: str,
) -> Iterator[Floats]:
    """Yield `held_out` of several sets of units, one fit each, here or on an executor.

    Parameters
    ----------
    fitted, units
        See `held_out`.
    parts : sequence of ndarray of int
        The units that are left out together, for each fit.
    executor, progress
        See `hierglm.executing.perform` and `hierglm.engines.progress.unit_bar`.
    unit : str
        What a fit is called.
    """
    if executor is not None:
        # Fits share its processors.
        fitted = replace(fitted, settings=replace(fitted.settings, threads=1))
    with unit_bar(len(parts), unit, progress) as told:
        yield from perform(partial(held_out, fitted, units), parts, executor, unit, told)


def held_out(fitted: Fitted, units: Sequence[tuple[Model, Units]], some: Ints) -> Floats:
    """Return the log density of some units given all others, by one more fit.

    Parameters
    ----------
    fitted : Fitted
    units : sequence of (Model, Units)
        The responses whose rows are left out, and the units of each: the same ones. Rows of
        other responses stay.
    some : ndarray of int
        Which units are left out together.

    Returns
    -------
    ndarray, shape (len(some),)
        Of all responses together.
    """
    out = {m.part.response: np.isin(own.of_rows, some) for m, own in units}
    model, again = fitted.plan.model, without(fitted, out)
    if model.parts:
        # All rows again, those that this fit has not seen among them.
        whole = replace(again, plan=replace(again.plan, model=model))
        values = sum(as_drawn(whole, m, own, some) for m, own in units)
        return log_sum(values + base(again)[:, None])
    ((_, own),) = units
    found = marginals(again, model.design)
    alone = _without_rows(fitted, ~np.isin(own.of_rows, some))
    rows, weights = own.rows(), base(again)
    return np.array([log_sum(found.density(rows[i], alone) + weights) for i in some])


def without(fitted: Fitted, out: Mapping[str, Bools]) -> Fitted:
    """Return the fit of the same model without some rows, with the same settings and seed.

    The levels stay: those that have no rows left are drawn from the population. So do priors
    and encodings that were taken from the data.

    Parameters
    ----------
    fitted : Fitted
    out : mapping of str to ndarray of bool, shape (rows,)
        The rows that are left out, by response ("" of the only one).

    Raises
    ------
    DataError
        Where a response has no rows left.
    """
    model = fitted.plan.model
    for m in model.responses:
        if out.get(m.part.response, np.zeros(1)).all():
            raise DataError(f"no rows of {m.design.response.label!r} would be left to fit")
    kept = {name: np.flatnonzero(~rows) for name, rows in out.items()}
    few = _of_rows(model, kept)
    return fit_model(fitted, few, "auto", replace(fitted.settings, progress=False))


def _of_rows(model: Model, rows: Mapping[str, Ints]) -> Model:
    """Return a model with some of the rows of its responses, by name; all of those not named."""

    def own(m: Model) -> Design:
        kept = rows.get(m.part.response)
        return m.design if kept is None else take(m.design, kept)

    parts = tuple(replace(m, design=own(m)) for m in model.parts)
    # A shared term has no rows of its own; others have those of their predictor.
    joined = tuple(
        j if j.shared else replace(j, grouping=_grouping(parts, j)) for j in model.joined
    )
    design = parts[0].design if parts else own(model)
    return replace(model, design=design, parts=parts, joined=joined)


def _grouping(parts: Sequence[Model], joined: Joined) -> Grouping:
    (member,) = joined.members
    return parts[member.part].design.groups[member.number]


def _without_rows(fitted: Fitted, kept: Bools) -> dict[str, Bools]:
    """Return, by grouping factor, which levels have no rows among some."""
    design = fitted.plan.model.design
    known = integrable(design)
    return {
        g.group: np.bincount(g.index[kept], minlength=len(g.levels)) == 0
        for g in design.groups
        if g.group in known
    }
