"""What is said of whole models at the foot of a publication table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hierglm.publishing.estimates import Model
from hierglm.results.approximation import Approximation
from hierglm.results.fitted import Fitted
from hierglm.results.multiple_imputation import Imputed

if TYPE_CHECKING:
    from hierglm.comparing.elpd import Elpd

Said = tuple[dict[str, str], tuple[str, ...]]
"""Texts by label, and what makes them doubtful."""


def facts(of: Model) -> dict[str, str]:
    """Return what costs nothing: the distribution, rows, and levels of each grouping factor."""
    if isinstance(of, Approximation):
        out = {"Distribution": of.family, "Rows": f"{of.rows:,}"}
        levels = {p.group: dict(p.dims)[p.group] for p in of.parts if p.effect == "ran_vals"}
        return out | {f"Levels of {group}": f"{len(own):,}" for group, own in levels.items()}
    fitted = next(iter(of.fits.values())) if isinstance(of, Imputed) else of
    model = fitted.plan.model
    rows = " + ".join(f"{m.design.rows:,}" for m in model.responses)
    out = {"Distribution": model.distribution.replace("(", " ("), "Rows": rows}
    for grouping in model.groups:
        label = f"Levels of {grouping.group}"
        out[label] = f"{len(grouping.levels):,}"
    return out


def statistics_of(fitted: Fitted, name: str) -> Said:
    """Return a statistic of a fit, as texts by label.

    Parameters
    ----------
    fitted : Fitted
    name : str
        A key of `STATISTICS`.
    """
    return STATISTICS[name](fitted)


def _r2(fitted: Fitted) -> Said:
    from hierglm.variance.r2 import r2

    found: dict[str, str] = {}
    table: Any = r2(fitted)
    rows = table.to_dict("records")
    several = len({row["response"] for row in rows}) > 1
    for row in rows:
        if row["r2"] == "bayesian":
            of = f" of {row['response']}" if several else ""
            found[f"R² {row['part']}{of}"] = f"{row['estimate']:.2f}"
    return found, ()


def _elpd(fitted: Fitted) -> Said:
    from hierglm.comparing.loo import loo

    found = loo(fitted)
    return {"ELPD (LOO)": f"{found.elpd:.1f} ({found.se:.1f})"}, _doubts(found)


def _looic(fitted: Fitted) -> Said:
    from hierglm.comparing.loo import loo

    found = loo(fitted)
    return {"LOOIC": f"{found.ic:.1f} ({2 * found.se:.1f})"}, _doubts(found)


def _waic(fitted: Fitted) -> Said:
    from hierglm.comparing.loo import waic

    found = waic(fitted)
    return {"WAIC": f"{found.ic:.1f} ({2 * found.se:.1f})"}, _doubts(found)


def _doubts(found: Elpd) -> tuple[str, ...]:
    return tuple(finding.what + "." for finding in found.check().problems)


STATISTICS: Mapping[str, Callable[[Fitted], Said]] = {
    "r2": _r2,
    "elpd": _elpd,
    "looic": _looic,
    "waic": _waic,
}
