"""What the plan chooses, and what it says."""

import pytest

from hierglm.errors import SettingsError
from hierglm.model import specify
from hierglm.plan.choose import choose
from hierglm.plan.forms import Ability, CommonForm, GroupForm, ResponseForm
from tests.designs import design_of, schools

ALL = frozenset(Ability)
NO_BERNOULLI = ALL - {Ability.BERNOULLI_GLM}

SHAPES = [
    ("score ~ x + (x | school)", "gaussian", ALL, ResponseForm.GLM, CommonForm.CENTRED),
    ("score ~ x", "gaussian", frozenset(), ResponseForm.VECTOR, CommonForm.CENTRED),
    ("score ~ 0 + x", "gaussian", ALL, ResponseForm.GLM, CommonForm.DIRECT),
    ("score ~ 1 + (1 | school)", "gaussian", ALL, ResponseForm.VECTOR, CommonForm.NONE),
    ("score | weights(x + 10) ~ x", "gaussian", ALL, ResponseForm.WEIGHTED, CommonForm.CENTRED),
    ("won ~ x", "bernoulli", NO_BERNOULLI, ResponseForm.VECTOR, CommonForm.CENTRED),
    ("won | trials(played) ~ x", "binomial", ALL, ResponseForm.GLM, CommonForm.CENTRED),
    ("count ~ x", "poisson", ALL, ResponseForm.GLM, CommonForm.CENTRED),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "family", "abilities", "response", "common"), SHAPES)
def test_forms(formula, family, abilities, response, common):
    plan = choose(specify(design_of(formula, schools()), family), abilities, "textbook")
    assert (plan.response.form, plan.common.form) == (response, common)
    assert {g.form for g in plan.groups} <= {GroupForm.STANDARDISED}


def test_the_plan_prints_itself():
    model = specify(design_of("score ~ x + (x || school) + (1 | year)", schools()))
    assert str(choose(model, ALL, "textbook")).splitlines() == [
        "plan 'textbook' for score ~ x + (x || school) + (1 | year)",
        "  response score  one fused density over all rows",
        "                  40 rows; normal_id_glm has its own gradient",
        "  common          coefficients of centred columns",
        "                  1 column beside an intercept: centring makes them less dependent on it",
        "  (x || school)   standardised effects",
        "                  4 levels x 2 effects: standard normals, scaled by their sds",
        "  (1 | year)      standardised effects",
        "                  3 levels x 1 effect: standard normals, scaled by their sd",
    ]


def test_unknown_plan():
    model = specify(design_of("score ~ x", schools()))
    with pytest.raises(SettingsError, match="no plan 'texbook'; did you mean 'textbook'"):
        choose(model, ALL, "texbook")


AUTO = [
    ("score ~ x + (x | school)", "gaussian", ResponseForm.CROSSPRODUCTS, GroupForm.INTEGRATED),
    ("score ~ x", "gaussian", ResponseForm.CROSSPRODUCTS, None),
    ("score | se(x + 9) ~ 1 + (1 | school)", "gaussian", ResponseForm.CROSSPRODUCTS,
     GroupForm.INTEGRATED),
    ("score | se(x + 9, sigma=TRUE) ~ x + (1 | school)", "gaussian", ResponseForm.GLM,
     GroupForm.STANDARDISED),
    ("score ~ x + (1 | school) + (1 | year)", "gaussian", ResponseForm.GLM,
     GroupForm.STANDARDISED),
    ("score ~ bs(x, df=45) + (1 | school)", "gaussian", ResponseForm.GLM, GroupForm.STANDARDISED),
    ("won ~ x + (1 | school)", "bernoulli", ResponseForm.GLM, GroupForm.STANDARDISED),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "family", "response", "group"), AUTO)
def test_auto_drops_rows_where_that_is_exact(formula, family, response, group):
    plan = choose(specify(design_of(formula, schools()), family), ALL)
    assert plan.response.form is response
    assert {g.form for g in plan.groups} == ({group} if group else set())
