"""A family is a record: how Stan, NumPy and the response check speak of one distribution."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Response
from hierglm.errors import ResponseError
from hierglm.families.links import Link
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
        Density that takes the linear predictor, such as ``"poisson_log"``.
    glm : str or None
        Fused density that takes the design matrix, such as ``"poisson_log_glm"``.
    response : {"vector", "array[] int"}
        Stan type of the response.
    bounds : str
        Bounds of the response, "lower=0" and the like.
    trials : bool
        Whether the number of trials is the first argument.
    """

    plain: str
    glm: str | None
    response: StanType
    bounds: str = ""
    trials: bool = False


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
class Family:
    """One response distribution with its link.

    Attributes
    ----------
    name : str
        ``"gaussian"``, ``"bernoulli"``, ``"binomial"``, ``"poisson"``.
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
    exponential : Exponential or None
        Where it is an exponential family and the link its canonical one: rows can be
        gathered, and a penalised fit leads the way.
    """

    name: str
    link: Link
    parameters: tuple[FamilyParameter, ...]
    stan: StanDensity
    check: Callable[[Response], None]
    log_density: Callable[[Floats, Floats, Scales, Floats | None], Floats]
    draw: Callable[[np.random.Generator, Floats, Scales, Floats | None], Floats]
    exponential: Exponential | None = None

    def __repr__(self) -> str:
        return f"{self.name}({self.link.name})"


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
    y = response.values
    refuse(
        family, "whole numbers >= 0", response, ~((y >= 0) & (y == np.floor(y)) & np.isfinite(y))
    )
    refuse(
        family, f"counts of at most {LARGEST:,}, the largest that Stan holds", response, y > LARGEST
    )


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
