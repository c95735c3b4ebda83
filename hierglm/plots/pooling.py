"""Shrinkage: from each level's estimate alone to the model's, beside that of all rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hierglm.errors import SettingsError, suggest
from hierglm.names import of_predictor
from hierglm.plots.look import ACCENT, INK, PAGE, QUIET, TROUBLE, look, name_rows, picture, title
from hierglm.results.fitted import Fitted
from hierglm.results.pooling import pooling as table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

NAMED = 120
"""Levels that are all named; more are drawn over their numbers of rows."""
_TICKS = 8
"""Different numbers of rows that all stand at the axis."""
_REACH = 1.5
"""How far the axis goes beyond the middle half of the estimates alone, in its widths."""


def pooling(fitted: Fitted, group: str | None = None, term: str | None = None) -> Figure:
    """Return how far each level's coefficients are drawn to the common ones.

    A bar joins the estimate by the level's own rows (a circle, its area growing with their
    number) to the model's (a dot); a line stands where all rows together have it. Levels are
    sorted by their rows, which stand in brackets, the richest on top; more than 120 are drawn
    over their numbers of rows instead. The axis leaves out estimates far away, and says how
    many. Each of several linear predictors has panels of its own.

    Parameters
    ----------
    fitted : Fitted
    group : str, optional
        One grouping factor; all by default.
    term : str, optional
        One term; all by default.

    Returns
    -------
    Figure
        Its ``data`` are those rows of `hierglm.results.pooling.pooling`.

    Raises
    ------
    SettingsError
        For a group or term that is not in the model.
    """
    found = table(fitted, group)
    terms = list(dict.fromkeys(found["term"]))
    if term is not None and term not in terms:
        raise SettingsError(f"no term {term!r}{suggest(str(term), terms)}")
    chosen = found if term is None else found[found["term"] == term]
    of = ["response", "dpar"] if "response" in found else []
    rows = [
        [panel for _, panel in of_group.groupby("term", sort=False)]
        for _, of_group in chosen.groupby([*of, "group"], sort=False)
    ]
    rows = [some[i : i + 2] for some in rows for i in range(0, len(some), 2)]
    if not rows:
        raise SettingsError("the model has no group effects to draw")
    wide = max(len(row) for row in rows)
    heights = [_height(len(row[0])) for row in rows]
    with look():
        figure = picture(PAGE if wide == 2 else 0.75 * PAGE, 0.7 + sum(heights))
        figure.data = chosen
        grid = figure.subplots(
            len(rows), wide, squeeze=False, gridspec_kw={"height_ratios": heights}
        )
        for axes_row, panels in zip(grid, rows, strict=True):
            for axes in axes_row[len(panels) :]:
                axes.set_axis_off()
            for axes, panel in zip(axes_row, panels, strict=False):
                _draw(axes, panel, 18 if wide > 1 else 30)
        words = "circle: by the level's own rows (no pooling), dot: in the model; line: all rows"
        figure.supxlabel(words, fontsize=8.5, color=INK)
    return figure


def _height(levels: int) -> float:
    return 3.6 if levels > NAMED else 0.9 + _pitch(levels) * levels


def _pitch(levels: int) -> float:
    """Return inches a level: roomy for a few, as tight as small print allows for many."""
    return float(np.interp(levels, [10, 60], [0.26, 0.125]))


def _draw(axes: Axes, panel: pd.DataFrame, room: int) -> None:
    first = panel.iloc[0]
    of = of_predictor(first.get("response", ""), first.get("dpar", ""))
    title(axes, f"{first['group']}: {first['term']}{of}", room + 8)
    if len(panel) > NAMED:
        _over_rows(axes, panel)
    else:
        _by_name(axes, panel, room)


def _by_name(axes: Axes, panel: pd.DataFrame, room: int) -> None:
    some = panel.sort_values("rows", ascending=False, kind="stable")
    at = np.arange(len(some), dtype=np.float64)
    alone, pooled, rows = _numbers(some)
    pitch = _pitch(len(some))
    scale = min(1.0, pitch / 0.2)
    _common_line(axes, some, vertical=True)
    axes.hlines(at, alone, pooled, color=QUIET, linewidth=max(0.6, 0.9 * scale), zorder=2)
    axes.scatter(
        alone, at, s=_areas(rows, 72 * pitch), facecolors="white", edgecolors=QUIET,
        linewidths=0.8, zorder=3,
    )  # fmt: skip
    axes.scatter(pooled, at, s=16 * scale, color=ACCENT, zorder=4, linewidths=0)
    names = [f"{level} ({n:,})" for level, n in zip(some["level"], rows.astype(int), strict=True)]
    name_rows(axes, names, size=min(8.0, 72 * pitch / 1.15), room=room)
    low, high, beyond = _limits(alone, pooled, some)
    axes.set_xlim(low, high)
    axes.grid(axis="x")
    axes.set_xlabel(f"coefficient{beyond}")


def _over_rows(axes: Axes, panel: pd.DataFrame) -> None:
    alone, pooled, rows = _numbers(panel)
    # Levels with the same number of rows stand side by side, always the same way.
    spread = np.random.default_rng(1).uniform(-0.4, 0.4, len(rows))
    at = np.maximum(rows, 0.5) * (1 + spread / np.maximum(rows, 1))
    many = float(np.interp(len(panel), [NAMED, 3000], [0.5, 0.12]))
    axes.vlines(at, alone, pooled, color=QUIET, linewidth=0.5, alpha=many, zorder=1)
    axes.plot(
        at, alone, "o", markersize=2.0, color=QUIET, alpha=min(1.0, 2 * many), zorder=2,
        markeredgewidth=0,
    )  # fmt: skip
    axes.plot(at, pooled, "o", markersize=1.8, color=ACCENT, zorder=3, markeredgewidth=0)
    _common_line(axes, panel, vertical=False)
    axes.set_xscale("log")
    axes.set_xlim(0.9 * at.min(), 1.1 * at.max())
    # Whole numbers of rows: all of a few, else 1, 2, 5, 10, ...
    every = np.arange(int(rows.min()), int(rows.max()) + 1)
    ticks = every if len(every) <= _TICKS else [d * 10**k for k in range(10) for d in (1, 2, 5)]
    low, high = axes.get_xlim()
    shown = [n for n in ticks if low <= n <= high]
    axes.set_xticks(shown, labels=[f"{n:,}" for n in shown])
    axes.set_xticks([], minor=True)
    low, high, beyond = _limits(alone, pooled, panel)
    axes.set_ylim(low, high)
    axes.grid(axis="y")
    axes.set_xlabel(f"rows of the level ({len(panel):,} levels)")
    axes.set_ylabel(f"coefficient{beyond}")


def _numbers(panel: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
    columns = ("no_pooling", "partial_pooling", "rows")
    alone, pooled, rows = (panel[name].to_numpy(dtype=np.float64) for name in columns)
    return alone, pooled, rows


def _areas(rows: Floats, most: float) -> Any:
    """Return areas of circles in square points, as large as a row of the picture allows."""
    return np.maximum(0.35, np.sqrt(rows / rows.max())) ** 2 * min(8.0, 0.8 * most) ** 2


def _common_line(axes: Axes, panel: pd.DataFrame, vertical: bool) -> None:
    at = float(panel["complete_pooling"].iloc[0])
    if np.isfinite(at):
        draw = axes.axvline if vertical else axes.axhline
        draw(at, color=TROUBLE, linewidth=1.0, zorder=1.5)


def _limits(alone: Floats, pooled: Floats, panel: pd.DataFrame) -> tuple[float, float, str]:
    """Return the ends of the axis of coefficients, and in words how many estimates lie beyond."""
    shown = np.append(pooled, panel["complete_pooling"].iloc[0])
    low, high = float(np.nanmin(shown)), float(np.nanmax(shown))
    known = alone[np.isfinite(alone)]
    if len(known):
        quarter, half = np.quantile(known, [0.25, 0.75])
        reach = max(_REACH * (half - quarter), high - low)
        low = min(low, max(float(known.min()), quarter - reach))
        high = max(high, min(float(known.max()), half + reach))
    pad = 0.04 * (high - low) or 1.0
    beyond = int(np.sum((known < low - pad) | (known > high + pad)))
    words = f" ({beyond:,} beyond)" if beyond else ""
    return low - pad, high + pad, words
