"""Every plan has the textbook's posterior, whatever rules meet in it.

At random places the planned log density, plus the Jacobian of its effects, equals the
textbook program's with the integrated effects integrated out, up to one constant; and its
gradient is that of the same function.
"""

import numpy as np
import pytest
import stanli

from hierglm.engines.data import to_json
from hierglm.plan.forms import Ability, GroupForm, ResponseForm
from hierglm.priors import distributions as prior
from tests.densities import opened
from tests.designs import thinned
from tests.program.exact import ALL, integral, pair, place, values_of
from tests.program.oracles import simulated

C, I, S = GroupForm.CONDITIONAL, GroupForm.INTEGRATED, GroupForm.STANDARDISED  # noqa: E741

RSTANARM = "rstanarm"
LKJ = {"cor": prior.lkj(2)}

GAUSSIAN = {
    "one intercept": ("y ~ x + (1 | g)", None, (I,)),
    "one slope": ("y ~ x + z + (0 + v | g)", None, (I,)),
    "correlated": ("y ~ x + (x | g)", LKJ, (I,)),
    "independent": ("y ~ x + (x || g)", None, (I,)),
    "four effects": ("y ~ x + z + v + (x + z + v | g)", None, (I,)),
    "interaction inside": ("y ~ x + (h:x | school)", None, (I,)),
    "weights": ("y | weights(w) ~ x + (x | g)", None, (I,)),
    "known errors": ("y | se(w) ~ x + (x | g)", None, (I,)),
    "known errors and weights": ("y | se(w) + weights(exposure) ~ x + (1 | g)", None, (I,)),
    "known errors and sigma": ("y | se(w, sigma=TRUE) ~ x + (x | g)", None, (C,)),
    "offset": ("y ~ x + offset(v) + (1 | g)", None, (I,)),
    "no common intercept": ("y ~ 0 + x + (1 | g)", None, (I,)),
    "nothing common": ("y ~ 0 + (x | g)", None, (I,)),
    "intercept alone": ("y ~ 1 + (1 | g:h)", None, (I,)),
    "decov": ("y ~ x + (x | g)", RSTANARM, (I,)),
    "no group": ("y | weights(w) ~ x * z + offset(v)", None, ()),
    "collinear": ("y ~ x + I(2 * x) + (1 | g)", None, (I,)),
    "nested": ("y ~ x + (1 | school/class)", None, (I, I)),
    "nested slopes": ("y ~ x + (x | school) + (z + v | school:class)", LKJ, (I, I)),
    "nested three deep": ("y ~ x + (1 | school/class/h)", None, (I, I, I)),
    "nested three deep, slopes": (
        "y ~ x + (x | school) + (x || school:class) + (1 | school:class:h)", None, (I, I, I)),
    "nested, nothing varies in some levels": (
        "y ~ x + (0 + half | school/class)", None, (I, I)),
    "predictors of groups, and across levels": (
        "y ~ x * half + (x | school) + (1 | school:class)", LKJ, (I, I)),
    "same factor twice": ("y ~ x + (1 | g) + (0 + x | g)", None, (I, I)),
    "crossed": ("y ~ x + (1 | g) + (1 | h)", None, (I, C)),
    "crossed, three": ("y ~ x + (1 | g) + (1 | h) + (1 | school)", None, (I, C, C)),
    "crossed slopes": ("y ~ x + z + (x | g) + (z || h)", LKJ, (I, C)),
    "crossed, weights, offset": (
        "y | weights(w) ~ x + offset(v) + (1 | g) + (x | h)", None, (C, I)),
    "crossed and nested": ("y ~ x + (1 | school/class) + (1 | h) + (x | g)", None, (I, I, C, C)),
    "crossed with a chain": ("y ~ x + (1 | h) + (x | school/class)", None, (C, I, I)),
    "crossed, known errors": ("y | se(w) ~ x + (1 | g) + (1 | h)", None, (I, C)),
    "crossed, decov": ("y ~ x + (x | g) + (1 | h)", RSTANARM, (I, C)),
    "crossed, nothing common": ("y ~ 0 + (1 | g) + (1 | h)", None, (I, C)),
}  # fmt: skip

