"""Every method of the compiled engine against closed forms, with real compiled programs."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from scipy.special import logsumexp

import hierglm as hg
from hierglm.draws.diagnostics import ess_bulk
from hierglm.engines.cmdstan import CmdStanEngine
from hierglm.engines.engine import Settings
from hierglm.engines.toolchain import Toolchain
from hierglm.models import specify
from hierglm.plan.choose import choose
from hierglm.results.constants import left_out
from tests.designs import design_of
from tests.engines.conftest import same_draws
from tests.test_approximating import DATA, EVIDENCE, FORMULA, MEAN, PRIORS, V, X

pytestmark = pytest.mark.cmdstan

SD = np.sqrt(np.diag(V))


@pytest.fixture(scope="module")
def engine(toolchain: Toolchain) -> CmdStanEngine:
    return CmdStanEngine(cmdstan=toolchain.path)


def regression(engine: CmdStanEngine, method: str, draws: int = 4000, **options: object) -> hg.Fit:
    """The regression whose posterior is normal, by its textbook program."""
    return hg.fit(FORMULA, DATA, priors=PRIORS, plan="textbook", engine=engine, seed=5,
                  method=method, draws=draws, method_options=options)  # type: ignore[call-overload,no-any-return]  # fmt: skip


def centred(fit: hg.Fit) -> np.ndarray:
    """Draws of intercept at the mean of x and slope, shape (draws, 2)."""
    b = fit.draws["b"].values[0]
    return np.column_stack([b[:, 0] + X.mean() * b[:, 1], b[:, 1]])


def check_moments(fit: hg.Fit, spread: float) -> None:
    b = centred(fit)
    np.testing.assert_allclose(b.mean(axis=0), MEAN, atol=4.5 * SD.max() / math.sqrt(len(b)))
    np.testing.assert_allclose(b.std(axis=0), SD, rtol=spread)


def test_laplace_is_exact_where_the_posterior_is_normal(engine: CmdStanEngine) -> None:
    fit = regression(engine, "laplace")
    check_moments(fit, 0.05)
    assert fit.elbo is not None
    assert float(fit.elbo) == pytest.approx(EVIDENCE, abs=1e-4)
    assert fit.khat < 0.5
    assert fit.healthy


def test_fullrank_advi_attains_the_evidence(engine: CmdStanEngine) -> None:
    options = {"algorithm": "fullrank", "tol_rel_obj": 1e-3, "iter": 20_000, "grad_samples": 10}
    fit = regression(engine, "variational", **options, elbo_samples=2000)
    assert fit.elbo is not None
    assert fit.elbo.error == pytest.approx(math.sqrt(1 / 2000), rel=0.1)
    assert float(fit.elbo) == pytest.approx(EVIDENCE, abs=4 * fit.elbo.error)
    np.testing.assert_allclose(centred(fit).mean(axis=0), MEAN, atol=0.1 * SD.min())
    assert fit.healthy


def test_meanfield_advi_is_below_it_by_what_it_leaves_out(engine: CmdStanEngine) -> None:
    options = {"tol_rel_obj": 1e-4, "iter": 20_000, "grad_samples": 10, "elbo_samples": 2000}
    fit = regression(engine, "variational", **options)
    assert fit.elbo is not None
    # Best independent normals have the inverse diagonal of the precision as variances.
    P = np.linalg.inv(V)
    divergence = 0.5 * (np.log(np.diag(P)).sum() - np.linalg.slogdet(P)[1])
    assert float(fit.elbo) == pytest.approx(EVIDENCE - divergence, abs=4 * fit.elbo.error)


def test_pathfinder_is_near(engine: CmdStanEngine) -> None:
    fit = regression(engine, "pathfinder")
    assert fit.elbo is not None
    assert EVIDENCE - 0.2 < float(fit.elbo) < EVIDENCE + 4 * fit.elbo.error
    assert fit.khat < 0.7
    # Resampled: some draws stand more than once.
    assert len(np.unique(centred(fit)[:, 0])) < 4000
    check_moments(fit, 0.1)


@pytest.mark.parametrize("algorithm", ["lbfgs", "bfgs", "newton"])
def test_the_mode_of_a_normal_posterior_is_its_mean(engine: CmdStanEngine, algorithm: str) -> None:
    fit = regression(engine, "optimize", algorithm=algorithm)
    np.testing.assert_allclose(centred(fit)[0], MEAN, rtol=1e-4)
    assert fit.healthy
    few = regression(engine, "optimize", algorithm=algorithm, iter=1)
    assert not few.healthy
    assert "has not converged (Stan: " in str(few.check())


G = np.repeat(np.arange(6), 5)
Y = 10 + np.random.default_rng(4).normal(0, 2, 6)[G] + np.random.default_rng(5).normal(0, 1.5, 30)
ONE_WAY = {"Intercept": hg.prior.normal(9, 4), "sd": hg.prior.exponential(0.5),
           "sigma": hg.prior.gamma(2, 1)}  # fmt: skip


def one_way(engine: CmdStanEngine, method: str, plan: object = "auto", **options: object) -> hg.Fit:
    """Random intercepts; by "auto" they and all rows are integrated out."""
    return hg.fit("y ~ 1 + (1 | g)", {"y": Y, "g": G}, priors=ONE_WAY, engine=engine, seed=6,
                  method=method, plan=plan, draws=4000, method_options=options)  # type: ignore[call-overload,no-any-return]  # fmt: skip


@lru_cache(maxsize=1)
def exact() -> tuple[float, float]:
    """log p(y) and the intercept's posterior mean, by quadrature over log sigma and log tau."""
    log_sigma, log_tau = np.linspace(-1.2, 1.8, 120), np.linspace(-5, 3.5, 240)
    same = (G[:, None] == G).astype(float)
    log = np.empty((len(log_sigma), len(log_tau)))
    mean = np.empty_like(log)
    for i, s in enumerate(np.exp(log_sigma)):
        for j, t in enumerate(np.exp(log_tau)):
            # The intercept, N(9, 4^2), is integrated out.
            low = np.linalg.cholesky(s**2 * np.eye(30) + t**2 * same + 16)
            e, one = np.linalg.solve(low, np.column_stack([Y - 9, np.ones(30)])).T
            log[i, j] = -np.log(np.diag(low)).sum() - 0.5 * e @ e - 15 * math.log(2 * math.pi)
            # Gamma(2, 1) and exponential(0.5), and the Jacobians of the logarithms.
            log[i, j] += math.log(s) - s + math.log(0.5) - 0.5 * t + math.log(s * t)
            mean[i, j] = 9 + 16 * one @ e
    total = float(logsumexp(log))
    cell = (log_sigma[1] - log_sigma[0]) * (log_tau[1] - log_tau[0])
    return total + math.log(cell), float((np.exp(log - total) * mean).sum())


