"""The shell: ``hierglm fit | show | code | explain | demo | doctor | toolchain | cache``.

Exit codes: 0 good; 2 the caller's mistake, said in a message; 3 the fit's diagnostics failed.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hierglm as hg
from hierglm.cli.stan import add_commands
from hierglm.errors import DataError, HierglmError, PriorError, SettingsError
from hierglm.priors.distributions import Prior

if TYPE_CHECKING:
    import pandas as pd

GOOD, MISTAKE, UNHEALTHY = 0, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; those of the process by default.
    """
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except HierglmError as error:
        print(f"hierglm: {error}", file=sys.stderr)
        return MISTAKE
    except BrokenPipeError:
        # The reader of a pipe (head, a pager) has gone; that is not a mistake of anyone.
        sys.stderr.close()
        return GOOD
    except KeyboardInterrupt:
        print("hierglm: stopped", file=sys.stderr)
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hierglm",
        description="Hierarchical GLMs from formulas, by Stan.",
        epilog="exit codes: 0 good, 2 your input (see the message), 3 diagnostics failed",
    )
    parser.add_argument("--version", action="version", version=f"hierglm {hg.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    fit = commands.add_parser("fit", help="fit a formula to a table and print the summary")
    _model_arguments(fit)
    fit.add_argument("--out", type=Path, metavar="FILE", help="save the fit, such as fit.hglm")
    _setting_arguments(fit)
    fit.set_defaults(run=_fit)
    show = commands.add_parser("show", help="print the summary of a saved fit")
    show.add_argument("file", type=Path, help="what 'hierglm fit --out' wrote")
    show.add_argument("--ranef", action="store_true", help="print the effects of every level")
    show.set_defaults(run=_show)
    code = commands.add_parser("code", help="print the Stan program, without fitting")
    _model_arguments(code)
    code.set_defaults(run=_code)
    explain = commands.add_parser("explain", help="print how the program is written, and why")
    _model_arguments(explain)
    explain.set_defaults(run=_explain)
    demo = commands.add_parser("demo", help="two fits on real data that comes with hierglm")
    demo.add_argument("--seed", type=int, default=2026)
    demo.set_defaults(run=_demo)
    add_commands(commands)
    return parser


def _model_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("formula", help='such as "score ~ x + (x | school)"')
    parser.add_argument("data", type=Path, help="a .csv, .tsv, .parquet or .feather file")
    parser.add_argument(
        "--family", default="gaussian", help="gaussian, bernoulli, binomial, poisson"
    )
    parser.add_argument(
        "--priors", default="default", metavar="SET", help="default, brms or rstanarm"
    )
    parser.add_argument(
        "--prior",
        action="append",
        default=[],
        metavar="NAME=PRIOR",
        help='such as "b=normal(0, 1)"; may be repeated',
    )
    parser.add_argument("--factor", action="append", default=[], metavar="COLUMN",
                        help="read a column of numbers as categories; may be repeated")  # fmt: skip
    parser.add_argument("--plan", default="auto", help="auto or textbook")
    parser.add_argument("--engine", default="auto", help="auto, embedded or cmdstan")
    parser.add_argument("--missing", choices=("drop", "error"), default="drop")


def _setting_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--chains", type=int, default=4)
    parser.add_argument("--warmup", type=_or_auto(int), default="auto", help="iterations, or auto")
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--method", default="sample",
                        help="sample; approx (the penalised fit, at once); optimize, pathfinder, "
                        "variational or laplace, compiled")  # fmt: skip
    parser.add_argument("--method-option", action="append", default=[], metavar="NAME=VALUE",
                        help='such as "algorithm=fullrank"; may be repeated')  # fmt: skip
    parser.add_argument("--seed", type=int)
    parser.add_argument("--adapt-delta", type=_or_auto(float), default="auto")
    parser.add_argument("--max-treedepth", type=int, default=10)
    parser.add_argument("--threads", type=int, help="chains at the same time")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _or_auto(kind: type[int] | type[float]) -> Callable[[str], Any]:
    """Return what reads a number of a kind, or "auto"."""

    def number(text: str) -> Any:
        return text if text == "auto" else kind(text)

    return number


def _fit(options: argparse.Namespace) -> int:
    if options.method == "approx":
        print(_model(options).approx())
        return GOOD
    fit = _model(options).fit(
        method=options.method,
        method_options=dict(_read_option(text) for text in options.method_option),
        chains=options.chains,
        warmup=options.warmup,
        draws=options.draws,
        seed=options.seed,
        adapt_delta=options.adapt_delta,
        max_treedepth=options.max_treedepth,
        threads=options.threads,
        progress=False if options.quiet else None,
    )
    # Saved before anything is judged: a fit that failed its diagnostics is still evidence.
    if options.out:
        fit.save(options.out)
    print(fit)
    return GOOD if fit.healthy else UNHEALTHY


