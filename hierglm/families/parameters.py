"""A family's own parameters: what they may be, how they are read, what they are by default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hierglm.families.links import LOG, Link
from hierglm.priors.distributions import Prior

Support = Literal["positive", "unit", "above_one", "ordered"]

BOUNDS: dict[Support, tuple[float, float]] = {
    "positive": (0.0, float("inf")),
    "unit": (0.0, 1.0),
    "above_one": (1.0, float("inf")),
    "ordered": (float("-inf"), float("inf")),
}
"""Lowest and highest value, by support."""


@dataclass(frozen=True, slots=True)
class FamilyParameter:
    """A parameter of a response distribution beside its linear predictor.

    Attributes
    ----------
    name : str
        In tables, priors and Stan: ``"sigma"``, ``"shape"``, ``"nu"``.
    support : {"positive", "unit", "above_one", "ordered"}
        What it may be; "unit" is between 0 and 1, "ordered" a rising vector.
    note : str
        What it is, for the comment in the program.
    default : Prior or "scaled"
        brms' default prior; "scaled" is half student_t(3, 0, s), with s from the response.
    rstanarm : Prior, "scaled" or None
        rstanarm's; "scaled" is exponential(1 / s_y), None that it has no such parameter.
    link : Link
        By which a formula of its own reads it.
    """

    name: str
    support: Support
    note: str
    default: Prior | Literal["scaled"]
    rstanarm: Prior | Literal["scaled"] | None = None
    link: Link = LOG


def sigma(note: str = "residual sd", rstanarm: Literal["scaled"] | None = None) -> FamilyParameter:
    """Return a residual sd, on the scale on which the linear predictor is."""
    return FamilyParameter("sigma", "positive", note, "scaled", rstanarm)
