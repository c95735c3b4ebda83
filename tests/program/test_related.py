"""Programs of levels that are related: those that a person wrote, and every plan alike."""

import numpy as np
import pytest
import stanli

from hierglm.design.encode import encode
from hierglm.design.reading import as_table
from hierglm.engines.data import to_json
from hierglm.errors import SettingsError
from hierglm.formula.parse import parse
from hierglm.models import specify
from hierglm.plan import dense, rotation
from hierglm.plan.choose import choose
from hierglm.plan.forms import Ability, CommonForm, GroupForm, ResponseForm
from hierglm.priors import distributions as prior
from hierglm.program.common import whitening
from hierglm.program.write import write
from hierglm.results.constants import left_out, unbounded
from tests.densities import opened
from tests.program.exact import ALL, flat, integral, place, values_of
from tests.program.oracles import textbook
from tests.program.related import HAND, data2, rows
from tests.program.test_exact import check_gradient

C, I, S = GroupForm.CONDITIONAL, GroupForm.INTEGRATED, GroupForm.STANDARDISED  # noqa: E741


def model_of(formula, family="bernoulli", priors=None):
    table = as_table(rows())
    design = encode(parse(formula, table.columns), table, data2=data2())
    return specify(design, family, priors)


def random_values(plan, seed):
    """Return values of the parameters of a textbook program with one group term, and effects."""
    r = np.random.default_rng(seed)
    g = plan.model.design.groups[0]
    relation, q, J = g.relation, len(g.terms), len(g.levels)
    strata = len(relation.strata) or 1
    values = {"Intercept": r.normal(), "b": r.normal(size=1)}
    sd = np.exp(r.normal(0, 0.3, strata * q))
    values["sd_1"] = sd[0] if len(sd) == 1 else sd
    L = np.array([np.eye(q)] * strata)
    if q == 3:
        raw = np.tril(r.normal(0, 0.4, (3, 3)), -1) + np.eye(3)
        L[0] = values["L_1"] = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    if q == 2 and g.correlated:
        rho = np.tanh(r.normal(0, 0.5, strata))
        L[:, 1, 0], L[:, 1, 1] = rho, np.sqrt(1 - rho**2)
        values["L_1"] = L if relation.strata else L[0]
    scale = sd.reshape(strata, q)[:, :, None] * L
    K = J if relation.factor is None else relation.factor.shape[1]
    z = r.normal(size=(q, K))
    values["z_1"] = z
    weights = np.ones((K, q))
    if relation.parameter:
        share = r.uniform(0.1, 0.9, q)
        values[f"{relation.parameter}_1"] = share
        if relation.parameter == "rho":
            weights = np.sqrt(1 - share + share * relation.spectrum[:, None])
        else:
            weights = 1 / np.sqrt(1 - share * relation.spectrum[:, None])
    base = weights * z.T
    base = base if relation.factor is None else relation.factor @ base
    stratum = np.zeros(J, dtype=int) if relation.stratum is None else relation.stratum
    u = np.array([scale[stratum[j]] @ base[j] for j in range(J)])
    volume = sum(np.log(np.diag(scale[s])).sum() for s in stratum)
    if relation.kind == "icar":
        volume = K * np.log(sd[0])
    volume += np.log(weights).sum()
    if relation.student:
        values["df_1"], weight = 1 + r.gamma(2, 3), r.chisquare(4, J) / 4
        values["log_weight_1"] = np.log(weight)
        size = 1 / np.sqrt(weight)
        u, volume = size[:, None] * u, volume + q * np.log(size).sum()
        # Logarithms of weights are in units that depend on df.
        volume += J * np.log(np.sqrt(2 * (values["df_1"] + 1)) / values["df_1"])
    return values, u, volume


@pytest.mark.parametrize("name", HAND)
def test_density_is_that_of_a_program_written_by_hand(name):
    case = HAND[name]
    plan = choose(model_of(case.formula), ALL, "textbook")
    theirs = textbook(name, case.data(rows()))
    difference = []
    program = write(plan)
    with opened(program) as ours, opened(theirs) as hand:
        for seed in range(6):
            values, u, volume = random_values(plan, seed)
            point = ours.unconstrain({k: flat(v) for k, v in values.items()})
            assert point.shape == (ours.size,)
            other = {"alpha": values["Intercept"], "beta": values["b"][0]}
            other |= case.parameters(values, u)
            value, gradient = ours(point)
            at = hand.unconstrain({k: flat(v) for k, v in other.items()})
            assert at.shape == (hand.size,)
            difference.append(value - hand(at)[0] - volume)
            if seed < 2:
                check_gradient(ours, point, gradient)
    np.testing.assert_allclose(difference, difference[0], rtol=0, atol=1e-8)