OTHERS = {
    "bernoulli": ("hit ~ x + (1 | g)", "bernoulli", None, (C,)),
    "bernoulli slopes": ("hit ~ x + z + (x | g)", "bernoulli", LKJ, (C,)),
    "bernoulli four effects": ("hit ~ x + (x + z + v | g)", "bernoulli", None, (C,)),
    "bernoulli crossed": ("hit ~ x + (1 | g) + (1 | h)", "bernoulli", None, (C, C)),
    "bernoulli crossed slopes": (
        "hit ~ x + (x | g) + (z || h) + (1 | school)", "bernoulli", None, (C, C, C)),
    "bernoulli nested": ("hit ~ x + (1 | school/class)", "bernoulli", None, (C, C)),
    "bernoulli weights": ("hit | weights(w) ~ x + (1 | g)", "bernoulli", None, (C,)),
    "bernoulli gathered": ("hit ~ factor(h) + (1 | school)", "bernoulli", None, (C,)),
    "bernoulli gathered, weights": (
        "hit | weights(w) ~ 1 + (1 | school)", "bernoulli", None, (C,)),
    "bernoulli, no group": ("hit ~ x * z", "bernoulli", None, ()),
    "bernoulli, nothing common": ("hit ~ 0 + (x | g)", "bernoulli", None, (C,)),
    "binomial": ("s | trials(n) ~ x + offset(v / 5) + (1 | g)", "binomial", None, (C,)),
    "binomial gathered": ("s | trials(n) ~ 1 + (1 | g)", "binomial", RSTANARM, (C,)),
    "binomial nested slopes": (
        "s | trials(n) ~ x + (x | school/class)", "binomial", None, (C, C)),
    "poisson": ("count ~ x + offset(log(exposure)) + (x || g)", "poisson", None, (C,)),
    "poisson gathered": ("count ~ factor(h) + (1 | school)", "poisson", None, (C,)),
    "poisson nested three deep": ("count ~ x + (1 | school/class/h)", "poisson", None, (C, C, C)),
    "poisson, no intercept": ("count ~ 0 + x + (0 + x | g)", "poisson", None, (C,)),
    "poisson weights": ("count | weights(w) ~ x + (1 | g) + (1 | h)", "poisson", None, (C, C)),
}  # fmt: skip

