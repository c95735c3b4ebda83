"""Effects of levels in a file are the numbers of the table in memory."""

import pickle

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from hierglm.draws import integrated
from hierglm.draws.coefficients import coefficients
from hierglm.draws.draws import Draws, Variable
from hierglm.draws.integrated import with_effects
from hierglm.engines.engine import Settings
from hierglm.errors import FileError, SettingsError
from hierglm.models import specify
from hierglm.plan.choose import choose
from hierglm.plan.forms import Ability
from hierglm.program.write import write
from hierglm.results import effects, streamed
from hierglm.results.fitted import Fitted
from tests.designs import design_of
from tests.results.made import made, stats

TABLES = {"ran_vals": effects.ranef, "ran_coefs": effects.coef}


@pytest.fixture(scope="module")
def late() -> Fitted:
    """Return a fit whose effects are drawn when they are read: 40 levels in 8, 2 terms."""
    r = np.random.default_rng(3)
    inner = np.repeat(np.arange(40), 5)
    data = {"y": r.normal(size=200), "x": r.normal(size=200), "a": inner // 5, "g": inner}
    model = specify(design_of("y ~ x + (x | g) + (1 | a)", data), "gaussian")
    plan = choose(model, frozenset(Ability))
    chains, draws = 2, 25

    def own(name, effect, group, labels, dim):
        values = np.exp(r.normal(size=(chains, draws, len(labels)), scale=0.1))
        return Variable(name, effect, group, values, ((dim, labels),))

    variables = [
        own("b", "fixed", "", ("Intercept", "x"), "term"),
        own("sd_g", "ran_sd", "g", ("Intercept", "x"), "g_term"),
        Variable(
            "cor_g", "ran_cor", "g", np.full((chains, draws, 1), 0.3),
            (("g_pair", (("Intercept", "x"),)),),
        ),
        own("sd_a", "ran_sd", "a", ("Intercept",), "a_term"),
        Variable("sigma", "family", "", np.full((chains, draws), 1.1), ()),
    ]  # fmt: skip
    sampled = Draws({v.name: v for v in variables}, stats(chains, draws))
    return Fitted(
        plan, write(plan), Settings(chains=chains, draws=draws, seed=5),
        with_effects(plan, sampled, 5), "embedded", {}, 1.0,
    )  # fmt: skip


@pytest.fixture
def _parts(monkeypatch):
    """Parts of 3 levels at most, of which nothing is kept."""
    monkeypatch.setattr(integrated, "_BLOCK", 3 * 50)
    monkeypatch.setattr(integrated, "_KEPT", 0)
    monkeypatch.setattr(streamed, "_ROWS", 2)


def in_order(rows):
    keys = ["group", "level", "term"]
    return rows.sort_values(keys, ignore_index=True)


@pytest.mark.usefixtures("_parts")
@pytest.mark.parametrize("effect", TABLES)
@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_parts_are_the_table(late, effect, ending, tmp_path) -> None:
    path = streamed.stream(late, effect, tmp_path / f"effects.{ending}", conf_level=0.8)
    # In CSV "" reads back as missing.
    found = (
        pd.read_parquet(path) if ending == "parquet" else pd.read_csv(path, keep_default_na=False)
    )
    expected = TABLES[effect](late, conf_level=0.8)
    assert len(found) == 40 * 2 + 8
    exact = ending == "parquet"
    pd.testing.assert_frame_equal(
        in_order(found), in_order(expected), check_dtype=exact, check_exact=exact, rtol=1e-15
    )
    assert list(tmp_path.iterdir()) == [path]
    if exact:
        assert pq.ParquetFile(path).num_row_groups >= 20 + 4


@pytest.mark.usefixtures("_parts")
def test_draws_of_each_effect(late, tmp_path) -> None:
    path = streamed.stream(late, "ran_coefs", tmp_path / "g.parquet", "g", draws=True)
    found = in_order(pd.read_parquet(path))
    values = coefficients(late.draws, late.draws["r_g"]).values
    at = (found["level"].to_numpy(), (found["term"] == "x").astype(int).to_numpy())
    assert np.array_equal(np.stack(found["draws"].to_list()), values[:, :, *at].reshape(50, -1).T)
    metadata = pq.ParquetFile(path).schema_arrow.metadata
    assert (metadata[b"hierglm.chains"], metadata[b"hierglm.draws"]) == (b"2", b"25")


@pytest.mark.usefixtures("_parts")
def test_coefficients_are_pickled(late) -> None:
    found = coefficients(late.draws, late.draws["r_g"])
    again = pickle.loads(pickle.dumps(found))
    assert np.array_equal(again.values, found.values)
    assert [(name, list(labels)) for name, labels in again.dims] == [
        (name, list(labels)) for name, labels in found.dims
    ]


def test_levels_of_two_types_become_text(tmp_path) -> None:
    fit = made(levels=[1, 2, 3], second=["a", "b c"])
    path = streamed.stream(fit, "ran_vals", tmp_path / "x.parquet")
    found = pd.read_parquet(path)
    assert found["level"].tolist() == ["1", "1", "2", "2", "3", "3", "a", "b c"]
    expected = effects.ranef(fit)
    assert np.array_equal(found["estimate"], expected["estimate"])


def test_what_cannot_be_written(tmp_path) -> None:
    fit = made()
    cases = [
        (FileError, "out= ends in one of .parquet, .csv", {"out": tmp_path / "x.xlsx"}),
        (FileError, "no folder", {"out": tmp_path / "no" / "x.parquet"}),
        (SettingsError, "which .csv does not have", {"out": tmp_path / "x.csv", "draws": True}),
        (SettingsError, "draws=True is for a file", {"out": None, "draws": True}),
        (SettingsError, "no group 'scool'", {"out": tmp_path / "x.csv", "group": "scool"}),
    ]
    for error, words, options in cases:
        with pytest.raises(error, match=words):
            streamed.effects(
                fit, "ran_vals", **{"group": None, "conf_level": 0.95, "hdi": False, "draws": False}
                | options,
            )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_what_fails_midway_leaves_the_file_that_was_there(late, tmp_path, monkeypatch) -> None:
    there = tmp_path / "x.parquet"
    there.write_text("old")
    calls = []

    def table(*args):
        calls.append(args)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return real(*args)

    real = streamed.table
    monkeypatch.setattr(streamed, "_ROWS", 5)
    monkeypatch.setattr(streamed, "table", table)
    with pytest.raises(KeyboardInterrupt):
        streamed.stream(late, "ran_vals", there)
    assert there.read_text() == "old"
    assert list(tmp_path.iterdir()) == [there]
