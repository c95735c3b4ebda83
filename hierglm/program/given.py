"""Parameters that are known: data in the place of parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hierglm.priors.distributions import Prior
from hierglm.program.fragment import Block, Declare
from hierglm.program.priors import PriorText, scalar_prior, vector_prior


@dataclass(frozen=True, slots=True)
class Estimated:
    """Which elements of a parameter are estimated.

    Attributes
    ----------
    at : ndarray of int
        Their positions.
    count : int
        How many elements there are.
    """

    at: NDArray[np.int64]
    count: int

    @property
    def all(self) -> bool:
        """Whether nothing is given."""
        return len(self.at) == self.count

    @property
    def none(self) -> bool:
        """Whether all is given."""
        return not len(self.at)

    @property
    def mixed(self) -> bool:
        """Whether some are estimated and others given."""
        return not (self.all or self.none)


def estimated(priors: Sequence[Prior]) -> Estimated:
    """Return which elements of a parameter with these priors are estimated."""
    at = np.flatnonzero([not p.given for p in priors]).astype(np.int64)
    return Estimated(at, len(priors))


def datum(
    name: str, priors: Sequence[Prior], note: str, size: str = "", bounds: str = ""
) -> Declare:
    """Return the declaration of a parameter that is known in all its elements.

    Parameters
    ----------
    name, note : str
        Stan name, and what it is.
    priors : sequence of Prior
        Constants, one for each element.
    size : str
        Stan name of its length; "" for a scalar.
    bounds : str
        As of `Declare`.
    """
    values = np.array([p.numbers[0] for p in priors])
    kind, dims = ("vector", (size,)) if size else ("real", ())
    return Declare(
        Block.DATA, kind, name, dims, bounds, values if size else float(values[0]),
        note=f"{note}, given",
    )  # fmt: skip


def completed(
    name: str, size: str, priors: Sequence[Prior], free: str, note: str, bounds: str = ""
) -> tuple[list[Declare], Declare]:
    """Return the data of a vector that is known in part, and the declaration of all of it.

    Parameters
    ----------
    name, size : str
        Stan names of the vector and of its length.
    priors : sequence of Prior
        One for each element.
    free : str
        Stan expression of the elements that are estimated, of length ``{name}_free_size``.
    note : str
        What the vector is.
    bounds : str
        As of `Declare`, for what is given.
    """
    values = np.array([p.numbers[0] for p in priors if p.given])
    given = np.array([p.given for p in priors])
    place = np.empty(len(priors), dtype=np.int64)
    # Those that are estimated stand first.
    place[np.argsort(given, kind="stable")] = np.arange(len(priors)) + 1
    data = [
        Declare(
            Block.DATA, "int", f"{name}_free_size", bounds="lower=1",
            value=int(np.sum(~given)), note="how many are estimated",
        ),
        Declare(
            Block.DATA, "int", f"{name}_given_size", bounds="lower=1", value=len(values),
            note="and how many are given",
        ),
        Declare(Block.DATA, "vector", f"{name}_given", (f"{name}_given_size",), bounds, values),
        Declare(
            Block.DATA, "array[] int", f"{name}_place", (size,), f"lower=1, upper={size}", place,
            note="place among those estimated, then given",
        ),
    ]  # fmt: skip
    expr = f"append_row({free}, {name}_given)[{name}_place]"
    whole = Declare(Block.TRANSFORMED_PARAMETERS, "vector", name, (size,), expr=expr, note=note)
    return data, whole


def bounded(name: str, priors: Sequence[Prior], note: str, size: str, bounds: str) -> PriorText:
    """Return a parameter between bounds with its priors; what is given of it is data.

    Parameters
    ----------
    name, note : str
        Stan name, and what it is.
    priors : sequence of Prior
        One for each element.
    size : str
        Stan name of its length; "" for a scalar.
    bounds : str
        As of `Declare`.
    """
    free = estimated(priors)
    if free.none:
        return PriorText((datum(name, priors, note, size, bounds),))
    prior = vector_prior(name, size, priors) if size else scalar_prior(name, priors[0])
    kind, dims = ("vector", (size,)) if size else ("real", ())
    declares = [Declare(Block.PARAMETERS, kind, name, dims, bounds, note=note)]
    if free.mixed:
        data, whole = completed(name, size, priors, f"{name}_free", note, bounds)
        dims = (f"{name}_free_size",)
        own = Declare(Block.PARAMETERS, kind, f"{name}_free", dims, bounds, note=note)
        declares = [*data, own, whole]
    return PriorText((*declares, *prior.declares), prior.statements)


def given_value(priors: Sequence[Prior], scalar: bool = True) -> NDArray[np.float64] | None:
    """Return what a parameter is that is known in all its elements, else None.

    Parameters
    ----------
    priors : sequence of Prior
    scalar : bool
        Whether it has one element and no dimension in Stan.
    """
    if not all(p.given for p in priors):
        return None
    values = np.array([p.numbers[0] for p in priors])
    return values.reshape(()) if scalar else values