@pytest.mark.slow  # It compiles a program of its own.
def test_the_bound_holds_where_effects_are_integrated_out(engine: CmdStanEngine) -> None:
    evidence, _ = exact()
    fit = one_way(engine, "laplace")
    assert fit.elbo is not None
    assert float(fit.elbo) < evidence + 4 * fit.elbo.error
    # Importance sampling with the same draws gives the evidence itself.
    model = specify(design_of("y ~ 1 + (1 | g)", {"y": Y, "g": G}), "gaussian", ONE_WAY)
    plan = choose(model, engine.abilities)
    ratios = (fit.draws.stats["lp"] - fit.draws.stats["log_q"])[0] + left_out(plan, dropped=True)
    weights = np.exp(ratios - evidence)
    assert weights.mean() == pytest.approx(1, abs=5 * weights.std() / math.sqrt(len(weights)))
    advi = one_way(engine, "variational", algorithm="fullrank")
    assert advi.elbo is not None
    assert float(advi.elbo) < evidence + 4 * advi.elbo.error
    assert float(advi.elbo) > evidence - 1


def test_effects_come_out_of_every_method(engine: CmdStanEngine) -> None:
    laplace = one_way(engine, "laplace")
    assert laplace.ranef()["level"].tolist() == list(range(6))
    assert (laplace.ranef()["std_error"] > 0).all()
    mode = one_way(engine, "optimize", plan={"(1 | g)": "integrated"}, jacobian=True)
    b, sd, sigma = (float(mode.tidy()["estimate"][k]) for k in range(3))
    # At a mode they are at their means given the rest, shrunk towards 0.
    totals = np.bincount(G, weights=Y - b)
    np.testing.assert_allclose(mode.ranef()["estimate"], totals / (5 + (sigma / sd) ** 2))
    assert mode.ranef()["std_error"].isna().all()


def test_chains_start_about_the_fit_and_sample_the_posterior(engine: CmdStanEngine) -> None:
    fit = one_way(engine, "sample")
    # Six levels tell an sd badly: what came after the short warmup may be sampled again.
    assert any("300" in note for note in fit.notes)
    assert fit.healthy
    b = fit.draws["b"].values
    error = b.std() / math.sqrt(float(ess_bulk(b)[0]))
    assert b.mean() == pytest.approx(exact()[1], abs=4.5 * error)


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_do_not_change_the_draws(engine: CmdStanEngine, threads: int) -> None:
    settings = Settings(chains=2, warmup=50, draws=50, seed=3, threads=threads)
    model = hg.model(FORMULA, DATA, priors=PRIORS, plan="textbook", engine=engine)
    draws = engine.sample(model._program, settings)
    alone = engine.sample(model._program, replace(settings, threads=2))
    assert same_draws(draws, alone)
