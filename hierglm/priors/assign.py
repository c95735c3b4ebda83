"""Which prior each parameter gets: whole sets of defaults, and the user's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from hierglm.covariances import correlated_terms, covariance_of, sd_terms
from hierglm.covariances.rr import is_auto
from hierglm.design.design import Design, Grouping
from hierglm.errors import PriorError, suggest
from hierglm.families.family import Family
from hierglm.families.parameters import FamilyParameter
from hierglm.families.parameters import Support as Range
from hierglm.names import Parameter, flat_name, group_name, of_predictor
from hierglm.priors.distributions import (
    KINDS,
    Prior,
    Support,
    beta,
    decov,
    exponential,
    flat,
    gamma,
    lkj,
    normal,
    student_t,
)
from hierglm.priors.scales import Scales, measure

Role = Literal["Intercept", "b", "sd", "cor", "loading", "alpha", "rho", "df", "scale"]


@dataclass(frozen=True, slots=True)
class Slot:
    """A parameter that takes a prior.

    Attributes
    ----------
    role : {"Intercept", "b", "sd", "cor", "loading", "alpha", "rho", "df", "scale"}
        What it is.
    name : str
        As in the tables: ``"b[x]"``, ``"sd[school:x]"``, ``"cor[school]"``, ``"sigma"``.
    number : int
        Position of its column or group term.
    group, term : str
        Of a group term's parameter; of a parameter of the family its own name. All
        correlations of a group term together have no term.
    support : {"positive", "unit", "above_one", "ordered"}
        What a parameter of the family may be.
    response, dpar : str
        Which of several linear predictors it belongs to.
    low : float
        Lower end of a correlation that is a parameter of its own.
    shrunk : bool
        Whether loadings are drawn to fewer factors than there are.
    main : bool
        Whether names without a predictor mean it too, as they mean all that is about means.
    """

    role: Role
    name: str
    number: int = 0
    group: str = ""
    term: str = ""
    support: Range = "positive"
    response: str = ""
    dpar: str = ""
    main: bool = True
    low: float = -1.0
    shrunk: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """The names under which a user may set it, the most specific last."""
        if self.role == "cor":
            return tuple(dict.fromkeys(("cor", group_name("ran_cor", self.group), self.name)))
        wide = [self.term if self.role == "scale" else self.role]
        if self.group:
            wide.append(group_name(f"ran_{self.role}", self.group))
        place = of_predictor(self.response, self.dpar)
        everywhere = wide if self.main else []
        return tuple(dict.fromkeys([*everywhere, *(w + place for w in wide), self.name]))


@dataclass(frozen=True, slots=True)
class Assigned:
    """A parameter with its prior and where the prior comes from."""

    slot: Slot
    prior: Prior
    source: str


@dataclass(frozen=True, slots=True)
class Priors:
    """The prior of every parameter of a model."""

    assigned: tuple[Assigned, ...]

    def __iter__(self) -> Iterator[Assigned]:
        return iter(self.assigned)

    def of(self, role: Role, number: int | None = None) -> tuple[Prior, ...]:
        """Return the priors of a role, of one group term where `number` is given."""
        return tuple(
            a.prior
            for a in self.assigned
            if a.slot.role == role and number in (None, a.slot.number)
        )

    @property
    def given(self) -> tuple[str, ...]:
        """Names of the parameters that are known: those with a constant for a prior."""
        return tuple(a.slot.name for a in self.assigned if a.prior.given)

    def scale(self, name: str) -> Prior:
        """Return the prior of a family parameter such as sigma."""
        return next(
            a.prior for a in self.assigned if a.slot.role == "scale" and a.slot.term == name
        )


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
        _refuse_strata(g, own)
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
        _refuse_unknown(priors, [a.slot for a in assigned])
    settled = tuple(_settle(a) for a in assigned)
    _refuse_mixed(settled)
    return Priors(settled)


def common_slots(design: Design) -> list[Slot]:
    """Return the slots of intercept and common coefficients."""
    slots = (
        [Slot("Intercept", flat_name(Parameter("fixed", term="Intercept")))]
        if design.intercept
        else []
    )
    slots += [
        Slot("b", flat_name(Parameter("fixed", term=label)), i)
        for i, label in enumerate(design.common.labels)
    ]
    return slots


def group_slots(g: Grouping, number: int) -> list[Slot]:
    """Return the slots of the sds and correlations, or of the loadings, of a group term."""
    covariance = covariance_of(g)
    if covariance.low_rank:
        name = group_name("ran_loading", g.group)
        return [Slot("loading", name, number, g.group, shrunk=is_auto(g))]
    slots = [
        Slot("sd", flat_name(Parameter("ran_sd", g.group, term=term)), number, g.group, term)
        for term in sd_terms(g)
    ]
    if covariance.free:
        slots.append(Slot("cor", group_name("ran_cor", g.group), number, g.group))
    elif covariance.one is not None:
        ((term, _),) = correlated_terms(g)
        name = flat_name(Parameter("ran_cor", g.group, term=term))
        low = covariance.one.lowest(len(g.terms))
        slots.append(Slot("cor", name, number, g.group, term, low=low))
    if g.relation.parameter:
        slots += [_level_slot(g.relation.parameter, g.group, number, t, "unit") for t in g.terms]
    if g.relation.student:
        slots.append(_level_slot("df", g.group, number, " + ".join(g.terms), "above_one"))
    return slots


def _level_slot(role: Role, group: str, number: int, term: str, support: Range) -> Slot:
    name = flat_name(Parameter(f"ran_{role}", group, term=term))
    return Slot(role, name, number, group, term, support)


def scale_slots(scales: tuple[FamilyParameter, ...]) -> list[Slot]:
    """Return the slots of the family's parameters."""
    return [Slot("scale", s.name, term=s.name, support=s.support) for s in scales]


