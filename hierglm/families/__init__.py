"""Response distributions: one file a family, and the list of them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hierglm.errors import SettingsError, clipped, suggest
from hierglm.families.bernoulli import BERNOULLI, BERNOULLI_CLOGLOG, BERNOULLI_PROBIT
from hierglm.families.beta import BETA
from hierglm.families.beta_binomial import BETA_BINOMIAL
from hierglm.families.binomial import BINOMIAL, BINOMIAL_CLOGLOG, BINOMIAL_PROBIT
from hierglm.families.categorical import CATEGORICAL
from hierglm.families.cumulative import CUMULATIVE, CUMULATIVE_PROBIT
from hierglm.families.family import Family
from hierglm.families.gamma import GAMMA
from hierglm.families.gaussian import GAUSSIAN
from hierglm.families.hurdle_negbinomial import HURDLE_NEGBINOMIAL
from hierglm.families.hurdle_poisson import HURDLE_POISSON
from hierglm.families.lognormal import LOGNORMAL
from hierglm.families.negbinomial import NEGBINOMIAL
from hierglm.families.poisson import POISSON
from hierglm.families.student import STUDENT
from hierglm.families.zero_inflated_negbinomial import ZERO_INFLATED_NEGBINOMIAL
from hierglm.families.zero_inflated_poisson import ZERO_INFLATED_POISSON

LINKED: Sequence[Family] = (
    GAUSSIAN, STUDENT, LOGNORMAL, GAMMA, BETA,
    BERNOULLI, BERNOULLI_PROBIT, BERNOULLI_CLOGLOG,
    BINOMIAL, BINOMIAL_PROBIT, BINOMIAL_CLOGLOG, BETA_BINOMIAL,
    POISSON, NEGBINOMIAL, ZERO_INFLATED_POISSON, ZERO_INFLATED_NEGBINOMIAL,
    HURDLE_POISSON, HURDLE_NEGBINOMIAL, CATEGORICAL,
    CUMULATIVE, CUMULATIVE_PROBIT,
)  # fmt: skip
"""Every family with every link it has, its own link first."""

FAMILIES: dict[str, Family] = {}
for _each in LINKED:
    FAMILIES.setdefault(_each.name, _each)
"""By name, each with its own link."""


def family(name: str | Family, link: str | None = None) -> Family:
    """Return the family of that name; a `Family` is returned as it is.

    Parameters
    ----------
    name : str or Family
        brms' name, such as "gaussian" or "zero_inflated_poisson", in upper or lower case; with
        a link behind it in brackets where it is not the usual one: "bernoulli(probit)".
    link : str, optional
        "probit" for bernoulli, binomial and cumulative; "cloglog" for the first two.

    Raises
    ------
    SettingsError
        For a name that is not among them, or a link that the family does not have.

    Examples
    --------
    >>> family("Poisson")
    poisson(log)
    >>> family("binomial", link="cloglog")
    binomial(cloglog)
    """
    if isinstance(name, Family):
        if link is None or link == name.link.name:
            return name
        name = name.name
    written = re.fullmatch(r"\s*([^()]*?)\s*(?:\(\s*([^()]*?)\s*\))?\s*", str(name))
    word, inside = written.groups() if written else (str(name), None)
    # "beta-binomial" and "Beta Binomial" are as clear.
    word = re.sub(r"[-\s]+", "_", word.lower())
    if inside is not None and link is not None and inside != link:
        raise SettingsError(
            f"family {clipped(repr(name))} has a link already; found link={link!r} besides"
        )
    found = FAMILIES.get(word)
    if found is None:
        raise SettingsError(f"no family {clipped(repr(name))}{suggest(word, FAMILIES)}")
    wanted = inside or link or found.link.name
    links = {f.link.name: f for f in LINKED if f.name == word}
    if wanted not in links:
        raise SettingsError(f"{word} has no link {wanted!r}; it has {', '.join(links)}")
    return links[wanted]


__all__ = ["FAMILIES", "LINKED", "Family", "family"]
