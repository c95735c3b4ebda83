"""Known parameters are found again: by the penalised fit of each family, and by sampling."""

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from hierglm.priors.slopes import log_density
from tests.families import laws

LEVELS, ROWS = 60, 1800
TRUTH = {"Intercept": 0.4, "x": 0.5, "sd": 0.6}
SLOPED = [f for f in laws.FAMILIES if f.slopes is not None]


def simulated(family, seed=5, rows=ROWS, levels=LEVELS):
    """Return a table whose response has the family, and the formula."""
    r = np.random.default_rng(seed)
    d = pd.DataFrame(
        {"x": r.normal(size=rows), "g": np.arange(rows) % levels, "n": np.full(rows, 7)}
    )
    u = r.normal(0, TRUTH["sd"], levels)
    eta = TRUTH["Intercept"] + TRUTH["x"] * d["x"].to_numpy() + u[d["g"]]
    trials = laws.trials(family, rows)
    # Ordered categories are numbered from 1.
    d["y"] = family.stan.lowest + family.draw(r, eta, laws.scales(family), trials)
    return d, f"{'y | trials(n)' if trials is not None else 'y'} ~ x + (1 | g)"


@pytest.mark.parametrize("f", SLOPED, ids=repr)
def test_penalised_fit_finds_the_truth(f):
    data, formula = simulated(f)
    found = hg.fit(formula, data, f, method="approx").tidy().set_index(["effect", "term"])
    level = {("fixed", "Intercept"): TRUTH["Intercept"]}
    if f.thresholds:
        away = enumerate(laws.THRESHOLDS - TRUTH["Intercept"], start=1)
        level = {("fixed", f"Intercept[{k}]"): value for k, value in away}
    truth = {
        **level,
        ("fixed", "x"): TRUTH["x"],
        ("ran_sd", "Intercept"): TRUTH["sd"],
        **{("family", name): value for name, value in laws.own(f).items()},
    }
    assert set(found.index) == set(truth)
    for key, value in truth.items():
        row = found.loc[key]
        # Penalised quasi-likelihood leans towards 0 by a few percent with binary responses.
        reach = 3.5 * row["std_error"] + 0.03
        assert row["estimate"] == pytest.approx(value, abs=reach), key


@pytest.mark.parametrize("f", [f for f in SLOPED if f.parameters], ids=repr)
def test_penalised_parameters_are_at_their_mode(f):
    """Without groups or columns the mode has no more to it: likelihood, prior, Jacobian."""
    data, formula = simulated(f, rows=400)
    left = formula.partition("~")[0]
    model = hg.model(f"{left} ~ 0 + x", data, f, priors={"b": hg.prior.constant(0.5)})
    plan = model.plan()
    found = plan.numbers.fit.own
    eta, trials = 0.5 * data["x"].to_numpy(), laws.trials(f, len(data))
    at = {p.name: float(p.link.apply(np.array(found[p.name].value))) for p in f.parameters}

    def log_posterior(place):
        values = {p.name: p.link.invert(np.array(place[p.name])) for p in f.parameters}
        out = f.log_density(data["y"].to_numpy(), eta, values, trials).sum()
        for p in f.parameters:
            x = float(values[p.name])
            jacobian = {"log": x, "logm1": x - 1, "logit": x * (1 - x)}[p.link.name]
            out += log_density(plan.model.priors.scale(p.name), x) + np.log(jacobian)
        return out

    for p in f.parameters:
        step = 0.02 * found[p.name].spread
        up, down = ({**at, p.name: at[p.name] + s} for s in (step, -step))
        slope = (log_posterior(up) - log_posterior(down)) / (2 * step)
        # In units of the parameter's own spread.
        assert slope * found[p.name].spread == pytest.approx(0, abs=0.02), p.name


SAMPLED = ["negbinomial", "student", "zero_inflated_poisson", "gamma"]


@pytest.mark.parametrize("name", SAMPLED)
def test_posterior_finds_the_truth(name):
    f = hg.family(name)
    data, formula = simulated(f, seed=8, rows=600, levels=30)
    fit = hg.fit(formula, data, f, seed=1, chains=2, draws=300, progress=False)
    assert fit.plan.groups[0].form.name == "CONDITIONAL"
    found = fit.tidy().set_index(["effect", "term"])
    truth = {("fixed", "x"): TRUTH["x"], ("ran_sd", "Intercept"): TRUTH["sd"]}
    truth |= {("family", key): value for key, value in laws.own(f).items()}
    for key, value in truth.items():
        row = found.loc[key]
        assert abs(row["estimate"] - value) < 3.5 * row["std_error"], key
    assert found["rhat"].max() < 1.05


def test_thresholds_are_found():
    f = hg.family("cumulative(probit)")
    r = np.random.default_rng(4)
    d = pd.DataFrame({"x": r.normal(3, 1, 300), "g": np.arange(300) % 10})
    eta = 0.5 * d["x"].to_numpy() + r.normal(0, 0.5, 10)[d["g"]]
    d["y"] = 1 + f.draw(r, eta, laws.scales(f), None)
    fit = hg.fit("y ~ x + (1 | g)", d, f, seed=1, chains=2, draws=200, warmup=300, progress=False)
    found = fit.tidy().set_index("term")
    for k, value in enumerate(laws.THRESHOLDS):
        row = found.loc[f"Intercept[{k + 1}]"]
        assert abs(row["estimate"] - value) < 3.5 * row["std_error"]
    assert fit.coef()["term"].unique().tolist() == ["Intercept"]
    # The log likelihood of a draw is that of its thresholds on the scale of X.
    from hierglm.results.pointwise import log_likelihood

    b, u = fit.draws["b"].values[0, 7], fit.draws["r_g"].values[0, 7, :, 0]
    own = {"Intercept": fit.draws["Intercept"].values[0, 7]}
    by_hand = f.log_density(d["y"].to_numpy() - 1, b[0] * d["x"].to_numpy() + u[d["g"]], own, None)
    np.testing.assert_allclose(log_likelihood(fit)[0, 7], by_hand, rtol=1e-12)
