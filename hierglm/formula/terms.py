"""The values that a parsed formula is made of; syntax only, no data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FactorKind = Literal["name", "call", "number"]


@dataclass(frozen=True, slots=True)
class Factor:
    """One atom of a formula: a column, a call such as ``log(x)``, or a number.

    Attributes
    ----------
    expr : str
        What the formula engine evaluates: R's spellings translated
        (``I(x^2)`` is ``I(x**2)`` here), without backticks when `kind` is "name".
    label : str
        The same atom as the user wrote it, byte for byte (backticks removed from names).
    kind : {"name", "call", "number"}
        A name is only ever looked up; a call has passed the list of what may be called.
    names : tuple of str
        The columns that it reads.
    start, end : int
        Where it stands in the formula, half open.
    """

    expr: str
    label: str
    kind: FactorKind
    names: tuple[str, ...]
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Term:
    """A product of factors; the empty product is the intercept."""

    factors: tuple[Factor, ...] = ()

    @property
    def label(self) -> str:
        """``"Intercept"``, ``"x"`` or ``"a:b"``."""
        return ":".join(f.label for f in self.factors) or "Intercept"

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that the term reads, in order, without repeats."""
        return tuple(dict.fromkeys(n for f in self.factors for n in f.names))


INTERCEPT = Term()


@dataclass(frozen=True, slots=True)
class Given:
    """The name of something passed beside the table: a covariance matrix, a list of edges."""

    name: str
    start: int = 0
    end: int = 0


Option = bool | float | str | Given | tuple[Factor, ...]
"""What an option of a structure may be: a constant, something given, or columns."""


@dataclass(frozen=True, slots=True)
class Structure:
    """A kind of covariance with its options, as written: ``rr(x | g, rank=2)``.

    Attributes
    ----------
    kind : str
        Of the effects of a level: "unstructured", "diagonal", "iso", "cs", "ar1" or "rr".
        Of the levels: "independent", "gr", "mm" or "graph".
    options : tuple of (str, Option)
        In the order written.
    """

    kind: str
    options: tuple[tuple[str, Option], ...] = ()

    def option(self, name: str, default: Option | None = None) -> Option | None:
        """Return an option, or `default` where it was not given."""
        return dict(self.options).get(name, default)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that the options read."""
        columns = [v for _, v in self.options if isinstance(v, tuple)]
        return tuple(n for factors in columns for f in factors for n in f.names)

    @property
    def given(self) -> tuple[Given, ...]:
        """What the options want passed beside the table."""
        return tuple(v for _, v in self.options if isinstance(v, Given))


UNSTRUCTURED, DIAGONAL = Structure("unstructured"), Structure("diagonal")
INDEPENDENT = Structure("independent")


@dataclass(frozen=True, slots=True)
class GroupTerm:
    """``(effects | by)``: effects that vary over the levels of a grouping factor.

    Attributes
    ----------
    effects : tuple of Term
        What varies; contains `INTERCEPT` unless the user took it out.
    by : tuple of Factor
        The grouping factor; several for an interaction such as ``a:b``, or for the members
        of ``mm(a, b)``. ``(1 | a/b)`` has become two terms, by ``a`` and by ``a:b``.
    source : str
        The term as the user wrote it, brackets included.
    start, end : int
        Where it stands in the formula, half open.
    structure : Structure
        Covariance of the effects of one level: `UNSTRUCTURED` for ``|``, `DIAGONAL` for
        ``||``, and what ``iso(...)``, ``cs(...)``, ``ar1(...)``, ``rr(...)`` say.
    levels : Structure
        How levels depend on each other, or rows on several of them: ``gr(g, cov=A)``,
        ``mm(a, b)``, ``graph(x | g, edges=E)``.
    shared : str
        The id of ``(1 |id| g)``: terms of one id and one factor share their correlations.
    """

    effects: tuple[Term, ...]
    by: tuple[Factor, ...]
    source: str
    start: int = 0
    end: int = 0
    structure: Structure = UNSTRUCTURED
    levels: Structure = INDEPENDENT
    shared: str = ""

    @property
    def correlated(self) -> bool:
        """Whether the effects of a level have free correlations."""
        return self.structure.kind == "unstructured"

    @property
    def group(self) -> str:
        """Name of the grouping factor: ``"school"``, ``"a:b"`` or ``"mm(a, b)"``."""
        if self.levels.kind == "mm":
            return f"mm({', '.join(f.label for f in self.by)})"
        return ":".join(f.label for f in self.by)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that the term reads, in order, without repeats."""
        names = [n for t in self.effects for n in t.names]
        names += [n for f in self.by for n in f.names]
        return tuple(dict.fromkeys([*names, *self.structure.names, *self.levels.names]))

    @property
    def unplaced_names(self) -> tuple[str, ...]:
        """The columns that it reads of a row whose level does not matter."""
        names = [*(n for t in self.effects for n in t.names), *self.structure.names]
        weights = self.levels.option("weights")
        names += [n for f in weights for n in f.names] if isinstance(weights, tuple) else []
        return tuple(dict.fromkeys(names))


@dataclass(frozen=True, slots=True)
class ResponseTerm:
    """The left-hand side: what is modelled and what is known about each row.

    Attributes
    ----------
    value : Factor
        The response; the successes where there are `trials` or `failures`.
    trials : Factor or None
        ``y | trials(n)``; a number is the same for all rows.
    failures : Factor or None
        The second argument of ``cbind(successes, failures)``.
    weights : Factor or None
        ``y | weights(w)``: each row's log likelihood is multiplied by its weight.
    se : Factor or None
        ``y | se(s)``: known standard error of each row.
    se_and_sigma : bool
        ``se(s, sigma=TRUE)``: a residual sd is estimated besides the known errors.
    source : str
        The left-hand side as the user wrote it.
    """

    value: Factor
    trials: Factor | None = None
    failures: Factor | None = None
    weights: Factor | None = None
    se: Factor | None = None
    se_and_sigma: bool = False
    source: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that the left-hand side reads."""
        parts = (self.value, self.trials, self.failures, self.weights, self.se)
        return tuple(dict.fromkeys(n for p in parts if p is not None for n in p.names))


@dataclass(frozen=True, slots=True)
class Formula:
    """A parsed formula.

    Attributes
    ----------
    response : ResponseTerm
        The left-hand side.
    common : tuple of Term
        Population-level terms, `INTERCEPT` among them unless taken out.
    offsets : tuple of Factor
        The arguments of ``offset(...)``, added to the linear predictor.
    groups : tuple of GroupTerm
        In the order written.
    source : str
        The text.
    """

    response: ResponseTerm
    common: tuple[Term, ...]
    offsets: tuple[Factor, ...]
    groups: tuple[GroupTerm, ...]
    source: str

    @property
    def intercept(self) -> bool:
        """Whether there is a common intercept."""
        return INTERCEPT in self.common

    @property
    def names(self) -> tuple[str, ...]:
        """Every column that the formula reads, response first, without repeats."""
        parts: list[str] = list(self.response.names)
        for names in (
            *(t.names for t in self.common),
            *(f.names for f in self.offsets),
            *(g.names for g in self.groups),
        ):
            parts.extend(names)
        return tuple(dict.fromkeys(parts))

    def __str__(self) -> str:
        return self.source
