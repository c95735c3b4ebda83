"""Ranks of each chain's draws among those of all chains, which are uniform if the chains agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hierglm.errors import SettingsError
from hierglm.names import flat_name
from hierglm.plots.choose import chosen, worst
from hierglm.plots.look import CHAINS, PAGE, QUIET, look, picture, title
from hierglm.plots.trace import BINS, rank_counts
from hierglm.results.fitted import Fitted
from hierglm.results.rows import MAIN

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 24
"""Parameters that one page shows."""
_ACROSS = 3


def rank(
    fitted: Fitted,
    parameters: str | Sequence[str] | None = None,
    effects: Sequence[str] | str = MAIN,
) -> Figure:
    """Return histograms of ranks, one line a chain (Vehtari et al. 2021, section 4.2).

    Lines near the dashed one: the chains agree. A chain that is high at one end is elsewhere
    than the others; one that is high at both, or in the middle, is wider or narrower.

    Parameters
    ----------
    fitted : Fitted
    parameters : str or sequence of str, optional
        Flat names. Without them the main parameters; of more than 24 those with the largest
        R-hat.
    effects : sequence of str
        Kinds of parameters, if `parameters` is not given.

    Returns
    -------
    Figure
        Its ``data`` has columns parameter, chain, bin (from 0) and count.

    Raises
    ------
    SettingsError
        For a parameter or kind that does not exist, or one chain alone.
    """
    import pandas as pd

    found = chosen(fitted, parameters, effects)
    if parameters is None:
        found = worst(found, MOST)
    if not len(found):
        raise SettingsError("there is no parameter to draw")
    chains, draws, _ = found.values.shape
    if chains < 2:
        raise SettingsError("ranks compare chains, and the fit has one; fit.plot.trace() shows it")
    rows = -(-len(found) // _ACROSS)
    tables = []
    with look():
        figure = picture(PAGE, 0.5 + 1.35 * rows)
        grid = figure.subplots(rows, min(_ACROSS, len(found)), squeeze=False, sharey=True)
        for k, (axes, parameter) in enumerate(zip(grid.flat, found.parameters, strict=False)):
            count, edges = rank_counts(found.values[:, :, k])
            for c, line in enumerate(count):
                ink = CHAINS[c % len(CHAINS)]
                axes.stairs(line, edges, baseline=None, color=ink, linewidth=0.9)
            axes.axhline(draws / BINS, color=QUIET, linewidth=0.6, linestyle="--")
            axes.set_ylim(bottom=0)
            axes.set_xticks([])
            axes.set_yticks([])
            name = flat_name(parameter)
            title(axes, name, 30)
            tables.append(
                pd.DataFrame(
                    {
                        "parameter": name,
                        "chain": np.repeat(np.arange(chains), BINS),
                        "bin": np.tile(np.arange(BINS), chains),
                        "count": count.ravel(),
                    }
                )
            )
        for axes in grid.flat[len(found) :]:
            axes.set_axis_off()
        figure.supxlabel("rank among the draws of all chains", fontsize=8.5)
        figure.data = pd.concat(tables, ignore_index=True)
    return figure
