"""In what units parameters are sampled where no penalised fit tells: those of the data.

Stan's own chains start within 2 of 0 on the unconstrained scale, and its adaptation leans towards
a metric of 0.001. That suits posteriors with sds of about 1. A slope of a column with an sd of
10,000 is to be near 0.0001: within 2 of 0 a logarithmic link makes infinite numbers of it, and
an sd of 0.0001 is one that adaptation does not follow; see `hierglm.program.positive.positive`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.covariances import covariance_of
from hierglm.models import Model
from hierglm.priors.scales import Scales, measure, median_and_deviation
from hierglm.program.fragment import Block, Declare, Fragment, Place
from hierglm.program.given import estimated

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Unit:
    """What a parameter is counted from and measured in.

    Attributes
    ----------
    size : ndarray or float
        What 1 is, of each element or of all.
    centre : float or None
        Of a parameter without bounds, what 0 is, where that is not 0.
    lowest : float
        Of a parameter between two bounds, the first.
    written : bool
        Whether the program has it too; else chains start by it alone.
    """

    size: Any = 1.0
    centre: float | None = None
    lowest: float = 0.0
    written: bool = True


def units(model: Model) -> Mapping[str, Unit]:
    """Return the units of parameters, by Stan name, where they need not be 1.

    Intercepts are counted from the response on the scale of the link and, as slopes, in its sd
    (1 but for the identity link), slopes over that of their column; sds likewise over the size
    of their column.

    Parameters
    ----------
    model : Model
        Of which rows are at hand.
    """
    parts = model.parts or (model,)
    responses = {m.part.response: _response(m) for m in parts if not m.part.dpar}
    predictors = [_predicted(m, responses) for m in parts]
    found: dict[str, Unit] = {}
    for m, scale in zip(parts, predictors, strict=True):
        found |= dict(_coefficients(m, scale))
        for own in m.parameters:
            if own.default == "scaled":
                found[f"{own.name}{m.part.rows}"] = Unit(scale.sd_y)
    for number in range(len(model.groups)):
        found |= dict(_effects(model, number, predictors))
    return found


def in_units(fragment: Fragment, known: Mapping[str, Unit]) -> Fragment:
    """Return a fragment whose parameters without bounds are sampled in their units."""
    declares: list[Declare] = []
    for d in fragment.declares:
        unit = known.get(d.name)
        if unit is None or not unit.written or not _free(d):
            declares.append(d)
            continue
        bounds = f"multiplier={d.name}_unit"
        if unit.centre is not None:
            about, bounds = f"{d.name}_centre", f"offset={d.name}_centre, {bounds}"
            declares.append(Declare(Block.DATA, "real", about, value=unit.centre))
        note = f"unit in which {'it is' if not d.dims else 'each is'} sampled"
        size = np.asarray(unit.size, dtype=np.float64) if d.dims else float(unit.size)
        declares += [
            Declare(Block.DATA, d.type, f"{d.name}_unit", d.dims, "lower=0", size, note=note),
            replace(d, bounds=bounds),
        ]
    return replace(fragment, declares=tuple(declares))


def _free(d: Declare) -> bool:
    """Tell whether a declaration is of an intercept or slopes, which may be any number."""
    return d.block is Block.PARAMETERS and d.type in ("real", "vector") and not d.bounds


def placed_in_units(places: Mapping[str, Place], known: Mapping[str, Unit]) -> Mapping[str, Place]:
    """Return places of parameters as they are sampled: with their units, where they have some."""
    return {
        name: replace(place, spread=place.spread / known[name].size, unit=known[name].size)
        if place.support == "real" and name in known and known[name].written
        else place
        for name, place in places.items()
    }


def _response(model: Model) -> Scales:
    """Return centre and size of a response, about, and the sds of the columns of its mean.

    With the identity link these are median and median deviation: one row far from the others is
    not to make the unit of all.
    """
    found = measure(model.design, model.family)
    if model.family.link.name != "identity":
        return found
    y = model.family.scale.apply(model.design.response.values)
    if model.design.offset is not None:
        y = y - model.design.offset
    centre, size = median_and_deviation(y)
    return replace(found, centre=centre, sd_y=size or found.sd_y)


def _predicted(model: Model, responses: Mapping[str, Scales]) -> Scales:
    """Return centre and size of what a predictor is of, about, and the sds of its columns."""
    response, dpar = model.part.response, model.part.dpar
    if not dpar:
        return responses[response]
    # Of sigma, about the logarithm of that of the response.
    scaled = any(p.name == dpar and p.default == "scaled" for p in model.family.parameters)
    centre = float(np.log(responses[response].sd_y)) if scaled else 0.0
    return replace(measure(model.design, model.family), sd_y=1.0, centre=centre)


def _coefficients(model: Model, scale: Scales) -> Iterator[tuple[str, Unit]]:
    design, of = model.design, model.part.ending
    # Without an intercept columns are not centred: their means count too.
    size = scale.sd_y / (scale.sd_x if design.intercept else _sizes(design.common.matrix))
    # On the scale of another link, and of sigma, 1 is 1 whatever the units are.
    identity = model.family.link.name == "identity" and not model.part.dpar
    if not model.family.thresholds:
        yield f"Intercept{of}", Unit(scale.sd_y, scale.centre, written=identity)
    yield f"b{of}", Unit(size)
    yield f"b{of}_free", Unit(size[estimated(model.priors.of("b")).at])


def _effects(model: Model, number: int, scales: Sequence[Scales]) -> Iterator[tuple[str, Unit]]:
    """Yield the units of what a group term's effects depend on."""
    k, grouping = number + 1, model.groups[number]
    members = [(0, number)]
    if model.parts:
        members = [(m.part, m.number) for m in model.joined[number].members]
    parts, response = model.parts or (model,), scales[members[0][0]].sd_y
    columns = [parts[p].design.groups[n].effects.matrix for p, n in members]
    sds = [scales[p].sd_y for p, _ in members]
    size = np.concatenate([sd / _sizes(Z) for sd, Z in zip(sds, columns, strict=True)])
    structure, priors = covariance_of(grouping), model.priors.of("sd", number)
    yield f"load_{k}", Unit(response)
    if structure.one is not None:
        yield f"rho_{k}", Unit(lowest=structure.one.lowest(len(grouping.terms)))
    if priors and priors[0].kind == "decov":
        # In units of sigma, where there is one.
        yield f"tau_{k}", Unit(size.min() / (response if "sigma" in model.scales else 1.0))
    elif priors:
        # Of effects that share one sd, and of strata, stratum by stratum.
        own = np.resize(size.min(keepdims=True) if structure.common_sd else size, len(priors))
        yield f"sd_{k}", Unit(own)
        yield f"sd_{k}_free", Unit(own[estimated(priors).at])


def _sizes(columns: Floats) -> Floats:
    """Return the root mean square of each column, 1 of one that is 0."""
    found = np.sqrt(np.mean(columns**2, axis=0))
    return np.where(found > 0, found, 1.0)