FAMILIES = {
    "student slopes": ("y ~ x + (x | g)", "student", LKJ, (C,)),
    "student crossed": ("y | weights(w) ~ x + (1 | g) + (1 | h)", "student", None, (C, C)),
    "lognormal": ("exposure ~ x + z + (x | g)", "lognormal", None, (C,)),
    "gamma nested": ("exposure ~ x + (1 | school/class)", "gamma", None, (C, C)),
    "gamma weights": ("exposure | weights(w) ~ x + offset(v / 9) + (1 | g)", "gamma", None, (C,)),
    "gamma, decov": ("exposure ~ x + (x | g)", "gamma", RSTANARM, (C,)),
    "beta": ("plogis(z) ~ x + (1 | g)", "beta", None, (C,)),
    "beta weights": ("plogis(z) | weights(w) ~ x + (1 | g)", "beta", None, (C,)),
    "beta-binomial slopes": ("s | trials(n) ~ x + (x || g)", "beta_binomial", None, (C,)),
    "beta-binomial weights": (
        "s | trials(n) + weights(w) ~ x + (1 | g)", "beta_binomial", None, (C,)),
    "negbinomial": ("count ~ x + offset(log(exposure)) + (x | g)", "negbinomial", None, (C,)),
    "negbinomial, equal rows": ("count ~ factor(h) + (1 | school)", "negbinomial", None, (C,)),
    "negbinomial weights": ("count | weights(w) ~ x + (1 | g)", "negbinomial", None, (C,)),
    "probit crossed": ("hit ~ x + (1 | g) + (1 | h)", "bernoulli(probit)", None, (C, C)),
    "probit trials": ("s | trials(n) + weights(w) ~ x + (1 | g)", "binomial(probit)", None, (C,)),
    "cloglog": ("hit | weights(w) ~ x + (1 | g)", "bernoulli(cloglog)", None, (C,)),
    "cloglog trials": ("s | trials(n) ~ x + (x | g)", "binomial(cloglog)", None, (C,)),
    "zero-inflated": ("count ~ x + (1 | g)", "zero_inflated_poisson", None, (C,)),
    "zero-inflated, weights": (
        "count | weights(w) ~ x + (1 | g)", "zero_inflated_negbinomial", None, (C,)),
    "cumulative": ("I(h - 9) ~ x + z + (x | g)", "cumulative", LKJ, (C,)),
    "cumulative weights": (
        "I(h - 9) | weights(w) ~ x + offset(v / 5) + (1 | g) + (1 | school)", "cumulative",
        {"Intercept": prior.student_t(3, 1, 2)}, (C, C)),
    "cumulative, no group": ("I(hit + 1) ~ x * z", "cumulative", None, ()),
    "hurdle": ("count ~ x + offset(log(exposure)) + (1 | g)", "hurdle_poisson", None, (C,)),
    "hurdle, negbinomial": ("count ~ x + (x | g)", "hurdle_negbinomial", None, (C,)),
    "shape given": (
        "count ~ x + (1 | g)", "negbinomial", {"shape": prior.constant(2.5)}, (C,)),
}  # fmt: skip
"""Of the families that are no exponential ones, or whose link is not the canonical one."""

ASKED = {
    "rows": ("y ~ x + (x | g)", {"response": "rows"}, (C,)),
    "rows, gathered": ("y ~ factor(h) + (1 | school)", {"response": "rows"}, (C,)),
    "rows, gathered, weights": (
        "y | weights(w) ~ factor(h) + (1 | school)", {"response": "rows"}, (C,)),
    "rows, gathered, known errors": (
        "y | se(school + 1, sigma=TRUE) ~ factor(h) + (1 | school)", {}, (C,)),
    "rows, known errors": ("y | se(w) ~ x + (1 | g)", {"response": "rows"}, (C,)),
    "conditional": ("y ~ x + (x | g)", {"(x | g)": "conditional"}, (C,)),
    "standardised": ("y ~ x + (x | g) + (1 | h)", {"h": "standardised"}, (I, S)),
    "standardised alone": ("y ~ x + (x | g)", {"g": "standardised"}, (S,)),
    "the smaller integrated": (
        "y ~ x + (x | g) + (1 | h)", {"h": "integrated", "g": "conditional"}, (C, I)),
    "inner only": ("y ~ x + (1 | school/class)", {"school": "conditional"}, (C, I)),
    "outer only": ("y ~ x + (1 | school/class)", {"school:class": "conditional"}, (I, C)),
}  # fmt: skip

