"""Mode, normal approximations and ADVI by a program that CmdStan has compiled."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.draws.draws import Draws
from hierglm.engines.child import Failure
from hierglm.engines.cmdstan_job import Job
from hierglm.engines.engine import Approximated
from hierglm.engines.methods import (
    Climb,
    Laplace,
    Optimize,
    Pathfinder,
    QuasiNewton,
    Variational,
)
from hierglm.engines.run import Run
from hierglm.engines.stan_csv import Table, read_table
from hierglm.errors import EngineError, SamplingError

Floats = NDArray[np.float64]

PATHFINDER_SINCE = (2, 35)
"""The first version that hands out the draws of all paths with both densities."""


def run_method(job: Job) -> Approximated:
    """Return what the method of the settings gives.

    Raises
    ------
    SamplingError
        If the program ended with an error, in its own words.
    EngineError
        If this CmdStan does not know the method.
    """
    method = job.settings.method
    try:
        match method:
            case Optimize():
                return _optimize(job, method)
            case Laplace():
                return _laplace(job, method)
            case Pathfinder():
                return _pathfinder(job, method)
            case Variational():
                return _variational(job, method)
    except Failure as failure:
        if failure.stage != "evaluate":
            raise
        said = "\n".join(failure.text.splitlines()[-_LAST:])
        raise SamplingError(f"method {method.name!r} failed. Stan said: {said}") from None
    raise EngineError(f"engine 'cmdstan' has no method {method.name!r}")


_LAST = 6
"""Lines of a program's last words that an error quotes."""


def _optimize(job: Job, method: Optimize) -> Approximated:
    mode = _climb(job, method, "mode.csv", jacobian=method.jacobian)
    # The file may hold the way there; the mode is its last row.
    last = replace(
        mode.table,
        values={name: values[-1:] for name, values in mode.table.values.items()},
        stats={name: values[-1:] for name, values in mode.table.stats.items()},
    )
    draws = _draws(job, last, lp=last.stats["lp__"])
    return Approximated(draws, True, converged=mode.converged, said=mode.said)


def _laplace(job: Job, method: Laplace) -> Approximated:
    mode = _climb(job, method, "mode.csv", jacobian=True)
    arguments = [f"mode={job.folder / 'mode.csv'}", "jacobian=1", f"draws={job.settings.draws}"]
    hessian = job.folder / "hessian.json"
    told = [f"diagnostic_file={hessian}"] if job.version >= PATHFINDER_SINCE else []
    job.run(method, arguments, "laplace.csv", *told)
    table = read_table(job.folder / "laplace.csv", job.names, ("log_p__", "log_q__"))
    _expect(table, job.settings.draws, "laplace.csv")
    log_p = table.stats["log_p__"]
    # CmdStan leaves the constant of the normal density out.
    log_q = table.stats["log_q__"] + _log_constant(hessian)
    draws = _draws(job, table, lp=log_p, log_q=log_q)
    mean, error = _mean(log_p - log_q)
    # A line search also fails where there is nothing more to gain.
    arrived = mode.converged or _gain(hessian) < _NOTHING
    return Approximated(draws, True, mean, error, arrived, mode.said)


def _pathfinder(job: Job, method: Pathfinder) -> Approximated:
    if job.version and job.version < PATHFINDER_SINCE:
        version = ".".join(map(str, job.version))
        raise EngineError(f"method 'pathfinder' needs CmdStan 2.35 or later; this one is {version}")
    arguments = [
        *_options(method),
        f"num_paths={method.num_paths}",
        f"max_lbfgs_iters={method.max_lbfgs_iters}",
        f"num_draws={method.num_draws}",
        f"num_elbo_draws={method.num_elbo_draws}",
        # Resampled afterwards, if at all: the weights tell how far the approximation is.
        "psis_resample=0",
    ]
    said = job.run(method, arguments, "pathfinder.csv")
    table = read_table(job.folder / "pathfinder.csv", job.names, ("lp_approx__", "lp__"))
    if not table.rows:
        raise SamplingError(f"no path of Pathfinder arrived. Stan said: {' '.join(said[-5:])}")
    log_p, log_q = table.stats["lp__"], table.stats["lp_approx__"]
    mean, error = _mean(log_p - log_q)
    failed = [line.strip() for line in said if line.strip().startswith("Only ")]
    draws = _draws(job, table, lp=log_p, log_q=log_q)
    return Approximated(draws, False, mean, error, not failed, " ".join(failed))


