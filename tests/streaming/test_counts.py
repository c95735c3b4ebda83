"""Equal rows counted batch by batch, against those gathered in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from hierglm.design.encode import encode
from hierglm.design.reading import as_table
from hierglm.errors import DataError, SettingsError
from hierglm.formula.parse import parse
from hierglm.plan.crossproducts import column_means
from hierglm.plan.rows import Rows, gather
from hierglm.streaming import counting
from hierglm.streaming.counting import tally
from hierglm.streaming.sources import source_of

MODELS = [
    ("b ~ x*f + (1 + x | g) + (1 | h)", "bernoulli"),
    ("p ~ log(x + 1) + h + offset(o) + (1 | g)", "poisson"),
    ("p | weights(o) ~ x + (1 | g)", "poisson"),
    ("s | trials(t) ~ 0 + factor(x) + (1 | g/h)", "binomial"),
    ("cbind(s, p) ~ f", "binomial"),
    ("b ~ 1", "bernoulli"),
]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    n = 4_000
    found = pd.DataFrame(
        {
            "b": rng.integers(0, 2, n),
            "p": rng.poisson(3, n),
            "s": rng.integers(0, 4, n),
            "t": 4,
            "x": rng.integers(0, 4, n) * 1.0,
            "f": rng.choice(list("abc"), n),
            "g": rng.integers(0, 9, n),
            "h": pd.Categorical(rng.choice(["u", "t", "v"], n), ["u", "t", "v"]),
            "o": rng.choice([0.1, 0.4], n),
        }
    )
    found.loc[[3, 8], "x"] = np.nan
    return found


@pytest.fixture(scope="module")
def path(table: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("counts") / "rows.parquet"
    table.to_parquet(file, row_group_size=700)
    return file


def columns(rows: Rows) -> np.ndarray:
    """Return all of the rows but their sums, one row each, in an order of their own values."""
    index = [np.atleast_2d(i).T for i in rows.index]
    return np.column_stack([*index, *rows.Z, rows.offset, rows.X])


def in_order(rows: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    # Centred columns have rounding errors, which must not decide the order.
    found = columns(rows)
    place = np.lexsort(np.round(found, 9).T)
    return found[place], rows.total[place], rows.count[place]


@pytest.mark.parametrize("batch", [150, 100_000])
@pytest.mark.parametrize(("formula", "family"), MODELS)
def test_counts_are_those_gathered_in_memory(
    formula: str, family: str, batch: int, table: pd.DataFrame, path: Path
) -> None:
    parsed, source = parse(formula, tuple(table.columns)), source_of(path)
    assert source is not None
    held, streamed = encode(parsed, as_table(table)), tally(parsed, source, batch=batch)
    assert streamed.rows == held.rows
    np.testing.assert_allclose(column_means(streamed), column_means(held), rtol=1e-12)
    for one, other in zip(in_order(gather(held)), in_order(gather(streamed)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("formula", "family"), MODELS)
def test_programs_and_priors_are_those_of_memory(
    formula: str, family: str, table: pd.DataFrame, path: Path
) -> None:
    a, b = hg.model(formula, table, family), hg.model(formula, path, family)
    assert a.stan_code == b.stan_code
    pd.testing.assert_frame_equal(a.priors(), b.priors())
    dropped = len(a.model.design.notes)
    assert b.model.design.notes[:dropped] == a.model.design.notes


def test_rows_that_are_all_different_are_counted_once_each(tmp_path: Path) -> None:
    table = pd.DataFrame({"b": [0, 1, 1], "x": [1.0, 2.0, 4.0]})
    table.to_parquet(tmp_path / "few.parquet")
    found = hg.model("b ~ x", tmp_path / "few.parquet", "bernoulli").stan_data
    place = np.argsort(found["X"][:, 0])
    assert found["X"][place, 0].tolist() == [1.0, 2.0, 4.0]
    assert found["count"].tolist() == [1.0, 1.0, 1.0]


def test_draws_say_what_those_of_memory_do(table: pd.DataFrame, path: Path) -> None:
    def fit(data: object) -> hg.Fit:
        return hg.fit("b ~ x + (1 | g)", data, family="bernoulli", seed=1, chains=2, draws=200,
                      progress=False)  # fmt: skip

    held, streamed = fit(table), fit(path)
    a, b = held.tidy(), streamed.tidy()
    error = np.sqrt(a["std_error"] ** 2 / a["ess_bulk"] + b["std_error"] ** 2 / b["ess_bulk"])
    assert (np.abs(a["estimate"] - b["estimate"]) <= 5 * error).all()
    with pytest.raises(DataError, match="read in batches and not kept"):
        streamed.loo()


def test_a_column_of_as_many_values_as_rows_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(2)
    file = tmp_path / "rows.parquet"
    pd.DataFrame({"p": rng.poisson(1, 900), "x": rng.normal(size=900), "k": range(900)}).to_parquet(
        file, row_group_size=100
    )
    monkeypatch.setattr(counting, "MOST", 500)
    monkeypatch.setattr(counting, "BATCH", 100)
    with pytest.raises(SettingsError, match=r"column 'x'.* needs all 900 rows of .* in memory"):
        hg.model("p ~ x", file, "poisson")
    # Whole numbers may repeat later on: these are counted until there are too many.
    parsed, source = parse("p ~ k", ("p", "k")), source_of(file)
    assert source is not None
    with pytest.raises(SettingsError, match="more than 500 different rows"):
        tally(parsed, source, batch=100)
