"""Weights of levels are weights of their rows."""

import numpy as np
import pytest

import hierglm as hg
from hierglm.design.encode import encode_new
from hierglm.design.level_weights import weigh
from hierglm.design.table import as_table
from hierglm.errors import DataError, SettingsError
from tests.designs import design_of, schools

ONE = "score ~ x + (x | school)"
TWO = "score ~ x + (x | school) + (1 | year)"


def test_a_row_weighs_what_its_level_does():
    found = weigh(design_of(ONE, schools()), {"A": 2.0, "C": 0})
    want = schools()["school"].map({"A": 2.0, "C": 0.0}).fillna(1.0)
    np.testing.assert_array_equal(found.response.weights, want)
    assert found.notes == ("weights by school: A 2, C 0; other levels 1",)


def test_weights_of_levels_and_rows_multiply():
    data = schools()
    given = {"school": {"B": 3.0}, "year": {2001: 0.5}}
    found = weigh(design_of("score | weights(played) ~ x + (x | school) + (1 | year)", data), given)
    want = data["played"] * np.where(data["school"] == "B", 3.0, 1.0)
    np.testing.assert_array_equal(
        found.response.weights, want * np.where(data["year"] == 2001, 0.5, 1.0)
    )
    assert len(found.notes) == 2


def test_the_model_is_that_of_weights_by_row():
    data = schools()
    data["w"] = np.where(data["school"] == "A", 2.5, 1.0)
    by_level = hg.model("won ~ x + (x | school)", data, "bernoulli", weights={"A": 2.5})
    by_row = hg.model("won | weights(w) ~ x + (x | school)", data, "bernoulli")
    assert code(by_level) == code(by_row)
    assert by_level.stan_data.keys() == by_row.stan_data.keys()
    for name, value in by_row.stan_data.items():
        np.testing.assert_array_equal(by_level.stan_data[name], value)


def code(model):
    """Return a program without its comments, which name the response as it was written."""
    return [line.partition("//")[0].rstrip() for line in model.stan_code.splitlines()]


def test_new_rows_weigh_as_those_fitted():
    design = weigh(design_of(ONE, schools()), {"A": 2.0})
    new = schools(8, seed=9)
    new["school"] = list("AABBZZAA")
    found = encode_new(design, as_table(new), response=True)
    np.testing.assert_array_equal(found.response.weights, [2, 2, 1, 1, 1, 1, 2, 2])
    assert encode_new(design, as_table(new)).response.weights is None


REFUSED = [
    (ONE, {"E": 2.0}, DataError, "school has no level 'E'; there are 'A', 'B', 'C', 'D'"),
    (TWO, {"year": {"2001": 1}}, DataError, "year has no level '2001'; did you mean 2001?"),
    (TWO, {"A": 2.0}, SettingsError, "weights={'school': {level: weight}}"),
    (ONE, {"scool": {"A": 2}}, SettingsError, "no grouping factor 'scool'; did you mean 'school'?"),
    (TWO, {"school": {"A": 2}, "A": 2}, SettingsError, "found both"),
    (ONE, {"A": -1}, SettingsError, "the weight of 'A' must be a number from 0 up, not -1"),
    (ONE, {"A": np.inf}, SettingsError, "not inf"),
    (ONE, {"A": np.nan}, SettingsError, "not nan"),
    (ONE, {"A": "2"}, SettingsError, "not '2'"),
    (ONE, {"A": True}, SettingsError, "not True"),
    (ONE, {"A": None}, SettingsError, "not None"),
    (ONE, [2.0], SettingsError, "weights is a mapping of level to weight, not [2.0]"),
    (ONE, dict.fromkeys("ABCD", 0), DataError, "every row weighs 0"),
    ("score ~ x", {"A": 2}, SettingsError, "a group term such as (1 | task)"),
]


@pytest.mark.parametrize(("formula", "weights", "error", "said"), REFUSED)
def test_weights_that_cannot_be(formula, weights, error, said):
    with pytest.raises(error) as found:
        weigh(design_of(formula, schools()), weights)
    assert said in str(found.value)


def test_several_predictors_take_weights_by_row_or_part():
    with pytest.raises(SettingsError, match="one linear predictor; here give them by row"):
        hg.model(["score ~ x + (1 | school)", "sigma ~ x"], schools(), weights={"A": 2.0})
