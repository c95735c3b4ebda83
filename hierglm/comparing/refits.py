"""Fitting again without some units, and the density of these units then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hierglm.comparing.as_drawn import as_drawn
from hierglm.comparing.marginals import integrable, marginals
from hierglm.comparing.units import Units
from hierglm.comparing.weights import base
from hierglm.design.design import Grouping
from hierglm.design.rows import take
from hierglm.design.several import Joined
from hierglm.draws.pareto import log_sum
from hierglm.models import Model
from hierglm.refitting import fit_model
from hierglm.results.fitted import Fitted

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def held_out(fitted: Fitted, units: Units, some: Ints) -> Floats:
    """Return the log density of some units given all others, by one more fit.

    Parameters
    ----------
    fitted : Fitted
        Of one response.
    units : Units
        Of its rows.
    some : ndarray of int
        Which of them are left out together.

    Returns
    -------
    ndarray, shape (len(some),)
    """
    out = np.isin(units.of_rows, some)
    model, again = fitted.plan.model, without(fitted, out)
    if model.parts:
        # All rows again, those that this fit has not seen among them.
        whole = replace(again, plan=replace(again.plan, model=model))
        values = as_drawn(whole, model.responses[0], units, some)
        return log_sum(values + base(again)[:, None])
    design = model.design
    found = marginals(again, design)
    alone = _without_rows(fitted, ~out)
    rows, weights = units.rows(), base(again)
    return np.array([log_sum(found.density(rows[i], alone) + weights) for i in some])


def without(fitted: Fitted, out: Bools) -> Fitted:
    """Return the fit of the same model without some rows, with the same settings and seed.

    The levels stay: those that have no rows left are drawn from the population. So do priors
    and encodings that were taken from the data.

    Parameters
    ----------
    fitted : Fitted
        Of one response.
    out : ndarray of bool, shape (rows,)
        The rows that are left out.
    """
    few = _of_rows(fitted.plan.model, np.flatnonzero(~out))
    return fit_model(fitted, few, "auto", replace(fitted.settings, progress=False))


def _of_rows(model: Model, rows: Ints) -> Model:
    """Return a model of one response with some of its rows."""
    parts = tuple(replace(m, design=take(m.design, rows)) for m in model.parts)
    # A shared term has no rows of its own; others have those of their predictor.
    joined = tuple(
        j if j.shared else replace(j, grouping=_grouping(parts, j)) for j in model.joined
    )
    return replace(model, design=take(model.design, rows), parts=parts, joined=joined)


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
