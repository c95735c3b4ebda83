"""Effects of a few factors, rr(x | g, rank=d): programs against hand-written and other ones.

tests/data/low_rank.csv is simulated (5 effects of 60 tasks in a plane, 15 rows each, ours). The
maximum-likelihood estimates are glmmTMB 1.1.5's, R 4.2.2:
``glmmTMB(y ~ x1 + x2 + x3 + x4 + rr(x1 + x2 + x3 + x4 | task, d = 2), data)``.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import stanli

from hierglm.priors import distributions as prior
from hierglm.program.library import stan_function
from tests.densities import opened
from tests.program.exact import Place, pair, values_of
from tests.program.oracles import codes, sd, simulated, spread, textbook

TABLE = Path(__file__).parents[1] / "data" / "low_rank.csv"
FORMULA = "y ~ x1 + x2 + x3 + x4 + rr(x1 + x2 + x3 + x4 | task, rank={})"

LOG_LIKELIHOOD = {1: -1670.41817844, 2: -1445.28842917}
COEFFICIENTS = {
    1: (0.94956415, 0.41091399, -0.01690310, -0.53973947, 0.33009067),
    2: (0.971932512, 0.406548628, 0.020368557, -0.545313906, 0.300766521),
}
SIGMA = {1: 1.4281195, 2: 0.99099232}
LOADINGS = {
    1: ((0.20395493,), (0.87529184,), (-0.58164333,), (0.53397238,), (0.37228789,)),
    2: (
        (0.16823385, 0.0),
        (0.92738113, -0.048053586),
        (-0.51290551, 0.638645389),
        (0.56790963, 0.478747616),
        (0.21644178, -0.679102838),
    ),
}


def at_maximum(rank, plan):
    """Return a program with priors that say nothing, and glmmTMB's estimates in it."""
    own = {"b": prior.flat(), "Intercept": prior.flat(), "sigma": prior.flat(),
           "loading[task]": prior.normal(0, 1e6)}  # fmt: skip
    data = pd.read_csv(TABLE)
    plans, programs = pair(FORMULA.format(rank), data, priors=own, plan=plan)
    U = np.array(LOADINGS[rank])
    b = np.array(COEFFICIENTS[rank])
    # Our intercept belongs to the means of the columns.
    b[0] += data[["x1", "x2", "x3", "x4"]].mean().to_numpy() @ b[1:]
    effects = np.zeros((60, 5))
    at = Place(b, SIGMA[rank], {}, [np.linalg.norm(U, axis=1)], [U], [effects])
    values, volume = values_of(plans[0], programs[0], at)
    return programs[0], values, volume


@pytest.mark.parametrize("rank", [1, 2])
def test_the_likelihood_at_glmmtmb_s_estimates_is_glmmtmb_s(rank):
    program, values, rotations = at_maximum(rank, "auto")
    with opened(program) as density:
        point = density.unconstrain(values)
        value, gradient = density(point)
    # What the program has beside it: Jacobians of log sigma and of the multipliers of
    # parameters, and the volume of rotations.
    reaches = [np.log(v).sum() for name, v in program.data.items() if name.endswith("_reach")]
    own = value - np.log(SIGMA[rank]) - sum(reaches) + rotations - 450 * np.log(2 * np.pi)
    assert own == pytest.approx(LOG_LIKELIHOOD[rank], abs=2e-6)
    # And it is a maximum there, along log sigma (Jacobian 1), coefficients and loadings.
    reach = float(program.data["log_sigma_reach"])
    assert gradient[0] == pytest.approx(reach, abs=2e-3)
    np.testing.assert_allclose(gradient[1:6], 0, atol=2e-3)
    diagonal, below = gradient[6 : 6 + rank], gradient[6 + rank :]
    of_rotations = [
        (rank - 1 - k) / values["diagonal_1"][k] * program.data["diagonal_1_reach"][k]
        for k in range(rank)
    ]
    np.testing.assert_allclose(diagonal, of_rotations, atol=2e-3)
    np.testing.assert_allclose(below, 0, atol=2e-3)


