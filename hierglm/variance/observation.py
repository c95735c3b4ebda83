"""The variance of single observations on the scale of the linear predictor, by family and link.

Nakagawa, Johnson and Schielzeth (2017) call it distribution-specific. It is

- exact where the response itself can be brought to that scale: sigma^2 for gaussian (and for
  lognormal, of the logarithm), sigma^2 nu / (nu - 2) for student, var(log y) = psi'(shape) for
  gamma, var(logit y) = psi'(mu phi) + psi'((1 - mu) phi) for beta, psi' the trigamma function;
- that of the latent variable whose sign or place is seen for binary, binomial and ordered
  responses: pi^2 / 3 for logit, 1 for probit, pi^2 / 6 for cloglog; beta_binomial adds that of
  the logit of its beta distributed probability;
- an approximation for counts, which can be 0 and have no logarithm: with c = var(y) / E(y)^2 at
  the mean of all observations (for Poisson 1 / mu, for the negative binomial 1 / mu + 1 / shape)
  log(1 + c), or c by the delta method, or psi'(1 / c).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hierglm.errors import SettingsError, suggest
from hierglm.families import Family
from hierglm.families.family import Scales

Floats = NDArray[np.float64]

Approximation = Literal["lognormal", "delta", "trigamma"]

LATENT: Mapping[str, float] = {"logit": np.pi**2 / 3, "probit": 1.0, "cloglog": np.pi**2 / 6}
"""Variances of the standard logistic, normal and Gumbel distributions, by link."""


def check_approximation(approximation: str | None) -> None:
    """Raise `SettingsError` for an approximation that there is not."""
    known = get_args(Approximation)
    if approximation is not None and approximation not in known:
        raise SettingsError(
            f"no approximation {approximation!r}{suggest(str(approximation), known)}"
        )


def needs_mean(family: Family) -> bool:
    """Tell whether the variance depends on the mean of all observations."""
    return family.link.name == "log" or family.name in ("beta", "beta_binomial")


def observation_variance(
    family: Family, eta: Floats, scales: Scales, approximation: Approximation | None = None
) -> Floats:
    """Return the variance of an observation about its linear predictor, on that one's scale.

    Parameters
    ----------
    family : Family
        With one linear predictor for the mean.
    eta : ndarray
        The linear predictor at the mean of all observations; see `needs_mean`.
    scales : mapping of str to ndarray
        The family's parameters; to be broadcast with `eta`.
    approximation : {"lognormal", "delta", "trigamma"}, optional
        For every family with log link; by default exact for gamma, "lognormal" for counts.

    Returns
    -------
    ndarray
        Of the shape that all have together; infinite for student with nu of at most 2.

    Raises
    ------
    SettingsError
        For another approximation.

    Examples
    --------
    >>> from hierglm.families import family
    >>> round(float(observation_variance(family("poisson"), np.log([4.0]), {})[0]), 4)
    0.2231
    """
    check_approximation(approximation)
    if family.name == "beta":
        return _logit_of_beta(family, eta, scales["phi"])
    if family.name == "beta_binomial":
        return LATENT[family.link.name] + _logit_of_beta(family, eta, scales["phi"])
    if family.link.name in LATENT:
        return np.full(np.shape(eta), LATENT[family.link.name])
    if family.name == "lognormal":
        return np.asarray(scales["sigma"] ** 2 + np.zeros_like(eta))
    if family.link.name == "identity":
        return family.variance(eta, scales, None)
    if family.name == "gamma" and approximation is None:
        return np.asarray(_trigamma(scales["shape"]) + np.zeros_like(eta))
    relative = family.variance(eta, scales, None) / family.mean(eta, scales, None) ** 2
    return _APPROXIMATE[approximation or "lognormal"](relative)


def _logit_of_beta(family: Family, eta: Floats, phi: Floats) -> Floats:
    return _trigamma(family.link.invert(eta) * phi) + _trigamma(family.link.invert(-eta) * phi)


def _trigamma(x: Floats) -> Floats:
    from scipy.special import polygamma

    return np.asarray(polygamma(1, x))


def _itself(relative: Floats) -> Floats:
    return relative


def _inverse_trigamma(relative: Floats) -> Floats:
    return _trigamma(1 / relative)


_APPROXIMATE: Mapping[Approximation, Callable[[Floats], Floats]] = {
    "lognormal": np.log1p,
    "delta": _itself,
    "trigamma": _inverse_trigamma,
}
"""Of the variance over the squared mean."""
