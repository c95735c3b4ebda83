"""Parameters that are given: hierarchical Bayes with known strengths is a penalised estimate."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import hierglm as hg
from hierglm.engines.cmdstan import CmdStanEngine
from hierglm.errors import PriorError
from hierglm.models import specify
from hierglm.plan.choose import choose
from hierglm.plan.forms import Ability
from hierglm.program.write import write
from tests.densities import opened
from tests.designs import design_of, schools

STRENGTH, COMMON = 0.7, 1.3
"""Sds of a task's coefficients about the common ones, and of these about 0."""
TASKS = (2, 3, 40, 8, 15)
FORMULAS = {"gaussian": "y ~ 0 + x1 + x2 + (0 + x1 + x2 || task)",
            "bernoulli": "hit ~ 0 + x1 + x2 + (0 + x1 + x2 || task)"}  # fmt: skip
CONSTANT = hg.prior.constant


def tasks() -> pd.DataFrame:
    r = np.random.default_rng(11)
    task = np.repeat(np.arange(len(TASKS)), TASKS)
    x = r.normal(size=(len(task), 2))
    beta = np.array([1.0, -0.5]) + STRENGTH * r.normal(size=(len(TASKS), 2))
    eta = np.sum(x * beta[task], axis=1)
    hit = r.uniform(size=len(task)) < 1 / (1 + np.exp(-eta))
    return pd.DataFrame({"x1": x[:, 0], "x2": x[:, 1], "task": task,
                         "y": eta + r.normal(size=len(task)), "hit": hit.astype(int)})  # fmt: skip


def strengths(family: str) -> dict[str, object]:
    priors = {"sd": CONSTANT(STRENGTH), "b": hg.prior.normal(0, COMMON)}
    return priors | ({"sigma": CONSTANT(1.0)} if family == "gaussian" else {})


def penalised(family: str) -> tuple[np.ndarray, np.ndarray]:
    """Minimise -log likelihood + |beta_j - beta_*|^2 / 2 s^2 + |beta_*|^2 / 2 s_*^2 directly."""
    data = tasks()
    X, J = data[["x1", "x2"]].to_numpy(), len(TASKS)
    rows = np.arange(len(X))[:, None]
    # The coefficients of each task, then the common ones.
    A = sparse.csr_array((X.ravel(), ((rows + 0 * X.astype(int)).ravel(),
                          (2 * data["task"].to_numpy()[:, None] + np.arange(2)).ravel())),
                         shape=(len(X), 2 * J + 2)).toarray()  # fmt: skip
    apart = np.hstack([np.eye(2 * J), -np.tile(np.eye(2), (J, 1))])
    penalty = apart.T @ apart / STRENGTH**2
    penalty[2 * J :, 2 * J :] += np.eye(2) / COMMON**2
    if family == "gaussian":
        beta = np.linalg.solve(A.T @ A + penalty, A.T @ data["y"].to_numpy())
    else:
        beta, y = np.zeros(2 * J + 2), data["hit"].to_numpy()
        for _ in range(50):
            p = 1 / (1 + np.exp(-A @ beta))
            slope = A.T @ (y - p) - penalty @ beta
            beta += np.linalg.solve((A.T * (p * (1 - p))) @ A + penalty, slope)
        assert np.abs(slope).max() < 1e-10
    return beta[: 2 * J].reshape(J, 2), beta[2 * J :]


@pytest.mark.parametrize("family", FORMULAS)
def test_the_penalised_estimate_is_where_the_log_density_has_no_slope(family: str) -> None:
    own, common = penalised(family)
    model = specify(design_of(FORMULAS[family], tasks()), family, strengths(family))
    program = write(choose(model, frozenset(Ability) - {Ability.KERNELS}, "textbook"))
    z = (own - common).T / STRENGTH
    with opened(program) as density:
        at = density.unconstrain({"b": common.tolist(), "z_1": z.flatten(order="F").tolist()})
        assert len(at) == 2 + 2 * len(TASKS)
        np.testing.assert_allclose(density(at)[1], 0, atol=1e-9)


@pytest.mark.parametrize("family", FORMULAS)
def test_the_penalised_estimate_in_milliseconds(family: str) -> None:
    own, common = penalised(family)
    found = hg.fit(FORMULAS[family], tasks(), family, priors=strengths(family), method="approx")
    np.testing.assert_allclose(found.fixef()["estimate"], common, atol=2e-4)
    ranef = found.ranef()["estimate"].to_numpy().reshape(-1, 2)
    np.testing.assert_allclose(ranef, own - common, atol=2e-4)
    assert (found.varcorr()["std_error"] == 0).all()


