"""A figure that shows itself in a notebook without pyplot.

pyplot keeps every figure until it is closed, and only figures that it knows are shown by
themselves. This module imports matplotlib; it is itself imported only when a picture is made.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hierglm.plots.look import look
from hierglm.plots.ticks import leave_room

if TYPE_CHECKING:
    import pandas as pd

_DPI = 192
"""Two pixels for each of a page at 96 an inch: sharp on any screen."""


class Picture(Figure):
    """A matplotlib figure; in a notebook the last value of a cell is shown as an image.

    Attributes
    ----------
    data : DataFrame or None
        The numbers that are drawn, where the picture has a table of them.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.data: pd.DataFrame | None = None
        super().__init__(*args, **kwargs)
        FigureCanvasAgg(self)

    def draw(self, renderer: Any) -> None:
        """Draw in our look: ticks are only made now, and would follow the caller's style."""
        with look():
            leave_room(self)
            super().draw(renderer)

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        held = BytesIO()
        self.savefig(held, format="png", dpi=_DPI, facecolor="white", bbox_inches="tight")
        data = held.getvalue()
        # The size stands in bytes 16 to 24 of a PNG.
        wide, high = (int.from_bytes(data[i : i + 4], "big") for i in (16, 20))
        return data, {"width": wide // 2, "height": high // 2}