def _default(slot: Slot, s: Scales, family: Family) -> tuple[Prior, str]:
    if slot.role == "b":
        sd_x = float(s.sd_x[slot.number])
        text = f"default: normal(0, 2.5 s_y / s_x), s_y = {s.sd_y:.4g}, s_x = {sd_x:.4g}"
        return normal(0, 2.5 * s.sd_y / sd_x), text
    prior, source = _brms(slot, s, family)
    return prior, source.replace("brms", "default", 1)


def _brms(slot: Slot, s: Scales, family: Family) -> tuple[Prior, str]:
    on = "response" if family.link.name == "identity" else f"{family.link.name} scale"
    if slot.role == "Intercept":
        return student_t(3, s.centre, s.spread), f"brms: student_t(3, m, s) on the {on}"
    if slot.role == "b":
        return flat(), "brms: flat"
    if slot.role == "cor":
        return lkj(1), "brms: lkj(1)"
    if slot.role in _LEVELS:
        return _LEVELS[slot.role]
    if slot.role == "loading":
        return _loading(slot, s)
    own = _own_default(slot, family)
    if own is not None:
        return own, f"brms: {own!r}"
    return student_t(3, 0, s.spread), f"brms: half student_t(3, 0, s) on the {on}"


def _rstanarm(slot: Slot, s: Scales, family: Family) -> tuple[Prior, str]:
    if slot.role == "Intercept" and family.thresholds:
        raise PriorError(
            f"rstanarm's priors of {family.name} models are about R^2, not thresholds; use "
            "priors='default' or 'brms'"
        )
    if slot.role == "Intercept":
        return normal(s.mean_y, 2.5 * s.sd_y), "rstanarm: normal(m_y, 2.5 s_y)"
    if slot.role == "b":
        sd_x = float(s.sd_x[slot.number])
        return normal(0, 2.5 * s.sd_y / sd_x), "rstanarm: normal(0, 2.5 s_y / s_x)"
    if slot.role == "cor":
        return lkj(1), "rstanarm: decov, lkj(regularization)"
    if slot.role == "sd":
        return decov(), "rstanarm: decov, relative to the residual sd"
    if slot.role == "loading":
        return _loading(slot, s)
    if slot.role in _LEVELS:
        return _LEVELS[slot.role]
    own = next(p.rstanarm for p in family.parameters if p.name == slot.term)
    if own is None:
        raise PriorError(
            f"rstanarm has no {family.name} family with {slot.name}, so priors='rstanarm' has no "
            "prior for it; use priors='default' or 'brms'"
        )
    if own == "scaled":
        return exponential(1 / s.sd_y), "rstanarm: exponential(1 / s_y)"
    return own, f"rstanarm: {own!r}"


