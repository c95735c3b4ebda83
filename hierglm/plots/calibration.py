"""Ranks of true values among draws of their posteriors: how far from uniform."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hierglm.plots.look import ACCENT, PAGE, QUIET, TROUBLE, distinct, look, picture, title

Ints = NDArray[np.int64]

_ACROSS = 4
_HEIGHT = 1.6
"""Inches a row of panels."""


def calibration(
    names: Sequence[str], ranks: Ints, limits: tuple[Ints, Ints], most: int = 24
) -> Figure:
    """Return the ECDF of each parameter's ranks, less uniform, with a simultaneous band.

    As in Säilynoja, Bürkner and Vehtari (2022). A posterior that is too wide makes an S that
    falls below and rises above the band, one that is too narrow the opposite, one that is too
    high or too low an arch. What leaves the band is drawn in another colour.

    Parameters
    ----------
    names : sequence of str
    ranks : ndarray of int, shape (data sets, parameters)
        From 0 to ``len(limits[0])``.
    limits : tuple of ndarray of int, shape (top,)
        Counts of ranks below 1, 2, ... between which all stay with a known probability.
    most : int
        Of more parameters, those are shown that are farthest from uniform.
    """
    low, high = limits
    count, top = len(ranks), len(low)
    z = np.arange(1, top + 1) / (top + 1)
    below = np.stack([np.bincount(r, minlength=top + 1)[:-1].cumsum() for r in ranks.T])
    far = np.abs(below / count - z).max(axis=1)
    shown = np.sort(np.argsort(-far, kind="stable")[:most])
    rows = math.ceil(len(shown) / _ACROSS)
    across = min(_ACROSS, len(shown))
    import pandas as pd

    tables = [
        pd.DataFrame(
            {"parameter": names[k], "rank": z, "ecdf_difference": below[k] / count - z,
             "low": low / count - z, "high": high / count - z}
        )
        for k in shown
    ]  # fmt: skip
    with look():
        figure = picture(PAGE * across / _ACROSS if across > 1 else PAGE / 2, _HEIGHT * rows + 0.7)
        figure.data = pd.concat(tables, ignore_index=True)
        axes = figure.subplots(rows, across, sharex=True, sharey=True, squeeze=False)
        heads = distinct([names[k] for k in shown], room=19)
        for place, k, head in zip(axes.flat, shown, heads, strict=False):
            place.fill_between(z, low / count - z, high / count - z, step="mid", color="#E6E6E6")
            place.axhline(0, color=QUIET, lw=0.6)
            outside = ((below[k] < low) | (below[k] > high)).any()
            colour = TROUBLE if outside else ACCENT
            place.step(z, below[k] / count - z, where="mid", color=colour, lw=1.1)
            title(place, head)
            place.set_xticks([0, 0.5, 1], labels=["0", "0.5", "1"])
        for place in axes.flat[len(shown) :]:
            place.set_visible(False)
        for place in axes.flat[max(0, len(shown) - across) : len(shown)]:
            # The lowest of its column.
            place.tick_params(axis="x", labelbottom=True)
        left_out = len(names) - len(shown)
        figure.supxlabel("rank of the true value, as a share", fontsize=8.5)
        figure.supylabel("ECDF less uniform", fontsize=8.5)
        said = f"{count} data sets" + (
            f"; the {len(shown)} farthest of {len(names)}" * bool(left_out)
        )
        figure.suptitle(said, fontsize=9.5, x=0.01, ha="left")
    return figure
