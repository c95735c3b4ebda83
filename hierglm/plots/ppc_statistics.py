"""Statistics of the responses among those of replicated ones, of all rows and by level."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hierglm.plots.look import ACCENT, INK, PAGE, TROUBLE, look, name_rows, picture, safe, title
from hierglm.plots.observed import compare, key, outside, single

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

NAMED = 120
"""Levels that are all named; more become a band."""


def statistics(table: pd.DataFrame, values: Mapping[str, Floats], label: str) -> Figure:
    """Return where statistics of the responses lie among those of replicated ones.

    Parameters
    ----------
    table : DataFrame
        Columns statistic, observed, p_above and others.
    values : mapping of str to ndarray
        Each statistic of the replicates.
    label : str
    """
    rows = -(-len(table) // 2)
    with look():
        figure = picture(PAGE if len(table) > 1 else 0.6 * PAGE, 0.3 + 2.1 * rows)
        figure.data = table
        grid = figure.subplots(rows, min(2, len(table)), squeeze=False)
        columns = (table[c].tolist() for c in ("statistic", "observed", "p_above"))
        for axes, (name, observed, above) in zip(
            grid.flat, zip(*columns, strict=True), strict=False
        ):
            drawn = values[name]
            low, high = np.quantile(drawn, (0.001, 0.999))
            inside = drawn[(drawn >= low) & (drawn <= high)]
            axes.hist(inside, bins=30, color=ACCENT, alpha=0.45)
            axes.axvline(observed, color=INK, linewidth=1.6)
            title(axes, f"{name} of {label}", 40)
            axes.set_xlabel(f"{100 * above:.0f}% of replicates above")
            axes.set_yticks([])
            axes.spines["left"].set_visible(False)
        for axes in grid.flat[len(table) :]:
            axes.set_axis_off()
    return figure


def grouped(table: pd.DataFrame, label: str, statistic: str, conf_level: float) -> Figure:
    """Return a statistic of each level's responses beside those of replicated ones.

    Parameters
    ----------
    table : DataFrame
        Columns level, rows, observed, estimate, conf_low, conf_high.
    label : str
    statistic : str
    conf_level : float
    """
    found = table.sort_values("estimate", ascending=False, kind="stable", ignore_index=True)
    far = outside(found)
    count = len(found)
    with look():
        # Inches a level, and points of its name: as tight as small print allows for many.
        pitch = float(np.interp(count, [10, 60], [0.24, 0.118]))
        figure, axes = single(table, 1.1 + (pitch * count if count <= NAMED else 4.6))
        if count <= NAMED:
            compare(axes, np.arange(count), found, across=True)
            name_rows(axes, [str(x) for x in found["level"]], min(8.0, 72 * pitch / 1.15), 34)
            axes.grid(axis="x")
        else:
            at = np.arange(count)
            axes.fill_betweenx(
                at, found["conf_low"], found["conf_high"], color=ACCENT, alpha=0.3, linewidth=0
            )
            size = 3.0 if count < 500 else 1.5
            for some, colour in ((~far, INK), (far, TROUBLE)):
                axes.plot(found["observed"][some], at[some], "o", color=colour, markersize=size,
                          markeredgewidth=0)  # fmt: skip
            axes.set_ylim(count - 0.5, -0.5)
            axes.set_yticks([])
            axes.set_ylabel(f"{count:,} levels, by expected {statistic}")
        axes.set_xlabel(f"{statistic} of {safe(label)}", parse_math=False)
        level = f"{100 * conf_level:g}%"
        expected = (1 - conf_level) * count
        title(axes, f"{far.sum():,} of {count:,} outside {level}; {expected:.3g} expected", 70)
        key(figure, f"replicates, {level} intervals", points=True)
    return figure
