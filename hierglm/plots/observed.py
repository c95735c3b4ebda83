"""What was observed in black, what replicated responses give in blue: their common marks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hierglm.plots.look import ACCENT, INK, PAGE, TROUBLE, picture

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hierglm.plots.picture import Picture


def single(table: pd.DataFrame, height: float) -> tuple[Picture, Axes]:
    """Return a figure with one pair of axes, and the table as its data."""
    figure = picture(0.75 * PAGE, height)
    figure.data = table
    return figure, figure.subplots()


def outside(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell which observed numbers lie outside their interval."""
    out = (table["observed"] < table["conf_low"]) | (table["observed"] > table["conf_high"])
    return out.to_numpy()


def compare(axes: Axes, at: NDArray[Any], table: pd.DataFrame, across: bool = False) -> None:
    """Draw intervals of replicates, and what was observed as dots; those outside stand out."""
    ends = table["conf_low"], table["conf_high"]
    width = float(np.clip(220 / len(table), 1.5, 5.0))
    lines = axes.hlines if across else axes.vlines
    lines(at, *ends, color=ACCENT, alpha=0.45, linewidth=width)
    far = outside(table)
    for some, colour in ((~far, INK), (far, TROUBLE)):
        seen = table["observed"][some]
        pair = (seen, at[some]) if across else (at[some], seen)
        axes.plot(*pair, "o", color=colour, markersize=max(2.0, 0.8 * width), markeredgewidth=0)


def key(figure: Figure, words: str, points: bool = False) -> None:
    """Say below the picture, where nothing is covered, what is black and what is blue."""
    from matplotlib.lines import Line2D

    seen: dict[str, Any] = {"linewidth": 1.6}
    if points:
        seen = {"marker": "o", "linestyle": "", "markersize": 4}
    handles = [
        Line2D([], [], color=INK, **seen),
        Line2D([], [], color=ACCENT, alpha=0.45, linewidth=4),
    ]
    figure.legend(
        handles, ["observed", words], loc="outside lower center", ncols=2, frameon=False, fontsize=8
    )
