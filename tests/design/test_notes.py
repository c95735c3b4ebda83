"""Columns and groups that add nothing are named, and only these."""

import numpy as np
import pytest

from hierglm.design.design import Columns
from hierglm.design.notes import column_notes, confounding_notes
from tests.designs import design_of


def notes_of(matrix, intercept=True):
    labels = tuple(f"x{k}" for k in range(matrix.shape[1]))
    return column_notes(Columns(np.ascontiguousarray(matrix), labels, None), intercept)


def named(notes):
    return [note.split("'")[1] for note in notes]


@pytest.fixture
def free():
    return np.random.default_rng(3).normal(size=(500, 6)) * 10.0 ** np.arange(-3, 3)


def test_independent_columns_are_not_mentioned(free):
    assert notes_of(free) == notes_of(free, intercept=False) == ()


def test_combinations_are_named_whatever_the_scale(free):
    matrix = np.column_stack([free, free[:, 0] * 1e6 + free[:, 5], free[:, 2] + 7])
    assert named(notes_of(matrix)) == ["x6", "x7"]
    assert named(notes_of(matrix, intercept=False)) == ["x6"]


def test_constants(free):
    matrix = np.column_stack([np.full(500, 0.1), free, np.zeros(500)])
    assert named(notes_of(matrix)) == ["x0", "x7"]
    assert "constant, like the intercept" in notes_of(matrix)[0]
    assert named(notes_of(matrix, intercept=False)) == ["x7"]
    assert "zero in every row" in notes_of(matrix, intercept=False)[0]


def test_nearly_equal_columns_are_not_equal(free):
    noise = np.random.default_rng(5).normal(size=500)
    other = free[:, 0] + 1e-4 * np.std(free[:, 0]) * noise
    assert notes_of(np.column_stack([free, other])) == ()


def test_large_means_do_not_hide_what_varies(free):
    assert notes_of(free[:, 3:] + 1e6) == ()


def test_more_columns_than_rows():
    matrix = np.random.default_rng(4).normal(size=(4, 6))
    assert named(notes_of(matrix)) == ["x3", "x4", "x5"]


def test_of_many_the_first_are_named_and_the_others_counted():
    matrix = np.random.default_rng(4).normal(size=(5, 40))
    found = notes_of(matrix)
    assert named(found[:-1]) == [f"x{k}" for k in range(4, 16)]
    assert found[-1] == "24 more columns are combinations of columns before them, 'x39' the last"


def test_too_much_work_is_not_done():
    matrix = np.broadcast_to(1.0, (3_000_000_000, 3))
    assert column_notes(Columns(matrix, ("a", "b", "c"), None), True) == ()


def test_groups_of_the_same_rows_are_named_with_the_first_of_them():
    r = np.random.default_rng(6)
    a, b = r.integers(0, 4, 60), r.integers(0, 4, 60)
    # The same partitions under other names, and two that differ in one row.
    one, other = np.array([7, 2, 9, 4])[a], np.array(list("dbca"))[b]
    near = np.where(np.arange(60) == 50, (a + 1) % 4, a)
    data = {"y": r.normal(size=60), "a": a, "b": b, "near": near, "one": one, "other": other,
            "third": 10 - a}  # fmt: skip
    groups = ["a", "b", "near", "one", "other", "third"]
    design = design_of("y ~ 1 + " + " + ".join(f"(1 | {g})" for g in groups), data)

    def same(one, other):
        pairs = {*zip(one.tolist(), other.tolist(), strict=True)}
        return len(pairs) == len({*one.tolist()}) == len({*other.tolist()})

    first = [next(g for g in groups if same(data[g], data[own])) for own in groups]
    expected = [(f, own) for f, own in zip(first, groups, strict=True) if f != own]
    assert expected == [("a", "one"), ("b", "other"), ("a", "third")]
    found = [tuple(note.split("'")[1:4:2]) for note in confounding_notes(design, None)]
    assert found == expected
