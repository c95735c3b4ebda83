"""The console program through cmdstanpy: every method, against closed forms."""

from __future__ import annotations

import json
import logging
import math
import re
import subprocess
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hierglm.draws.diagnostics import ess_bulk
from tests.engines.console.posterior import (
    COVARIANCE,
    MEAN,
    MODE,
    SD,
    log_density,
    unconstrained,
    write_data,
)
from tests.engines.console.record import RECORDED, RUNS, outcome

pytestmark = pytest.mark.cmdstan

HERE = Path(__file__).with_name("console")
NUMBER = re.compile(r"-?\b\d+(?:\.\d+)?(?:e[-+]\d+)?\b")


@pytest.fixture(scope="module")
def exe(compiled: Callable[..., Path]) -> Path:
    return compiled(HERE / "normal.stan")


@pytest.fixture(scope="module")
def declared(compiled: Callable[..., Path]) -> Path:
    return compiled(HERE / "declared.stan", HERE / "declared.hpp")


@pytest.fixture
def model(exe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """cmdstanpy's view of the executable, with its data: called with a method's arguments."""
    import cmdstanpy

    monkeypatch.setenv("STAN_NUM_THREADS", "1")  # cmdstanpy sets it for good
    cmdstanpy.utils.get_logger().setLevel(logging.ERROR)
    data = str(write_data(tmp_path))
    made = cmdstanpy.CmdStanModel(exe_file=str(exe))

    def call(method: str, *first: Any, **options: Any) -> Any:
        common: dict[str, Any] = {"data": data}
        if method not in ("log_prob", "diagnose"):
            folder = "gq_output_dir" if method == "generate_quantities" else "output_dir"
            # cmdstanpy names files by the second: each run has a folder of its own.
            common |= {"seed": 1, folder: tempfile.mkdtemp(dir=tmp_path)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", category=ResourceWarning)
            return getattr(made, method)(*first, **{**common, **options})

    return call


def run(exe: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(exe), *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


def rows(file: Path) -> list[str]:
    """The lines of a CSV file that are not comments."""
    return [line for line in file.read_text().splitlines() if not line.startswith("#")]


def draws_of(fit: Any) -> np.ndarray:
    return unconstrained(*(fit.stan_variable(name) for name in ("mu", "b", "scale")))


def check_draws(draws: np.ndarray, effective: np.ndarray | float, *, sd: float = 4.5) -> None:
    """Means and covariances within Monte Carlo error of the posterior's."""
    z = (draws - MEAN) / SD
    error = 1 / np.sqrt(effective)
    np.testing.assert_array_less(np.abs(z.mean(axis=0)), sd * error)
    correlation = COVARIANCE / np.outer(SD, SD)
    # The product of two standard normals has variance 1 + correlation ** 2.
    bound = sd * np.sqrt(1 + correlation**2) * np.max(error)
    np.testing.assert_array_less(np.abs(z.T @ z / len(z) - correlation), bound)


def effective_size(fit: Any) -> np.ndarray:
    chains, count = fit.chains, fit.num_draws_sampling
    draws = draws_of(fit).reshape(chains, count, 4)
    return np.array([min(float(ess_bulk(draws[:, :, i])), float(ess_bulk(draws[:, :, i] ** 2)))
                     for i in range(4)])  # fmt: skip


@pytest.mark.parametrize("metric", ["diag_e", "dense_e", "unit_e"])
def test_draws_are_the_posterior(model: Any, metric: str) -> None:
    fit = model("sample", chains=4, iter_warmup=500, iter_sampling=1000, metric=metric)
    check_draws(draws_of(fit), effective_size(fit))
    assert fit.metric_type == metric
    assert fit.divergences.sum() == 0
    # Files have 8 digits unless told otherwise.
    np.testing.assert_allclose(fit.stan_variable("twice"), 2 * fit.stan_variable("mu"), rtol=2e-7)
    b = fit.stan_variable("b")
    np.testing.assert_allclose(
        fit.stan_variable("outer"), b[:, :, None] * b[:, None, :], rtol=1e-6, atol=1e-7
    )
    residual = (fit.stan_variable("y_new") - fit.stan_variable("mu")) / 1.5
    assert abs(residual.mean()) < 4.5 / math.sqrt(4000)
    assert abs(residual.std() - 1) < 4.5 / math.sqrt(2 * 4000)


def test_lp_is_the_log_density_of_each_draw(model: Any) -> None:
    fit = model("sample", chains=1, iter_warmup=200, iter_sampling=20, sig_figs=17)
    for lp, point in zip(fit.method_variables()["lp__"][:, 0], draws_of(fit), strict=True):
        assert lp == pytest.approx(log_density(point).value, rel=1e-12)


def test_four_threads_are_four_processes(exe: Path, tmp_path: Path) -> None:
    write_data(tmp_path)
    sample = ["method=sample", "num_samples=50", "num_warmup=100"]
    given = ["random", "seed=3", "data", "file=data.json", "output", "sig_figs=17"]
    together = run(exe, "id=1", *given, "file=t.csv", *sample, "num_chains=4", "num_threads=2",
                   cwd=tmp_path)  # fmt: skip
    assert together.returncode == 0, together.stderr
    assert "Chain [4] Iteration: 150 / 150 [100%]  (Sampling)" in together.stdout
    for chain in ("1", "2", "3", "4"):
        alone = run(exe, f"id={chain}", *given, f"file=p_{chain}.csv", *sample, cwd=tmp_path)
        assert alone.returncode == 0, alone.stderr
        assert rows(tmp_path / f"t_{chain}.csv") == rows(tmp_path / f"p_{chain}.csv")
    assert rows(tmp_path / "t_1.csv") != rows(tmp_path / "t_2.csv")


def test_a_seed_repeats_and_another_does_not(model: Any) -> None:
    def draws(seed: int) -> np.ndarray:
        fit = model("sample", chains=2, iter_warmup=50, iter_sampling=20, seed=seed)
        return np.asarray(fit.draws())

    np.testing.assert_array_equal(draws(5), draws(5))
    assert not np.array_equal(draws(5), draws(6))


def test_what_cmdstanpy_reads_back(model: Any, tmp_path: Path) -> None:
    fit = model(
        "sample", chains=2, iter_warmup=100, iter_sampling=31, thin=3, save_warmup=True,
        max_treedepth=5, step_size=0.4, adapt_delta=0.9, adapt_init_phase=20,
        adapt_metric_window=30, adapt_step_size=40, inits={"mu": 0.0, "b": [0, 0], "scale": 1.0},
        sig_figs=12, refresh=7, save_latent_dynamics=True, time_fmt="",
    )  # fmt: skip
    assert fit.draws(inc_warmup=True).shape == (34 + 11, 2, 7 + 4 + 6)
    assert fit.metadata.cmdstan_config["delta"] == 0.9
    assert fit.metadata.cmdstan_config["window"] == 30
    assert fit.metadata.cmdstan_config["stan_version_minor"] == 39
    assert fit.metadata.stan_vars["outer"].dimensions == (2, 2)
    assert fit.inv_metric.shape == (2, 4)
    assert (fit.step_size > 0).all()
    assert fit.method_variables()["treedepth__"].max() <= 5
    assert [set(time) for time in fit.time] == [{"warmup", "sampling", "total"}] * 2
    names = rows(Path(fit.runset.diagnostic_files[0]))[0].split(",")
    assert names[7:] == [f"{kind}{name}" for kind in ("", "p_", "g_")
                         for name in ("mu", "b.1", "b.2", "scale")]  # fmt: skip


def test_chains_start_where_they_are_told(model: Any) -> None:
    inits = [{"mu": m, "b": [1.0, 2.0], "scale": 3.0} for m in (0.25, -0.5)]
    fit = model("sample", chains=2, inits=inits, iter_warmup=1, iter_sampling=2, save_warmup=True,
                adapt_engaged=False, step_size=1e-12, max_treedepth=1, sig_figs=10)  # fmt: skip
    np.testing.assert_allclose(fit.draws(inc_warmup=True)[0, :, 7], [0.25, -0.5], rtol=1e-9)
    same = model("sample", chains=2, inits=0.0, iter_warmup=1, iter_sampling=2, save_warmup=True,
                 adapt_engaged=False, step_size=1e-12, max_treedepth=1)  # fmt: skip
    np.testing.assert_allclose(same.stan_variable("scale"), 1, rtol=1e-9)


@pytest.mark.parametrize("metric", ["diag_e", "dense_e"])
def test_a_given_metric_is_used_and_told(model: Any, metric: str, tmp_path: Path) -> None:
    inverse = COVARIANCE if metric == "dense_e" else np.diag(COVARIANCE)
    file = tmp_path / "metric.json"
    file.write_text(json.dumps({"inv_metric": inverse.tolist()}))
    fit = model("sample", chains=2, iter_warmup=0, iter_sampling=500, metric=metric,
                inv_metric=str(file), adapt_engaged=False, step_size=0.7)  # fmt: skip
    np.testing.assert_allclose(fit.inv_metric[0], inverse, rtol=1e-5)
    np.testing.assert_array_equal(fit.step_size, [0.7, 0.7])
    check_draws(draws_of(fit), effective_size(fit))


def test_the_adapted_metric_is_saved_and_taken_up_again(exe: Path, tmp_path: Path) -> None:
    write_data(tmp_path)
    given = ["random", "seed=3", "data", "file=data.json", "output", "sig_figs=17"]
    first = run(exe, *given, "file=a.csv", "method=sample", "num_samples=1", "adapt",
                "save_metric=1", cwd=tmp_path)  # fmt: skip
    assert first.returncode == 0, first.stderr
    saved = json.loads((tmp_path / "a_metric.json").read_text())
    assert saved["metric_type"] == "diag_e"
    # Stan's reader of JSON refuses text, even that which Stan wrote.
    del saved["metric_type"]
    (tmp_path / "a_metric.json").write_text(json.dumps(saved))
    again = run(exe, *given, "file=b.csv", "method=sample", "num_samples=1", "num_warmup=0",
                "algorithm=hmc", "metric_file=a_metric.json", f"stepsize={saved['stepsize']}",
                "adapt", "engaged=0", cwd=tmp_path)  # fmt: skip
    assert again.returncode == 0, again.stderr
    kept = [line for line in (tmp_path / "a.csv").read_text().splitlines() if "# " in line[:2]]
    for number in (f"{saved['stepsize']:.6g}", f"{saved['inv_metric'][0]:.6g}"):
        assert any(number in line for line in kept)
    adapted = (tmp_path / "b.csv").read_text().partition("# Adaptation terminated\n")[2]
    told = [float(x) for x in adapted.splitlines()[2].removeprefix("#").split(",")]
    np.testing.assert_allclose(told, saved["inv_metric"], rtol=1e-5)


def test_the_configuration_is_saved(exe: Path, tmp_path: Path) -> None:
    write_data(tmp_path)
    done = run(exe, "random", "seed=3", "data", "file=data.json", "output", "file=a.csv",
               "save_cmdstan_config=1", "method=sample", "num_samples=1", "algorithm=hmc",
               "metric=dense_e", "adapt", "delta=0.95", cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    saved = json.loads((tmp_path / "a_config.json").read_text())
    assert saved["method"]["sample"]["adapt"]["delta"] == 0.95
    assert saved["method"]["sample"]["algorithm"]["hmc"]["metric"] == {"value": "dense_e"}
    assert saved["random"] == {"seed": 3}
    assert saved["stanc_version"].startswith("stanc3 v2.39")


def test_fixed_parameters_stay_and_quantities_vary(model: Any) -> None:
    fit = model("sample", fixed_param=True, chains=1, iter_sampling=400, inits=dict(MODE))
    assert np.ptp(fit.stan_variable("mu")) == 0
    residual = (fit.stan_variable("y_new") - fit.stan_variable("mu")) / 1.5
    assert abs(residual.mean()) < 4.5 / math.sqrt(400)
    assert abs(residual.std() - 1) < 4.5 / math.sqrt(800)


TIGHT = {"tol_rel_grad": 1e-3, "tol_rel_obj": 1e-3, "sig_figs": 15}


@pytest.mark.parametrize("jacobian", [True, False])
@pytest.mark.parametrize(
    ("options", "short"),
    # Newton's method stops when a step gains less than 1e-8.
    [
        ({"algorithm": "lbfgs", **TIGHT}, 1e-11),
        ({"algorithm": "bfgs", **TIGHT}, 1e-11),
        ({"algorithm": "newton", "sig_figs": 15}, 1e-7),
    ],
)
def test_the_mode_is_exact(
    model: Any, options: dict[str, Any], short: float, jacobian: bool
) -> None:
    fit = model("optimize", jacobian=jacobian, **options)
    # The lognormal density itself has its mode at exp(m - s ** 2).
    mode = MEAN if jacobian else MEAN - [0, 0, 0, 0.3**2]
    mu, b, scale = (fit.stan_variable(name) for name in ("mu", "b", "scale"))
    found = np.array([mu, *b, math.log(scale)])
    highest = log_density(mode, jacobian=jacobian).value
    value = log_density(found, jacobian=jacobian).value
    assert highest - value < short
    np.testing.assert_array_less(np.abs(found - mode), 3 * np.sqrt(short) * SD)
    assert fit.optimized_params_dict["lp__"] == pytest.approx(value, rel=1e-12)
    assert fit.converged


def test_the_way_to_the_mode(model: Any) -> None:
    fit = model("optimize", save_iterations=True, inits=2.0)
    path = fit.optimized_iterations_np
    assert len(path) > 3
    assert (np.diff(path[:, 0]) >= 0).all()


def test_laplace_is_exact(model: Any) -> None:
    fit = model("laplace_sample", draws=4000)
    draws = unconstrained(*(fit.stan_variable(name) for name in ("mu", "b", "scale")))
    check_draws(draws, 4000)
    ratio = fit.method_variables()["log_p__"] - fit.method_variables()["log_q__"]
    assert np.ptp(ratio) < 1e-3


def test_laplace_about_a_given_mode_without_jacobian(model: Any) -> None:
    mode = model("optimize", jacobian=False, algorithm="lbfgs", **TIGHT)
    fit = model("laplace_sample", mode=mode, jacobian=False, draws=4000)
    log_scale = np.log(fit.stan_variable("scale"))
    assert abs(log_scale.mean() - (MEAN[3] - 0.3**2)) < 4.5 * 0.3 / math.sqrt(4000)
    assert abs(log_scale.std() / 0.3 - 1) < 4.5 / math.sqrt(8000)


@pytest.mark.parametrize("paths", [1, 4])
def test_pathfinder_comes_near(model: Any, paths: int) -> None:
    fit = model("pathfinder", num_paths=paths, draws=2000, num_single_draws=2000,
                num_elbo_draws=100)  # fmt: skip
    draws = unconstrained(*(fit.stan_variable(name) for name in ("mu", "b", "scale")))
    z = (draws - MEAN) / SD
    # An approximation by few gradients: near, not exact, unless weighted by several paths.
    assert np.abs(z.mean(axis=0)).max() < 0.5
    assert np.abs(np.log(z.std(axis=0))).max() < 1.0
    if paths == 4:
        assert fit.is_resampled


def test_pathfinder_keeps_its_paths(exe: Path, tmp_path: Path) -> None:
    write_data(tmp_path)
    done = run(exe, "pathfinder", "num_paths=2", "num_draws=30", "num_psis_draws=20",
               "save_single_paths=1", "data", "file=data.json", "init=0", "random", "seed=1",
               "output", "file=a.csv", cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    # The draws of each path that were taken up by the weights, repeated as often.
    kept = [rows(tmp_path / f"a{name}.csv") for name in ("", "_path_1", "_path_2")]
    assert len(kept[0]) == 1 + 20
    for path in kept[1:]:
        assert path[0] == kept[0][0] == "lp_approx__,lp__,path__," + ",".join(
            ["mu", "b.1", "b.2", "scale", "twice", "outer.1.1", "outer.2.1", "outer.1.2",
             "outer.2.2", "y_new"])  # fmt: skip
    steps = json.loads((tmp_path / "a_path_1.json").read_text())
    assert steps["0"]["unconstrained_parameters"] == [0, 0, 0, 0]


def test_pathfinder_without_weights_gives_all_draws(model: Any) -> None:
    fit = model("pathfinder", num_paths=2, num_single_draws=30, psis_resample=False,
                calculate_lp=False)  # fmt: skip
    assert fit.draws().shape[0] == 60
    assert not fit.is_resampled


def test_full_rank_variational_is_near_exact(model: Any) -> None:
    fit = model("variational", algorithm="fullrank", grad_samples=20, iter=5000, draws=4000,
                tol_rel_obj=0.001, require_converged=False)  # fmt: skip
    draws = unconstrained(*(fit.stan_variable(name, mean=False) for name in ("mu", "b", "scale")))
    z = (draws - MEAN) / SD
    assert np.abs(z.mean(axis=0)).max() < 0.25
    np.testing.assert_allclose(z.std(axis=0), 1, atol=0.2)
    assert abs(np.corrcoef(draws[:, 1], draws[:, 2])[0, 1] - 0.8) < 0.1
    assert fit.eta in (0.01, 0.1, 1.0, 10.0, 100.0)


def test_mean_field_variational_knows_no_correlation(model: Any) -> None:
    fit = model("variational", grad_samples=20, draws=4000, tol_rel_obj=0.001,
                require_converged=False)  # fmt: skip
    b = fit.stan_variable("b", mean=False)
    assert abs(np.corrcoef(b.T)[0, 1]) < 4.5 / math.sqrt(4000)
    # Its variance is that of one given the other: 1 - 0.8 ** 2.
    np.testing.assert_allclose(b.std(axis=0) / SD[1:3], 0.6, atol=0.12)


def test_quantities_follow_from_draws(model: Any) -> None:
    fit = model("sample", chains=2, iter_warmup=100, iter_sampling=50, sig_figs=17)
    again = model("generate_quantities", previous_fit=fit, sig_figs=17)
    np.testing.assert_array_equal(again.stan_variable("twice"), fit.stan_variable("twice"))
    np.testing.assert_array_equal(again.stan_variable("outer"), fit.stan_variable("outer"))
    once_more = model("generate_quantities", previous_fit=fit, sig_figs=17)
    np.testing.assert_array_equal(again.stan_variable("y_new"), once_more.stan_variable("y_new"))


@pytest.mark.parametrize("jacobian", [True, False])
def test_log_density_and_gradient(model: Any, jacobian: bool) -> None:
    point = np.array([0.3, 1.5, -1.0, -0.7])
    params = {"mu": 0.3, "b": [1.5, -1.0], "scale": math.exp(-0.7)}
    told = model("log_prob", params, jacobian=jacobian, sig_figs=17).iloc[0]
    known = log_density(point, jacobian=jacobian)
    assert told["lp__"] == pytest.approx(known.value, rel=1e-13)
    np.testing.assert_allclose(told.iloc[1:], known.gradient, rtol=1e-13)


def test_log_density_at_several_unconstrained_points(exe: Path, tmp_path: Path) -> None:
    points = np.array([[0.3, 1.5, -1.0, -0.7], [1.0, 2.0, 3.0, 4.0], [-1.0, 0.0, 0.5, 0.1]])
    write_data(tmp_path)
    (tmp_path / "u.json").write_text(json.dumps({"params_r": points.tolist()}))
    done = run(exe, "log_prob", "unconstrained_params=u.json", "data", "file=data.json", "output",
               "file=o.csv", "sig_figs=17", cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    names, *table = rows(tmp_path / "o.csv")
    assert names == "lp__,g_mu,g_b.1,g_b.2,g_scale"
    for point, line in zip(points, table, strict=True):
        value, *gradient = (float(x) for x in line.split(","))
        assert value == pytest.approx(log_density(point).value, rel=1e-13)
        np.testing.assert_allclose(gradient, log_density(point).gradient, rtol=1e-12)


def test_gradients_are_diagnosed(model: Any) -> None:
    found = model("diagnose", inits=dict(MODE))
    np.testing.assert_allclose(found["value"], MEAN, atol=1e-5)
    np.testing.assert_allclose(found["model"], 0, atol=1e-6)
    assert found["error"].abs().max() < 1e-6


def test_info(model: Any, exe: Path, tmp_path: Path) -> None:
    words = run(exe, "info", cwd=tmp_path).stdout.splitlines()
    assert words[:4] == ["stan_version_major = 2", "stan_version_minor = 39",
                         "stan_version_patch = 0", "STAN_THREADS=true"]  # fmt: skip


BAD = {
    "nothing": ("", "A method must be specified!"),
    "no method": ("id=1 data file=data.json", "A method must be specified!"),
    "method": ("method=gibbs", '"gibbs" is not a valid value for "method"\n  Valid values: sample'),
    "unknown": ("sample burnin=3", '"burnin=3" is either mistyped or misplaced.'),
    "misplaced": (
        "sample delta=0.9",
        '"delta=0.9" is either mistyped or misplaced.\n'
        "  It may be written method=sample adapt delta=VALUE",
    ),
    "no value": ("sample thin", '"thin" is written thin=VALUE, not "thin"'),
    "a value": ("sample adapt=1", '"adapt" is written without a value, not "adapt=1"'),
    "integer": ("sample thin=1.5", '"1.5" is not a valid value for "thin"'),
    "range": ("sample adapt delta=1", "between 0.1 and 1"),
    "huge": ("sample num_samples=99999999999999999999", "not a valid value"),
    "real": ("sample algorithm=hmc stepsize=nan", '"nan" is not a valid value for "stepsize"'),
    "switch": ("sample save_warmup=yes", "Valid values: 0, 1, false, true"),
    "static": ("sample algorithm=hmc engine=static", '"static" is not a valid value'),
    "seed": ("sample random seed=-3", "from 0 to 4294967295"),
    "init": ("sample data file=data.json init=-1", '"-1" is not a valid value for "init"'),
    "warmup": ("sample num_warmup=0 data file=data.json", "must be greater than zero"),
    "metric": (
        "sample adapt engaged=0 save_metric=1 data file=data.json",
        "only be enabled when adaptation is engaged",
    ),
    "data": ("sample data file=no.json", 'Cannot open specified file, "no.json"'),
    "type": ("sample data file=d.csv", 'must end in .json; found "d.csv"'),
    "inits": (
        "sample num_chains=2 init=no.json data file=data.json",
        "[no_1.json, no_2.json]\nAlso failed to find base file no.json",
    ),
    "mode": ("laplace data file=data.json", "Missing mode argument"),
    "mode file": ("laplace mode=no.csv data file=data.json", "Cannot open specified file"),
    "fit": ("generate_quantities data file=data.json", "Missing fitted_params argument"),
    "points": ("log_prob data file=data.json", "No input parameter files provided"),
    "folder": ("sample data file=data.json output file=no/x.csv", "Cannot create output file"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments(exe: Path, tmp_path: Path, name: str) -> None:
    arguments, words = BAD[name]
    write_data(tmp_path)
    done = run(exe, *arguments.split(), cwd=tmp_path)
    assert done.returncode == 1
    assert words in done.stderr


def test_bad_data(exe: Path, tmp_path: Path) -> None:
    for text, words in [
        ('{"N": 6', "Error in JSON parsing"),
        ('{"M": 6}', "variable does not exist"),
        (json.dumps({"N": -1}), "N is -1, but must be greater than or equal to 0"),
    ]:
        (tmp_path / "data.json").write_text(text)
        done = run(exe, "sample", "data", "file=data.json", cwd=tmp_path)
        assert done.returncode == 1
        assert words in done.stderr


def test_bad_points(exe: Path, tmp_path: Path) -> None:
    write_data(tmp_path)
    for text, how, words in [
        ('{"params_r": [1, 2]}', "unconstrained", "Model has 4 parameters but 2 were found"),
        ("{}", "unconstrained", "no variable 'params_r'"),
        ('{"mu": 1}', "constrained", "variable name=b"),
        (
            '{"mu": 1, "b": [1, 1], "scale": -1}',
            "constrained",
            "must be greater than or equal to 0",
        ),
    ]:
        (tmp_path / "p.json").write_text(text)
        done = run(exe, "log_prob", f"{how}_params=p.json", "data", "file=data.json", cwd=tmp_path)
        assert done.returncode == 1
        assert words in done.stderr


def test_a_chain_that_cannot_start(exe: Path, tmp_path: Path) -> None:
    write_data(tmp_path, fault=1)
    done = run(exe, "sample", "num_chains=2", "data", "file=data.json", cwd=tmp_path)
    assert done.returncode == 1
    assert "mu must be above -1" in done.stdout
    assert "Initialization between (-2, 2) failed after 100 attempts" in done.stdout + done.stderr


def test_points_that_the_model_rejects(model: Any, tmp_path: Path) -> None:
    fit = model("sample", data=str(write_data(tmp_path, fault=2)), chains=2, iter_warmup=200,
                iter_sampling=200, inits=0.5)  # fmt: skip
    assert fit.stan_variable("mu").min() > -1


def test_quantities_that_fail(exe: Path, tmp_path: Path) -> None:
    write_data(tmp_path)
    given = ["data", "file=data.json", "random", "seed=1", "output"]
    run(exe, "sample", "num_samples=5", *given, "file=fit.csv", cwd=tmp_path)
    write_data(tmp_path, fault=3)
    done = run(exe, "generate_quantities", "fitted_params=fit.csv", *given, "file=gq.csv",
               cwd=tmp_path)  # fmt: skip
    assert "no quantities" in done.stdout + done.stderr


def test_a_fit_of_another_model(exe: Path, declared: Path, tmp_path: Path) -> None:
    write_data(tmp_path)
    done = run(declared, "optimize", "output", "file=other.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for method in ("laplace mode", "generate_quantities fitted_params"):
        words = f"{method}=other.csv data file=data.json".split()
        done = run(exe, *words, cwd=tmp_path)
        assert done.returncode == 1
        assert "Mismatch between model and fitted_parameters csv file" in done.stderr
    done = run(declared, "generate_quantities", "fitted_params=other.csv", cwd=tmp_path)
    assert done.returncode == 1
    assert "doesn't generate any quantities" in done.stdout + done.stderr


def test_a_function_of_ones_own_and_a_profile(declared: Path, tmp_path: Path) -> None:
    (tmp_path / "u.json").write_text('{"params_r": [5]}')
    done = run(declared, "log_prob", "unconstrained_params=u.json", "output", "file=o.csv",
               "profile_file=times.csv", cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert rows(tmp_path / "o.csv")[1] == "-2,-2"
    names, section = (tmp_path / "times.csv").read_text().splitlines()
    assert names == (
        "name,thread_id,total_time,forward_time,reverse_time,chain_stack,no_chain_stack,"
        "autodiff_calls,no_autodiff_calls"
    )
    assert section.startswith("density,")
    assert section.endswith(",1,0")


@pytest.fixture(scope="module")
def prophet(compiled: Callable[..., Path]) -> Path:
    return compiled(HERE / "prophet.stan")


@pytest.mark.parametrize("name", RUNS)
def test_what_a_program_of_cmdstan_says_and_writes(
    prophet: Path, name: str, tmp_path: Path
) -> None:
    ours = outcome(prophet, name, tmp_path)
    theirs = (RECORDED / f"{name}.txt").read_text()
    # Other processors and libraries round otherwise: numbers need not agree to the last digit.
    assert NUMBER.sub("0", ours) == NUMBER.sub("0", theirs)
    numbers = [np.array([float(x) for x in NUMBER.findall(text)]) for text in (ours, theirs)]
    np.testing.assert_allclose(numbers[0], numbers[1], rtol=1e-5, atol=1e-7)
