"""Parts of a table that are reduced where they are, and rows that are grouped where they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from hierglm.errors import DataError, SettingsError
from hierglm.streaming import counting
from hierglm.streaming.sources import COUNT, source_of

FORMULA = "y ~ x + f + (1 + x | g)"


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(6)
    n = 2_000
    found = pd.DataFrame(
        {
            "y": rng.normal(1e3, 1.0, size=n),
            "x": rng.normal(size=n),
            "f": rng.choice(["a", "b", "late"], n, p=[0.6, 0.3999, 0.0001]),
            "g": rng.integers(0, 40, n),
            "b": rng.integers(0, 2, n),
        }
    )
    # A level that only the last part has, and parts without complete rows.
    found.loc[n - 1, "f"] = "late"
    found.loc[[3, 700], "x"] = np.nan
    found.loc[[3, 9], "f"] = None
    found.loc[1_000:1_399, "y"] = np.nan
    return found


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Give a client of two workers, each a process of its own."""
    distributed = pytest.importorskip("distributed")
    pytest.importorskip("dask.dataframe")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0",
            host="127.0.0.1", silence_logs=50,
        ) as cluster,
        distributed.Client(cluster) as found,
    ):  # fmt: skip
        yield found


def test_sums_are_made_where_the_parts_are(client: Any, table: pd.DataFrame) -> None:
    from dask import dataframe

    parts = dataframe.from_pandas(table, npartitions=10)
    held, read = hg.model(FORMULA, table), hg.model(FORMULA, parts)
    pd.testing.assert_frame_equal(held.priors(), read.priors())
    assert held.stan_code == read.stan_code
    assert held.model.groups[0].levels.tolist() == read.model.groups[0].levels.tolist()
    for name in ("rss", "weights", "ZZ_1", "X_mean"):
        one, other = (np.asarray(m.stan_data[name]) for m in (held, read))
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12 * np.abs(one).max())
    # Whichever worker has which part: every digit again.
    again = hg.model(FORMULA, parts)
    assert all(np.array_equal(v, again.stan_data[k]) for k, v in read.stan_data.items())
    notes = read.model.design.notes
    assert notes[0] == "403 of 2,000 rows dropped: missing values in 'x' (2), 'f' (2), 'y' (400)"
    assert notes[-1].startswith("data: a Dask DataFrame, its parts read by Dask's workers;")


def test_rows_are_counted_where_the_parts_are(
    client: Any, table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dask import dataframe

    parts = dataframe.from_pandas(table, npartitions=10)
    held = hg.model("b ~ f + (1 | g)", table, "bernoulli")
    read = hg.model("b ~ f + (1 | g)", parts, "bernoulli")
    assert held.stan_code == read.stan_code
    assert int(np.sum(read.stan_data["count"])) == 1_998
    monkeypatch.setattr(counting, "MOST", 10)
    with pytest.raises(SettingsError, match="more than 10 different rows"):
        hg.model("b ~ f + (1 | g)", parts, "bernoulli")


def test_workers_errors_are_those_of_the_data(client: Any, table: pd.DataFrame) -> None:
    from dask import dataframe

    parts = dataframe.from_pandas(table.assign(y=np.nan), npartitions=3)
    with pytest.raises(DataError, match="no row of a Dask DataFrame is complete"):
        hg.model("y ~ x", parts)


@pytest.fixture(params=["polars", "duckdb"])
def lazy(request: pytest.FixtureRequest, table: pd.DataFrame, tmp_path: Path) -> Any:
    path = tmp_path / "table.parquet"
    table.to_parquet(path)
    if request.param == "duckdb":
        return pytest.importorskip("duckdb").read_parquet(str(path))
    frame = pytest.importorskip("polars").scan_parquet(path)
    if not hasattr(frame, "collect_batches"):
        pytest.skip("an older polars")
    return frame


def test_engines_group_rows_themselves(lazy: Any, table: pd.DataFrame) -> None:
    source = source_of(lazy)
    assert source is not None
    assert source.group is not None
    names = ["b", "f", "g"]
    found = pd.concat([t.to_pandas() for t in source.group(names)])
    expected = table.groupby(names, dropna=False).size()
    given = found.set_index(names)[COUNT]
    assert len(given) == len(expected)
    assert given.sum() == len(table)
    complete = found.dropna().set_index(names)[COUNT]
    assert complete.to_dict() == table.dropna(subset=names).groupby(names).size().to_dict()
    read = hg.model("b ~ f + (1 | g)", lazy, "bernoulli")
    held = hg.model("b ~ f + (1 | g)", table, "bernoulli")
    assert held.stan_code == read.stan_code
    assert read.model.design.notes[0] == "2 of 2,000 rows dropped: missing values in 'f' (2)"
    assert int(np.sum(read.stan_data["count"])) == 1_998


def test_columns_of_many_values_are_not_grouped(lazy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "MOST", 100)
    with pytest.raises(
        SettingsError, match=r"column 'x', of about as many|more than 100 different rows"
    ):
        hg.model("b ~ x + (1 | g)", lazy, "bernoulli")
