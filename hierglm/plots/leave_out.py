"""How hard each unit was to leave out, or how well it was predicted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hierglm.plots.look import ACCENT, INK, PAGE, QUIET, TROUBLE, look, picture, safe

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

_NAMED = 8
"""Most units that are named."""
_FEW = 30
"""Units that all have their names below the axis."""


def leave_out(
    names: Sequence[Any], unit: str, values: Floats, limit: float | None = None
) -> Figure:
    """Return a number of each unit, in the order of the data; the worst are named.

    Parameters
    ----------
    names : sequence
        Labels of the units.
    unit : str
        What they are.
    values : ndarray, shape (units,)
        Pareto's k-hat, or without a limit the log density of each unit.
    limit : float, optional
        The largest k-hat that can be trusted.

    Returns
    -------
    Figure
    """
    import pandas as pd

    worst = np.argsort(-np.nan_to_num(values, nan=-np.inf, posinf=np.inf), kind="stable")
    high = np.zeros(len(values), dtype=bool)
    if limit is None:
        worst = np.argsort(values, kind="stable")[: min(3, len(values) // 10)]
    else:
        high = values > limit
        worst = worst[: min(_NAMED, int(high.sum()))]
    shown = _finite(values)
    with look():
        figure = picture(PAGE, 3.0)
        number = "elpd" if limit is None else "pareto_k"
        figure.data = pd.DataFrame({unit: list(names), number: values})
        axes = figure.subplots()
        at = np.arange(len(values))
        size = float(np.interp(np.log10(max(len(values), 1)), [1, 3.5], [5.0, 1.6]))
        axes.plot(at[~high], shown[~high], "o", color=ACCENT, markersize=size, markeredgewidth=0)
        axes.plot(
            at[high], shown[high], "o", color=TROUBLE, markersize=max(size, 3.5), markeredgewidth=0
        )
        if limit is not None:
            axes.axhline(limit, color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)))
            axes.set_ylabel("Pareto k-hat")
        else:
            axes.set_ylabel("log density, left out")
        _name(axes, names, shown, worst)
        axes.grid(axis="y")
        axes.margins(x=0.03, y=0.1)
        if len(names) <= _FEW:
            axes.set_xlim(-0.6, len(names) - 0.4)
        _name_axis(axes, names, unit)
    return figure


def _finite(values: Floats) -> Floats:
    """Return the values with infinite ones, which say that nothing is known, on top."""
    finite = values[np.isfinite(values)]
    top = max(1.0, float(finite.max(initial=0.0)) * 1.05)
    return np.where(np.isposinf(values), top, values)


def _name(axes: Axes, names: Sequence[Any], values: Floats, which: NDArray[np.int64]) -> None:
    """Put names beside some points, on the side with more room."""
    if len(names) <= _FEW:
        return
    # Names that would lie over each other: only the one further out is written.
    height = np.ptp(values[np.isfinite(values)]) or 1.0
    placed: list[tuple[float, float]] = []
    for i in which:
        here = (i / len(values), float(values[i]) / height)
        if any(abs(here[0] - x) < 0.12 and abs(here[1] - y) < 0.07 for x, y in placed):
            continue
        placed.append(here)
        left = i > 0.6 * len(values)
        axes.annotate(
            safe(names[i], 18), (float(i), float(values[i])), xytext=(-5 if left else 5, 0),
            textcoords="offset points", ha="right" if left else "left", va="center",
            fontsize=7.5, color=INK, parse_math=False,
        )  # fmt: skip


def _name_axis(axes: Axes, names: Sequence[Any], unit: str) -> None:
    if unit == "row":
        axes.set_xlabel("row, in the order of the data")
        return
    if len(names) > _FEW:
        axes.set_xlabel(f"{safe(unit)} ({len(names):,} levels, in their order)", parse_math=False)
        axes.set_xticks([])
        return
    texts = [safe(name, 18) for name in names]
    upright = sum(map(len, texts)) > 70
    axes.set_xticks(
        range(len(names)), labels=texts, parse_math=False, fontsize=7.5,
        rotation=60 if upright else 0, ha="right" if upright else "center",
        rotation_mode="anchor" if upright else "default",
    )  # fmt: skip
    axes.set_xlabel(safe(unit), parse_math=False)
