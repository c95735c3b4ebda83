"""Penalised fits of ordered categories: at the mode of a density written from its definition."""

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import approx_fprime

from hierglm.models import specify
from hierglm.plan.crossproducts import common_matrix
from hierglm.plan.order import order
from hierglm.plan.penalised import penalise
from hierglm.plan.rows import factors, gather
from hierglm.plan.threshold_likelihood import ThresholdLikelihood
from hierglm.priors import distributions as prior
from tests.designs import design_of
from tests.program.oracles import simulated


@pytest.mark.parametrize(
    ("formula", "response"),
    [
        ("I(h - 9) ~ x + z", "cumulative"),
        ("I(h - 9) | weights(w) ~ x + (x | g)", "cumulative"),
        ("I(h - 9) ~ x + offset(v / 5) + (1 | g) + (1 | school)", "cumulative(probit)"),
        ("I(hit + 1) ~ x + (1 | g)", "cumulative"),
    ],
)
def test_thresholds_and_coefficients_are_at_the_penalised_mode(formula, response):
    own = {"Intercept": prior.student_t(3, 1, 2), "b": prior.normal(0, 1)}
    model = specify(design_of(formula, simulated(rows=120)), response, own)
    design, found = model.design, order(factors(model.design))
    levels = [len(g.levels) for g in design.groups]
    likelihood = ThresholdLikelihood(
        gather(design, equal=False), design.response, model.family,
        model.priors.of("Intercept")[0], found, levels,
    )  # fmt: skip
    fit = penalise(model, likelihood, found, close=1e-6, steps=400)
    assert fit.converged
    X, _ = common_matrix(design)
    y = design.response.values.astype(int)
    F = stats.norm.cdf if "probit" in response else stats.logistic.cdf
    weights = 1.0 if design.response.weights is None else design.response.weights
    logs = np.log([gap.value for gap in fit.own.values()])
    # Weights of the thresholds' mean do not matter to the density: any place of them will do.
    count = np.bincount(y, np.broadcast_to(weights, y.shape)) + 0.5
    middle = (count[1:] + count[:-1]) / (count[1:] + count[:-1]).sum()

    def penalised(flat):
        b, low = flat[: X.shape[1]], X.shape[1] + len(logs)
        above = np.concatenate([[0], np.cumsum(np.exp(flat[X.shape[1] : low]))])
        thresholds = above - middle @ above - b[0]
        eta = X[:, 1:] @ b[1:] + (0 if design.offset is None else design.offset)
        out = stats.t.logpdf(thresholds, 3, 1, 2).sum() + stats.norm.logpdf(b[1:]).sum()
        out += flat[X.shape[1] : low].sum()
        for g, v in zip(design.groups, fit.covariances, strict=True):
            size = len(g.levels) * len(g.terms)
            u = flat[low : low + size].reshape(len(g.levels), -1)
            low += size
            eta = eta + np.sum(g.effects.matrix * u[g.index], axis=1)
            out -= 0.5 * np.einsum("jk,kl,jl->", u, np.linalg.inv(v), u)
        edges = np.concatenate([[-np.inf], thresholds, [np.inf]])
        return out + np.sum(weights * np.log(F(edges[y + 1] - eta) - F(edges[y] - eta)))

    at = np.concatenate([fit.common, logs, *(u.reshape(-1) for u in fit.effects)])
    np.testing.assert_allclose(approx_fprime(at, penalised, 1e-6), 0, atol=2e-3)
