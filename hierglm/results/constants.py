"""What a program's log density leaves out of the joint density of response and parameters.

Samplers need no constants, and programs leave many out. The ELBO is a lower bound of the log
marginal likelihood log p(y) only with all of them. Two densities of a program matter: with all
the constants of its ``~`` statements (which CmdStan evaluates in pathfinder and variational),
and without them (in optimize, laplace and sample).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from hierglm.covariances import covariance_of, effect_times, sd_terms
from hierglm.families.parameters import BOUNDS
from hierglm.plan.forms import CommonForm, GroupForm, Plan, ResponseForm
from hierglm.priors.distributions import KINDS, Prior
from hierglm.program.common import whitening

_NORMAL = -0.5 * math.log(2 * math.pi)
_SAMPLED = (ResponseForm.GLM, ResponseForm.VECTOR, ResponseForm.WEIGHTED)
"""Forms whose likelihood is a density of Stan's, with the constants that Stan may drop."""


def unbounded(plan: Plan) -> str:
    """Return why the ELBO of a plan bounds no marginal likelihood of the response, or "".

    Parameters
    ----------
    plan : Plan
    """
    # A correlation lies between bounds: flat it is uniform.
    flat = [
        a.slot.name for a in plan.model.priors if a.prior.kind == "flat" and a.slot.role != "cor"
    ]
    if flat:
        return f"the prior of {flat[0]} is flat, and with it there is no marginal likelihood"
    if any(covariance_of(g).low_rank for g in plan.model.groups):
        return "how much of the loadings' prior belongs to each rotation is not written out"
    if not all(g.relation.plain for g in plan.model.groups):
        return "what programs of related levels leave out is not known"
    if plan.parts:
        return "what programs of several linear predictors leave out is not known"
    if plan.model.design.response.weights is not None:
        return "rows have weights, and a weighted likelihood is no density of the response"
    if plan.model.family.exponential is None:
        return f"what programs leave out of {plan.model.family!r} is not known"
    return ""


def left_out(plan: Plan, dropped: bool) -> float:
    """Return what is to be added to a program's log density (on the unconstrained scale).

    Parameters
    ----------
    plan : Plan
        With its numbers.
    dropped : bool
        Whether the constants of ``~`` statements are left out too.
    """
    parts = [_response(plan, dropped), _common(plan)]
    for k, choice in enumerate(plan.groups):
        size = plan.model.design.groups[k].effects.matrix.shape[1]
        effects = len(plan.model.design.groups[k].levels) * size
        if choice.form is GroupForm.CONDITIONAL or (
            choice.form is GroupForm.STANDARDISED and dropped
        ):
            parts.append(effects * _NORMAL)
    parts += [_cut(*bounded) for bounded in _bounded(plan)]
    parts += _one_correlation(plan)
    if dropped:
        parts += _priors(plan)
    return float(sum(parts))


def _response(plan: Plan, dropped: bool) -> float:
    """Return the likelihood's constant: what of its log density depends on no parameter."""
    if plan.response.form in _SAMPLED and not dropped:
        return 0.0
    model, response = plan.model, plan.model.design.response
    weights = np.ones(len(response.values)) if response.weights is None else response.weights
    exponential = model.family.exponential
    assert exponential is not None
    if exponential.dispersion:
        total = _NORMAL * weights.sum()
        own = plan.response.form in (*_SAMPLED, ResponseForm.CROSSPRODUCTS)
        # Sums over equal rows have the known errors' logarithms.
        if response.se is not None and not response.se_and_sigma and own:
            total -= weights @ np.log(response.se)
        elif "sigma" in model.priors.given and plan.response.form in _SAMPLED:
            # Stan drops the logarithm of a sigma that is a datum.
            (sigma,) = model.priors.scale("sigma").numbers
            se = 0.0 if response.se is None else response.se
            total -= weights @ np.log(np.hypot(sigma, se) + np.zeros(len(weights)))
        return float(total)
    zero = np.zeros(len(response.values))
    trials = np.ones_like(zero) if response.trials is None else response.trials
    density = model.family.log_density(response.values, zero, {}, response.trials)
    return float(weights @ (density + trials * exponential.cumulant(zero)))


def _common(plan: Plan) -> float:
    """Return the Jacobian of coefficients made independent, which is constant."""
    if plan.common.form is not CommonForm.WHITENED:
        return 0.0
    assert plan.numbers is not None
    assert plan.numbers.fit is not None
    return float(np.log(np.diag(whitening(plan)[np.isnan(plan.model.given)])).sum())


