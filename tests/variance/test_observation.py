"""Variances of observations on the scale of the link: quadrature, closed forms, simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from hierglm.errors import SettingsError
from hierglm.families import family
from hierglm.variance.observation import observation_variance

ETA = np.array([0.4])


def _quadrature(density: object, transform: object, low: float, high: float) -> float:
    def moment(k: int) -> float:
        # In the transformed variable's own quantiles no end is infinite.
        return float(
            integrate.quad(lambda p: transform(density.ppf(p)) ** k, low, high, limit=500)[0]  # type: ignore[operator, attr-defined]
        )

    return moment(2) - moment(1) ** 2


def test_gamma_and_beta_are_those_of_log_and_logit() -> None:
    shape, phi = 1.7, 3.2
    found = observation_variance(family("gamma"), ETA, {"shape": np.array([shape])})
    exact = _quadrature(stats.gamma(shape, scale=np.exp(0.4) / shape), np.log, 0, 1)
    np.testing.assert_allclose(found, exact, rtol=1e-6)
    mu = 1 / (1 + np.exp(-0.4))
    law = stats.beta(mu * phi, (1 - mu) * phi)
    exact = _quadrature(law, lambda p: np.log(p) - np.log1p(-p), 1e-12, 1 - 1e-12)
    found = observation_variance(family("beta"), ETA, {"phi": np.array([phi])})
    np.testing.assert_allclose(found, exact, rtol=1e-5)
    found = observation_variance(family("beta_binomial"), ETA, {"phi": np.array([phi])})
    np.testing.assert_allclose(found, exact + np.pi**2 / 3, rtol=1e-5)


def test_latent_variables() -> None:
    latent = {"logit": stats.logistic, "probit": stats.norm, "cloglog": stats.gumbel_l}
    for name in ("bernoulli", "binomial", "cumulative"):
        for link, law in latent.items():
            if (name, link) != ("cumulative", "cloglog"):
                found = observation_variance(family(name, link), ETA, {})
                np.testing.assert_allclose(found, law.var(), rtol=1e-12)


def test_identity_links() -> None:
    scales = {"sigma": np.array([1.5]), "nu": np.array([5.0])}
    assert observation_variance(family("gaussian"), ETA, scales) == pytest.approx(2.25)
    assert observation_variance(family("lognormal"), ETA, scales) == pytest.approx(2.25)
    assert observation_variance(family("student"), ETA, scales) == pytest.approx(
        stats.t(5, scale=1.5).var()
    )
    heavy = scales | {"nu": np.array([1.5])}
    assert np.isinf(observation_variance(family("student"), ETA, heavy)).all()


def test_approximations_are_those_of_the_paper() -> None:
    # Nakagawa et al. (2017), table 1: lambda = 4, theta = 2.5, nu = 1.7.
    four = np.log([4.0])
    poisson, negative = family("poisson"), family("negbinomial")
    theta, nu = {"shape": np.array([2.5])}, {"shape": np.array([1.7])}
    trigamma = lambda x: float(np.sum(1.0 / (x + np.arange(2_000_000)) ** 2))  # noqa: E731
    assert observation_variance(poisson, four, {}) == pytest.approx(np.log(1 + 1 / 4))
    assert observation_variance(poisson, four, {}, "delta") == pytest.approx(1 / 4)
    assert observation_variance(poisson, four, {}, "trigamma") == pytest.approx(
        trigamma(4), rel=1e-5
    )
    both = 1 / 4 + 1 / 2.5
    assert observation_variance(negative, four, theta) == pytest.approx(np.log(1 + both))
    assert observation_variance(negative, four, theta, "trigamma") == pytest.approx(
        trigamma(1 / both), rel=1e-5
    )
    gamma = family("gamma")
    assert observation_variance(gamma, four, nu, "lognormal") == pytest.approx(np.log(1 + 1 / 1.7))
    assert observation_variance(gamma, four, nu) == pytest.approx(trigamma(1.7), rel=1e-5)
    with pytest.raises(SettingsError, match="no approximation 'lognorm'; did you mean 'lognormal'"):
        observation_variance(poisson, four, {}, "lognorm")  # type: ignore[arg-type]


def test_zero_inflated_counts_count_their_zeros() -> None:
    mu, zi = 6.0, 0.3
    found = observation_variance(
        family("zero_inflated_poisson"), np.log([mu]), {"zi": np.array([zi])}
    )
    k = np.arange(200)
    p = (1 - zi) * stats.poisson(mu).pmf(k) + zi * (k == 0)
    mean = p @ k
    np.testing.assert_allclose(found, np.log1p((p @ k**2 - mean**2) / mean**2), rtol=1e-10)
