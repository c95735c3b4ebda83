"""The picture of the shrinkage shows the numbers of its table."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from hierglm import plots
from hierglm.errors import SettingsError
from hierglm.plots.pooling import NAMED


def fit(levels: int, seed: int = 1, formula: str = "y ~ x + (1 | school)") -> hg.Fit:
    r = np.random.default_rng(seed)
    school = np.repeat(np.arange(levels), r.geometric(0.1, levels))
    data = pd.DataFrame(
        {
            "school": [f"$chool_{i} of some town" for i in school],
            "x": r.normal(size=len(school)),
            "y": r.normal(size=len(school)) + r.normal(0, 0.7, levels)[school] + 2,
        }
    )
    return hg.fit(formula, data, seed=1, chains=2, draws=60, warmup=60)


@pytest.fixture(scope="module")
def some() -> hg.Fit:
    return fit(30)


def _labels(axes: Any) -> list[str]:
    return [t.get_text() for t in axes.get_yticklabels()]


def test_circles_dots_and_line_are_those_of_the_table(some: hg.Fit) -> None:
    axes = some.plot.pooling().axes[0]
    table = some.pooling().sort_values("rows", ascending=False, kind="stable")
    circles, dots = axes.collections[1], axes.collections[2]
    at = np.arange(30)
    np.testing.assert_array_equal(circles.get_offsets(), np.c_[table["no_pooling"], at])
    np.testing.assert_array_equal(dots.get_offsets(), np.c_[table["partial_pooling"], at])
    bars = axes.collections[0].get_segments()
    np.testing.assert_array_equal(
        [bar[:, 0] for bar in bars], table[["no_pooling", "partial_pooling"]]
    )
    assert axes.lines[0].get_xdata() == [table["complete_pooling"].iloc[0]] * 2
    assert (np.diff(circles.get_sizes()) <= 0).all()
    assert _labels(axes)[0].endswith(f"({table['rows'].iloc[0]})")


@pytest.mark.parametrize("levels", [3, 30, 85])
def test_names_of_levels_do_not_overlap(levels: int) -> None:
    figure = fit(levels, formula="y ~ x + (x | school)").plot.pooling()
    figure.canvas.draw()
    for axes in figure.axes:
        boxes = [t.get_window_extent() for t in axes.get_yticklabels()]
        assert len(boxes) == levels
        # The first is on top.
        assert all(low.y1 <= high.y0 + 0.5 for high, low in pairwise(boxes))
        assert min(box.x0 for box in boxes) >= 0
        assert axes.xaxis.label.get_window_extent().x1 <= figure.bbox.x1


def test_many_levels_are_drawn_over_their_rows() -> None:
    many = fit(NAMED + 1)
    axes = many.plot.pooling().axes[0]
    table = many.pooling()
    assert axes.get_xscale() == "log"
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), table["no_pooling"])
    np.testing.assert_array_equal(axes.lines[1].get_ydata(), table["partial_pooling"])
    # Beside each other, but never as far as the next number of rows.
    assert (np.abs(axes.lines[1].get_xdata() - table["rows"]) <= 0.4).all()
    assert axes.get_xlabel() == f"rows of the level ({NAMED + 1} levels)"


def test_what_is_not_there_is_refused(some: hg.Fit) -> None:
    with pytest.raises(SettingsError, match="no term 'y'"):
        plots.pooling(some, term="y")
    with pytest.raises(SettingsError, match="no group 'scool'; did you mean 'school'"):
        plots.pooling(some, "scool")
    with pytest.raises(SettingsError, match="no group effects"):
        plots.pooling(fit(3, formula="y ~ x"))
