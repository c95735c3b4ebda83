"""Stan data as JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hierglm.engines.data import to_json
from hierglm.errors import EngineError


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False)))
def test_every_float_comes_back_bit_for_bit(numbers: list[float]) -> None:
    found = json.loads(to_json({"y": np.array(numbers)}))["y"]
    assert np.array(found, dtype=float).tobytes() == np.array(numbers).tobytes()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (np.int64(3), "3"),
        (2.0, "2.0"),
        (np.float32(0.5), "0.5"),
        (True, "1"),
        (np.array([True, False]), "[1,0]"),
        (np.arange(6).reshape(2, 3), "[[0,1,2],[3,4,5]]"),
        (np.arange(6).reshape(2, 3).T, "[[0,3],[1,4],[2,5]]"),
        (np.arange(6)[::2], "[0,2,4]"),
        (np.arange(3, dtype=">i4"), "[0,1,2]"),
        (np.arange(3, dtype=np.int8), "[0,1,2]"),
        (np.empty((0,)), "[]"),
        (np.empty((2, 0)), "[[],[]]"),
        (np.empty((0, 2)), "[]"),
        (np.array(4.5), "4.5"),
        ([[1, 2], [3, 4]], "[[1,2],[3,4]]"),
    ],
)
def test_what_stan_reads(value: object, text: str) -> None:
    assert to_json({"x": value}).decode() == f'{{"x":{text}}}'


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.nan, "finite; found nan"),
        (np.array([[1.0, 2.0], [np.inf, np.nan]]), r"found inf at \[1, 0\] and 1 more"),
        ("text", "numbers"),
        (None, "numbers"),
        ([[1], [1, 2]], "rectangular"),
        (np.array([1j]), "numbers"),
    ],
)
def test_what_it_does_not(value: object, words: str) -> None:
    with pytest.raises(EngineError, match=f"Stan data 'x'.*{words}"):
        to_json({"x": value})
