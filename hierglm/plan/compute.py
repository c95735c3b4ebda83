"""The numbers that a plan is chosen by: sums over rows, distinct rows, the penalised fit."""

from __future__ import annotations

import numpy as np

from hierglm.model import Model
from hierglm.plan.crossproducts import sum_rows
from hierglm.plan.forms import Numbers
from hierglm.plan.likelihoods import GaussianSums, Likelihood, RowLikelihood
from hierglm.plan.order import Order
from hierglm.plan.penalised import Penalised, penalise
from hierglm.plan.rows import gather

DENSEST = 4000
"""Most effects of crossed factors beside the largest: their precision is a dense matrix."""

_FARTHEST = 20.0
"""A linear predictor so far from 0, on a log or logit scale, has lost touch with the data."""


def rows_drop_out(model: Model) -> bool:
    """Tell whether the likelihood depends on the data through crossproducts only."""
    design = model.design
    gaussian = model.family.name == "gaussian" and model.family.link.name == "identity"
    # More columns than rows: their products are more numbers than the rows were.
    fewer = len(design.common.labels) < design.rows
    # With known errors and a sigma besides, each row has a variance of its own.
    return gaussian and fewer and not design.response.se_and_sigma


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
    if not by_rows:
        sums = sum_rows(design, order, model.given)
        fit, doubt = _fit(model, order, GaussianSums(sums))
        return Numbers(order, sums=sums, fit=fit, doubt=doubt)
    rows = gather(design)
    exponential = model.family.exponential
    if exponential is None:
        return Numbers(order, rows=rows, doubt=f"none is known for {model.family!r}")
    levels = [len(g.levels) for g in design.groups]
    se = None if design.response.se is None else design.response.se[rows.first]
    free = "sigma" in model.scales
    likelihood = RowLikelihood(rows, exponential, order, levels, se, free)
    fit, doubt = _fit(model, order, likelihood)
    if fit is not None and not exponential.dispersion:
        eta = likelihood.eta(fit.common, fit.effects)
        if np.max(np.abs(eta - np.median(eta))) > _FARTHEST:
            doubt = "it lies where the data no longer tell (separation)"
    return Numbers(order, rows=rows, fit=None if doubt else fit, doubt=doubt)


def _fit(model: Model, order: Order, likelihood: Likelihood) -> tuple[Penalised | None, str]:
    size = sum(likelihood.sizes[k][0] * likelihood.sizes[k][1] for k in order.rest)
    if size > DENSEST:
        return None, f"{size:,} effects of crossed factors are too many for it"
    found = penalise(model, likelihood, order)
    if found is None:
        return None, "its numbers broke down"
    if not found.converged:
        return None, f"it had not converged after {found.steps} steps"
    return found, ""
