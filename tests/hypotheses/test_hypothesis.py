"""Hypotheses on draws that are known: brute force, conjugate models, quadrature of priors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from hierglm.errors import HypothesisError, SettingsError
from hierglm.hypotheses.hypothesis import hypothesis
from hierglm.hypotheses.values import Linear
from hierglm.parts import ResponsePart
from hierglm.posterior import Fit, load
from hierglm.priors import distributions as prior
from hierglm.results.fitted import Fitted
from hierglm.results.pointwise import flatten
from tests.variance.given import given_fit

RNG = np.random.default_rng(5)
ROWS = 48
TABLE = pd.DataFrame(
    {
        "y": RNG.normal(2, 1, ROWS),
        "x": RNG.normal(1, 2, ROWS),
        "z": RNG.normal(size=ROWS),
        "g": np.array(list("abcd"))[np.arange(ROWS) % 4],
        "year": 2000 + np.arange(ROWS) % 3,
        "grade": pd.Categorical(np.array(["low", "mid", "top"])[np.arange(ROWS) % 3], ordered=True),
    }
)
PRIORS = {
    "Intercept": prior.student_t(3, 0.5, 2),
    "b[x]": prior.normal(0.2, 1),
    "b[z]": prior.normal(0, 3),
    "sd": prior.student_t(4, 0, 1.5),
    "sigma": prior.gamma(2, 1),
    "cor": prior.lkj(2),
}
PRIOR_SD = {"sd": prior.student_t(4, 0, 1.5)}
FIT = given_fit("y ~ x + z + x:z + (x | g) + (1 | year)", TABLE, priors=PRIORS, draws=60)
EVERY = flatten(FIT.draws).values


def _row(text: str, fit: Fitted = FIT) -> Any:
    table = hypothesis(fit, text)
    assert isinstance(table, pd.DataFrame)
    return table.iloc[0]


def test_numbers_are_those_of_the_draws() -> None:
    b, sd, sigma = EVERY["b"], EVERY["sd_g"], EVERY["sigma"]
    cor, r, year = EVERY["cor_g"], EVERY["r_g"], EVERY["r_year"]
    expected: dict[str, Any] = {
        "x > 0.4": b[:, 1] - 0.4,
        "x - z = 0.5": b[:, 1] - b[:, 2] - 0.5,
        "b[x:z] / 2 < x:z ^ 2": b[:, 3] / 2 - b[:, 3] ** 2,
        "sd[g:x] > sd[g:Intercept]": sd[:, 1] - sd[:, 0],
        "cor[g:x,Intercept] > .5": cor[:, 0] - 0.5,
        "r[g:c,x] < r[g:a,x]": r[:, 2, 1] - r[:, 0, 1],
        "coef[g:b,x] > r[year:2001,Intercept]": b[:, 1] + r[:, 1, 1] - year[:, 1, 0],
        "log(sigma) > -exp(x)": np.log(sigma) + np.exp(b[:, 1]),
    }
    table = hypothesis(FIT, *expected, conf_level=0.8)
    assert isinstance(table, pd.DataFrame)
    assert table["hypothesis"].tolist() == list(expected)
    for (text, x), (_, row) in zip(expected.items(), table.iterrows(), strict=True):
        np.testing.assert_allclose(
            [row["estimate"], row["std_error"], row["conf_low"], row["conf_high"]],
            [x.mean(), x.std(ddof=1), *np.quantile(x, (0.1, 0.9))],
            rtol=1e-10,
        )
        if "=" not in text:
            p = np.mean(x < 0) if "<" in text else np.mean(x > 0)
            assert row["probability"] == p
            assert row["evidence_ratio"] == (p / (1 - p) if p < 1 else np.inf)
    drawn: Any = hypothesis(FIT, *expected, summary=False)
    assert drawn.dims == ("chain", "draw", "quantity")
    assert drawn["hypothesis"].values.tolist() == list(expected)
    np.testing.assert_allclose(
        drawn.values.reshape(-1, len(expected)), np.stack(list(expected.values()), axis=1)
    )


def test_the_density_ratio_is_the_bayes_factor_of_a_conjugate_model() -> None:
    # y_i ~ N(b, 1), b ~ N(0, 2^2): both marginal likelihoods are normal densities.
    n = 12
    y = TABLE["y"].to_numpy()[:n] - 1.7
    table = pd.DataFrame({"y": y})
    variance = 1 / (n + 1 / 4)
    post = stats.norm(variance * y.sum(), variance**0.5)
    x = post.ppf((np.arange(4000) + 0.5) / 4000).reshape(2, 2000, 1)
    priors = {"Intercept": prior.normal(0, 2), "sigma": prior.constant(1)}
    fit = given_fit("y ~ 1", table, priors=priors, values={"b": x}, draws=2000)
    for point in (0.0, 0.5, 1.0):
        null = stats.multivariate_normal(np.full(n, point), np.eye(n)).logpdf(y)
        free = stats.multivariate_normal(np.zeros(n), np.eye(n) + 4).logpdf(y)
        row = _row(f"Intercept = {point}", fit)
        assert row["evidence_ratio"] == pytest.approx(np.exp(null - free), rel=0.01)
        assert row["probability"] == pytest.approx(1 / (1 + np.exp(free - null)), rel=0.01)
        assert row["prior_odds"] == 1
        assert (row["posterior"], row["prior"]) == ("local likelihood", "exact: normal")


def _density(text: str, fit: Fitted = FIT) -> tuple[float, str]:
    """Return the prior density at a point: the posterior's over the evidence ratio."""
    from hierglm.hypotheses import hypothesis as module

    asked = module._asked(fit, text)
    model = fit.plan.model
    found = module.belief(
        model, asked.hypothesis, asked.places, asked.form, module._support(model, asked), 1
    )
    return found.density, found.density_by