PLANNED = {
    "cov": ("y ~ x + (1 | gr(g, cov=A))", "gaussian", "auto", (I,)),
    "cov of a slope": ("y ~ x + (0 + x | gr(g, cov=A))", "gaussian", "auto", (I,)),
    "cov with more levels": ("y ~ x + (1 | gr(g, cov=B))", "gaussian", "auto", (I,)),
    "cov, weights": ("y | weights(w) ~ x + (1 | gr(g, cov=A))", "gaussian", "auto", (I,)),
    "cov, known errors": ("y | se(w) ~ x + (1 | gr(g, cov=A))", "gaussian", "auto", (I,)),
    "cov, crossed": ("y ~ x + (1 | gr(g, cov=A)) + (x | k)", "gaussian", "auto", (C, I)),
    "cov integrated, crossed": ("y ~ x + (1 | gr(g, cov=A)) + (1 | k)", "gaussian", "auto", (I, C)),
    "cov conditional": (
        "y ~ x + (1 | gr(g, cov=A)) + (1 | k)", "gaussian", {"k": "integrated", "g": "conditional"},
        (C, I)),
    "cov standardised": ("y ~ x + (1 | gr(g, cov=A))", "gaussian", {"g": "standardised"}, (S,)),
    "cov, known errors and sigma": (
        "y | se(w, sigma=TRUE) ~ x + (1 | gr(g, cov=A))", "gaussian", "auto", (C,)),
    "icar": ("y ~ x + graph(1 | g, edges=E)", "gaussian", "auto", (I,)),
    "cov by rows": ("hit ~ x + (1 | gr(g, cov=A))", "bernoulli", "auto", (C,)),
    "cov by rows, with more levels": ("count ~ x + (1 | gr(g, cov=B))", "poisson", "auto", (C,)),
    "cov by rows, slope, crossed": (
        "count ~ x + (0 + x | gr(g, cov=A)) + (1 | k)", "poisson", "auto", (C, C)),
    "cov by rows, standardised": (
        "hit ~ x + (1 | gr(g, cov=A))", "bernoulli", {"g": "standardised"}, (S,)),
    "icar by rows": ("count ~ x + graph(1 | g, edges=E)", "poisson", "auto", (C,)),
}  # fmt: skip


@pytest.mark.parametrize("case", PLANNED)
def test_density_is_the_textbook_s_in_its_coordinates(case):
    check_density(case, ALL)


@pytest.mark.parametrize("case", [c for c in PLANNED if "by rows" in c])
def test_density_by_one_function_of_rows_is_the_textbook_s(case):
    check_density(case, frozenset(Ability))


def check_density(case, abilities):
    formula, family, asked, forms = PLANNED[case]
    model = model_of(formula, family)
    plans = [choose(model, abilities, name) for name in (asked, "textbook")]
    programs = [write(p) for p in plans]
    assert tuple(g.form for g in plans[0].groups) == forms
    chain = [k for k, form in enumerate(forms) if form is I]
    turned = plans[0].numbers.rotation
    assert list(turned) == [0]
    F = model.design.groups[0].relation.factor
    difference, size = [], 1.0
    with opened(programs[0]) as ours, opened(programs[1]) as theirs:
        for seed in range(4):
            at = place(plans[0], seed)
            # Coordinates on which nothing depends have their prior, and no part in the textbook.
            at.u[0][F.shape[1] :] = 0
            mine, volume = values_of(plans[0], programs[0], at)
            own, _ = values_of(plans[1], programs[1], at, without=chain)
            z = np.linalg.lstsq(F, turned[0] @ at.u[0] / at.sds[0][0], rcond=None)[0].T
            own["z_1"] = flat(0 * z if 0 in chain else z)
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


TOGETHER = {
    "cov slopes": ("y ~ x + (x | gr(g, cov=A))", None, (I,)),
    "cov slopes, weights": ("y | weights(w) ~ x + (x || gr(g, cov=A))", None, (I,)),
    "cov with more levels": ("y ~ x + (x | gr(g, cov=B))", {"cor": prior.lkj(2)}, (I,)),
    "cov, three effects": ("y ~ x + (x + v | gr(g, cov=A))", None, (I,)),
    "car": ("y ~ x + graph(1 | g, edges=E, type='car')", None, (I,)),
    "car, slopes": ("y ~ x + graph(x | g, edges=E, type='car')", None, (I,)),
    "bym2": ("y | se(w) ~ x + graph(1 | g, edges=E, type='bym2')", None, (I,)),
    "bym2, slopes": ("y ~ x + graph(x | g, edges=E, type='bym2')", None, (I,)),
    "icar, slopes": ("y ~ x + graph(x | g, edges=E)", None, (I,)),
    "rho given": (
        "y ~ x + graph(1 | g, edges=E, type='bym2')", {"rho": prior.constant(0.4)}, (I,)),
    "crossed": ("y ~ x + graph(x | g, edges=E, type='bym2') + (1 | k)", None, (I, C)),
    "mm": ("y ~ x + (1 | mm(g, h, weights=cbind(w, v)))", None, (I,)),
    "mm, a slope, weights": ("y | weights(w) ~ x + (0 + x | mm(g, h))", None, (I,)),
    "mm, slopes": ("y ~ x + (x | mm(g, h, weights=cbind(w, v)))", None, (I,)),
    "mm, crossed": ("y ~ x + (1 | mm(g, h)) + (x | k)", None, (C, I)),
    "mm slopes, crossed": ("y ~ x + (x | mm(g, h)) + (1 | k)", None, (I, C)),
}  # fmt: skip
"""Of effects of levels that depend on each other: integrated out, together where they must."""

