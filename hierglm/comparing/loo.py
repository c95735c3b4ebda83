"""Leave-one-out and WAIC from the draws of one fit (Vehtari, Gelman and Gabry 2017)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from os import PathLike
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from hierglm.comparing.as_drawn import as_drawn
from hierglm.comparing.elpd import Elpd, fingerprint
from hierglm.comparing.marginals import integrable, marginals, owners
from hierglm.comparing.repair import Repair, integrated, moment_matched, refitted
from hierglm.comparing.units import Units, units_of
from hierglm.comparing.weights import base, left_out
from hierglm.draws.pareto import log_sum
from hierglm.errors import SettingsError, suggest
from hierglm.models import Model
from hierglm.predicting.asked import chosen_response
from hierglm.predicting.predictions import predictions
from hierglm.results.fitted import Fitted

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_HELD = 2**25
"""Log densities of units held at once (256 MB)."""


def loo(
    fitted: Fitted,
    unit: str | None = None,
    repair: Repair | None = None,
    response: str | None = None,
    executor: Executor | None = None,
    progress: bool | None = None,
    checkpoint: str | PathLike[str] | None = None,
) -> Elpd:
    """Return the log density of each unit given all others, by importance sampling.

    Parameters
    ----------
    fitted : Fitted
    unit : str, optional
        A grouping factor or column whose levels are left out as wholes; rows by default.
    repair : {"integrate", "moment_match", "refit"}, optional
        What is done where a unit is too hard to leave out; see `hierglm.comparing.repair`.
    response : str, optional
        Which, where there are several.
    executor, progress, checkpoint
        Where ``repair="refit"`` fits, whether it shows a bar, and a folder that keeps what it
        has; see `hierglm.comparing.kfold.kfold`.

    Raises
    ------
    SettingsError
        A fit without draws; an argument that there is not; an executor or a checkpoint where
        nothing is fitted.
    """
    if repair is not None and repair not in get_args(Repair):
        raise SettingsError(f"repair cannot be {repair!r}{suggest(str(repair), get_args(Repair))}")
    for name, value in (("executor", executor), ("checkpoint", checkpoint)):
        if value is not None and repair != "refit":
            raise SettingsError(f"loo({name}=) is for repair='refit': nothing else is fitted")
    model = chosen(fitted, response, "loo")
    units = units_of(model.design, unit)
    shape = (len(units),)
    elpd, lpd, khat, ess = (np.empty(shape) for _ in range(4))
    before = base(fitted)
    for at, values in log_densities(fitted, model, units):
        weights, khat[at] = left_out(fitted, values, before)
        elpd[at] = log_sum(values + weights)
        lpd[at] = log_sum(values + before[:, None])
        ess[at] = np.exp(-log_sum(2 * weights))
    size = fitted.draws.chains * fitted.draws.draws
    notes = _notes(fitted, model, units)
    found = Elpd(
        "PSIS-LOO", model.design.formula.source, units, elpd, lpd, khat, ess, size, None,
        fingerprint(model), notes,
    )  # fmt: skip
    if repair is None or not found.high.any():
        return found
    if units.single and not fitted.plan.model.parts:
        found = integrated(fitted, found)
    if repair == "moment_match":
        return moment_matched(fitted, found)
    if repair == "refit":
        return refitted(fitted, model, found, executor, progress, checkpoint)
    return found


def waic(fitted: Fitted, response: str | None = None) -> Elpd:
    """Return the widely applicable information criterion of each row (Watanabe 2010).

    Parameters
    ----------
    fitted : Fitted
    response : str, optional
        Which, where there are several.
    """
    model = chosen(fitted, response, "waic")
    units = units_of(model.design, None)
    lpd, p = np.empty(len(units)), np.empty(len(units))
    before = base(fitted)
    share = np.exp(before)[:, None]
    for at, values in log_densities(fitted, model, units):
        lpd[at] = log_sum(values + before[:, None])
        centred = values - np.sum(share * values, axis=0)
        # Of equal weights the variance with divisor S - 1.
        p[at] = np.sum(share * centred**2, axis=0) / (1 - np.sum(share**2))
    size = fitted.draws.chains * fitted.draws.draws
    return Elpd(
        "WAIC", model.design.formula.source, units, lpd - p, lpd, None, None, size, None,
        fingerprint(model),
    )  # fmt: skip


def chosen(fitted: Fitted, response: str | None, caller: str) -> Model:
    """Return the model of the response that is asked for.

    Raises
    ------
    SettingsError
        A fit that has one point in place of draws; a response that there is not.
    """
    if fitted.draws.chains * fitted.draws.draws < 2:
        name = fitted.settings.method.name
        raise SettingsError(
            f"{caller}() needs draws, and method {name!r} has one point; "
            "fit with method='sample' or 'laplace'"
        )
    return chosen_response(fitted.plan.model, response)


def log_densities(fitted: Fitted, model: Model, units: Units) -> Iterator[tuple[Ints, Floats]]:
    """Yield units and their log densities for each draw, shape (S, n).

    Of whole levels those with their effects integrated out, as far as no other rows tell of
    these; of models with several linear predictors as they were drawn.
    """
    if units.single:
        rows = predictions(fitted, target="linear", response=model.part.response or None)
        yield from rows.log_likelihood()
        return
    if fitted.plan.model.parts:
        step = max(1, _HELD // (fitted.draws.chains * fitted.draws.draws))
        for low in range(0, len(units), step):
            some = np.arange(low, min(low + step, len(units)))
            yield some, as_drawn(fitted, model, units, some)
        return
    found = marginals(fitted, model.design)
    owned = owners(model.design, units.of_rows)
    for j, rows_of_unit in enumerate(units.rows()):
        alone = {g: by == j for g, by in owned.items()}
        yield np.array([j]), found.density(rows_of_unit, alone)[:, None]


def _notes(fitted: Fitted, model: Model, units: Units) -> tuple[str, ...]:
    if not units.single and fitted.plan.model.parts and fitted.plan.model.groups:
        return (
            "effects are as drawn, not integrated out, since there are several linear predictors",
        )
    known = integrable(model.design)
    left = [g for g in model.design.groups if g.group not in known]
    if units.single or not left:
        return ()
    named = " and ".join(dict.fromkeys(g.source for g in left))
    return (
        f"effects of {named} are as drawn, not integrated out, since levels are not "
        "independent and alike",
    )
