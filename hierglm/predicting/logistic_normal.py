"""The mean of the logistic function of a normal variable, exact to 2.2e-9, in a few products.

With E = exp(-|eta|) and points z_k = k h of the trapezoidal rule the logistic function at
eta + sd z and at eta - sd z adds up to a ratio of c_k = 2 cosh(sd z_k), and
c_{k+1} = c_1 c_k - c_{k-1}: two exponentials a number, whatever the number of points. The rule's
error falls exponentially (Trefethen and Weideman 2014, "The exponentially convergent trapezoidal
rule", section 5): of the normal density as exp(-2 pi^2 / h^2), and from the poles of the
logistic function, at distance pi / sd, as exp(pi^2 / (2 sd^2) - 2 pi^2 / (h sd)).

Where sd is large that takes many points, and a mixture is quicker: the logistic function is one
of eight normal distribution functions to 2.1e-9 (Monahan and Stefanski 1992), as exact for
every sd.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hierglm.families.links import PROBIT

Floats = NDArray[np.float64]

WIDEST = 5.0
"""Largest sd for which the trapezoidal rule is quicker."""
_LOG_ERROR = 23.0
"""Minus the logarithm of the rule's error."""
_REACH = 6.3
"""Where the rule ends; the normal distribution has 3e-10 beyond."""
_FARTHEST = 700.0
"""Beyond this the exponential function has no numbers left."""
_CHUNK = 2**14
"""Numbers that are worked on at once: what a processor keeps near."""

_SHARES = np.array(
    [
        0.003246343272134, 0.051517477033972, 0.195077912673858, 0.315569823632818,
        0.274149576158423, 0.131076880695470, 0.027912418727972, 0.001449567805354,
    ]
)  # fmt: skip
_STEEPNESS = np.array(
    [
        1.365340806296348, 1.059523971016916, 0.830791313765644, 0.650732166639391,
        0.508135425366489, 0.396313345166341, 0.308904252267995, 0.238212616409306,
    ]
)  # fmt: skip
"""Monahan and Stefanski (1992), table 1: 1 / (1 + exp(-x)) = sum of shares Phi(steepness x)."""


def logistic_normal(eta: Floats, variance: Floats) -> Floats:
    """Return the mean of 1 / (1 + exp(-eta - e)), e ~ N(0, variance), elementwise.

    Parameters
    ----------
    eta, variance : ndarray
        To be broadcast with each other. It is quickest where the variance varies little along
        the first dimension.

    Examples
    --------
    >>> logistic_normal(np.array([0.0, 1.0]), np.array(1.0)).round(4).tolist()
    [0.5, 0.6967]
    """
    shape = np.broadcast_shapes(np.shape(eta), np.shape(variance))
    # The first dimension varies fastest: draws of one row have about the same variance.
    e, v = (np.broadcast_to(x, shape).T.reshape(-1) for x in (eta, variance))
    out = np.empty(len(e))
    for low in range(0, len(e), _CHUNK):
        some = slice(low, low + _CHUNK)
        sd = np.sqrt(v[some])
        near = sd <= WIDEST
        if near.all():
            out[some] = _trapezoidal(e[some], sd)
            continue
        # Each number by its own rule: the mixture's error is large beside small probabilities.
        far = ~near
        own = out[some]
        own[far] = _mixture(e[some][far], v[some][far])
        if near.any():
            own[near] = _trapezoidal(e[some][near], sd[near])
    return np.asarray(out.reshape(shape[::-1]).T)


def _trapezoidal(eta: Floats, sd: Floats) -> Floats:
    h = _step(float(sd.max()))
    z = h * np.arange(math.ceil(_REACH / h) + 1)
    weights = np.exp(-0.5 * z**2)
    weights /= 2 * weights.sum() - weights[0]
    E = np.exp(-np.minimum(np.abs(eta), _FARTHEST))
    c = _cosines(np.exp(h * sd), len(z))[1:]
    # The probability of the tail, which keeps its digits where it is small.
    ratio = c + 2 * E
    c += E + 1 / E
    ratio /= c
    tail = E / (1 + E) * weights[0]
    tail += np.einsum("k,kn->n", weights[1:], ratio)
    return np.asarray(np.where(eta < 0, tail, 1 - tail), dtype=np.float64)


def _cosines(e: Floats, count: int) -> Floats:
    """Return e^k + e^-k of numbers of shape (n,) for k below `count`: (count, n)."""
    c = np.empty((max(count, 2), len(e)))
    c[0], c[1] = 2.0, e + 1 / e
    k = 2
    while k < count:
        # Those from k to 2 k - 2 at once: c_{j + l} = c_j c_l - c_{j - l}.
        some = min(k - 1, count - k)
        np.multiply(c[1 : some + 1], c[k - 1], out=c[k : k + some])
        c[k : k + some] -= c[: k - 1][::-1][:some]
        k += some
    return c[:count]


def _step(sd: float) -> float:
    """Return the largest step with which neither the density nor the poles make an error."""
    if sd < math.pi / math.sqrt(2 * _LOG_ERROR):
        return math.pi * math.sqrt(2 / _LOG_ERROR)
    return 2 * math.pi**2 * sd / (_LOG_ERROR * sd**2 + math.pi**2 / 2)


def _mixture(eta: Floats, variance: Floats) -> Floats:
    out = np.zeros(len(eta))
    for share, k in zip(_SHARES, _STEEPNESS, strict=True):
        out += share * PROBIT.invert(eta * (k / np.sqrt(1 + k**2 * variance)))
    return out