def _loading(slot: Slot, s: Scales) -> tuple[Prior, str]:
    """Return the prior of loadings, in every set; of a rank that is found, a tenth as wide."""
    if slot.shrunk:
        return student_t(1, 0, s.spread / 10), "default: matrix student_t(1, 0, s / 10)"
    return student_t(3, 0, s.spread), "default: student_t(3, 0, s), all loadings together"


_LEVELS: Mapping[Role, tuple[Prior, str]] = {
    "alpha": (beta(1, 1), "brms: uniform"),
    "rho": (beta(0.5, 0.5), "Morris et al. (2019): beta(1/2, 1/2)"),
    "df": (gamma(2, 0.1), "brms: gamma(2, 0.1)"),
}
"""Of parameters that say how levels are related, in every set."""


def _own_default(slot: Slot, family: Family) -> Prior | None:
    """Return the default prior of a family's parameter that does not depend on the data."""
    if slot.role != "scale":
        return None
    default = next(p.default for p in family.parameters if p.name == slot.term)
    return None if default == "scaled" else default


SETS: Mapping[str, Callable[[Slot, Scales, Family], tuple[Prior, str]]] = {
    "default": _default,
    "brms": _brms,
    "rstanarm": _rstanarm,
}


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


def _settle(assigned: Assigned) -> Assigned:
    role, name, prior = assigned.slot.role, assigned.slot.name, assigned.prior
    ranged = role == "scale" or role in _LEVELS
    allowed = _RANGES[assigned.slot.support] if ranged else _STANDS[role]
    if role == "cor" and assigned.slot.term:
        allowed = (*allowed, "real", "any")
    if KINDS[prior.kind].support not in allowed:
        kinds = [k for k, rule in KINDS.items() if rule.support in allowed]
        raise PriorError(f"{prior!r} cannot be the prior of {name}; it takes {', '.join(kinds)}")
    if role == "loading":
        _check_loading(assigned)
    if prior.given and role in ("sd", "cor", "scale", *_LEVELS):
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


def _refuse_strata(g: Grouping, assigned: Sequence[Assigned]) -> None:
    """Refuse decov where it would be one prior for the sds of several strata."""
    if g.relation.strata and any(a.prior.kind == "decov" for a in assigned):
        raise PriorError(
            f"decov is a prior of one covariance, and {g.source} has one in each stratum; give "
            f"{group_name('ran_sd', g.group)!r} a prior such as hierglm.prior.exponential(1)"
        )


def _refuse_mixed(assigned: tuple[Assigned, ...]) -> None:
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


def _refuse_unknown(given: Mapping[str, Prior], slots: list[Slot]) -> None:
    known = list(dict.fromkeys(k for s in slots for k in s.keys))
    for name in given:
        if name in known:
            continue
        correlation = str(name).startswith("cor")
        why = "; a correlation needs two correlated effects of a group" if correlation else ""
        near = suggest(str(name), known)
        hint = near if near.endswith("?") else ""
        raise PriorError(f"no parameter {name!r}{why}{hint}\nThe names are: {', '.join(known)}")
