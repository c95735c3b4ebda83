"""What a program built by CmdStan says and writes, recorded; the console program is held to it.

The wheel prophet 1.5.0 carries such a program, built with CmdStan 2.37.0, and its Stan code,
prophet.stan (MIT licence). The files in recorded/ were made so:

    pip download --no-deps prophet==1.5.0 && unzip prophet-1.5.0-*.whl -d prophet
    python -m tests.engines.console.record prophet/prophet/stan_model/prophet_model.bin
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.engines.recorded.record import DATA

RECORDED = Path(__file__).with_name("recorded")

# Steps are small and runs short, lest rounding decide where a chain goes.
_SAMPLE = "method=sample num_samples=4 num_warmup=12"
_HMC = "algorithm=hmc engine=nuts max_depth=4"
_NUTS = f"{_HMC} stepsize=0.02"

RUNS = {
    "diag": f"{_SAMPLE} save_warmup=1 {_NUTS} adapt save_metric=1",
    "dense": f"{_SAMPLE} thin=2 {_NUTS} metric=dense_e adapt delta=0.9",
    "unit": f"{_SAMPLE} {_NUTS} metric=unit_e adapt init_buffer=3 term_buffer=4 window=5",
    "chains": f"{_SAMPLE} {_NUTS} num_chains=2 id=3 init=point.json",
    "still": f"{_SAMPLE} {_NUTS} metric_file=metric.json adapt engaged=0",
    "fixed": "method=sample num_samples=3 algorithm=fixed_param",
    "lbfgs": "method=optimize iter=8 jacobian=1 init=point.json",
    "bfgs": "method=optimize algorithm=bfgs iter=6 save_iterations=1 init=point.json",
    "newton": "method=optimize algorithm=newton iter=2 init=point.json",
    "path": "method=pathfinder num_paths=1 num_draws=3 max_lbfgs_iters=6 init=point.json",
    "paths": "method=pathfinder num_paths=2 num_draws=4 num_psis_draws=5 max_lbfgs_iters=6 "
    "save_single_paths=1 init=point.json",
    "meanfield": "method=variational iter=100 adapt engaged=0 eta=0.1 output_samples=3 "
    "init=point.json",
    "fullrank": "method=variational iter=100 algorithm=fullrank adapt iter=5 "
    "output_samples=3 init=point.json",
    "laplace": "method=laplace mode=mode.csv draws=3",
    "quantities": "method=generate_quantities fitted_params=mode.csv",
    "density": "log_prob constrained_params=point.json jacobian=1",
    "gradient": "diagnose test=gradient init=point.json",
}

POINT = {"k": 0.1, "m": 0.2, "delta": [0.1, 0.2], "sigma_obs": 0.5, "beta": [0.3]}
INPUTS = {
    "data.json": json.dumps(DATA),
    "point.json": json.dumps(POINT),
    "metric.json": json.dumps({"inv_metric": [0.5, 0.1, 0.3, 0.3, 0.2, 0.9]}),
    "mode.csv": "# method = optimize\nlp__,k,m,delta.1,delta.2,sigma_obs,beta.1,trend.1,"
    "trend.2,trend.3,trend.4\n-4.8,1.2,0.45,0.1,0.2,0.3,-0.2,0.5,0.8,1.3,1.7\n",
}

_VERSIONS = [
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "DATE"),
    (r"v2\.\d+\.\d+", "VERSION"),
    (r'(stan_version_minor = |"stan_minor_version" : ")\d+', r"\1MINOR"),
    (r"[-+\d.e]+ seconds", "TIME seconds"),
]


def outcome(exe: Path, name: str, folder: Path) -> str:
    """Run a program in an empty folder; return all it said and wrote, but for time and version."""
    for file, text in INPUTS.items():
        (folder / file).write_text(text)
    common = "data file=data.json random seed=1 output file=x.csv save_cmdstan_config=1"
    done = subprocess.run(
        [str(exe), *RUNS[name].split(), *common.split()],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if k != "STAN_NUM_THREADS"},
        capture_output=True,
        text=True,
        check=False,
    )
    parts = [f"exit {done.returncode}", "== said", done.stdout, "== complained", done.stderr]
    for file in sorted(folder.iterdir()):
        if file.name not in INPUTS:
            parts += [f"== {file.name}", _without_convergence(file.read_text())]
    text = "\n".join(parts)
    for pattern, replacement in _VERSIONS:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return text


def _without_convergence(text: str) -> str:
    """Return an optimisation's file without what Stan adds since 2.38: whether it converged."""
    if "lp__,converged__," not in text:
        return text
    lines = text.splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if line.startswith("lp__"))
    table = [re.sub(r",[^,]*,", ",", x, count=1) for x in lines[at:] if not x.startswith("#")]
    return "".join(lines[:at] + table)


def main(exe: str) -> None:
    import tempfile

    for name in RUNS:
        with tempfile.TemporaryDirectory() as folder:
            said = outcome(Path(exe).absolute(), name, Path(folder))
        (RECORDED / f"{name}.txt").write_text(said)


if __name__ == "__main__":
    main(sys.argv[1])