def _half_t(x: float) -> float:
    return float(2 * stats.t(4, 0, 1.5).pdf(x)) if x >= 0 else 0.0


def test_exact_prior_densities() -> None:
    expected = {
        "x - 2 * z = 0.5": stats.norm(0.2, np.sqrt(1 + 4 * 9)).pdf(0.5),
        "-(x + 1) / 2 = 0.1": stats.norm(-0.6, 0.5).pdf(0.1),
        "sd[g:x] = 0": _half_t(0),
        "2 * sd[g:x] = 1": _half_t(0.5) / 2,
        "sd[g:x] = -1": 0.0,
        "sigma = 0.7": stats.gamma(2).pdf(0.7),
        "1 - sigma = 0.3": stats.gamma(2).pdf(0.7),
    }
    for text, density in expected.items():
        found, how = _density(text)
        assert found == pytest.approx(density, rel=1e-12), text
        assert how.startswith("exact"), text


def test_prior_densities_over_draws_are_those_of_quadrature() -> None:
    # Two half t numbers.
    found, how = _density("sd[g:x] = sd[g:Intercept]")
    exact = integrate.quad(lambda s: _half_t(s) ** 2, 0, np.inf)[0]
    assert found == pytest.approx(exact, rel=0.01)
    assert how == "mean over 20,000 draws from the priors"
    # The prior of the intercept is at the means of the columns.
    columns = [TABLE["x"], TABLE["z"], TABLE["x"] * TABLE["z"]]
    slopes = [p.numbers for p in FIT.plan.model.priors.of("b")]
    shift = -sum(c.mean() * m for c, (m, _) in zip(columns, slopes, strict=True))
    scale = np.sqrt(sum((c.mean() * s) ** 2 for c, (_, s) in zip(columns, slopes, strict=True)))
    centre, normal = stats.t(3, 0.5, 2), stats.norm(shift, scale)
    exact = integrate.quad(lambda s: centre.pdf(1 - s) * normal.pdf(s), -np.inf, np.inf)[0]
    found, how = _density("Intercept = 1")
    assert found == pytest.approx(exact, rel=0.01)


def test_prior_densities_of_draws() -> None:
    # lkj(2) of two effects: (cor + 1) / 2 is beta(2, 2).
    found, how = _density("cor[g:Intercept,x] = 0.3")
    assert found == pytest.approx(stats.beta(2, 2).pdf(0.65) / 2, rel=0.04)
    assert how == "local likelihood of 20,000 draws from the priors"
    found, _ = _density("x * 1 + z^2 = 1")
    law = stats.norm(0.2, 1)
    exact = integrate.quad(lambda z: law.pdf(1 - z**2) * stats.norm(0, 3).pdf(z), -9, 9)[0]
    assert found == pytest.approx(exact, rel=0.06)


@pytest.mark.parametrize(
    ("text", "probability", "tolerance"),
    [
        ("x > 0", stats.norm(0.2, 1).sf(0), 1e-12),
        ("x < 0", stats.norm(0.2, 1).cdf(0), 1e-12),
        ("-x > 0", stats.norm(0.2, 1).cdf(0), 1e-12),
        ("sd[g:x] < 2", 1 - 2 * stats.t(4, 0, 1.5).sf(2), 1e-12),
        ("sd[g:x] > -1", 1.0, 1e-12),
        ("sd[g:x] > sd[g:Intercept]", 0.5, 0.01),
        ("cor[g:Intercept,x] > 0.2", stats.beta(2, 2).sf(0.6), 0.02),
        ("r[g:a,x] > 0", 0.5, 0.02),
        ("abs(x - 0.2) < 1", stats.norm.cdf(1) - stats.norm.cdf(-1), 0.02),
    ],
)
def test_prior_odds(text: str, probability: float, tolerance: float) -> None:
    odds = _row(text)["prior_odds"]
    found = 1.0 if np.isinf(odds) else odds / (1 + odds)
    assert found == pytest.approx(probability, rel=tolerance)


