"""Where sampling starts, and how far the posterior reaches along each parameter."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hierglm.design.design import Grouping
from hierglm.plan.crossproducts import Crossproducts, GroupCrossproducts
from hierglm.plan.forms import Plan
from hierglm.plan.likelihood_fit import LikelihoodFit, fit_by_em
from hierglm.program.fragment import Place

_WIDEST = 1.0
"""Largest spread of a log sd: one that the data say nothing about has its prior's, about 1."""


def integrated_start(
    plan: Plan, products: Crossproducts, sums: GroupCrossproducts | None
) -> Mapping[str, Place]:
    """Return start and spread of each parameter of a program with crossproducts.

    Parameters
    ----------
    plan : Plan
    products : Crossproducts
    sums : GroupCrossproducts or None
        Of the one group term, if there is one.

    Returns
    -------
    mapping of str to Place
        By Stan name; empty where maximum likelihood gives no starting values.
    """
    design = plan.model.design
    grouping = design.groups[0] if design.groups else None
    correlated = grouping is not None and grouping.correlated and len(grouping.terms) > 1
    fit = fit_by_em(
        products, sums, correlated=correlated, known_sigma="sigma" not in plan.model.scales
    )
    if fit is None:
        return {}
    places = _common(plan, fit)
    if "sigma" in plan.model.scales:
        # The standard error of a log sd (its information is twice the number of rows).
        reach = min(_WIDEST, float(np.sqrt(0.5 / products.weights)))
        places["sigma"] = Place(fit.sigma, np.array([reach]))
    if grouping is not None:
        decov = plan.model.priors.of("sd", 0)[0].kind == "decov"
        places |= _group(fit, grouping, correlated, decov)
    return places


def _common(plan: Plan, fit: LikelihoodFit) -> dict[str, Place]:
    # A coefficient that the data say nothing about has no standard error; 1 is Stan's own.
    sds = np.where(fit.coefficient_sds > 0, fit.coefficient_sds, 1.0)
    first = int(plan.model.design.intercept)
    places = {"b": Place(fit.coefficients[first:], sds[first:])}
    if first:
        places["Intercept"] = Place(float(fit.coefficients[0]), sds[:1])
    return places


def _group(
    fit: LikelihoodFit, grouping: Grouping, correlated: bool, decov: bool
) -> dict[str, Place]:
    sd = np.sqrt(np.diag(fit.covariance))
    reach = np.minimum(_WIDEST, np.sqrt(0.5 / np.maximum(fit.information, 0.5)))
    places: dict[str, Place] = {}
    if decov:
        tau = np.sqrt(np.mean(sd**2)) / fit.sigma
        places["tau_1"] = Place(float(tau), reach.max(keepdims=True))
        places["pi_1"] = Place(sd**2 / np.sum(sd**2), np.full(len(sd) - 1, reach.max()))
    else:
        places["sd_1"] = Place(sd if len(sd) > 1 else float(sd[0]), reach)
    if correlated:
        # Few levels leave maximum likelihood at correlations near 1, where no posterior is:
        # they count as much as their number against the effects'.
        share = len(sd) / (len(sd) + len(grouping.levels))
        correlation = fit.covariance / np.outer(sd, sd)
        factor = np.linalg.cholesky((1 - share) * correlation + share * np.eye(len(sd)))
        pairs = len(sd) * (len(sd) - 1) // 2
        places["L_1"] = Place(factor, np.full(pairs, min(_WIDEST, 1.4 * float(reach.max()))))
    return places
