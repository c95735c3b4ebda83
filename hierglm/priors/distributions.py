"""Prior distributions: what a user writes, and what each of them is in Stan.

>>> from hierglm.priors import distributions as prior
>>> prior.normal(0, 2.5)
normal(0, 2.5)
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hierglm.errors import PriorError, suggest

Support = Literal["real", "positive", "unit", "correlation", "covariance", "any"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of prior: the names of its numbers, and where it may stand.

    Attributes
    ----------
    arguments : tuple of str
        In Stan's order.
    positive : tuple of str
        Those that must be greater than 0.
    support : str
        "real" may also stand for a positive parameter, where it is cut at 0.
    """

    arguments: tuple[str, ...]
    positive: tuple[str, ...]
    support: Support


KINDS: Mapping[str, Kind] = {
    "normal": Kind(("location", "scale"), ("scale",), "real"),
    "student_t": Kind(("df", "location", "scale"), ("df", "scale"), "real"),
    "cauchy": Kind(("location", "scale"), ("scale",), "real"),
    "exponential": Kind(("rate",), ("rate",), "positive"),
    "gamma": Kind(("shape", "rate"), ("shape", "rate"), "positive"),
    "inv_gamma": Kind(("shape", "scale"), ("shape", "scale"), "positive"),
    "beta": Kind(("alpha", "beta"), ("alpha", "beta"), "unit"),
    "lkj": Kind(("eta",), ("eta",), "correlation"),
    "decov": Kind(
        ("regularization", "concentration", "shape", "scale"),
        ("regularization", "concentration", "shape", "scale"),
        "covariance",
    ),
    "flat": Kind((), (), "any"),
    "constant": Kind(("value",), (), "any"),
}


@dataclass(frozen=True, slots=True, repr=False)
class Prior:
    """One prior distribution with its numbers; make it with the functions of this module.

    Attributes
    ----------
    kind : str
        A key of `KINDS`.
    numbers : tuple of float
        In the order of the kind's arguments.

    Raises
    ------
    PriorError
        For an unknown kind, or numbers outside their range.
    """

    kind: str
    numbers: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise PriorError(f"no prior {self.kind!r}{suggest(self.kind, KINDS)}")
        rule = KINDS[self.kind]
        if len(self.numbers) != len(rule.arguments):
            raise PriorError(
                f"{self.kind} takes {', '.join(rule.arguments) or 'no numbers'}; "
                f"found {len(self.numbers)} numbers"
            )
        for name, value in zip(rule.arguments, self.numbers, strict=True):
            _check(self.kind, name, value, positive=name in rule.positive)

    @property
    def given(self) -> bool:
        """Whether the parameter is known: nothing is left to estimate."""
        return self.kind == "constant"

    def __repr__(self) -> str:
        return f"{self.kind}({', '.join(f'{x:.6g}' for x in self.numbers)})"


def _check(kind: str, name: str, value: float, positive: bool) -> None:
    if not isinstance(value, float) or not math.isfinite(value):
        raise PriorError(f"{kind}: {name} must be a finite number, not {value!r}")
    if positive and value <= 0:
        raise PriorError(f"{kind}: {name} must be greater than 0, not {value:g}")


def read_prior(text: str) -> Prior:
    """Return the prior that a text says, as it is written and printed.

    Parameters
    ----------
    text : str
        ``"normal(0, 2.5)"``: a key of `KINDS`, and its numbers in their order.

    Raises
    ------
    PriorError
        A text of another form, an unknown kind, numbers outside their range.

    Examples
    --------
    >>> read_prior("student_t(3, 0, 2.5)")
    student_t(3, 0, 2.5)
    """
    found = re.fullmatch(r"\s*(\w+)\s*\(([^()]*)\)\s*", text)
    if found is None:
        raise PriorError(f"{text!r} is not a prior; write it as normal(0, 1)")
    kind, inside = found.groups()
    try:
        numbers = tuple(float(part) for part in inside.split(",") if part.strip())
    except ValueError:
        raise PriorError(f"{text!r}: the numbers of a prior are numbers") from None
    return Prior(kind, numbers)


