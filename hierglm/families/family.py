"""A family is a record: how Stan, NumPy and the response check speak of one distribution."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Response
from hierglm.errors import ResponseError
from hierglm.families.links import IDENTITY, Link
from hierglm.families.parameters import FamilyParameter

Floats = NDArray[np.float64]
Scales = Mapping[str, Floats]
LARGEST = 2**31 - 1
"""The largest integer that Stan holds."""

StanType = Literal["vector", "array[] int"]


@dataclass(frozen=True, slots=True)
class StanDensity:
    """What Stan calls the distribution.

    Attributes
    ----------
    plain : str
        Density that takes the linear predictor, such as ``"poisson_log"``; or, where
        `by_row` holds, a function of the library that returns each row's log likelihood.
    glm : str or None
        Fused density that takes the design matrix, such as ``"poisson_log_glm"``.
    response : {"vector", "array[] int"}
        Stan type of the response.
    bounds : str
        Bounds of the response, "lower=0" and the like.
    trials : bool
        Whether the number of trials is the first argument.
    arguments : str
        What follows, with ``{eta}`` for the linear predictor and the names of the family's
        parameters in braces; ``{times}`` multiplies one of these with a vector. By default
        the linear predictor, then the parameters.
    by_row : bool
        Whether `plain` is such a function. It leaves out what depends on the data alone.
    lowest : int
        What Stan calls the response 0: it counts categories from 1.
    beside : tuple of {"failures", "zeros", "counts"}
        What it takes behind the response: trials that failed, rows with and without a 0.
    """

    plain: str
    glm: str | None
    response: StanType
    bounds: str = ""
    trials: bool = False
    arguments: str = ""
    by_row: bool = False
    beside: tuple[Literal["failures", "zeros", "counts"], ...] = ()
    lowest: int = 0


@dataclass(frozen=True, slots=True)
class Exponential:
    """What makes an exponential family in its canonical parameter eta.

    The log density of a row is ``(y eta - n c(eta)) / phi`` and terms without eta; n is the
    number of trials, phi is 1, or sigma^2 where `dispersion` holds (McCullagh and Nelder
    1989, section 2.2).

    Attributes
    ----------
    cumulant, mean, variance : callable
        c, c' and c'' of eta, elementwise.
    stan : str
        Stan's expression for c, with ``{eta}``.
    quick : str
        The same for an eta of at most some hundreds, if there is a quicker one.
    dispersion : bool
        Whether phi is sigma^2.
    """

    cumulant: Callable[[Floats], Floats]
    mean: Callable[[Floats], Floats]
    variance: Callable[[Floats], Floats]
    stan: str = ""
    quick: str = ""
    dispersion: bool = False


@dataclass(frozen=True, slots=True)
class Slopes:
    """How the log density of a row moves with the linear predictor.

    Attributes
    ----------
    score : callable
        ``score(y, eta, scales, trials)``: its first derivative, elementwise.
    information : callable
        ``information(eta, scales, trials)``: minus the expected second one, or something
        near it that is as easily had; positive.
    """

    score: Callable[[Floats, Floats, Scales, Floats | None], Floats]
    information: Callable[[Floats, Scales, Floats | None], Floats]


@dataclass(frozen=True, slots=True)
class Family:
    """One response distribution with its link.

    Attributes
    ----------
    name : str
        ``"gaussian"``, ``"zero_inflated_poisson"``; those of brms.
    link : Link
        Between mean and linear predictor.
    parameters : tuple of FamilyParameter
        Those besides the linear predictor, in the order in which Stan's density takes them.
    stan : StanDensity
        Its names in Stan.
    check : callable
        ``check(response)`` raises `ResponseError` where the response is impossible.
    log_density : callable
        ``log_density(y, eta, scales, trials)``, elementwise, with every constant.
    draw : callable
        ``draw(rng, eta, scales, trials)``: random responses.
    mean, variance : callable
        ``mean(eta, scales, trials)``: of a response, zeros and trials included, elementwise;
        infinite or NaN where there is none.
    exponential : Exponential or None
        Where it is an exponential family and the link its canonical one: rows can be
        gathered.
    slopes : Slopes or None
        What a penalised fit needs where it is not.
    scale : Link
        Through which the response has gone where the linear predictor is: log for lognormal.
    categories : bool
        Whether there is a linear predictor for each category but the first.
    thresholds : bool
        Whether thresholds between ordered categories stand in place of the intercept, as
        ``scales["Intercept"]``, shape (categories - 1,).
    truncated : bool
        Whether zeros are cut off: the mean is no multiple of the inverse link then.
    ends : {"", "zeros", "both"}
        Which responses become certain as the linear predictor goes to an end of its line: none,
        zeros at the lower one, or also successes (the highest category) at the upper one.
    """

    name: str
    link: Link
    parameters: tuple[FamilyParameter, ...]
    stan: StanDensity
    check: Callable[[Response], None]
    log_density: Callable[[Floats, Floats, Scales, Floats | None], Floats]
    draw: Callable[[np.random.Generator, Floats, Scales, Floats | None], Floats]
    mean: Callable[[Floats, Scales, Floats | None], Floats]
    variance: Callable[[Floats, Scales, Floats | None], Floats]
    exponential: Exponential | None = None
    slopes: Slopes | None = None
    scale: Link = IDENTITY
    categories: bool = False
    thresholds: bool = False
    truncated: bool = False
    ends: Literal["", "zeros", "both"] = ""

    def __repr__(self) -> str:
        return f"{self.name}({self.link.name})"

    def __reduce__(self) -> tuple[object, ...]:
        # By name: its functions cannot be sent to another process, and are there already.
        return _named, (self.name, self.link.name)


def _named(name: str, link: str) -> Family:
    from hierglm.families import family

    return family(name, link)


def draw_counts(rng: np.random.Generator, mean: Floats) -> Floats:
    """Return Poisson counts, elementwise.

    Means beyond 2^52 stand for their own draws: these differ from them by less than one part in
    ten million, and NumPy has none. Wide priors on a logarithm have such means.
    """
    drawn = mean <= 2.0**52
    if np.all(drawn):
        return rng.poisson(mean).astype(np.float64)
    return np.where(drawn, rng.poisson(np.where(drawn, mean, 0.0)), mean)


def draw_gamma(rng: np.random.Generator, shape: Floats, mean: Floats) -> Floats:
    """Return gamma variables, elementwise; for tiny shapes most round to 0, whatever the mean."""
    unit = rng.standard_gamma(shape, np.broadcast_shapes(np.shape(shape), np.shape(mean)))
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(unit == 0, 0.0, unit * (mean / shape))


def refuse(family: str, wants: str, response: Response, bad: NDArray[np.bool_]) -> None:
    """Raise `ResponseError` for the first row where `bad` holds; do nothing if there is none.

    Parameters
    ----------
    family : str
        As it should stand in the message, "Poisson".
    wants : str
        What the family needs, "whole numbers >= 0".
    response : Response
        What it got.
    bad : ndarray of bool, shape (rows,)
        True where the response is impossible.
    """
    rows = np.flatnonzero(bad)
    if not len(rows):
        return
    first, more = int(rows[0]), len(rows) - 1
    found = response.values[first]
    shown = f"{found:g}" if np.isfinite(found) else str(found)
    others = f" (and {more:,} more {'row' if more == 1 else 'rows'})" if more else ""
    raise ResponseError(
        f"{family} needs {wants}; row {response.rows[first] + 1} of {response.label!r} "
        f"has {shown}{others}"
    )


def refuse_counts(family: str, response: Response) -> None:
    """Raise `ResponseError` for the first response that is no count."""
    refuse_levels(family, "whole numbers >= 0", response)
    y = response.values
    refuse(
        family, "whole numbers >= 0", response, ~((y >= 0) & (y == np.floor(y)) & np.isfinite(y))
    )
    refuse(
        family, f"counts of at most {LARGEST:,}, the largest that Stan holds", response, y > LARGEST
    )


def refuse_nonpositive(family: str, response: Response) -> None:
    """Raise `ResponseError` for the first response that is not a finite number above 0."""
    y = response.values
    refuse(family, "finite numbers > 0", response, ~((y > 0) & np.isfinite(y)))


def refuse_levels(family: str, wants: str, response: Response) -> None:
    """Raise `ResponseError` where a family of numbers is given a category."""
    if response.levels is not None:
        shown = ", ".join(map(repr, response.levels[:4]))
        two = "; use family='bernoulli'" if len(response.levels) == 2 else ""
        if all(map(_is_number, response.levels)):
            two = ": text that reads as numbers, make them numbers with astype(float)"
        raise ResponseError(
            f"{family} needs {wants}; {response.label!r} has the levels {shown}{two}"
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def refuse_trials(family: str, response: Response) -> None:
    """Raise `ResponseError` where trials are given to a family that has none."""
    if response.trials is not None:
        raise ResponseError(
            f"{family} takes one response a row, but {response.label!r} comes with trials; "
            "use family='binomial' for successes out of trials"
        )


def refuse_se(family: str, response: Response) -> None:
    """Raise `ResponseError` where known standard errors are given to a family without them."""
    if response.se is not None:
        raise ResponseError(f"se() is for family='gaussian'; {family} has no standard errors")
