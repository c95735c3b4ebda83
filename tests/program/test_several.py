"""Programs of several linear predictors have the density of those that a person wrote."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from hierglm.covariances import covariance_of, sd_terms
from hierglm.errors import SettingsError
from hierglm.families import FAMILIES
from hierglm.plan.forms import Ability, GroupForm
from hierglm.priors import distributions as prior
from tests.densities import opened
from tests.program.exact import flat
from tests.program.oracles import codes, sd, simulated, spread, textbook
from tests.program.test_oracles import evaluate, points, size

ALL = frozenset(Ability) - {Ability.KERNELS}

LOCATION_SCALE = ["y ~ x + (1 |s| g)", "sigma ~ z + (z |s| g)"]
TASKS = [
    hg.part("score ~ x + (1 |s| school)"),
    hg.part("passed ~ x + (x |s| school)", "bernoulli", weight=2.0),
]


def location_scale(d):
    m, s = spread(d["y"].to_numpy())
    return {
        "n": len(d), "n_groups": 7, "x": d["x"].to_numpy(), "z": d["z"].to_numpy(),
        "g": codes(d["g"]), "y": d["y"].to_numpy(), "location_alpha": m, "scale_alpha": s,
        "scale_beta": 2.5 * sd(d["y"]) / sd(d["x"]), "scale_gamma": 2.5 / sd(d["z"]), "eta": 2.0,
    }  # fmt: skip


def categories(d):
    return {
        "n": len(d), "n_groups": 7, "x": d["x"].to_numpy(), "g": codes(d["g"]),
        "y": codes(d["kind"]), "scale_beta": 2.5 / sd(d["x"]),
    }  # fmt: skip


def tasks() -> pd.DataFrame:
    """Return scores and exams of schools; each is missing in some rows, school f in one."""
    r = np.random.default_rng(8)
    d = simulated(rows=80).assign(
        school=lambda d: np.array(list("abcdefgh"))[r.integers(0, 8, len(d))],
        score=r.normal(20, 9, 80),
        passed=r.integers(0, 2, 80).astype(float),
    )
    d.loc[r.random(80) < 0.2, "score"] = np.nan
    d.loc[(r.random(80) < 0.3) | (d["school"] == "f"), "passed"] = np.nan
    return d


def of_tasks(d):
    school = pd.Series(codes(d["school"]), index=d.index)
    one, two = d[d["score"].notna()], d[d["passed"].notna()]
    m, s = spread(one["score"].to_numpy())
    return {
        "n_score": len(one), "n_passed": len(two), "n_schools": 8,
        "x_score": one["x"].to_numpy(), "x_passed": two["x"].to_numpy(),
        "school_score": school[one.index].to_numpy(),
        "school_passed": school[two.index].to_numpy(),
        "score": one["score"].to_numpy(), "passed": two["passed"].to_numpy(int),
        "location_score": m, "scale_score": s,
        "scale_beta": np.array([2.5 * sd(one["score"]) / sd(one["x"]), 2.5 / sd(two["x"])]),
    }  # fmt: skip


def kinds() -> pd.DataFrame:
    d = simulated()
    return d.assign(kind=np.array(["ash", "elm", "oak"])[np.arange(len(d)) % 3])


CASES = {
    "distributional_gaussian": (
        LOCATION_SCALE, simulated, location_scale, "gaussian", {"cor": prior.lkj(2)}),
    "joint_score_passed": (TASKS, tasks, of_tasks, "gaussian", None),
    "categorical_intercepts": ("kind ~ x + (1 | g)", kinds, categories, "categorical", None),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_density_and_gradient_equal_the_textbook_s(name):
    formula, table, data, family, priors = CASES[name]
    d = table()
    ours = hg.model(formula, d, family, priors=priors, plan="textbook")._program
    theirs = textbook(name, data(d))
    at = points(size(theirs))
    lp, gradient = evaluate(ours, at)
    expected_lp, expected = evaluate(theirs, at)
    difference = lp - expected_lp
    np.testing.assert_allclose(difference, difference[0], rtol=0, atol=1e-9 * np.abs(lp).max())
    np.testing.assert_allclose(gradient, expected, rtol=1e-9, atol=1e-11 * np.abs(expected).max())


BESIDE = {
    "unequal effects, a weight": (TASKS, {}),
    "no intercept, three responses": (
        [hg.part("score ~ 0 + x + (x |s| school)"), hg.part("passed ~ 1 + (1 |s| school)",
         "bernoulli"), hg.part("k ~ z + (1 |s| school)", "poisson")], {}),
    "a family with a parameter": (
        [hg.part("score ~ x + (x |s| school)"),
         hg.part("k ~ x + (1 |s| school)", "negbinomial")], {"shape": prior.gamma(2, 1)}),
    "sigma": (["score ~ x + (x |s| school)", "sigma ~ z + (1 |s| school)"], {}),
    "sigma, terms of their own": (
        ["score ~ x + iso(x | school)", "sigma ~ 0 + z + (1 | g)"], {}),
    "sigma alone": (["score ~ 0 + x", "sigma ~ (x | school)"], {}),
    "sigma beside a count": (
        [hg.part(["score ~ x + (1 |s| school)", "sigma ~ z"]),
         hg.part("k ~ x + (1 |s| school)", "poisson")], {}),
    "sigma, crossed": (
        ["score ~ x + (x |s| school) + (1 | g)", "sigma ~ z + (1 |s| school)"], {}),
    "sigma, crossed twice, in opposite orders": (
        ["score ~ x + (x + z |s| school) + (1 |i| g)", "sigma ~ (1 |s| school) + (x |i| g)"], {}),
    "sigma, nested": (["score ~ x + (1 | school/class)", "sigma ~ (x | class:school)"], {}),
    "responses crossed": (
        [hg.part("score ~ x + (1 |s| school) + (1 | g)"),
         hg.part("k ~ z + (x | g) + (1 |s| school)", "poisson", weight=0.5)], {}),
    "responses apart": (
        [hg.part("score ~ x + (1 | school)"), hg.part("k ~ z + (x | g)", "poisson")], {}),
}  # fmt: skip


@pytest.mark.parametrize("name", BESIDE)
def test_effects_about_penalised_fits_have_the_textbook_s_density(name):
    parts, priors = BESIDE[name]
    d = tasks().assign(k=np.arange(80) % 5)
    models = [hg.model(parts, d, priors=priors, plan=plan) for plan in ("auto", "textbook")]
    ours, theirs = (m._program for m in models)
    assert all(c.form is GroupForm.CONDITIONAL for c in models[0].plan().groups)
    difference, largest, crossings, r = [], 1e5, 0, np.random.default_rng(4)
    with opened(ours) as one, opened(theirs) as two:
        for _ in range(4):
            values, at = common_place(models[0].model, r)
            about, standard, volume, effects = {}, {}, 0.0, {}
            for k, joined in enumerate(models[0].model.joined, start=1):
                scales, S = scale_place(k, joined.grouping, r)
                effects[k] = S, r.normal(size=(len(joined.grouping.levels), len(S))) @ S.T
                values |= scales
            for k, joined in enumerate(models[0].model.joined, start=1):
                moving, _ = models[0].plan().numbers.beside.terms[k - 1]
                S, u = effects[k]
                taken = sum(F @ effects[m + 1][1].reshape(-1) for m, F in moving.F.items())
                away = np.concatenate([at[m.part] for m in joined.members])
                z, more = about_means(ours.data, k, S, u, away, np.reshape(taken, (-1, 1)))
                about[f"z_{k}"], standard[f"z_{k}"] = z, np.linalg.solve(S, u.T)
                volume += more
            crossings += sum(name.startswith("F_") for name in ours.data)
            mine = one(one.unconstrain({**values, **{n: flat(z) for n, z in about.items()}}))
            own = two(two.unconstrain({**values, **{n: flat(z) for n, z in standard.items()}}))
            assert mine[1].shape == own[1].shape
            difference.append(mine[0] + volume - own[0])
            largest = max(largest, abs(own[0]))
    np.testing.assert_allclose(difference, difference[0], rtol=0, atol=1e-13 * largest)
    assert bool(crossings) == ("crossed" in name or "nested" in name)


def about_means(data, k, S, u, coefficients, taken):
    """Return what effects are about their conditional means, and the logarithm of the volume."""
    e = np.array(data[f"c_{k}"]) - np.array(data[f"B_{k}"]) @ (coefficients - data[f"centre_{k}"])
    e -= np.broadcast_to(taken, (u.size, 1)).reshape(u.shape).T
    z, volume, M = np.empty(u.T.shape), 0.0, len(S)
    for j in range(len(u)):
        A = np.zeros((M, M))
        A[np.tril_indices(M)] = np.array(data[f"A_{k}"])[:, j]
        C = np.linalg.cholesky(np.eye(M) + S.T @ (A + np.tril(A, -1).T) @ S)
        z[:, j] = C.T @ np.linalg.solve(S, u[j]) - np.linalg.solve(C, S.T @ e[:, j])
        volume += np.log(np.diag(C)).sum()
    return z, volume


def scale_place(k, grouping, r):
    """Return random sds and correlations of a term, and the factor of its covariance."""
    count = len(sd_terms(grouping))
    sd = np.exp(r.normal(0, 0.3, count))
    if not covariance_of(grouping).free:
        return {f"sd_{k}": sd.tolist() if count > 1 else sd[0]}, sd * np.eye(len(grouping.terms))
    raw = np.tril(r.normal(0, 0.4, (count, count)), -1) + np.eye(count)
    L = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    return {f"sd_{k}": sd.tolist(), f"L_{k}": flat(L)}, sd[:, None] * L


def common_place(model, r):
    """Return random parameters but those of effects, and the coefficients of each predictor."""
    values, places = {}, []
    for m in model.parts:
        at = []
        names = [
            (f"Intercept{m.part.ending}", m.design.intercept, 1),
            (f"b{m.part.ending}", bool(m.design.common.labels), len(m.design.common.labels)),
        ]
        for stan, there, count in names:
            if there:
                x = r.normal(0, 0.5, count)
                at += x.tolist()
                values[stan] = x.tolist() if stan.startswith("b") else x[0]
        values |= {f"{p.name}{m.part.rows}": float(np.exp(r.normal(0, 0.3))) for p in m.parameters}
        places.append(np.array(at))
    return values, places


def test_where_effects_stay_standardised_it_is_said():
    d = tasks()
    rows = np.arange(80)
    d = d.assign(k=rows % 5, w=1.0, kind=np.array(["ash", "elm"])[rows % 2], grade=1 + rows % 3)
    of = {
        "another parameter": (
            [hg.part(["k ~ x + (1 | g)", "shape ~ z"], "negbinomial")], "of parameters with"),
        "known errors": (
            ["score | se(w, sigma=TRUE) ~ x + (1 | g)", "sigma ~ z"], "of parameters with"),
        "categories": ([hg.part("kind ~ x + (1 | g)", "categorical"), TASKS[0]], "categories"),
        "thresholds": ([hg.part("grade ~ x + (1 | g)", "cumulative"), TASKS[0]], "thresholds"),
        "factors": (
            ["score ~ x + rr(x + z | g, rank=1)", "sigma ~ z"], "levels that are related"),
    }  # fmt: skip
    for formulas, why in of.values():
        choice = hg.model(formulas, d).plan().groups[0]
        assert choice.form is GroupForm.STANDARDISED
        assert why in choice.because
        with pytest.raises(SettingsError, match=f"cannot be conditional: {why}"):
            hg.model(formulas, d, plan={choice.part: "conditional"})
    asked = hg.model(TASKS, d, plan={"school": "standardised"}).plan().groups[0]
    assert asked.because.endswith("as asked")


def log_density(program, seed):
    """Return the log density of a program, without constants, at a place by parameter."""
    with opened(program) as density:
        at = np.random.default_rng(seed).normal(0, 0.6, density.size)
        return density(at)[0], at


def test_independent_parts_have_the_sum_of_their_log_densities():
    d = tasks()
    formulas = ["score ~ x + (1 | school)", "passed ~ z + (x | g)"]
    families = ["gaussian", "bernoulli"]
    parts = [hg.part(f, k) for f, k in zip(formulas, families, strict=True)]
    joint = hg.model(parts, d, plan="textbook")
    alone = [hg.model(f, d, k, plan="textbook") for f, k in zip(formulas, families, strict=True)]
    sums = []
    for seed in range(4):
        # Ours: response and columns of both, then the groups of both.
        (lp, one), (other, two) = (log_density(m._program, seed) for m in alone)
        cut = (3, 2)
        whole = np.concatenate([one[: cut[0]], two[: cut[1]], one[cut[0] :], two[cut[1] :]])
        with opened(joint._program) as density:
            sums.append(density(whole)[0] - lp - other)
    np.testing.assert_allclose(sums, sums[0], atol=1e-9)


WITHIN = ["iso(x + z | g)", "cs(x + z | g)", "(x || g)", "(1 | school/class)",
          "rr(x + z + v | g, rank=2)", "(1 | mm(g, g2))",
          "(1 | gr(g, dist='student'))"]  # fmt: skip


@pytest.mark.parametrize("term", WITHIN)
def test_structures_of_group_terms_are_the_same_in_every_part(term):
    """The density of two parts is the sum of theirs, and so is its gradient."""
    d = simulated().assign(g2=lambda d: np.roll(d["g"], 1))
    formulas = {f"y ~ x + {term}": "gaussian", f"hit ~ z + {term}": "bernoulli"}
    both = hg.model([hg.part(f, k) for f, k in formulas.items()], d, plan="textbook")._program
    alone = [hg.model(f, d, k, plan="textbook")._program for f, k in formulas.items()]
    found, expected = near_zero([both]), near_zero(alone)
    # Parameters come in another order.
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-10)
    np.testing.assert_allclose(np.sort(found[1:]), np.sort(expected[1:]), rtol=1e-8, atol=1e-9)


def near_zero(programs):
    """Return the sum of log densities where every parameter is 0.1, and all slopes there."""
    values, slopes = [], []
    for program in programs:
        with opened(program) as density:
            value, gradient = density(np.full(density.size, 0.1))
            values.append(value)
            slopes += gradient.tolist()
    return np.array([sum(values), *slopes])


ROWS = 40
PREDICTED = [(f, p.name) for f in FAMILIES.values() for p in f.parameters if p.support != "ordered"]


def responses(f):
    """Return a table with a response that the family can have."""
    r = np.random.default_rng(3)
    d = pd.DataFrame({"x": r.normal(size=ROWS), "z": r.normal(size=ROWS), "n": 6})
    if f.name == "beta":
        return d.assign(y=r.uniform(0.1, 0.9, ROWS))
    if f.stan.response == "vector" and not f.stan.beside:
        return d.assign(y=r.gamma(3, 1, ROWS))
    return d.assign(y=r.integers(0, 6, ROWS))


@pytest.mark.parametrize("weights", [False, True], ids=["", "weights"])
@pytest.mark.parametrize(("f", "name"), PREDICTED, ids=lambda x: str(x))
def test_every_parameter_may_have_a_formula(f, name, weights):
    d = responses(f).assign(w=np.linspace(0.5, 2, ROWS))
    own = next(p for p in f.parameters if p.name == name)
    others = {p.name: 2.5 if p.support == "above_one" else 0.7 for p in f.parameters}
    del others[name]
    additions = [a for a, there in (("trials(n)", f.stan.trials), ("weights(w)", weights)) if there]
    left = " | ".join(["y", " + ".join(additions)] if additions else ["y"])
    priors = {k: prior.constant(v) for k, v in others.items()}
    priors |= dict.fromkeys(["b", "Intercept", f"b@.{name}", f"Intercept@.{name}"], prior.flat())
    program = hg.model([f"{left} ~ x", f"{name} ~ z"], d, f, priors=priors)._program
    found = []
    with opened(program) as density:
        for at in points(4):
            names = ("Intercept", "b", f"Intercept_{name}", f"b_{name}")
            shaped = (at[0], at[1:2], at[2], at[3:4])
            place = density.unconstrain(dict(zip(names, shaped, strict=True)))
            eta = at[0] + at[1] * (d["x"] - d["x"].mean()).to_numpy()
            value = own.link.invert(at[2] + at[3] * (d["z"] - d["z"].mean()).to_numpy())
            scales = {k: np.array(v) for k, v in others.items()} | {name: value}
            trials = d["n"].to_numpy(float) if f.stan.trials else None
            lps = f.log_density(d["y"].to_numpy(float), eta, scales, trials)
            found.append(density(place)[0] - (lps @ d["w"] if weights else lps.sum()))
    np.testing.assert_allclose(found, found[0], atol=1e-8)
