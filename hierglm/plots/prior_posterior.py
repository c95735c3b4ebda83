"""Densities of parameters before and after the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hierglm.names import flat_name
from hierglm.plots.choose import Chosen
from hierglm.plots.density import density
from hierglm.plots.look import ACCENT, INK, PAGE, QUIET, look, picture, title
from hierglm.plots.trace import BOUNDS
from hierglm.results.estimates import pooled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

_ACROSS = 3
_PRIOR: dict[str, Any] = {"color": QUIET, "linewidth": 1.3, "linestyle": "--"}
_POSTERIOR: dict[str, Any] = {"color": ACCENT, "linewidth": 1.3}


def prior_posterior(
    before: Chosen, proper: Sequence[bool], after: Chosen, note: str = ""
) -> Figure:
    """Return the density of each parameter under the prior and under the posterior.

    Parameters
    ----------
    before : Chosen
    proper : sequence of bool
        Which have a prior that can be drawn; of the others there is the posterior alone.
    after : Chosen
        The same parameters.
    note : str
        What is said above all.
    """
    import pandas as pd
    from matplotlib.lines import Line2D

    rows = -(-len(after) // _ACROSS)
    tables = []
    with look():
        figure = picture(PAGE, 0.6 + 1.45 * rows)
        grid = figure.subplots(rows, min(_ACROSS, len(after)), squeeze=False)
        for k, (axes, parameter) in enumerate(zip(grid.flat, after.parameters, strict=False)):
            ends = BOUNDS.get(parameter.effect, (-np.inf, np.inf))
            prior, posterior = (pooled(c.values[:, :, k]) for c in (before, after))
            curves = {"posterior": density(posterior, *ends)}
            if proper[k]:
                curves["prior"] = _inner(prior, posterior, ends)
                axes.plot(*curves["prior"], **_PRIOR)
            else:
                axes.annotate(
                    "flat prior", (0.98, 0.94), xycoords="axes fraction", ha="right", va="top",
                    fontsize=7.5, color=QUIET,
                )  # fmt: skip
            own, peak = curves["posterior"]
            axes.fill_between(own, 0, peak, color=ACCENT, alpha=0.3, linewidth=0)
            axes.plot(own, peak, **_POSTERIOR)
            axes.set_ylim(bottom=0)
            axes.set_yticks([])
            axes.spines["left"].set_visible(False)
            name = flat_name(parameter)
            title(axes, name, 30)
            for kind, (at, y) in curves.items():
                tables.append(pd.DataFrame({"parameter": name, "of": kind, "x": at, "density": y}))
        for axes in grid.flat[len(after) :]:
            axes.set_axis_off()
        lines = [Line2D([], [], **_PRIOR), Line2D([], [], **_POSTERIOR)]
        figure.legend(
            lines, ["prior", "posterior"], loc="outside lower center", ncols=2, frameon=False,
            fontsize=8, labelcolor=INK,
        )  # fmt: skip
        if note:
            figure.suptitle(note, fontsize=8.5, color=QUIET)
        figure.data = pd.concat(tables, ignore_index=True)
    return figure


def _inner(prior: Floats, posterior: Floats, ends: tuple[float, float]) -> tuple[Floats, Floats]:
    """Return the density of a prior where it has its middle 90%, or the posterior is.

    Heavy tails would leave the posterior a line.
    """
    low, high = np.quantile(prior, (0.05, 0.95))
    low, high = min(low, posterior.min()), max(high, posterior.max())
    inside = (prior >= low) & (prior <= high)
    x, height = density(prior[inside], max(ends[0], low), min(ends[1], high))
    return x, height * inside.mean()
