"""Effects of related levels, drawn afterwards or sampled: against dense normal densities."""

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from hierglm.design.encode import encode
from hierglm.design.reading import as_table
from hierglm.draws.draws import Draws, Variable
from hierglm.draws.integrated import with_effects
from hierglm.draws.scales import prior_variances
from hierglm.formula.parse import parse
from hierglm.models import specify
from hierglm.plan.choose import choose
from hierglm.program.write import write
from tests.densities import opened
from tests.program.exact import ALL, flat, place, values_of
from tests.program.related import adjacency, data2, rows

CASES = {
    "cov": "y | weights(w) ~ x + (1 | gr(g, cov=A))",
    "slope": "y ~ x + (0 + x | gr(g, cov=A))",
    "more levels": "y ~ x + (1 | gr(g, cov=B))",
    "icar": "y ~ x + graph(1 | g, edges=E)",
    "memberships": "y | weights(w) ~ x + (1 | mm(g, h, weights=cbind(w, v)))",
    "memberships, slope": "y ~ x + (0 + x | mm(g, h))",
}


def plan_of(formula, family="gaussian"):
    table = as_table(rows())
    design = encode(parse(formula, table.columns), table, data2=data2())
    model = specify(design, family, {"sd": hg.prior.exponential(1)})
    return choose(model, ALL, {design.groups[0].source: "integrated"})


def columns(plan):
    """Return what each row has of every effect of every level of the first term."""
    design, d = plan.model.design, rows()
    g = design.groups[0]
    levels, shares = g.levels.tolist(), {"g": np.ones(len(d))}
    if g.relation.members is not None:
        first = d["w"] / (d["w"] + d["v"]) if "cbind" in g.source else 0.5
        shares = {"g": first + 0 * d["w"], "h": 1 - first + 0 * d["w"]}
    Z = np.zeros((design.rows, len(levels), len(g.terms)))
    for name, share in shares.items():
        for row, level in enumerate(d[name]):
            Z[row, levels.index(level)] += share[row] * g.effects.matrix[row]
    return Z


def dense(plan, sd):
    """Return Z, the covariance of all levels' effects, and the rows' weights."""
    (g,) = plan.model.design.groups
    Z = columns(plan)[:, :, 0]
    if g.relation.members is not None:
        A = np.eye(7)
    elif g.relation.kind == "icar":
        W = adjacency()
        A = np.linalg.pinv(np.diag(W.sum(axis=1)) - W)
        A[6, 6] = 1
    else:
        given = data2()["A" if "cov=A" in g.source else "B"]
        A = given.loc[g.levels.tolist(), g.levels.tolist()].to_numpy()
    weights = plan.model.design.response.weights
    return Z, sd**2 * A, np.ones(len(Z)) if weights is None else weights


@pytest.mark.parametrize("case", CASES)
def test_integrated_density_is_the_dense_marginal_normal_s(case):
    plan = plan_of(CASES[case])
    design, program = plan.model.design, write(plan)
    differences = []
    with opened(program) as density:
        for seed in range(4):
            at = place(plan, seed)
            values, _ = values_of(plan, program, at)
            sd = float(at.sds[0][0])
            Z, A, weights = dense(plan, sd)
            X = np.column_stack([np.ones(len(Z)), design.common.matrix[:, 0]])
            X[:, 1] -= X[:, 1].mean()
            V = Z @ A @ Z.T + at.sigma**2 * np.diag(1 / weights)
            e = design.response.values - X @ at.b
            # The number of rows is the sum of weights: sigma^-1 beyond the density's.
            target = -0.5 * (np.linalg.slogdet(V)[1] + e @ np.linalg.solve(V, e))
            target -= (weights.sum() - len(Z)) * np.log(at.sigma)
            # Priors of sd and sigma by hand; those of coefficients are in both below.
            target -= sd
            point = density.unconstrain({k: flat(v) for k, v in values.items()})
            value = density(point)[0] - _prior(plan, at)
            differences.append(value - target)
    np.testing.assert_allclose(differences, differences[0], atol=1e-8)


def _prior(plan, at):
    """Return the log prior of coefficients and sigma, with the Jacobians of logarithms."""
    from scipy import stats

    priors = plan.model.priors
    (b,), (intercept,), sigma = priors.of("b"), priors.of("Intercept"), priors.scale("sigma")
    out = stats.norm.logpdf(at.b[1], *b.numbers) + stats.t.logpdf(at.b[0], *intercept.numbers)
    out += stats.t.logpdf(at.sigma, *sigma.numbers)
    return out + np.log(at.sigma) + np.log(at.sds[0][0])


