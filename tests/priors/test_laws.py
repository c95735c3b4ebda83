"""Draws and densities of priors against SciPy's, and correlation matrices against theory."""

import numpy as np
import pytest
from scipy import stats

import hierglm as hg
from hierglm.covariances.ar1 import AR1
from hierglm.covariances.cs import CS
from hierglm.priors.laws import (
    draw,
    draw_correlations,
    draw_loadings,
    draw_one_correlation,
    log_density,
)

SIZE = 4000
LAWS = [
    (hg.prior.normal(1, 2), stats.norm(1, 2)),
    (hg.prior.student_t(3, -1, 2.5), stats.t(3, -1, 2.5)),
    (hg.prior.cauchy(0.5, 2), stats.cauchy(0.5, 2)),
    (hg.prior.exponential(2), stats.expon(scale=0.5)),
    (hg.prior.gamma(2.5, 0.5), stats.gamma(2.5, scale=2)),
    (hg.prior.inv_gamma(3, 2), stats.invgamma(3, scale=2)),
    (hg.prior.beta(0.5, 2), stats.beta(0.5, 2)),
]
NAMES = [repr(prior) for prior, _ in LAWS]


@pytest.mark.parametrize(("prior", "law"), LAWS, ids=NAMES)
@pytest.mark.parametrize("bounds", [(-np.inf, np.inf), (0.0, np.inf), (0.1, 0.9)])
def test_draws_follow_the_law_between_bounds(prior, law, bounds):
    drawn = draw(prior, np.random.default_rng(1), SIZE, *bounds)
    assert drawn.min() >= bounds[0]
    assert drawn.max() <= bounds[1]
    low, high = law.cdf(bounds)
    assert stats.kstest(drawn, lambda x: (law.cdf(x) - low) / (high - low)).pvalue > 0.005


@pytest.mark.parametrize(("prior", "law"), LAWS, ids=NAMES)
def test_log_densities_differ_by_a_constant(prior, law):
    x = law.ppf(np.linspace(0.02, 0.98, 25))
    apart = log_density(prior, x) - law.logpdf(x)
    np.testing.assert_allclose(apart, apart[0], atol=1e-11)


def test_far_tails_keep_their_digits():
    drawn = draw(hg.prior.normal(-30, 1), np.random.default_rng(2), SIZE, 0.0)
    law = stats.truncnorm(30, np.inf, loc=-30)
    assert stats.kstest(drawn, law.cdf).pvalue > 0.005
    assert len(np.unique(drawn)) == SIZE
    with pytest.raises(hg.errors.PriorError, match=r"normal\(-50, 1\) has no draws between 0 and"):
        draw(hg.prior.normal(-50, 1), np.random.default_rng(2), SIZE, 0.0)


def test_constants_and_flat_priors():
    assert draw(hg.prior.constant(2), np.random.default_rng(1), 3).tolist() == [2, 2, 2]
    assert log_density(hg.prior.flat(), np.array([1.0, 9.0])).tolist() == [0, 0]


@pytest.mark.parametrize("eta", [0.7, 1, 4])
@pytest.mark.parametrize("q", [2, 3, 5])
def test_correlation_matrices(eta, q):
    # Each correlation is beta on (-1, 1) (Lewandowski et al. 2009, section 3.1).
    C = draw_correlations(eta, q, np.random.default_rng(3), SIZE)
    np.testing.assert_allclose(np.diagonal(C, axis1=1, axis2=2), 1, atol=1e-12)
    shape = eta + (q - 2) / 2
    law = stats.beta(shape, shape, loc=-1, scale=2)
    for i, j in zip(*np.triu_indices(q, 1), strict=True):
        assert stats.kstest(C[:, i, j], law.cdf).pvalue > 0.001


@pytest.mark.parametrize("eta", [1.0, 3.0])
@pytest.mark.parametrize(("kind", "low"), [(CS, -0.5), (AR1, -1.0)])
def test_one_correlation_of_a_matrix_prior(kind, low, eta):
    # |C| is (1 - r)^2 (1 + 2 r) with equal correlations, (1 - r^2)^2 with powers.
    drawn = draw_one_correlation(
        hg.prior.lkj(eta), kind.one, np.arange(3), np.random.default_rng(4), SIZE
    )
    x = np.linspace(low, 1, 20001)
    determinant = (1 - x) ** 2 * (1 + 2 * x) if kind is CS else (1 - x**2) ** 2
    mass = np.cumsum(np.maximum(determinant, 0) ** (eta - 1))
    assert stats.kstest(drawn, lambda r: np.interp(r, x, mass / mass[-1])).pvalue > 0.005


def test_loadings():
    rng = np.random.default_rng(5)
    for prior, shrunk, law in [
        (hg.prior.normal(0, 2), False, stats.norm(0, 2)),
        (hg.prior.student_t(3, 0, 2), False, stats.t(3, 0, 2)),
        # An entry of a matrix t is t of the same degrees of freedom.
        (hg.prior.student_t(3, 0, 2), True, stats.t(3, 0, 2)),
    ]:
        drawn = draw_loadings(prior, 4, 2, shrunk, rng, SIZE)
        assert stats.kstest(drawn[:, 1, 1], law.cdf).pvalue > 0.005
        assert stats.kstest(drawn[:, 3, 0], law.cdf).pvalue > 0.005


def test_shrunk_loadings_have_the_density_of_the_program():
    # With V = I + A'A / (df s^2) the density is |V|^-(df + q + d - 1)/2, that of a matrix t: the
    # determinant of V^-1 is a product of beta variables ((nu - i) / 2, q / 2), nu = df + d - 1.
    df, s, q, d = 4.0, 1.5, 3, 2
    A = draw_loadings(hg.prior.student_t(df, 0, s), q, d, True, np.random.default_rng(6), SIZE)
    V = np.eye(d) + A.swapaxes(1, 2) @ A / (df * s**2)
    rng = np.random.default_rng(7)
    nu = df + d - 1
    expected = np.prod([rng.beta((nu - i) / 2, q / 2, SIZE) for i in range(d)], axis=0)
    assert stats.ks_2samp(1 / np.linalg.det(V), expected).pvalue > 0.005
