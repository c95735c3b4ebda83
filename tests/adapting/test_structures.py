"""New levels of every structure: each draw's density of the new rows against its definition."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.linalg import null_space
from scipy.special import expit, logsumexp

import hierglm as hg
from hierglm.adapting.condition import condition
from hierglm.adapting.rows import encode_rows
from hierglm.criticising.prior_draws import prior_fitted
from hierglm.design.reading import as_table
from hierglm.draws.draws import Draws
from hierglm.draws.parameters import by_name
from hierglm.errors import DataError, SettingsError
from hierglm.results.fitted import Fitted

R = np.random.default_rng(8)
LEVELS = list("abcdef")
OLD = pd.DataFrame({"g": np.resize(LEVELS, 30), "h": np.resize(list("bcdefa"), 30)})
OLD = OLD.assign(x=R.normal(size=30), y=R.normal(size=30), hit=np.resize([0.0, 1.0], 30))
OLD = OLD.assign(f=np.where(OLD["g"] < "d", "lo", "hi"), v=R.uniform(1, 2, 30), w=1.0)
OLD = OLD.assign(kind=np.resize(list("opq"), 30))
NEW = pd.DataFrame({"g": list("zzpza"), "h": list("abzpp"), "x": R.normal(size=5)})
NEW = NEW.assign(y=R.normal(size=5) + 1, hit=[1.0, 1.0, 0.0, 1.0, 0.0], v=1.5, w=[1, 2, 1, 1, 3.0])
NEW = NEW.assign(f=NEW["g"].map({"z": "hi", "p": "lo", "a": "lo"}), kind=list("opqpp"))
NAMES = [*LEVELS, "z", "p"]
PRIORS = {
    "Intercept": hg.prior.normal(0, 1), "b": hg.prior.normal(0, 1), "sd": hg.prior.gamma(4, 4),
    "sigma": hg.prior.gamma(6, 6), "alpha": hg.prior.beta(4, 2), "rho": hg.prior.beta(3, 3),
    "df": hg.prior.gamma(4, 1),
}  # fmt: skip


def labelled(matrix: np.ndarray, count: int) -> pd.DataFrame:
    return pd.DataFrame(matrix[:count, :count], index=NAMES[:count], columns=NAMES[:count])


PLACE = np.array([0.0, 0.4, 1.1, 2.0, 2.2, 3.0, 0.6, 2.5])
COVARIANCE = np.exp(-np.abs(np.subtract.outer(PLACE, PLACE)))
RING = np.zeros((8, 8))
for i, j in [(0, 1), (1, 2), (2, 0), (3, 4), (6, 0), (6, 3), (6, 7), (7, 1)]:
    RING[i, j] = RING[j, i] = 1.0
APART = RING.copy()
APART[6:, :6] = APART[:6, 6:] = 0.0


def fitted(
    formula: Any,
    size: int = 60,
    family: str = "gaussian",
    own: tuple[str, ...] = (),
    more: dict[str, Any] | None = None,
    **options: Any,
) -> Fitted:
    """Return draws from the priors in the place of a posterior: any will do."""
    priors = {name: PRIORS[name] for name in own} | (more or {})
    model = hg.model(formula, OLD, family, priors=priors, **options)
    return prior_fitted(model.model, size, 3)


def usual(*names: str) -> tuple[str, ...]:
    return ("Intercept", "b", "sd", "sigma", *names)


def of(fit: Fitted, name: str) -> np.ndarray:
    return by_name(fit.draws)[name]


def marginal(fit: Fitted, rows: pd.DataFrame = NEW, **data2: Any) -> np.ndarray:
    new = encode_rows(fit.plan.model, as_table(rows), data2)
    return condition(fit, new, 1).log_marginal


def centre(values: np.ndarray) -> np.ndarray:
    return values - values[0]


def matrix(of_level: pd.Series, columns: np.ndarray) -> np.ndarray:
    """Return rows x (levels effects), effects of a level side by side."""
    at = np.array([NAMES.index(x) for x in of_level])
    Z = np.zeros((len(at), len(NAMES), columns.shape[1]))
    Z[np.arange(len(at)), at] = columns
    return Z.reshape(len(at), -1)


def conditional(prior: np.ndarray, known: np.ndarray, effects: np.ndarray) -> Any:
    """Return mean and covariance of the rest given some effects of a normal distribution."""
    K = len(known)
    # Of an intrinsic field known effects have a singular covariance.
    weights = prior[K:, :K] @ np.linalg.pinv(prior[:K, :K], rcond=1e-10)
    return weights @ effects, prior[K:, K:] - weights @ prior[:K, K:]


def by_hand(
    fit: Fitted, priors: list[np.ndarray], Z: np.ndarray, before: list[np.ndarray] | None = None
) -> np.ndarray:
    """Return log densities of the new rows, draw by draw, from the definition of all effects.

    `priors` are the covariances of all effects, those of the fit's levels first, and `before`
    what they were for these alone, where that has changed.
    """
    values, out = fit.draws["r_g"].values[0], []
    b, sigma = fit.draws["b"].values[0], fit.draws["sigma"].values[0]
    X = np.column_stack([np.ones(len(NEW)), NEW["x"]])
    for s, prior in enumerate(priors):
        known = values[s].ravel()
        mean, C = conditional(prior, known, known)
        K = len(known)
        eta = X @ b[s] + Z[:, :K] @ known + Z[:, K:] @ mean
        V = Z[:, K:] @ C @ Z[:, K:].T + sigma[s] ** 2 * np.eye(len(NEW))
        found = stats.multivariate_normal(eta, V).logpdf(NEW["y"])
        if before is not None:
            found += density(known, prior[:K, :K]) - density(known, before[s])
        out.append(found)
    return np.array(out)


def density(known: np.ndarray, covariance: np.ndarray) -> float:
    found = stats.multivariate_normal(cov=covariance, allow_singular=True)
    return float(found.logpdf(known))


ONE = np.ones((len(NEW), 1))
TWO = np.column_stack([np.ones(len(NEW)), NEW["x"]])


def test_a_known_covariance() -> None:
    fit = fitted("y ~ x + (x || gr(g, cov=A))", data2={"A": labelled(COVARIANCE, 6)}, own=usual())
    sd = fit.draws["sd_g"].values[0]
    want = by_hand(fit, [np.kron(COVARIANCE, np.diag(d**2)) for d in sd], matrix(NEW["g"], TWO))
    # Levels that no row has do not matter.
    more = np.pad(COVARIANCE, (0, 1), constant_values=0.1)
    more[8, 8] = 1.0
    A = pd.DataFrame(more, index=[*NAMES, "other"], columns=[*NAMES, "other"])
    A = A.iloc[::-1, ::-1]
    np.testing.assert_allclose(centre(marginal(fit, A=A)), centre(want), atol=1e-8)


def test_a_proper_field_whose_known_levels_get_neighbours() -> None:
    formula = 'y ~ x + graph(x | g, edges=E, type="car")'
    fit = fitted(formula, data2={"E": labelled(RING, 6)}, own=usual("alpha"))
    sd, alpha = fit.draws["sd_g"].values[0], fit.draws["alpha_g"].values[0]

    def covariance(W: np.ndarray, s: int) -> np.ndarray:
        degree = np.where(W.sum(axis=1) == 0, 1, W.sum(axis=1))
        fields = [np.linalg.inv(np.diag(degree) - a * W) for a in alpha[s]]
        own = sum(np.kron(C, np.diag(sd[s] ** 2 * np.eye(2)[k])) for k, C in enumerate(fields))
        return np.asarray(own)

    priors = [covariance(RING, s) for s in range(60)]
    before = [covariance(RING[:6, :6], s) for s in range(60)]
    want = by_hand(fit, priors, matrix(NEW["g"], TWO), before)
    found = marginal(fit, E=labelled(RING, 8))
    np.testing.assert_allclose(centre(found), centre(want), atol=1e-7)


@pytest.mark.parametrize("kind", ["icar", "bym2"])
def test_new_levels_in_components_of_their_own(kind: str) -> None:
    formula = f'y ~ x + graph(1 | g, edges=E, type="{kind}")'
    own = usual(*(["rho"] if kind == "bym2" else []))
    fit = fitted(formula, data2={"E": labelled(RING, 6)}, own=own)
    sd = fit.draws["sd_g"].values[0][:, 0]
    # A pair: variances of its intrinsic field are 1/4 each, which BYM2 scales to 1.
    pair = np.array([[1.0, -1], [-1, 1]])
    rho = fit.draws["rho_g"].values[0][:, 0] if kind == "bym2" else np.zeros(60)
    priors = []
    for s in range(60):
        C = pair / 4 if kind == "icar" else (1 - rho[s]) * np.eye(2) + rho[s] * pair
        # What known levels are does not matter to those apart.
        whole = np.eye(8)
        whole[6:, 6:] = C
        priors.append(sd[s] ** 2 * whole)
    want = by_hand(fit, priors, matrix(NEW["g"], ONE))
    found = marginal(fit, E=labelled(APART, 8))
    np.testing.assert_allclose(centre(found), centre(want), atol=1e-8)


MET = APART.copy()
for i, j in [(6, 0), (6, 1), (7, 6), (7, 2)]:
    MET[i, j] = MET[j, i] = 1.0


def test_an_intrinsic_field_whose_known_levels_get_neighbours() -> None:
    formula = "y ~ x + graph(x | g, edges=E)"
    fit = fitted(formula, data2={"E": labelled(RING, 6)}, own=usual())
    sd = fit.draws["sd_g"].values[0]

    def covariance(W: np.ndarray, s: int) -> np.ndarray:
        # The precision of the edges, on effects of which the fit's parts each sum to 0; f is
        # an island.
        Q = np.diag(W.sum(axis=1)) - W
        Q[5, 5] = 1.0
        sums = np.zeros((2, len(W)))
        sums[0, :3] = sums[1, 3:5] = 1.0
        free = null_space(sums)
        C = free @ np.linalg.inv(free.T @ Q @ free) @ free.T
        return np.kron(C, np.diag(sd[s] ** 2))

    priors = [covariance(MET, s) for s in range(60)]
    before = [covariance(MET[:6, :6], s) for s in range(60)]
    want = by_hand(fit, priors, matrix(NEW["g"], TWO), before)
    found = marginal(fit, E=labelled(MET, 8))
    np.testing.assert_allclose(centre(found), centre(want), atol=1e-7)


def test_a_mixed_field_whose_known_levels_get_neighbours() -> None:
    formula = 'y ~ x + graph(x | g, edges=E, type="bym2")'
    fit = fitted(formula, data2={"E": labelled(RING, 6)}, own=usual("rho"))
    sd, rho = fit.draws["sd_g"].values[0], fit.draws["rho_g"].values[0]

    def covariance(W: np.ndarray, s: int) -> np.ndarray:
        # Generalised inverses of connected parts, each scaled; an island has 1 (Riebler et al.).
        Q, C = np.diag(W.sum(axis=1)) - W, np.eye(len(W))
        parts = [[0, 1, 2], [3, 4]] if len(W) == 6 else [[0, 1, 2, 3, 4, 6, 7]]
        for part in parts:
            G = np.linalg.pinv(Q[np.ix_(part, part)])
            C[np.ix_(part, part)] = G / np.exp(np.mean(np.log(np.diag(G))))
        fields = [(1 - r) * np.eye(len(W)) + r * C for r in rho[s]]
        own = sum(np.kron(F, np.diag(sd[s] ** 2 * np.eye(2)[k])) for k, F in enumerate(fields))
        return np.asarray(own)

    priors = [covariance(RING, s) for s in range(60)]
    before = [covariance(RING[:6, :6], s) for s in range(60)]
    want = by_hand(fit, priors, matrix(NEW["g"], TWO), before)
    found = marginal(fit, E=labelled(RING, 8))
    np.testing.assert_allclose(centre(found), centre(want), atol=1e-7)


def test_parts_of_an_intrinsic_field_that_a_new_level_joins() -> None:
    fit = fitted("y ~ x + graph(1 | g, edges=E)", data2={"E": labelled(RING, 6)}, own=usual())
    with pytest.raises(SettingsError, match=r"connects 'a' with 'd'.*fit again with all rows"):
        marginal(fit, E=labelled(RING, 8))
    island = MET.copy()
    island[6, :5] = island[:5, 6] = island[7, :5] = island[:5, 7] = 0.0
    island[6, 5] = island[5, 6] = 1.0
    with pytest.raises(SettingsError, match=r"connects 'f', which has no edge in the fit"):
        marginal(fit, E=labelled(island, 8))


def test_strata() -> None:
    fit = fitted("y ~ x + (x | gr(g, by=f))", own=usual())
    assert fit.plan.model.design.groups[0].relation.strata == ("fhi", "flo")
    stratum = [1, 1, 1, 0, 0, 0, 0, 1]
    sd, cor = fit.draws["sd_g"].values[0], fit.draws["cor_g"].values[0]
    priors = []
    for s in range(60):
        C = [np.outer(d, d) * [[1, r], [r, 1]]
             for d, r in zip(sd[s].reshape(2, 2), cor[s], strict=True)]  # fmt: skip
        whole = np.zeros((16, 16))
        for j, k in enumerate(stratum):
            whole[2 * j : 2 * j + 2, 2 * j : 2 * j + 2] = C[k]
        priors.append(whole)
    want = by_hand(fit, priors, matrix(NEW["g"], TWO))
    np.testing.assert_allclose(centre(marginal(fit)), centre(want), atol=1e-8)
    for rows, said in (
        (NEW.assign(f="middle"), "the new stratum 'middle'.*'fhi', 'flo'"),
        (NEW.assign(f="hi"), "level 'a' has 'flo' and 'fhi'"),
        (NEW.assign(f=["hi", "lo", "lo", "hi", "lo"]), "level 'z' has 'fhi' and 'flo'"),
    ):
        with pytest.raises(DataError, match=said):
            marginal(fit, rows)


def test_rows_of_several_levels() -> None:
    fit = fitted("y ~ x + (1 | mm(g, h, weights=cbind(v, w)))", own=usual())
    total = NEW["v"] + NEW["w"]
    Z = matrix(NEW["g"], (NEW["v"] / total).to_numpy()[:, None])
    Z = Z + matrix(NEW["h"], (NEW["w"] / total).to_numpy()[:, None])
    sd = fit.draws["sd_mm(g, h)"].values[0][:, 0]
    own = replace(fit, draws=renamed(fit.draws, "r_mm(g, h)", "r_g"))
    want = by_hand(own, [d**2 * np.eye(8) for d in sd], Z)
    np.testing.assert_allclose(centre(marginal(fit)), centre(want), atol=1e-8)
    adapted = hg.posterior.Fit(**{n: getattr(fit, n) for n in fit.__slots__}).adapt(NEW.iloc[:2])
    again = adapted.adapt(NEW.iloc[2:])
    assert again.ranef()["level"].tolist() == ["a", "b", "z", "p"]
    np.testing.assert_allclose(
        centre(again.draws.stats["log_likelihood"][0][np.argsort(again.at)]),
        centre(marginal(fit)[np.sort(again.at)]),
        atol=1e-8,
    )


def renamed(draws: Draws, old: str, new: str) -> Draws:
    return replace(draws, variables={**draws.variables, new: replace(draws[old], name=new)})


GRID = np.linspace(-7, 7, 101)
PAIRS = np.stack(np.meshgrid(GRID, GRID, indexing="ij"), axis=-1).reshape(-1, 2)
ALONE = NEW[NEW["g"] == "z"]


def assert_unbiased(found: np.ndarray, want: np.ndarray) -> None:
    """Assert that the ratio of estimated and exact densities is a constant on average."""
    ratio = np.exp(found - want)
    ratio = ratio / ratio.mean()
    error = ratio.std(ddof=1) / np.sqrt(len(ratio))
    assert error < 0.01
    # A constant for every draw: halves of the draws have the same, whatever their effects.
    half = ratio[np.argsort(want)][: len(ratio) // 2]
    assert abs(half.mean() - 1) < 5 * half.std(ddof=1) / np.sqrt(len(half) / 2)


@pytest.mark.parametrize("family", ["gaussian", "bernoulli"])
def test_student_levels(family: str) -> None:
    own = ("Intercept", "b", "sd", "df", *(["sigma"] if family == "gaussian" else []))
    left = "y" if family == "gaussian" else "hit"
    formula = f'{left} ~ x + (1 | gr(g, dist="student"))'
    size = 400 if family == "gaussian" else 1500
    fit = fitted(formula, size, family, own=own)
    b, sd, df = fit.draws["b"].values[0], of(fit, "sd[g:Intercept]"), of(fit, "df[g:Intercept]")
    grid = np.sinh(GRID)
    want = np.empty(size)
    for s in range(size):
        eta = b[s, 0] + b[s, 1] * ALONE["x"].to_numpy() + sd[s] * grid[:, None]
        if family == "gaussian":
            rows = stats.norm(eta, fit.draws["sigma"].values[0][s]).logpdf(ALONE["y"].to_numpy())
        else:
            rows = stats.bernoulli.logpmf(ALONE["hit"].to_numpy(), expit(eta))
        log_prior = stats.t(df[s]).logpdf(grid) + np.log(np.cosh(GRID))
        want[s] = logsumexp(rows.sum(axis=1) + log_prior)
    assert_unbiased(marginal(fit, ALONE), want)


def test_two_responses_tell_of_one_level() -> None:
    parts = [hg.part("y ~ x + (1 |s| g)"),
             hg.part("hit ~ 1 + (1 |s| g)", "bernoulli", weight=2.0)]  # fmt: skip
    fit = fitted(parts, 200, own=usual())
    rows = ALONE.assign(hit=[1.0, np.nan, 0.0])
    sd = np.stack([of(fit, f"sd[g:Intercept]@{r}") for r in ("y", "hit")], axis=1)
    cor = of(fit, "cor[g:Intercept@y,Intercept@hit]")
    b, c, sigma = (fit.draws[n].values[0] for n in ("b_y", "b_hit", "sigma_y"))
    want = np.empty(200)
    for s in range(200):
        u = PAIRS @ np.linalg.cholesky([[1, cor[s]], [cor[s], 1]]).T * sd[s]
        mean = b[s, 0] + b[s, 1] * rows["x"].to_numpy() + u[:, :1]
        normal = stats.norm(mean, sigma[s]).logpdf(rows["y"].to_numpy()).sum(axis=1)
        eta = c[s, 0] + u[:, 1]
        hits = -2 * (np.logaddexp(0, eta) + np.logaddexp(0, -eta))
        want[s] = logsumexp(normal + hits - 0.5 * np.sum(PAIRS**2, axis=1))
    assert_unbiased(marginal(fit, rows), want)


def test_sigma_of_a_level() -> None:
    more = {"Intercept@.sigma": hg.prior.normal(0, 0.3), "sd@.sigma": hg.prior.gamma(4, 8)}
    fit = fitted(["y ~ x + (1 |s| g)", "sigma ~ 1 + (1 |s| g)"], 500,
                 own=("Intercept", "b", "sd"), more=more)  # fmt: skip
    sd = np.stack([of(fit, "sd[g:Intercept]"), of(fit, "sd[g:Intercept]@.sigma")], axis=1)
    cor = of(fit, "cor[g:Intercept,Intercept@.sigma]")
    b, c = fit.draws["b"].values[0], fit.draws["b_sigma"].values[0]
    want = np.empty(500)
    for s in range(500):
        u = PAIRS @ np.linalg.cholesky([[1, cor[s]], [cor[s], 1]]).T * sd[s]
        mean = b[s, 0] + b[s, 1] * ALONE["x"].to_numpy() + u[:, :1]
        law = stats.norm(mean, np.exp(c[s, 0] + u[:, 1:]))
        rows = law.logpdf(ALONE["y"].to_numpy()).sum(axis=1)
        want[s] = logsumexp(rows - 0.5 * np.sum(PAIRS**2, axis=1))
    assert_unbiased(marginal(fit, ALONE), want)


def test_categories_of_a_level() -> None:
    more = {f"{r}@.mu{k}": PRIORS[r] for k in "pq" for r in ("Intercept", "b", "sd")}
    fit = fitted("kind ~ x + (1 | g)", 200, "categorical", own=(), more=more)
    b = [fit.draws[f"b_mu{k}"].values[0] for k in "pq"]
    sd = np.stack([of(fit, f"sd[g:Intercept]@.mu{k}") for k in "pq"], axis=1)
    place = ALONE["kind"].map({"o": 0, "p": 1, "q": 2}).to_numpy()
    want = np.empty(200)
    for s in range(200):
        x = ALONE["x"].to_numpy()
        etas = [np.zeros((len(PAIRS), len(x)))]
        etas += [own[s, 0] + own[s, 1] * x + sd[s, k] * PAIRS[:, k : k + 1]
                 for k, own in enumerate(b)]  # fmt: skip
        rows = np.choose(place, etas) - logsumexp(etas, axis=0)
        want[s] = logsumexp(rows.sum(axis=1) - 0.5 * np.sum(PAIRS**2, axis=1))
    assert_unbiased(marginal(fit, ALONE), want)


def test_effects_are_those_given_the_rows_of_all_responses() -> None:
    # One draw of the rest, many times: effects alone vary, and are normal.
    parts = [hg.part("y ~ x + (1 |s| g)"), hg.part("v ~ 1 + (1 |s| g)")]
    fit = fitted(parts, 1, own=usual())
    count = 4000
    variables = {v.name: replace(v, values=np.repeat(v.values, count, axis=1)) for v in fit.draws}
    many = replace(fit, draws=Draws(variables, {"lp": np.zeros((1, count))}))
    rows = ALONE.assign(v=[2.0, np.nan, 1.0])
    new = encode_rows(fit.plan.model, as_table(rows), {})
    found = condition(many, new, 1)
    assert found.effects_khat == 0
    drawn = np.stack([found.effects[f"r_g_{n}"][:, 0, 0] for n in ("y", "v")], axis=1)
    sd = [of(fit, f"sd[g:Intercept]@{n}")[0] for n in ("y", "v")]
    cor = of(fit, "cor[g:Intercept@y,Intercept@v]")[0]
    C = np.outer(sd, sd) * [[1, cor], [cor, 1]]
    b, c = (fit.draws[n].values[0, 0] for n in ("b_y", "b_v"))
    sigma = [fit.draws[n].values[0, 0] for n in ("sigma_y", "sigma_v")]
    Z = np.array([[1, 0], [1, 0], [1, 0], [0, 1], [0, 1.0]])
    noise = np.array([sigma[0]] * 3 + [sigma[1]] * 2) ** 2
    e = np.concatenate([rows["y"] - b[0] - b[1] * rows["x"], rows["v"].dropna() - c[0]])
    V = np.linalg.inv(np.linalg.inv(C) + (Z.T / noise) @ Z)
    mean = V @ (Z.T / noise) @ e
    error = np.sqrt(np.diag(V) / count)
    np.testing.assert_array_less(np.abs(drawn.mean(axis=0) - mean), 5 * error)
    apart = np.sqrt((np.outer(np.diag(V), np.diag(V)) + V**2) / count)
    np.testing.assert_array_less(np.abs(np.cov(drawn.T) - V), 5 * apart)


def test_a_level_met_in_one_response_is_predicted_in_the_other() -> None:
    parts = [hg.part("y ~ x + (1 |s| g)"), hg.part("hit ~ 1 + (1 |s| g)", "bernoulli")]
    fit = fitted(parts, 300, own=usual())
    fit = hg.posterior.Fit(**{n: getattr(fit, n) for n in fit.__slots__})
    adapted = fit.adapt(ALONE.drop(columns="hit"))
    assert str(adapted).splitlines()[1].strip() == "g: 1 new level, 0 known"
    assert adapted.coef()["response"].tolist() == ["y", "hit"]
    found = adapted.predict(pd.DataFrame({"g": ["z"]}), "linear", response="hit")
    linear = adapted.draws["b_hit"].values[0, :, 0] + adapted.draws["r_g_hit"].values[0, :, 0, 0]
    assert found["estimate"].item() == pytest.approx(linear.mean())
    with pytest.raises(DataError, match="none of the responses 'y', 'hit'"):
        fit.adapt(ALONE.drop(columns=["y", "hit"]))


def test_matrices_that_do_not_fit() -> None:
    fit = fitted("y ~ x + (1 | gr(g, cov=A))", 2, data2={"A": labelled(COVARIANCE, 6)}, own=usual())
    changed = labelled(COVARIANCE, 8)
    changed.loc["a", "b"] = changed.loc["b", "a"] = 0.5
    for data2, said in (
        ({}, r"the new level 'p'.*pass A with the new levels in it"),
        ({"A": COVARIANCE}, "must say which levels are new"),
        ({"A": labelled(COVARIANCE, 7)}, "level 'p' of g is not in data2"),
        ({"A": changed}, r"0.5 for 'a' and 'b', but 0.67032 when the model was fitted"),
    ):
        with pytest.raises(DataError, match=said):
            marginal(fit, **data2)
    both = fitted('y ~ x + (1 | gr(g, cov=A, dist="student"))', 2,
                  data2={"A": labelled(COVARIANCE, 6)}, own=usual("df"))  # fmt: skip
    with pytest.raises(SettingsError, match="both related and Student t"):
        marginal(both, A=labelled(COVARIANCE, 8))
