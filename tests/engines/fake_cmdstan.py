"""A stand-in for a program compiled by CmdStan: its command line and files, stanli inside.

    python fake_cmdstan.py PROGRAM.stan MODE [CmdStan's arguments]

MODE is "threads" or "processes" (what ``info`` says of STAN_THREADS), or names a fault:
"fail" (the second chain cannot start), "die" (kills itself), "garbage", "short", "bare"
(no adaptation block), "slow"; "late-3" (chain 3 kills its process half way), "full-2" (the file
of chain 2 is cut short, as on a full disk). With "-alone" behind it, chains are processes.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sys
import time
from pathlib import Path

import numpy as np

STATS = "lp__,accept_stat__,stepsize__,treedepth__,n_leapfrog__,divergent__,energy__"


def make_executable(path, stan_file, mode="threads"):
    """Write a file at `path` that behaves like the compiled `stan_file`."""
    script = Path(__file__).resolve()
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "{stan_file}" {mode} "$@"\n')
    path.chmod(0o755)
    return path


def main():
    stan_file, mode, *arguments = sys.argv[1:]
    if arguments == ["info"]:
        threads = "true" if mode != "processes" and "-alone" not in mode else "false"
        print(f"stan_version_major = 2\nstan_version_minor = 36\nSTAN_THREADS={threads}")
        return
    options = read(arguments)
    import stanli

    data = Path(options["data file"]).read_text()
    try:
        model = stanli.Model(stan_code=Path(stan_file).read_text(), data=data)
    except RuntimeError as error:
        sys.exit(f"Exception: {error}; processing stage=data initialization")
    if "log_prob" in options:
        log_prob(model, options)
    elif "output diagnostic_file" in options:
        diagnose(model, options)
    else:
        sample(model, options, mode)


def read(arguments):
    """Options by name; ``file=`` belongs to the word above it."""
    options, above = {}, ""
    for argument in arguments:
        key, _, value = argument.partition("=")
        above = key if key in ("data", "output") else above
        file = key in ("file", "diagnostic_file")
        options[f"{above} {key}" if file else key] = value
    return options


def sample(model, options, mode):
    identity, several = int(options["id"]), int(options.get("num_chains", 1))
    if mode == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "slow":
        time.sleep(60)
    if mode == "fail" and identity + several > 2:
        sys.exit("Initialization between (-2, 2) failed after 100 attempts.")
    warmup = int(options["num_warmup"])
    chains = identity + several - 1
    arguments = {
        "chains": chains,
        "seed": int(options["seed"]),
        "warmup": warmup,
        "samples": int(options["num_samples"]),
        "max_depth": int(options["max_depth"]),
        "delta": float(options.get("delta", 0.8)),
        "adapt_engaged": options["engaged"] == "1",
        "refresh": int(options["refresh"]),
        **start_and_metric(model, options, chains, several),
    }
    try:
        with contextlib.redirect_stdout(Console(several == 1, identity)):
            fit = model.sample(**arguments)
    except RuntimeError as error:
        sys.exit(f"Initialization failed: {error}")
    stem = Path(options["output file"])
    files = [stem if several == 1 else numbered(stem, i + 1) for i in range(several)]
    fault, _, culprit = mode.removesuffix("-alone").partition("-")
    for i, file in enumerate(files):
        if fault == "late" and identity + i == int(culprit):
            file.write_text("# method = sample (Default)\n")
            os.kill(os.getpid(), signal.SIGKILL)
        short = fault == "full" and identity + i == int(culprit)
        write(file, fit, identity - 1 + i, options, "short" if short else mode)


def numbered(stem, number):
    return stem.with_name(f"{stem.stem}_{number}{stem.suffix}")


def start_and_metric(model, options, chains, several):
    """What stanli takes for init and metric files; every chain up to this one needs a start."""
    if "init" not in options:
        return {}
    file = Path(options["init"])
    alone = [file] * chains
    files = alone if several == 1 else [numbered(file, i + 1) for i in range(chains)]
    inits = np.array([start(model, file) for file in files])
    if not all(np.isfinite(model.log_prob_grad(init)[0]) for init in inits):
        sys.exit("Rejecting initial value:\nInitialization failed.")
    metric = json.loads(Path(options["metric_file"]).read_text())
    return {"inits": inits, "inv_metric": np.array(metric["inv_metric"])}


class Console:
    """Prints the sampler's lines as CmdStan does: a lone chain does not say its number."""

    def __init__(self, alone, identity):
        self.alone, self.wanted = alone, f"Chain [{identity}] "

    def write(self, text):
        if not self.alone:
            sys.__stdout__.write(text)
        elif text.startswith(self.wanted) or text == "\n":
            sys.__stdout__.write(text.removeprefix(self.wanted))

    def flush(self):
        sys.__stdout__.flush()


def write(file, fit, chain, options, mode):
    columns = [re.sub(r"[\[,]", ".", name).rstrip("]") for name in fit.names]
    rows = np.hstack([fit.sampler_stats[chain], fit.draws()[chain]])
    if mode == "short":
        rows = rows[: len(rows) // 2]
    lines = [
        "# stan_version_major = 2",
        "# stan_version_minor = 36",
        "# method = sample (Default)",
        "#   sample",
        f"#     num_samples = {options['num_samples']}",
        f"#     num_warmup = {options['num_warmup']}",
        "#     save_warmup = 0 (Default)",
        "#     thin = 1 (Default)",
        f"# num_threads = {os.environ['STAN_NUM_THREADS']}",
        ",".join([STATS, *columns]),
    ]
    if mode != "bare":
        metric = ", ".join(f"{x:.6g}" for x in fit.inv_metric[chain])
        lines += ["# Adaptation terminated", f"# Step size = {fit.step_size[chain]:.17g}"]
        lines += ["# Diagonal elements of inverse mass matrix:", f"# {metric}"]
    lines += [",".join(f"{x:.17g}" for x in row) for row in rows]
    if mode == "garbage":
        lines[-1] = "1,2,what is this"
    lines += [
        "# ",
        "#  Elapsed Time: 0.1 seconds (Warm-up)",
        "#                0.2 seconds (Total)",
    ]
    file.write_text("\n".join(lines) + "\n")


def log_prob(model, options):
    if "constrained_params" in options:
        point = start(model, options["constrained_params"])
    else:
        point = json.loads(Path(options["unconstrained_params"]).read_text())["params_r"]
    value, gradient = model.log_prob_grad(np.array(point))
    names = ["lp__", *(f"g_{i}" for i in range(len(gradient)))]
    row = [value, *gradient]
    text = ",".join(names) + "\n" + ",".join(f"{x:.17g}" for x in row) + "\n"
    Path(options["output file"]).write_text("# stanc_version = fake\n" + text)


def diagnose(model, options):
    point = start(model, options["init"]) if "init" in options else np.zeros(model.n_unconstrained)
    value, gradient = model.log_prob_grad(point)
    names = [STATS, *(f"{k}{i}" for k in ("x", "p_", "g_") for i in range(len(point)))]
    row = [value, 1, 1e-300, 1, 1, 0, 0, *point, *(0 * point), *(-gradient)]
    text = ",".join(names) + "\n" + ",".join(f"{x:.17g}" for x in row) + "\n"
    Path(options["output diagnostic_file"]).write_text("# num_threads = 1\n" + text)


def start(model, file):
    try:
        return model.unconstrain(Path(file).read_text())
    except ValueError as error:
        sys.exit(f"Bad or missing parameter values, cannot unconstrain. {error}")


if __name__ == "__main__":
    main()
