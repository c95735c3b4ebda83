"""The same table from every kind of source gives the same sums."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from hierglm.errors import DataError
from hierglm.streaming.sources import source_of

FORMULA = "y ~ x + f + (1 + x | g)"


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    n = 1_000
    found = pd.DataFrame(
        {
            "y": rng.normal(size=n),
            "x": rng.normal(size=n),
            "f": rng.choice(list("ab"), n),
            "g": rng.integers(0, 20, n),
            "b": rng.integers(0, 2, n),
        }
    )
    found.loc[7, "x"] = np.nan
    return found


@pytest.fixture(scope="module")
def path(table: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("sources") / "it's.parquet"
    table.to_parquet(file, row_group_size=300)
    return file


def _dataset(path: Path) -> Any:
    return pytest.importorskip("pyarrow.dataset").dataset(path)


def _polars(path: Path) -> Any:
    frame = pytest.importorskip("polars").scan_parquet(path)
    if not hasattr(frame, "collect_batches"):
        pytest.skip("an older polars")
    return frame


def _duckdb(path: Path) -> Any:
    return pytest.importorskip("duckdb").read_parquet(str(path))


def _dask(path: Path) -> Any:
    frames = pytest.importorskip("dask.dataframe")
    return frames.from_pandas(pd.read_parquet(path), npartitions=3)


@pytest.mark.parametrize("source", [str, Path, _dataset, _polars, _duckdb, _dask])
def test_sources_give_the_sums_of_the_table(
    source: Callable[[Path], Any], table: pd.DataFrame, path: Path
) -> None:
    held, read = hg.model(FORMULA, table), hg.model(FORMULA, source(path))
    pd.testing.assert_frame_equal(held.priors(), read.priors())
    assert held.stan_code == read.stan_code
    assert held.model.groups[0].levels.tolist() == read.model.groups[0].levels.tolist()
    for name in ("rss", "weights", "ZZ_1", "X_mean"):
        one, other = (np.asarray(m.stan_data[name]) for m in (held, read))
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12 * np.abs(one).max())
    held = hg.model("b ~ f + (1 | g)", table, "bernoulli")
    read = hg.model("b ~ f + (1 | g)", source(path), "bernoulli")
    for name in ("count", "y"):
        one, other = (np.sort(m.stan_data[name]) for m in (held, read))
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("source", [_dataset, _polars, _duckdb, _dask])
def test_only_columns_that_are_asked_for_are_read(
    source: Callable[[Path], Any], path: Path
) -> None:
    found = source_of(source(path))
    assert found is not None
    assert found.columns == ("y", "x", "f", "g", "b")
    batches = list(found.read(("g", "y"), 128))
    assert {tuple(b.column_names) for b in batches} == {("g", "y")}
    assert sum(b.num_rows for b in batches) == 1_000
    assert found.count() in (None, 1_000)


def test_a_polars_frame_in_memory_is_a_table(table: pd.DataFrame) -> None:
    polars = pytest.importorskip("polars")
    assert source_of(polars.from_pandas(table)) is None
    assert source_of(table) is None
    with pytest.raises(DataError, match="must be a pandas, polars or pyarrow table"):
        hg.model(FORMULA, 3)
