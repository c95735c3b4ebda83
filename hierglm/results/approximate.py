"""From the penalised fit of a plan to normal approximations of its parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from hierglm.covariances import correlated_terms, covariance_of, sd_terms
from hierglm.plan.blocks import inverse
from hierglm.plan.crossproducts import column_means
from hierglm.plan.forms import Plan
from hierglm.plan.likelihoods import Own
from hierglm.plan.penalised import Penalised
from hierglm.plan.rotation import differ
from hierglm.plan.threshold_likelihood import spaced, threshold_weights
from hierglm.program.groups import effect_dims
from hierglm.program.thresholds import threshold_names
from hierglm.results.approximation import Approximation, Located

Floats = NDArray[np.float64]


def approximate(plan: Plan) -> Approximation | None:
    """Return the penalised fit of a plan as an answer of its own, where there is one."""
    if plan.numbers is None or plan.numbers.fit is None:
        return None
    if unlike(plan):
        return None
    fit, model = plan.numbers.fit, plan.model
    parts = [*_common(plan, fit), *_by_group(_scales(plan, fit))]
    for p in model.parameters:
        own = fit.own.get(p.name, Own(fit.sigma, fit.sigma_spread))
        location = np.asarray(p.link.apply(np.array(own.value)))
        spread = np.array(0.0 if model.priors.scale(p.name).given else own.spread)
        # Parameters have links of these three kinds, as `_numbers` knows them.
        scale = cast(Literal["log", "logit", "logm1"], p.link.name)
        parts.append(Located(p.name, "family", "", location, spread, scale, ()))
    parts += _by_group(_effects(plan, fit))
    return Approximation(
        model.design.formula.source, repr(model.family).replace("(", " (", 1),
        model.design.rows, fit.steps, tuple(parts),
    )  # fmt: skip


def unlike(plan: Plan) -> str:
    """Return in what a plan's penalised fit is not that of the model, or ""."""
    groups = plan.model.groups
    if any(covariance_of(g).low_rank for g in groups):
        return "its covariances have full rank, those of rr(...) not"
    if any(g.relation.student for g in groups):
        return "it does not estimate the degrees of freedom of Student t effects"
    if any(differ(g) for g in groups):
        return "it has one covariance for levels that depend on each other, by=... several"
    return ""


def _common(plan: Plan, fit: Penalised) -> list[Located]:
    design = plan.model.design
    if not len(fit.common):
        return []
    free = np.isnan(plan.model.given)
    b, V = fit.common, inverse(fit.precision) * np.outer(free, free)
    terms = design.common.labels
    if plan.model.family.thresholds:
        return _thresholds(plan, fit, V)
    if design.intercept:
        # From the means of the columns to 0.
        back = np.eye(len(b))
        back[0, 1:] = -column_means(design)
        b, V, terms = back @ b, back @ V @ back.T, ("Intercept", *terms)
    spread = np.sqrt(np.diag(V))
    return [Located("b", "fixed", "", b, spread, "identity", (("term", terms),))]


def _thresholds(plan: Plan, fit: Penalised, V: Floats) -> list[Located]:
    """Return thresholds, from the means of the columns to 0, and slopes; V is their covariance."""
    design, b = plan.model.design, fit.common
    own = [gap for name, gap in fit.own.items() if name.startswith("gap_")]
    gaps = np.array([gap.value for gap in own])
    middle = threshold_weights(design.response)
    back = np.concatenate([[-1.0], column_means(design)])
    # Gaps are about independent of each other and of the thresholds' mean.
    along = np.tril(np.ones((len(gaps) + 1, len(gaps))), -1) * gaps * [gap.spread for gap in own]
    along = along - middle @ along
    wide = np.sqrt(back @ V @ back + np.sum(along**2, axis=1))
    dims = (("threshold", threshold_names(design)),)
    found = [Located("Intercept", "fixed", "", spaced(gaps, middle) + back @ b, wide, "identity",
                     dims)]  # fmt: skip
    if design.common.labels:
        spread = np.sqrt(np.diag(V))[1:]
        terms = (("term", design.common.labels),)
        found.append(Located("b", "fixed", "", b[1:], spread, "identity", terms))
    return found


def _scales(plan: Plan, fit: Penalised) -> Iterator[Located]:
    for k, g in enumerate(plan.model.design.groups):
        sd, spread, structure = fit.sds[k], fit.spreads[k], covariance_of(g)
        dims = ((f"{g.group}_term", sd_terms(g)),)
        own = spread * [not p.given for p in plan.model.priors.of("sd", k)]
        yield Located(f"sd_{g.group}", "ran_sd", g.group, np.log(sd), own, "log", dims)
        if not structure.correlated:
            continue
        if structure.one is not None:
            cor, low = np.array([fit.rhos[k]]), structure.one.lowest(len(g.terms))
            # From the logit of its share of (low, 1) to Fisher's z.
            wide = np.array([fit.rho_spreads[k]]) * (cor - low) / ((1 - low) * (1 + cor))
            wide = wide * (not plan.model.priors.of("cor", k)[0].given)
        else:
            q = len(g.terms)
            rows, columns = np.triu_indices(q, 1)
            sd, spread = sd.reshape(-1, q), spread.reshape(-1, q)
            matrices = fit.covariances[k] / (sd[:, :, None] * sd[:, None, :])
            cor = matrices[:, rows, columns].reshape(-1)
            # Of n levels that tell both sds, each about spread^-2 / 2, Fisher's z has n^-1/2.
            wide = np.sqrt(2 * spread[:, rows] * spread[:, columns]).reshape(-1)
        pairs = ((f"{g.group}_pair", correlated_terms(g)),)
        yield Located(f"cor_{g.group}", "ran_cor", g.group, np.arctanh(cor), wide, "atanh", pairs)


def _effects(plan: Plan, fit: Penalised) -> Iterator[Located]:
    turned = plan.numbers.rotation if plan.numbers is not None else {}
    for k, g in enumerate(plan.model.design.groups):
        u, variance = fit.effects[k], np.diagonal(fit.uncertain[k], axis1=1, axis2=2)
        if k in turned:
            # Coordinates are independent given the common coefficients, about independent without.
            u, variance = turned[k] @ u, turned[k] ** 2 @ variance
        spread = np.sqrt(np.maximum(variance, 0))
        yield Located(f"r_{g.group}", "ran_vals", g.group, u, spread, "identity", effect_dims(g))


def _by_group(parts: Iterator[Located]) -> list[Located]:
    """Return the parts, several terms of one group side by side."""
    found: dict[str, list[Located]] = {}
    for part in parts:
        found.setdefault(part.name, []).append(part)
    out = []
    for some in found.values():
        first = some[0]
        labels = tuple(label for p in some for label in p.dims[-1][1])
        out.append(
            Located(
                first.name, first.effect, first.group,
                np.concatenate([p.location for p in some], axis=-1),
                np.concatenate([p.spread for p in some], axis=-1),
                first.scale, (*first.dims[:-1], (first.dims[-1][0], labels)),
            )
        )  # fmt: skip
    return out