SAMPLED = {
    "cov slopes": ("hit ~ x + (x | gr(g, cov=A))", "auto", C),
    "cov slopes with more levels": ("count ~ x + (x | gr(g, cov=B)) + (1 | k)", "auto", C),
    "cov, independent slopes": ("count ~ x + (x || gr(g, cov=A))", "auto", C),
    "icar, slopes": ("hit ~ x + graph(x | g, edges=E)", "auto", C),
    "car": ("hit ~ x + graph(1 | g, edges=E, type='car')", "auto", C),
    "car, slopes": ("count ~ x + graph(x | g, edges=E, type='car') + (x | k)", "auto", C),
    "car, standardised": (
        "count ~ x + graph(1 | g, edges=E, type='car')", {"g": "standardised"}, S),
    "bym2": ("count ~ x + graph(1 | g, edges=E, type='bym2')", "auto", C),
    "bym2, slopes": ("hit ~ x + graph(x | g, edges=E, type='bym2')", "auto", C),
    "mm": ("hit ~ x + (1 | mm(g, h, weights=cbind(w, v)))", "auto", C),
    "mm, one effect, standardised": (
        "count ~ x + (1 | mm(g, h))", {"mm(g, h)": "standardised"}, S),
    "mm, gathered": ("count ~ 1 + (1 | mm(k, j))", "auto", C),
    "mm, slopes": ("count ~ x + (x | mm(g, h, weights=cbind(w, v))) + (1 | k)", "auto", C),
    "mm, standardised": ("count ~ x + (x | mm(g, h))", {"mm(g, h)": "standardised"}, S),
    "gaussian cov slopes": (
        "y ~ x + (x | gr(g, cov=A)) + (1 | k)", {"g": "conditional", "k": "integrated"}, C),
    "gaussian bym2": (
        "y ~ x + graph(x | g, edges=E, type='bym2') + (1 | k)",
        {"g": "conditional", "k": "integrated"}, C),
    "gaussian car, standardised": (
        "y ~ x + graph(x | g, edges=E, type='car') + (1 | k)",
        {"g": "standardised", "k": "integrated"}, S),
    "gaussian mm slopes": (
        "y ~ x + (x | mm(g, h)) + (1 | k)", {"mm(g, h)": "conditional", "k": "integrated"}, C),
    "gaussian mm slopes, standardised": (
        "y ~ x + (x | mm(g, h)) + (1 | k)", {"mm(g, h)": "standardised", "k": "integrated"}, S),
    "gaussian mm by rows": ("y ~ x + (x | mm(g, h))", {"response": "rows"}, C),
}  # fmt: skip
"""The same, in coordinates."""


@pytest.mark.parametrize("case", TOGETHER)
def test_density_of_effects_integrated_out_is_the_textbook_s(case):
    formula, priors, forms = TOGETHER[case]
    model = model_of(formula, "gaussian", priors)
    check_in_coordinates(model, _integrated(model) if forms[0] is I else "auto", forms)


def check_constant(plans, programs, difference):
    """Check that what the programs leave out is all that is between them."""
    ours, theirs = plans
    if unbounded(ours):
        return
    expected = left_out(theirs, True) - left_out(ours, True)
    if ours.common.form is CommonForm.WHITENED:
        expected += np.log(np.diag(whitening(ours)[np.isnan(ours.model.given)])).sum()
    expected += sum(np.log(v).sum() for k, v in programs[0].data.items() if k.endswith("_reach"))
    normal = 0.5 * np.log(2 * np.pi)
    for k, choice in enumerate(ours.groups):
        grouping = ours.model.groups[k]
        factor = grouping.relation.factor
        shape = (len(grouping.levels),) * 2 if factor is None else factor.shape
        if choice.form is I:
            # `integral` is up to the constant of a normal density.
            expected += normal * shape[1] * len(grouping.terms)
        elif k in ours.numbers.rotation:
            # Coordinates that the textbook's has not are 0, and have their prior.
            expected -= normal * (shape[0] - shape[1]) * len(grouping.terms)
    assert difference == pytest.approx(expected, abs=1e-5)