@pytest.mark.slow
@pytest.mark.cmdstan
def test_the_mode_is_the_penalised_estimate(toolchain: object) -> None:
    own, common = penalised("bernoulli")
    fit = hg.fit(
        FORMULAS["bernoulli"], tasks(), "bernoulli", priors=strengths("bernoulli"), seed=1,
        method="optimize", engine=CmdStanEngine(cmdstan=toolchain.path),  # type: ignore[attr-defined]
        method_options={"tol_rel_grad": 1, "tol_rel_obj": 1},
    )  # fmt: skip
    np.testing.assert_allclose(fit.fixef()["estimate"], common, atol=1e-5)
    ranef = fit.ranef()["estimate"].to_numpy().reshape(-1, 2)
    np.testing.assert_allclose(ranef, own - common, atol=1e-5)
    assert fit.varcorr()["estimate"].tolist() == [STRENGTH] * 2


def test_a_gaussian_posterior_with_known_strengths_is_normal_about_the_penalised_estimate() -> None:
    own, common = penalised("gaussian")
    fit = hg.fit(FORMULAS["gaussian"], tasks(), priors=strengths("gaussian"), seed=3, chains=2)
    error = fit.fixef()["std_error"].to_numpy() / np.sqrt(fit.fixef()["ess_bulk"])
    assert (np.abs(fit.fixef()["estimate"] - common) < 4.5 * error).all()
    ranef = fit.ranef()
    error = ranef["std_error"] / np.sqrt(ranef["ess_bulk"])
    assert (np.abs(ranef["estimate"] - (own - common).ravel()) < 4.5 * error).all()


def test_tables_show_what_is_given(tmp_path) -> None:
    priors = {"sd[school:x]": CONSTANT(0.3), "b[x]": CONSTANT(0.1), "sigma": CONSTANT(14.2)}
    fit = hg.fit("score ~ x + log_time + (x | school)", schools(), priors=priors, seed=1, chains=2,
                 draws=300)  # fmt: skip
    table = fit.tidy().set_index(["effect", "term"])
    for row, value in ((("fixed", "x"), 0.1), (("ran_sd", "x"), 0.3), (("family", "sigma"), 14.2)):
        assert table.loc[row, "estimate"] == value
        assert table.loc[row, "std_error"] == 0
        assert table.loc[row, "conf_low"] == table.loc[row, "conf_high"] == value
        assert np.isnan(table.loc[row, "rhat"])
    assert (table["std_error"] > 0).sum() == len(table) - 3
    assert not any("never moved" in finding.what for finding in fit.check().findings)
    assert "constant(0.3)" in set(fit.plan.model.prior_table()["prior"])
    again = hg.load(fit.save(tmp_path / "given.hglm"))
    pd.testing.assert_frame_equal(again.tidy(), fit.tidy())
    pd.testing.assert_frame_equal(again.ranef(), fit.ranef())


def test_all_given_and_integrated_leaves_exact_draws_of_the_effects() -> None:
    data = tasks()
    priors = {"sd": CONSTANT(STRENGTH), "Intercept": CONSTANT(0.4), "sigma": CONSTANT(1.0)}
    fit = hg.fit("y ~ 1 + (1 | task)", data, priors=priors, seed=1, chains=2)
    n = np.array(TASKS)
    V = 1 / (n + STRENGTH**-2)
    mean = V * (data.groupby("task")["y"].sum().to_numpy() - 0.4 * n)
    r = fit.ranef()
    np.testing.assert_allclose(r["estimate"], mean, atol=(4.5 * np.sqrt(V / 2000)).max())
    np.testing.assert_allclose(r["std_error"], np.sqrt(V), rtol=0.08)
    assert fit.healthy


def test_weights_of_levels_come_back_from_a_file(tmp_path) -> None:
    fit = hg.fit("score ~ x + (1 | school)", schools(), weights={"A": 2.0, "B": 0.0}, seed=1,
                 chains=2, draws=300)  # fmt: skip
    again = hg.load(fit.save(tmp_path / "weights.hglm"))
    one, other = (f.plan.model.design for f in (fit, again))
    assert again.notes == fit.notes
    assert one.level_weights == other.level_weights == {"school": {"A": 2.0, "B": 0.0}}
    np.testing.assert_array_equal(one.response.weights, other.response.weights)


REFUSED = [
    ({"sd": CONSTANT(0)}, "sd[school:Intercept] cannot be 0: it is greater than 0; for no"),
    ({"sigma": CONSTANT(-1)}, "sigma cannot be -1: it is greater than 0"),
    ({"cor": CONSTANT(0.5)}, "cannot be the prior of cor[school]; it takes lkj"),
    ({"sd": hg.prior.decov(), "sd[school:x]": CONSTANT(1)}, "decov is for all sds of a term"),
]


@pytest.mark.parametrize(("priors", "said"), REFUSED)
def test_constants_that_cannot_be(priors: dict[str, hg.prior.Prior], said: str) -> None:
    with pytest.raises(PriorError) as error:
        hg.model("score ~ x + (x | school)", schools(), priors=priors)
    assert said in str(error.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, "a", None])
def test_a_constant_is_a_number(value: object) -> None:
    with pytest.raises(PriorError):
        CONSTANT(value)  # type: ignore[arg-type]
