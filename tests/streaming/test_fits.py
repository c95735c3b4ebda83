"""Fits of tables that are read in batches, beside fits of the same tables in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from hierglm.errors import DataError, FormulaError, SettingsError
from hierglm.posterior.streamed import StreamedFit

FORMULA = "y ~ x + f + (1 | g)"


def table() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    n, g = 600, np.arange(600) % 30
    return pd.DataFrame(
        {
            "y": rng.normal(size=n) + rng.normal(size=30)[g],
            "x": rng.normal(size=n),
            "f": rng.choice(list("ab"), n),
            "g": g,
            "n": rng.poisson(2, n),
        }
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("fits") / "rows.parquet"
    table().to_parquet(file, row_group_size=100)
    return file


@pytest.fixture(scope="module")
def streamed(path: Path) -> hg.Fit:
    return hg.fit(FORMULA, path, seed=1, chains=2, draws=200, progress=False)


def test_program_and_priors_are_those_of_memory(path: Path) -> None:
    a, b = hg.model(FORMULA, table()), hg.model(FORMULA, str(path))
    assert a.stan_code == b.stan_code
    pd.testing.assert_frame_equal(a.priors(), b.priors())
    assert a.stan_data.keys() == b.stan_data.keys()


def test_draws_are_nearly_those_of_memory(streamed: hg.Fit) -> None:
    held = hg.fit(FORMULA, table(), seed=1, chains=2, draws=200, progress=False)
    a, b = held.tidy(), streamed.tidy()
    # Chains part where the last digits differ: what is left is Monte Carlo error.
    error = np.sqrt(a["std_error"] ** 2 / a["ess_bulk"] + b["std_error"] ** 2 / b["ess_bulk"])
    assert (np.abs(a["estimate"] - b["estimate"]) <= 5 * error).all()
    a, b = held.ranef(), streamed.ranef()
    assert a["level"].tolist() == b["level"].tolist()
    error = np.sqrt(a["std_error"] ** 2 / a["ess_bulk"] + b["std_error"] ** 2 / b["ess_bulk"])
    assert (np.abs(a["estimate"] - b["estimate"]) <= 5 * error).all()


def test_new_rows_are_predicted_from_the_draws(streamed: hg.Fit) -> None:
    rows = table().head(3)
    draws = streamed.posterior
    b = draws["b"].sel(term="x").to_numpy()[..., None] * rows["x"].to_numpy()
    b = b + draws["b"].sel(term="f[T.b]").to_numpy()[..., None] * (rows["f"] == "b").to_numpy()
    level = draws["r_g"].sel(g=rows["g"].to_numpy(), g_term="Intercept").to_numpy()
    eta = b + level + draws["b"].sel(term="Intercept").to_numpy()[..., None]
    np.testing.assert_allclose(
        streamed.predict(rows)["estimate"], eta.mean(axis=(0, 1)), rtol=1e-10
    )


@pytest.mark.parametrize("name", ["loo", "ppc", "predict", "r2", "comparisons", "data"])
def test_methods_that_need_rows_say_so(streamed: hg.Fit, name: str) -> None:
    assert isinstance(streamed, StreamedFit)
    with pytest.raises(DataError, match=r"rows of .*rows\.parquet, which were read in batches"):
        getattr(streamed, name)()


@pytest.mark.parametrize(
    ("formula", "options", "error", "said"),
    [
        ("y ~ x", {"family": "student"}, SettingsError, "all 600 rows of .* in memory"),
        ("y ~ x", {"plan": "textbook"}, SettingsError, "leave the plan to 'auto'"),
        ("y ~ x", {"plan": {"response": "rows"}}, SettingsError, "leave the plan to 'auto'"),
        (["y ~ x", "sigma ~ x"], {}, SettingsError, "several linear predictors"),
        ("y ~ scale(x)", {}, FormulaError, "scale\\(...\\) is learned from all rows"),
        ("y ~ poly(x, 2)", {}, FormulaError, "poly\\(...\\) is learned from all rows"),
        ("y ~ z", {}, FormulaError, "no column 'z'"),
        ("y ~ log(x)", {}, DataError, "log\\(x\\)"),
        ("y ~ x + (1 | mm(f, g))", {}, SettingsError, "needs its rows at once"),
    ],
)
def test_what_needs_rows_is_refused_first(
    path: Path, formula: str, options: dict[str, object], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        hg.model(formula, path, **options)


def test_paths_without_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file or folder"):
        hg.model("y ~ x", tmp_path / "nothing.parquet")
    with pytest.raises(DataError, match="has no file"):
        hg.model("y ~ x", tmp_path)
    (tmp_path / "text.parquet").write_text("y,x")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        hg.model("y ~ x", tmp_path / "text.parquet")


def test_missing_values_are_counted_as_in_memory(tmp_path: Path) -> None:
    holes = table()
    holes.loc[[3, 500], "x"] = np.nan
    holes.loc[[3, 77], "f"] = None
    holes.to_parquet(tmp_path / "holes.parquet", row_group_size=50)
    a = hg.model(FORMULA, holes)
    b = hg.model(FORMULA, tmp_path / "holes.parquet")
    assert b.model.design.notes[: len(a.model.design.notes)] == a.model.design.notes
    with pytest.raises(DataError, match="3 of 600 rows have missing values"):
        hg.model(FORMULA, tmp_path / "holes.parquet", missing="error")
