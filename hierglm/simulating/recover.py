"""Recovery: estimates from simulated data beside the values that these were made with."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from hierglm.draws.parameters import KEYS, check_effects, entries
from hierglm.engines.engine import chosen_seed
from hierglm.errors import HierglmError, SettingsError
from hierglm.models import Model
from hierglm.names import Parameter
from hierglm.results.check import check
from hierglm.results.rows import MAIN
from hierglm.results.tidy import tidy
from hierglm.showing.said import Said, grid
from hierglm.showing.shown import Shown
from hierglm.simulating.responses import Fittable, Simulated, each, open_run, settings, simulate

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True, repr=False)
class Recovery(Shown):
    """Estimates from simulated data beside the true values; print it.

    Attributes
    ----------
    estimates : DataFrame
        One row a data set and parameter: columns dataset, parameter, effect, truth, estimate,
        std_error, conf_low, conf_high, covered.
    failures : tuple of str
        What data sets said that could not be simulated or fitted.
    troubles : tuple of str
        What the diagnostics of fits found that are not to be trusted; these are among the
        estimates. None of penalised fits.
    conf_level : float
        Of the intervals.
    seed : int
        That gives the same numbers again.
    approximate : bool
        Whether data sets were fitted by ``method="approx"``, not sampled.
    """

    estimates: pd.DataFrame
    failures: tuple[str, ...]
    troubles: tuple[str, ...]
    conf_level: float
    seed: int
    approximate: bool

    def table(self) -> pd.DataFrame:
        """Return one row a parameter.

        Returns
        -------
        DataFrame
            Columns parameter, datasets, truth (mean), bias (mean of estimate less truth) and its
            Monte Carlo error bias_mcse, rmse, coverage (share of intervals that hold the truth)
            and coverage_mcse.
        """
        import pandas as pd

        rows = [_recovered(str(name), own) for name, own in _by_parameter(self.estimates)]
        return pd.DataFrame(rows, columns=list(_COLUMNS))

    def plot(self, most: int = 24) -> Figure:
        """Return estimates with their intervals over the true values, a panel a parameter.

        Parameters
        ----------
        most : int
            Of more parameters, those are shown whose intervals hold the truth least often.
        """
        from hierglm.plots.recovery import recovery

        return recovery(self.estimates, most)

    def said(self) -> Said:
        """Return the table and what failed; see `hierglm.showing.said.Said`."""
        fits = "penalised fits, not posteriors" if self.approximate else "posteriors"
        found, count = self.table(), self.estimates["dataset"].nunique()
        words = []
        if self.failures:
            words.append(f"{_counted(self.failures)} failed, such as {self.failures[0]}")
        if self.troubles:
            words.append(
                f"fits of {_counted(self.troubles)} are not to be trusted, such as "
                f"{self.troubles[0]}"
            )
        # Names need the room more than what is in the head, and errors that follow from it.
        left_out = ["coverage_mcse"] + ["datasets"] * bool((found["datasets"] == count).all())
        return Said(
            f"recovery: {fits} of {count} data sets, {self.conf_level:.0%} intervals, "
            f"seed {self.seed}",
            grids=(grid(found.drop(columns=left_out), rows=_SHOWN, more=".table()"),),
            words=tuple(words),
            healthy=not (self.failures or self.troubles),
        )


def recover(
    prepared: Fittable,
    truth: Mapping[str, float] | None = None,
    n: int = 20,
    seed: int | None = None,
    executor: Executor | None = None,
    effects: Sequence[str] | str = MAIN,
    conf_level: float = 0.95,
    checkpoint: str | PathLike[str] | None = None,
    **options: Any,
) -> Recovery:
    """Return estimates from simulated data beside the values that these were made with.

    Parameters
    ----------
    prepared : Fittable
    truth : mapping of str to float, optional
        Values of parameters, see `hierglm.simulating.responses.simulate`; others are drawn from
        their priors for each data set.
    n : int
        Number of data sets.
    seed : int, optional
        One of its own by default.
    executor : Executor, optional
        Of `concurrent.futures`, on which data sets are fitted; the numbers are the same.
    effects : str or sequence of str
        Kinds of parameters, see `hierglm.results.tidy.tidy`.
    conf_level : float
        Probability of the intervals.
    checkpoint : path, optional
        A folder that keeps the estimates of each data set; the same call goes on from there.
    **options
        For `hierglm.prepared.PreparedModel.fit`; with ``method="approx"`` penalised fits.
    """
    import pandas as pd

    kinds = check_effects(effects)
    if "ran_coefs" in kinds:
        raise SettingsError(
            "recover() knows the true effects of levels, effects='ran_vals', and not 'ran_coefs'"
        )
    given, seed = seed, chosen_seed(seed, secrets.randbelow(2**31))
    facts = {
        "data sets": str(n),
        "truth": repr({name: float(x) for name, x in (truth or {}).items()}),
        "effects": ", ".join(kinds),
        "conf_level": str(conf_level),
    }
    answers, seed = open_run(checkpoint, Estimated, prepared, facts, options, given, seed)
    data = simulate(prepared.model, n, seed, truth)
    task = partial(_estimated, prepared, kinds, conf_level, settings(options, executor))
    found = each(task, data, n, executor, options.get("progress"), answers)
    rows = [{"dataset": k, **row} for k, made in enumerate(found) for row in made.rows]
    return Recovery(
        pd.DataFrame(rows, columns=["dataset", *_ROW]),
        tuple(f"data set {k}: {made.failure}" for k, made in enumerate(found) if made.failure),
        tuple(f"data set {k}: {made.trouble}" for k, made in enumerate(found) if made.trouble),
        conf_level,
        seed,
        options.get("method") == "approx",
    )


_SHOWN = 24
"""Parameters that are printed."""
_NUMBERS = ("estimate", "std_error", "conf_low", "conf_high")
_ROW = ("parameter", "effect", "truth", *_NUMBERS, "covered")
_COLUMNS = (
    "parameter", "datasets", "truth", "bias", "bias_mcse", "rmse", "coverage", "coverage_mcse",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Estimated:
    """The rows of a data set; why it has none; what makes its fit unsafe to use."""

    rows: Sequence[Mapping[str, Any]] = ()
    failure: str = ""
    trouble: str = ""


def _estimated(
    prepared: Fittable,
    kinds: tuple[str, ...],
    conf_level: float,
    options: Mapping[str, Any],
    data: Simulated | str,
) -> Estimated:
    if isinstance(data, str):
        return Estimated(failure=data)
    draws = data.truth.draws
    truth = {
        str(e.parameter): float(draws[e.variable].values[(0, 0, *e.index)])
        for e in entries(draws, kinds)
    }
    try:
        found, trouble = _table(
            prepared.of(data.model), kinds, conf_level, {"seed": data.seed, **options}
        )
    except HierglmError as error:
        return Estimated(failure=str(error))
    rows = []
    for row in found.to_dict("records"):
        name = str(Parameter(**{str(k): v for k, v in row.items() if k in KEYS}))
        # Constants are no estimates.
        if name in truth and row["std_error"] > 0:
            covered = bool(row["conf_low"] <= truth[name] <= row["conf_high"])
            rows.append(
                {"parameter": name, "effect": row["effect"], "truth": truth[name]}
                | {k: float(row[k]) for k in _NUMBERS}
                | {"covered": covered}
            )
    return Estimated(rows, trouble=trouble)


def _table(
    prepared: Any, kinds: tuple[str, ...], conf_level: float, options: Mapping[str, Any]
) -> tuple[pd.DataFrame, str]:
    """Return the estimates of one data set, and the first problem of its fit."""
    if options.get("method") == "approx":
        return prepared.approx().tidy(kinds, conf_level), ""
    fit = prepared.fit(**options)
    first = next(map(str, check(fit).problems), "")
    return tidy(fit, kinds, conf_level), first


def _counted(found: Sequence[str]) -> str:
    return f"{len(found):,} data set{'' if len(found) == 1 else 's'}"


def _by_parameter(estimates: pd.DataFrame) -> Iterator[tuple[Any, pd.DataFrame]]:
    return iter(estimates.groupby("parameter", sort=False))


def _recovered(name: str, own: pd.DataFrame) -> tuple[Any, ...]:
    count = len(own)
    error = (own["estimate"] - own["truth"]).to_numpy(np.float64)
    coverage = float(own["covered"].mean())
    spread = float(error.std(ddof=1)) if count > 1 else np.nan
    return (
        name, count, float(own["truth"].mean()), float(error.mean()), spread / count**0.5,
        float(np.sqrt(np.mean(error**2))), coverage, share_error(coverage, count),
    )  # fmt: skip


def share_error(share: float, count: int) -> float:
    """Return the Monte Carlo error of a share; never 0, by Agresti and Coull's two and two."""
    middle = (share * count + 2) / (count + 4)
    return float(np.sqrt(middle * (1 - middle) / (count + 4)))


def known_names(model: Model) -> tuple[str, ...]:
    """Return the names under which values of single parameters may be given."""
    return tuple(a.slot.name for a in model.priors)
