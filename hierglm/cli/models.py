"""Commands from a formula and a table: ``fit | code | explain | demo``."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import hierglm as hg
from hierglm.cli.answer import GOOD, UNHEALTHY, Answer, fit_values, rows
from hierglm.cli.commands import command, file_argument
from hierglm.errors import PriorError, SettingsError

if TYPE_CHECKING:
    from hierglm.posterior import Fit
    from hierglm.prepared import PreparedModel
    from hierglm.priors.distributions import Prior


def add_commands(commands: Any) -> None:
    """Add the commands to a parser's subparsers."""
    fit = command(commands, "fit", _fit, "fit a formula to a table and print the summary")
    _model_arguments(fit)
    file_argument(fit, "--out", metavar="FILE", help="save the fit, such as fit.hglm")
    about = "keep complete chains in this file, and go on from it; at the end it is the saved fit"
    file_argument(fit, "--checkpoint", metavar="FILE", help=about)
    _setting_arguments(fit)
    code = command(commands, "code", _code, "print the Stan program, without fitting")
    _model_arguments(code)
    explain = command(commands, "explain", _explain, "print how the program is written, and why")
    _model_arguments(explain)
    demo = command(commands, "demo", _demo, "two fits on real data that comes with hierglm")
    demo.add_argument("--seed", type=int, default=2026)


def _model_arguments(parser: argparse.ArgumentParser) -> None:
    from hierglm.reading import READERS

    parser.add_argument("formula", help='such as "score ~ x + (x | school)"')
    parser.add_argument("--also", action="append", default=[], metavar="FORMULA",
                        help='of a parameter of the family, such as "sigma ~ x"')  # fmt: skip
    file_argument(parser, "data", help=f"a table: {', '.join(READERS)}")
    parser.add_argument("--family", default="gaussian",
                        help="such as gaussian, bernoulli(probit), negbinomial")  # fmt: skip
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
                        help="read a column of numbers as categories")  # fmt: skip
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


def _fit(options: argparse.Namespace) -> Answer:
    if options.method == "approx":
        for name in ("out", "checkpoint"):
            if getattr(options, name):
                raise SettingsError(f"--{name} saves posteriors; --method approx gives none")
        found = _model(options).approx()
        return Answer(found, lambda: {"estimates": rows(found.tidy())})
    if options.out:
        from hierglm.writing import refuse_unwritable

        refuse_unwritable(options.out)
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
        checkpoint=options.checkpoint,
        progress=False if options.quiet else None,
    )
    # Saved before anything is judged: a fit that failed its diagnostics is still evidence.
    if options.out:
        fit.save(options.out)
    file = {"file": str(options.out)} if options.out else {}
    return Answer(fit, lambda: {**fit_values(fit), **file}, judged(fit))


def judged(fit: Fit) -> int:
    """Return the exit code that a fit deserves."""
    return GOOD if fit.healthy else UNHEALTHY


def _code(options: argparse.Namespace) -> Answer:
    code = _model(options).stan_code
    return Answer(code, lambda: {"stan_code": code})


def _explain(options: argparse.Namespace) -> Answer:
    model = _model(options)
    plan = model.plan()
    return Answer(
        plan,
        lambda: {
            "plan": plan.name,
            "engine": plan.engine,
            "parts": [{"part": c.part, "form": c.form.value, "because": c.because} for c in plan],
            "priors": rows(model.priors()),
        },
    )


def _demo(options: argparse.Namespace) -> Answer:
    steps: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("log_radon ~ floor_measure + log_uppm + (1 | county_idx)", "radon", {}),
        ("y | se(se) ~ 1 + (1 | school)", "eight_schools", {"adapt_delta": 0.95}),
    )
    fits, said = [], []
    for formula, name, settings in steps:
        more = "".join(f", {k}={v}" for k, v in settings.items())
        call = f'>>> hg.fit("{formula}", hg.datasets.{name}(), seed={options.seed}{more})'
        data = getattr(hg.datasets, name)()
        fit = hg.fit(formula, data, seed=options.seed, **settings)
        fits.append(fit)
        said += [f"{call}\n", f"{fit}\n"]
    return Answer(
        "\n".join([*said, _NEXT]),
        lambda: {"fits": [fit_values(fit) for fit in fits]},
        max(judged(fit) for fit in fits),
    )


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


def _model(options: argparse.Namespace) -> PreparedModel:
    from hierglm.reading import read_table

    if options.prior and options.priors != "default":
        raise PriorError("--prior changes the default priors; it does not go with --priors")
    own = dict(_read_prior(text) for text in options.prior)
    return hg.model(
        [options.formula, *options.also],
        read_table(options.data, options.factor),
        options.family,
        priors=own or options.priors,
        plan=options.plan,
        engine=options.engine,
        missing=options.missing,
    )


def _read_prior(text: str) -> tuple[str, Prior]:
    """Return name and prior of ``"b[x]=normal(0, 1)"``."""
    from hierglm.priors.distributions import read_prior

    # The first "=" is ours: names such as I(x == 1) stand in brackets.
    found = re.fullmatch(r"\s*(.+?)\s*=\s*(\w+\s*\([^()]*\))\s*", text)
    if found is None:
        raise PriorError(f'{text!r} is not NAME=PRIOR, such as "b[x]=normal(0, 1)"')
    return found[1], read_prior(found[2])


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