def hand_written(d, rank):
    y, (m, s) = d["y"], spread(d["y"].to_numpy())
    z = np.column_stack([np.ones(len(d)), d[["x", "z", "v"]]])
    return {
        "n": len(d), "p": 2, "q": 4, "d": rank, "n_tasks": 7, "x": d[["x", "z"]].to_numpy(),
        "z": z, "task": codes(d["g"]), "y": y.to_numpy(),
        "location_scale_alpha": np.array([m, s]),
        "scale_beta": np.array([2.5 * sd(y) / sd(d["x"]), 2.5 * sd(y) / sd(d["z"])]),
        "size": np.sqrt((z**2).mean(axis=0)), "scale_loading": 1.7, "scale_sigma": s,
    }  # fmt: skip


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_density_is_that_of_a_factor_analysis_written_by_hand(rank):
    # By hand: triangular loadings with their own prior. Ours: all loadings, normal.
    data = simulated()
    own = {"loading[g]": prior.normal(0, 1.7)}
    formula = f"y ~ x + z + rr(x + z + v | g, rank={rank})"
    (_, plan), (_, program) = pair(formula, data, priors=own)
    theirs = textbook("low_rank", hand_written(data, rank))
    assert plan.name == "textbook"
    r, difference = np.random.default_rng(4), []
    with opened(program) as ours, opened(theirs) as by_hand:
        for _ in range(5):
            L = np.tril(r.normal(size=(4, rank)))
            L[np.arange(rank), np.arange(rank)] = np.exp(r.normal(0, 0.5, rank))
            Q = np.linalg.qr(r.normal(size=(rank, rank)))[0]
            v, b = r.normal(size=(rank, 7)), r.normal(size=2)
            common = {"sigma": float(np.exp(r.normal())), "b": b.tolist(), "Intercept": r.normal()}
            mine = common | {"load_1": flat(L @ Q), "z_1": flat(Q.T @ v)}
            hand = {"sigma": common["sigma"], "alpha": common["Intercept"], "beta": b.tolist(),
                    "L": flat(L), "v": flat(v)}  # fmt: skip
            # One lower triangle stands for all its rotations; Stan has the diagonal's logarithm.
            volume = sum((rank - k) * np.log(L[k, k]) for k in range(rank))
            point, other = ours.unconstrain(mine), by_hand.unconstrain(hand)
            difference.append(ours(point)[0] + volume - by_hand(other)[0])
    np.testing.assert_allclose(difference, difference[0], rtol=0, atol=1e-9)


def flat(value):
    return np.asarray(value).flatten(order="F").tolist()


def function(name, *arguments):
    code = f"functions {{\n{stan_function(name)}\n}}"
    given = {
        k: np.asarray(v).tolist() for k, v in zip(arguments[::2], arguments[1::2], strict=True)
    }
    return np.array(stanli.Function(name, stan_code=code)(given))


def test_loadings_are_rotated_to_a_lower_triangle_with_a_positive_diagonal():
    r = np.random.default_rng(1)
    for d in (1, 2, 4):
        U = r.normal(size=(5, d))
        found = function("rotated_loadings", "U", U)
        np.testing.assert_allclose(found @ found.T, U @ U.T, atol=1e-13)
        np.testing.assert_allclose(np.triu(found, 1), 0, atol=1e-14)
        assert (np.diag(found) > 0).all()
        # A covariance of full rank has its Cholesky factor.
        top = np.linalg.cholesky(U[:d] @ U[:d].T)
        np.testing.assert_allclose(found[:d], top, atol=1e-13)


def test_the_prior_of_loadings_is_multivariate_t():
    from scipy import stats

    r = np.random.default_rng(2)
    law = stats.multivariate_t(np.zeros(6), 1.5**2 * np.eye(6), df=3)
    A = [r.normal(size=(3, 2)) for _ in range(4)]
    found = [function("joint_student_t", "A", a, "df", 3.0, "scale", 1.5) for a in A]
    np.testing.assert_allclose(np.diff(found), np.diff([law.logpdf(a.ravel()) for a in A]))


def test_the_shrinking_prior_is_normal_rows_whose_covariance_is_unknown():
    # For one column that is a multivariate t; for two, the integral over the covariance is the
    # ratio of constants of inverse-Wishart distributions with df + 1 and df + 1 + q.
    from scipy import stats
    from scipy.special import multigammaln

    r, df, s = np.random.default_rng(3), 3.0, 0.7
    one = [r.normal(size=(4, 1)) for _ in range(3)]
    law = stats.multivariate_t(np.zeros(4), s**2 * np.eye(4), df=df)
    found = [function("matrix_student_t", "A", a, "df", df, "scale", s) for a in one]
    np.testing.assert_allclose(np.diff(found), np.diff([law.logpdf(a.ravel()) for a in one]))
    two = [r.normal(size=(4, 2)) for _ in range(3)]
    found = [function("matrix_student_t", "A", a, "df", df, "scale", s) for a in two]

    def integrated(A):
        # log of int prod N(row | 0, V) invWishart(V | df + 1, df s^2 I) dV, 4 rows of 2.
        before, after = df + 1, df + 1 + 4
        scale = df * s**2 * np.eye(2)
        return (
            multigammaln(after / 2, 2) - multigammaln(before / 2, 2) - 4 * np.log(np.pi)
            + before / 2 * np.linalg.slogdet(scale)[1]
            - after / 2 * np.linalg.slogdet(scale + A.T @ A)[1]
        )  # fmt: skip

    np.testing.assert_allclose(np.diff(found), np.diff([integrated(a) for a in two]))
