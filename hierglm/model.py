"""A model: a design, a family and the prior of every parameter, checked against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design
from hierglm.families import Family, family
from hierglm.families.parameters import FamilyParameter
from hierglm.priors.assign import Priors, assign
from hierglm.priors.distributions import Prior

if TYPE_CHECKING:
    import pandas as pd


Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Model:
    """What is to be fitted.

    Attributes
    ----------
    design : Design
        The data.
    family : Family
        The response's distribution and link.
    priors : Priors
        One for each parameter.
    """

    design: Design
    family: Family
    priors: Priors

    @property
    def parameters(self) -> tuple[FamilyParameter, ...]:
        """The family's parameters that are estimated."""
        return _estimated(self.design, self.family)

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
        A prior that matches no parameter or cannot stand for it.
    """
    chosen = family(response)
    chosen.check(design.response)
    return Model(design, chosen, assign(design, chosen, _estimated(design, chosen), priors))


def _estimated(design: Design, chosen: Family) -> tuple[FamilyParameter, ...]:
    known = design.response.se is not None and not design.response.se_and_sigma
    return tuple(p for p in chosen.parameters if not (known and p.name == "sigma"))
