"""Response distributions: one file a family, and the list of them."""

from __future__ import annotations

from hierglm.errors import SettingsError, suggest
from hierglm.families.bernoulli import BERNOULLI
from hierglm.families.binomial import BINOMIAL
from hierglm.families.family import Family
from hierglm.families.gaussian import GAUSSIAN
from hierglm.families.poisson import POISSON

FAMILIES = {f.name: f for f in (GAUSSIAN, BERNOULLI, BINOMIAL, POISSON)}


def family(name: str | Family) -> Family:
    """Return the family of that name; a `Family` is returned as it is.

    Parameters
    ----------
    name : str or Family
        "gaussian", "bernoulli", "binomial" or "poisson"; upper or lower case.

    Raises
    ------
    SettingsError
        For a name that is not among them.

    Examples
    --------
    >>> family("Poisson")
    poisson(log)
    """
    if isinstance(name, Family):
        return name
    found = FAMILIES.get(str(name).strip().lower())
    if found is None:
        raise SettingsError(f"no family {name!r}{suggest(str(name), FAMILIES)}")
    return found


__all__ = ["BERNOULLI", "BINOMIAL", "FAMILIES", "GAUSSIAN", "POISSON", "Family", "family"]
