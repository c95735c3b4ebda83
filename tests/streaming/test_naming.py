"""Sums within levels that have names, beside sums of all rows by pandas and exact ones."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hierglm.design.reduced import Reduced
from hierglm.errors import DataError
from hierglm.formula.parse import parse
from hierglm.streaming.naming import PLACE, Named, named, placed
from hierglm.streaming.passes import read
from hierglm.streaming.sources import source_of
from hierglm.streaming.spans import Span

pa = pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    n, levels = 20_000, 700
    g = rng.integers(0, levels, n)
    found = pd.DataFrame(
        {
            "y": rng.normal(size=n),
            "x": rng.normal(size=n),
            "w": rng.uniform(1, 2, n),
            "text": np.array([f"é{k}" for k in range(levels)], object)[g],
            "apart": rng.integers(-(2**62), 2**62, levels)[g],
        }
    )
    found.loc[rng.choice(n, 50, replace=False), "text"] = None
    found.loc[7, "x"] = np.nan
    return found


@pytest.mark.parametrize("dictionary", [True, False])
@pytest.mark.parametrize("response", ["y", "y | weights(w)", "exp(y)"])
@pytest.mark.parametrize("key", ["text", "apart"])
def test_sums_within_names_are_those_of_pandas(
    key: str, response: str, dictionary: bool, table: pd.DataFrame, tmp_path: Path
) -> None:
    table.to_parquet(tmp_path / "rows.parquet", row_group_size=900, use_dictionary=dictionary)
    source = source_of(tmp_path / "rows.parquet")
    assert source is not None
    formula = parse(f"{response} ~ x + (1 + x | {key})", source.columns)
    design = read(formula, source, batch=2_000)
    whole = table.dropna(subset=["x", key])
    assert (design.total, design.rows) == (len(table), len(whole))
    (group,), reduced = design.groups, design.reduced
    assert isinstance(reduced, Reduced)
    assert group.levels.tolist() == sorted(set(whole[key]))
    w = whole["w"] if "w" in response else pd.Series(1.0, whole.index)
    within = (w * whole["x"] ** 2).groupby(whole[key]).sum().sort_index()
    np.testing.assert_allclose(reduced.groups[0].ZZ[2], within, rtol=1e-12)
    rows = whole.groupby(key).size().sort_index()
    np.testing.assert_array_equal(reduced.groups[0].rows, rows)


@pytest.mark.parametrize("other", ["a dictionary", "large"])
def test_files_may_hold_text_in_other_ways(other: str, table: pd.DataFrame, tmp_path: Path) -> None:
    from pyarrow import parquet

    whole = table.dropna()
    first, second = whole.head(9_000), whole.iloc[9_000:]
    first.to_parquet(tmp_path / "1.parquet", row_group_size=1_000)
    rows = pa.Table.from_pandas(second, preserve_index=False)
    text = pa.array(second["text"], pa.large_string() if other == "large" else None)
    text = text.dictionary_encode() if other == "a dictionary" else text
    at = rows.schema.get_field_index("text")
    parquet.write_table(rows.set_column(at, "text", text), tmp_path / "2.parquet")
    source = source_of(tmp_path)
    assert source is not None
    design = read(parse("y ~ x + (1 | text)", source.columns), source, batch=2_000)
    assert isinstance(design.reduced, Reduced)
    assert design.groups[0].levels.tolist() == sorted(set(whole["text"]))
    counts = whole.groupby("text").size().sort_index()
    np.testing.assert_array_equal(design.reduced.groups[0].rows, counts)


def test_any_order_of_parts_gives_exact_sums() -> None:
    rng = np.random.default_rng(3)
    names, values, exact = list("abcdef"), [], {}
    for _ in range(40):
        some = rng.choice(names, rng.integers(1, 6), replace=False).tolist()
        own = 10.0 ** rng.integers(-12, 12, len(some)) * rng.normal(size=len(some))
        for name, value in zip(some, own, strict=True):
            exact[name] = exact.get(name, Fraction(0)) + Fraction(float(value))
        sums = np.array([np.ones(len(some)), own])
        values.append(Named(pa.array(some, pa.large_string()), sums, None, False))
    before = [v.value.copy() for v in values]
    for order in (range(40), reversed(range(40)), rng.permutation(40)):
        parts = [values[k] for k in order]
        total = parts[0]
        for part in parts[1:]:
            total = total.taking(part, own=False)
        levels, counts, sums = total.in_order()
        assert levels.tolist() == names
        assert counts.sum() == sum(v.value.shape[1] for v in values)
        np.testing.assert_array_equal(sums[1], [float(exact[n]) for n in names])
    # What was added up is as it was.
    for value, old in zip(values, before, strict=True):
        np.testing.assert_array_equal(value.value, old)


def test_rows_know_the_places_of_their_names() -> None:
    tables = [
        pa.table({"g": pa.array(["b", None, "a"]).dictionary_encode()}),
        pa.table({"g": pa.nulls(1)}),
        pa.table({"g": pa.array(["c", "a"])}),
    ]
    found, names = placed(tables, "g")
    assert names.to_pylist() == ["b", "a", "c"]
    assert [t.column(PLACE).to_pylist() for t in found] == [[0, 0, 1], [0], [2, 1]]
    numbers, names = placed([pa.table({"g": [2.0, None, -5.0]})], "g")
    assert (names.type, names.to_pylist()) == (pa.int64(), [2, -5])
    assert numbers[0].column(PLACE).to_pylist() == [0, 0, 1]
    with pytest.raises(DataError, match="'g' has whole numbers at first, and others later"):
        placed([pa.table({"g": [2.5]})], "g")


def test_a_part_without_names_adds_nothing() -> None:
    _, nothing = placed([pa.table({"g": pa.nulls(2)})], "g")
    span = Span(PLACE, 0, np.array([[2.0, 1.0, 0.0]]), None, False)
    some = named(span, pa.array(["b", "a"], pa.large_string()), False)
    empty = Named(nothing, np.zeros((1, 0)), None, False)
    answers: list[Any] = [some.taking(empty, False), empty.taking(some, False)]
    for both in answers:
        levels, counts, sums = both.in_order()
        assert (levels.tolist(), counts.tolist(), sums.tolist()) == (["a", "b"], [1, 2], [[1, 2]])
