"""With what it leaves out, a program's density is that of response and parameters together."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit

import hierglm as hg
from hierglm.models import Model, specify
from hierglm.plan.choose import choose
from hierglm.plan.forms import Ability, CommonForm, GroupForm, Plan, ResponseForm
from hierglm.program.common import whitening
from hierglm.program.write import write
from hierglm.results.constants import left_out, unbounded
from tests.densities import opened
from tests.designs import design_of, thinned
from tests.program.exact import ALL, integral, one_correlation, pair, place, values_of
from tests.program.oracles import simulated
from tests.program.test_exact import CASES

PLANNED = [
    "gaussian correlated", "gaussian known errors", "gaussian decov", "gaussian crossed slopes",
    "gaussian nested, nothing varies in some levels", "gaussian known errors and sigma",
    *(name for name, case in CASES.items()
      if "gathered" in name or case[1] in ("bernoulli", "binomial", "poisson")),
    "asked: standardised alone", "asked: conditional", "structure: decov", "structure: nested",
    "structure: cs, given", "structure: poisson ar1", "structure: iso beside",
    "given: crossed", "given: all coefficients", "given: standardised",
    "given: sigma beside known errors",
]  # fmt: skip


@pytest.mark.parametrize("case", thinned(dict.fromkeys(n for n in PLANNED if n in CASES)))
def test_planned_programs_leave_out_what_the_textbook_s_does_and_their_own(case: str) -> None:
    formula, family, priors, asked, forms = CASES[case]
    plans, programs = pair(formula, simulated(), family, priors, asked)
    chain = [k for k, form in enumerate(forms) if form is GroupForm.INTEGRATED]
    at = place(plans[0], 1)
    mine, volume = values_of(plans[0], programs[0], at)
    theirs, _ = values_of(plans[1], programs[1], at, without=chain)
    with opened(programs[0]) as one, opened(programs[1]) as other:
        value, _ = one(one.unconstrain(mine))
        named = [f"z_{k + 1}" for k in chain]
        textbook = integral(other, theirs, other.unconstrain(theirs), named)
    # The same volume on the unconstrained scale of either program.
    if plans[0].common.form is CommonForm.WHITENED:
        free = np.isnan(plans[0].model.given)
        volume -= np.log(np.diag(whitening(plans[0])[free])).sum()
    volume -= sum(np.log(v).sum() for k, v in programs[0].data.items() if k.endswith("_reach"))
    # `integral` is up to the constant of a normal density.
    groups = [plans[0].model.design.groups[k] for k in chain]
    normal = 0.5 * math.log(2 * math.pi) * sum(len(g.levels) * len(g.terms) for g in groups)
    planned = value + volume + left_out(plans[0], dropped=True)
    assert planned == pytest.approx(textbook + normal + left_out(plans[1], dropped=True), abs=1e-6)


PRIORS = {
    "Intercept": hg.prior.student_t(4, 1, 2),
    "b[x]": hg.prior.normal(0.5, 2),
    "b[z]": hg.prior.cauchy(0, 1.5),
    "sd[g:Intercept]": hg.prior.normal(1, 2),
    "sd[g:x]": hg.prior.cauchy(-0.5, 2),
    "sigma": hg.prior.inv_gamma(3, 2),
    "cor": hg.prior.lkj(2.5),
}
OTHERS = {
    **PRIORS,
    "Intercept": hg.prior.normal(0, 3),
    "sd[g:Intercept]": hg.prior.student_t(3, 0.5, 2),
    "sd[g:x]": hg.prior.gamma(2, 3),
    "sigma": hg.prior.exponential(2),
}


def test_the_textbook_program_against_scipy() -> None:
    for priors, log_priors in (
        (PRIORS, [
            stats.t(4, 1, 2).logpdf, stats.norm(0.5, 2).logpdf, stats.cauchy(0, 1.5).logpdf,
            lambda x: stats.norm(1, 2).logpdf(x) - stats.norm(1, 2).logsf(0),
            lambda x: stats.cauchy(-0.5, 2).logpdf(x) - stats.cauchy(-0.5, 2).logsf(0),
            stats.invgamma(3, scale=2).logpdf,
        ]),
        (OTHERS, [
            stats.norm(0, 3).logpdf, stats.norm(0.5, 2).logpdf, stats.cauchy(0, 1.5).logpdf,
            lambda x: stats.t(3, 0.5, 2).logpdf(x) - stats.t(3, 0.5, 2).logsf(0),
            stats.gamma(2, scale=1 / 3).logpdf, stats.expon(scale=1 / 2).logpdf,
        ]),
    ):  # fmt: skip
        data = simulated()
        model = specify(design_of("y ~ x + z + (x | g)", data), "gaussian", priors)
        plan = choose(model, ALL, "textbook")
        z = np.random.default_rng(2).normal(size=(2, len(model.design.groups[0].levels)))
        r, sd, sigma = 0.3, np.array([0.7, 1.2]), 0.9
        L = np.array([[1, 0], [r, np.sqrt(1 - r**2)]])
        values = {"Intercept": 0.4, "b": np.array([0.2, -0.3]), "sd_1": sd, "sigma": sigma,
                  "L_1": L, "z_1": z}  # fmt: skip
        with opened(write(plan)) as density:
            found, _ = density(density.unconstrain(values))
        X = model.design.common.matrix
        u = (sd[:, None] * L) @ z
        g = model.design.groups[0].index
        mean = 0.4 + (X - X.mean(axis=0)) @ values["b"] + u[0, g] + u[1, g] * X[:, 0]
        expected = stats.norm(mean, sigma).logpdf(model.design.response.values).sum()
        expected += stats.norm.logpdf(z).sum()
        at = [0.4, 0.2, -0.3, *sd, sigma]
        expected += sum(f(x) for f, x in zip(log_priors, at, strict=True))
        # LKJ for two: a beta density of (r + 1) / 2; then the Jacobians of log and atanh.
        expected += stats.beta(2.5, 2.5).logpdf((r + 1) / 2) - math.log(2) + math.log(1 - r**2)
        expected += np.log(sd).sum() + math.log(sigma)
        assert found + left_out(plan, dropped=True) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("formula", "cor"),
    [
        ("y ~ x + iso(x + z | g)", None),
        ("y ~ x + cs(x + z | g)", hg.prior.lkj(2.5)),
        ("y ~ x + cs(x + z | g)", hg.prior.flat()),
        ("y ~ x + ar1(0 + h | g)", hg.prior.lkj(1.5)),
        ("y ~ x + ar1(0 + h | g)", hg.prior.student_t(3, 0.4, 0.5)),
        ("y ~ x + ar1(0 + h | g)", hg.prior.constant(0.4)),
    ],
)
@pytest.mark.parametrize("dropped", [False, True])
def test_structures_against_scipy(formula: str, cor: hg.prior.Prior | None, dropped: bool) -> None:
    data = simulated()
    priors = {"Intercept": hg.prior.normal(0, 3), "b": hg.prior.normal(0, 1),
              "sd": hg.prior.normal(0, 2), "sigma": hg.prior.exponential(2)}  # fmt: skip
    model = specify(
        design_of(formula, data), "gaussian", {**priors, **({"cor": cor} if cor else {})}
    )
    plan = choose(model, ALL, "textbook")
    (g,) = model.design.groups
    q, rho, sigma = len(g.terms), 0.4, 0.9
    z = np.random.default_rng(2).normal(size=(q, len(g.levels)))
    sd = np.full(q, 0.7) if "cs" not in formula else np.array([0.7, 1.2, 0.4])
    own = sd if "cs" in formula else sd[:1]
    C = np.eye(q) if cor is None else one_correlation(g, rho)
    u = (sd[:, None] * np.linalg.cholesky(C)) @ z
    values = {"Intercept": 0.4, "b": np.array([0.2]), "sigma": sigma, "z_1": z,
              "sd_1": own if len(own) > 1 else own[0]}  # fmt: skip
    low = -1 / (q - 1) if "cs" in formula else -1.0
    law = None
    if cor is not None and not cor.given:
        values["rho_1"] = rho
        power = cor.numbers[0] - 1 if cor.kind == "lkj" else 0.0
        if cor.kind == "student_t":
            t = stats.t(3, 0.4, 0.5)
            law = t.logpdf(rho) - math.log(t.cdf(1) - t.cdf(-1))
        elif "ar1" in formula:
            # The determinant is (1 - rho^2)^(q - 1): (1 + rho) / 2 has a beta distribution.
            a = (q - 1) * power + 1
            law = stats.beta(a, a).logpdf((1 + rho) / 2) - math.log(2)
        else:
            # (1 - rho)^2 (1 + 2 rho), by the trapezoidal rule.
            grid = np.linspace(low, 1, 200_001)
            density = ((1 - grid) ** 2 * np.maximum(1 + 2 * grid, 0)) ** power
            total = (density[1:] + density[:-1]).sum() / 2 * (grid[1] - grid[0])
            law = power * math.log((1 - rho) ** 2 * (1 + 2 * rho)) - math.log(total)
    with opened(write(plan)) as density_:
        found, _ = density_(density_.unconstrain(values))
    x = data["x"].to_numpy()
    effects = np.einsum("nq,qn->n", g.effects.matrix, u[:, g.index])
    mean = 0.4 + 0.2 * (x - x.mean()) + effects
    expected = stats.norm(mean, sigma).logpdf(data["y"]).sum() + stats.norm.logpdf(z).sum()
    expected += stats.norm(0, 3).logpdf(0.4) + stats.norm(0, 1).logpdf(0.2)
    expected += (stats.halfnorm(scale=2).logpdf(own) + np.log(own)).sum()
    expected += stats.expon(scale=0.5).logpdf(sigma) + math.log(sigma)
    if law is not None:
        expected += law + math.log((rho - low) * (1 - rho) / (1 - low))
    assert unbounded(plan) == ""
    if dropped:
        assert found + left_out(plan, dropped=True) == pytest.approx(expected, abs=1e-7)
    else:
        # What Stan keeps of `~` statements, the engine has dropped here.
        kept = left_out(plan, dropped=True) - left_out(plan, dropped=False)
        constant = [stats.norm(0, s).logpdf(0) for s in (3, 1, *[2] * len(own))]
        constant += [math.log(2)] + [-0.5 * math.log(2 * math.pi)] * (z.size + len(data))
        if cor is not None and cor.kind == "student_t":
            constant.append(stats.t(3, 0, 0.5).logpdf(0))
        assert kept == pytest.approx(sum(constant))


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("eta", [1.0, 2.5])
def test_lkj_integrates_to_one(size: int, eta: float) -> None:
    """Partial correlations are independent, and (1 + theirs) / 2 are beta (Joe 2006)."""
    from hierglm.results.constants import _lkj

    total = 0.0
    for column in range(1, size):
        a = eta + 0.5 * (size - 1 - column)
        beta = 2 * math.lgamma(a) - math.lgamma(2 * a) + (2 * a - 1) * math.log(2)
        total -= (size - column) * beta
    assert _lkj(eta, size) == pytest.approx(total)


def planned(model: Model, name: str) -> Plan:
    if name != "kernels":
        return choose(model, ALL, name)
    made = choose(model, frozenset(Ability), {"response": "rows"})
    assert made.response.form is ResponseForm.KERNEL
    return made


@pytest.mark.parametrize("formula", ["y ~ x", "y | se(w) ~ x", "y | se(w, sigma=TRUE) ~ x"])
@pytest.mark.parametrize("name", ["textbook", "auto", "kernels"])
def test_gaussian_responses_against_scipy(formula: str, name: str) -> None:
    data = simulated()
    priors = {"Intercept": hg.prior.normal(0, 2), "b": hg.prior.normal(0, 1)}
    sigma = 0.0 if "(w)" in formula else 0.8
    if sigma:
        priors["sigma"] = hg.prior.exponential(1)
    plan = planned(specify(design_of(formula, data), "gaussian", priors), name)
    x, b = data["x"].to_numpy(), np.array([-0.2, 0.4])
    se = data["w"].to_numpy() if "w" in formula else 0.0
    mean = b[0] + (x - x.mean()) * b[1]
    expected = stats.norm(mean, np.sqrt(se**2 + sigma**2)).logpdf(data["y"]).sum()
    expected += stats.norm(0, [2, 1]).logpdf(b).sum()
    program = write(plan)
    values: dict[str, object] = {"Intercept": b[0], "b": b[1:]}
    if plan.common.form is CommonForm.WHITENED:
        values = {"b_std": np.linalg.solve(program.data["W"], b - program.data["b_centre"])}
        expected += np.log(np.diag(program.data["W"])).sum()
    if sigma:
        # Its prior, and the Jacobian of its logarithm on the program's scale.
        expected += -sigma + np.log(sigma) + np.log(program.data.get("log_sigma_reach", 1.0))
        by_log = "log_sigma_reach" in program.data
        values["log_sigma" if by_log else "sigma"] = np.log(sigma) if by_log else sigma
    with opened(program) as density:
        found, _ = density(density.unconstrain(values))
    assert found + left_out(plan, dropped=True) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("family", ["bernoulli", "binomial", "poisson"])
@pytest.mark.parametrize("plan", ["textbook", "auto", "kernels"])
def test_discrete_responses_against_scipy(family: str, plan: str) -> None:
    data = simulated()
    formula = {"bernoulli": "hit ~ x", "binomial": "s | trials(n) ~ x", "poisson": "count ~ x"}
    priors = {"Intercept": hg.prior.normal(0, 2), "b": hg.prior.normal(0, 1)}
    model = specify(design_of(formula[family], data), family, priors)
    made = planned(model, plan)
    x = data["x"].to_numpy()
    b = np.array([-0.2, 0.4])
    eta = b[0] + (x - x.mean()) * b[1]
    y = model.design.response.values
    likelihood = {
        "bernoulli": lambda: stats.bernoulli(expit(eta)).logpmf(y.astype(int)),
        "binomial": lambda: stats.binom(data["n"], expit(eta)).logpmf(y),
        "poisson": lambda: stats.poisson(np.exp(eta)).logpmf(y),
    }
    expected = likelihood[family]().sum() + stats.norm(0, [2, 1]).logpdf(b).sum()
    program = write(made)
    values = {"Intercept": b[0], "b": b[1:]}
    if made.common.form is CommonForm.WHITENED:
        W, centre = program.data["W"], program.data["b_centre"]
        values = {"b_std": np.linalg.solve(W, b - centre)}
        expected += np.log(np.diag(W)).sum()
    with opened(program) as density:
        found, _ = density(density.unconstrain(values))
    assert found + left_out(made, dropped=True) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(
    ("formula", "priors", "words"),
    [
        ("y ~ x + (1 | g)", "brms", r"the prior of b\[x\] is flat"),
        ("y | weights(w) ~ x", None, "rows have weights"),
        ("y ~ x + (1 | g)", None, ""),
    ],
)
def test_where_there_is_no_bound(formula: str, priors: str | None, words: str) -> None:
    plan = choose(specify(design_of(formula, simulated()), "gaussian", priors), ALL)
    found = unbounded(plan)
    assert bool(found) == bool(words)
    assert pd.Series([found]).str.contains(words).all()
