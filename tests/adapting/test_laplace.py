"""Effects given responses that are not Gaussian: weighted proposals against quadrature."""

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import trapezoid

from hierglm.adapting.laplace import RowDensity, weighted_effects
from hierglm.families import FAMILIES, family
from tests.adapting.exact import SDS, design_of, fit_of

GRID = np.linspace(-9, 9, 2001)
TRIALS = np.array([1.0, 4.0, 9.0, 2.0])
CASES = {
    "bernoulli": (FAMILIES["bernoulli"], [1, 0, 1, 1], None),
    "probit": (family("bernoulli(probit)"), [1, 0, 1, 1], None),
    "all ones": (FAMILIES["bernoulli"], [1, 1, 1, 1], None),
    "binomial": (FAMILIES["binomial"], [0, 3, 9, 1], TRIALS),
    "beta_binomial": (FAMILIES["beta_binomial"], [0, 3, 9, 1], TRIALS),
    "poisson": (FAMILIES["poisson"], [0, 3, 9, 1], None),
    "no counts": (FAMILIES["poisson"], [0, 0, 0, 0], None),
    "negbinomial": (FAMILIES["negbinomial"], [0, 3, 9, 1], None),
    "zero_inflated_poisson": (FAMILIES["zero_inflated_poisson"], [0, 3, 9, 0], None),
    "hurdle_negbinomial": (FAMILIES["hurdle_negbinomial"], [0, 3, 9, 1], None),
    "gamma": (FAMILIES["gamma"], [0.4, 3, 9, 1], None),
    "lognormal": (FAMILIES["lognormal"], [0.4, 3, 9, 1], None),
    "beta": (FAMILIES["beta"], [0.4, 0.01, 0.9, 0.3], None),
    "cumulative": (FAMILIES["cumulative"], [0, 2, 3, 1], None),
    "student": (FAMILIES["student"], [-1.0, 1.5, 2.0, 0.0], None),
}
PARAMETERS = {"sigma": 0.7, "shape": 1.5, "nu": 2.5, "phi": 3.0, "zi": 0.3, "hu": 0.4}
ETA, LOADING = np.array([0.3, -1.0, 0.5, 0.0]), np.array([1.8, 1.0, 1.5, -1.2])


def density(case, weights=None):
    chosen, y, trials = CASES[case]
    scales = {p.name: np.full((1, 1), PARAMETERS[p.name]) for p in chosen.parameters}
    if chosen.thresholds:
        scales["Intercept"] = np.array([[[-1.0, 0.2, 1.5]]])
    return RowDensity(chosen, np.array(y, dtype=float), scales, trials, weights)


def assert_mean(ratios, values, expected, what=""):
    """Assert that a weighted mean is as expected, up to five standard errors."""
    w = ratios / ratios.mean()
    mean = np.mean(w * values)
    error = np.std(w * (values - expected)) / np.sqrt(len(w))
    assert abs(mean - expected) < 5 * error, what
    # The weights are near 1, or the error would allow anything.
    assert error < 0.03 * max(np.std(values), 0.1), what


@pytest.mark.parametrize("weights", [None, np.array([0.5, 2.0, 1.0, 1.0])])
@pytest.mark.parametrize("case", CASES)
def test_one_effect(case, weights):
    rows, count = density(case, weights), 4000
    eta, B = np.tile(ETA, (count, 1)), np.tile(LOADING[:, None], (count, 1, 1))
    found = weighted_effects(rows, eta, B, np.random.default_rng(2))
    log_joint = rows(ETA + GRID[:, None] * LOADING) - 0.5 * GRID**2 - 0.5 * np.log(2 * np.pi)
    joint = np.exp(log_joint)
    marginal = trapezoid(joint, GRID)
    # The mean weight is an unbiased estimate of the marginal likelihood.
    likelihood = np.exp(found.log_marginal)
    error = likelihood.std() / np.sqrt(count)
    assert abs(likelihood.mean() - marginal) < 5 * error
    assert error < 0.005 * marginal
    ratios = np.exp(found.log_weights + found.log_marginal[:, None]).reshape(-1)
    v = found.proposals.reshape(-1)
    mean = trapezoid(GRID * joint, GRID) / marginal
    assert_mean(ratios, v, mean, "mean")
    second = trapezoid((GRID - mean) ** 2 * joint, GRID) / marginal
    assert_mean(ratios, (v - mean) ** 2, second, "variance")
    assert found.khat < 0.5


