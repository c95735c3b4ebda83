"""Reports and scripts of fits whose rows were read in batches, beside those of rows in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from hierglm.design.reduced import Reduced
from hierglm.errors import SettingsError
from hierglm.reporting.data_summary import category_columns, grouping_factors, numeric_columns

GAUSSIAN = "y ~ x + f + (1 + x | g) + (0 + x | h)"
COUNTS = "b ~ k + f + (1 | g)"


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(9)
    n = 900
    return pd.DataFrame(
        {
            "y": rng.normal(5, 2, n),
            "x": rng.normal(3, 1, n),
            "f": rng.choice(list("abc"), n, p=[0.5, 0.3, 0.2]),
            "g": rng.integers(0, 12, n),
            "h": rng.choice(["u", "v", "w"], n),
            "b": rng.integers(0, 2, n),
            "k": rng.integers(0, 4, n) * 0.5,
            "w": rng.uniform(1, 2, n),
        }
    )


@pytest.fixture(scope="module")
def path(table: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("reports") / "rows.parquet"
    table.to_parquet(file, row_group_size=200)
    return file


@pytest.fixture(scope="module")
def streamed(path: Path) -> hg.Fit:
    return hg.fit(GAUSSIAN, path, seed=1, chains=2, draws=50, progress=False)


@pytest.mark.parametrize(
    "formula", [GAUSSIAN, "y | weights(w) ~ x + f + (1 + x | g) + (0 + x | h)"]
)
def test_sums_tell_of_columns_and_levels_what_rows_do(
    formula: str, table: pd.DataFrame, path: Path
) -> None:
    held, read = hg.model(formula, table).model, hg.model(formula, path).model
    assert isinstance(read.design.reduced, Reduced)
    own = numeric_columns(read)
    assert own.columns[0] == ("y", "x", "f[T.b]", "f[T.c]")
    assert own.names == ("column", "mean", "sd")
    columns = [table["y"], table["x"], table["f"] == "b", table["f"] == "c"]
    for texts, column in zip(zip(*own.columns[1:], strict=True), columns, strict=True):
        text = [t.strip() for t in texts]
        decimals = len(text[0].partition(".")[2]), len(text[1].partition(".")[2])
        assert float(text[0]) == pytest.approx(column.mean(), abs=0.51 * 10.0 ** -decimals[0])
        assert float(text[1]) == pytest.approx(column.std(), abs=0.51 * 10.0 ** -decimals[1])
    assert grouping_factors(read) == grouping_factors(held)
    assert list(category_columns(read)) == []


def test_counted_rows_tell_all_that_rows_do(table: pd.DataFrame, path: Path) -> None:
    held = hg.model(COUNTS, table, "bernoulli").model
    read = hg.model(COUNTS, path, "bernoulli").model
    assert len(read.design.response.values) < held.design.rows == read.design.rows
    assert numeric_columns(read) == numeric_columns(held)
    assert list(category_columns(read)) == list(category_columns(held))
    assert grouping_factors(read) == grouping_factors(held)


def test_a_report_says_what_there_is_and_what_there_is_not(
    streamed: hg.Fit, tmp_path: Path
) -> None:
    text = streamed.report(tmp_path / "report.md", question="How far?").read_text()
    heads = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    for head in ("Model", "Data", "Priors", "Estimates", "Posterior predictive check", "Session"):
        assert head in heads
    assert "900 rows, all that there are." in text
    assert "There is none: the rows were read in batches and not kept." in text
    assert "hash of the data" not in text
    again = streamed.report(tmp_path / "again.md", question="How far?").read_text()
    assert again == text


def test_the_script_makes_the_same_model(streamed: hg.Fit, path: Path, tmp_path: Path) -> None:
    script = str(streamed.reproduce())
    assert f'data = "{path.as_posix()}"' in script
    found: dict[str, Any] = {}
    exec(script.partition("fit = model.fit(")[0], found)
    data = streamed.plan.model.design.reduced
    assert isinstance(data, Reduced)
    again = found["model"].model.design.reduced
    np.testing.assert_array_equal(data.R, again.R)
    pd.read_parquet(path).head(10).to_parquet(tmp_path / "few.parquet")
    other = str(streamed.reproduce(tmp_path / "few.parquet"))
    with pytest.raises(SystemExit, match="other numbers of rows"):
        exec(other.partition("fit = model.fit(")[0], {})
    with pytest.raises(SettingsError, match="those of one file or folder"):
        streamed.reproduce({"y": "rows.parquet"})
