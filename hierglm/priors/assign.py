"""Which prior each parameter gets: a set of defaults, and the user's own over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hierglm.design.design import Design
from hierglm.errors import PriorError, suggest
from hierglm.families.family import Family
from hierglm.families.parameters import FamilyParameter
from hierglm.names import group_name
from hierglm.priors.checks import check, refuse_mixed, refuse_strata, refuse_unknown
from hierglm.priors.distributions import Prior, lkj
from hierglm.priors.scales import measure
from hierglm.priors.sets import SETS
from hierglm.priors.slots import Assigned, Priors, common_slots, group_slots, scale_slots


def assign(
    design: Design,
    family: Family,
    scales: tuple[FamilyParameter, ...],
    priors: str | Mapping[str, Prior] | None,
) -> Priors:
    """Return the prior of every parameter.

    Parameters
    ----------
    design : Design
        The data, which scale the defaults.
    family : Family
        The response's distribution.
    scales : tuple of FamilyParameter
        Its parameters that are estimated (without sigma where errors are known).
    priors : "default", "brms", "rstanarm", mapping or None
        A whole set, or the user's own by name, over the defaults.

    Raises
    ------
    PriorError
        For an unknown set, one that has no prior for the family, a name that matches no
        parameter, or a prior that cannot stand for its parameter.
    """
    base, numbers = base_set(priors), measure(design, family)
    slots = common_slots(design)
    for i, g in enumerate(design.groups):
        slots += group_slots(g, i)
    slots += scale_slots(scales)
    found = settle([Assigned(s, *SETS[base](s, numbers, family)) for s in slots], priors)
    for i, g in enumerate(design.groups):
        own = [a for a in found if a.slot.role == "sd" and a.slot.number == i]
        refuse_strata(g, own)
    if family.thresholds and any(p.given for p in found.of("Intercept")):
        raise PriorError("thresholds cannot be given: one number cannot be all of them")
    return found


def base_set(priors: str | Mapping[str, Prior] | None) -> str:
    """Return the name of the set that stands where the user gives nothing else."""
    base = "default" if priors is None or isinstance(priors, Mapping) else priors
    if not isinstance(base, str) or base not in SETS:
        raise PriorError(f"no set of priors {priors!r}{suggest(str(priors), SETS)}")
    return base


def settle(assigned: list[Assigned], priors: str | Mapping[str, Prior] | None) -> Priors:
    """Return the priors with the user's own among them, all checked."""
    if isinstance(priors, Mapping):
        assigned = [_own(a, priors) for a in assigned]
        refuse_unknown(priors, [a.slot for a in assigned])
    settled = tuple(check(a) for a in assigned)
    refuse_mixed(settled)
    return Priors(settled)


def _own(assigned: Assigned, given: Mapping[str, Prior]) -> Assigned:
    keys = assigned.slot.keys
    found = next((k for k in reversed(keys) if k in given), None)
    if found is None:
        # decov is one prior for sds and correlations together.
        sds = group_name("ran_sd", assigned.slot.group)
        both = given.get(sds, given.get("sd")) if assigned.slot.role == "cor" else None
        if isinstance(both, Prior) and both.kind == "decov":
            return replace(assigned, prior=lkj(both.numbers[0]), source=f"given as {sds!r}")
        return assigned
    prior = given[found]
    if not isinstance(prior, Prior):
        raise PriorError(
            f"the prior of {found!r} must be made by hierglm.prior, such as "
            f"hierglm.prior.normal(0, 1); found {prior!r}"
        )
    return replace(assigned, prior=prior, source=f"given as {found!r}")