def _make(kind: str, *numbers: float) -> Prior:
    try:
        return Prior(kind, tuple(float(x) for x in numbers))
    except (OverflowError, TypeError, ValueError):
        raise PriorError(f"{kind} takes numbers; found {numbers!r}") from None


def normal(location: float = 0, scale: float = 1) -> Prior:
    """Return a normal prior; for a positive parameter the half above 0.

    Parameters
    ----------
    location, scale : float
        Mean and standard deviation.
    """
    return _make("normal", location, scale)


def student_t(df: float, location: float = 0, scale: float = 1) -> Prior:
    """Return a Student t prior; for a positive parameter the half above 0.

    Parameters
    ----------
    df, location, scale : float
        Degrees of freedom, centre and scale.
    """
    return _make("student_t", df, location, scale)


def cauchy(location: float = 0, scale: float = 1) -> Prior:
    """Return a Cauchy prior; for a positive parameter the half above 0.

    Parameters
    ----------
    location, scale : float
        Median and half the interquartile range.
    """
    return _make("cauchy", location, scale)


def exponential(rate: float = 1) -> Prior:
    """Return an exponential prior for a positive parameter.

    Parameters
    ----------
    rate : float
        One over its mean.
    """
    return _make("exponential", rate)


def gamma(shape: float, rate: float) -> Prior:
    """Return a gamma prior for a positive parameter; its mean is shape / rate.

    Parameters
    ----------
    shape, rate : float
        As in Stan.
    """
    return _make("gamma", shape, rate)


def inv_gamma(shape: float, scale: float) -> Prior:
    """Return an inverse gamma prior for a positive parameter.

    Parameters
    ----------
    shape, scale : float
        As in Stan; the mean is scale / (shape - 1) for a shape above 1.
    """
    return _make("inv_gamma", shape, scale)


def beta(alpha: float = 1, beta: float = 1) -> Prior:
    """Return a beta prior for a parameter between 0 and 1, such as zi.

    Parameters
    ----------
    alpha, beta : float
        As in Stan; the mean is alpha / (alpha + beta), and beta(1, 1) is uniform.
    """
    return _make("beta", alpha, beta)


def lkj(eta: float = 1) -> Prior:
    """Return a prior for a correlation matrix C, with density proportional to det(C)^(eta - 1).

    Parameters
    ----------
    eta : float
        1 is uniform over correlation matrices, more leans towards no correlation
        (Lewandowski, Kurowicka and Joe 2009).
    """
    return _make("lkj", eta)


def decov(
    regularization: float = 1, concentration: float = 1, shape: float = 1, scale: float = 1
) -> Prior:
    """Return rstanarm's prior for all sds of a group term together.

    For q effects and a residual sd sigma (1 for families without one),
    ``sd = sigma * tau * sqrt(q * pi)`` with tau ~ gamma(shape, 1 / scale) and proportions
    pi ~ Dirichlet(concentration); correlations get ``lkj(regularization)``.
    (rstanarm's vignette on priors; Gabry and Goodrich.)

    Parameters
    ----------
    regularization, concentration, shape, scale : float
        As in rstanarm's ``decov``.
    """
    return _make("decov", regularization, concentration, shape, scale)


def flat() -> Prior:
    """Return the improper uniform prior: no statement in the program."""
    return Prior("flat")


def constant(value: float) -> Prior:
    """Return the prior of a parameter that is known: it is given, not estimated.

    It stands for a coefficient, an sd, or a parameter of the family. The tables show it with
    a std_error of 0. Of the Intercept beside columns it is, as every prior of the Intercept,
    about the intercept at their means.

    Parameters
    ----------
    value : float
        Greater than 0 for an sd and for what else must be positive.

    Examples
    --------
    >>> constant(0.5)
    constant(0.5)
    """
    return _make("constant", value)
