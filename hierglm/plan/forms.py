"""How each part of a model can be written, and what an engine must offer for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from hierglm.models import Model
from hierglm.plan.conditional import Conditional
from hierglm.plan.order import Order
from hierglm.plan.penalised import Penalised
from hierglm.plan.rows import Rows
from hierglm.plan.sums import Sums
from hierglm.showing.said import Grid, Said
from hierglm.showing.shown import Shown


class Ability(Enum):
    """Something that an engine may or may not offer to a program."""

    NORMAL_GLM = "normal_id_glm"
    BERNOULLI_GLM = "bernoulli_logit_glm"
    BINOMIAL_GLM = "binomial_logit_glm"
    POISSON_GLM = "poisson_log_glm"
    KERNELS = "functions bound to C++"


class ResponseForm(Enum):
    """How the likelihood is written."""

    GLM = "one fused density over all rows"
    VECTOR = "one vectorised density over all rows"
    WEIGHTED = "one density a row, times its weight"
    CATEGORIES = "one density a row, over categories"
    GATHERED = "sums over equal rows"
    KERNEL = "one pass over sorted rows"
    CROSSPRODUCTS = "crossproducts instead of rows"


class CommonForm(Enum):
    """How the population-level coefficients are written."""

    NONE = "no columns"
    CENTRED = "coefficients of centred columns"
    DIRECT = "coefficients of the columns as they are"
    WHITENED = "coefficients about a penalised fit, made independent"


class GroupForm(Enum):
    """How the effects of a group term are written."""

    STANDARDISED = "standardised effects"
    CONDITIONAL = "effects about their conditional means"
    INTEGRATED = "effects integrated out, drawn afterwards"


Form = TypeVar("Form", ResponseForm, CommonForm, GroupForm)


@dataclass(frozen=True, slots=True)
class Choice(Generic[Form]):
    """A decision with its reason.

    Attributes
    ----------
    part : str
        What was decided, in the user's words: "response score", "(x | school)".
    form : ResponseForm, CommonForm or GroupForm
        How it will be written.
    because : str
        The reason, with the numbers that decided.
    """

    part: str
    form: Form
    because: str


@dataclass(frozen=True, slots=True)
class Beside:
    """What programs of several linear predictors are written from.

    Attributes
    ----------
    fits : mapping of int to Penalised
        By position of the predictor: its penalised fit, where there is one.
    terms : mapping of int to (Conditional, ndarray)
        By position of the group term: what its effects are conditioned on, predictor by
        predictor, and from where the coefficients of these predictors are counted.
    order : tuple of int
        All terms, those whose effects others move with first.
    why : mapping of int to str
        Why other terms have none.
    doubt : str
        Why some predictor has no fit, or "".
    """

    fits: Mapping[int, Penalised]
    terms: Mapping[int, tuple[Conditional, NDArray[np.float64]]]
    order: tuple[int, ...]
    why: Mapping[int, str]
    doubt: str


@dataclass(frozen=True, slots=True)
class Numbers:
    """What was computed from the data to choose a plan and to write its program.

    Attributes
    ----------
    order : Order
        In which effects are eliminated.
    sums : Sums or None
        Crossproducts, where rows drop out.
    rows : Rows or None
        Distinct rows, where they do not.
    fit : Penalised or None
        The penalised fit, where there is one that can be trusted.
    doubt : str
        Why there is none, or why it is not trusted.
    rotation : mapping of int to ndarray, shape (J, J)
        Of terms with related levels, by position: what their effects in coordinates in which
        levels are independent are multiplied by; `sums` and `fit` are about the latter.
    within : mapping of int to ndarray, shape (J, J)
        The same of terms whose levels differ in covariance besides: there only `fit` is about
        coordinates, `sums` and effects are by level.
    beside : Beside or None
        Of several linear predictors.
    """

    order: Order
    sums: Sums | None = None
    rows: Rows | None = None
    fit: Penalised | None = None
    doubt: str = ""
    rotation: Mapping[int, NDArray[np.float64]] = field(default_factory=dict)
    within: Mapping[int, NDArray[np.float64]] = field(default_factory=dict)
    beside: Beside | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Plan(Shown):
    """Which Stan program will be written for a model, and why; prints itself.

    Attributes
    ----------
    model : Model
        What is to be fitted.
    asked : {"auto", "textbook"} or tuple of (str, str)
        What was asked for: a plan, or "auto" but for the form of these parts.
    response, common : Choice
        For the likelihood and for the population-level coefficients.
    groups : tuple of Choice
        One for each group term.
    numbers : Numbers or None
        What the program is written from; not part of a saved fit.
    engine : str
        Which engine runs it and why, in words; "" where nobody has asked.
    parts : tuple of Plan
        One for each of several linear predictors, without groups; else empty.
    """

    model: Model
    asked: str | tuple[tuple[str, str], ...]
    response: Choice[ResponseForm]
    common: Choice[CommonForm]
    groups: tuple[Choice[GroupForm], ...]
    numbers: Numbers | None = field(default=None, repr=False, compare=False)
    engine: str = field(default="", compare=False)
    parts: tuple[Plan, ...] = ()

    def __iter__(self) -> Iterator[Choice[Any]]:
        for plan in self.parts or (self,):
            if plan.model.part.first:
                yield plan.response
            yield plan.common
        yield from self.groups

    @property
    def name(self) -> str:
        """``"auto"`` or ``"textbook"``, and what was asked for by part."""
        if isinstance(self.asked, str):
            return self.asked
        return "auto" + "".join(f", {part}: {form}" for part, form in self.asked)

    @property
    def wanted(self) -> str | dict[str, str]:
        """What was asked for, as `hierglm.plan.choose.choose` takes it."""
        return self.asked if isinstance(self.asked, str) else dict(self.asked)

    @property
    def line(self) -> str:
        """The plan in one line, for the head of a summary."""
        responses = [p.response for p in self.parts or (self,) if p.model.part.first]
        values = [*(c.form.value for c in responses), *(c.form.value for c in self.groups)]
        forms = dict.fromkeys(values)
        return f"{self.name}: {'; '.join(forms)}"

    def said(self) -> Said:
        """Return the choices as a table; see `hierglm.showing.said.Said`."""
        rows = [(c.part, c.form.value, c.because) for c in self]
        if self.engine:
            chosen, _, because = self.engine.partition("\n")
            rows.append(("engine", chosen, " ".join(because.split())))
        columns = tuple(zip(*rows, strict=True))
        grid = Grid(("part", "form", "because"), columns, (False, False, False))
        return Said("; ".join(self.model.formulas), (f"plan {self.name}",), (grid,), formula=True)

    def __repr__(self) -> str:
        width = max(len(part) for part in ("engine", *(c.part for c in self)))
        lines = [f"plan {self.name!r} for {'; '.join(self.model.formulas)}"]
        lines += [
            f"  {c.part:<{width}}  {c.form.value}\n  {'':<{width}}  {c.because}" for c in self
        ]
        if self.engine:
            lines.append(
                f"  {'engine':<{width}}  " + self.engine.replace("\n", f"\n{'':{width + 4}}")
            )
        return "\n".join(lines)
