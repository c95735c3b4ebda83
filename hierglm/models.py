"""A model: a design, a family and the prior of every parameter, checked against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design, Grouping
from hierglm.design.given import Given
from hierglm.design.hashing import hash_data
from hierglm.design.several import Joined
from hierglm.design.table import Table, table_of
from hierglm.families import Family, family
from hierglm.families.links import Link
from hierglm.families.parameters import FamilyParameter
from hierglm.priors.assign import assign
from hierglm.priors.distributions import Prior
from hierglm.priors.slots import Priors
from hierglm.suiting import estimated, in_order, noted, refuse_flat

if TYPE_CHECKING:
    import pandas as pd


Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Part:
    """What a linear predictor is of, where there are several.

    Attributes
    ----------
    response : str
        Name of the response, or "" where there is one.
    dpar : str
        The parameter of its distribution, or "" for the mean.
    rows, ending : str
        What Stan names end in: of what belongs to the response, and to the predictor.
    weight : float
        What the response's log likelihood is multiplied by.
    modelled : tuple of str
        Parameters of the distribution that have a predictor of their own.
    first : bool
        Whether it is the first predictor of its response, with which the response is declared.
    """

    response: str = ""
    dpar: str = ""
    rows: str = ""
    ending: str = ""
    weight: float = 1.0
    modelled: tuple[str, ...] = ()
    first: bool = True

    @property
    def label(self) -> str:
        """``"score"``, ``"sigma"`` or ``"score.sigma"``; "" of the only one."""
        return ".".join(name for name in (self.response, self.dpar) if name)


@dataclass(frozen=True, slots=True)
class Model:
    """What is to be fitted.

    Attributes
    ----------
    design : Design
        The data; of several linear predictors those of the first.
    family : Family
        The response's distribution and link; likewise.
    priors : Priors
        One for each parameter.
    part : Part
        What the predictor is of, where it is one of several.
    parts : tuple of Model
        One for each of several linear predictors, responses in order and their means first;
        else empty. Their group terms are written with those of the others.
    joined : tuple of Joined
        The group terms of all parts, numbered through.
    """

    design: Design
    family: Family
    priors: Priors
    part: Part = Part()
    parts: tuple[Model, ...] = ()
    joined: tuple[Joined, ...] = ()

    @property
    def groups(self) -> tuple[Grouping, ...]:
        """The group terms, of all parts where there are several."""
        return tuple(j.grouping for j in self.joined) if self.parts else self.design.groups

    @property
    def responses(self) -> tuple[Model, ...]:
        """The models of the responses: of several linear predictors those of the means."""
        return tuple(m for m in self.parts if m.part.first) if self.parts else (self,)

    def predictors(self, response: Model) -> tuple[Model, ...]:
        """Return the models of all predictors of a response, that of its mean first."""
        name = response.part.response
        return tuple(m for m in self.parts if m.part.response == name) or (self,)

    def table(self, response: Model) -> Table:
        """Return the columns that the predictors of a response use, in the rows that they use."""
        designs = [m.design for m in self.predictors(response)]
        columns = {name: d.table.column(name) for d in designs for name in d.table.columns}
        return table_of(columns, designs[0].rows)

    @property
    def given_beside(self) -> dict[str, Given]:
        """Matrices and graphs between levels, of all predictors, by name."""
        return {name: x for m in self.parts or (self,) for name, x in m.design.given.items()}

    @property
    def data_hash(self) -> str:
        """What tells the rows and columns that the model uses apart from others."""
        tables = {m.part.response: self.table(m) for m in self.responses}
        return hash_data(tables, self.given_beside)

    @property
    def link(self) -> Link:
        """What the linear predictor is read by: the link of the mean, or of its parameter."""
        own = (p.link for p in self.family.parameters if p.name == self.part.dpar)
        return next(own, self.family.link)

    @property
    def formulas(self) -> tuple[str, ...]:
        """The formulas, as written."""
        models = self.parts or (self,)
        # Predictors of categories share one.
        own = {(m.part.rows, m.design.formula.source): None for m in models}
        return tuple(source for _, source in own)

    @property
    def distribution(self) -> str:
        """Family and link, of each response where there are several."""
        named = [(m.part.response, repr(m.family)) for m in self.responses]
        return ", ".join(f"{name}: {text}" if name else text for name, text in named)

    def place(self, predictor: Model, number: int) -> tuple[int, int]:
        """Return where a predictor's group term stands among all, and its first effect there.

        Parameters
        ----------
        predictor : Model
            One of `parts`, or the model itself.
        number : int
            Position among the group terms of that predictor.
        """
        if not self.parts:
            return number, 0
        own = next(k for k, m in enumerate(self.parts) if m.part == predictor.part)
        return next(
            (k, member.first)
            for k, joined in enumerate(self.joined)
            for member in joined.members
            if (member.part, member.number) == (own, number)
        )

    def acting(self, number: int) -> tuple[tuple[Model, Grouping, int], ...]:
        """Return the predictors that a group term acts on.

        Parameters
        ----------
        number : int
            Position among all group terms.

        Returns
        -------
        tuple of (Model, Grouping, int)
            The predictor, its part of the term, and the first effect of this part among all.
        """
        if not self.parts:
            return ((self, self.design.groups[number], 0),)
        return tuple(
            (self.parts[m.part], self.parts[m.part].design.groups[m.number], m.first)
            for m in self.joined[number].members
        )

    def rows_of(self, number: int) -> str:
        """Return what the Stan names of the rows of a group term end in."""
        if not self.parts:
            return ""
        return self.parts[self.joined[number].members[0].part].part.rows

    def shares(self, number: int) -> bool:
        """Tell whether a group term acts on several predictors."""
        return bool(self.parts) and self.joined[number].shared

    @property
    def parameters(self) -> tuple[FamilyParameter, ...]:
        """The family's parameters that are estimated, each as one number."""
        if not self.part.first:
            return ()
        own = estimated(self.design, self.family)
        return tuple(p for p in own if p.name not in self.part.modelled)

    @property
    def scales(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(p.name for p in self.parameters)

    @property
    def given(self) -> Floats:
        """The common coefficients that are known, shape (p,), the intercept first; else NaN."""
        priors = (*self.priors.of("Intercept"), *self.priors.of("b"))
        return np.array([p.numbers[0] if p.given else np.nan for p in priors])

    def prior_table(self) -> pd.DataFrame:
        """Return one row a parameter: its prior with its numbers, and where it comes from."""
        import pandas as pd

        rows = [(a.slot.name, repr(a.prior), a.source) for a in self.priors]
        return pd.DataFrame(rows, columns=["parameter", "prior", "source"])


def specify(
    design: Design,
    response: str | Family = "gaussian",
    priors: str | Mapping[str, Prior] | None = None,
) -> Model:
    """Return the model of a design, once the response and the priors have been checked.

    Parameters
    ----------
    design : Design
        What `hierglm.design.encode` returned.
    response : str or Family
        The family of the response.
    priors : "default", "brms", "rstanarm", mapping or None
        See `hierglm.priors.assign.assign`.

    Raises
    ------
    ResponseError
        A response outside the family's support; names the first such row.
    PriorError
        A prior that matches no parameter or cannot stand for it, or is flat where columns
        separate the response.
    """
    chosen = family(response)
    chosen.check(design.response)
    design = noted(in_order(design, chosen), chosen)
    found = Model(design, chosen, assign(design, chosen, estimated(design, chosen), priors))
    refuse_flat(design, chosen, found.priors)
    return found
