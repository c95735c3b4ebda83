"""K-fold cross-validation: a fit for each fold, without its units."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hierglm.comparing.elpd import Elpd, fingerprint
from hierglm.comparing.loo import chosen, log_densities, refuse_several
from hierglm.comparing.refits import held_out
from hierglm.comparing.units import Units, units_of
from hierglm.comparing.weights import base
from hierglm.design.design import Design
from hierglm.draws.pareto import log_sum
from hierglm.errors import SettingsError
from hierglm.results.fitted import Fitted

Ints = NDArray[np.int64]


def kfold(
    fitted: Fitted,
    k: int = 10,
    by: str | None = None,
    stratify: str | None = None,
    seed: int | None = None,
) -> Elpd:
    """Return the log density of each unit given the other folds.

    Parameters
    ----------
    fitted : Fitted
        Of one response.
    k : int
        Number of folds, from 2 to the number of units.
    by : str, optional
        A grouping factor or column whose levels are units; rows by default.
    stratify : str, optional
        A grouping factor or column of whose levels each fold gets its share.
    seed : int, optional
        Of the folds; the fit's by default.

    Raises
    ------
    SettingsError
        An argument that there is not, or that does not go with the others.
    """
    refuse_several(fitted, "kfold()")
    model = chosen(fitted, None, "kfold")
    units = units_of(model.design, by, "by")
    found = folds(model.design, units, k, stratify, fitted.settings.seed if seed is None else seed)
    elpd, lpd = np.empty(len(units)), np.empty(len(units))
    for fold in range(1, k + 1):
        some = np.flatnonzero(found == fold)
        elpd[some] = held_out(fitted, units, some)
    before = base(fitted)[:, None]
    for at, values in log_densities(fitted, model, units):
        lpd[at] = log_sum(values + before)
    size = fitted.draws.chains * fitted.draws.draws
    return Elpd(
        f"{k}-fold", model.design.formula.source, units, elpd, lpd, None, None, size, found,
        fingerprint(model),
    )  # fmt: skip


def folds(design: Design, units: Units, k: int, stratify: str | None, seed: int) -> Ints:
    """Return the fold of each unit, from 1 to k, of about equal numbers of units.

    Raises
    ------
    SettingsError
        A number of folds that cannot be; strata of which a unit has several.
    """
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
        order = order[np.argsort(_strata(design, units, stratify)[order], kind="stable")]
    names = rng.permutation(k) + 1
    out = np.empty(count, dtype=np.int64)
    out[order] = names[np.arange(count) % k]
    return out


def _strata(design: Design, units: Units, stratify: str) -> Ints:
    strata = units_of(design, stratify, "stratify")
    pairs = np.unique(np.column_stack([units.of_rows, strata.of_rows]), axis=0)
    if len(pairs) > len(units):
        several = int(np.flatnonzero(np.bincount(pairs[:, 0]) > 1)[0])
        raise SettingsError(
            f"stratify={stratify!r}: {units.labels[several]!r} of {units.name!r} has rows in "
            "several of its levels, so that it cannot be dealt out with one of them"
        )
    return pairs[:, 1]