@pytest.mark.parametrize("case", CASES)
def test_drawn_effects_are_the_dense_conditional_normal_s(case):
    plan = plan_of(CASES[case])
    sd, sigma, b, size = 0.8, 1.3, np.array([2.0, 0.4]), 20000
    (g,) = plan.model.design.groups
    one, name = np.ones((1, size)), g.group
    draws = Draws(
        {
            "b": Variable("b", "fixed", "", one[..., None] * b, (("term", ("Intercept", "x")),)),
            f"sd_{name}": Variable(
                f"sd_{name}", "ran_sd", name, one[..., None] * sd, ((f"{name}_term", g.terms),)
            ),
            "sigma": Variable("sigma", "family", "", one * sigma, ()),
        },
        {"lp": one},
    )
    Z, A, weights = dense(plan, sd)
    e = plan.model.design.response.values - b[0] - b[1] * plan.model.design.common.matrix[:, 0]
    V = Z @ A @ Z.T + sigma**2 * np.diag(1 / weights)
    mean = A @ Z.T @ np.linalg.solve(V, e)
    covariance = A - A @ Z.T @ np.linalg.solve(V, Z @ A)
    at_means = with_effects(plan, draws, None)[f"r_{name}"].values[0, 0, :, 0]
    np.testing.assert_allclose(at_means, mean, atol=1e-9)
    u = with_effects(plan, draws, 7)[f"r_{name}"].values[0, :, :, 0]
    error = np.sqrt(np.diag(covariance) / size)
    assert (np.abs(u.mean(axis=0) - mean) < 5 * error + 1e-9).all()
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    np.testing.assert_allclose(np.cov(u.T), covariance, atol=6 * scale.max() / np.sqrt(size))


TOGETHER = {
    "cov": "y | weights(w) ~ x + (x | gr(g, cov=B))",
    "car": "y ~ x + graph(1 | g, edges=E, type='car')",
    "bym2": "y ~ x + graph(x | g, edges=E, type='bym2') + (1 | k)",
    "icar": "y ~ x + graph(x | g, edges=E)",
    "mm": "y | weights(w) ~ x + (x | mm(g, h, weights=cbind(w, v)))",
}


@pytest.mark.parametrize("case", TOGETHER)
def test_effects_drawn_together_are_the_dense_conditional_normal_s(case):
    plan = plan_of(TOGETHER[case])
    design, sigma, b, size = plan.model.design, 1.3, np.array([2.0, 0.4]), 20000
    g, q = design.groups[0], len(design.groups[0].terms)
    # Fields are independent of each other.
    sd, rho, name = np.array([0.8, 0.5])[:q], 0.6 if case in ("cov", "mm") else 0.0, g.group
    found = {
        "b": (b, "fixed", ("Intercept", "x")), f"sd_{name}": (sd, "ran_sd", g.terms),
        "alpha_g": (np.full(q, 0.7), "ran_alpha", g.terms),
        "rho_g": (np.array([0.7, 0.2])[:q], "ran_rho", g.terms),
        f"cor_{name}": (np.array([rho]), "ran_cor", (g.terms,)), "sigma": (sigma, "family", ()),
    }  # fmt: skip
    if case == "bym2":
        fixed = np.array([0.5, -1, 0.2, 0.4])
        found["r_k"] = fixed[:, None], "ran_vals", ("Intercept",)
    one = np.ones((1, size))
    draws = Draws(
        {
            own: Variable(own, effect, "k" if own == "r_k" else name,
                          one.reshape(1, size, *[1] * np.ndim(x)) * x, (("term", terms),))
            for own, (x, effect, terms) in found.items()
        },
        {"lp": one},
    )  # fmt: skip
    # Covariance of levels for each two effects, from the definitions.
    W, levels = adjacency(), g.levels.tolist()
    C = np.array([[1, rho], [rho, 1]])[:q, :q]
    L = np.linalg.cholesky(sd[:, None] * C * sd)
    if case == "mm":
        halves = [np.eye(7)] * q
    elif case == "cov":
        halves = [np.linalg.cholesky(data2()["B"].loc[levels, levels].to_numpy())] * q
    elif case == "car":
        # An island counts as having one neighbour.
        D = np.diag(np.maximum(W.sum(axis=1), 1))
        halves = [np.linalg.cholesky(np.linalg.inv(D - 0.7 * W))]
    else:
        F, spectrum = g.relation.factor, g.relation.spectrum
        shares = found["rho_g"][0]
        halves = [F * np.sqrt(1 + s * (spectrum - 1)) if case == "bym2" else F for s in shares]
    # Effect k of all levels: sum over h of L[k, h] half_h z_h.
    K = np.hstack([np.kron(half, L[:, [h]]) for h, half in enumerate(halves)])
    A = K @ K.T
    Z = columns(plan).reshape(design.rows, -1)
    weights = design.response.weights
    e = design.response.values - b[0] - b[1] * design.common.matrix[:, 0]
    if case == "bym2":
        e = e - fixed[design.groups[1].index]
    V = Z @ A @ Z.T + sigma**2 * np.diag(1 / (np.ones(len(Z)) if weights is None else weights))
    mean = A @ Z.T @ np.linalg.solve(V, e)
    covariance = A - A @ Z.T @ np.linalg.solve(V, Z @ A)
    at_means = with_effects(plan, draws, None)[f"r_{name}"].values[0, 0].reshape(-1)
    np.testing.assert_allclose(at_means, mean, atol=1e-9)
    u = with_effects(plan, draws, 7)[f"r_{name}"].values[0].reshape(size, -1)
    error = np.sqrt(np.diag(covariance) / size)
    assert (np.abs(u.mean(axis=0) - mean) < 5 * error + 1e-9).all()
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    np.testing.assert_allclose(np.cov(u.T), covariance, atol=6 * scale.max() / np.sqrt(size))


