"""What a program's log density leaves out of the joint density of response and parameters.

Samplers need no constants, and programs leave many out. The ELBO is a lower bound of the log
marginal likelihood log p(y) only with all of them. Two densities of a program matter: with all
the constants of its ``~`` statements (which CmdStan evaluates in pathfinder and variational),
and without them (in optimize, laplace and sample).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.covariances import covariance_of, effect_times, sd_terms
from hierglm.families.parameters import BOUNDS
from hierglm.plan.forms import CommonForm, GroupForm, Plan, ResponseForm
from hierglm.priors.distributions import KINDS, Prior
from hierglm.program.common import whitening

Floats = NDArray[np.float64]

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
    for model in plan.model.responses:
        if model.design.response.weights is not None or model.part.weight != 1:
            return "rows have weights, and a weighted likelihood is no density of the response"
    given = plan.model.priors.given
    own = [
        a.slot.name
        for a in plan.model.priors
        if a.slot.name in given and a.slot.role in ("scale", "df") and a.slot.term != "sigma"
    ]
    if own:
        return f"{own[0]} is given, and what programs leave out of its density is then not known"
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
    parts = [_response(p, dropped) for p in plan.parts or (plan,) if p.model.part.first]
    parts.append(_common(plan))
    for k, choice in enumerate(plan.groups):
        grouping = plan.model.groups[k]
        factor = grouping.relation.factor
        turned = None if plan.numbers is None else plan.numbers.rotation.get(k)
        # Of related levels those of their coordinates.
        factor = factor if turned is None else turned
        count = len(grouping.levels) if factor is None else factor.shape[1]
        effects = count * len(grouping.terms)
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
    if plan.response.form in _SAMPLED and not dropped and plan.model.family.exponential is not None:
        return 0.0
    model, response = plan.model, plan.model.design.response
    weights = np.ones(len(response.values)) if response.weights is None else response.weights
    exponential = model.family.exponential
    if exponential is None:
        return _of_data(plan, dropped)
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


def _of_data(plan: Plan, dropped: bool) -> float:
    """Return what is left out of a density that is of no exponential family, or not canonical.

    Functions of the library never have what depends on the data alone; of Stan's densities the
    sampler drops it.
    """
    family, response = plan.model.family, plan.model.design.response
    ordered = 0.0
    if family.thresholds:
        # Of all orders of independent thresholds one is the ascending one.
        ordered = math.lgamma(len(response.levels or ()))
    if not (family.stan.by_row or dropped):
        return ordered
    y, trials = response.values, response.trials
    if family.link.name == "probit" and not family.thresholds:
        # The library's function is of twice the probabilities.
        ordered -= math.log(2) * float(np.sum(np.ones(len(y)) if trials is None else trials))
    return ordered + float(np.sum(_ALONE.get(family.name, _nothing)(y, trials)))


def _counts(y: Floats, trials: Floats | None) -> Floats:
    from scipy.special import gammaln

    return np.asarray(-gammaln(y + 1))


def _choices(y: Floats, trials: Floats | None) -> Floats:
    from scipy.special import betaln

    assert trials is not None
    return np.asarray(-betaln(y + 1, trials - y + 1) - np.log1p(trials))


def _nothing(y: Floats, trials: Floats | None) -> Floats:
    return np.zeros(len(y))


_ALONE: Mapping[str, Callable[[Floats, Floats | None], Floats]] = {
    "student": lambda y, trials: np.full(len(y), -0.5 * math.log(math.pi)),
    "lognormal": lambda y, trials: -np.log(y),
    "binomial": _choices,
    "beta_binomial": _choices,
    "zero_inflated_poisson": _counts,
    "hurdle_poisson": _counts,
}
"""By family, what of the log density of each row depends on the data alone, where programs have
it not."""


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
        if slot.role not in ("sd", "scale", "alpha", "rho", "df"):
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
    groups = plan.model.groups
    thresholds = [p.model for p in plan.parts or (plan,) if p.model.family.thresholds]
    for assigned in plan.model.priors:
        slot, prior = assigned.slot, assigned.prior
        own = groups[slot.number] if slot.role in ("sd", "cor") else None
        if slot.role == "cor" and prior.kind == "lkj":
            # Of one correlation the prior is no `~` statement.
            if own is not None and not slot.term:
                strata = len(own.relation.strata) or 1
                yield strata * _lkj(prior.numbers[0], len(own.terms))
        elif slot.role == "Intercept" and thresholds:
            of = next(m for m in thresholds if m.part.response == slot.response)
            yield (len(of.design.response.levels or ()) - 1) * _constant(prior)
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
