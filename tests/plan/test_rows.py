"""Equal rows become one, and nothing is lost."""

import numpy as np
import pandas as pd
import pytest

from hierglm.plan.crossproducts import common_matrix
from hierglm.plan.rows import gather, sort
from tests.designs import design_of


def table(rows=400, seed=0):
    r = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "a": r.integers(0, 3, rows),
            "b": np.array(list("pq"))[r.integers(0, 2, rows)],
            "g": r.integers(0, 5, rows),
            "x": r.normal(size=rows),
            "n": r.integers(1, 6, rows),
            "w": r.uniform(0.1, 2, rows),
            "hit": r.integers(0, 2, rows),
            "y": r.normal(size=rows),
        }
    )


def by_hand(data, keys, total, count):
    """Return the sums by key, made by pandas."""
    return data.assign(total=total, count=count).groupby(keys, sort=False)[["total", "count"]].sum()


@pytest.mark.parametrize(
    ("formula", "keys", "weight", "trials"),
    [
        ("hit ~ a + b + (1 | g)", ["g", "a", "b"], None, None),
        ("hit | weights(w) ~ a + b + (1 | g)", ["g", "a", "b"], "w", None),
        ("hit | trials(n) ~ a + (a | g)", ["g", "a"], None, "n"),
        ("hit ~ 1 + offset(a) + (0 + b | g)", ["g", "a", "b"], None, None),
        ("hit | trials(n) + weights(w) ~ b", ["b"], "w", "n"),
    ],
)
def test_sums_are_those_of_the_rows(formula, keys, weight, trials):
    data = table()
    design = design_of(formula, data)
    rows = gather(design)
    w = data[weight] if weight else 1.0
    n = data[trials] if trials else 1.0
    expected = by_hand(data, keys, w * data["hit"], w * n)
    assert rows.gathered
    assert len(rows.first) == len(expected)
    np.testing.assert_allclose(rows.total, expected["total"])
    np.testing.assert_allclose(rows.count, expected["count"])
    # Every row of the design is the row that it has become.
    X, _ = common_matrix(design)
    np.testing.assert_array_equal(rows.X[rows.cell], X)
    for k, g in enumerate(design.groups):
        np.testing.assert_array_equal(rows.index[k][rows.cell], g.index)
        np.testing.assert_array_equal(rows.Z[k][rows.cell], g.effects.matrix)
    if design.offset is not None:
        np.testing.assert_array_equal(rows.offset[rows.cell], design.offset)


def test_squares_within():
    data = table()
    rows = gather(design_of("y | weights(w) ~ a + (1 | g)", data))
    within = 0.0
    for _, part in data.groupby(["g", "a"]):
        mean = np.average(part["y"], weights=part["w"])
        within += np.sum(part["w"] * (part["y"] - mean) ** 2)
    np.testing.assert_allclose(rows.within.sum(), within)


def test_rows_that_differ_stay_as_they_are():
    data = table()
    design = design_of("hit ~ x + (1 | g)", data)
    rows = gather(design)
    assert not rows.gathered
    np.testing.assert_array_equal(rows.first, np.arange(len(data)))
    np.testing.assert_array_equal(rows.total, data["hit"])


@pytest.mark.parametrize("formula", ["hit ~ x + (1 | b) + (x | g)", "hit ~ a + (1 | g/b)"])
def test_sorted_rows_are_the_same_rows(formula):
    design = design_of(formula, table())
    rows = gather(design)
    levels = [len(g.levels) for g in design.groups]
    ours = sort(rows, levels)
    largest = int(np.argmax(levels))
    assert (np.diff(ours.index[largest]) >= 0).all()
    # Each row of the design is still what it has become.
    X, _ = common_matrix(design)
    np.testing.assert_array_equal(ours.X[ours.cell], X)
    for k, g in enumerate(design.groups):
        np.testing.assert_array_equal(ours.index[k][ours.cell], g.index)
        np.testing.assert_array_equal(ours.Z[k][ours.cell], g.effects.matrix)
    np.testing.assert_array_equal(ours.cell[ours.first], np.arange(len(ours.first)))
    for name in ("offset", "total", "count", "within"):
        np.testing.assert_array_equal(
            getattr(ours, name)[ours.cell], getattr(rows, name)[rows.cell]
        )
    if rows.pattern is not None:
        np.testing.assert_array_equal(ours.patterns[ours.pattern], rows.patterns[rows.pattern][
            rows.cell[ours.first]])  # fmt: skip


def test_rows_without_groups_stay_as_they_are():
    rows = gather(design_of("hit ~ x", table()))
    assert sort(rows, []) is rows