def test_effects_of_related_levels_that_differ_are_the_dense_conditional_normal_s():
    plan = plan_of("y ~ x + (x | gr(g, cov=A, by=f, dist='student'))")
    design, sigma, b, size = plan.model.design, 1.3, np.array([2.0, 0.4]), 20000
    (g,) = design.groups
    sd, rho = np.array([[0.8, 0.5], [0.3, 1.1]]), np.array([0.6, -0.4])
    weight = np.linspace(0.3, 2, len(g.levels))
    found = {
        "b": (b, "fixed", ("Intercept", "x")), "sd_g": (sd.reshape(-1), "ran_sd", "abcd"),
        "cor_g": (rho, "ran_cor", "ab"), "weight_g": (weight[:, None], "ran_weight", "a"),
        "sigma": (sigma, "family", ()),
    }  # fmt: skip
    one = np.ones((1, size))
    draws = Draws(
        {
            own: Variable(own, effect, "g", one.reshape(1, size, *[1] * np.ndim(x)) * x,
                          (("term", tuple(terms)),))
            for own, (x, effect, terms) in found.items()
        },
        {"lp": one},
    )  # fmt: skip
    # Effects of level j: L of its stratum over the root of its weight, times row j of F z.
    factor = np.zeros((2 * len(weight),) * 2)
    for j, w in enumerate(weight):
        s = int(g.relation.stratum[j])
        C = sd[s][:, None] * np.array([[1, rho[s]], [rho[s], 1]]) * sd[s]
        factor[2 * j : 2 * j + 2, 2 * j : 2 * j + 2] = np.linalg.cholesky(C) / np.sqrt(w)
    levels = g.levels.tolist()
    A = factor @ np.kron(data2()["A"].loc[levels, levels].to_numpy(), np.eye(2)) @ factor.T
    Z = columns(plan).reshape(design.rows, -1)
    e = design.response.values - b[0] - b[1] * design.common.matrix[:, 0]
    V = Z @ A @ Z.T + sigma**2 * np.eye(len(Z))
    mean, covariance = A @ Z.T @ np.linalg.solve(V, e), A - A @ Z.T @ np.linalg.solve(V, Z @ A)
    at_means = with_effects(plan, draws, None)["r_g"].values[0, 0].reshape(-1)
    np.testing.assert_allclose(at_means, mean, atol=1e-9)
    u = with_effects(plan, draws, 7)["r_g"].values[0].reshape(size, -1)
    error = np.sqrt(np.diag(covariance) / size)
    assert (np.abs(u.mean(axis=0) - mean) < 5 * error + 1e-9).all()
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    np.testing.assert_allclose(np.cov(u.T), covariance, atol=6 * scale.max() / np.sqrt(size))


SAVED = {
    "cov": "y ~ x + (1 | gr(g, cov=B))",
    "bym2": "y ~ x + graph(x | g, edges=E, type='bym2')",
    "student": "y ~ x + (1 | gr(g, dist='student'))",
    "by": "y ~ x + (x | gr(g, by=f))",
    "mm": "y ~ x + (x | mm(g, h, weights=cbind(w, v)))",
}


@pytest.fixture(scope="module")
def fits():
    return {
        name: hg.fit(formula, rows(), data2=data2(), chains=2, draws=60, warmup=60, seed=1,
                     progress=False)
        for name, formula in SAVED.items()
    }  # fmt: skip


