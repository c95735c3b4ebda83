"""Predictive checks drawn: what was observed in black, what the model gives in blue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hierglm.plots.look import (
    ACCENT,
    INK,
    PAGE,
    QUIET,
    look,
    name_rows,
    picture,
    safe,
    title,
)
from hierglm.plots.observed import compare, key, single

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


Floats = NDArray[np.float64]


def densities(table: pd.DataFrame, label: str) -> Figure:
    """Return the density of the responses over those of replicated ones.

    Parameters
    ----------
    table : DataFrame
        Columns replicate (0 is what was observed), x, density.
    label : str
        Of the response.
    """
    with look():
        figure, axes = single(table, 3.2)
        for number, curve in table.groupby("replicate"):
            if number:
                axes.plot(curve["x"], curve["density"], color=ACCENT, linewidth=0.5, alpha=0.35)
        seen = table[table["replicate"] == 0]
        axes.plot(seen["x"], seen["density"], color=INK, linewidth=1.6)
        # Few wild replicates would press all others flat.
        inner = table[table["density"] > 0.01 * seen["density"].max()]
        ends = inner["x"].quantile([0.005, 0.995])
        axes.set_xlim(min(ends.iloc[0], seen["x"].min()), max(ends.iloc[1], seen["x"].max()))
        axes.set_ylim(bottom=0)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(safe(label), parse_math=False)
        key(figure, f"{table['replicate'].max()} replicates")
    return figure


def ecdf(table: pd.DataFrame, label: str, conf_level: float) -> Figure:
    """Return the distribution function of the responses within the band of replicated ones.

    Parameters
    ----------
    table : DataFrame
        Columns x, observed, estimate, conf_low, conf_high.
    label : str
    conf_level : float
    """
    with look():
        figure, axes = single(table, 3.4)
        axes.fill_between(
            table["x"], table["conf_low"], table["conf_high"], step="post", color=ACCENT,
            alpha=0.3, linewidth=0,
        )  # fmt: skip
        axes.step(table["x"], table["observed"], where="post", color=INK, linewidth=1.2)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel(safe(label), parse_math=False)
        axes.set_ylabel("share of rows at most that")
        axes.grid()
        key(figure, f"{100 * conf_level:g}% of replicates at each value")
    return figure


def rootogram(table: pd.DataFrame, label: str, conf_level: float) -> Figure:
    """Return how often each count comes, on a root scale, beside replicated frequencies.

    On roots the frequencies of rare and of common counts scatter alike (Tukey 1972; with dots for
    discrete responses: Säilynoja et al. 2025).

    Parameters
    ----------
    table : DataFrame
        Columns count, count_to, observed, estimate, conf_low, conf_high.
    label : str
    conf_level : float
    """
    middle = (table["count"] + table["count_to"]) / 2
    with look():
        figure, axes = single(table, 3.4)
        axes.set_yscale("function", functions=(_root, np.square))
        compare(axes, middle.to_numpy(), table)
        axes.set_ylim(bottom=0)
        axes.set_xlabel(safe(label), parse_math=False)
        wide = int(table["count_to"].iloc[0] - table["count"].iloc[0]) + 1
        each = "each count" if wide == 1 else f"each {wide} counts"
        axes.set_ylabel(f"rows with {each} (root scale)")
        key(figure, f"replicates, {100 * conf_level:g}% intervals", points=True)
    return figure


def bars(table: pd.DataFrame, label: str, conf_level: float) -> Figure:
    """Return the share of each category beside replicated ones.

    Parameters
    ----------
    table : DataFrame
        Columns category, observed, estimate, conf_low, conf_high.
    label : str
    conf_level : float
    """
    with look():
        figure, axes = single(table, 1.1 + 0.28 * len(table))
        compare(axes, np.arange(len(table)), table, across=True)
        name_rows(axes, [str(c) for c in table["category"]], room=34)
        axes.set_xlim(left=0)
        axes.set_xlabel("share of rows")
        axes.grid(axis="x")
        title(axes, label)
        key(figure, f"replicates, {100 * conf_level:g}% intervals", points=True)
    return figure


def calibration(table: pd.DataFrame, label: str, conf_level: float) -> Figure:
    """Return the share of successes against the predicted probability.

    Parameters
    ----------
    table : DataFrame
        Columns predicted, trials, estimate, conf_low, conf_high.
    label : str
    conf_level : float
    """
    with look():
        figure = picture(0.65 * PAGE, 0.75 * PAGE)
        figure.data = table
        top, axes = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": (1, 6)})
        top.hist(
            table["predicted"], bins=np.linspace(0, 1, 41), weights=table["trials"], color=QUIET
        )
        top.set_yticks([])
        top.spines["left"].set_visible(False)
        title(top, f"predictions of {label}", 44)
        axes.fill_between(
            table["predicted"], table["conf_low"], table["conf_high"], color=ACCENT, alpha=0.3,
            linewidth=0,
        )  # fmt: skip
        axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.8)
        axes.plot(table["predicted"], table["estimate"], color=INK, linewidth=1.4)
        axes.set_xlim(-0.01, 1.01)
        axes.set_ylim(-0.01, 1.01)
        axes.set_xlabel("predicted probability")
        axes.set_ylabel("calibrated share")
        axes.grid()
        key(figure, f"calibrated models, {100 * conf_level:g}%")
    return figure


def loo_pit(table: pd.DataFrame, label: str, conf_level: float) -> Figure:
    """Return how far the LOO-PIT values are from uniform ones.

    Parameters
    ----------
    table : DataFrame
        Columns pit, estimate, conf_low, conf_high.
    label : str
    conf_level : float
    """
    with look():
        figure, axes = single(table, 3.2)
        axes.fill_between(
            table["pit"], table["conf_low"], table["conf_high"], color=ACCENT, alpha=0.3,
            linewidth=0, step="mid",
        )  # fmt: skip
        axes.axhline(0, color=QUIET, linewidth=0.8)
        axes.plot(table["pit"], table["estimate"], color=INK, linewidth=1.4, drawstyle="steps-mid")
        axes.set_xlim(0, 1)
        axes.set_xlabel(f"LOO-PIT of {safe(label)}", parse_math=False)
        axes.set_ylabel("ECDF less uniform")
        axes.grid()
        key(figure, f"uniform values, {100 * conf_level:g}% for the whole curve")
    return figure


def _root(x: Any) -> Any:
    # The axis asks for values below 0 too, when it leaves a margin.
    return np.sqrt(np.maximum(x, 0))
