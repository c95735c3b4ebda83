"""A penalised fit: the mode of variances with effects integrated out, by Newton and EM steps.

What sampling starts from, and what effects are centred on; also an answer of its own
(`hierglm.results.approximation`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.model import Model
from hierglm.plan.blocks import inverse
from hierglm.plan.elimination import Solution, System, covariances, solve
from hierglm.plan.likelihoods import Likelihood, Local
from hierglm.plan.order import Order
from hierglm.plan.penalties import common_penalty, sd_penalty
from hierglm.priors.distributions import Prior
from hierglm.priors.slopes import pull, slope

Floats = NDArray[np.float64]

_STEPS = 100
_CLOSE = 1e-4
_LONGEST = 1.0
"""Longest step of a log sd."""


@dataclass(frozen=True, slots=True)
class Penalised:
    """Estimates, and roughly how far the posterior reaches around them.

    Attributes
    ----------
    common : ndarray, shape (p,)
        Common coefficients, of the columns as `common_matrix` has them.
    precision : ndarray, shape (p, p)
        Their posterior precision, effects integrated out.
    sigma, sigma_spread : float
        Residual sd (1 where there is none), and the sd of its logarithm.
    covariances : tuple of ndarray, shape (q, q)
        Of the effects of each term.
    spreads : tuple of ndarray, shape (q,)
        Posterior sds of the logarithms of the effects' sds (of those given, what they would be).
    effects : tuple of ndarray, shape (J, q)
        Of each term.
    uncertain : tuple of ndarray, shape (J, q, q)
        Posterior covariance of each level's effects.
    steps : int
        How many it took.
    converged : bool
        Whether the last one was small.
    system : System
        Curvature of the likelihood there.
    solved : Solution
        The equations solved there.
    """

    common: Floats
    precision: Floats
    sigma: float
    sigma_spread: float
    covariances: tuple[Floats, ...]
    spreads: tuple[Floats, ...]
    effects: tuple[Floats, ...]
    uncertain: tuple[Floats, ...]
    steps: int
    converged: bool
    system: System
    solved: Solution


def penalise(
    model: Model,
    likelihood: Likelihood,
    order: Order,
    *,
    close: float = _CLOSE,
    steps: int = _STEPS,
) -> Penalised | None:
    """Return the penalised fit of a model, or None where its numbers break down.

    Common coefficients and effects take a Newton step, given the variances (penalised
    iteratively reweighted least squares); log sds take an EM step (Laird and Ware 1982)
    lengthened by what the data say about them, levels over information; priors pull along.
    For a Gaussian response with flat priors, but for the Jacobian of the logarithm, it ends
    at restricted maximum likelihood; for others at penalised quasi-likelihood (Breslow and
    Clayton 1993).

    Parameters
    ----------
    model : Model
    likelihood : Likelihood
    order : Order
        In which its terms are eliminated.
    close : float
        Largest step of a log sd, and of a coefficient in posterior sds, at the end.
    steps : int
        At most so many.
    """
    try:
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            found = _iterate(model, likelihood, order, close, steps)
    except np.linalg.LinAlgError:
        return None
    numbers: list[Any] = [
        found.common,
        found.sigma,
        *found.covariances,
        *found.effects,
        *found.spreads,
    ]
    return found if all(np.isfinite(x).all() for x in numbers) else None


@dataclass(frozen=True, slots=True)
class _At:
    b: Floats
    u: tuple[Floats, ...]
    sigma: float
    variances: tuple[Floats, ...]


def _iterate(
    model: Model, likelihood: Likelihood, order: Order, close: float, steps: int
) -> Penalised:
    at = _first(model, likelihood)
    free_sigma = "sigma" in model.scales and not model.priors.scale("sigma").given
    free = np.isnan(model.given)
    pace = [1.0] * len(at.variances)
    before = [np.zeros(len(v)) for v in at.variances]
    done, step = False, 0
    while not done and step < steps:
        step += 1
        local = _held(likelihood.near(at.b, at.u, at.sigma), free)
        precisions = [inverse(v) for v in at.variances]
        centre, weight = common_penalty(model, at.b)
        held = np.where(free, weight, 1.0)
        solved = solve(
            local.system,
            order,
            precisions,
            np.diag(held),
            [s - u @ p for s, u, p in zip(local.effects, at.u, precisions, strict=True)],
            local.common - weight * (at.b - centre),
        )
        b, u = _advance(likelihood, at, local, solved, precisions, (centre, weight))
        sds = np.sqrt(np.diag(inverse(solved.precision))) if len(b) else np.ones(0)
        moved = float(np.max(np.abs(b - at.b) / sds, initial=0.0))
        uncertain = covariances(local.system, order, solved)
        variances, spreads = [], []
        for k, variance in enumerate(at.variances):
            new, change, spread = _vary(model, k, variance, u[k], uncertain[k], at.sigma, pace[k])
            if change @ before[k] < 0:
                pace[k] *= 0.5
            before[k] = change
            moved = max(moved, float(np.max(np.abs(change))))
            if any(p.given for p in model.priors.of("sd", k)):
                # Correlations may still move where sds cannot.
                turned = (new - variance) / np.sqrt(np.outer(np.diag(new), np.diag(new)))
                moved = max(moved, float(np.max(np.abs(turned))))
            variances.append(new)
            spreads.append(spread)
        sigma, sigma_spread = at.sigma, 0.0
        if free_sigma:
            used = _used(precisions, uncertain, held, solved.precision)
            sigma, sigma_spread = _scale(model, likelihood, b, u, at.sigma, used)
            moved = max(moved, abs(float(np.log(sigma / at.sigma))))
        if not np.isfinite(moved):
            raise np.linalg.LinAlgError
        done = moved < close
        here, at = at, _At(b, tuple(u), sigma, tuple(variances))
    return Penalised(
        common=b, precision=solved.precision, sigma=here.sigma, sigma_spread=sigma_spread,
        covariances=here.variances, spreads=tuple(spreads), effects=tuple(u), uncertain=uncertain,
        steps=step, converged=done, system=local.system, solved=solved,
    )  # fmt: skip


def _first(model: Model, likelihood: Likelihood) -> _At:
    b, sigma = likelihood.first()
    given = ~np.isnan(model.given)
    b[given] = model.given[given]
    sigma = sigma if "sigma" in model.scales else 1.0
    if "sigma" in model.scales and model.priors.scale("sigma").given:
        (sigma,) = model.priors.scale("sigma").numbers
    if sigma <= 0:
        sigma = 1.0
    if len(b) and model.design.intercept and not given[0] and not b.any():
        prior = pull(model.priors.of("Intercept"), b[:1])
        b[0] = prior[0][0]
    variances = []
    for k, grouping in enumerate(model.design.groups):
        size = np.sqrt(np.mean(grouping.effects.matrix**2, axis=0))
        size = np.where(size > 0, size, 1.0)
        first = 0.5 * sigma / size
        variances.append(np.diag(_known(model.priors.of("sd", k), first) ** 2))
    effects = tuple(np.zeros(s) for s in likelihood.sizes)
    return _At(b, effects, sigma, tuple(variances))


def _held(local: Local, free: NDArray[np.bool_]) -> Local:
    """Return a likelihood along which the coefficients that are given do not move."""
    if free.all():
        return local
    system = local.system
    return replace(
        local,
        common=local.common * free,
        system=replace(
            system, XX=system.XX * np.outer(free, free), ZX=tuple(x * free for x in system.ZX)
        ),
    )


def _known(priors: Sequence[Prior], values: Floats) -> Floats:
    """Return values, those that are given as they are given."""
    return np.array([p.numbers[0] if p.given else x for p, x in zip(priors, values, strict=True)])


def _advance(
    likelihood: Likelihood,
    at: _At,
    local: Local,
    solved: Solution,
    precisions: Sequence[Floats],
    prior: tuple[Floats, Floats],
) -> tuple[Floats, list[Floats]]:
    """Return the point after a Newton step, halved until it does not go down."""
    centre, weight = prior

    def penalised(value: float, b: Floats, u: Sequence[Floats]) -> float:
        out = value - 0.5 * float(np.sum(weight * (b - centre) ** 2))
        for x, p in zip(u, precisions, strict=True):
            out -= 0.5 * float(np.einsum("jk,kl,jl->", x, p, x))
        return out

    start = penalised(local.value, at.b, at.u)
    share = 1.0
    for _ in range(20):
        b = at.b + share * solved.common
        u = [x + share * d for x, d in zip(at.u, solved.effects, strict=True)]
        value = penalised(likelihood.value(b, u, at.sigma), b, u)
        if value >= start - 1e-8 * abs(start):
            break
        share /= 2
    return b, u


def _vary(
    model: Model,
    k: int,
    variance: Floats,
    u: Floats,
    uncertain: Floats,
    sigma: float,
    pace: float,
) -> tuple[Floats, Floats, Floats]:
    """Return the next covariance of a term's effects, the step of its log sds, their spread."""
    levels, q = u.shape
    sds = np.sqrt(np.diag(variance))
    reliable = 1 - np.diagonal(uncertain, axis1=1, axis2=2) / np.diag(variance)
    told = np.sum(np.clip(reliable, 0, 1) ** 2, axis=0)
    information = told + _VAGUE
    second = np.einsum("jk,jl->kl", u, u) + uncertain.sum(axis=0)
    correlated = q > 1 and model.design.groups[k].correlated
    # Few levels leave likelihood at correlations of 1, where no posterior is: the diagonal
    # counts as q levels more.
    second = second * (levels / (levels + q)) + np.diag(np.diag(second)) * q / (levels + q)
    if not correlated:
        second = np.diag(np.diag(second))
    priors = model.priors.of("sd", k)
    second = _regressed(second / levels, priors)
    C = np.linalg.cholesky(variance)
    half = np.linalg.solve(C, second)
    excess = np.linalg.solve(C, half.T) - np.eye(q)
    lengthen = np.sqrt(levels / information)
    values, vectors = np.linalg.eigh(pace * lengthen[:, None] * excess * lengthen)
    values = np.clip(values, -2 * _LONGEST, 2 * _LONGEST)
    root = C @ (vectors * np.exp(values / 2))
    new = root @ root.T
    pulled = sd_penalty(model, k, sds, sigma)
    prior_step = np.clip(pace * pulled / (2 * information), -_LONGEST, _LONGEST)
    new = new * np.exp(prior_step[:, None] + prior_step)
    new = _with_sds(new, priors)
    return new, np.log(np.sqrt(np.diag(new)) / sds), np.sqrt(0.5 / information)


