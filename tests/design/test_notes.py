"""Columns that add nothing are named, and only these."""

import numpy as np
import pytest

from hierglm.design.design import Columns
from hierglm.design.notes import column_notes


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


def test_too_much_work_is_not_done():
    matrix = np.broadcast_to(1.0, (3_000_000_000, 3))
    assert column_notes(Columns(matrix, ("a", "b", "c"), None), True) == ()
