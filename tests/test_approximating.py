"""Methods other than sampling: ELBO, k-hat and words, of an approximation whose distance is known.

A Gaussian regression with known errors and normal priors has a normal posterior and a closed
marginal likelihood; an engine made here draws from another normal distribution.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal

import hierglm as hg
from hierglm.draws.draws import Draws
from hierglm.draws.pareto import pareto_smoothed
from hierglm.engines.engine import Approximated, Density, Settings
from hierglm.engines.run import Run
from hierglm.errors import SettingsError
from hierglm.plan.forms import Ability
from hierglm.program.fragment import Program
from tests.densities import opened

R = np.random.default_rng(8)
N = 30
X = R.normal(size=N)
SE = R.uniform(0.5, 1.5, N)
DATA = {"y": 1 + 0.5 * X + R.normal(size=N) * SE, "x": X, "se": SE}
PRIORS = {"Intercept": hg.prior.normal(0, 2), "b": hg.prior.normal(0, 1)}
FORMULA = "y | se(se) ~ x"

A = np.column_stack([np.ones(N), X - X.mean()])
V = np.linalg.inv(A.T @ (A / SE[:, None] ** 2) + np.diag([1 / 4, 1]))
MEAN = V @ A.T @ (DATA["y"] / SE**2)
"""Posterior of the intercept at the mean of x and of the slope."""
EVIDENCE = multivariate_normal.logpdf(
    DATA["y"], np.zeros(N), np.diag(SE**2) + A @ np.diag([4.0, 1.0]) @ A.T
)


@dataclass(frozen=True)
class Normal:
    """Draws from a normal distribution whose sds are `scale` times the posterior's."""

    scale: float = 1.0
    converged: bool = True
    asked: list[Settings] = field(default_factory=list)
    name = "normal"
    abilities = frozenset(Ability) - {Ability.KERNELS}
    starts = True

    def versions(self) -> dict[str, str]:
        return {"normal": "1.0"}

    def sample(self, program: Program, settings: Settings) -> Draws:
        raise NotImplementedError

    def open(self, program: Program) -> AbstractContextManager[Density]:
        return opened(program)

    def approximate(self, program: Program, settings: Settings) -> Approximated:
        self.asked.append(settings)
        q = multivariate_normal(MEAN, self.scale**2 * V, seed=settings.seed)
        size = settings.draws
        b = q.rvs(size).reshape(size, 2) if settings.method.name != "optimize" else MEAN[None]
        log_q = q.logpdf(b).reshape(-1)
        data: dict[str, Any] = dict(program.data)
        points = np.linalg.solve(data["W"], (b - data["b_centre"]).T).T if "W" in data else b
        with self.open(program) as density:
            lp = np.array([density(point)[0] for point in points])
        if "W" in data:
            log_q += np.log(np.diag(data["W"])).sum()
        values = {"Intercept": b[None, :, 0], "b": b[None, :, 1:]}
        values["b_Intercept"] = values["Intercept"] - X.mean() * b[None, :, 1]
        stats = {"lp": lp[None], "log_q": log_q[None]}
        draws = Run(values, stats, np.ones(1), None).labelled(program.outputs)
        ratio = lp - log_q
        error = float(ratio.std() / math.sqrt(len(ratio)))
        return Approximated(draws, True, float(ratio.mean()), error, self.converged, "Stopped.")


def fitted(engine: Normal, method: str = "laplace", **options: Any) -> hg.Fit:
    more = {"priors": PRIORS, "seed": 3, **options}
    return hg.fit(FORMULA, DATA, engine=engine, method=method, **more)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize("plan", ["textbook", "auto"])
@pytest.mark.parametrize("scale", [1.0, 0.7, 1.4])
def test_elbo_is_the_evidence_less_the_divergence(plan: str, scale: float) -> None:
    fit = fitted(Normal(scale), plan=plan, draws=4000)
    # Kullback-Leibler divergence of two normals in two dimensions.
    divergence = scale**2 - 1 - 2 * math.log(scale)
    assert fit.elbo is not None
    assert fit.elbo.unbounded == ""
    error = max(4 * fit.elbo.error, 1e-7)
    assert float(fit.elbo) == pytest.approx(EVIDENCE - divergence, abs=error)
    assert str(fit.elbo).endswith("a lower bound of log p(y)")


def test_khat_is_that_of_the_ratios_of_all_draws() -> None:
    fit = fitted(Normal(0.7), "pathfinder", draws=2000, plan="textbook")
    raw = fitted(Normal(0.7), draws=2000, plan="textbook")
    stats = raw.draws.stats
    assert raw.khat == fit.khat == pareto_smoothed(stats["lp"][0] - stats["log_q"][0])[1]
    # Ratios of a normal of s times the sd, in two dimensions, are Pareto with shape 1 - s^2;
    # its error is about (1 + k) over the root of the tail's 3 sqrt(n) draws.
    shape = 1 - 0.7**2
    assert raw.khat == pytest.approx(shape, abs=4 * (1 + shape) / math.sqrt(3 * math.sqrt(2000)))


