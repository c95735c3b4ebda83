"""Intervals of the main parameters, one row each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hierglm.errors import SettingsError
from hierglm.names import Parameter, flat_name
from hierglm.plots.choose import Chosen, chosen
from hierglm.plots.look import ACCENT, PAGE, QUIET, look, name_rows, picture, title
from hierglm.results.estimates import intervals as ends
from hierglm.results.estimates import mean, pooled, spread
from hierglm.results.fitted import Fitted
from hierglm.results.rows import MAIN

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

_TITLES = {
    "fixed": "Common effects",
    "ran_sd": "Standard deviations",
    "ran_cor": "Correlations",
    "ran_loading": "Loadings",
    "ran_alpha": "Dependence on neighbours",
    "ran_rho": "Share of the graph",
    "ran_df": "Degrees of freedom",
    "family": "Family",
    "ran_vals": "Effects of levels",
    "ran_coefs": "Coefficients of levels",
}
MOST = 80
"""Parameters that one page shows."""
_ROOMY = 40
"""Rows from which on they are closer together."""
_FAR = 4.0
"""An intercept so many times further out than all slopes gets an axis of its own."""


def intervals(
    fitted: Fitted,
    parameters: str | Sequence[str] | None = None,
    effects: Sequence[str] | str = MAIN,
    conf_level: float = 0.95,
    hdi: bool = False,
) -> Figure:
    """Return posterior means with their 50% (thick) and 95% (thin) intervals.

    Parameters
    ----------
    fitted : Fitted
    parameters : str or sequence of str, optional
        Flat names, such as ``"b[x]"``; without them all of some kinds, of more than 80 those
        whose means are the most standard deviations from 0.
    effects : sequence of str
        Kinds of parameters, if `parameters` is not given.
    conf_level : float
        Probability of the thin intervals.
    hdi : bool
        Shortest intervals instead of equal-tailed ones.

    Returns
    -------
    Figure
        Its ``data`` has columns parameter, estimate, inner_low, inner_high, conf_low, conf_high.

    Raises
    ------
    SettingsError
        For a parameter, kind or level that does not exist.
    """
    found = chosen(fitted, parameters, effects)
    total = len(found)
    if parameters is None and total > MOST:
        found = _farthest(found)
    panels = _panels(found)
    if not panels:
        raise SettingsError("there is no parameter to draw")
    rows = [len(panel) for _, panel in panels]
    names = [flat_name(p) for _, panel in panels for p in panel.parameters]
    every = pooled(np.concatenate([panel.values for _, panel in panels], axis=2))
    inner, outer = ends(every, 0.5, hdi), ends(every, conf_level, hdi)
    with look():
        pitch, size = (0.24, None) if sum(rows) <= _ROOMY else (0.14, 7.0)
        figure = picture(PAGE, 0.35 + 0.62 * len(panels) + pitch * sum(rows))
        figure.data = interval_table({"parameter": names}, mean(every), inner, outer)
        ratios = [n + 0.8 for n in rows]
        grid = figure.subplots(len(panels), 1, squeeze=False, gridspec_kw={"height_ratios": ratios})
        for axes, (head, panel) in zip(grid[:, 0], panels, strict=True):
            x = pooled(panel.values)
            scale = pitch / 0.24
            forest(axes, mean(x), ends(x, 0.5, hdi), ends(x, conf_level, hdi), scale)
            name_rows(axes, [_label(p) for p in panel.parameters], size, room=38)
            title(axes, head)
        kind = "shortest" if hdi else "equal-tailed"
        words = f"posterior mean, 50% and {100 * conf_level:g}% intervals ({kind})"
        grid[-1, 0].set_xlabel(words)
        if len(found) < total:
            words = f"{len(found)} of {total:,} parameters: those farthest from 0, in their sds"
            figure.suptitle(words, fontsize=8.5, color=QUIET)
    return figure


def interval_table(
    labels: Mapping[str, Sequence[Any]],
    middle: Floats,
    inner: Floats,
    outer: Floats,
) -> pd.DataFrame:
    """Return what is drawn: labels, estimate, and the ends of both intervals."""
    import pandas as pd

    numbers = {"estimate": middle, "inner_low": inner[0], "inner_high": inner[1],
               "conf_low": outer[0], "conf_high": outer[1]}  # fmt: skip
    return pd.DataFrame({**labels, **numbers})


def forest(axes: Axes, middle: Floats, inner: Floats, outer: Floats, scale: float = 1.0) -> None:
    """Draw a row for each parameter: thin and thick interval, and a dot."""
    rows = np.arange(len(middle))
    axes.hlines(rows, outer[0], outer[1], color=ACCENT, linewidth=1.0 * scale)
    axes.hlines(rows, inner[0], inner[1], color=ACCENT, linewidth=3.2 * scale)
    axes.plot(
        middle, rows, "o", color="white", markeredgecolor=ACCENT, markersize=4.2 * scale,
        markeredgewidth=1.0 * scale,
    )  # fmt: skip
    low, high = axes.get_xlim()
    if low < 0 < high:
        axes.axvline(0, color=QUIET, linewidth=0.8, zorder=0.5)
    axes.grid(axis="x")


def _farthest(found: Chosen) -> Chosen:
    x = pooled(found.values)
    sd = spread(x)
    with np.errstate(divide="ignore", invalid="ignore"):
        far = np.nan_to_num(np.abs(mean(x)) / sd, nan=-1.0)
    return found.only(sorted(np.argsort(-far, kind="stable")[:MOST].tolist()))


def _panels(found: Chosen) -> list[tuple[str, Chosen]]:
    """Return parameters by kind: each kind has a scale of its own."""
    places: dict[str, list[int]] = {}
    for i, p in enumerate(found.parameters):
        places.setdefault(p.effect, []).append(i)
    panels = []
    for effect, some in places.items():
        title_of = _TITLES[effect]
        if effect == "fixed" and (first := _far_intercept(found, some)) is not None:
            panels.append(("Intercept", found.only([first])))
            some = [i for i in some if i != first]
        panels.append((title_of, found.only(some)))
    return panels


def _far_intercept(found: Chosen, places: list[int]) -> int | None:
    size = np.abs(pooled(found.values[:, :, places])).mean(axis=0)
    for k, i in enumerate(places):
        others = np.delete(size, k)
        if found.parameters[i].term == "Intercept" and len(others):
            return i if size[k] > _FAR * others.max() else None
    return None


def _label(p: Parameter) -> str:
    match p.effect:
        case "fixed" | "family":
            return p.term
        case "ran_sd":
            return f"{p.group}: {p.term}"
        case "ran_cor" | "ran_loading":
            return f"{p.group}: {p.term}" + (f", {p.term2}" if p.term2 else "")
        case _:
            return flat_name(p)
