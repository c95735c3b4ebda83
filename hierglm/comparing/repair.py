"""Units that were too hard to leave out: effects integrated out, draws moved, or another fit."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import replace
from os import PathLike
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hierglm.adapting.blocks import by_group
from hierglm.comparing.coordinates import coordinates_of
from hierglm.comparing.elpd import Elpd
from hierglm.comparing.marginals import integrable, marginals, owners
from hierglm.comparing.moment_match import matched
from hierglm.comparing.refits import each_held_out
from hierglm.comparing.weights import base, efficiency, left_out
from hierglm.design.design import Design
from hierglm.draws.pareto import log_sum
from hierglm.models import Model
from hierglm.results.fitted import Fitted

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Repair = Literal["integrate", "moment_match", "refit"]

_MOST = 2
"""Effects that quadrature integrates out together; of Gaussian responses any number."""


def integrated(fitted: Fitted, found: Elpd) -> Elpd:
    """Return the same with hard rows left out anew, the effects of their levels integrated out.

    Most often a row is hard to leave out since it moves the effects of its own level. With
    these integrated out the draws of everything else are weighted by 1 / p(y_i | the level's
    other rows), which varies less (Vehtari, Mononen, Tolvanen, Sivula and Winther 2016).

    Parameters
    ----------
    fitted : Fitted
        Of one linear predictor.
    found : Elpd
        Of its rows.
    """
    assert found.pareto_k is not None
    assert found.ess_i is not None
    design = fitted.plan.model.design
    density, before = marginals(fitted, design), base(fitted)
    elpd, khat, ess = found.elpd_i.copy(), found.pareto_k.copy(), found.ess_i.copy()
    done = 0
    for i in np.flatnonzero(found.high):
        rows, alone = _level(fitted, design, int(i))
        if not alone:
            continue
        values = density.density(rows, alone)
        others = rows[rows != i]
        if len(others):
            values = values - density.density(others, alone)
        weights, own = left_out(fitted, values[:, None], before)
        if own[0] < khat[i]:
            khat[i], elpd[i] = own[0], log_sum(values + weights[:, 0])
            ess[i] = np.exp(-log_sum(2 * weights[:, 0]))
            done += 1
    note = f"{done:,} row{'' if done == 1 else 's'} left out with the effects of their level"
    notes = (*found.notes, f"{note} integrated out") if done else found.notes
    return replace(found, elpd_i=elpd, pareto_k=khat, ess_i=ess, notes=notes)


def moment_matched(fitted: Fitted, found: Elpd) -> Elpd:
    """Return the same with hard units left out by draws that are moved to where they are wanted.

    Parameters
    ----------
    fitted : Fitted
        Sampled, of one linear predictor.
    found : Elpd

    Raises
    ------
    SettingsError
        See `hierglm.comparing.coordinates.coordinates_of`.
    """
    assert found.pareto_k is not None
    assert found.ess_i is not None
    elpd, khat, ess = found.elpd_i.copy(), found.pareto_k.copy(), found.ess_i.copy()
    units, done = found.units, 0
    rows, owned = units.rows(), owners(fitted.plan.model.design, units.of_rows)
    for j in np.flatnonzero(found.high):
        # Of a row the effects of its levels are coordinates like all others.
        alone = {g: (by == j) & (not units.single) for g, by in owned.items()}
        there = coordinates_of(fitted, rows[j], alone)
        x = there.points()
        worth = float(efficiency(fitted, there.at(x)[1][:, None])[0])
        own = matched(x, there.at, found.limit, worth)
        if own.moves and own.khat < khat[j]:
            elpd[j], khat[j], ess[j] = own.elpd, own.khat, own.ess
            done += 1
    count = f"{done:,} {'unit' if done == 1 else 'units'}"
    notes = (*found.notes, f"{count} left out by draws moved to match moments")
    return replace(found, elpd_i=elpd, pareto_k=khat, ess_i=ess, notes=notes)


def refitted(
    fitted: Fitted,
    model: Model,
    found: Elpd,
    executor: Executor | None = None,
    progress: bool | None = None,
    checkpoint: str | PathLike[str] | None = None,
) -> Elpd:
    """Return the same with hard units left out by fitting again, one fit each.

    Parameters
    ----------
    fitted : Fitted
    model : Model
        The response whose units they are.
    found : Elpd
    executor, progress, checkpoint
        Where fits are done and kept, and whether a bar is shown; see
        `hierglm.comparing.kfold.kfold`.
    """
    assert found.pareto_k is not None
    assert found.ess_i is not None
    hard = np.flatnonzero(found.high)
    if not len(hard):
        return found
    elpd, khat, ess = found.elpd_i.copy(), found.pareto_k.copy(), found.ess_i.copy()
    name, labels = found.units.name, found.units.labels.tolist()
    parts = {f"{name} {labels[i]}": np.array([i]) for i in hard}
    pairs = [(model, found.units)]
    again = each_held_out(fitted, pairs, parts, executor, progress, "fit", checkpoint)
    troubles: dict[str, str] = {}
    for (without, (i,)), one in zip(parts.items(), again, strict=True):
        elpd[i], khat[i], ess[i] = one.density[0], np.nan, np.nan
        if one.trouble:
            troubles[without] = one.trouble[0]
    count = f"{len(hard):,} {'fit' if len(hard) == 1 else 'fits'}"
    note = f"{count} without the units whose Pareto k-hat was above {found.limit:.2f}"
    notes = (*found.notes, note)
    return replace(found, elpd_i=elpd, pareto_k=khat, ess_i=ess, notes=notes, troubles=troubles)


def _level(fitted: Fitted, design: Design, row: int) -> tuple[Ints, Mapping[str, Bools]]:
    """Return the rows of the levels of a row, and these levels, as far as they can be integrated.

    Those with few rows first, which the row moves most.
    """
    exponential = fitted.plan.model.family.exponential
    most = np.inf if exponential is not None and exponential.dispersion else _MOST
    terms = by_group(design)
    same = {g: terms[g][0].index == terms[g][0].index[row] for g in integrable(design)}
    rows, alone, count = np.zeros(design.rows, dtype=bool), dict[str, Bools](), 0
    for group in sorted(same, key=lambda g: int(same[g].sum())):
        effects = sum(len(term.terms) for term in terms[group])
        if count + effects <= most:
            count += effects
            rows |= same[group]
            levels = np.arange(len(terms[group][0].levels))
            alone[group] = levels == terms[group][0].index[row]
    none = {g: np.zeros(len(terms[g][0].levels), dtype=bool) for g in same if g not in alone}
    return np.flatnonzero(rows), {**alone, **none} if alone else {}
