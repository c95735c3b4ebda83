"""Which prior may stand for which parameter; what is refused, and in which words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hierglm.design.design import Grouping
from hierglm.errors import PriorError, suggest
from hierglm.families.parameters import Support as Range
from hierglm.names import group_name
from hierglm.priors.distributions import KINDS, Prior, Support
from hierglm.priors.sets import OF_LEVELS
from hierglm.priors.slots import Assigned, Role, Slot

_STANDS: Mapping[Role, tuple[Support, ...]] = {
    "Intercept": ("real", "any"),
    "b": ("real", "any"),
    "sd": ("real", "positive", "covariance", "any"),
    "cor": ("correlation",),
    "loading": ("real", "any"),
}
_RANGES: Mapping[Range, tuple[Support, ...]] = {
    "positive": ("real", "positive", "any"),
    "above_one": ("real", "positive", "any"),
    "unit": ("unit", "real", "any"),
    "ordered": ("real", "any"),
}


def check(assigned: Assigned) -> Assigned:
    """Return a prior that may stand for its parameter; refuse any other.

    Raises
    ------
    PriorError
        A kind for another support, or a constant that the parameter cannot be.
    """
    role, name, prior = assigned.slot.role, assigned.slot.name, assigned.prior
    ranged = role == "scale" or role in OF_LEVELS
    allowed = _RANGES[assigned.slot.support] if ranged else _STANDS[role]
    if role == "cor" and assigned.slot.term:
        allowed = (*allowed, "real", "any")
    if KINDS[prior.kind].support not in allowed:
        kinds = [k for k, rule in KINDS.items() if rule.support in allowed]
        raise PriorError(f"{prior!r} cannot be the prior of {name}; it takes {', '.join(kinds)}")
    if role == "loading":
        _check_loading(assigned)
    if prior.given and role in ("sd", "cor", "scale", *OF_LEVELS):
        _check_given(assigned.slot, prior.numbers[0])
    if prior.kind == "decov" and assigned.source == f"given as {name!r}":
        group = group_name("ran_sd", assigned.slot.group)
        raise PriorError(f"decov is for all sds of a term together: give it as {group!r}")
    return assigned


def _check_loading(assigned: Assigned) -> None:
    """Refuse a prior that is not the same for all rotations of the factors."""
    prior = assigned.prior
    if prior.kind not in ("normal", "student_t") or prior.numbers[-2] != 0:
        raise PriorError(
            f"{prior!r} cannot be the prior of {assigned.slot.name}: loadings are the same under "
            "rotations of the factors for normal(0, scale) and student_t(df, 0, scale) alone"
        )


def _check_given(slot: Slot, value: float) -> None:
    """Refuse a constant that the parameter can never be."""
    if slot.role == "cor":
        if not slot.low < value < 1:
            low = f"{slot.low:.4g}"
            raise PriorError(f"{slot.name} cannot be {value:g}: it lies between {low} and 1")
        return
    if slot.support == "ordered":
        raise PriorError(f"{slot.name} is a vector in order, and cannot be given as one number")
    fits, rule = {
        "positive": (value > 0, "is greater than 0"),
        "unit": (0 < value < 1, "lies between 0 and 1"),
        "above_one": (value >= 1, "is not below 1"),
    }[slot.support]
    if not fits:
        more = "; for no variation leave the term out of the formula" if slot.role == "sd" else ""
        raise PriorError(f"{slot.name} cannot be {value:g}: it {rule}{more}")


def refuse_strata(g: Grouping, assigned: Sequence[Assigned]) -> None:
    """Refuse decov where it would be one prior for the sds of several strata."""
    if g.relation.strata and any(a.prior.kind == "decov" for a in assigned):
        raise PriorError(
            f"decov is a prior of one covariance, and {g.source} has one in each stratum; give "
            f"{group_name('ran_sd', g.group)!r} a prior such as hierglm.prior.exponential(1)"
        )


def refuse_mixed(assigned: tuple[Assigned, ...]) -> None:
    """Refuse decov, which is one prior for all sds of a term, beside others."""
    kinds: dict[int, set[str]] = {}
    for a in assigned:
        if a.slot.role == "sd":
            kinds.setdefault(a.slot.number, set()).add(a.prior.kind)
    for a in assigned:
        mixed = a.slot.role == "sd" and len(kinds[a.slot.number]) > 1
        if mixed and a.prior.kind != "decov" and "decov" in kinds[a.slot.number]:
            raise PriorError(
                f"decov is for all sds of a term together: beside it {a.slot.name} cannot have "
                f"{a.prior!r}"
            )


def refuse_unknown(given: Mapping[str, Prior], slots: Sequence[Slot]) -> None:
    """Refuse a name that no parameter has."""
    known = list(dict.fromkeys(k for s in slots for k in s.keys))
    for name in given:
        if name in known:
            continue
        correlation = str(name).startswith("cor")
        why = "; a correlation needs two correlated effects of a group" if correlation else ""
        near = suggest(str(name), known)
        hint = near if near.endswith("?") else ""
        raise PriorError(f"no parameter {name!r}{why}{hint}\nThe names are: {', '.join(known)}")