def test_two_modes():
    # Rows that contradict each other: Newton's method finds one mode, the prior the other.
    student, count = FAMILIES["student"], 20_000
    scales = {"sigma": np.full((1, 1), 0.4), "nu": np.full((1, 1), 2.5)}
    rows = RowDensity(student, np.array([3.9, 1.0, -2.5, 2.4]), scales, None, None)
    found = weighted_effects(
        rows,
        np.tile(ETA, (count, 1)),
        np.tile(LOADING[:, None], (count, 1, 1)),
        np.random.default_rng(2),
    )
    joint = np.exp(rows(ETA + GRID[:, None] * LOADING) - 0.5 * GRID**2) / np.sqrt(2 * np.pi)
    assert np.sum(np.diff(np.sign(np.diff(joint))) < 0) == 2
    likelihood = np.exp(found.log_marginal)
    error = likelihood.std() / np.sqrt(count)
    assert abs(likelihood.mean() - trapezoid(joint, GRID)) < 5 * error
    # The smaller mode holds far more than the error could hide.
    low = trapezoid(joint * (GRID < 0), GRID) / trapezoid(joint, GRID)
    assert error / likelihood.mean() < 0.2 * min(low, 1 - low)


def test_two_effects():
    rows, count = density("poisson"), 4000
    loadings = np.column_stack([LOADING, [0.5, 1.0, -0.7, 0.2]])
    found = weighted_effects(
        rows, np.tile(ETA, (count, 1)), np.tile(loadings, (count, 1, 1)), np.random.default_rng(2)
    )
    axis = np.linspace(-7, 7, 301)
    one, other = np.meshgrid(axis, axis, indexing="ij")
    grid = np.column_stack([one.ravel(), other.ravel()])
    joint = np.exp(rows(ETA + grid @ loadings.T) - 0.5 * np.sum(grid**2, axis=1)) / (2 * np.pi)
    area = (axis[1] - axis[0]) ** 2
    likelihood = np.exp(found.log_marginal)
    error = likelihood.std() / np.sqrt(count)
    assert abs(likelihood.mean() - joint.sum() * area) < 5 * error
    ratios = np.exp(found.log_weights + found.log_marginal[:, None]).reshape(-1)
    for k in range(2):
        expected = np.sum(joint * grid[:, k]) / joint.sum()
        assert_mean(ratios, found.proposals[:, :, k].reshape(-1), expected)
    product = np.sum(joint * grid[:, 0] * grid[:, 1]) / joint.sum()
    assert_mean(ratios, np.prod(found.proposals, axis=2).reshape(-1), product)


def test_draws_are_weighted_by_how_well_they_foresaw_the_rows():
    r = np.random.default_rng(5)
    old = pd.DataFrame({"y": r.integers(0, 2, 30), "x": r.normal(size=30)})
    old["g"] = np.resize(list("abcde"), 30)
    new = pd.DataFrame({"y": [1, 1, 0, 1], "x": [0.5, -1.0, 0.3, 2.0], "g": "z"})
    design, count = design_of("y ~ x + (1 | g)", old), 4000
    theta = np.zeros((count, 7))
    theta[:, :2] = [0.4, -0.6] + r.normal(size=(count, 2)) * [0.5, 0.4]
    adapted = fit_of(design, theta, "bernoulli").adapt(new)
    # By brute force: for each draw, the effect integrated out over a grid.
    y, x = new["y"].to_numpy(), new["x"].to_numpy()
    eta = theta[:, :1] + theta[:, 1:2] * x
    marginal, mean = np.empty(count), np.empty(count)
    for s in range(count):
        lines = eta[s] + SDS[0] * GRID[:, None]
        joint = np.exp(-np.logaddexp(0, np.where(y == 1, -lines, lines)).sum(1) - 0.5 * GRID**2)
        marginal[s] = joint.sum()
        mean[s] = SDS[0] * np.sum(GRID * joint) / marginal[s]
    weights = marginal / marginal.sum()
    worth = 0.8 * adapted.ess
    for k in range(2):
        expected = np.sum(weights * theta[:, k])
        sd = np.sqrt(np.sum(weights * (theta[:, k] - expected) ** 2))
        found = adapted.draws["b"].values[0, :, k].mean()
        assert abs(found - expected) < 5 * sd / np.sqrt(worth)
        # The old draws would not pass: the new rows do tell of the slope.
    assert abs(theta[:, 1].mean() - np.sum(weights * theta[:, 1])) > 5 * 0.4 / np.sqrt(count)
    drawn = adapted.draws["r_g"].values[0, :, 0, 0]
    assert abs(drawn.mean() - np.sum(weights * mean)) < 5 * drawn.std() / np.sqrt(worth)
    assert adapted.khat < 0.5
    assert adapted.effects_khat < 0.5
