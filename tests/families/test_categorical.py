"""Categories against SciPy's multinomial distribution and softmax."""

import numpy as np
import pytest
import scipy.special as sp
import scipy.stats as st

from hierglm.design.design import Response
from hierglm.errors import ResponseError
from hierglm.families import family
from hierglm.families.categorical import MOST, categories, probabilities

CATEGORICAL = family("categorical")


def response(values, levels=None, **known):
    values = np.asarray(values, dtype=float)
    return Response("kind", values, np.arange(len(values)), levels=levels, **known)


def test_density_is_that_of_one_multinomial_trial():
    eta = np.random.default_rng(1).normal(0, 3, size=(5, 40, 3))
    y = np.arange(40) % 4
    p = sp.softmax(np.concatenate([np.zeros((5, 40, 1)), eta], axis=-1), axis=-1)
    expected = st.multinomial.logpmf(np.eye(4)[y], 1, p)
    found = CATEGORICAL.log_density(y.astype(float), eta, {}, None)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(probabilities(eta), p, rtol=1e-12)
    np.testing.assert_allclose(CATEGORICAL.mean(eta, {}, None), p, rtol=1e-12)
    np.testing.assert_allclose(CATEGORICAL.variance(eta, {}, None), p * (1 - p), rtol=1e-9)


def test_far_predictors_keep_their_digits():
    eta = np.array([[700.0, -700.0]])
    found = [CATEGORICAL.log_density(np.array([k]), eta, {}, None)[0] for k in (0.0, 1.0, 2.0)]
    assert found == [-700.0, 0.0, -1400.0]


def test_draws_have_their_probabilities():
    eta = np.tile([0.5, -1.0], (200_000, 1))
    y = CATEGORICAL.draw(np.random.default_rng(3), eta, {}, None)
    expected = probabilities(eta[0]) * len(y)
    assert st.chisquare(np.bincount(y.astype(int), minlength=3), expected).pvalue > 0.001


def test_numbers_become_places_of_levels():
    found = categories(response([2, 5, 2, 9.5]))
    assert found.values.tolist() == [0, 1, 0, 2]
    assert found.levels == ("2", "5", "9.5")
    text = response([0, 1], levels=("a", "b"))
    assert categories(text) is text


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (response([1, 1]), "2 to 50 categories; 'kind' has 1"),
        (response(np.arange(MOST + 1)), "has 51"),
    ],
)
def test_too_few_or_too_many_numbers_are_refused(bad, words):
    with pytest.raises(ResponseError, match=words):
        categories(bad)


def test_trials_and_errors_are_refused():
    with pytest.raises(ResponseError, match="trials"):
        CATEGORICAL.check(response([0, 1], ("a", "b"), trials=np.ones(2)))
    with pytest.raises(ResponseError, match="no standard errors"):
        CATEGORICAL.check(response([0, 1], ("a", "b"), se=np.ones(2)))
