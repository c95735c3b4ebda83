"""Priors of parameters that say how levels are related."""

import numpy as np
import pytest

from hierglm.design.encode import encode
from hierglm.design.reading import as_table
from hierglm.errors import PriorError
from hierglm.formula.parse import parse
from hierglm.models import specify
from hierglm.plan.choose import choose
from hierglm.plan.forms import GroupForm
from hierglm.priors import distributions as prior
from hierglm.program.write import write
from tests.densities import opened
from tests.program.exact import ALL
from tests.program.related import data2, rows


def model_of(formula, priors=None):
    table = as_table(rows())
    design = encode(parse(f"hit ~ {formula}", table.columns), table, data2=data2())
    return specify(design, "bernoulli", priors)


def priors_of(formula, priors=None):
    """Return the priors of a group term by name, in order."""
    found = model_of(formula, priors).priors
    return {a.slot.name: repr(a.prior) for a in found if a.slot.group}


def test_defaults():
    half_t = "student_t(3, 0, 2.5)"
    assert priors_of("x + graph(x | g, edges=E, type='bym2')") == {
        "sd[g:Intercept]": half_t, "sd[g:x]": half_t,
        "rho[g:Intercept]": "beta(0.5, 0.5)", "rho[g:x]": "beta(0.5, 0.5)",
    }  # fmt: skip
    assert priors_of("graph(1 | g, edges=E, type='car')", "rstanarm") == {
        "sd[g:Intercept]": "decov(1, 1, 1, 1)", "alpha[g:Intercept]": "beta(1, 1)"
    }  # fmt: skip
    assert priors_of("(x | gr(g, dist='student'))", "brms") == {
        "sd[g:Intercept]": half_t, "sd[g:x]": half_t, "cor[g]": "lkj(1)",
        "df[g:Intercept + x]": "gamma(2, 0.1)",
    }  # fmt: skip
    assert priors_of("(x | gr(g, by=f))") == {
        "sd[g:Intercept:fhi]": half_t, "sd[g:x:fhi]": half_t,
        "sd[g:Intercept:flo]": half_t, "sd[g:x:flo]": half_t, "cor[g]": "lkj(1)",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["df", "df[g]", "df[g:Intercept]"])
def test_a_prior_by_any_of_its_names(name):
    found = priors_of("(1 | gr(g, dist='student'))", {name: prior.gamma(4, 1)})
    assert found["df[g:Intercept]"] == "gamma(4, 1)"


def test_one_stratum_has_a_prior_of_its_own():
    own = {"sd": prior.exponential(1), "sd[g:Intercept:flo]": prior.normal(0, 2)}
    assert priors_of("(1 | gr(g, by=f))", own) == {
        "sd[g:Intercept:fhi]": "exponential(1)", "sd[g:Intercept:flo]": "normal(0, 2)"
    }  # fmt: skip


GIVEN = [
    ("graph(1 | g, edges=E, type='bym2')", "rho", 0.3),
    ("graph(x | g, edges=E, type='car')", "alpha[g:x]", 0.9),
    ("(x | gr(g, dist='student'))", "df", 5.0),
    ("(1 | gr(g, by=f))", "sd[g:Intercept:flo]", 0.5),
    ("(1 | gr(g, cov=A))", "sd", 0.5),
]


@pytest.mark.parametrize(("formula", "name", "value"), GIVEN)
def test_what_is_given_is_no_parameter(formula, name, value):
    # A parameter that is given has one value fewer to estimate, and the density that it has there.
    free, given = (
        write(choose(model_of(formula, priors), ALL, "textbook"))
        for priors in (None, {name: prior.constant(value)})
    )
    with opened(free) as one, opened(given) as other:
        assert other.size == one.size - 1
        at = np.random.default_rng(1).normal(size=other.size)
        assert np.isfinite(other(at)[0])


BAD = [
    ("graph(1 | g, edges=E, type='bym2')", {"rho": prior.constant(1.5)},
     "rho[g:Intercept] cannot be 1.5: it lies between 0 and 1"),
    ("graph(1 | g, edges=E)", {"rho": prior.beta(1, 1)}, "no parameter 'rho'"),
    ("(1 | gr(g, dist='student'))", {"df": prior.beta(1, 1)},
     "beta(1, 1) cannot be the prior of df[g:Intercept]"),
    ("(1 | gr(g, by=f))", "rstanarm", "decov is a prior of one covariance, and (1 | gr(g, by=f))"),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "priors", "said"), BAD)
def test_priors_that_cannot_be(formula, priors, said):
    with pytest.raises(PriorError) as caught:
        model_of(formula, priors)
    assert said in str(caught.value)


def test_a_plan_says_why_effects_are_standardised():
    model = model_of("(1 | gr(g, cov=A, dist='student'))")
    found = choose(model, ALL).groups[0]
    assert found.form is GroupForm.STANDARDISED
    why = "related levels that are Student t move each other too far for conditional means"
    assert found.because.endswith(why)
    asked = choose(model, ALL, {model.design.groups[0].source: "conditional"})
    assert asked.groups[0].form is GroupForm.CONDITIONAL


def test_related_levels_of_several_covariances_are_conditional():
    assert choose(model_of("(x | gr(g, cov=A, by=f))"), ALL).groups[0].form is GroupForm.CONDITIONAL
