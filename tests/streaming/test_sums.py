"""Sums over batches against those of the same rows in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
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
from hierglm.plan.sums import Sums
from hierglm.streaming import passes, starting
from hierglm.streaming.middle import MAD, count, middle, nothing, roughly
from hierglm.streaming.parallel import in_order
from hierglm.streaming.passes import read
from hierglm.streaming.sources import source_of

FORMULAS = [
    "y ~ x + f + (1 + x | g) + (1 | h)",
    "y | weights(w) ~ 0 + log(x^2) + (1 | g/h)",
    "y ~ x*f + offset(w) + factor(h) + (x || g)",
    "y | se(w) ~ 1 + (1 | g)",
    "y ~ 1",
    "log(w) ~ x + I(2 * x) + (0 + f | g)",
]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    n, levels = 5_000, 120
    g = rng.integers(0, levels, n)
    found = pd.DataFrame(
        {
            "y": 3 + rng.normal(size=n) + rng.normal(size=levels)[g],
            "x": rng.normal(5, 2, n),
            "w": rng.uniform(0.5, 2, n),
            "f": rng.choice(list("abc"), n),
            "g": g,
            "h": pd.Categorical(rng.choice(["u", "t", "v"], n), ["u", "t", "v"]),
        }
    )
    found.loc[rng.choice(n, 40, replace=False), "x"] = np.nan
    return found


@pytest.fixture(scope="module")
def path(table: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rows")
    for k in range(3):
        table.iloc[k::3].to_parquet(folder / f"{k}.parquet", row_group_size=400)
    return folder


def both(formula: str, table: pd.DataFrame, path: Path, batch: int) -> tuple[Sums, Sums]:
    parsed = parse(formula, tuple(table.columns))
    held = encode(parsed, as_table(table))
    source = source_of(path)
    assert source is not None
    streamed = read(parsed, source, batch=batch)
    assert streamed.rows == held.rows
    assert streamed.common.labels == held.common.labels
    for a, b in zip(streamed.groups, held.groups, strict=True):
        assert a.levels.tolist() == b.levels.tolist()
    found = order(factors(held))
    again = order(factors(streamed))
    assert (found.chain, found.rest) == (again.chain, again.rest)
    for key, parents in found.parents.items():
        np.testing.assert_array_equal(parents, again.parents[key])
    return sum_rows(held, found), sum_rows(streamed, again)


def close(a: object, b: object, scale: float = 0.0) -> None:
    """Demand equality to 1e-12 of the largest number, or of what the sums are made of."""
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape
    if a.size:
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * max(np.abs(a).max(), scale))


@pytest.mark.parametrize("batch", [300, 100_000])
@pytest.mark.parametrize("formula", FORMULAS)
def test_sums_are_those_of_the_rows_in_memory(
    formula: str, batch: int, table: pd.DataFrame, path: Path
) -> None:
    a, b = both(formula, table, path, batch)
    close(a.common.R.T @ a.common.R, b.common.R.T @ b.common.R)
    close(a.common.ols, b.common.ols)
    close(a.common.rss, b.common.rss)
    close(a.common.weights, b.common.weights)
    close(a.common.means, b.common.means)
    for one, other in zip(a.groups, b.groups, strict=True):
        close(one.ZZ, other.ZZ)
        close(one.ZX, other.ZX, np.abs(one.ZZ).max())
        close(one.Ze, other.Ze, np.abs(one.ZZ).max())
    assert set(a.cross) == set(b.cross)
    for key, one in a.cross.items():
        close(one.toarray(), b.cross[key].toarray())


def test_batches_merge_in_any_order_and_grouping(table: pd.DataFrame, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parsed = parse("y | weights(w) ~ x*f + (1 + x | g) + (1 | h)", tuple(table.columns))
    arrow = pa.Table.from_pandas(table)
    table.to_parquet(tmp_path / "whole.parquet")
    source = source_of(tmp_path / "whole.parquet")
    assert source is not None
    start = starting.covered(parsed, source, "drop", None, None, 5_000)
    for careful in (False, True):
        reading = replace(start.reading, layout=replace(start.reading.layout, careful=careful))
        rng = np.random.default_rng(2)
        cuts = np.array_split(rng.permutation(len(table)), [1, 2, 7, 900, 901, 3000])
        parts = [reading([arrow.take(rows)]) for rows in cuts]
        left, right = parts[0], parts[-1]
        for part in parts[1:]:
            left = left + part
        for part in reversed(parts[:-1]):
            right = part + right
        whole = reading([arrow])
        assert whole.partial.rows == 4_960
        for found in (left, right):
            assert found.seen == whole.seen
            np.testing.assert_array_equal(found.counts.count, whole.counts.count)
            one, other = whole.partial, found.partial
            assert one.rows == other.rows
            close(one.products.sum, other.products.sum)
            if careful:
                close(one.R.T @ one.R, other.R.T @ other.R)
                close(one.R.T @ one.R, one.products.sum)
            close(one.moments.sum, other.moments.sum)
            close(one.weights.sum, other.weights.sum)
            frames = [c.rows.select(["g", "h"]).to_pandas() for c in (one.cells, other.cells)]
            orders = [f.astype(str).agg(":".join, axis=1).argsort() for f in frames]
            assert (frames[0].iloc[orders[0]].values == frames[1].iloc[orders[1]].values).all()
            close(one.cells.sums.sum[:, orders[0]], other.cells.sums.sum[:, orders[1]])


@pytest.mark.parametrize("formula", ["y ~ x + (1 + x | g) + (1 | h)", "y ~ w + (1 + w | g)"])
def test_sums_do_not_depend_on_threads(
    formula: str, table: pd.DataFrame, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = parse(formula, tuple(table.columns))
    source = source_of(path)
    assert source is not None
    found = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(passes, "workers", lambda n=threads: n)
        found.append(read(parsed, source, batch=300).reduced)
    for other in found[1:]:
        for name in ("R", "means", "sds", "median_y", "mad_y"):
            np.testing.assert_array_equal(getattr(found[0], name), getattr(other, name))
        for one, another in zip(found[0].groups, other.groups, strict=True):
            np.testing.assert_array_equal(one.ZZ, another.ZZ)
            np.testing.assert_array_equal(one.ZA, another.ZA)


def test_results_come_in_order_and_errors_stop_what_is_not_begun() -> None:
    begun: list[int] = []

    def task(k: int) -> Callable[[], int]:
        def work() -> int:
            begun.append(k)
            if k == 3:
                raise ValueError("three")
            return k

        return work

    assert list(in_order(map(task, [5, 1, 4]), 2)) == [5, 1, 4]
    begun.clear()
    with pytest.raises(ValueError, match="three"):
        list(in_order(map(task, range(50)), 2))
    assert max(begun) < 8


@pytest.mark.parametrize(
    "formula", ["y ~ x + z + x:z + (1 + z | g)", "y | se(w) ~ x + offset(z) + (0 + w | g:k)"]
)
def test_one_pass_is_enough_for_numbers(
    formula: str, table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(7)
    more = table.assign(z=rng.uniform(size=len(table)), k=rng.integers(0, 3, len(table)))
    # Sorted, so that the first rows tell little of the others, and levels come one by one.
    more = more.sort_values(["g", "y"])
    more.loc[more.index[:25], "x"] = np.nan
    more.to_parquet(tmp_path / "rows.parquet", row_group_size=250)
    monkeypatch.setattr(starting, "cover", None)
    a, b = both(formula, more, tmp_path / "rows.parquet", 10_000)
    close(a.common.ols, b.common.ols)
    close(a.common.rss, b.common.rss)
    close(a.groups[0].ZZ, b.groups[0].ZZ)
    close(a.groups[0].ZX, b.groups[0].ZX, np.abs(a.groups[0].ZZ).max())
    close(a.groups[0].Ze, b.groups[0].Ze, np.abs(a.groups[0].ZZ).max())


@pytest.mark.parametrize("apart", [1e-1, 1e-3, 1e-6])
def test_nearly_dependent_columns_lose_nothing(apart: float, tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    x = rng.normal(size=2_000)
    found = pd.DataFrame({"x": x, "z": x + apart * rng.normal(size=len(x))})
    found["y"] = found["x"] + apart * rng.normal(size=len(x))
    found.to_parquet(tmp_path / "near.parquet", row_group_size=300)
    a, b = both("y ~ x + z", found, tmp_path / "near.parquet", 500)
    # What is left of z and y beside x, to the digits that the numbers of the table have of it.
    digits = max(1e-12, 1e-16 / apart)
    np.testing.assert_allclose(a.common.rss, b.common.rss, rtol=digits)
    np.testing.assert_allclose(
        np.abs(np.diag(a.common.R)), np.abs(np.diag(b.common.R)), rtol=digits
    )


def test_sums_of_columns_far_from_0_against_exact_arithmetic(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    n = 3000
    x, y = 1e7 + rng.normal(size=n), -1e8 + rng.normal(size=n)
    pd.DataFrame({"x": x, "y": y}).to_parquet(tmp_path / "far.parquet")
    exact_x = [Fraction(v) for v in x]
    exact_y = [Fraction(v) for v in y]
    mean_x, mean_y = sum(exact_x) / n, sum(exact_y) / n
    xx = sum((v - mean_x) ** 2 for v in exact_x)
    xy = sum((v - mean_x) * (w - mean_y) for v, w in zip(exact_x, exact_y, strict=True))
    yy = sum((w - mean_y) ** 2 for w in exact_y)
    source = source_of(tmp_path / "far.parquet")
    assert source is not None
    design = read(parse("y ~ x", ("x", "y")), source, batch=250)
    sums = sum_rows(design, order(())).common
    assert sums.means[0] == pytest.approx(float(mean_x), rel=1e-15)
    assert sums.ols[0] == pytest.approx(float(mean_y), rel=1e-15)
    assert sums.ols[1] == pytest.approx(float(xy / xx), rel=1e-12)
    assert sums.rss == pytest.approx(float(yy - xy * xy / xx), rel=1e-12)
    assert (sums.R.T @ sums.R)[1, 1] == pytest.approx(float(xx), rel=1e-12)


def test_known_coefficients_are_taken_away(table: pd.DataFrame, path: Path) -> None:
    parsed = parse("y ~ x + f + (1 | g)", tuple(table.columns))
    held = encode(parsed, as_table(table))
    source = source_of(path)
    assert source is not None
    streamed = read(parsed, source, batch=700)
    found = order(factors(held))
    for given in ([np.nan, 0.3, np.nan, np.nan], [2.5, np.nan, np.nan, -1.0], [1.0, 2.0, 3.0, 4.0]):
        a = sum_rows(held, found, np.array(given))
        b = sum_rows(streamed, found, np.array(given))
        close(a.common.ols, b.common.ols)
        close(a.common.rss, b.common.rss)
        close(a.common.R.T @ a.common.R, b.common.R.T @ b.common.R)
        close(a.groups[0].Ze, b.groups[0].Ze, a.groups[0].ZZ.max())


@pytest.mark.parametrize(
    "numbers",
    [
        np.random.default_rng(1).normal(2.25, 4, 2001),
        # Just where they are rounded: bins alone would not tell.
        np.array([0.25] * 50 + [10.0] * 40 + [-3.0] * 40),
        np.array([0.15, 0.25]),
        np.array([7.0]),
        np.random.default_rng(2).standard_cauchy(1000),
    ],
)
def test_middle_is_numpys_to_one_decimal(numbers: np.ndarray) -> None:
    edges = np.linspace(-20, 20, 11)
    batches = np.array_split(numbers, 4)
    first = sum((count(edges, y) for y in batches), start=nothing(edges))
    even = roughly(edges, batches)
    np.testing.assert_array_equal(even.count, first.count)
    used = first.count > 0
    assert (even.low[used] <= first.low[used]).all()
    assert (even.high[used] >= first.high[used]).all()
    assert middle(even, edges, lambda: iter(batches)) == pytest.approx(
        middle(first, edges, lambda: iter(batches)), abs=0.05
    )
    median, mad = middle(first, edges, lambda: iter(batches))
    exact = np.median(numbers)
    assert round(median, 1) == round(float(exact), 1)
    assert round(mad, 1) == round(MAD * float(np.median(np.abs(numbers - exact))), 1)
