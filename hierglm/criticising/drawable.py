"""A model as its priors are to be drawn: no flat ones, and no levels that nobody asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hierglm.design.design import Design, Grouping
from hierglm.models import Model
from hierglm.names import Parameter
from hierglm.priors.distributions import Prior
from hierglm.priors.slots import Priors


def with_stand_in(model: Model, stand_in: Prior) -> Model:
    """Return a model with another prior in the place of every flat one.

    Parameters
    ----------
    model : Model
    stand_in : Prior
    """

    def proper(priors: Priors) -> Priors:
        return Priors(
            tuple(replace(a, prior=stand_in) if a.prior.kind == "flat" else a for a in priors)
        )

    parts = tuple(replace(m, priors=proper(m.priors)) for m in model.parts)
    return replace(model, priors=proper(model.priors), parts=parts)


def with_levels(model: Model, named: Sequence[Parameter] = ()) -> Model:
    """Return a model without the independent levels that nobody asks for, which may be many.

    Parameters
    ----------
    model : Model
    named : sequence of Parameter
        Whose levels stay, beside the first of each grouping factor.
    """

    def few(g: Grouping) -> Grouping:
        if not g.relation.plain:
            return g
        wanted = {str(p.level) for p in named if p.group == g.group}
        keep = np.array([str(level) in wanted for level in g.levels])
        keep[0] = True
        # Nobody looks at the rows: all are put to one level.
        return replace(g, levels=g.levels[keep], index=np.zeros_like(g.index))

    def of_few(design: Design) -> Design:
        return replace(design, groups=tuple(map(few, design.groups)))

    parts = tuple(replace(m, design=of_few(m.design)) for m in model.parts)
    joined = tuple(replace(j, grouping=few(j.grouping)) for j in model.joined)
    design = parts[0].design if parts else of_few(model.design)
    return replace(model, design=design, parts=parts, joined=joined)