_WIDE = {"loading[g]": prior.normal(0, 2)}
RANKS = {
    "one factor": ("y ~ x + z + rr(x + z | g, rank=1)", "gaussian", None, "auto", (I,)),
    "two factors": ("y ~ x + z + rr(x + z + v | g, rank=2)", "gaussian", None, "auto", (I,)),
    "full": ("y ~ x + rr(x + z | g, rank=3)", "gaussian", _WIDE, "auto", (I,)),
    "auto": ("y ~ x + rr(x + z + v | g, rank='auto')", "gaussian", None, "auto", (I,)),
    "conditional": (
        "y ~ x + rr(x + z + v | g, rank=2)", "gaussian", None, {"g": "conditional"}, (C,)),
    "standardised": (
        "y ~ x + rr(x + z + v | g, rank=2)", "gaussian", None, {"g": "standardised"}, (S,)),
    "rows": ("y ~ x + rr(x + z | g, rank=2)", "gaussian", None, {"response": "rows"}, (C,)),
    "inner": (
        "y ~ x + (x | school) + rr(x + z + v | school:class, rank=2)", "gaussian", None, "auto",
        (I, I)),
    "outer": (
        "y ~ x + rr(x + z + v | school, rank=2) + (1 | school:class)", "gaussian", None, "auto",
        (I, I)),
    "middle": (
        "y ~ x + (1 | school) + rr(x + z | school:class, rank=1) + (x | school:class:h)",
        "gaussian", None, "auto", (I, I, I)),
    "crossed": (
        "y ~ x + rr(x + z + v | g, rank=2) + rr(x + z | h, rank=1)", "gaussian", None, "auto",
        (I, C)),
    "bernoulli": ("hit ~ x + rr(x + z + v | g, rank=2)", "bernoulli", _WIDE, "auto", (C,)),
    "bernoulli crossed": (
        "hit ~ x + rr(x + z | g, rank='auto') + (x | h)", "bernoulli", None, "auto", (C, C)),
    "poisson": ("count ~ x + rr(x + z | g, rank=1)", "poisson", RSTANARM, "auto", (C,)),
}  # fmt: skip
"""Covariances of a few factors."""

_HALF, _TWO = prior.constant(0.5), prior.constant(2)
GIVEN = {
    "an sd": ("y ~ x + (x | g)", "gaussian", {"sd[g:x]": _HALF}, "auto", (I,)),
    "all sds": ("y ~ x + (x | g)", "gaussian", {"sd": _HALF}, "auto", (I,)),
    "sigma": ("y ~ x + (x || g)", "gaussian", {"sigma": _TWO, "sd[g:x]": _HALF}, "auto", (I,)),
    "a slope": ("y ~ x + z + (x | g)", "gaussian", {"b[x]": _HALF}, "auto", (I,)),
    "the intercept": ("y ~ x + z + (1 | g)", "gaussian", {"Intercept": _TWO}, "auto", (I,)),
    "all coefficients": (
        "y ~ x + (1 | g) + (1 | h)", "gaussian", {"b": _HALF, "Intercept": _TWO}, "auto", (I, C)),
    "nested": (
        "y ~ x + (x | school/class)", "gaussian", {"sd[school]": _HALF, "b": _TWO}, "auto", (I, I)),
    "crossed": (
        "y ~ x + z + (x | g) + (z | h)", "gaussian",
        {"sd[h]": _HALF, "sd[g:x]": _TWO, "b[z]": _HALF, "sigma": _TWO}, "auto", (I, C)),
    "standardised": (
        "y ~ x + z + (x | g)", "gaussian", {"sd[g:x]": _HALF, "b[x]": _TWO, "sigma": _HALF},
        {"g": "standardised"}, (S,)),
    "by rows": (
        "y ~ x + z + (x | g)", "gaussian", {"sd[g:x]": _HALF, "b[x]": _TWO, "sigma": _HALF},
        {"response": "rows"}, (C,)),
    "sigma beside known errors": (
        "y | se(w, sigma=TRUE) ~ x + (1 | g)", "gaussian", {"sigma": _HALF}, "auto", (C,)),
    "bernoulli": (
        "hit ~ x + z + (x | g)", "bernoulli", {"sd[g:x]": _HALF, "b[x]": _TWO}, "auto", (C,)),
    "bernoulli, all coefficients": (
        "hit ~ x + (x | g) + (1 | h)", "bernoulli",
        {"sd[g]": _HALF, "b": _HALF, "Intercept": _HALF}, "auto", (C, C)),
    "poisson": (
        "count ~ x + (1 | g)", "poisson", {"sd": _HALF, "Intercept": _HALF}, "auto", (C,)),
}  # fmt: skip

