"""What the plan chooses, and what it says."""

import pytest

from hierglm.errors import SettingsError
from hierglm.models import specify
from hierglm.plan.choose import choose
from hierglm.plan.forms import Ability, CommonForm, GroupForm, ResponseForm
from tests.designs import design_of, schools

EVERY = frozenset(Ability)
ALL = EVERY - {Ability.KERNELS}
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


C, I, S = GroupForm.CONDITIONAL, GroupForm.INTEGRATED, GroupForm.STANDARDISED  # noqa: E741
SUMS, GATHERED, GLM = ResponseForm.CROSSPRODUCTS, ResponseForm.GATHERED, ResponseForm.GLM

AUTO = [
    ("score ~ x + (x | school)", "gaussian", SUMS, (I,)),
    ("score ~ x", "gaussian", SUMS, ()),
    ("score | se(x + 9) ~ 1 + (1 | school)", "gaussian", SUMS, (I,)),
    ("score | se(x + 9, sigma=TRUE) ~ x + (1 | school)", "gaussian", GLM, (C,)),
    ("score ~ x + (1 | school) + (1 | year)", "gaussian", SUMS, (I, C)),
    ("score ~ x + (1 | school/year)", "gaussian", SUMS, (I, I)),
    ("score ~ bs(x, df=45) + (1 | school)", "gaussian", GLM, (C,)),
    ("won ~ x + (1 | school)", "bernoulli", GLM, (C,)),
    ("won ~ 1 + (1 | school)", "bernoulli", GATHERED, (C,)),
    ("won | weights(x + 9) ~ x + (1 | school)", "bernoulli", GATHERED, (C,)),
    ("won | trials(played) ~ x + (x | school)", "binomial", GATHERED, (C,)),
    ("count ~ x + (1 | school) + (1 | year)", "poisson", GATHERED, (C, C)),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "family", "response", "groups"), AUTO)
def test_auto(formula, family, response, groups):
    plan = choose(specify(design_of(formula, schools()), family), ALL)
    assert plan.response.form is response
    assert tuple(g.form for g in plan.groups) == groups
    assert plan.common.form is CommonForm.WHITENED


def test_without_a_penalised_fit_it_steps_back_and_says_so(monkeypatch):
    monkeypatch.setattr("hierglm.plan.compute.penalise", lambda *found: None)
    plan = choose(specify(design_of("score ~ x + (1 | school) + (1 | year)", schools())), ALL)
    assert tuple(g.form for g in plan.groups) == (I, S)
    assert plan.common.form is CommonForm.CENTRED
    assert "no penalised fit to start about: its numbers broke down" in plan.common.because
    assert plan.groups[1].because.endswith("; no penalised fit to go by")


def test_parts_can_be_asked_for():
    model = specify(design_of("score ~ x + (x | school) + (1 | year)", schools()))
    forms = {
        "(1 | year)": ("standardised", (I, S)),
        "year": ("integrated", (C, I)),
        "school": ("conditional", (C, I)),
    }
    for part, (form, expected) in forms.items():
        plan = choose(model, ALL, {part: form})
        assert tuple(g.form for g in plan.groups) == expected
        assert plan.name == f"auto, {part}: {form}"
    plan = choose(model, ALL, {"response": "rows"})
    assert plan.response.form is GLM
    assert tuple(g.form for g in plan.groups) == (C, C)


WRONG = [
    ({"schol": "standardised"}, "no part 'schol' to plan; did you mean 'school'"),
    ({"school": "centred"}, "school cannot be 'centred'; .*conditional"),
    ({"response": "integrated"}, "response cannot be 'integrated'"),
    ({"response": "rows", "year": "integrated"}, "year.* cannot be integrated out: that needs"),
    ({"school": "integrated", "year": "integrated"}, "neither is nested in the other"),
]


@pytest.mark.parametrize(("plan", "message"), WRONG)
def test_what_cannot_be_had_is_refused(plan, message):
    model = specify(design_of("score ~ x + (x | school) + (1 | year)", schools()))
    with pytest.raises(SettingsError, match=message):
        choose(model, ALL, plan)


def test_crossproducts_are_refused_for_counts():
    model = specify(design_of("count ~ x + (1 | school)", schools()), "poisson")
    with pytest.raises(SettingsError, match="crossproducts are for Gaussian"):
        choose(model, ALL, {"response": "crossproducts"})


@pytest.mark.parametrize(
    ("formula", "family", "form"),
    [
        ("won ~ x + (1 | school)", "bernoulli", ResponseForm.KERNEL),
        ("won | trials(played) ~ 1 + (1 | school)", "binomial", ResponseForm.KERNEL),
        ("count | weights(x + 9) ~ x", "poisson", ResponseForm.KERNEL),
        ("score | se(x + 10, sigma=TRUE) ~ x + (1 | school)", "gaussian", ResponseForm.KERNEL),
        ("score ~ x + (1 | school)", "gaussian", ResponseForm.CROSSPRODUCTS),
    ],
)
def test_rows_by_one_function_where_the_engine_can(formula, family, form):
    model = specify(design_of(formula, schools()), family)
    assert choose(model, EVERY).response.form is form
    assert choose(model, EVERY, "textbook").response.form is not ResponseForm.KERNEL
    assert choose(model, ALL).response.form is not ResponseForm.KERNEL
