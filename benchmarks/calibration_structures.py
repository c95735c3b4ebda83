"""Models for simulation-based calibration of structures: covariances, related levels, predictors.

As in `benchmarks.calibration_shapes` nothing of the simulation is the package's: covariances of
levels are inverses and generalised inverses of their definitions, and correlation matrices are
drawn by rejection.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit, softmax

import hierglm as hg
from benchmarks.calibration_shapes import Simulated, draw_prior
from benchmarks.calibration_tables import grouped, labels, two_memberships
from benchmarks.calibration_truth import (
    ALPHA,
    COR,
    DF,
    INTERCEPT,
    LEVELS,
    RHO,
    SD,
    SIGMA,
    SLOPE,
    Structure,
    Truth,
    correlations,
)

Floats = NDArray[np.float64]
Rng = np.random.Generator


def _rows(rng: Rng) -> tuple[pd.DataFrame, NDArray[Any], Truth]:
    data = grouped(LEVELS, 8, rng)
    data = data.assign(w=rng.normal(0, 1.5, len(data)))
    return data, np.repeat(np.arange(LEVELS), 8), Truth({})


_THREE = ("Intercept", "x", "w")


def _one_sd(rng: Rng) -> Simulated:
    data, g, truth = _rows(rng)
    eta = truth.common(data["x"].to_numpy(), rng)
    u = truth.sds(rng, "g", "iso(x + w)") * rng.standard_normal((LEVELS, 3))
    truth.effects(u, "g", _THREE)
    return truth.gaussian(data, eta + _add(u[g], data), rng)


def _one_correlation(rng: Rng) -> Simulated:
    data, g, truth = _rows(rng)
    eta = truth.common(data["x"].to_numpy(), rng)
    sd = truth.sds(rng, "g", *_THREE)
    R = correlations(3, rng, lambda r: np.full((3, 3), r) + (1 - r) * np.eye(3))
    truth.put(R[0, 1], "ran_cor", "g", term="cs(x + w)")
    u = rng.standard_normal((LEVELS, 3)) @ np.linalg.cholesky(R).T * sd
    truth.effects(u, "g", _THREE)
    return truth.bernoulli(data, eta + _add(u[g], data), rng)


def _in_time(rng: Rng) -> Simulated:
    times = 5
    g = np.repeat(np.arange(LEVELS), 2 * times)
    t = np.tile(np.arange(times), 2 * LEVELS)
    data = pd.DataFrame({"x": rng.normal(0.7, 1, len(g)), "g": labels("g", g), "t": t})
    truth = Truth({})
    eta = truth.common(data["x"].to_numpy(), rng)
    apart = np.abs(np.subtract.outer(np.arange(times), np.arange(times)))
    R = correlations(times, rng, lambda r: np.asarray(r**apart))
    sd = truth.sds(rng, "g", "ar1(0 + t)")
    truth.put(R[0, 1], "ran_cor", "g", term="ar1(0 + t)")
    u = sd * (rng.standard_normal((LEVELS, times)) @ np.linalg.cholesky(R).T)
    return truth.gaussian(data, eta + u[g, t], rng)


def _by_matrix(rng: Rng) -> Simulated:
    data, g, truth = _rows(rng)
    eta = truth.common(data["x"].to_numpy(), rng)
    # Two levels without rows, one of them the first.
    place = np.array([3.0, *rng.uniform(0, 6, LEVELS), 1.0])
    A = np.exp(-np.abs(np.subtract.outer(place, place)))
    names = ["none", *labels("g", range(LEVELS)), "one"]
    sd = truth.sds(rng, "g", "Intercept", "x")
    u = (np.linalg.cholesky(A) @ rng.standard_normal((LEVELS + 2, 2)) * sd)[1:-1]
    truth.effects(u, "g", ("Intercept", "x"))
    given = pd.DataFrame(A, index=names, columns=names)
    return truth.gaussian(data, eta + _add(u[g], data), rng, A=given)


def _adjacency() -> Floats:
    """Return a ring of seven levels with a chord, a chain of four, and a level by itself."""
    W = np.zeros((LEVELS, LEVELS))
    for i, j in [*((k, (k + 1) % 7) for k in range(7)), (0, 3), (7, 8), (8, 9), (9, 10)]:
        W[i, j] = W[j, i] = 1
    return W


def field_covariance(kind: str, W: Floats, share: float = 0.0) -> Floats:
    """Return the covariance of a field with sd 1, from its definition.

    Parameters
    ----------
    kind : {"icar", "car", "bym2"}
    W : ndarray, shape (levels, levels)
        Adjacency.
    share : float
        alpha of "car", rho of "bym2".
    """
    degree = W.sum(axis=1)
    alone = degree == 0
    if kind == "car":
        return np.linalg.inv(np.diag(np.where(alone, 1, degree)) - share * W)
    C = np.linalg.pinv(np.diag(degree) - W, hermitian=True)
    C[alone, alone] = 1
    if kind == "icar":
        return C
    connected = np.linalg.matrix_power(np.eye(len(W)) + W, len(W)) > 0
    for own in connected:
        C[np.ix_(own, own)] /= np.exp(np.mean(np.log(np.diag(C)[own])))
    return (1 - share) * np.eye(len(W)) + share * C


def _on_graph(kind: str, rng: Rng) -> Simulated:
    data, g, truth = _rows(rng)
    eta = truth.common(data["x"].to_numpy(), rng)
    W, names, share = _adjacency(), labels("g", range(LEVELS)), 0.0
    for own, name, prior in (("car", "alpha", ALPHA), ("bym2", "rho", RHO)):
        if kind == own:
            share = truth.put(draw_prior(prior, rng)[0], f"ran_{name}", "g", term="Intercept")
    sd = truth.sds(rng, "g", "Intercept")
    # A generalised inverse is of less than full rank.
    values, vectors = np.linalg.eigh(field_covariance(kind, W, share))
    root = vectors * np.sqrt(np.maximum(values, 0))
    u = sd * (root @ rng.standard_normal((LEVELS, 1)))
    truth.effects(u, "g", ("Intercept",))
    answer = truth.bernoulli if kind == "car" else truth.gaussian
    return answer(data, eta + u[g, 0], rng, E=pd.DataFrame(W, index=names, columns=names))


def _in_strata(rng: Rng) -> Simulated:
    data, g, truth = _rows(rng)
    eta = truth.common(data["x"].to_numpy(), rng)
    u = np.empty((LEVELS, 2))
    for s, own in (("a", slice(0, 6)), ("b", slice(6, 12))):
        sd = truth.sds(rng, "g", f"Intercept:f{s}", f"x:f{s}")
        R = correlations(2, rng)
        truth.put(R[0, 1], "ran_cor", "g", term=f"Intercept:f{s}", term2=f"x:f{s}")
        u[own] = rng.standard_normal((6, 2)) @ np.linalg.cholesky(R).T * sd
    truth.effects(u, "g", ("Intercept", "x"))
    data = data.assign(f=np.where(g < 6, "a", "b"))
    return truth.gaussian(data, eta + _add(u[g], data), rng)


def _heavy_tails(rng: Rng) -> Simulated:
    levels = 20
    data, truth = grouped(levels, 6, rng), Truth({})
    eta = truth.common(data["x"].to_numpy(), rng)
    df = 0.0
    while df <= 1:
        df = draw_prior(DF, rng)[0]
    truth.put(df, "ran_df", "g", term="Intercept")
    u = truth.sds(rng, "g", "Intercept") * rng.standard_t(df, size=(levels, 1))
    truth.effects(u, "g", ("Intercept",))
    return truth.gaussian(data, eta + np.repeat(u[:, 0], 6), rng)


def _memberships(rng: Rng) -> Simulated:
    data, members, shares = two_memberships(LEVELS, 96, rng)
    truth = Truth({})
    eta = truth.common(data["x"].to_numpy(), rng)
    u = truth.sds(rng, "mm(g, h)", "Intercept") * rng.standard_normal((LEVELS, 1))
    truth.effects(u, "mm(g, h)", ("Intercept",))
    return truth.gaussian(data, eta + np.sum(u[members, 0] * shares, axis=0), rng)


def _joint(rng: Rng) -> Simulated:
    data, g, truth = _rows(rng)
    x = data["x"].to_numpy()
    score = truth.common(x, rng, response="score")
    passed = truth.common(x, rng, response="passed")
    sd = [*truth.sds(rng, "g", "Intercept", "x", response="score"),
          *truth.sds(rng, "g", "Intercept", response="passed")]  # fmt: skip
    R = correlations(3, rng)
    truth.put(R[0, 1], "ran_cor", "g", term="Intercept", term2="x", response="score")
    for i, term in enumerate(("Intercept@score", "x@score")):
        truth.put(R[i, 2], "ran_cor", "g", term=term, term2="Intercept@passed")
    u = rng.standard_normal((LEVELS, 3)) @ np.linalg.cholesky(R).T * sd
    truth.effects(u[:, :2], "g", ("Intercept", "x"), response="score")
    truth.effects(u[:, 2:], "g", ("Intercept",), response="passed")
    sigma = truth.put(
        draw_prior(SIGMA, rng, positive=True)[0], "family", term="sigma", response="score"
    )
    law = stats.norm(score + u[g, 0] + u[g, 1] * x, sigma)
    y = law.rvs(random_state=rng)
    chance = expit(passed + u[g, 2])
    hit = (rng.uniform(size=len(g)) < chance).astype(float)
    log_lik = law.logpdf(y) + stats.bernoulli.logpmf(hit, chance)
    return truth.done(data.assign(score=y, passed=hit), log_lik)


def _location_scale(rng: Rng) -> Simulated:
    data, g, truth = _rows(rng)
    x = data["x"].to_numpy()
    mean, log_sigma = truth.common(x, rng), truth.common(x, rng, dpar="sigma")
    sd = [*truth.sds(rng, "g", "Intercept"), *truth.sds(rng, "g", "Intercept", dpar="sigma")]
    R = correlations(2, rng)
    truth.put(R[0, 1], "ran_cor", "g", term="Intercept", term2="Intercept@.sigma")
    u = rng.standard_normal((LEVELS, 2)) @ np.linalg.cholesky(R).T * sd
    truth.effects(u[:, :1], "g", ("Intercept",))
    truth.effects(u[:, 1:], "g", ("Intercept",), dpar="sigma")
    law = stats.norm(mean + u[g, 0], np.exp(log_sigma + u[g, 1]))
    y = law.rvs(random_state=rng)
    return truth.done(data.assign(y=y), law.logpdf(y))


def _ordered(rng: Rng) -> Simulated:
    data, g, truth = _rows(rng)
    x = data["x"].to_numpy()
    slope = truth.put(draw_prior(SLOPE, rng)[0], "fixed", term="x")
    thresholds = np.sort(draw_prior(INTERCEPT, rng, 3))
    for k, value in enumerate(thresholds, start=1):
        # Thresholds at the mean of x have the prior, those at 0 are reported.
        truth.put(value + slope * x.mean(), "fixed", term=f"Intercept[{k}]")
    u = truth.sds(rng, "g", "Intercept") * rng.standard_normal((LEVELS, 1))
    truth.effects(u, "g", ("Intercept",))
    eta = slope * (x - x.mean()) + u[g, 0]
    below = np.column_stack([expit(thresholds - eta[:, None]), np.ones(len(x))])
    y = np.sum(rng.uniform(size=(len(x), 1)) > below, axis=1)
    chances = np.diff(below, axis=1, prepend=0)
    log_lik = np.log(chances[np.arange(len(x)), y])
    # Every category occurs, so that there are as many thresholds as were drawn.
    if len(set(y)) < 4:
        return _ordered(rng)
    return truth.done(data.assign(y=y + 1), log_lik)


def _categories(rng: Rng) -> Simulated:
    data, g, truth = _rows(rng)
    x = data["x"].to_numpy()
    etas = [np.zeros(len(x))]
    for name in ("b", "c"):
        eta = truth.common(x, rng, dpar=f"mu{name}")
        sd = truth.sds(rng, "g", "Intercept", dpar=f"mu{name}")
        u = sd * rng.standard_normal((LEVELS, 1))
        truth.effects(u, "g", ("Intercept",), dpar=f"mu{name}")
        etas.append(eta + u[g, 0])
    chances = softmax(np.column_stack(etas), axis=1)
    y = np.sum(rng.uniform(size=(len(x), 1)) > np.cumsum(chances, axis=1), axis=1)
    if len(set(y)) < 3:
        return _categories(rng)
    log_lik = np.log(chances[np.arange(len(x)), y])
    return truth.done(data.assign(y=np.array(list("abc"))[y]), log_lik)


def _add(u: Floats, data: pd.DataFrame) -> Floats:
    """Return what effects of an intercept, of x and perhaps of w add to each row."""
    columns = [np.ones(len(data)), data["x"], data["w"]][: u.shape[1]]
    return np.asarray(np.sum(u * np.column_stack(columns), axis=1))


_BASE = {"Intercept": INTERCEPT, "b": SLOPE, "sd": SD}
_NORMAL = {**_BASE, "sigma": SIGMA}
_SCALE = {"Intercept@.sigma": INTERCEPT, "b@.sigma": SLOPE, "sd@.sigma": SD}
_KINDS = {
    f"{role}@.mu{name}": prior
    for name in ("b", "c")
    for role, prior in (("Intercept", INTERCEPT), ("b", SLOPE), ("sd", SD))
}
_PARTS = [hg.part("score ~ x + (x |s| g)"), hg.part("passed ~ x + (1 |s| g)", "bernoulli")]
_TWO = ["y ~ x + (1 |s| g)", "sigma ~ x + (1 |s| g)"]
_MEMBERS = "y ~ x + (1 | mm(g, h, weights = cbind(v, w)))"

STRUCTURES: Mapping[str, Structure] = {
    s.name: s
    for s in (
        Structure("iso", "y ~ x + iso(x + w | g)", "gaussian", _NORMAL, _one_sd),
        Structure("cs", "y ~ x + cs(x + w | g)", "bernoulli", _BASE | {"cor": COR},
                  _one_correlation),
        Structure("ar1", "y ~ x + ar1(0 + t | g)", "gaussian", _NORMAL | {"cor": COR}, _in_time),
        Structure("known_covariance", "y ~ x + (x || gr(g, cov=A))", "gaussian", _NORMAL,
                  _by_matrix),
        Structure("icar", 'y ~ x + graph(1 | g, edges=E, type="icar")', "gaussian", _NORMAL,
                  partial(_on_graph, "icar")),
        Structure("car", 'y ~ x + graph(1 | g, edges=E, type="car")', "bernoulli",
                  _BASE | {"alpha": ALPHA}, partial(_on_graph, "car")),
        Structure("bym2", 'y ~ x + graph(1 | g, edges=E, type="bym2")', "gaussian",
                  _NORMAL | {"rho": RHO}, partial(_on_graph, "bym2")),
        Structure("strata", "y ~ x + (x | gr(g, by=f))", "gaussian", _NORMAL | {"cor": COR},
                  _in_strata),
        Structure("student_levels", 'y ~ x + (1 | gr(g, dist="student"))', "gaussian",
                  _NORMAL | {"df": DF}, _heavy_tails),
        Structure("memberships", _MEMBERS, "gaussian", _NORMAL, _memberships),
        Structure("joint", _PARTS, "gaussian", _NORMAL | {"cor": COR}, _joint),
        Structure("location_scale", _TWO, "gaussian", _BASE | _SCALE | {"cor": COR},
                  _location_scale),
        Structure("cumulative", "y ~ x + (1 | g)", "cumulative", _BASE, _ordered),
        Structure("categorical", "y ~ x + (1 | g)", "categorical", _KINDS, _categories),
    )
}  # fmt: skip
"""By name, as on the command line."""