STRUCTURES = {
    "iso": ("y ~ x + iso(x + z | g)", "gaussian", None, "auto", (I,)),
    "iso, one effect": ("y ~ x + iso(1 | g)", "gaussian", None, "auto", (I,)),
    "iso beside": ("y ~ x + (1 | g) + iso(0 + x + z | g)", "gaussian", None, "auto", (I, I)),
    "diag": ("y ~ x + diag(x | g)", "gaussian", None, "auto", (I,)),
    "cs": ("y ~ x + cs(x + z | g)", "gaussian", LKJ, "auto", (I,)),
    "ar1": ("y ~ x + ar1(0 + h | g)", "gaussian", LKJ, "auto", (I,)),
    "ar1, a normal correlation": (
        "y ~ x + (1 | g) + ar1(h | g)", "gaussian", {"cor": prior.normal(0.3, 0.2)}, "auto",
        (I, I)),
    "nested": (
        "y ~ x + iso(x | school) + cs(x + z | school:class)", "gaussian", LKJ, "auto", (I, I)),
    "crossed": (
        "y ~ x + ar1(0 + h | g) + iso(x | school) + (1 | school:class)", "gaussian", None, "auto",
        (I, C, C)),
    "decov": ("y ~ x + cs(x | g) + iso(x | h)", "gaussian", RSTANARM, "auto", (I, C)),
    "decov, ar1": ("y ~ x + ar1(0 + h | g)", "gaussian", RSTANARM, "auto", (I,)),
    "an id": ("y ~ x + (1 |s| g) + (0 + x |s| g)", "gaussian", LKJ, "auto", (I,)),
    "rows": ("y ~ x + cs(x | g)", "gaussian", None, {"response": "rows"}, (C,)),
    "standardised": (
        "y ~ x + iso(x | g) + ar1(0 + h | school)", "gaussian", LKJ,
        {"g": "standardised", "school": "standardised"}, (S, S)),
    "standardised cs": ("y ~ x + cs(x | g)", "gaussian", LKJ, {"g": "standardised"}, (S,)),
    "iso, given": ("y ~ x + iso(x | g)", "gaussian", {"sd": _HALF}, "auto", (I,)),
    "cs, given": ("y ~ x + cs(x + z | g)", "gaussian", {"cor[g]": _HALF}, "auto", (I,)),
    "cs, partly given": (
        "y ~ x + cs(x + z | g)", "gaussian", {"sd[g:x]": _HALF, "cor": prior.flat()}, "auto",
        (I,)),
    "bernoulli, the smaller standardised": (
        "hit ~ x + (x | g) + (1 | h)", "bernoulli", None, {"h": "standardised"}, (C, S)),
    "poisson, outer standardised": (
        "count ~ x + (1 | school/class)", "poisson", None, {"school": "standardised"}, (S, C)),
    "bernoulli iso": ("hit ~ x + iso(x + z | g)", "bernoulli", None, "auto", (C,)),
    "bernoulli cs, crossed": (
        "hit ~ x + cs(x + z | g) + (1 | h)", "bernoulli", LKJ, "auto", (C, C)),
    "poisson ar1": ("count ~ x + ar1(0 + h | g)", "poisson", LKJ, "auto", (C,)),
    "poisson iso, given": (
        "count ~ x + iso(x | school/class)", "poisson", {"sd": _HALF}, "auto", (C, C)),
}  # fmt: skip

