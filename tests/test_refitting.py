"""Fitting again: the same seed gives the same draws, and what was changed is told."""

import numpy as np
import pytest

import hierglm as hg
from hierglm.errors import SettingsError
from hierglm.plan.choose import choose

FORMULA = "y | se(se) ~ 1 + (1 | school)"
FAST = {"chains": 2, "warmup": 150, "draws": 100, "progress": False}


@pytest.fixture(scope="module")
def fit() -> hg.Fit:
    return hg.fit(FORMULA, hg.datasets.eight_schools(), seed=3, adapt_delta=0.9, **FAST)


def test_nothing_but_progress_gives_the_same_draws(fit: hg.Fit) -> None:
    again = fit.refit(progress=False)
    for v in fit.draws:
        np.testing.assert_array_equal(again.draws[v.name].values, v.values)
    assert again.notes == fit.notes
    assert type(again) is hg.Fit


def test_a_change_is_as_if_it_had_been_asked_for_at_first(fit: hg.Fit, tmp_path) -> None:
    again = hg.load(fit.save(tmp_path / "fit.hglm")).refit(adapt_delta=0.99, seed=4)
    first = hg.fit(FORMULA, hg.datasets.eight_schools(), seed=4, adapt_delta=0.99, **FAST)
    np.testing.assert_array_equal(again.draws["sd_school"].values, first.draws["sd_school"].values)
    assert str(again.plan) == str(first.plan)
    assert again.settings.adapt_delta == 0.99
    assert again.notes[-1] == "fitted again with adapt_delta=0.99 (0.9 before), seed=4 (3 before)"


def test_without_a_name_it_does_what_the_check_advises(fit: hg.Fit) -> None:
    advised = fit.check().remedy
    assert set(advised) >= {"draws"}
    again = fit.refit()
    for name, value in advised.items():
        assert getattr(again.settings, name) == value


def test_mistakes_are_named(fit: hg.Fit) -> None:
    with pytest.raises(
        SettingsError, match="no setting 'adapt' to fit again with; did you mean 'adapt_delta'"
    ):
        fit.refit(adapt=0.9)
    with pytest.raises(SettingsError, match="adapt_delta must lie between 0 and 1"):
        fit.refit(adapt_delta=1)


def test_the_plan_that_was_asked_for_is_asked_for_again() -> None:
    data = {"y": np.arange(12.0), "x": np.arange(12) % 5 * 1.0, "g": np.arange(12) % 4}
    model = hg.model("y ~ x + (1 | g) + (0 + x | g)", data)._plan.model
    for asked in ("auto", "textbook", {"response": "rows"}, {"(1 | g)": "standardised"},
                  {"response": "rows", "g": "conditional"}):  # fmt: skip
        assert choose(model, frozenset(), asked).wanted == asked
