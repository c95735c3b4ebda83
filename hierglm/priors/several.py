"""Priors of models with several linear predictors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from hierglm.design.design import Design
from hierglm.design.several import Joined
from hierglm.errors import PriorError
from hierglm.families.family import Family
from hierglm.families.parameters import FamilyParameter
from hierglm.names import Parameter, flat_name, of_predictor, parse_qualified
from hierglm.priors.assign import base_set, settle
from hierglm.priors.distributions import Prior
from hierglm.priors.scales import Scales, measure
from hierglm.priors.sets import SETS
from hierglm.priors.slots import (
    Assigned,
    Priors,
    Slot,
    common_slots,
    group_slots,
    scale_slots,
)

LINKED = 2.5
"""Scale of the default priors of a parameter's predictor, on the scale of its link (brms)."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """What a predictor's default priors depend on.

    Attributes
    ----------
    response, dpar : str
        What it is of.
    design : Design
        Its columns, with the response.
    family : Family
        Of the response.
    own : FamilyParameter or None
        The parameter that it predicts, where that is not the mean.
    scales : tuple of FamilyParameter
        Parameters of the family that are estimated beside it, each as one number.
    """

    response: str
    dpar: str
    design: Design
    family: Family
    own: FamilyParameter | None
    scales: tuple[FamilyParameter, ...]

    def scale(self, slot: Slot, base: str) -> tuple[Scales, Family]:
        """Return what scales the default prior of a parameter."""
        numbers = measure(self.design, self.family)
        if self.own is None:
            return numbers, self.family
        # brms scales the sds of every predictor of a response by the response itself.
        spread = numbers.spread if base == "brms" and slot.role == "sd" else LINKED
        own = replace(numbers, mean_y=0.0, sd_y=1.0, centre=0.0, spread=spread)
        return own, replace(self.family, link=self.own.link)


def assign_each(
    predictors: Sequence[Predicted],
    joined: Sequence[Joined],
    priors: str | Mapping[str, Prior] | None,
) -> Priors:
    """Return the prior of every parameter of a model with several linear predictors.

    Names carry their predictor: ``"b[x]@score"``, ``"Intercept@.sigma"``,
    ``"sd[school:x]@score"``. Names without one are about the means of all responses.

    Parameters
    ----------
    predictors : sequence of Predicted
    joined : sequence of Joined
        Their group terms.
    priors : "default", "brms", mapping or None
        See `hierglm.priors.assign.assign`.

    Raises
    ------
    PriorError
        As `hierglm.priors.assign.assign`; and for rstanarm's priors, which know one predictor.
    """
    base = base_set(priors)
    if base == "rstanarm":
        raise PriorError(
            "priors='rstanarm' are for models with one linear predictor; use 'default' or 'brms'"
        )
    assigned = []
    for k, slot in _slots(predictors, joined):
        numbers, family = predictors[k].scale(slot, base)
        assigned.append(Assigned(slot, *SETS[base](slot, numbers, family)))
    found = settle(assigned, priors)
    for a in found:
        if a.prior.kind == "decov":
            raise PriorError(
                f"{a.slot.name}: decov is relative to the residual sd of one linear predictor; "
                "give sd and cor priors of their own"
            )
    return found


def _slots(predictors: Sequence[Predicted], joined: Sequence[Joined]) -> Iterator[tuple[int, Slot]]:
    """Yield each slot with the predictor that it belongs to."""
    for k, p in enumerate(predictors):
        for slot in (*common_slots(p.design), *scale_slots(p.scales)):
            # Parameters of the family are the response's, whatever predictor comes first.
            dpar = "" if slot.role == "scale" else p.dpar
            name = slot.name + of_predictor(p.response, dpar)
            yield k, replace(slot, name=name, response=p.response, dpar=dpar, main=p.own is None)
    place = {(p.response, p.dpar): k for k, p in enumerate(predictors)}
    for number, term in enumerate(joined):
        first = term.members[0].part
        for slot in group_slots(term.grouping, number):
            p = predictors[first]
            if not term.shared:
                name = slot.name + of_predictor(p.response, p.dpar)
                own = replace(slot, name=name, response=p.response, dpar=p.dpar)
                yield first, replace(own, main=p.own is None)
            elif slot.role == "sd":
                label, response, dpar = parse_qualified(slot.term)
                key = Parameter("ran_sd", slot.group, "", label, "", response, dpar)
                k = place[response, dpar]
                own = replace(slot, name=flat_name(key), response=response, dpar=dpar)
                yield k, replace(own, main=predictors[k].own is None)
            else:
                yield first, slot
