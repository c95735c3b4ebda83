"""The draws of each chain in order, with their densities beside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from hierglm.errors import SettingsError, suggest
from hierglm.names import Parameter, flat_name
from hierglm.plots.choose import chosen, worst
from hierglm.plots.density import density
from hierglm.plots.look import CHAINS, PAGE, QUIET, TROUBLE, look, picture, title
from hierglm.results.fitted import Fitted
from hierglm.results.rows import MAIN

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

MOST = 12
"""Parameters that one page shows."""
BINS = 20


def trace(
    fitted: Fitted,
    parameters: str | Sequence[str] | None = None,
    effects: Sequence[str] | str = MAIN,
    beside: Literal["density", "rank"] = "density",
) -> Figure:
    """Return the trace of each chain, and beside it its density or the ranks of its draws.

    Healthy chains look alike: noise about the same level. Divergent draws are marked below
    the trace.

    Parameters
    ----------
    fitted : Fitted
    parameters : str or sequence of str, optional
        Flat names, such as ``"sd[school:x]"``. Without them the main parameters; if there
        are more than 12, those with the largest R-hat.
    effects : sequence of str
        Kinds of parameters, if `parameters` is not given.
    beside : {"density", "rank"}
        Kernel densities, or histograms of ranks among all chains (Vehtari et al. 2021),
        which are flat if the chains agree.

    Returns
    -------
    Figure
        Its ``data`` has columns parameter, chain, draw and value.

    Raises
    ------
    SettingsError
        For a parameter, kind or drawing that does not exist.
    """
    import pandas as pd

    if beside not in ("density", "rank"):
        raise SettingsError(f"no drawing {beside!r}{suggest(str(beside), ('density', 'rank'))}")
    found = chosen(fitted, parameters, effects)
    total = len(found)
    if parameters is None:
        found = worst(found, MOST)
    if not len(found):
        raise SettingsError("there is no parameter to draw")
    diverging = fitted.draws.stats.get("diverging")
    chains, draws, count = found.values.shape
    places = np.indices((count, chains, draws)).reshape(3, -1)
    names = np.array([flat_name(p) for p in found.parameters], dtype=object)
    columns = {"parameter": names[places[0]], "chain": places[1], "draw": places[2]}
    with look():
        figure = picture(PAGE, 0.35 + 1.15 * len(found))
        figure.data = pd.DataFrame(columns | {"value": np.moveaxis(found.values, 2, 0).ravel()})
        axes = figure.subplots(len(found), 2, squeeze=False, gridspec_kw={"width_ratios": (2.6, 1)})
        for k, parameter in enumerate(found.parameters):
            x = found.values[:, :, k]
            _trace(axes[k, 0], x, diverging, last=k == len(found) - 1)
            title(axes[k, 0], flat_name(parameter))
            if beside == "density":
                _density(axes[k, 1], x, parameter)
            else:
                _ranks(axes[k, 1], x, last=k == len(found) - 1)
        words = _heading(len(found), total, diverging)
        if words:
            figure.suptitle(words, fontsize=8.5, color=QUIET)
    return figure


def _heading(shown: int, total: int, diverging: NDArray[np.bool_] | None) -> str:
    parts = []
    if shown < total:
        parts.append(f"{shown} of {total} parameters: those with the largest R-hat")
    count = 0 if diverging is None else int(np.count_nonzero(diverging))
    if count:
        parts.append(f"{count:,} divergent draw{'s' * (count > 1)} marked below the traces")
    return "; ".join(parts)


def _trace(axes: Axes, x: Floats, diverging: NDArray[np.bool_] | None, last: bool) -> None:
    draws = np.arange(1, x.shape[1] + 1)
    for c, chain in enumerate(x):
        axes.plot(draws, chain, color=CHAINS[c % len(CHAINS)], linewidth=0.45, alpha=0.75)
    if diverging is not None and np.any(diverging):
        low, high = axes.get_ylim()
        places = np.flatnonzero(np.any(diverging, axis=0)) + 1
        # A rug under the traces.
        axes.vlines(places, low - 0.06 * (high - low), low, color=TROUBLE, linewidth=0.7)
    axes.set_xlim(1, max(2, x.shape[1]))
    if last:
        axes.set_xlabel("draw")
    else:
        axes.tick_params(labelbottom=False)


BOUNDS = {
    "ran_sd": (0.0, np.inf),
    "ran_cor": (-1.0, 1.0),
    "ran_alpha": (0.0, 1.0),
    "ran_rho": (0.0, 1.0),
    "ran_df": (1.0, np.inf),
    "family": (0.0, np.inf),
}
"""Lowest and highest value of a parameter, by kind."""


def _density(axes: Axes, x: Floats, parameter: Parameter) -> None:
    low, high = BOUNDS.get(parameter.effect, (-np.inf, np.inf))
    for c, chain in enumerate(x):
        grid, height = density(chain, low, high)
        axes.plot(grid, height, color=CHAINS[c % len(CHAINS)], linewidth=0.9)
    axes.set_ylim(bottom=0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def _ranks(axes: Axes, x: Floats, last: bool) -> None:
    count, edges = rank_counts(x)
    for c, line in enumerate(count):
        axes.stairs(line, edges, baseline=None, color=CHAINS[c % len(CHAINS)], linewidth=0.9)
    axes.axhline(x.shape[1] / BINS, color=QUIET, linewidth=0.6, linestyle="--")
    axes.set_ylim(bottom=0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.tick_params(labelbottom=last)
    axes.set_xlabel("rank" if last else "")


def rank_counts(x: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Return how many ranks of each chain are in each bin, shape (chains, bins), and the edges.

    Parameters
    ----------
    x : ndarray, shape (chains, draws)
    """
    ranks = np.argsort(np.argsort(x.ravel(), kind="stable"), kind="stable").reshape(x.shape)
    edges = np.linspace(0, x.size, BINS + 1)
    return np.stack([np.histogram(chain, edges)[0] for chain in ranks]), edges