def test_resampled_draws_are_nearer() -> None:
    raw, resampled = (
        fitted(Normal(1.4), draws=4000, method_options={"psis_resample": again})
        for again in (False, True)
    )
    sd = math.sqrt(V[1, 1])
    assert raw.draws["b"].values[..., 1].std() == pytest.approx(1.4 * sd, rel=0.05)
    assert resampled.draws["b"].values[..., 1].std() == pytest.approx(sd, rel=0.05)
    assert raw.khat == resampled.khat
    assert resampled.draws.draws == 4000


def test_it_says_that_it_is_approximate() -> None:
    close, far = fitted(Normal(1.0)), fitted(Normal(0.3), draws=4000)
    assert close.healthy
    assert not far.healthy
    words = (
        "Approximate: draws from a normal approximation by laplace, not from the posterior. Pareto "
        f"k-hat {close.khat:.2f}: close; method='sample' gives the posterior. {close.elbo}."
    )
    assert str(close.check()) == words
    assert "too far; method='sample' gives the posterior" in str(far.check())
    assert f"Pareto k-hat is {far.khat:.2f}, above 0.7. The approximation" in str(far.check())
    assert "rhat" not in str(close)
    assert "normal (normal 1.0): laplace, 1,000 draws, seed 3" in str(close)
    assert "95% of the approximation" in str(close)
    assert "Approximate: draws from a normal" in close._repr_html_()
    table = close.tidy()
    assert table[["rhat", "ess_bulk", "ess_tail"]].isna().all(axis=None)
    assert table["std_error"].notna().all()
    for style, column in (("posterior", "rhat"), ("brms", "Rhat"), ("parameters", "ESS")):
        assert close.tidy(style=style)[column].isna().all()


def test_a_mode_is_one_draw_without_uncertainty() -> None:
    engine = Normal()
    fit = fitted(engine, "optimize")
    assert fit.plan.name == "textbook"
    assert any("textbook" in note for note in fit.notes)
    assert fit.draws.draws == fit.draws.chains == 1
    table = fit.tidy()
    intercept = MEAN[0] - X.mean() * MEAN[1]
    np.testing.assert_allclose(table["estimate"], [intercept, MEAN[1]])
    assert table[["std_error", "conf_low", "conf_high", "rhat"]].isna().all(axis=None)
    assert math.isfinite(fit.lp)
    assert fit.elbo is None
    assert math.isnan(fit.khat)
    assert fit.healthy
    assert "the mode by optimize" in str(fit.check())
    assert "conf_low" not in str(fit)
    asked = fitted(engine, "optimize", plan={"response": "rows"})
    assert asked.plan.name.startswith("auto")


def test_what_has_not_converged_is_not_healthy() -> None:
    fit = fitted(Normal(converged=False), "optimize")
    assert not fit.healthy
    assert "Optimize has not converged (Stan: Stopped). More iterations may help" in str(
        fit.check()
    )


def test_flat_priors_have_no_bound() -> None:
    fit = fitted(Normal(), priors={**PRIORS, "b": hg.prior.flat()})
    assert fit.elbo is not None
    assert fit.elbo.unbounded == (
        "the prior of b[x] is flat, and with it there is no marginal likelihood"
    )
    assert "up to a constant: the prior of b[x] is flat" in str(fit.elbo)


def test_saved_and_opened_again(tmp_path: Any) -> None:
    fit = fitted(Normal(1.2), "variational", method_options={"algorithm": "fullrank"})
    opened = hg.load(fit.save(tmp_path / "fit.hglm"))
    assert opened.settings == fit.settings
    assert repr(opened.outcome) == repr(fit.outcome)
    assert str(opened) == str(fit)
    pd.testing.assert_frame_equal(opened.tidy(), fit.tidy())


def test_settings_reach_the_engine() -> None:
    engine = Normal()
    fitted(engine, "pathfinder", draws=50, threads=2, method_options={"num_paths": 2})
    (asked,) = engine.asked
    assert (asked.draws, asked.threads, asked.seed) == (50, 2, 3)
    assert asked.method == hg.method.Pathfinder(num_paths=2)
    fitted(engine, hg.method.Laplace(iter=7))  # type: ignore[arg-type]
    assert engine.asked[1].method == hg.method.Laplace(iter=7)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"chains": 2}, "chains is for method='sample'; method 'laplace' takes draws, seed"),
    ({"warmup": 10}, "warmup is for method='sample'"),
    ({"adapt_delta": 0.9}, "adapt_delta is for method='sample'"),
    ({"engine": "embedded"}, "'laplace' needs engine='cmdstan' \\(or 'auto'\\); engine 'embedded'"),
    ({"method": "vb"}, "no method 'vb'; there are 'sample', 'optimize'"),
    ({"method": "approx", "method_options": {"iter": 1}}, "method 'approx' has no options"),
]


@pytest.mark.parametrize(("arguments", "words"), REFUSED)
def test_what_does_not_fit_is_refused(arguments: dict[str, Any], words: str) -> None:
    given = {"engine": Normal(), "method": "laplace", "priors": PRIORS, **arguments}
    with pytest.raises(SettingsError, match=words):
        hg.fit(FORMULA, DATA, **given)