def _regressed(second: Floats, priors: Sequence[Prior]) -> Floats:
    """Return the covariance that maximises an EM step where some sds are given.

    Effects with sds to be estimated are regressed on the others: coefficients and residual
    covariance are those of the second moments, and the others have the sds given.
    """
    given = np.array([p.given for p in priors])
    if not given.any():
        return second
    held = _with_sds(second[np.ix_(given, given)], [p for p in priors if p.given])
    out = second.copy()
    slopes = np.linalg.solve(second[np.ix_(given, given)], second[np.ix_(given, ~given)]).T
    moved = held - second[np.ix_(given, given)]
    out[np.ix_(given, given)] = held
    out[np.ix_(~given, given)] = slopes @ held
    out[np.ix_(given, ~given)] = held @ slopes.T
    out[np.ix_(~given, ~given)] += slopes @ moved @ slopes.T
    return out


def _with_sds(covariance: Floats, priors: Sequence[Prior]) -> Floats:
    """Return a covariance with the same correlations, and the sds that are given."""
    if not any(p.given for p in priors):
        return covariance
    sds = np.sqrt(np.diag(covariance))
    scale = _known(priors, sds) / sds
    return covariance * np.outer(scale, scale)


_VAGUE = 0.5
"""What a prior counts as, in levels that would tell a sd exactly."""


def _used(
    precisions: Sequence[Floats], uncertain: Sequence[Floats], weight: Floats, H: Floats
) -> float:
    """Return the degrees of freedom of coefficients and effects: how many the data decide."""
    used = len(weight) - float(np.sum(weight * np.diag(inverse(H)))) if len(H) else 0.0
    for p, v in zip(precisions, uncertain, strict=True):
        used += v.shape[0] * v.shape[1] - float(np.einsum("jkl,lk->", v, p))
    return used


def _scale(
    model: Model,
    likelihood: Likelihood,
    b: Floats,
    u: Sequence[Floats],
    sigma: float,
    used: float,
) -> tuple[float, float]:
    """Return the next sigma, and the spread of its logarithm."""
    pulled, information = likelihood.along_sigma(b, u, sigma, used)
    information = max(information, 0.0) + 2 * _VAGUE
    pulled += 1 + slope(model.priors.scale("sigma"), sigma) * sigma
    step = float(np.clip(pulled / information, -_LONGEST, _LONGEST))
    return sigma * float(np.exp(step)), float(np.sqrt(1 / information))
