"""Slopes of priors against differences of SciPy's log densities."""

import pytest
import scipy.stats as st

from hierglm.priors import distributions as prior
from hierglm.priors.slopes import log_density, slope

LAWS = [
    (prior.normal(1, 2), st.norm(1, 2)),
    (prior.student_t(3, 0.5, 2), st.t(3, 0.5, 2)),
    (prior.cauchy(-1, 3), st.cauchy(-1, 3)),
    (prior.exponential(0.4), st.expon(scale=2.5)),
    (prior.gamma(2, 0.5), st.gamma(2, scale=2)),
    (prior.inv_gamma(3, 2), st.invgamma(3, scale=2)),
    (prior.beta(3, 1.5), st.beta(3, 1.5)),
]


@pytest.mark.parametrize(("ours", "law"), LAWS, ids=lambda x: repr(x)[:20].split("<")[0])
@pytest.mark.parametrize("x", [0.3, 0.7, 0.95])
def test_slope(ours, law, x):
    numeric = (law.logpdf(x + 1e-6) - law.logpdf(x - 1e-6)) / 2e-6
    assert slope(ours, x) == pytest.approx(numeric, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize(("ours", "law"), LAWS, ids=lambda x: repr(x)[:20].split("<")[0])
def test_log_density(ours, law):
    difference = log_density(ours, 0.8) - log_density(ours, 0.2)
    assert difference == pytest.approx(law.logpdf(0.8) - law.logpdf(0.2), rel=1e-12)


def test_a_flat_prior_does_not_pull():
    assert slope(prior.flat(), 3.0) == 0
    assert log_density(prior.flat(), 3.0) == 0
