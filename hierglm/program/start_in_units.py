"""Where sampling starts without a penalised fit: as far apart as Stan's, in the data's units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hierglm.program.fragment import Block, Declare, Fragment, Place
from hierglm.program.render import size_of
from hierglm.program.units import Unit


def start_in_units(
    fragments: Sequence[Fragment], data: Mapping[str, Any], known: Mapping[str, Unit]
) -> Mapping[str, Place]:
    """Return start and spread of each parameter of a program, by Stan name.

    Where all units are 1, that is where Stan has it: within 2 of 0 on the unconstrained scale.

    Parameters
    ----------
    fragments : sequence of Fragment
        Of a program whose parameters are sampled in units.
    data : mapping
        The program's.
    known : mapping of str to Unit
        See `hierglm.program.units.units`.
    """
    declares = [d for f in fragments for d in f.declares if d.block is Block.PARAMETERS]
    places = {}
    for d in declares:
        shape = tuple(size_of(size, data) for size in d.dims)
        places[d.name] = _place(d, shape, known.get(d.name, Unit()))
    return places


def _place(d: Declare, shape: tuple[int, ...], unit: Unit) -> Place:
    """Return the place of a parameter whose declaration says what values it may have."""
    kind, ones = d.type.rpartition(" ")[2], np.ones(int(np.prod(shape)))
    if kind == "cholesky_factor_corr":
        *arrays, q = shape
        factors = np.broadcast_to(np.eye(q), (*arrays, q, q))
        return Place(factors, np.ones(int(np.prod(arrays)) * (q * (q - 1) // 2)), "correlation")
    if kind == "simplex":
        return Place(ones / len(ones), ones[1:], "simplex")
    if kind == "ordered":
        return Place(np.arange(len(ones), dtype=np.float64), ones, "ordered")
    bounds = dict(one.split("=", 1) for one in d.bounds.split(", ") if one)
    if "upper" in bounds:
        middle = (unit.lowest + 1) / 2
        return Place(_filled(shape, middle), ones, "bounded", bounds=(unit.lowest, 1.0))
    if "lower" in bounds:
        low = float(bounds["lower"])
        return Place(_filled(shape, low + unit.size), ones, "positive", bounds=(low, np.inf))
    centre = _filled(shape, unit.centre or 0.0)
    if bounds.get("multiplier") == f"{d.name}_unit":
        return Place(centre, ones, unit=unit.size)
    return Place(centre, ones * unit.size)


def _filled(shape: tuple[int, ...], value: Any) -> Any:
    """Return values in the shape of a parameter; a scalar is a number."""
    return np.broadcast_to(value, shape).copy() if shape else float(np.ravel(value)[0])
