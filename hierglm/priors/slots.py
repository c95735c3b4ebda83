"""The parameters of a model that take a prior, and the names under which users set it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from hierglm.covariances import correlated_terms, covariance_of, sd_terms
from hierglm.covariances.rr import is_auto
from hierglm.design.design import Design, Grouping
from hierglm.families.parameters import FamilyParameter
from hierglm.families.parameters import Support as Range
from hierglm.names import Parameter, flat_name, group_name, of_predictor
from hierglm.priors.distributions import Prior

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
