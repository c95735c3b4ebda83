"""A design and a family that are to make one model: what the one asks and says of the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design, Response
from hierglm.design.notes import confounding_notes
from hierglm.errors import PriorError, SettingsError
from hierglm.families import Family
from hierglm.families.cumulative import ordered_categories
from hierglm.families.parameters import FamilyParameter
from hierglm.families.separation import SEPARATED, separated, separation_notes
from hierglm.priors.slots import Priors


def noted(design: Design, chosen: Family) -> Design:
    """Return a design with notes on what its rows say nothing about."""
    spread = _SPREADS.get(chosen.name, "sigma")
    scale = chosen.link if chosen.name in _SPREADS else chosen.scale
    known = all(p.name != spread for p in estimated(design, chosen))
    y = None if known else scale.apply(design.response.values)
    confounded = confounding_notes(design, y, spread, binary=chosen.name == "bernoulli")
    return replace(design, notes=(*design.notes, *confounded, *separation_notes(design, chosen)))


_SPREADS = {"gamma": "shape", "beta": "phi"}
"""What grows without end where the columns give the response; sigma, which vanishes, of others."""


def refuse_flat(design: Design, chosen: Family, priors: Priors, place: str = "") -> None:
    """Refuse flat priors of coefficients that only priors would keep finite.

    Parameters
    ----------
    design : Design
        As `noted` returned it.
    chosen : Family
    priors : Priors
    place : str
        What names of the predictor's parameters end in.

    Raises
    ------
    PriorError
        Names the columns, and a prior that would do.
    """
    # Where no columns separate the response, no fewer of them do.
    if not any(SEPARATED in note for note in design.notes):
        return
    flat = flat_ones(priors)
    found = separated(design, chosen, flat) if flat.any() else None
    if found is None:
        return
    names = [f"b[{c}]{place}" for c in found] or [f"Intercept{place}"]
    raise PriorError(
        f"response {design.response.label!r} is {SEPARATED} "
        f"{' and '.join(map(repr, found)) or 'the intercept'}, and the prior of "
        f"{' and '.join(names)} is flat: there is no proper posterior. Give a proper one, such as "
        f"{proper_ones(names)}"
    )


def flat_ones(priors: Priors) -> NDArray[np.bool_]:
    """Return which of the intercept and the coefficients have flat priors, in this order."""
    flat = [p.kind == "flat" for role in ("Intercept", "b") for p in priors.of(role)]
    return np.array(flat, dtype=bool)


def proper_ones(names: Sequence[str]) -> str:
    """Return as code what to give in place of flat priors.

    Examples
    --------
    >>> proper_ones(["b[x]"])
    "priors={'b[x]': hierglm.prior.normal(0, 2.5)}"
    """
    return f"priors={{{', '.join(f'{name!r}: hierglm.prior.normal(0, 2.5)' for name in names)}}}"


def in_order(design: Design, chosen: Family) -> Design:
    """Return a design whose response is the places of its categories, where they are ordered.

    Raises
    ------
    ResponseError, SettingsError
        A response that has no ordered categories; a formula without the intercept, in place
        of which thresholds stand.
    """
    if not chosen.thresholds:
        return design
    if not design.intercept:
        raise SettingsError(
            f"{chosen.name} has thresholds in place of an intercept: write the formula with it, "
            f"found {design.formula.source!r}"
        )
    response = ordered_categories(design.response)
    order = " < ".join(response.levels or ())
    note = f"response {response.label!r}: its categories are in the order {order}"
    numbers = design.response.levels is None
    notes = tuple(n for n in design.notes if not n.startswith(f"response {response.label!r}: "))
    empty = unseen(response)
    gap = f"response {response.label!r}: no row has category {', '.join(empty[:8])}; only priors "
    said = [] if numbers else [note]
    said += [gap + "place the thresholds beside it"] if empty else []
    return replace(design, response=response, notes=(*notes, *said))


def unseen(response: Response) -> list[str]:
    """Return the categories that no row has, in quotes."""
    found = set(response.values.tolist())
    return [repr(x) for k, x in enumerate(response.levels or ()) if k not in found]


def estimated(design: Design, chosen: Family) -> tuple[FamilyParameter, ...]:
    """Return the family's parameters that the data leave open: not a sigma known by ``se``."""
    known = design.response.se is not None and not design.response.se_and_sigma
    return tuple(p for p in chosen.parameters if not (known and p.name == "sigma"))