def _bounded(plan: Plan) -> Iterator[tuple[Prior, float, float]]:
    """Yield the priors that reach beyond their parameter's bounds, where they are cut."""
    for assigned in plan.model.priors:
        slot, prior = assigned.slot, assigned.prior
        if slot.role not in ("sd", "scale"):
            continue
        low, high = BOUNDS[slot.support]
        reach = KINDS[prior.kind].support
        if (reach == "real" and math.isfinite(low)) or (reach == "positive" and low > 0):
            yield prior, low, high


def _one_correlation(plan: Plan) -> Iterator[float]:
    """Yield what makes the prior of a correlation of all effects integrate to 1 over its range."""
    from scipy.integrate import quad

    for slot, prior in ((a.slot, a.prior) for a in plan.model.priors if a.slot.role == "cor"):
        grouping = plan.model.groups[slot.number]
        one, times = covariance_of(grouping).one, effect_times(grouping)
        if one is None or prior.given:
            continue
        if prior.kind not in ("lkj", "flat"):
            yield _cut(prior, slot.low, 1.0)
            continue
        power = prior.numbers[0] - 1 if prior.kind == "lkj" else 0.0
        matrix = one.matrix

        def density(
            rho: float, matrix: Any = matrix, times: Any = times, power: float = power
        ) -> float:
            return float(np.linalg.det(matrix(np.array([rho]), times)[0]) ** power)

        yield -math.log(quad(density, slot.low, 1.0)[0])


def _cut(prior: Prior, low: float, high: float) -> float:
    """Return -log P(low < x < high)."""
    from scipy import stats

    match prior.kind, prior.numbers:
        case "normal", (location, scale):
            law = stats.norm(location, scale)
        case "student_t", (df, location, scale):
            law = stats.t(df, location, scale)
        case "cauchy", (location, scale):
            law = stats.cauchy(location, scale)
        case "exponential", (rate,):
            law = stats.expon(scale=1 / rate)
        case "gamma", (shape, rate):
            law = stats.gamma(shape, scale=1 / rate)
        case "inv_gamma", (shape, scale):
            law = stats.invgamma(shape, scale=scale)
        case _:
            raise ValueError(f"{prior!r} is not cut at {low:g}")
    if math.isinf(high):
        return float(-law.logsf(low))
    return float(-math.log(law.cdf(high) - law.cdf(low)))


def _priors(plan: Plan) -> Iterator[float]:
    """Yield the constants of the priors' ``~`` statements."""
    groups = plan.model.design.groups
    for assigned in plan.model.priors:
        slot, prior = assigned.slot, assigned.prior
        own = groups[slot.number] if slot.role in ("sd", "cor") else None
        if slot.role == "cor" and prior.kind == "lkj":
            # Of one correlation the prior is no `~` statement.
            yield 0.0 if slot.term or own is None else _lkj(prior.numbers[0], len(own.terms))
        elif prior.kind != "decov":
            yield _constant(prior)
        # decov is one prior for all sds of a term: counted with the first.
        elif own is not None and slot.term == sd_terms(own)[0]:
            q, (_, concentration, shape, scale) = len(sd_terms(own)), prior.numbers
            yield _constant(Prior("gamma", (shape, 1 / scale)))
            yield math.lgamma(q * concentration) - q * math.lgamma(concentration)


def _constant(prior: Prior) -> float:
    """Return what of a log density depends on its numbers alone."""
    match prior.kind, prior.numbers:
        case "normal", (_, scale):
            return _NORMAL - math.log(scale)
        case "student_t", (df, _, scale):
            beta = math.lgamma((df + 1) / 2) - math.lgamma(df / 2)
            return beta - 0.5 * math.log(math.pi * df) - math.log(scale)
        case "cauchy", (_, scale):
            return -math.log(math.pi * scale)
        case "exponential", (rate,):
            return math.log(rate)
        case (("gamma" | "inv_gamma"), (shape, other)):
            return shape * math.log(other) - math.lgamma(shape)
        case "beta", (alpha, beta):
            return math.lgamma(alpha + beta) - math.lgamma(alpha) - math.lgamma(beta)
    return 0.0


def _lkj(eta: float, size: int) -> float:
    """Return the constant of the density of a correlation matrix's Cholesky factor.

    Lewandowski, Kurowicka and Joe (2009), equation 16, as a product over the partial
    correlations.
    """
    return sum(
        math.lgamma(eta + 0.5 * (size - 1))
        - 0.5 * k * math.log(math.pi)
        - math.lgamma(eta + 0.5 * (size - 1 - k))
        for k in range(1, size)
    )
