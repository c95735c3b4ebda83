"""Which prior each parameter gets, with numbers worked out by hand from the definitions."""

import numpy as np
import pytest

from hierglm.errors import PriorError
from hierglm.models import specify
from hierglm.priors import distributions as prior
from tests.designs import design_of, schools


def table(formula, family="gaussian", priors=None, data=None):
    model = specify(design_of(formula, schools() if data is None else data), family, priors)
    return {a.slot.name: a for a in model.priors}


def numbers(found):
    return {name: (a.prior.kind, *np.round(a.prior.numbers, 10)) for name, a in found.items()}


def spread(g):
    """m and s of design.md: rounded median, and max(2.5, rounded mad)."""
    median = np.median(g)
    return round(median, 1), max(2.5, round(1.4826 * np.median(np.abs(g - median)), 1))


def sd(x):
    return np.std(x, ddof=1)


def test_gaussian_defaults():
    d = schools()
    m, s = spread(d["score"])
    found = numbers(table("score ~ x + (x | school)"))
    assert found == {
        "b[Intercept]": ("student_t", 3, m, s),
        "b[x]": ("normal", 0, round(2.5 * sd(d["score"]) / sd(d["x"]), 10)),
        "sd[school:Intercept]": ("student_t", 3, 0, s),
        "sd[school:x]": ("student_t", 3, 0, s),
        "cor[school]": ("lkj", 1),
        "sigma": ("student_t", 3, 0, s),
    }


def test_bernoulli_defaults():
    d = schools()
    found = numbers(table("won ~ x + (1 | school)", "bernoulli"))
    assert found == {
        "b[Intercept]": ("student_t", 3, 0, 2.5),
        "b[x]": ("normal", 0, round(2.5 / sd(d["x"]), 10)),
        "sd[school:Intercept]": ("student_t", 3, 0, 2.5),
    }


def test_poisson_defaults_use_the_log_scale_and_the_offset():
    d = schools().assign(count=lambda d: d["count"].where(d.index > 0, 0))
    m, s = spread(np.log(np.where(d["count"] == 0, 0.1, d["count"])))
    found = numbers(table("count ~ 1 + offset(log_time)", "poisson", data=d))
    assert found["b[Intercept]"] == (
        "student_t", 3, pytest.approx(m - d["log_time"].mean(), abs=1e-9), s
    )  # fmt: skip


def test_a_constant_column_counts_as_sd_1():
    d = schools().assign(one=7.0)
    found = numbers(table("won ~ x + one", "bernoulli", data=d))
    assert found["b[one]"] == ("normal", 0, 2.5)


def test_brms_set():
    found = numbers(table("score ~ x + (x | school)", priors="brms"))
    assert found["b[x]"] == ("flat",)
    assert found["b[Intercept]"][0] == found["sigma"][0] == "student_t"


def test_rstanarm_set():
    d = schools()
    found = numbers(table("score ~ x + (x | school)", priors="rstanarm"))
    s_y = sd(d["score"])
    assert found == {
        "b[Intercept]": ("normal", round(d["score"].mean(), 10), round(2.5 * s_y, 10)),
        "b[x]": ("normal", 0, round(2.5 * s_y / sd(d["x"]), 10)),
        "sd[school:Intercept]": ("decov", 1, 1, 1, 1),
        "sd[school:x]": ("decov", 1, 1, 1, 1),
        "cor[school]": ("lkj", 1),
        "sigma": ("exponential", round(1 / s_y, 10)),
    }


def test_the_most_specific_name_wins():
    own = {
        "b": prior.normal(0, 1),
        "b[x]": prior.student_t(4, 0, 1),
        "sd": prior.exponential(1),
        "sd[school]": prior.exponential(2),
        "sd[school:x]": prior.gamma(2, 1),
        "cor[school]": prior.lkj(2),
        "Intercept": prior.normal(50, 10),
        "sigma": prior.cauchy(0, 3),
    }
    found = table("score ~ x + floor + (x | school) + (1 | year)", priors=own)
    assert {name: repr(a.prior) for name, a in found.items()} == {
        "b[Intercept]": "normal(50, 10)",
        "b[x]": "student_t(4, 0, 1)",
        "b[floor[T.cellar]]": "normal(0, 1)",
        "sd[school:Intercept]": "exponential(2)",
        "sd[school:x]": "gamma(2, 1)",
        "cor[school]": "lkj(2)",
        "sd[year:Intercept]": "exponential(1)",
        "sigma": "cauchy(0, 3)",
    }
    assert found["sd[year:Intercept]"].source == "given as 'sd'"


def test_decov_given_by_the_user_sets_the_correlations_too():
    found = table("score ~ x + (x | school)", priors={"sd[school]": prior.decov(3, 1, 1, 2)})
    assert repr(found["cor[school]"].prior) == "lkj(3)"


REFUSED = [
    ({"b[z]": prior.normal()}, "no parameter 'b[z]'; did you mean 'b[x]'?"),
    (
        {"b[z]": prior.normal()},
        "\nThe names are: Intercept, b[Intercept], b, b[x], sd, sd[school], ",
    ),
    ({"cor[year]": prior.lkj()}, "two correlated effects"),
    ({"b[x]": 3}, "such as hierglm.prior.normal(0, 1); found 3"),
    ({"b[x]": prior.exponential(1)}, "cannot be the prior of b[x]; it takes normal, student_t"),
    ({"sigma": prior.lkj(1)}, "cannot be the prior of sigma"),
    ({"cor[school]": prior.normal()}, "cannot be the prior of cor[school]; it takes lkj"),
    ({"sd[school:x]": prior.decov()}, "give it as 'sd[school]'"),
    ("bmrs", "no set of priors 'bmrs'; did you mean 'brms'?"),
]


@pytest.mark.parametrize(("priors", "said"), REFUSED)
def test_priors_that_cannot_be(priors, said):
    with pytest.raises(PriorError) as error:
        table("score ~ x + (x | school) + (1 | year)", priors=priors)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: prior.normal(0, 0), "scale must be greater than 0, not 0"),
        (lambda: prior.normal(float("nan"), 1), "location must be a finite number"),
        (lambda: prior.student_t(-1), "df must be greater than 0"),
        (lambda: prior.normal("a", 1), "takes numbers"),
        (lambda: prior.Prior("norml", (0.0, 1.0)), "did you mean 'normal'"),
        (lambda: prior.Prior("normal", (0.0,)), "takes location, scale; found 1 numbers"),
    ],
)
def test_numbers_that_cannot_be(make, said):
    with pytest.raises(PriorError) as error:
        make()
    assert said in str(error.value)


def test_known_errors_leave_no_sigma():
    d = schools().assign(e=1.0)
    assert "sigma" not in table("score | se(e) ~ x", data=d)
    assert "sigma" in table("score | se(e, sigma=TRUE) ~ x", data=d)
    assert "sigma" not in table("won ~ x", "bernoulli")