VARYING = {
    "by": ("y ~ x + (1 | gr(school, by=area))", "gaussian", None, "auto", (I,)),
    "by, slopes": ("y ~ x + (x | gr(school, by=area))", "gaussian", LKJ, "auto", (I,)),
    "by, independent": (
        "y | weights(w) ~ x + (x || gr(school, by=area))", "gaussian", None, "auto", (I,)),
    "by, iso": ("y ~ x + iso(x | gr(school, by=area))", "gaussian", None, "auto", (I,)),
    "student": ("y | se(w) ~ x + (1 | gr(g, dist='student'))", "gaussian", None, "auto", (I,)),
    "student, slopes": (
        "y ~ x + (x + z | gr(g, dist='student'))", "gaussian", LKJ, "auto", (I,)),
    "student, ar1": (
        "y ~ x + ar1(0 + h | gr(g, dist='student'))", "gaussian", None, "auto", (I,)),
    "student by": (
        "y ~ x + (x | gr(school, by=area, dist='student'))", "gaussian", LKJ, "auto", (I,)),
    "student by, one effect": (
        "y ~ x + (0 + x | gr(school, by=area, dist='student'))", "gaussian", None, "auto", (I,)),
    "nested": (
        "y ~ x + (x | gr(school, by=area)) + (z | gr(room, dist='student'))", "gaussian", LKJ,
        "auto", (I, I)),
    "nested three deep": (
        "y ~ x + (1 | school) + (x | gr(room, by=area, dist='student')) + (z | room:h)",
        "gaussian", None, "auto", (I, I, I)),
    "student, df given": (
        "y ~ x + (1 | gr(g, dist='student'))", "gaussian", {"df": _TWO}, "auto", (I,)),
    "crossed": (
        "y ~ x + (x | gr(g, dist='student')) + (z | gr(school, by=area))", "gaussian", None,
        "auto", (I, C)),
    "bernoulli": ("hit ~ x + (x | gr(school, by=area))", "bernoulli", LKJ, "auto", (C,)),
    "bernoulli, crossed": (
        "hit ~ x + (1 | gr(g, dist='student')) + iso(z | gr(school, by=area))", "bernoulli", None,
        "auto", (C, C)),
    "poisson": ("count ~ x + (x | gr(g, dist='student'))", "poisson", None, "auto", (C,)),
    "negbinomial": (
        "count ~ x + (1 | gr(school, by=area, dist='student'))", "negbinomial", None, "auto",
        (C,)),
    "rows": ("y ~ x + (x | gr(school, by=area))", "gaussian", None, {"response": "rows"}, (C,)),
    "standardised": (
        "y ~ x + (x | gr(school, by=area, dist='student'))", "gaussian", None,
        {"school": "standardised"}, (S,)),
}  # fmt: skip
"""Levels that differ in the covariance of their effects."""

_TWELVE = "x + z + v + I(x^2) + I(z^2) + I(v^2) + x:z + x:v + z:v + exp(x) + exp(z)"
MANY = {
    "independent": (f"y ~ x + ({_TWELVE} || g)", "gaussian", None, "auto", (I,)),
    "bernoulli": (f"hit ~ x + ({_TWELVE} | g)", "bernoulli", LKJ, "auto", (C,)),
    "correlated, outermost": (
        f"y ~ x + ({_TWELVE} | school) + (1 | school:class)", "gaussian", None, "auto", (I, I)),
}  # fmt: skip
"""More effects than are worth one operation for all levels: see `hierglm.program.scales`."""

CASES = {
    **{f"gaussian {n}": (f, "gaussian", p, "auto", w) for n, (f, p, w) in GAUSSIAN.items()},
    **{n: (f, family, p, "auto", w) for n, (f, family, p, w) in OTHERS.items()},
    **{n: (f, family, p, "auto", w) for n, (f, family, p, w) in FAMILIES.items()},
    **{f"asked: {n}": (f, "gaussian", None, a, w) for n, (f, a, w) in ASKED.items()},
    **{f"given: {n}": case for n, case in GIVEN.items()},
    **{f"structure: {n}": case for n, case in STRUCTURES.items()},
    **{f"rank: {n}": case for n, case in RANKS.items()},
    **{f"varying: {n}": case for n, case in VARYING.items()},
    **{f"many: {n}": case for n, case in MANY.items()},
}


BY_ROWS = [
    *OTHERS,
    "gaussian known errors and sigma",
    *(f"asked: {n}" for n in ASKED if n.startswith("rows")),
    "given: by rows",
    "given: sigma beside known errors",
    *(f"given: {n}" for n in GIVEN if n.startswith(("bernoulli", "poisson"))),
    *(f"rank: {n}" for n in RANKS if n.startswith(("bernoulli", "poisson", "rows"))),
    *(f"structure: {n}" for n in STRUCTURES if n.startswith(("bernoulli", "poisson", "rows"))),
    *(f"varying: {n}" for n in VARYING if n.startswith(("bernoulli", "poisson", "rows"))),
]
"""Those that may take their rows by one function; the rest have crossproducts."""


