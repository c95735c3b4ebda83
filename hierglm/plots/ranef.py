"""The effects of every level, sorted: a caterpillar for each group and term."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hierglm.draws.draws import Variable
from hierglm.errors import SettingsError, suggest
from hierglm.plots.intervals import forest, interval_table
from hierglm.plots.look import ACCENT, INK, PAGE, QUIET, look, name_rows, picture, safe, title
from hierglm.results.effects import known_group
from hierglm.results.estimates import intervals, mean, pooled
from hierglm.results.fitted import Fitted
from hierglm.results.rows import select

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

NAMED = 120
"""Levels that are all named; more become a band with its ends named."""
ENDS = 4


@dataclass(frozen=True, slots=True)
class Panel:
    """The effects of one term over the levels of one group, sorted by their means."""

    group: str
    term: str
    levels: list[Any]
    middle: Floats
    inner: Floats
    outer: Floats


def ranef(
    fitted: Fitted,
    group: str | None = None,
    term: str | None = None,
    conf_level: float = 0.95,
    hdi: bool = False,
) -> Figure:
    """Return the deviations of all levels with their intervals, sorted by posterior mean.

    Parameters
    ----------
    fitted : Fitted
    group : str, optional
        One grouping factor; all by default.
    term : str, optional
        One term; all by default.
    conf_level : float
        Probability of the thin intervals; the thick ones hold 50%.
    hdi : bool
        Shortest intervals instead of equal-tailed ones.

    Returns
    -------
    Figure
        Every level is named if there are at most 120; otherwise the intervals become a
        band, and only its ends are named. Its ``data`` has columns group, term, level, estimate,
        inner_low, inner_high, conf_low, conf_high.

    Raises
    ------
    SettingsError
        For a group or term that is not in the model.
    """
    import pandas as pd

    known_group(fitted, group)
    found = select(fitted.draws, "ran_vals", group)
    terms = list(dict.fromkeys(t for v in found for t in v.dims[1][1]))
    if term is not None and term not in terms:
        raise SettingsError(f"no term {term!r}{suggest(str(term), terms)}")
    rows = [row for v in found for row in _pairs(_panels(v, term, conf_level, hdi))]
    if not rows:
        raise SettingsError("the model has no group effects to draw")
    wide = max(len(row) for row in rows)
    heights = [_height(len(row[0].levels)) for row in rows]
    with look():
        figure = picture(PAGE if wide == 2 else 0.75 * PAGE, 0.4 + sum(heights))
        tables = [_table(panel) for row in rows for panel in row]
        figure.data = pd.concat(tables, ignore_index=True)
        grid = figure.subplots(
            len(rows), wide, squeeze=False, gridspec_kw={"height_ratios": heights}
        )
        for axes_row, panels in zip(grid, rows, strict=True):
            for axes in axes_row[len(panels) :]:
                axes.set_axis_off()
            for axes, panel in zip(axes_row, panels, strict=False):
                _draw(axes, panel, 20 if wide > 1 else 34)
        words = f"deviation: posterior mean, 50% and {100 * conf_level:g}% intervals"
        figure.supxlabel(words, fontsize=8.5, color=INK)
    return figure


def _pairs(panels: list[Panel]) -> list[list[Panel]]:
    """Return panels two by two: a page is not wider."""
    return [panels[i : i + 2] for i in range(0, len(panels), 2)]


def _panels(variable: Variable, term: str | None, conf_level: float, hdi: bool) -> list[Panel]:
    levels, terms = variable.dims[0][1], variable.dims[1][1]
    panels = []
    for k, name in enumerate(terms):
        if term not in (None, name):
            continue
        x = pooled(variable.values[..., k])
        order = np.argsort(-mean(x), kind="stable")
        x = x[:, order]
        panels.append(
            Panel(
                variable.group,
                name,
                [levels[i] for i in order],
                mean(x),
                intervals(x, 0.5, hdi),
                intervals(x, conf_level, hdi),
            )
        )
    return panels


def _table(panel: Panel) -> pd.DataFrame:
    count = len(panel.levels)
    labels = {"group": [panel.group] * count, "term": [panel.term] * count, "level": panel.levels}
    return interval_table(labels, panel.middle, panel.inner, panel.outer)


def _height(levels: int) -> float:
    return 5.0 if levels > NAMED else 0.7 + _pitch(levels) * levels


def _pitch(levels: int) -> float:
    """Return inches a level: roomy for a few, as tight as small print allows for many."""
    return float(np.interp(levels, [10, 60], [0.24, 0.118]))


def _draw(axes: Axes, panel: Panel, room: int) -> None:
    title(axes, f"{panel.group}: {panel.term}", room + 4)
    count = len(panel.levels)
    if count > NAMED:
        _band(axes, panel, room)
        return
    pitch = _pitch(count)
    forest(axes, panel.middle, panel.inner, panel.outer, scale=min(1.0, pitch / 0.2))
    # 72 points an inch; a line of text needs about 1.15 times its size.
    name_rows(axes, panel.levels, size=min(8.0, 72 * pitch / 1.15), room=room)


def _band(axes: Axes, panel: Panel, room: int) -> None:
    count = len(panel.levels)
    rows = np.arange(count)
    axes.fill_betweenx(rows, *panel.outer, color=ACCENT, alpha=0.22, linewidth=0)
    axes.fill_betweenx(rows, *panel.inner, color=ACCENT, alpha=0.35, linewidth=0)
    axes.plot(panel.middle, rows, color=ACCENT, linewidth=1.2)
    axes.axvline(0, color=QUIET, linewidth=0.8, zorder=0.5)
    axes.grid(axis="x")
    axes.set_ylim(count - 0.5, -0.5)
    first = [safe(level, room) for level in panel.levels[:ENDS]]
    last = [safe(level, room) for level in panel.levels[-ENDS:]]
    texts = ["\n".join([*first, "⋮"]), f"{count:,} levels", "\n".join(["⋮", *last])]
    axes.set_yticks([0, (count - 1) / 2, count - 1], labels=texts, parse_math=False)
    top, middle, bottom = axes.get_yticklabels()
    top.set_verticalalignment("top")
    middle.set_verticalalignment("center")
    bottom.set_verticalalignment("bottom")
    axes.tick_params(axis="y", length=2)
