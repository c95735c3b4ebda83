"""The numbers that a plan is chosen by: sums over rows, distinct rows, the penalised fit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hierglm.models import Model
from hierglm.plan.alike import alike, apart
from hierglm.plan.crossproducts import sum_rows
from hierglm.plan.dense import dense
from hierglm.plan.family_likelihood import FamilyLikelihood
from hierglm.plan.forms import Numbers
from hierglm.plan.gaussian_sums import GaussianSums
from hierglm.plan.likelihoods import Likelihood
from hierglm.plan.order import Order
from hierglm.plan.penalised import Penalised, penalise
from hierglm.plan.rotated_likelihood import RotatedLikelihood
from hierglm.plan.rotation import (
    coordinates,
    differ,
    information,
    known_factor,
    obstacle,
    rotate,
    turns,
)
from hierglm.plan.row_likelihood import RowLikelihood
from hierglm.plan.rows import gather
from hierglm.plan.threshold_likelihood import ThresholdLikelihood

DENSEST = 4000
"""Most effects of crossed factors beside the largest: their precision is a dense matrix."""

WIDEST = 2000
"""Most common coefficients: their precision is inverted in each step, in 1 s of this many."""

_FARTHEST = 20.0
"""A linear predictor so far from 0, on a log or logit scale, has lost touch with the data."""


def rows_drop_out(model: Model) -> bool:
    """Tell whether the likelihood depends on the data through crossproducts only."""
    design = model.design
    gaussian = model.family.name == "gaussian" and model.family.link.name == "identity"
    # More columns than rows: their products are more numbers than the rows were.
    fewer = len(design.common.labels) < design.rows
    # With known errors and a sigma besides, each row has a variance of its own.
    single = all(g.relation.members is None or not obstacle(g) for g in design.groups)
    return gaussian and fewer and single and not design.response.se_and_sigma


def compute(model: Model, order: Order, *, by_rows: bool) -> Numbers:
    """Return what a plan is chosen by.

    Parameters
    ----------
    model : Model
    order : Order
        In which its terms would be eliminated.
    by_rows : bool
        Keep the rows even where crossproducts would do.
    """
    design = model.design
    turn = [k for k, g in enumerate(design.groups) if turns(g)]
    uneven = [k for k, g in enumerate(design.groups) if differ(g)]
    if not by_rows:
        sums, rotation = rotate(sum_rows(design, order, model.given), design, turn)
        turned_sums, within = rotate(sums, design, uneven)
        fit, doubt = _fit(model, order, GaussianSums(turned_sums))
        return Numbers(order, sums=sums, fit=fit, doubt=doubt, rotation=rotation, within=within)
    likelihood = _by_rows(model, order)
    if likelihood is None:
        return Numbers(order, doubt=f"none is known for {model.family!r}")
    rows = likelihood.rows
    turned = _turned(model, order, likelihood, [*turn, *uneven])
    fit, doubt = _fit(model, order, turned)
    if fit is not None and model.family.link.name != "identity":
        eta = likelihood.eta(fit.common, turned.by_level(fit.effects))
        if np.max(np.abs(eta - np.median(eta))) > _FARTHEST:
            doubt = "it lies where the data no longer tell (separation)"
    if doubt or fit is None:
        return Numbers(order, rows=rows, doubt=doubt)
    rotation, within = ({k: turned.rotation[k] for k in some} for some in (turn, uneven))
    return Numbers(order, rows=rows, fit=fit, rotation=rotation, within=within)


def _by_rows(
    model: Model, order: Order
) -> RowLikelihood | FamilyLikelihood | ThresholdLikelihood | None:
    """Return a likelihood by rows, equal ones gathered where sums over them are enough."""
    design, family = model.design, model.family
    levels = [len(g.levels) for g in design.groups]
    if family.exponential is not None:
        rows = gather(design)
        se = None if design.response.se is None else design.response.se[rows.first]
        free = "sigma" in model.scales
        return RowLikelihood(rows, family.exponential, order, levels, se, free)
    if family.thresholds and np.isnan(model.given).all():
        rows, prior = gather(design, equal=False), model.priors.of("Intercept")[0]
        return ThresholdLikelihood(rows, design.response, family, prior, order, levels)
    if family.slopes is None or family.thresholds:
        return None
    priors = {p.name: model.priors.scale(p.name) for p in model.parameters}
    rows = gather(design, equal=False)
    return FamilyLikelihood(rows, design.response, family, priors, order, levels)


def _turned(
    model: Model, order: Order, likelihood: Likelihood, turn: Sequence[int]
) -> RotatedLikelihood:
    """Return a likelihood along effects that are about independent, given the data, at the fit."""
    groups = model.design.groups
    start = RotatedLikelihood(likelihood, {k: known_factor(groups[k]) for k in turn})
    if all(groups[k].relation.parameter for k in turn):
        return start
    fit, _ = _fit(model, order, start)
    if fit is None:
        return start
    system = likelihood.near(fit.common, start.by_level(fit.effects), fit.sigma).system
    told = {k: information(system.ZZ[k], system.cross.get((k, k))) for k in turn}
    return RotatedLikelihood(likelihood, {k: coordinates(groups[k], told[k]) for k in turn})


def _doubt(model: Model) -> str:
    """Return why no penalised fit is made, or ""."""
    found = (f"of {g.source}, {obstacle(g)}" for g in model.design.groups if obstacle(g))
    return next(found, "")


def _fit(model: Model, order: Order, likelihood: Likelihood) -> tuple[Penalised | None, str]:
    if _doubt(model):
        return None, _doubt(model)
    if any(dense(model.design.groups[k]) for k in order.chain):
        # What is one dense matrix is not eliminated level by level.
        order = Order((), order.all, {})
    size = sum(likelihood.sizes[k][0] * likelihood.sizes[k][1] for k in order.rest)
    if size > DENSEST:
        return None, f"{size:,} effects of crossed factors are too many for it"
    if len(model.given) > WIDEST:
        return None, f"{len(model.given):,} common coefficients are too many for it"
    found = penalise(alike(model), likelihood, order)
    if found is None:
        return None, "its numbers broke down"
    if not found.converged:
        return None, f"it had not converged after {found.steps} steps"
    return apart(found, model), ""
