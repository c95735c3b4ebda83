"""Numbers below an axis have room beside each other, whatever they are and however little it is."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from hierglm.plots.look import look, picture


def shown(axes: Any) -> list[Any]:
    """Return the numbers that are drawn below an axis, from left to right."""
    low, high = sorted(axes.get_xlim())
    ticks = [t for t in axes.xaxis.get_major_ticks() if low <= t.get_loc() <= high]
    return sorted((t.label1 for t in ticks), key=lambda label: label.get_window_extent().x0)


RANGES = [(0, 1), (12345.6771, 12345.6779), (-6.2e5, 8.1e5), (-5e-7, 4e-7), (1e6, 1.0001e6),
          (-1234650, -1234500), (3, -2)]  # fmt: skip


@pytest.mark.parametrize("width", [1.2, 1.75, 7])
@pytest.mark.parametrize("limits", RANGES)
def test_numbers_do_not_overlap(limits: tuple[float, float], width: float) -> None:
    with look():
        figure = picture(width, 1.5)
        axes = figure.subplots()
    axes.set_xlim(*limits)
    figure.canvas.draw()
    boxes = [label.get_window_extent() for label in shown(axes)]
    assert boxes
    assert all(one.x1 < two.x0 for one, two in pairwise(boxes))


def test_where_there_is_room_ticks_are_matplotlib_s_own() -> None:
    with look():
        ours, plain = picture(5, 2), Figure((5, 2), layout="constrained")
        drawn = [figure.subplots() for figure in (ours, plain)]
    for figure, axes in zip((ours, plain), drawn, strict=True):
        axes.set_xlim(-0.3, 2.2)
        with look():
            FigureCanvasAgg(figure).draw()
    one, two = ([label.get_text() for label in shown(axes)] for axes in drawn)
    assert one == two
    assert len(one) > 3


def test_ticks_that_were_chosen_stay() -> None:
    with look():
        figure = picture(1.5, 3)
        chosen, log = figure.subplots(2, 1)
    chosen.set_xticks([0, 0.5, 1], labels=["none of them", "half of them", "all of them"])
    log.set_xscale("log")
    log.set_xlim(1, 1000)
    figure.canvas.draw()
    assert [label.get_text() for label in shown(chosen)][::2] == ["none of them", "all of them"]
    assert isinstance(log.xaxis.get_major_locator(), LogLocator)
