"""A penalised fit: the mode of variances with effects integrated out, by Newton and EM steps.

What sampling starts from, and what effects are centred on; also an answer of its own
(`hierglm.results.approximation`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.models import Model
from hierglm.plan.elimination import Solution, System, covariances, solve
from hierglm.plan.likelihoods import Likelihood, Own
from hierglm.plan.order import Order
from hierglm.plan.penalties import common_penalty
from hierglm.plan.steps import At, advance, held, scale, times, used
from hierglm.plan.variances import moving, vary
from hierglm.plan.varied import first_covariance
from hierglm.priors.slopes import pull

Floats = NDArray[np.float64]

_STEPS = 100
_CLOSE = 1e-4


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
    covariances : tuple of ndarray, shape (q, q) or (strata, q, q)
        Of the effects of each term, in each stratum of its levels where there are several; of
        Student t effects, those of levels of weight 1.
    weights : tuple of ndarray, shape (J,), or None
        Of the levels of each term with Student t effects.
    priors : tuple of ndarray, shape (q, q) or (J, q, q)
        Prior precision of each level's effects.
    sds, spreads : tuple of ndarray, shape (q,) or (1,)
        The effects' sds, one where they are all the same, and the posterior sds of their
        logarithms (of an sd that is given: as if it were estimated).
    rhos, rho_spreads : tuple of float
        The one correlation of structures that have one, else 0, and the posterior sd of its
        logit within its range.
    shares, share_spreads : tuple of ndarray, shape (q,), or None
        alpha or rho of fields that have one, and the posterior sds of their logits.
    own : mapping of str to Own
        The family's parameters, of a family whose sigma is none of a normal distribution.
    effects : tuple of ndarray, shape (J, q)
        Of each term.
    uncertain : tuple of ndarray, shape (J, q, q)
        Posterior covariance of each level's effects.
    steps : int
        How many it took.
    converged : bool
        Whether the last one was small.
    order : Order
        In which its equations were solved.
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
    weights: tuple[Floats | None, ...]
    priors: tuple[Floats, ...]
    sds: tuple[Floats, ...]
    spreads: tuple[Floats, ...]
    rhos: tuple[float, ...]
    rho_spreads: tuple[float, ...]
    shares: tuple[Floats | None, ...]
    share_spreads: tuple[Floats | None, ...]
    own: Mapping[str, Own]
    effects: tuple[Floats, ...]
    uncertain: tuple[Floats, ...]
    steps: int
    converged: bool
    order: Order
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


def _iterate(
    model: Model, likelihood: Likelihood, order: Order, close: float, steps: int
) -> Penalised:
    at = _first(model, likelihood)
    free_sigma = _sigma(model, likelihood) and not model.priors.scale("sigma").given
    free = np.isnan(model.given)
    pace = [1.0] * len(at.variances)
    before = [np.zeros(moving(g)) for g in model.design.groups]
    done, step = False, 0
    while not done and step < steps:
        step += 1
        local = held(likelihood.near(at.b, at.u, at.sigma), free)
        precisions = [
            v.precision(g.relation) for v, g in zip(at.variances, model.design.groups, strict=True)
        ]
        centre, weight = common_penalty(model, at.b)
        weights = np.where(free, weight, 1.0)
        solved = solve(
            local.system,
            order,
            precisions,
            np.diag(weights),
            [s - times(u, p) for s, u, p in zip(local.effects, at.u, precisions, strict=True)],
            local.common - weight * (at.b - centre),
        )
        b, u = advance(likelihood, at, local, solved, precisions, (centre, weight))
        sds = np.sqrt(np.diag(solved.covariance))
        moved = float(np.max(np.abs(b - at.b) / sds, initial=0.0))
        uncertain = covariances(local.system, order, solved)
        variances = []
        for k, variance in enumerate(at.variances):
            new, change = vary(model, k, variance, u[k], uncertain[k], at.sigma, pace[k])
            # Extrapolated steps go to and fro without being too long.
            grown = not new.trail or np.max(np.abs(change)) > np.max(np.abs(before[k]))
            if change @ before[k] < 0 and grown:
                pace[k] *= 0.5
            before[k] = change
            moved = max(moved, float(np.max(np.abs(change))))
            if any(p.given for p in model.priors.of("sd", k)):
                # Correlations may still move where sds cannot.
                sd = np.sqrt(np.diagonal(new.covariance, axis1=-2, axis2=-1))
                turned = new.covariance - variance.covariance
                turned = turned / (sd[..., :, None] * sd[..., None, :])
                moved = max(moved, float(np.max(np.abs(turned))))
            variances.append(new)
        sigma, sigma_spread = at.sigma, 0.0
        decided = used(precisions, uncertain, weights, solved.covariance)
        likelihood, settled = likelihood.settled(b, u, decided)
        moved = max(moved, settled)
        if free_sigma:
            sigma, sigma_spread = scale(model, likelihood, b, u, at.sigma, decided)
            moved = max(moved, abs(float(np.log(sigma / at.sigma))))
        if not np.isfinite(moved):
            raise np.linalg.LinAlgError
        done = moved < close
        here, at = at, At(b, tuple(u), sigma, tuple(variances))
    return Penalised(
        common=b, precision=solved.precision, sigma=here.sigma, sigma_spread=sigma_spread,
        covariances=tuple(v.covariance for v in here.variances),
        weights=tuple(v.weights for v in here.variances), priors=tuple(precisions),
        sds=tuple(v.sds for v in here.variances), spreads=tuple(v.spread for v in at.variances),
        rhos=tuple(v.rho for v in here.variances),
        rho_spreads=tuple(v.rho_spread for v in at.variances),
        shares=tuple(v.shares for v in here.variances),
        share_spreads=tuple(v.share_spreads for v in at.variances), own=likelihood.own,
        effects=tuple(u), uncertain=uncertain, steps=step, converged=done,
        order=order, system=local.system, solved=solved,
    )  # fmt: skip


def _first(model: Model, likelihood: Likelihood) -> At:
    b, sigma = likelihood.first()
    given = ~np.isnan(model.given)
    b[given] = model.given[given]
    sigma = sigma if _sigma(model, likelihood) else 1.0
    if _sigma(model, likelihood) and model.priors.scale("sigma").given:
        (sigma,) = model.priors.scale("sigma").numbers
    if sigma <= 0:
        sigma = 1.0
    if len(b) and model.design.intercept and not given[0] and not b.any():
        prior = pull(model.priors.of("Intercept"), b[:1])
        b[0] = prior[0][0]
    spread = likelihood.own["sigma"].value if "sigma" in likelihood.own else sigma
    variances = (first_covariance(model, k, spread) for k in range(len(model.design.groups)))
    effects = tuple(np.zeros(s) for s in likelihood.sizes)
    return At(b, effects, sigma, tuple(variances))


def _sigma(model: Model, likelihood: Likelihood) -> bool:
    """Tell whether there is a residual sd of a normal distribution."""
    return "sigma" in model.scales and "sigma" not in likelihood.own