@pytest.mark.parametrize("case", CASES)
def test_density_is_the_textbook_s(case):
    check_density(case, ALL)


@pytest.mark.parametrize("case", thinned(BY_ROWS))
def test_density_by_one_function_of_rows_is_the_textbook_s(case):
    plan = check_density(case, frozenset(Ability))
    assert plan.response.form is ResponseForm.KERNEL
    largest = max(plan.model.design.groups, key=lambda g: len(g.levels), default=None)
    if largest is not None:
        at = plan.numbers.rows.index[plan.model.design.groups.index(largest)]
        assert (np.diff(at) >= 0).all()


def check_density(case, abilities):
    formula, family, priors, asked, forms = CASES[case]
    plans, programs = pair(formula, simulated(), family, priors, asked, abilities)
    assert tuple(g.form for g in plans[0].groups) == forms
    if "gathered" in case:
        by_row = (ResponseForm.GATHERED, ResponseForm.KERNEL)
        assert plans[0].response.form is by_row[abilities is not ALL]
        assert plans[0].numbers.rows.gathered
    chain = [k for k, form in enumerate(forms) if form is I]
    difference, size = [], 1.0
    with opened(programs[0]) as ours, opened(programs[1]) as theirs:
        for seed in range(4):
            at = place(plans[0], seed)
            mine, volume = values_of(plans[0], programs[0], at)
            textbook, _ = values_of(plans[1], programs[1], at, without=chain)
            point = ours.unconstrain(mine)
            assert point.shape == (ours.size,)
            value, gradient = ours(point)
            target = integral(
                theirs, textbook, theirs.unconstrain(textbook), [f"z_{k + 1}" for k in chain]
            )
            difference.append(value + volume - target)
            size = max(size, abs(value), abs(target))
            if seed < 2:
                check_gradient(ours, point, gradient)
    np.testing.assert_allclose(difference, difference[0], rtol=0, atol=2e-9 * size)
    return plans[0]


def check_gradient(density, point, gradient):
    step = 1e-5
    r = np.random.default_rng(5)
    for _ in range(3):
        along = r.normal(size=len(point))
        numeric = (density(point + step * along)[0] - density(point - step * along)[0]) / 2 / step
        scale = np.linalg.norm(gradient) * np.linalg.norm(along)
        np.testing.assert_allclose(numeric, gradient @ along, rtol=1e-5, atol=1e-6 * scale)


def test_a_response_far_from_zero_loses_no_digits():
    near, far = simulated(), simulated().assign(y=lambda d: d["y"] + 1e8)
    own = {"Intercept": prior.flat(), "b": prior.normal(0, 5), "sd": prior.exponential(1),
           "sigma": prior.exponential(1)}  # fmt: skip
    differences = []
    (one, _), (here_program, _) = pair("y ~ x + (x | g) + (1 | h)", near, priors=own)
    (two, _), (there_program, _) = pair("y ~ x + (x | g) + (1 | h)", far, priors=own)
    with opened(here_program) as here, opened(there_program) as there:
        for seed in range(5):
            at = place(one, seed)
            moved = place(one, seed)
            moved.b[0] += 1e8
            values, volume = values_of(one, here_program, at)
            others, other = values_of(two, there_program, moved)
            differences.append(
                here(here.unconstrain(values))[0] + volume
                - there(there.unconstrain(others))[0] - other
            )  # fmt: skip
    np.testing.assert_allclose(differences, differences[0], rtol=0, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_no_part_of_a_program_is_interpreted(case):
    # stanli warns where it cannot compile a part (a warning is an error here): grouseticks took
    # three times as long when its transformed parameters were interpreted.
    formula, family, priors, asked, _ = CASES[case]
    _, (ours, _) = pair(formula, simulated(), family, priors, asked)
    stanli.Model(stan_code=ours.bare, data=to_json(ours.data).decode())
