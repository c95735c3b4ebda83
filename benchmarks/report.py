"""The printed table: a row a program, and whether a case's targets are reached."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan

from benchmarks.cases import Case, Measure, Target
from benchmarks.measure import Result

HEADER = (
    f"  {'program':<14}{'wall s':>9}{'frame s':>9}{'CPU s':>9}{'min ESS':>9}{'ESS/CPU s':>11}"
    f"{'div':>6}{'R-hat':>8}{'peak MB':>9}   auto is better by"
)

NOT_CONVERGED = 1.05
"""The R-hat beyond which an ESS says nothing."""

NAMES: Mapping[Measure, str] = {
    "wall": "wall s",
    "frame": "s from data frame to summary",
    "cpu": "CPU s",
    "ess": "ESS",
    "rhat": "R-hat",
    "ess_per_cpu": "ESS per CPU s",
    "ess_per_wall": "ESS per wall s",
}


def row(name: str, found: Result | str, auto: Result | None) -> str:
    """Return a line of the table.

    Parameters
    ----------
    name : str
        The program.
    found : Result or str
        What it took, or why there is nothing to show.
    auto : Result, optional
        hierglm's own: the ratios are to it.
    """
    if isinstance(found, str):
        return f"  {name:<14} {found}"
    ratio = "" if auto is None or auto is found else _ratio(found, auto)
    return (
        f"  {name:<14}{found.wall:>9.1f}{found.frame:>9.1f}{found.cpu:>9.1f}"
        f"{_or_dash(found.ess, ',.0f'):>9}{_or_dash(found.ess_per_cpu, ',.1f'):>11}"
        f"{_or_dash(found.divergent, '.0f'):>6}{_or_dash(found.rhat, '.3f'):>8}"
        f"{found.peak:>9,.0f}   {ratio}"
    ).rstrip()


def verdict(target: Target, found: Mapping[str, Result | str]) -> str:
    """Return whether a target is reached, with the numbers.

    Parameters
    ----------
    target : Target
        Of the case.
    found : mapping of str to Result or str
        What each program took, "auto" among them; text where it has no result.

    Returns
    -------
    str
        Begins with "reached", "missed" (also if hierglm itself has no result) or "not judged"
        (the program it is compared with has none).
    """
    ours = found.get("auto")
    if not isinstance(ours, Result):
        return "missed: plan auto has no result"
    unit, limit = 1.0, _number(target.limit)
    if target.times is not None:
        theirs = found.get(target.times)
        if not isinstance(theirs, Result):
            return f"not judged: {target.times} has no result"
        unit = float(getattr(theirs, target.measure))
        limit = f"{limit} times that of {target.times}"
    value = float(getattr(ours, target.measure)) / unit
    reached = value <= target.limit if target.bound == "most" else value >= target.limit
    times = "" if target.times is None else " times"
    return (
        f"{'reached' if reached else 'missed'}: {_number(value)}{times}, "
        f"{NAMES[target.measure]} at {target.bound} {limit}"
    )


def targets(case: Case, found: Mapping[str, Result | str]) -> list[str]:
    """Return a line a target."""
    return [f"  target {verdict(target, found)}" for target in case.targets]


def _ratio(theirs: Result, auto: Result) -> str:
    if isnan(theirs.ess):
        return f"{_number(theirs.wall / auto.wall)} in wall s"
    if not max(theirs.rhat, auto.rhat) <= NOT_CONVERGED:
        return "no ratio: chains disagree"
    return (
        f"{_number(auto.ess_per_cpu / theirs.ess_per_cpu)} in ESS/CPU s, "
        f"{_number(auto.ess_per_wall / theirs.ess_per_wall)} in ESS/wall s"
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.4g}"


def _or_dash(value: float, form: str) -> str:
    return "-" if isnan(value) else format(value, form)
