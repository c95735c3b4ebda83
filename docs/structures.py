"""The structures that have a page: how each is written and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Structure:
    """A way to write a group term.

    Attributes
    ----------
    title : str
        Of its page.
    term : str
        As it is written; columns are those of `docs.records.DATA`.
    meaning : str
        What it says of the effects, and when to use it.
    """

    title: str
    term: str
    meaning: str


STRUCTURES: Mapping[str, Structure] = {
    "intercept": Structure(
        "Intercepts that vary",
        "x + (1 | g)",
        "Every level of `g` has its own intercept, from a normal distribution whose sd is "
        "estimated: levels with few rows are drawn towards the others.",
    ),
    "unstructured": Structure(
        "Correlated effects",
        "x + (x | g)",
        "Intercept and slope vary over `g`, with an sd each and a correlation. The usual choice "
        "where a column varies within levels.",
    ),
    "diagonal": Structure(
        "Independent effects",
        "x + (x || g)",
        "Intercept and slope vary over `g` without a correlation. Fewer parameters where levels "
        "are too few to tell correlations; estimates then depend on where `x` has its zero.",
    ),
    "iso": Structure(
        "Effects of one sd",
        "x + z + iso(x + z | g)",
        "All effects have one sd and no correlations: for columns on one scale.",
    ),
    "cs": Structure(
        "Compound symmetry",
        "x + z + cs(x + z | g)",
        "An sd for each effect, and one correlation for each two of them.",
    ),
    "ar1": Structure(
        "Effects over time",
        "ar1(0 + t | g)",
        "An effect for each time in each level; the correlation of two of them is rho to the "
        "power of the time between.",
    ),
    "rr": Structure(
        "Reduced rank",
        "x + z + w + rr(x + z + w | g, rank=2)",
        "Many effects move along a few directions: loadings times a few factors for each level. "
        'See [fit.subspace](#hierglm.Fit.subspace); `rank="auto"` keeps as many as matter.',
    ),
    "nested": Structure(
        "Nested factors",
        "x + (1 | g/h)",
        "Short for `(1 | g) + (1 | g:h)`: levels of `h` within those of `g`.",
    ),
    "crossed": Structure(
        "Crossed factors",
        "x + (1 | g) + (1 | h)",
        "Each row belongs to a level of both, such as a pupil's answer to an item.",
    ),
    "covariance": Structure(
        "Levels of known covariance",
        "x + (1 | gr(g, cov=A))",
        "Levels are related as `A` says, up to their sd: pedigrees, phylogenies, distances.",
    ),
    "icar": Structure(
        "Levels on a graph",
        "x + graph(1 | g, edges=E, type='icar')",
        "Neighbours are alike: an intrinsic conditional autoregression. `type='car'` estimates "
        "how much they are.",
    ),
    "bym2": Structure(
        "Levels partly on a graph",
        "x + graph(1 | g, edges=E, type='bym2')",
        "A share of the variance follows the graph, the rest is each level's own.",
    ),
    "strata": Structure(
        "A covariance for each stratum",
        "x + (1 | gr(g, by=f))",
        "Levels of different kinds differ by different sds.",
    ),
    "student": Structure(
        "Outlying levels",
        "x + (1 | gr(g, dist='student'))",
        "Effects are Student t: a few levels may lie far from the rest without moving them.",
    ),
    "members": Structure(
        "Rows of several levels",
        "x + (1 | mm(g, h))",
        "A row has a share of the effects of several levels, such as a pupil who changed school.",
    ),
}
"""By the name of the page."""
