"""K-fold cross-validation: a fit for each fold, without its units."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from hierglm.comparing.as_drawn import as_drawn
from hierglm.comparing.elpd import Elpd, fingerprint
from hierglm.comparing.loo import chosen, log_densities
from hierglm.comparing.refits import each_held_out
from hierglm.comparing.units import ROW, Units, united, units_of
from hierglm.comparing.weights import base
from hierglm.design.design import Design
from hierglm.draws.pareto import log_sum
from hierglm.engines.engine import chosen_seed
from hierglm.errors import SettingsError
from hierglm.results.fitted import Fitted

Ints = NDArray[np.int64]

_HELD = 2**25
"""Log densities of units held at once (256 MB)."""


def kfold(
    fitted: Fitted,
    k: int = 10,
    by: str | None = None,
    stratify: str | None = None,
    seed: int | None = None,
    response: str | None = None,
    executor: Executor | None = None,
    progress: bool | None = None,
    checkpoint: str | PathLike[str] | None = None,
) -> Elpd:
    """Return the log density of each unit given the other folds.

    Parameters
    ----------
    fitted : Fitted
    k : int
        Number of folds, from 2 to the number of units.
    by : str, optional
        A grouping factor or column whose levels are units; rows by default.
    stratify : str, optional
        A grouping factor or column of whose levels each fold gets its share.
    seed : int, optional
        Of the folds; the fit's by default.
    response : str, optional
        Of several responses the one whose rows are left out. Without it levels, `by`, are left
        out of all responses at once.
    executor : Executor, optional
        Of `concurrent.futures`, on which folds are fitted; the numbers are the same.
    progress : bool, optional
        A bar of the folds; by default in a terminal and in a notebook.
    checkpoint : path, optional
        A folder that keeps each fold as soon as it is fitted; the same call goes on from there.

    Raises
    ------
    CheckpointError
        Where the folder is of another run.
    SettingsError
        An argument that there is not, or that does not go with the others.
    PriorError
        A flat prior that some fold's fit has no proper posterior with; names the folds.
    """
    every = fitted.plan.model.responses
    together = len(every) > 1 and response is None and by is not None and by != ROW
    models = every if together else (chosen(fitted, response, "kfold"),)
    own = [units_of(m.design, by, "by") for m in models]
    if together:
        own = united(own)
    pairs = list(zip(models, own, strict=True))
    seed = chosen_seed(seed, fitted.settings.seed)
    found = folds([(m.design, u) for m, u in pairs], k, stratify, seed)
    units = own[0]
    elpd, lpd = np.empty(len(units)), np.empty(len(units))
    held = {f"fold {fold}": np.flatnonzero(found == fold) for fold in range(1, k + 1)}
    again = each_held_out(fitted, pairs, held, executor, progress, "fold", checkpoint)
    troubles: dict[str, str] = {}
    for (name, some), one in zip(held.items(), again, strict=True):
        elpd[some] = one.density
        if one.trouble:
            troubles[name] = one.trouble[0]
    before, step = base(fitted)[:, None], max(1, _HELD // len(base(fitted)))
    if together:
        for low in range(0, len(units), step):
            at = np.arange(low, min(low + step, len(units)))
            lpd[at] = log_sum(sum(as_drawn(fitted, m, u, at) for m, u in pairs) + before)
    else:
        for at, values in log_densities(fitted, models[0], units):
            lpd[at] = log_sum(values + before)
    return Elpd(
        f"{k}-fold", "; ".join(m.design.formula.source for m in models), units, elpd, lpd, None,
        None, len(before), found, "".join(fingerprint(m) for m in models), troubles=troubles,
    )  # fmt: skip


def folds(pairs: Sequence[tuple[Design, Units]], k: int, stratify: str | None, seed: int) -> Ints:
    """Return the fold of each unit, from 1 to k, of about equal numbers of units.

    Parameters
    ----------
    pairs : sequence of (Design, Units)
        The responses whose rows the units have.
    k, stratify, seed
        See `kfold`.

    Raises
    ------
    SettingsError
        A number of folds that cannot be; strata of which a unit has several.
    """
    units = pairs[0][1]
    count = len(units)
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 2 <= k <= count:
        raise SettingsError(
            f"k must be a whole number from 2 to {count:,}, the number of "
            f"{'rows' if units.single else 'levels of ' + units.name}, not {k!r}"
        )
    rng = np.random.default_rng(seed)
    order = rng.permutation(count)
    if stratify is not None:
        # Dealt out in turn, stratum by stratum, each in a random order.
        order = order[np.argsort(_strata(pairs, stratify)[order], kind="stable")]
    names = rng.permutation(k) + 1
    out = np.empty(count, dtype=np.int64)
    out[order] = names[np.arange(count) % k]
    return out


def _strata(pairs: Sequence[tuple[Design, Units]], stratify: str) -> Ints:
    units = pairs[0][1]
    strata = united([units_of(design, stratify, "stratify") for design, _ in pairs])
    both = [
        np.column_stack([own.of_rows, s.of_rows]) for (_, own), s in zip(pairs, strata, strict=True)
    ]
    found = np.unique(np.concatenate(both), axis=0)
    if len(found) > len(units):
        several = int(np.flatnonzero(np.bincount(found[:, 0]) > 1)[0])
        raise SettingsError(
            f"stratify={stratify!r}: {units.labels[several]!r} of {units.name!r} has rows in "
            "several of its levels, so that it cannot be dealt out with one of them"
        )
    return found[:, 1]
