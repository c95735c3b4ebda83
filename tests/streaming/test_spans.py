"""Sums within levels that are whole numbers, against exact arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from math import fsum
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hierglm.design.encode import encode
from hierglm.design.reading import as_table
from hierglm.formula.parse import parse
from hierglm.plan.crossproducts import sum_rows
from hierglm.plan.order import order
from hierglm.plan.rows import factors
from hierglm.streaming import adder as adding
from hierglm.streaming.adder import Adder
from hierglm.streaming.cells import Cells
from hierglm.streaming.levels import rounded
from hierglm.streaming.passes import read
from hierglm.streaming.sources import source_of
from hierglm.streaming.spans import Span, together

PAIRS = ((0, 0), (0, 1), (1, 2), (2, 2))


def added(
    levels: np.ndarray, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None
) -> Span | Cells:
    """Return the sums of rows that wait for each other 50 at a time, and come 20 at a time."""
    columns = [np.ones(len(x)), x, y, *([] if weights is None else [weights])]
    adder = Adder("g", PAIRS, np.empty((len(columns) + 1, 50)), weights is not None)
    for start in range(0, len(x), 20):
        here = slice(start, start + 20)
        room = adder.room(len(x[here]))
        for to, column in zip(room, columns, strict=True):
            to[:] = column[here]
        adder.filled(levels[here])
    return adder.result()


def exact(
    levels: np.ndarray, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None
) -> tuple[list[int], np.ndarray]:
    """Return levels, and sums of products that are rounded once."""
    there = np.unique(levels)
    w = np.ones(len(x)) if weights is None else weights
    columns = [np.ones(len(x)), x, y]
    sums = [[fsum((columns[a] * columns[b] * w)[levels == g]) for g in there] for a, b in PAIRS]
    return there.tolist(), np.array(sums)


def check(found: Span | Cells, parts: Sequence[tuple[np.ndarray, ...]]) -> None:
    whole = [np.concatenate(column) for column in zip(*parts, strict=True)]
    levels, sums = exact(*whole)
    within = rounded(found, "g")
    assert within.levels is not None
    assert within.levels.tolist() == levels
    assert within.counts.tolist() == [int((whole[0] == g).sum()) for g in levels]
    np.testing.assert_allclose(within.sums, sums, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("limits", "kind"),
    [
        # Each piece has levels that those before have not; then some that are in no array.
        ([(0, 40), (10, 90), (-70, 30), (200, 260), (-300, -250), (5, 6)], Span),
        ([(0, 40), (10**12, 10**12 + 9), (20, 60)], Cells),
        ([(10**12, 10**12 + 9), (0, 40)], Cells),
    ],
)
def test_pieces_in_any_order(limits: list[tuple[int, int]], kind: type, weighted: bool) -> None:
    rng = np.random.default_rng(1)
    parts = [
        (rng.integers(low, high, 130), rng.normal(size=130), rng.normal(1e3, 1, 130))
        + ((rng.uniform(size=130),) if weighted else ())
        for low, high in limits
    ]
    pieces = [added(*part) for part in parts]
    values = [p.value.copy() for p in pieces if isinstance(p, Span)]
    forwards = reduce(together, pieces)
    backwards = reduce(lambda one, other: together(other, one), pieces)
    assert isinstance(forwards, kind)
    assert isinstance(backwards, kind)
    check(forwards, parts)
    check(backwards, parts)
    # What is put together is as it was, unless it is said that nobody needs it.
    for value, piece in zip(values, (p for p in pieces if isinstance(p, Span)), strict=True):
        np.testing.assert_array_equal(value, piece.value)
    check(reduce(lambda one, other: together(one, other, own=True), pieces), parts)


def test_levels_far_apart_within_a_piece() -> None:
    rng = np.random.default_rng(2)
    levels = rng.integers(0, 30, 400)
    levels[150:170] = 10**15 + rng.integers(0, 5, 20)
    part = (levels, rng.normal(size=400), rng.normal(size=400))
    found = added(*part)
    assert isinstance(found, Cells)
    check(found, [part])


def test_few_rows_of_many_levels_are_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adding, "_HEAVY", 10)
    rng = np.random.default_rng(3)
    wide = (rng.integers(0, 5_000, 50), rng.normal(size=50), rng.normal(size=50))
    near = (rng.integers(0, 500, 400), rng.normal(size=400), rng.normal(size=400))
    one, other = added(*wide), added(*near)
    assert isinstance(one, Cells)
    assert isinstance(other, Span)
    for found in (together(one, other), together(other, one)):
        assert isinstance(found, Span)
        check(found, [wide, near])


def test_a_level_with_most_rows_loses_no_digits() -> None:
    # Equal numbers, added one after the other, are all rounded to the same side.
    n, x = 300_000, 0.1
    adder = Adder("g", ((0, 0), (0, 1)), np.empty((3, n + 10)), weighted=False)
    room = adder.room(n + 10)
    room[0], room[1] = 1.0, x
    levels = np.full(n + 10, 7)
    levels[:10] = np.arange(10, 20)
    adder.filled(levels)
    within = rounded(adder.result(), "g")
    assert within.levels is not None
    assert within.levels.tolist() == [7, *range(10, 20)]
    assert within.sums[1, 0] == pytest.approx(float(n * Fraction(x)), rel=1e-14)
    assert within.sums[1, 1:].tolist() == [x] * 10


@pytest.mark.parametrize("formula", ["y ~ x + (1 + x | g)", "y | weights(w) ~ x + (0 + z | g)"])
@pytest.mark.parametrize("start", [0, -400, 10**13])
def test_read_within_whole_numbers(formula: str, start: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    n = 3_000
    table = pd.DataFrame(rng.normal(size=(n, 3)), columns=["y", "x", "z"])
    table["w"] = rng.uniform(1, 2, n)
    # Most levels come late, some only once, and one has numbers that are no predictors' yet.
    table["g"] = np.sort(rng.integers(0, 700, n)) + start
    table.loc[[5, 2_500], ["x", "z"]] = np.nan
    path = tmp_path / "rows.parquet"
    table.to_parquet(path, row_group_size=200)
    parsed, source = parse(formula, tuple(table.columns)), source_of(path)
    assert source is not None
    held, streamed = encode(parsed, as_table(table)), read(parsed, source, batch=400)
    assert streamed.groups[0].levels.tolist() == held.groups[0].levels.tolist()
    assert streamed.groups[0].levels.dtype == held.groups[0].levels.dtype
    one, other = (sum_rows(d, order(factors(d))) for d in (held, streamed))
    for name in ("ols", "rss", "weights", "means"):
        np.testing.assert_allclose(
            getattr(one.common, name), getattr(other.common, name), rtol=1e-12
        )
    scale = np.abs(one.groups[0].ZZ).max()
    for name in ("ZZ", "ZX", "Ze"):
        np.testing.assert_allclose(
            getattr(one.groups[0], name), getattr(other.groups[0], name), atol=1e-12 * scale
        )


@pytest.mark.parametrize("bad", [np.inf, 1e160, -1e101])
def test_numbers_too_large_are_found_by_their_sums(bad: float, tmp_path: Path) -> None:
    from hierglm.errors import DataError

    rng = np.random.default_rng(5)
    table = pd.DataFrame(rng.normal(size=(900, 2)), columns=["y", "x"])
    table["g"] = rng.integers(0, 5, 900)
    table.loc[700, "x"] = bad
    path = tmp_path / "rows.parquet"
    table.to_parquet(path, row_group_size=100)
    parsed, source = parse("y ~ x + (1 | g)", ("y", "x", "g")), source_of(path)
    assert source is not None
    with pytest.raises(DataError, match=r"rows 701 to 800 of .*rows\.parquet: x is"):
        read(parsed, source, batch=100)
