"""Sums over batches against those of the same rows in memory."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hierglm.design.encode import encode
from hierglm.design.rows import take
from hierglm.design.table import as_table
from hierglm.formula.parse import parse
from hierglm.plan.crossproducts import sum_rows
from hierglm.plan.order import order
from hierglm.plan.rows import factors
from hierglm.plan.sums import Sums
from hierglm.streaming.accumulate import centres_of, merge, reduce
from hierglm.streaming.middle import MAD, count, middle, nothing
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


def test_batches_merge_in_any_order_and_grouping(table: pd.DataFrame, path: Path) -> None:
    parsed = parse("y | weights(w) ~ x*f + (1 + x | g) + (1 | h)", tuple(table.columns))
    held = encode(parsed, as_table(table))
    centres = centres_of(held)
    rng = np.random.default_rng(2)
    parts = [
        reduce(take(held, rows), centres)
        for rows in np.array_split(rng.permutation(held.rows), [1, 2, 7, 900, 901, 3000])
    ]
    left, right = parts[0], parts[-1]
    for part in parts[1:]:
        left = merge(left, part)
    for part in reversed(parts[:-1]):
        right = merge(part, right)
    for found in (left, right):
        whole = reduce(held, centres)
        assert found.rows == held.rows
        close(whole.R.T @ whole.R, found.R.T @ found.R)
        for name in ("ZZ", "ZA"):
            for one, other in zip(getattr(whole, name), getattr(found, name), strict=True):
                close(one.sum, other.sum)
        close(whole.moments.sum, found.moments.sum)
        close(whole.weights.sum, found.weights.sum)
        for key, one in whole.cross.items():
            close(one.toarray(), found.cross[key].toarray())


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
    median, mad = middle(first, edges, lambda: iter(batches))
    exact = np.median(numbers)
    assert round(median, 1) == round(float(exact), 1)
    assert round(mad, 1) == round(MAD * float(np.median(np.abs(numbers - exact))), 1)
