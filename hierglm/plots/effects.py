"""Conditional effects: lines with ribbons over a number, points with intervals over levels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hierglm.errors import SettingsError
from hierglm.plots.look import (
    ACCENT,
    CHAINS,
    INK,
    PAGE,
    QUIET,
    look,
    name_rows,
    picture,
    safe,
    title,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

NAMED = 120
"""Levels that are all named on an axis; more are a band, sorted."""
MOST_PANELS = 24
MOST_POINTS = 2000
"""Points of the data that are drawn, evenly spread over its rows."""

_NUMBERS = ("estimate", "std_error", "conf_low", "conf_high")


def effects(
    table: pd.DataFrame,
    x: str,
    response: str,
    quantity: bool,
    observed: pd.DataFrame | None = None,
    conf_level: float = 0.95,
) -> Figure:
    """Return a target over the values of a column, with intervals.

    Parameters
    ----------
    table : DataFrame
        See `hierglm.posterior.Fit.effects`; its other columns make colours, then panels.
    x : str
        The column.
    response : str
        What is on the other axis, in words.
    quantity : bool
        Whether the column is a number with a line over it, and not some levels.
    observed : DataFrame, optional
        The data behind: columns `x`, those of the table that divide it, and last the response.
    conf_level : float
        Probability of the intervals, in words only.

    Returns
    -------
    Figure
        Up to six values of a column have a colour each; of more the lines alone are drawn. Its
        ``data`` is the table.

    Raises
    ------
    SettingsError
        More panels than anyone would look at.
    """
    beside = [n for n in table.columns if n not in (x, *_NUMBERS)]
    if observed is not None:
        for name in (n for n in beside if n in observed.columns):
            observed = observed[observed[name].isin(list(table[name]))]
    varying = [n for n in beside if table[n].nunique() > 1]
    colour = "category" if "category" in varying else (varying[0] if varying else None)
    rest = [n for n in varying if n != colour]
    panels = list(_panels(table, rest))
    if len(panels) > MOST_PANELS:
        raise SettingsError(
            f"{', '.join(map(repr, rest))} would make {len(panels):,} panels; give at= fewer values"
        )
    wide = min(len(panels), 3)
    high = -(-len(panels) // wide)
    rows = table[x].nunique()
    pitch = float(np.interp(rows, [10, 60], [0.28, 0.12]))
    if _many(table, colour):
        # Rows in which the values of a column lie below each other.
        pitch = max(pitch, min(1.2, 5.0 / rows))
    each = 2.7 if quantity else 0.9 + pitch * rows
    with look():
        width = PAGE if wide > 1 else 0.75 * PAGE
        figure = picture(width, 0.5 + high * (each if quantity or rows <= NAMED else 6.0))
        figure.data = table
        grid = figure.subplots(high, wide, squeeze=False, sharex=True, sharey=True)
        for axes in grid.flat[len(panels) :]:
            axes.set_axis_off()
        for axes, (head, part, chosen) in zip(grid.flat, panels, strict=False):
            behind = None if observed is None else _matching(observed, chosen)
            draw = _lines if quantity else _levels
            draw(axes, part, x, colour, behind)
            if head:
                title(axes, head, 34)
        shown = "" if quantity and _many(table, colour) else f" and {100 * conf_level:g}% intervals"
        words = f"{safe(response, 40)}: mean{shown}"
        if quantity:
            figure.supylabel(words, fontsize=8.5, parse_math=False)
            figure.supxlabel(safe(x, 60), fontsize=8.5, parse_math=False)
        else:
            figure.supxlabel(words, fontsize=8.5, parse_math=False)
            figure.supylabel(safe(x, 60), fontsize=8.5, parse_math=False)
        _legend(figure, grid, colour)
    return figure


def _panels(
    table: pd.DataFrame, names: Sequence[str]
) -> Iterator[tuple[str, pd.DataFrame, dict[str, Any]]]:
    if not names:
        yield "", table, {}
        return
    for values, part in table.groupby(list(names), sort=False, observed=True):
        chosen = dict(zip(names, values, strict=True))
        yield ", ".join(f"{n} = {_short(v)}" for n, v in chosen.items()), part, chosen


def _curves(part: pd.DataFrame, colour: str | None) -> list[tuple[str, str, pd.DataFrame, Any]]:
    """Return label, colour, rows and value of each curve, where there is a colour for each."""
    if colour is None:
        return [("", ACCENT, part, None)]
    found = part.groupby(colour, sort=False, observed=True)
    return [(_short(v), ink, own, v) for ink, (v, own) in zip(CHAINS, found, strict=False)]


def _many(part: pd.DataFrame, colour: str | None) -> bool:
    return colour is not None and part[colour].nunique() > len(CHAINS)


def _lines(
    axes: Axes, part: pd.DataFrame, x: str, colour: str | None, behind: pd.DataFrame | None
) -> None:
    axes.grid(axis="y")
    if _many(part, colour):
        if behind is not None:
            _points(axes, behind, x, None, ())
        _many_lines(axes, part, x, colour)
        return
    curves = _curves(part, colour)
    if behind is not None:
        _points(axes, behind, x, colour, curves)
    for name, ink, own, _ in curves:
        ends = own["conf_low"], own["conf_high"]
        axes.fill_between(own[x], *ends, color=ink, alpha=0.2, linewidth=0)
        axes.plot(own[x], own["estimate"], color=ink, linewidth=1.5, label=safe(name))


def _many_lines(axes: Axes, part: pd.DataFrame, x: str, colour: str | None) -> None:
    """Draw the means alone, as one thing: thousands of lines would take minutes."""
    from matplotlib.collections import LineCollection

    curve = part.groupby(colour, sort=False, observed=True).ngroup().to_numpy()
    order = np.argsort(curve, kind="stable")
    ends = np.flatnonzero(np.diff(curve[order])) + 1
    lines = np.split(part[[x, "estimate"]].to_numpy(dtype=np.float64)[order], ends)
    faint = float(np.clip(20 / len(lines), 0.015, 0.6))
    axes.add_collection(LineCollection(lines, colors=ACCENT, linewidths=0.8, alpha=faint))
    axes.autoscale_view()
    # Above the panel, where there are no points.
    axes.annotate(
        f"{len(lines):,} levels of {safe(colour)}", (1, 1.01), xycoords="axes fraction",
        ha="right", va="bottom", fontsize=8, color=INK, parse_math=False,
    )  # fmt: skip


def _levels(
    axes: Axes, part: pd.DataFrame, x: str, colour: str | None, behind: pd.DataFrame | None
) -> None:
    levels = list(dict.fromkeys(part[x]))
    axes.grid(axis="x")
    if len(levels) > NAMED:
        _band(axes, part, x)
        return
    place = {level: k for k, level in enumerate(levels)}
    if behind is not None:
        _points(axes, behind.assign(**{x: behind[x].map(place).astype(float)}), x, None, (), True)
    if _many(part, colour):
        _stacked(axes, part, x, place)
        name_rows(axes, [_short(v) for v in levels])
        return
    curves = _curves(part, colour)
    apart = 0.0 if len(curves) < 2 else 0.6 / len(curves)
    size = 1.0 if len(part) <= 60 else 0.5
    for k, (name, ink, own, _) in enumerate(curves):
        rows = own[x].map(place).to_numpy(dtype=float) + apart * (k - (len(curves) - 1) / 2)
        axes.hlines(rows, own["conf_low"], own["conf_high"], color=ink, linewidth=1.4 * size)
        axes.plot(
            own["estimate"], rows, "o", color="white", markeredgecolor=ink,
            markersize=4.2 * size, label=safe(name),
        )  # fmt: skip
    pitch = float(np.interp(len(levels), [10, 60], [0.28, 0.12]))
    name_rows(axes, [_short(v) for v in levels], size=min(8.0, 72 * pitch / 1.15))


def _stacked(axes: Axes, part: pd.DataFrame, x: str, place: dict[Any, int]) -> None:
    """Draw many values at each level: below each other, in the order of their estimates."""
    order = part.groupby(x, sort=False, observed=True)["estimate"]
    share = (order.rank(method="first", ascending=False) - 0.5) / order.transform("size")
    rows = part[x].map(place).to_numpy(dtype=float) + 0.7 * (share.to_numpy(dtype=float) - 0.5)
    faint = float(np.clip(40 / (len(part) / len(place)), 0.1, 0.7))
    ends = part["conf_low"], part["conf_high"]
    axes.hlines(rows, *ends, color=ACCENT, linewidth=0.7, alpha=faint)
    axes.plot(part["estimate"], rows, ".", color=ACCENT, markersize=2.5)


def _band(axes: Axes, part: pd.DataFrame, x: str) -> None:
    """Draw very many levels, sorted, of which the first and last are named."""
    own = part.sort_values("estimate", ascending=False, kind="stable")
    rows = np.arange(len(own))
    axes.fill_betweenx(rows, own["conf_low"], own["conf_high"], color=ACCENT, alpha=0.25,
                       linewidth=0)  # fmt: skip
    axes.plot(own["estimate"], rows, color=ACCENT, linewidth=1.2)
    axes.set_ylim(len(own) - 0.5, -0.5)
    texts = [safe(_short(own[x].iloc[0])), f"{len(own):,} levels", safe(_short(own[x].iloc[-1]))]
    axes.set_yticks([0, (len(own) - 1) / 2, len(own) - 1], labels=texts, parse_math=False)


def _points(
    axes: Axes,
    behind: pd.DataFrame,
    x: str,
    colour: str | None,
    curves: Sequence[Any],
    upright: bool = False,
) -> None:
    """Draw rows of the data: in the colour of their level, where they have one of these."""
    some = behind.iloc[:: -(-len(behind) // MOST_POINTS)]
    y = some.columns[-1]
    marks: dict[str, Any] = {"linestyle": "", "markersize": 2.2, "alpha": 0.35, "zorder": 0.6}
    if upright:
        # Spread over the height of a row, the same way each time.
        apart = np.random.default_rng(0).uniform(-0.22, 0.22, len(some))
        axes.plot(some[y], some[x] + apart, marker=".", color=QUIET, **marks)
        return
    two = some[y].nunique() <= 2
    marks |= {"marker": "|" if two else ".", "markersize": 5 if two else 2.2}
    if colour in some.columns and curves:
        for _, ink, _, value in curves:
            own = some[some[colour] == value]
            axes.plot(own[x], own[y], color=ink, **marks)
        return
    axes.plot(some[x], some[y], color=QUIET, **marks)


def _matching(observed: pd.DataFrame, chosen: dict[str, Any]) -> pd.DataFrame:
    """Return the data of a panel, as far as the data say which it is."""
    for name, value in chosen.items():
        if name in observed.columns:
            observed = observed[observed[name] == value]
    return observed


def _legend(figure: Figure, grid: Any, colour: str | None) -> None:
    handles, labels = grid.flat[0].get_legend_handles_labels()
    if colour is not None and handles:
        legend = figure.legend(
            handles, labels, title=safe(colour), loc="outside right upper", frameon=False,
            fontsize=8, title_fontsize=8,
        )  # fmt: skip
        for text in (*legend.get_texts(), legend.get_title()):
            text.set_parse_math(False)


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