def test_decov_is_drawn() -> None:
    # sd = sigma tau, tau ~ exponential(1), sigma ~ exponential(1 / s_y).
    fit = given_fit("y ~ 1 + (1 | g)", TABLE, priors="rstanarm", draws=20)
    rate = fit.plan.model.priors.scale("sigma").numbers[0]
    law = stats.expon(scale=1 / rate)
    exact = integrate.quad(lambda s: np.exp(-1 / s) * law.pdf(s), 0, np.inf)[0]
    odds = _row("sd[g:Intercept] > 1", fit)["prior_odds"]
    assert odds / (1 + odds) == pytest.approx(exact, rel=0.03)


def test_flat_priors_leave_it_open() -> None:
    fit = given_fit("y ~ x + z + (1 | g)", TABLE, priors="brms", draws=20)
    table = hypothesis(fit, "x > 0", "x = z", "x * z > 0", "Intercept > 0", "sd[g:Intercept] > 1",
                       "sd[g:Intercept] * sigma > 1")  # fmt: skip
    assert isinstance(table, pd.DataFrame)
    assert table["prior"].tolist()[:4] == [
        "none: the prior of b[x] is flat", "none: the prior of b[x] is flat",
        "none: the prior of b[x] is flat", "none: the prior of b[x] is flat",
    ]  # fmt: skip
    assert np.isnan(table["prior_odds"][[0, 2, 3]]).all()
    assert np.isnan(table["evidence_ratio"][1])
    assert np.isfinite(table["prior_odds"][[4, 5]]).all()
    sd = stats.t(3, 0, 2.5)
    law = lambda s: 2 * sd.pdf(s)  # noqa: E731
    exact = integrate.quad(lambda s: law(s) * 2 * sd.sf(1 / s), 0, np.inf)[0]
    odds = table["prior_odds"][5]
    assert odds / (1 + odds) == pytest.approx(exact, rel=0.02)


def test_names_of_several_predictors_and_of_thresholds() -> None:
    fit = given_fit([ResponsePart(("y ~ x + (1 | g)", "sigma ~ z"))], TABLE, draws=20)
    every = flatten(fit.draws).values
    slope = next(v for n, v in every.items() if n.startswith("b") and "sigma" in n)[:, 1]
    for text in ("z@.sigma > 0.5", "b[z]@.sigma > 0.5"):
        row = _row(text, fit)
        assert row["estimate"] == pytest.approx(slope.mean() - 0.5)
        assert row["prior"] == "exact: normal"
    with pytest.raises(HypothesisError, match=r"no parameter 'z'; there are .*'z@\.sigma'"):
        hypothesis(fit, "z > 0")
    fit = given_fit("grade ~ x", TABLE, "cumulative", draws=20)
    row = _row("Intercept[2] > b[Intercept[1]]", fit)
    assert row["prior_odds"] == np.inf
    assert row["prior"] == "share of 20,000 draws from the priors"


def test_joint_models_and_few_factors() -> None:
    parts = [
        ResponsePart(("y ~ x + (1 |s| g)",)),
        ResponsePart(("z ~ x + (1 |s| g)",)),
    ]
    fit = given_fit(parts, TABLE, draws=20)
    every = flatten(fit.draws).values
    row = _row("cor[g:Intercept@y,Intercept@z] > 0", fit)
    (cor,) = (v for n, v in every.items() if n.startswith("cor"))
    assert row["estimate"] == pytest.approx(cor.mean())
    assert row["prior_odds"] == pytest.approx(1, rel=0.05)
    row = _row("coef[g:b,Intercept]@z = b[Intercept]@y", fit)
    assert row["prior"] == "local likelihood of 20,000 draws from the priors"
    assert row["evidence_ratio"] > 0
    fit = given_fit("y ~ 1 + rr(x + z | g, rank=1)", TABLE, draws=20)
    # The first loading is positive, and each effect's sd is that of its loading.
    row = _row("loading[g:Intercept,1] > 0", fit)
    assert row["prior_odds"] == np.inf
    odds = _row("sd[g:x] > sd[g:z]", fit)["prior_odds"]
    # Their prior is that of columns with a mean square of 1.
    ratio = np.sqrt((TABLE["z"] ** 2).mean() / (TABLE["x"] ** 2).mean())
    exact = 2 / np.pi * np.arctan(ratio)
    assert odds / (1 + odds) == pytest.approx(exact, abs=0.01)