@pytest.mark.parametrize("name", SAVED)
def test_a_saved_fit_comes_back_whole(fits, name, tmp_path):
    fit = fits[name]
    back = hg.load(fit.save(tmp_path / "fit.hglm"))
    every = ("fixed", "ran_sd", "ran_cor", "ran_rho", "ran_df", "family", "ran_vals")
    pd.testing.assert_frame_equal(back.tidy(every), fit.tidy(every))
    for key, given in fit.plan.model.design.given.items():
        other = back.plan.model.design.given[key]
        assert type(other) is type(given)
    ours, theirs = (f.to_arviz(log_likelihood=True)["log_likelihood"] for f in (fit, back))
    np.testing.assert_allclose(ours["y"].to_numpy(), theirs["y"].to_numpy())


def test_names(fits):
    def names(name):
        varied = fits[name].varcorr()[["effect", "group", "term", "term2"]]
        return [tuple(row) for row in varied.itertuples(index=False)][:-1]

    assert names("bym2") == [
        ("ran_sd", "g", "Intercept", ""), ("ran_sd", "g", "x", ""),
        ("ran_rho", "g", "Intercept", ""), ("ran_rho", "g", "x", ""),
    ]  # fmt: skip
    assert names("student") == [("ran_sd", "g", "Intercept", ""), ("ran_df", "g", "Intercept", "")]
    assert names("by") == [
        ("ran_sd", "g", "Intercept:fhi", ""), ("ran_sd", "g", "x:fhi", ""),
        ("ran_sd", "g", "Intercept:flo", ""), ("ran_sd", "g", "x:flo", ""),
        ("ran_cor", "g", "Intercept:fhi", "x:fhi"), ("ran_cor", "g", "Intercept:flo", "x:flo"),
    ]  # fmt: skip
    assert list(fits["by"].covariances()["g"]) == ["Intercept:fhi", "x:fhi", "Intercept:flo",
                                                   "x:flo"]  # fmt: skip


def test_levels_without_rows_have_effects(fits):
    levels = fits["cov"].ranef()["level"].tolist()
    assert levels == [*"abcdefg", "j", "i"]


def test_the_linear_predictor_of_rows_that_belong_to_several_levels(fits):
    from hierglm.results.pointwise import flatten, linear_predictor

    fit, d = fits["mm"], rows()
    found = linear_predictor(fit.plan.model.design, flatten(fit.draws), slice(0, 3))
    post = fit.posterior
    r = post["r_mm(g, h)"].to_numpy()[0]
    levels = list("abcdefg")
    for i in range(3):
        for row in range(len(d)):
            one = r[i, levels.index(d["g"][row])]
            two = r[i, levels.index(d["h"][row])]
            w, v = d["w"][row], d["v"][row]
            b = post["b"].to_numpy()[0, i] + (w * one + v * two) / (w + v)
            assert found[i, row] == pytest.approx(b[0] + b[1] * d["x"][row])


@pytest.mark.parametrize("name", ["cov", "bym2", "by"])
def test_prior_variances_of_levels(fits, name):
    fit = fits[name]
    groups = fit.plan.model.design.groups
    found = prior_variances(groups, 0, fit.draws)
    (relation,) = (g.relation for g in groups)
    sd2 = fit.draws["sd_g"].values.reshape(120, -1) ** 2
    if name == "cov":
        expected = np.diag(relation.factor @ relation.factor.T)[:, None] * sd2.mean(axis=0)
    elif name == "by":
        expected = sd2.mean(axis=0).reshape(2, 2)[relation.stratum]
    else:
        V, values = relation.factor, relation.spectrum
        rho = fit.draws["rho_g"].values.reshape(120, 2)
        expected = np.zeros((7, 2))
        for s in range(120):
            for k in range(2):
                variance = (V * (1 - rho[s, k] + rho[s, k] * values)) @ V.T
                expected[:, k] += sd2[s, k] * np.diag(variance) / 120
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("case", CASES)
def test_the_penalised_fit_has_effects_at_their_conditional_means(case):
    approx = hg.model(CASES[case], rows(), data2=data2()).approx()
    table = approx.tidy()
    b = table.loc[table["effect"] == "fixed", "estimate"].to_numpy()
    (sd,) = table.loc[table["effect"] == "ran_sd", "estimate"]
    (sigma,) = table.loc[table["effect"] == "family", "estimate"]
    plan = plan_of(CASES[case])
    Z, A, weights = dense(plan, sd)
    design = plan.model.design
    e = design.response.values - b[0] - b[1] * design.common.matrix[:, 0]
    V = Z @ A @ Z.T + sigma**2 * np.diag(1 / weights)
    found = approx.ranef()["estimate"].to_numpy()
    # The fit ends when a step is small, not when there is none.
    np.testing.assert_allclose(found, A @ Z.T @ np.linalg.solve(V, e), atol=1e-3 * sd)
