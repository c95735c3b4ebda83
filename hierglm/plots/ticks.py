"""Ticks along the page: as many as there is room for the numbers below them.

Matplotlib's own number of ticks takes every number to have about five digits, whatever it has.
This module imports matplotlib, and is imported where a picture is drawn.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import AutoLocator, MaxNLocator

_MOST = 9
"""Ticks, as of matplotlib."""
_DIGIT = 0.64
"""Width of a digit in sizes of the font (DejaVu Sans)."""
_GAP = 0.8
"""Least room between two numbers, in sizes of the font."""


class RoomyLocator(MaxNLocator):
    """Round numbers, no more than fit beside each other."""

    def __init__(self) -> None:
        super().__init__(nbins=_MOST, steps=[1, 2, 2.5, 5, 10])

    def tick_values(self, vmin: float, vmax: float) -> Any:
        """Return places of ticks from `vmin` to `vmax`."""
        # Matplotlib's types know an axis only as one of several.
        axis: Any = self.axis
        if axis is None:
            return super().tick_values(vmin, vmax)
        space = int(np.clip(axis.get_tick_space(), 1, _MOST))
        for count in range(space, 0, -1):
            self.set_params(nbins=count)
            found = np.asarray(super().tick_values(vmin, vmax))
            apart = _apart(axis, found, vmin, vmax)
            if apart <= 1:
                return found
        # So little room that round numbers are too many: some of them.
        low, high = min(vmin, vmax), max(vmin, vmax)
        return found[(found >= low) & (found <= high)][:: int(np.ceil(apart))]


def _apart(axis: Any, ticks: Any, vmin: float, vmax: float) -> float:
    """Return the room that the widest number wants, as a share of what it has."""
    low, high = min(vmin, vmax), max(vmin, vmax)
    inside = ticks[(ticks >= low) & (ticks <= high)]
    if len(inside) < 2:
        return 0.0
    (tick,) = axis.get_major_ticks(1)
    letters = max(map(len, axis.get_major_formatter().format_ticks(inside)))
    wanted = tick.label1.get_fontsize() * (_DIGIT * letters + _GAP)
    points = axis.axes.bbox.width * 72 / axis.axes.figure.dpi
    return float(wanted / max(points * np.diff(inside).min() / (high - low), 1e-3))


def leave_room(figure: Figure) -> None:
    """Let horizontal axes whose ticks were left to matplotlib have no more than fit."""
    for axes in figure.axes:
        if type(axes.xaxis.get_major_locator()) is AutoLocator:
            axes.xaxis.set_major_locator(RoomyLocator())
