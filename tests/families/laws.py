"""SciPy's version of each family: one law for a linear predictor, parameters and trials."""

import numpy as np
import scipy.stats as st
from scipy.special import expit

from hierglm.families import LINKED


class Mixed:
    """A law of counts whose zeros have the probability that it is told."""

    def __init__(self, counts, zero):
        self._counts, self._zero = counts, zero
        self._rest = (1 - zero) / counts.sf(0)

    def pmf(self, y):
        return np.where(y == 0, self._zero, self._rest * self._counts.pmf(y))

    def logpmf(self, y):
        return np.log(self.pmf(y))


class Ordered:
    """Categories 0, 1, ... by thresholds on a latent scale."""

    def __init__(self, latent, thresholds):
        below = latent.cdf(np.concatenate([[-np.inf], thresholds, [np.inf]]))
        self._p = np.diff(below)

    def pmf(self, y):
        return self._p[np.asarray(y, dtype=int)]

    def logpmf(self, y):
        return np.log(self.pmf(y))


def _negbinomial(eta, shape):
    return st.nbinom(shape, shape / (shape + np.exp(eta)))


def _inflated(counts, zi):
    return Mixed(counts, zi + (1 - zi) * counts.pmf(0))


def _cloglog(eta):
    return 1 - np.exp(-np.exp(eta))


LAWS = {
    "gaussian(identity)": lambda eta, n, sigma: st.norm(eta, sigma),
    "student(identity)": lambda eta, n, sigma, nu: st.t(nu, eta, sigma),
    "lognormal(identity)": lambda eta, n, sigma: st.lognorm(sigma, scale=np.exp(eta)),
    "gamma(log)": lambda eta, n, shape: st.gamma(shape, scale=np.exp(eta) / shape),
    "beta(logit)": lambda eta, n, phi: st.beta(expit(eta) * phi, expit(-eta) * phi),
    "bernoulli(logit)": lambda eta, n: st.bernoulli(expit(eta)),
    "bernoulli(probit)": lambda eta, n: st.bernoulli(st.norm.cdf(eta)),
    "bernoulli(cloglog)": lambda eta, n: st.bernoulli(_cloglog(eta)),
    "binomial(logit)": lambda eta, n: st.binom(n, expit(eta)),
    "binomial(probit)": lambda eta, n: st.binom(n, st.norm.cdf(eta)),
    "binomial(cloglog)": lambda eta, n: st.binom(n, _cloglog(eta)),
    "beta_binomial(logit)": lambda eta, n, phi: st.betabinom(
        n, expit(eta) * phi, expit(-eta) * phi
    ),
    "poisson(log)": lambda eta, n: st.poisson(np.exp(eta)),
    "negbinomial(log)": lambda eta, n, shape: _negbinomial(eta, shape),
    "zero_inflated_poisson(log)": lambda eta, n, zi: _inflated(st.poisson(np.exp(eta)), zi),
    "zero_inflated_negbinomial(log)": lambda eta, n, shape, zi: _inflated(
        _negbinomial(eta, shape), zi
    ),
    "hurdle_poisson(log)": lambda eta, n, hu: Mixed(st.poisson(np.exp(eta)), hu),
    "hurdle_negbinomial(log)": lambda eta, n, shape, hu: Mixed(_negbinomial(eta, shape), hu),
    "cumulative(logit)": lambda eta, n: Ordered(st.logistic(eta), THRESHOLDS),
    "cumulative(probit)": lambda eta, n: Ordered(st.norm(eta), THRESHOLDS),
}

FAMILIES = [f for f in LINKED if repr(f) in LAWS]

VALUES = {"sigma": 0.7, "nu": 6.5, "shape": 1.8, "phi": 4.0, "zi": 0.25, "hu": 0.4}
"""Of the families' own parameters; below nu = 4 the sample variance has none itself."""

TRIALS = 7.0

THRESHOLDS = np.array([-1.1, 0.2, 0.9, 2.5])


def own(family):
    """Return values of the parameters of a family."""
    return {p.name: VALUES[p.name] for p in family.parameters}


def scales(family):
    """Return the same as arrays."""
    found = {name: np.array(value) for name, value in own(family).items()}
    return found | ({"Intercept": THRESHOLDS} if family.thresholds else {})


def trials(family, size):
    """Return a number of trials for each row, or None."""
    return np.full(size, TRIALS) if family.stan.trials else None


def law(family, eta):
    """Return SciPy's law at a linear predictor."""
    return LAWS[repr(family)](eta, TRIALS, **own(family))


def discrete(family):
    """Tell whether responses are counts."""
    return hasattr(law(family, 0.0), "pmf")


def support(family):
    """Return every count that has a probability to speak of."""
    if family.thresholds:
        return np.arange(len(THRESHOLDS) + 1.0)
    if family.name == "bernoulli":
        return np.arange(2.0)
    return np.arange(TRIALS + 1 if family.stan.trials else 600.0)
