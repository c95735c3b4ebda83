"""Estimates from simulated data over the values that these were made with."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hierglm.plots.look import ACCENT, PAGE, QUIET, TROUBLE, distinct, look, picture, title

if TYPE_CHECKING:
    import pandas as pd

_ACROSS, _WIDE = 4, 3
"""Panels beside each other; where long numbers stand beside each."""
_LONG = 10_000
"""Numbers from which on they are long."""
_HEIGHT = 1.8
"""Inches a row of panels."""
_CROWDED = 60
"""Data sets from which on points are left out and intervals thin."""


def recovery(estimates: pd.DataFrame, most: int = 24) -> Figure:
    """Return estimates with their intervals over the true values, a panel a parameter.

    Where all data sets have one true value it is a line, and estimates are sorted beside each
    other. Intervals that miss the truth have another colour.

    Parameters
    ----------
    estimates : DataFrame
        Columns parameter, truth, estimate, conf_low, conf_high, covered; see
        `hierglm.simulating.recover.Recovery`.
    most : int
        Of more parameters, those are shown whose intervals hold the truth least often.
    """
    names = list(dict.fromkeys(estimates["parameter"]))
    held = estimates.groupby("parameter", sort=False)["covered"].mean().to_numpy()
    shown = [names[k] for k in np.sort(np.argsort(held, kind="stable")[:most])]
    own = estimates[estimates["parameter"].isin(shown)]
    largest = np.abs(own[["conf_low", "conf_high"]].to_numpy(np.float64)).max(initial=0.0)
    most_across = _WIDE if largest >= _LONG else _ACROSS
    rows, across = math.ceil(len(shown) / most_across), min(most_across, max(1, len(shown)))
    with look():
        figure = picture(max(PAGE * across / most_across, PAGE / 2), _HEIGHT * max(1, rows) + 0.6)
        figure.data = own
        axes = figure.subplots(max(1, rows), across, squeeze=False)
        heads = distinct(shown, room=13)
        for place, name, head in zip(axes.flat, shown, heads, strict=False):
            _panel(place, estimates[estimates["parameter"] == name], head)
        for place in axes.flat[len(shown) :]:
            place.set_visible(False)
        left_out = len(names) - len(shown)
        said = f"{estimates['dataset'].nunique()} data sets: estimates and their intervals"
        if left_out:
            said += f"; the {len(shown)} of {len(names)} parameters that are missed most often"
        figure.suptitle(said, fontsize=9.5, x=0.01, ha="left")
    return figure


def _panel(place: Axes, own: pd.DataFrame, head: str) -> None:
    truth = own["truth"].to_numpy(np.float64)
    if np.ptp(truth) > 1e-12 * np.abs(truth).max():
        at = truth
        place.axline((truth[0], truth[0]), slope=1, color=QUIET, lw=0.8)
        place.set_xlabel("true value")
    else:
        at = own["estimate"].rank(method="first").to_numpy(np.float64)
        place.axhline(truth[0], color=QUIET, lw=0.8)
        place.set_xticks([])
        place.set_xlabel("data sets, sorted")
    crowded = len(own) > _CROWDED
    for covered, colour in ((True, ACCENT), (False, TROUBLE)):
        some = (own["covered"] == covered).to_numpy()
        place.vlines(
            at[some], own["conf_low"][some], own["conf_high"][some], color=colour,
            lw=0.5 if crowded else 0.9, alpha=0.8,
        )  # fmt: skip
        if not crowded:
            place.plot(at[some], own["estimate"][some], "o", ms=2.5, color=colour)
    share = own["covered"].mean()
    title(place, f"{head}  {share:.0%}")