def _variational(job: Job, method: Variational) -> Approximated:
    progress = job.folder / "elbo.csv"
    adapt = ["engaged=1", f"iter={method.adapt_iter}"] if method.adapt_engaged else ["engaged=0"]
    arguments = [
        f"algorithm={method.algorithm}",
        f"iter={method.iter}",
        f"grad_samples={method.grad_samples}",
        f"elbo_samples={method.elbo_samples}",
        f"eta={method.eta}",
        *("adapt", *adapt),
        f"tol_rel_obj={method.tol_rel_obj}",
        f"eval_elbo={method.eval_elbo}",
        f"output_samples={job.settings.draws}",
    ]
    said = job.run(method, arguments, "variational.csv", f"diagnostic_file={progress}")
    table = read_table(job.folder / "variational.csv", job.names, ("log_p__", "log_g__"))
    _expect(table, job.settings.draws + 1, "variational.csv")
    # The first row is the mean, no draw.
    table = replace(
        table,
        values={name: values[1:] for name, values in table.values.items()},
        stats={name: values[1:] for name, values in table.stats.items()},
    )
    log_p = table.stats["log_p__"]
    draws = _draws(job, table, lp=log_p, log_q=table.stats["log_g__"])
    # CmdStan's own value, since the draws' file says nothing of the entropy.
    elbo, error = _last_elbo(progress), _spread(log_p) / math.sqrt(method.elbo_samples)
    if any("ELBO CONVERGED" in line for line in said):
        return Approximated(draws, False, elbo, error)
    return Approximated(draws, False, elbo, error, False, _complaint(said))


@dataclass(frozen=True, slots=True)
class _Mode:
    table: Table
    converged: bool
    said: str


def _climb(job: Job, method: Climb, output: str, *, jacobian: bool) -> _Mode:
    arguments = [
        f"algorithm={method.algorithm}",
        *_options(method),
        f"iter={method.iter}",
        f"jacobian={int(jacobian)}",
    ]
    optimize = Optimize()
    try:
        said = job.run(optimize, arguments, output)
    except Failure as failure:
        # The last point is the best there is, and is written.
        if "Line search failed" not in failure.text:
            raise
        said = failure.text.splitlines()
    table = read_table(job.folder / output, job.names, ("lp__", "converged__"))
    if not table.rows:
        raise SamplingError(f"the optimiser found nothing. Stan said: {' '.join(said[-5:])}")
    words = [line.strip() for line in said if any(end in line for end in _ENDS)]
    code = table.stats.get("converged__", np.zeros(1))[-1]
    stopped = code == _MOST_ITERATIONS or any(end in line for line in words for end in _ENDS[1:])
    return _Mode(table, not stopped, words[-1] if words else "")


_ENDS = ("Convergence detected", "Maximum number of iterations hit", "Line search failed")
"""How the optimisers say that they have ended, and how: only the first is good."""
_MOST_ITERATIONS = 40
"""Stan's code for the second."""


def _options(method: QuasiNewton) -> list[str]:
    """Return the options that the algorithm of a method knows."""
    algorithm = method.algorithm if isinstance(method, Climb) else "lbfgs"
    if algorithm == "newton":
        return []
    names = [option.name for option in fields(QuasiNewton)]
    if algorithm == "bfgs":
        names.remove("history_size")
    return [f"{name}={getattr(method, name)}" for name in names]


def _draws(job: Job, table: Table, **stats: Floats) -> Draws:
    """Return the rows of a file as one chain."""
    values = {name: value[None] for name, value in table.values.items()}
    rows: dict[str, Any] = {name: value[None] for name, value in stats.items()}
    return Run(values, rows, np.array([math.nan]), None).labelled(job.program.outputs)


def _expect(table: Table, rows: int, file: str) -> None:
    if table.rows != rows:
        raise SamplingError(
            f"{file} ends too soon, with {table.rows} of {rows} rows; is the disk full?"
        )


def _log_constant(hessian: Path) -> float:
    """Return log density at the mode of the normal distribution of this curvature; NaN without."""
    if not hessian.is_file():
        return math.nan
    _, H = _curvature(hessian)
    sign, log_determinant = np.linalg.slogdet(-H)
    return float(0.5 * (log_determinant - len(H) * math.log(2 * math.pi))) if sign > 0 else math.nan


def _gain(hessian: Path) -> float:
    """Return by how much a Newton step would raise the log density; infinity if not told."""
    if not hessian.is_file():
        return math.inf
    gradient, H = _curvature(hessian)
    return float(-0.5 * gradient @ np.linalg.solve(H, gradient))


_NOTHING = 1e-6


def _curvature(hessian: Path) -> tuple[Floats, Floats]:
    """Return gradient and Hessian at the mode, as `laplace` writes them."""
    facts = json.loads(hessian.read_text())
    gradient = np.atleast_1d(np.array(facts["gradient"], dtype=np.float64))
    return gradient, np.array(facts["Hessian"], dtype=np.float64).reshape(len(gradient), -1)


def _last_elbo(progress: Path) -> float:
    """Return the last value in ADVI's file of iterations, times and ELBOs."""
    lines = progress.read_text().splitlines() if progress.is_file() else []
    rows = [line for line in lines if line and not line.startswith(("#", "iter"))]
    return float(rows[-1].split(",")[2]) if rows else math.nan


def _complaint(said: Sequence[str]) -> str:
    found = [line.strip() for line in said if "Informational" in line or "DIVERGING" in line]
    return found[-1].removeprefix("Informational Message: ") if found else "It did not converge."


def _mean(values: Floats) -> tuple[float, float]:
    return float(np.mean(values)), _spread(values) / math.sqrt(len(values))


def _spread(values: Floats) -> float:
    with np.errstate(invalid="ignore"):
        return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