def _show(options: argparse.Namespace) -> int:
    fit = hg.load(options.file)
    effects = fit.ranef().drop(columns=["effect", "response", "dpar", "term2"])
    print(effects.to_string(index=False) if options.ranef else fit)
    return GOOD if fit.healthy else UNHEALTHY


def _code(options: argparse.Namespace) -> int:
    print(_model(options).stan_code, end="")
    return GOOD


def _explain(options: argparse.Namespace) -> int:
    print(_model(options).plan())
    return GOOD


def _demo(options: argparse.Namespace) -> int:
    steps: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("log_radon ~ floor_measure + log_uppm + (1 | county_idx)", "radon", {}),
        ("y | se(se) ~ 1 + (1 | school)", "eight_schools", {"adapt_delta": 0.95}),
    )
    healthy = True
    for formula, name, settings in steps:
        said = "".join(f", {k}={v}" for k, v in settings.items())
        print(f'>>> hg.fit("{formula}", hg.datasets.{name}(), seed={options.seed}{said})\n')
        data = getattr(hg.datasets, name)()
        fit = hg.fit(formula, data, seed=options.seed, **settings)
        print(fit, end="\n\n")
        healthy = healthy and fit.healthy
    print(_NEXT)
    return GOOD if healthy else UNHEALTHY


_NEXT = """What to type next, in Python:

  import hierglm as hg
  fit = hg.fit("log_radon ~ floor_measure + (floor_measure | county_idx)", hg.datasets.radon())
  print(fit)                    # this summary
  fit.ranef()                   # the effects of every county, a pandas table
  fit.plot.ranef()              # and their picture
  print(fit.stan_code)          # the program that was sampled
  fit.save("radon.hglm")        # and hg.load("radon.hglm"), anywhere

or in the shell, on a table of your own:

  hierglm fit "score ~ x + (x | school)" schools.csv --out fit.hglm"""


def _model(options: argparse.Namespace) -> hg.PreparedModel:
    if options.prior and options.priors != "default":
        raise PriorError("--prior changes the default priors; it does not go with --priors")
    own = dict(_read_prior(text) for text in options.prior)
    return hg.model(
        options.formula,
        _read_table(options.data, options.factor),
        options.family,
        priors=own or options.priors,
        plan=options.plan,
        engine=options.engine,
        missing=options.missing,
    )


def _read_prior(text: str) -> tuple[str, Prior]:
    """Return name and prior of ``"b[x]=normal(0, 1)"``."""
    found = re.fullmatch(r"\s*(.+?)\s*=\s*(\w+)\s*\(([^()]*)\)\s*", text)
    if found is None:
        raise PriorError(f'{text!r} is not NAME=PRIOR, such as "b[x]=normal(0, 1)"')
    name, kind, inside = found.groups()
    try:
        numbers = tuple(float(part) for part in inside.split(",") if part.strip())
    except ValueError:
        raise PriorError(f"{text!r}: the numbers of a prior are numbers") from None
    return name, Prior(kind, numbers)


def _read_option(text: str) -> tuple[str, Any]:
    """Return name and value of ``"iter=5000"``: a number, True or False, or a word."""
    name, equals, value = (part.strip() for part in text.partition("="))
    if not name or not equals or not value:
        raise SettingsError(f"{text!r} is not NAME=VALUE, such as algorithm=fullrank")
    if value.lower() in ("true", "false"):
        return name, value.lower() == "true"
    for kind in (int, float):
        with suppress(ValueError):
            return name, kind(value)
    return name, value


def _read_table(path: Path, factors: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    readers: dict[str, Callable[[Path], pd.DataFrame]] = {
        ".csv": pd.read_csv,
        ".tsv": lambda p: pd.read_csv(p, sep="\t"),
        ".parquet": pd.read_parquet,
        ".feather": pd.read_feather,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"cannot read {str(path)!r}: the file types are {', '.join(readers)}")
    try:
        table: pd.DataFrame = reader(path)
    except FileNotFoundError:
        raise DataError(f"no file {str(path)!r}") from None
    except (OSError, ValueError, ImportError) as error:
        raise DataError(f"cannot read {str(path)!r}: {error}") from error
    for column in factors:
        if column not in table:
            raise DataError(f"--factor {column}: no such column in {str(path)!r}")
        table = table.assign(**{column: table[column].astype(str).astype("category")})
    return table
