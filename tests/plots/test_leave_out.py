"""Pictures of comparisons and of units left out show what the tables say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from hierglm.plots.comparison import comparison
from hierglm.plots.leave_out import leave_out

HOSTILE = ["$x^2$", "two\nlines", "x" * 300]


def _points(axes: Any) -> list[list[float]]:
    return [list(np.asarray(line.get_ydata(), dtype=float)) for line in axes.lines]


def test_hard_units_are_set_apart_from_the_others() -> None:
    khat = np.array([0.1, 0.9, 0.3])
    axes = leave_out(HOSTILE, "$school", khat, 0.7).axes[0]
    good, high, limit = _points(axes)
    assert good == [0.1, 0.3]
    assert high == [0.9]
    assert limit == [0.7, 0.7]
    labels = [t.get_text() for t in axes.get_xticklabels()]
    assert labels[0] == "$x^2$"
    assert max(map(len, labels)) <= 18
    assert axes.get_ylabel() == "Pareto k-hat"


def test_of_many_units_the_worst_are_named_where_there_is_room() -> None:
    khat = np.full(3000, 0.2)
    khat[[100, 1500, 2900]] = [0.8, np.inf, 1.2]
    khat[2901] = 1.19
    axes = leave_out([f"row {i}" for i in range(3000)], "school", khat, 0.7).axes[0]
    assert [t.get_text() for t in axes.texts] == ["row 1500", "row 2900", "row 100"]
    assert axes.get_xlabel() == "school (3,000 levels, in their order)"
    # An infinite k-hat stands on top of the others.
    assert max(_points(axes)[1]) == 1.2 * 1.05


def test_units_that_were_refitted_have_no_point() -> None:
    axes = leave_out(["a", "b"], "row", np.array([np.nan, 0.3]), 0.7).axes[0]
    assert np.isnan(_points(axes)[0][0])
    assert _points(axes)[0][1] == 0.3


def test_a_comparison_has_one_and_two_standard_errors() -> None:
    table = pd.DataFrame(
        {
            "model": HOSTILE,
            "elpd_diff": [0.0, -5.0, -20.0],
            "se_diff": [0.0, 2.0, 4.0],
            "weight": [0.7, 0.3, 0.0],
        }
    )
    axes = comparison(table).axes[0]
    outer, inner = axes.collections
    assert [s[:, 0].tolist() for s in outer.get_segments()] == [[0, 0], [-9, -1], [-28, -12]]
    assert [s[:, 0].tolist() for s in inner.get_segments()] == [[0, 0], [-7, -3], [-24, -16]]
    texts = [t.get_text() for t in axes.get_yticklabels()]
    assert texts[0] == "$x^2$"
    right = next(iter(axes.child_axes))
    assert [t.get_text() for t in right.get_yticklabels()] == ["0.70", "0.30", "0.00"]