def test_the_seed_gives_the_same_numbers() -> None:
    one, other = (hypothesis(FIT, "x * z > 1", seed=s) for s in (3, 3))
    assert isinstance(one, pd.DataFrame)
    assert isinstance(other, pd.DataFrame)
    pd.testing.assert_frame_equal(one, other)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("q > 0", "no parameter 'q'; there are 'Intercept', 'x', 'z'"),
        ("sd[g:X] > 0", r"no parameter 'sd\[g:X\]'; did you mean 'sd\[g:x\]'"),
        ("r[g:e,x] > 0", r"no parameter 'r\[g:e,x\]'; did you mean 'r\[g:"),
        ("coef[gg:a,x] > 0", r"did you mean 'coef\[g:a,x\]'"),
        ("log(-sigma) > 0", "no number in 120 of 120 draws"),
        ("x / (z - z) > 0", "no number in 120 of 120 draws"),
        ("1 > 0", "must name a parameter"),
        ("x.__class__ > 0", "no parameter 'x.__class__'"),
        ("__import__('os').system('true') > 0", "one of > < = must stand|no parameter|means"),
    ],
)
def test_mistakes_are_named(text: str, message: str) -> None:
    with pytest.raises(HypothesisError, match=message):
        hypothesis(FIT, text)


def test_labels_that_read_like_functions_are_told_from_them() -> None:
    fit = given_fit("y ~ log(z**2) + x", TABLE, draws=20)
    with pytest.raises(HypothesisError, match=r"write b\[log\(z\*\*2\)\] for it"):
        hypothesis(fit, "log(z**2) > 0")
    b = flatten(fit.draws).values["b"]
    assert _row("b[log(z**2)] > 0", fit)["estimate"] == pytest.approx(b[:, 1].mean())
    assert _row("log(x) > 0", fit)["estimate"] == pytest.approx(np.log(b[:, 2]).mean())


def test_no_hypothesis_and_no_draws() -> None:
    with pytest.raises(SettingsError, match="give at least one hypothesis"):
        hypothesis(FIT)
    fit = given_fit("y ~ x", TABLE, chains=1, draws=1)
    with pytest.raises(SettingsError, match="its mode alone"):
        hypothesis(fit, "x > 0")


@pytest.mark.parametrize(
    ("text", "constant", "multiples"),
    [
        ("2 * (x - z) / 4 = 1 + 1", -2.0, {"b[x]": 0.5, "b[z]": -0.5}),
        ("x - x + z > 0", 0.0, {"b[z]": 1.0}),
        ("x > log(exp(2)) ^ 2", -4.0, {"b[x]": 1.0}),
        ("-b[x] > -x * 3", 0.0, {"b[x]": 2.0}),
    ],
)
def test_linear_forms(text: str, constant: float, multiples: dict[str, float]) -> None:
    from hierglm.hypotheses import hypothesis as module

    form = module._asked(FIT, text).form
    assert isinstance(form, Linear)
    assert form.constant == pytest.approx(constant)
    assert form.multiples == pytest.approx(multiples)


@pytest.mark.parametrize("text", ["x * z > 0", "x / z > 0", "1 / x > 0", "abs(x) > 0", "x^2 > 1"])
def test_what_is_not_linear(text: str) -> None:
    from hierglm.hypotheses import hypothesis as module

    assert module._asked(FIT, text).form is None


def test_of_many_levels_only_those_that_are_named_are_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from hierglm.hypotheses import prior as module

    seen: list[tuple[list[str], int]] = []
    real: Callable[..., Fitted] = module.prior_fitted

    def watched(model: Any, size: int, seed: int) -> Fitted:
        seen.append(([str(x) for g in model.groups for x in g.levels], size))
        return real(model, size, seed)

    monkeypatch.setattr(module, "prior_fitted", watched)
    odds = _row("r[g:b,x] > r[g:d,x]")["prior_odds"]
    assert seen == [(["a", "b", "d", "2000"], 20_000)]
    assert odds == pytest.approx(1, rel=0.04)
    # Related levels come together, and fewer draws of many.
    A = pd.DataFrame(np.eye(4) + 0.5, index=list("abcd"), columns=list("abcd"))
    fit = given_fit("y ~ 1 + (1 | gr(g, cov=A))", TABLE, data2={"A": A}, priors=PRIOR_SD)
    monkeypatch.setattr(module, "_LARGEST", 4 * 3_000)
    row = _row("r[g:b,Intercept] > 0", fit)
    assert seen[1:] == [(["a", "b", "c", "d"], 3_000)]
    assert row["prior"] == "share of 3,000 draws from the priors"


def test_a_fit_from_a_file_says_the_same(tmp_path: Path) -> None:
    fit = Fit(**{f.name: getattr(FIT, f.name) for f in fields(FIT)})
    asked = ("x > 0", "coef[g:a,x] = 0.5", "sd[year:Intercept] > 1")
    table: Any = fit.hypothesis(*asked)
    opened: Any = load(fit.save(tmp_path / "fit.hg")).hypothesis(*asked)
    pd.testing.assert_frame_equal(opened, table)
