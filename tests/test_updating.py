"""Fits that are fitted again with something changed: the same as fits from the beginning."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from hierglm.engines.executable import compiled_text
from hierglm.errors import DataError, FormulaError, PriorError, SettingsError
from hierglm.formula.update import update_formula

SMALL = {"chains": 2, "draws": 100, "warmup": 150, "seed": 3}


@pytest.mark.parametrize(
    ("formula", "before", "after"),
    [
        (". ~ . + z", "y ~ x + (1 | g)", "y ~ x + (1 | g) + z"),
        (". ~ . - x", "y ~ x + (1 | g)", "y ~ x + (1 | g) - x"),
        ("log(y) ~ .", "y ~ x", "log(y) ~ x"),
        (". ~ z + .", "y ~ x + w", "y ~ z + x + w"),
        (". ~ z - .", "y ~ x + w", "y ~ z - (x + w)"),
        (". ~ .:z", "y ~ x + w", "y ~ (x + w):z"),
        (". ~ (. | g)", "y ~ x + w", "y ~ (x + w | g)"),
        (". ~ .^2", "y ~ x + w", "y ~ (x + w)^2"),
        (". + weights(w) ~ .", "y | se(s) ~ x", "y | se(s) + weights(w) ~ x"),
        ("y ~ z", "y ~ x", "y ~ z"),
        (". ~ . + a.b + .5", "y ~ x", "y ~ x + a.b + .5"),
    ],
)
def test_dots_stand_for_the_sides_before(formula, before, after):
    assert update_formula(formula, before) == after


def test_formulas_without_tilde_are_refused():
    with pytest.raises(FormulaError, match="needs a '~'"):
        update_formula(". + z", "y ~ x")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    x, z, g = rng.normal(size=60), rng.normal(size=60), np.repeat(np.arange(6), 10)
    y = x + rng.normal(size=6)[g] + rng.normal(size=60)
    return pd.DataFrame({"y": y, "x": x, "z": z, "g": g})


@pytest.fixture(scope="module")
def fitted(table) -> hg.Fit:
    priors = {"b[x]": hg.prior.normal(0, 1), "sigma": hg.prior.exponential(2)}
    return hg.fit("y ~ x + (1 | g)", table, priors=priors, adapt_delta=0.9, **SMALL)


def test_another_formula(fitted, table):
    found = fitted.update(". ~ . + z", table)
    priors = {"b[x]": hg.prior.normal(0, 1), "sigma": hg.prior.exponential(2)}
    again = hg.fit("y ~ x + (1 | g) + z", table, priors=priors, adapt_delta=0.9, **SMALL)
    assert found.tidy().equals(again.tidy())
    assert found.settings == again.settings


def test_priors_of_parameters_that_are_gone_go_with_them(fitted):
    found = fitted.update(". ~ . - x")
    own = found.plan.model.prior_table().set_index("parameter")["prior"]
    assert "b[x]" not in own.index
    assert own["sigma"] == "exponential(2)"


def test_same_program_for_other_rows_and_numbers_of_priors(fitted, table):
    rows = fitted.update(data=table.iloc[:-3])
    numbers = fitted.update(priors={"b[x]": hg.prior.normal(0, 3)})
    # What an executable is found by.
    key = compiled_text(fitted.program)
    assert compiled_text(rows.program) == compiled_text(numbers.program) == key
    assert rows.plan.model.design.rows == 57
    own = numbers.plan.model.prior_table().set_index("parameter")["prior"]
    assert own["b[x]"] == "normal(0, 3)"
    assert own["sigma"] == "exponential(2)"


def test_nothing_changed_is_the_same_fit(fitted):
    assert fitted.update().tidy().equals(fitted.tidy())


def test_settings_are_changed_by_name(fitted):
    found = fitted.update(draws=50, seed=4)
    assert (found.settings.draws, found.settings.seed, found.settings.chains) == (50, 4, 2)
    assert (found.settings.warmup, found.settings.adapt_delta) == (150, 0.9)


def test_formulas_of_parameters(fitted, table):
    found = fitted.update([". ~ .", "sigma ~ z"], table, priors="default")
    assert found.formula == "y ~ x + (1 | g); sigma ~ z"
    assert found.update(". ~ . - x").formula == "y ~ x + (1 | g) - x; sigma ~ z"


def test_saved_fits_are_updated_too(fitted, tmp_path):
    loaded = hg.load(fitted.save(tmp_path / "fit.hierglm"))
    assert loaded.update().tidy().equals(fitted.tidy())


def test_columns_that_a_fit_does_not_keep_are_told(fitted):
    with pytest.raises(FormulaError, match="keeps the columns that it used: give data="):
        fitted.update(". ~ . + z")


def test_whole_sets_of_priors_are_not_mixed_unasked(fitted, table):
    other = fitted.update(priors="rstanarm")
    assert other.update().plan.model.priors == other.plan.model.priors
    with pytest.raises(SettingsError, match="priors='rstanarm' for all parameters"):
        other.update(priors={"b": hg.prior.normal(0, 1)})
    with pytest.raises(PriorError):
        fitted.update(priors={"c": hg.prior.normal(0, 1)})
    with pytest.raises(DataError):
        fitted.update(data=table.assign(y="a"))


def test_what_was_left_to_be_chosen_is_left_again(table):
    """1,000 warmup iterations that were asked for are not those that were chosen."""
    few = {"chains": 1, "draws": 20, "seed": 3}
    asked = hg.fit("y ~ x", table, warmup=1000, adapt_delta=0.8, **few)
    chosen = hg.fit("y ~ x", table, plan="textbook", **few)
    assert (asked.settings.auto, chosen.settings.auto) == ((), ("warmup", "adapt_delta"))
    assert (asked.settings.warmup, chosen.settings.warmup) == (1000, 1000)
    assert asked.update().settings.warmup == 1000
    # About a penalised fit chains need less, and steps may be larger.
    assert chosen.update(plan="auto").settings.warmup == 300
    again = chosen.refit(adapt_delta=0.9)
    assert again.settings.auto == ("warmup",)
    assert again.update(plan="auto").settings.adapt_delta == 0.9


@pytest.fixture(scope="module")
def two(table) -> hg.Fit:
    other = table.iloc[::2].assign(count=np.arange(30) % 4)
    parts = [
        hg.part(["y ~ x + (1 |s| g)", "sigma ~ z"]),
        hg.part("count ~ 1 + (1 |s| g)", "poisson", data=other, weight=2.0),
    ]
    priors = {"b[x]@y": hg.prior.normal(0, 1)}
    few = {"chains": 1, "draws": 20, "warmup": 100, "seed": 1}
    return hg.joint(parts, table, priors=priors, weights={3: 2.0}, **few)


def test_several_responses(two, table):
    assert two.update().tidy("fixed").equals(two.tidy("fixed"))
    found = two.update({"y": [". ~ . + z", ". ~ ."]}, family={"count": "negbinomial"})
    assert found.formula == "y ~ x + (1 |s| g) + z; sigma ~ z; count ~ 1 + (1 |s| g)"
    assert [m.family.name for m in found.plan.model.responses] == ["gaussian", "negbinomial"]
    assert found.plan.model.responses[1].part.weight == 2.0
    assert [m.design.level_weights for m in found.plan.model.responses] == [{"g": {3: 2.0}}] * 2
    own = found.plan.model.prior_table().set_index("parameter")["prior"]
    assert own["b[x]@y"] == "normal(0, 1)"
    fewer = two.update(data={"count": table.head(20).assign(count=1)})
    assert [m.design.rows for m in fewer.plan.model.responses] == [60, 20]
    one = two.update(data=table.head(40).assign(count=1))
    assert [m.design.rows for m in one.plan.model.responses] == [40, 40]


def test_several_responses_by_name(two):
    with pytest.raises(SettingsError, match=r"formula: .* 'y', 'count'; give it by response"):
        two.update(". ~ .")
    with pytest.raises(SettingsError, match="family: no response 'counts'; did you mean 'count'"):
        two.update(family={"counts": "poisson"})
