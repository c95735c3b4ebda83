"""How far the answer of a method other than sampling is from the posterior, in words."""

from __future__ import annotations

import math

from hierglm.results.findings import Check, Finding
from hierglm.results.fitted import Fitted
from hierglm.results.outcome import CLOSE, FAR, Outcome

_GIVES = "method='sample' gives the posterior"
_FROM = {
    "laplace": "a normal approximation",
    "variational": "a normal approximation",
    "pathfinder": "normal approximations",
}


def check_outcome(fitted: Fitted) -> Check:
    """Return what is known of an approximation or of a mode.

    Parameters
    ----------
    fitted : Fitted
        Of a method other than sampling.
    """
    outcome, name = fitted.outcome or Outcome(), fitted.settings.method.name
    first = _mode(outcome) if name == "optimize" else _approximate(name, outcome)
    findings = [*_far(name, outcome), *_unfinished(name, outcome)]
    return Check(tuple(findings), math.nan, math.nan, 0, 0, first)


def _mode(outcome: Outcome) -> str:
    return (
        f"Approximate: the mode by optimize, log density {outcome.lp:.6g} up to a constant, "
        f"without uncertainty; {_GIVES}."
    )


def _approximate(name: str, outcome: Outcome) -> str:
    khat = outcome.khat
    how = "close" if khat < CLOSE else "not far" if khat <= FAR else "too far"
    elbo = f" {outcome.elbo}." if outcome.elbo is not None else ""
    return (
        f"Approximate: draws from {_FROM[name]} by {name}, not from the posterior. "
        f"Pareto k-hat {khat:.2f}: {how}; {_GIVES}.{elbo}"
    )


def _far(name: str, outcome: Outcome) -> list[Finding]:
    if name == "optimize" or outcome.khat <= FAR:
        return []
    what = f"Pareto k-hat is {outcome.khat:.2f}, above {FAR}"
    advice = "The approximation misses part of the posterior: use it as a first look alone."
    return [Finding("khat", "problem", what, advice)]


def _unfinished(name: str, outcome: Outcome) -> list[Finding]:
    if outcome.converged:
        return []
    said = outcome.said.rstrip(".") or "no word of convergence"
    if name == "pathfinder":
        advice = "Paths that failed are not among the draws; more may help: num_paths=8."
        return [Finding("convergence", "note", said, advice)]
    what = f"{name.capitalize()} has not converged (Stan: {said})"
    return [Finding("convergence", "problem", what, "More iterations may help: iter.")]