def _integrated(model):
    """Ask for the first term integrated out: where one matrix is needed that is not the default."""
    return {model.design.groups[0].source: "integrated"}


@pytest.mark.parametrize("case", SAMPLED)
def test_density_of_effects_in_coordinates_is_the_textbook_s(case):
    formula, asked, form = SAMPLED[case]
    family = {"hit": "bernoulli", "count": "poisson"}.get(formula.split()[0], "gaussian")
    plans = check_in_coordinates(model_of(formula, family), asked)
    assert plans[0].groups[0].form is form


def check_in_coordinates(model, asked, forms=None):
    plans = [choose(model, ALL, name) for name in (asked, "textbook")]
    forms = forms or tuple(g.form for g in plans[0].groups)
    assert tuple(g.form for g in plans[0].groups) == forms
    programs = [write(p) for p in plans]
    chain = [k for k, form in enumerate(forms) if form is I]
    difference, size = [], 1.0
    with opened(programs[0]) as ours, opened(programs[1]) as theirs:
        for seed in range(4):
            at = place(plans[0], seed)
            own = placed(plans, programs, at, seed, chain)
            mine, volume = values_of(plans[0], programs[0], at)
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
    return plans


def placed(plans, programs, at, seed, chain):
    """Put the first term of a place where the textbook's random values have it.

    The place gets its effects in coordinates, and the factor of the covariance of each of
    these; returned are the textbook's values.
    """
    values, u, _ = random_values(plans[1], seed)
    values = {k: v for k, v in values.items() if k not in ("Intercept", "b")}
    grouping = plans[0].model.design.groups[0]
    relation, (levels, q) = grouping.relation, u.shape
    R = plans[0].numbers.rotation[0]
    weights = np.ones((levels, q))
    if relation.parameter:
        share = values[f"{relation.parameter}_1"]
        if plans[0].model.priors.of(relation.parameter, 0)[0].given:
            del values[f"{relation.parameter}_1"]
        if relation.parameter == "rho":
            weights = np.sqrt(1 - share + share * relation.spectrum[:, None])
        else:
            weights = 1 / np.sqrt(1 - share * relation.spectrum[:, None])
    sds = np.reshape(values["sd_1"], -1)
    factor = sds[:, None] * values.get("L_1", np.eye(q))
    at.scales = {k: v for k, v in at.scales.items() if not k.endswith("_1")}
    at.scales |= {k: v for k, v in values.items() if k != "z_1"}
    at.sds[0], at.factors[0] = sds, weights[:, None, :] * factor
    at.u[0] = np.linalg.lstsq(R, u, rcond=None)[0]
    own, _ = values_of(plans[1], programs[1], at, without=chain)
    own |= {k: flat(v) for k, v in values.items()}
    if 0 in chain:
        own["z_1"] = flat(0 * values["z_1"])
    if "z_2" in own:
        own["z_2"] = flat(own["z_2"])
    return own


def test_a_large_matrix_is_not_integrated_out(monkeypatch):
    monkeypatch.setattr(dense, "MOST", 13)
    model = model_of("y ~ x + graph(x | g, edges=E)", "gaussian")
    with pytest.raises(SettingsError, match="cannot be integrated: 14 effects are too many"):
        choose(model, ALL, {"g": "integrated"})


def test_more_effects_than_one_matrix_holds_stay_standardised(monkeypatch):
    monkeypatch.setattr(rotation, "MANY", 6)
    model = model_of("y ~ x + (1 | mm(g, h))", "gaussian")
    plan = choose(model, ALL)
    (choice,) = plan.groups
    assert (choice.form, plan.response.form) == (S, ResponseForm.GLM)
    why = "7 effects that depend on each other given the data are too many"
    assert choice.because.endswith(why)
    with pytest.raises(SettingsError, match=f"cannot be conditional: {why}"):
        choose(model, ALL, {"mm(g, h)": "conditional"})


@pytest.mark.slow
@pytest.mark.parametrize("plan", ["auto", "textbook"])
@pytest.mark.parametrize(
    "formula",
    [
        *(c.formula for c in HAND.values()),
        *(f for f, *_ in [*PLANNED.values(), *TOGETHER.values(), *SAMPLED.values()]),
    ],
)
def test_no_part_of_a_program_is_interpreted(formula, plan):
    # stanli warns where it cannot compile a part, and a warning is an error here.
    family = {"hit": "bernoulli", "count": "poisson"}.get(formula.split()[0], "gaussian")
    program = write(choose(model_of(formula, family), ALL, plan))
    stanli.Model(stan_code=program.bare, data=to_json(program.data).decode())
