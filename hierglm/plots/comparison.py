"""Models side by side: how far each predicts below the best."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hierglm.plots.look import ACCENT, PAGE, QUIET, look, name_rows, picture

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def comparison(table: pd.DataFrame) -> Figure:
    """Return differences in elpd to the best model, with one and two standard errors.

    Parameters
    ----------
    table : DataFrame
        That of a `hierglm.comparing.compare.Comparison`.

    Returns
    -------
    Figure
    """
    gap, error = (table[name].to_numpy(np.float64) for name in ("elpd_diff", "se_diff"))
    rows = np.arange(len(table))
    with look():
        figure = picture(PAGE, 0.9 + 0.3 * len(table))
        figure.data = table
        axes = figure.subplots()
        axes.axvline(0, color=QUIET, linewidth=0.8, zorder=0.5)
        axes.hlines(rows, gap - 2 * error, gap + 2 * error, color=ACCENT, linewidth=1.0)
        axes.hlines(rows, gap - error, gap + error, color=ACCENT, linewidth=3.2)
        axes.plot(
            gap, rows, "o", color="white", markeredgecolor=ACCENT, markersize=4.5,
            markeredgewidth=1.0,
        )  # fmt: skip
        axes.grid(axis="x")
        name_rows(axes, [str(name) for name in table["model"]], room=44)
        axes.set_xlabel("elpd less that of the best model, ± 1 and 2 standard errors")
        right = axes.secondary_yaxis("right")
        labels = [f"{weight:.2f}" for weight in table["weight"]]
        right.set_yticks(rows, labels=labels)
        right.tick_params(axis="y", length=0)
        right.spines["right"].set_visible(False)
        right.set_ylabel("stacking weight")
    return figure
