"""Weights of levels are weights of their rows."""

import numpy as np
import pytest

import hierglm as hg
from hierglm.design.encode import encode_new
from hierglm.design.level_weights import weigh, weigh_each
from hierglm.design.reading import as_table
from hierglm.errors import DataError, SettingsError
from hierglm.results.pack import Packer
from hierglm.results.responses import pack_responses, unpack_model
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
    (ONE, dict.fromkeys("ABCD", 0), DataError, "every row of 'score' weighs 0"),
    ("score ~ x", {"A": 2}, SettingsError, "a group term such as (1 | task)"),
]


@pytest.mark.parametrize(("formula", "weights", "error", "said"), REFUSED)
def test_weights_that_cannot_be(formula, weights, error, said):
    with pytest.raises(error) as found:
        weigh(design_of(formula, schools()), weights)
    assert said in str(found.value)


def test_levels_of_several_responses_weigh_in_each():
    data = schools()
    data["w"] = data["school"].map({"A": 2.5, "B": 0.0}).fillna(1.0)
    data["v"] = data["w"] * data["played"]
    by_level = hg.model(
        [
            hg.part(["score ~ x + (1 |s| school)", "sigma ~ (1 |s| school)"]),
            hg.part("won | weights(played) ~ 1 + (1 |s| school)", "bernoulli", weight=3.0),
        ],
        data,
        weights={"A": 2.5, "B": 0},
    )
    by_row = hg.model(
        [
            hg.part(["score | weights(w) ~ x + (1 |s| school)", "sigma ~ (1 |s| school)"]),
            hg.part("won | weights(v) ~ 1 + (1 |s| school)", "bernoulli", weight=3.0),
        ],
        data,
    )
    assert code(by_level) == code(by_row)
    for name, value in by_row.stan_data.items():
        np.testing.assert_array_equal(by_level.stan_data[name], value)


def test_a_level_weighs_where_any_predictor_of_a_response_varies_over_its_factor():
    data = schools()
    design = weigh_each(
        [[design_of("score ~ x", data), design_of(ONE, data)], [design_of("won ~ 1", data)]],
        {"A": 2.0},
    )
    want = np.where(data["school"] == "A", 2.0, 1.0)
    np.testing.assert_array_equal(design[0][0].response.weights, want)
    # A response that does not know the factor is as it was.
    assert design[1][0].response.weights is None


def test_levels_that_one_response_lacks():
    one, other = schools(), schools()
    other = other[other["school"] != "D"]
    parts = [hg.part("score ~ (1 | school)", data=one), hg.part("won ~ (1 | school)", data=other)]
    prepared = hg.model(parts, None, weights={"D": 2.0})
    first, second = (m.design.response.weights for m in prepared.model.responses)
    np.testing.assert_array_equal(first, np.where(one["school"] == "D", 2.0, 1.0))
    np.testing.assert_array_equal(second, np.ones(len(other)))
    with pytest.raises(DataError, match="school has no level 'E'"):
        hg.model(parts, None, weights={"E": 2.0})
    with pytest.raises(DataError, match="every row of 'won' weighs 0"):
        hg.model(parts, None, weights=dict.fromkeys("ABC", 0))


def test_weights_of_several_responses_come_back_from_a_file():
    parts = [hg.part("score ~ (1 |s| school)"), hg.part("won ~ (1 |s| school)", "bernoulli")]
    model = hg.model(parts, schools(), weights={"B": 0.5}).model
    packer = Packer()
    said = {"responses": pack_responses(model, packer), "priors": packer.pack(model.priors)}
    again = unpack_model(said | {"functions": []}, {}, packer.arrays.__getitem__)
    for one, other in zip(model.parts, again.parts, strict=True):
        assert other.design.level_weights == {"school": {"B": 0.5}}
        np.testing.assert_array_equal(other.design.response.weights, one.design.response.weights)
