"""Posterior correlations between parameters, as a matrix of colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hierglm.errors import SettingsError
from hierglm.names import flat_name
from hierglm.plots.choose import chosen
from hierglm.plots.look import ACCENT, INK, PAGE, QUIET, TROUBLE, distinct, look, picture
from hierglm.results.estimates import pooled
from hierglm.results.fitted import Fitted
from hierglm.results.rows import MAIN

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 40
"""Parameters that one page shows."""
NUMBERED = 14
"""Most parameters with room for numbers."""
DARK = 0.6
"""Correlations beyond which cells are so dark that their numbers are white."""


def correlation(
    fitted: Fitted,
    parameters: str | Sequence[str] | None = None,
    effects: Sequence[str] | str = MAIN,
) -> Figure:
    """Return the posterior correlation of each two parameters.

    Parameters
    ----------
    fitted : Fitted
    parameters : str or sequence of str, optional
        Flat names. Without them the main parameters; of more than 40 those that have the
        strongest correlations.
    effects : sequence of str
        Kinds of parameters, if `parameters` is not given.

    Returns
    -------
    Figure
        Its ``data`` is the matrix, by flat name. Parameters that are given have no correlations
        and are left out.

    Raises
    ------
    SettingsError
        For a parameter or kind that does not exist, or fewer than two that vary.
    """
    import pandas as pd
    from matplotlib.colors import LinearSegmentedColormap

    found = chosen(fitted, parameters, effects)
    values = pooled(found.values)
    moving = np.flatnonzero(np.ptp(values, axis=0) > 0) if len(values) else np.empty(0, int)
    if len(moving) < 2:
        raise SettingsError("correlations need two parameters that vary")
    matrix = np.asarray(np.corrcoef(values[:, moving], rowvar=False))
    note = ""
    if len(moving) > MOST:
        note = f"{MOST} of {len(moving)} parameters: those with the strongest correlations"
        strongest = np.max(np.abs(matrix - np.eye(len(matrix))), axis=0)
        kept = np.sort(np.argsort(-strongest, kind="stable")[:MOST])
        matrix, moving = matrix[np.ix_(kept, kept)], moving[kept]
    names = [flat_name(found.parameters[i]) for i in moving]
    count = len(names)
    colours = LinearSegmentedColormap.from_list("correlation", [TROUBLE, "#FFFFFF", ACCENT])
    with look():
        size = float(np.clip(2.4 + 0.36 * count, 3.2, PAGE))
        figure = picture(size, 0.92 * size)
        figure.data = pd.DataFrame(matrix, index=names, columns=names)
        axes = figure.subplots()
        image = axes.imshow(matrix, cmap=colours, vmin=-1, vmax=1)
        font = 8.0 if count <= NUMBERED else 5.5
        labels = distinct(names, 24)
        axes.set_xticks(range(count), labels=labels, rotation=90, fontsize=font, parse_math=False)
        axes.set_yticks(range(count), labels=labels, fontsize=font, parse_math=False)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        if count <= NUMBERED:
            for (i, j), r in np.ndenumerate(matrix):
                if i != j:
                    ink = "white" if abs(r) > DARK else INK
                    axes.text(j, i, f"{r:.2f}", ha="center", va="center", fontsize=6.5, color=ink)
        bar = figure.colorbar(image, ax=axes, shrink=0.6, aspect=25, ticks=[-1, -0.5, 0, 0.5, 1])
        bar.set_label("posterior correlation")
        if note:
            figure.suptitle(note, fontsize=8.5, color=QUIET)
    return figure
