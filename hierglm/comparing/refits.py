"""Fitting again without some units, and the density of these units then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from hierglm.checkpointing.answers import Answers, open_answers, perform_kept
from hierglm.checkpointing.identity import data_hash, identity
from hierglm.comparing.as_drawn import as_drawn
from hierglm.comparing.improper import any_flat, refuse_improper, why_improper
from hierglm.comparing.marginals import integrable, marginals
from hierglm.comparing.units import Units
from hierglm.comparing.weights import base
from hierglm.design.design import Design, Grouping
from hierglm.design.rows import take
from hierglm.design.several import Joined
from hierglm.draws.pareto import log_sum
from hierglm.engines.choose import engine_for
from hierglm.engines.engine import Settings
from hierglm.engines.options import engine_like
from hierglm.engines.progress import unit_bar
from hierglm.errors import DataError
from hierglm.models import Model
from hierglm.refitting import fit_model
from hierglm.results.check import check
from hierglm.results.fitted import Fitted
from hierglm.sampling import Auto

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What one more fit, without some units, says of them.

    Attributes
    ----------
    density : ndarray, shape (units,)
        The log density of each of them, of all responses together.
    trouble : tuple of str
        What makes that fit unsafe to use, in words; see `hierglm.results.check.check`.
    """

    density: Floats
    trouble: tuple[str, ...]


def each_held_out(
    fitted: Fitted,
    units: Sequence[tuple[Model, Units]],
    parts: Mapping[str, Ints],
    executor: Executor | None,
    progress: bool | None,
    unit: str,
    checkpoint: str | PathLike[str] | None = None,
) -> Iterator[HeldOut]:
    """Yield `held_out` of several sets of units, one fit each, here or on an executor.

    Parameters
    ----------
    fitted, units
        See `held_out`.
    parts : mapping of str to ndarray of int
        The units that are left out together, for each fit, by what a message calls them.
    executor, progress
        See `hierglm.executing.perform` and `hierglm.engines.progress.unit_bar`.
    unit : str
        What a fit is called.
    checkpoint : path, optional
        A folder that keeps what each fit says as soon as it does, see
        `hierglm.checkpointing.answers`.

    Raises
    ------
    CheckpointError
        Where the folder is of another run.
    DataError, PriorError
        Where a response would have no rows left, or a flat prior nothing that tells of its
        coefficient; before anything is fitted.
    """
    model = fitted.plan.model
    if any_flat(model):
        few = ((name, _without(model, _rows_of(units, some))) for name, some in parts.items())
        refuse_improper([(name, why_improper(model, one)) for name, one in few])
    if executor is not None:
        # Fits share its processors.
        fitted = replace(fitted, settings=replace(fitted.settings, threads=1))
    answers = None if checkpoint is None else _answers(checkpoint, fitted, units, parts)
    with unit_bar(len(parts), unit, progress) as told:
        task = partial(held_out, fitted, units)
        yield from perform_kept(answers, task, parts.values(), executor, unit, told)


def held_out(fitted: Fitted, units: Sequence[tuple[Model, Units]], some: Ints) -> HeldOut:
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
    HeldOut
    """
    model, again = fitted.plan.model, without(fitted, _rows_of(units, some))
    trouble = tuple(map(str, check(again).problems))
    if model.parts:
        # All rows again, those that this fit has not seen among them.
        whole = replace(again, plan=replace(again.plan, model=model))
        values = sum(as_drawn(whole, m, own, some) for m, own in units)
        return HeldOut(log_sum(values + base(again)[:, None]), trouble)
    ((_, own),) = units
    found = marginals(again, model.design)
    alone = _without_rows(fitted, ~np.isin(own.of_rows, some))
    rows, weights = own.rows(), base(again)
    density = np.array([log_sum(found.density(rows[i], alone) + weights) for i in some])
    return HeldOut(density, trouble)


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
    few = _without(fitted.plan.model, out)
    settings = replace(fitted.settings, progress=False)
    return fit_model(fitted, few, fitted.plan.wanted, settings, *_asked(settings))


def _asked(settings: Settings) -> tuple[int | Auto, float | Auto]:
    """Return warmup and adapt_delta: what was left to be chosen is left again."""
    warmup: int | Auto = "auto" if "warmup" in settings.auto else settings.warmup
    adapt_delta: float | Auto = "auto" if "adapt_delta" in settings.auto else settings.adapt_delta
    return warmup, adapt_delta


def _answers(
    checkpoint: str | PathLike[str],
    fitted: Fitted,
    units: Sequence[tuple[Model, Units]],
    parts: Mapping[str, Ints],
) -> Answers:
    """Return where answers are, by all that decides them: the fit, and what is left out."""
    engine = engine_for(engine_like(fitted.engine, fitted.engine_options))
    settings, every = fitted.settings, units[0][1]
    rows = {m.part.response: own.of_rows for m, own in units}
    left = data_hash({**rows, **{str(k): some for k, some in enumerate(parts.values())}})
    facts = {
        **identity(fitted.plan, fitted.program, engine, settings, *_asked(settings)),
        "method": str(settings.method),
        "left out": f"{len(parts):,} parts of {len(every):,} of {every.name!r} ({left})",
    }
    return open_answers(checkpoint, HeldOut, "fits without parts", facts, None, settings.seed)


def _rows_of(units: Sequence[tuple[Model, Units]], some: Ints) -> dict[str, Bools]:
    """Return which rows of each response some units have."""
    return {m.part.response: np.isin(own.of_rows, some) for m, own in units}


def _without(model: Model, out: Mapping[str, Bools]) -> Model:
    """Return a model without some of the rows of its responses, by name."""
    for m in model.responses:
        if out.get(m.part.response, np.zeros(1)).all():
            raise DataError(f"no rows of {m.design.response.label!r} would be left to fit")
    rows = {name: np.flatnonzero(~own) for name, own in out.items()}

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
