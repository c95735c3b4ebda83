"""Draws of models with several linear predictors: those of one, and what they share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.several import Joined
from hierglm.draws.draws import Draws
from hierglm.draws.parameters import entries
from hierglm.draws.scales import scales
from hierglm.models import Model, Part
from hierglm.names import qualified

Floats = NDArray[np.float64]


def of_part(draws: Draws, part: Part) -> Draws:
    """Return the draws of one predictor, named as if it were the only one.

    Parameters
    ----------
    draws : Draws
        Of all.
    part : Part
        Which; ``sigma`` and the like are those of its response.
    """
    own = {}
    for v in draws:
        if v.effect == "family" and v.response == part.response:
            own[v.term] = replace(v, name=v.term)
        elif (v.response, v.dpar) == (part.response, part.dpar):
            name = v.name.removesuffix(part.ending)
            dims = tuple((n.removesuffix(part.ending), labels) for n, labels in v.dims)
            own[name] = replace(v, name=name, dims=dims)
    return replace(draws, variables=own)


def covariance_draws(
    model: Model, joined: Joined, draws: Draws
) -> tuple[tuple[str, ...], Floats, Floats]:
    """Return labels, sds (draws, q) and correlations (draws, q, q) of a group term's effects.

    Parameters
    ----------
    model : Model
        With several linear predictors.
    joined : Joined
        One of its group terms.
    draws : Draws
    """
    if joined.shared:
        return _shared(joined, draws)
    (member,) = joined.members
    own = model.parts[member.part]
    sd, correlation = scales(own.design.groups, member.number, of_part(draws, own.part))
    labels = tuple(qualified(t, own.part.response, own.part.dpar) for t in joined.grouping.terms)
    return labels, sd, correlation


def _shared(joined: Joined, draws: Draws) -> tuple[tuple[str, ...], Floats, Floats]:
    terms, group = joined.grouping.terms, joined.grouping.group
    place = {term: i for i, term in enumerate(terms)}
    size, q = draws.chains * draws.draws, len(terms)
    sd, correlation = np.empty((size, q)), np.tile(np.eye(q), (size, 1, 1))
    for entry in entries(draws, ("ran_sd", "ran_cor")):
        p = entry.parameter
        index: tuple[Any, ...] = (slice(None), slice(None), *entry.index)
        values = draws[entry.variable].values[index].reshape(size)
        labels = [p.term, p.term2] if p.effect == "ran_cor" else [p.term]
        # Correlations between predictors have labels that are qualified already.
        at = [place.get(qualified(x, p.response, p.dpar), place.get(x)) for x in labels]
        known = [i for i in at if i is not None]
        if p.group != group or len(known) < len(at):
            continue
        if p.effect == "ran_sd":
            sd[:, known[0]] = values
        else:
            i, j = known
            correlation[:, i, j] = correlation[:, j, i] = values
    return terms, sd, correlation
