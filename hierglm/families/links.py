"""Link functions: the scale of the linear predictor and the scale of the mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Link:
    """A link function g and its inverse, over arrays.

    Attributes
    ----------
    name : str
        ``"identity"``, ``"logit"``, ``"probit"``, ``"cloglog"``, ``"log"`` or ``"logm1"``.
    apply : callable
        g: mean to linear predictor.
    invert : callable
        g^-1: linear predictor to mean.
    """

    name: str
    apply: Callable[[Floats], Floats]
    invert: Callable[[Floats], Floats]


def _same(x: Floats) -> Floats:
    return x


def _logit(p: Floats) -> Floats:
    return np.log(p) - np.log1p(-p)


def _expit(eta: Floats) -> Floats:
    from scipy.special import expit

    return np.asarray(expit(eta))


def _log(mean: Floats) -> Floats:
    return np.log(mean)


def _exp(eta: Floats) -> Floats:
    return np.exp(eta)


def _probit(p: Floats) -> Floats:
    from scipy.special import ndtri

    return np.asarray(ndtri(p))


def _normal(eta: Floats) -> Floats:
    from scipy.special import ndtr

    return np.asarray(ndtr(eta))


def _cloglog(p: Floats) -> Floats:
    return np.log(-np.log1p(-p))


def _gumbel(eta: Floats) -> Floats:
    return -np.expm1(-np.exp(eta))


def _logm1(x: Floats) -> Floats:
    return np.log(x - 1)


def _exp_and_one(eta: Floats) -> Floats:
    return 1 + np.exp(eta)


IDENTITY = Link("identity", _same, _same)
LOGIT = Link("logit", _logit, _expit)
LOG = Link("log", _log, _exp)
PROBIT = Link("probit", _probit, _normal)
CLOGLOG = Link("cloglog", _cloglog, _gumbel)
LOGM1 = Link("logm1", _logm1, _exp_and_one)
