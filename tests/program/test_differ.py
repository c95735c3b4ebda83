"""Levels that depend on each other and differ in covariance: every plan is the textbook's."""

import numpy as np
import pytest

from hierglm.errors import SettingsError
from hierglm.plan import dense, rotation
from hierglm.plan.choose import choose
from hierglm.plan.forms import GroupForm
from hierglm.program.write import write
from tests.densities import opened
from tests.program.exact import ALL, flat, integral, place, values_of
from tests.program.test_exact import check_gradient
from tests.program.test_related import check_constant, model_of

C, I, S = GroupForm.CONDITIONAL, GroupForm.INTEGRATED, GroupForm.STANDARDISED  # noqa: E741

CASES = {
    "strata": ("hit ~ x + (1 | gr(g, cov=A, by=f))", "auto", (C,)),
    "strata, slopes, crossed": ("count ~ x + (x | gr(g, cov=A, by=f)) + (x | k)", "auto", (C, C)),
    "strata, independent slopes": ("hit ~ x + (x || gr(g, cov=A, by=f))", "auto", (C,)),
    "strata, standardised": (
        "count ~ x + (x | gr(g, cov=A, by=f)) + (1 | k)", {"g": "standardised"}, (S, C)),
    "Student": ("count ~ x + (1 | gr(g, cov=A, dist='student'))", "auto", (S,)),
    "Student, slopes": (
        "hit ~ x + (x | gr(g, cov=A, dist='student'))", {"g": "conditional"}, (C,)),
    "both": (
        "hit ~ x + (x | gr(g, cov=A, by=f, dist='student'))", {"g": "conditional"}, (C,)),
    "gaussian": ("y ~ x + (x | gr(g, cov=A, by=f))", "auto", (C,)),
    "gaussian, weights": ("y | weights(w) ~ x + (1 | gr(g, cov=A, by=f))", "auto", (C,)),
    "gaussian, crossed": ("y ~ x + (x | gr(g, cov=A, by=f)) + (x | k)", "auto", (C, I)),
    "gaussian, integrated": ("y ~ x + (1 | gr(g, cov=A, by=f))", {"g": "integrated"}, (I,)),
    "gaussian, slopes integrated": (
        "y ~ x + (x | gr(g, cov=A, by=f)) + (x | k)", {"g": "integrated"}, (I, C)),
    "gaussian, Student integrated": (
        "y ~ x + (x | gr(g, cov=A, dist='student'))", {"g": "integrated"}, (I,)),
}  # fmt: skip


QUICK = ("strata, slopes, crossed", "strata, standardised", "both", "gaussian, crossed",
         "gaussian, slopes integrated")  # fmt: skip


@pytest.mark.parametrize(
    "case", [c if c in QUICK else pytest.param(c, marks=pytest.mark.slow) for c in CASES]
)
def test_density_is_the_textbook_s(case):
    formula, asked, forms = CASES[case]
    family = {"hit": "bernoulli", "count": "poisson"}.get(formula.split()[0], "gaussian")
    model = model_of(formula, family)
    plans = [choose(model, ALL, name) for name in (asked, "textbook")]
    assert tuple(g.form for g in plans[0].groups) == forms
    programs = [write(p) for p in plans]
    chain = [k for k, form in enumerate(forms) if form is I]
    F = model.design.groups[0].relation.factor
    difference, size = [], 1.0
    with opened(programs[0]) as ours, opened(programs[1]) as theirs:
        for seed in range(4):
            at = place(plans[0], seed)
            mine, volume = values_of(plans[0], programs[0], at)
            own, _ = values_of(plans[1], programs[1], at, without=chain)
            # Effects are a level's own factor times F z: the textbook's z, and ours where asked.
            z = np.linalg.solve(at.factors[0], at.u[0][:, :, None])[:, :, 0]
            z = np.linalg.solve(F, z).T
            own["z_1"] = flat(0 * z if 0 in chain else z)
            if forms[0] is S:
                mine["z_1"] = flat(z)
            if "z_2" in own:
                own["z_2"] = flat(own["z_2"])
            point = ours.unconstrain(mine)
            assert point.shape == (ours.size,)
            value, gradient = ours(point)
            target = integral(theirs, own, theirs.unconstrain(own), [f"z_{k + 1}" for k in chain])
            difference.append(value + volume - target)
            size = max(size, abs(value), abs(target))
            if seed < 2:
                check_gradient(ours, point, gradient)
    np.testing.assert_allclose(difference, difference[0], rtol=0, atol=2e-9 * size)
    check_constant(plans, programs, difference[0])


def test_too_many_effects_are_neither_integrated_nor_conditional(monkeypatch):
    model = model_of("y ~ x + (x | gr(g, cov=A, by=f))", "gaussian")
    monkeypatch.setattr(dense, "MOST", 13)
    with pytest.raises(SettingsError, match="cannot be integrated: 14 effects are too many for"):
        choose(model, ALL, {"g": "integrated"})
    monkeypatch.setattr(rotation, "MANY", 13)
    (choice,) = choose(model, ALL).groups
    assert choice.form is S
    assert choice.because.endswith(
        "14 effects that depend on each other given the data are too many"
    )


def test_penalised_fit_is_that_of_levels_that_are_alike():
    uneven, plain = (
        choose(model_of(f"count ~ x + (x | gr(g, cov=A{more}))", "poisson"), ALL).numbers
        for more in (", by=f", "")
    )
    np.testing.assert_allclose(uneven.fit.common, plain.fit.common, rtol=1e-12)
    np.testing.assert_allclose(uneven.fit.sds[0], np.tile(plain.fit.sds[0], 2), rtol=1e-12)
    np.testing.assert_array_equal(uneven.within[0], plain.rotation[0])
    assert dict(uneven.rotation) == {}
