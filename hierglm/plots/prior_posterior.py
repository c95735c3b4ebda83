"""Densities of parameters before and after the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hierglm.names import flat_name
from hierglm.plots.choose import Chosen
from hierglm.plots.density import density
from hierglm.plots.look import ACCENT, INK, PAGE, QUIET, look, picture, title
from hierglm.plots.trace import BOUNDS
from hierglm.results.estimates import pooled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ACROSS = 3


def prior_posterior(before: Chosen, after: Chosen, note: str = "") -> Figure:
    """Return the density of each parameter under the prior and under the posterior.

    Parameters
    ----------
    before, after : Chosen
        The same parameters.
    note : str
        What is said above all.
    """
    import pandas as pd

    rows = -(-len(after) // _ACROSS)
    tables = []
    with look():
        figure = picture(PAGE, 0.6 + 1.45 * rows)
        grid = figure.subplots(rows, min(_ACROSS, len(after)), squeeze=False)
        lines = []
        for k, (axes, parameter) in enumerate(zip(grid.flat, after.parameters, strict=False)):
            ends = BOUNDS.get(parameter.effect, (-np.inf, np.inf))
            prior, posterior = (pooled(c.values[:, :, k]) for c in (before, after))
            # Heavy tails of a prior would leave the posterior a line; a few sds of it do.
            low, high = np.quantile(prior, (0.05, 0.95))
            low, high = min(low, posterior.min()), max(high, posterior.max())
            inside = (prior >= low) & (prior <= high)
            x, height = density(prior[inside], max(ends[0], low), min(ends[1], high))
            height = height * inside.mean()
            own, peak = density(posterior, *ends)
            (first,) = axes.plot(x, height, color=QUIET, linewidth=1.3, linestyle="--")
            axes.fill_between(own, 0, peak, color=ACCENT, alpha=0.3, linewidth=0)
            (second,) = axes.plot(own, peak, color=ACCENT, linewidth=1.3)
            lines = [first, second]
            axes.set_ylim(bottom=0)
            axes.set_yticks([])
            axes.spines["left"].set_visible(False)
            name = flat_name(parameter)
            title(axes, name, 30)
            for kind, at, y in (("prior", x, height), ("posterior", own, peak)):
                tables.append(pd.DataFrame({"parameter": name, "of": kind, "x": at, "density": y}))
        for axes in grid.flat[len(after) :]:
            axes.set_axis_off()
        figure.legend(
            lines, ["prior", "posterior"], loc="outside lower center", ncols=2, frameon=False,
            fontsize=8, labelcolor=INK,
        )  # fmt: skip
        if note:
            figure.suptitle(note, fontsize=8.5, color=QUIET)
        figure.data = pd.concat(tables, ignore_index=True)
    return figure
