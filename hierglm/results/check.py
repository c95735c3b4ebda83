"""Did the sampler work? Findings in words, each with the next step."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from hierglm.draws.diagnostics import diagnose, ebfmi
from hierglm.draws.draws import Draws, Variable
from hierglm.draws.integrated import without_effects
from hierglm.draws.parameters import KEYS, keys
from hierglm.families.separation import SEPARATED
from hierglm.names import Parameter, flat_name
from hierglm.results.closeness import check_outcome
from hierglm.results.findings import Check, Finding
from hierglm.results.fitted import Fitted
from hierglm.results.rows import MAIN, select
from hierglm.showing import numbers

Floats = NDArray[np.float64]

RHAT = 1.01
"""Largest R-hat that passes (Vehtari et al. 2021)."""
ESS_A_CHAIN = 100
"""Least effective sample size, bulk and tail, for each chain (Vehtari et al. 2021)."""
EBFMI = 0.3
"""Least E-BFMI that passes (Betancourt 2016)."""
APART = 4.0
"""Standard errors by which divergent draws must differ from the others to be said to."""
EFFECTS_LOOKED_AT = 500
"""Effects of single levels whose chains are compared; a random choice where there are more."""


def check(fitted: Fitted) -> Check:
    """Return what is wrong with the draws, and what to do about it.

    Divergences, trajectories that were cut short, E-BFMI below 0.3, R-hat above 1.01,
    effective sample sizes below 100 a chain, draws that are not finite. Where there are
    more than 500 effects of single levels, 500 of them, chosen with the fit's seed, are
    looked at. Of other methods than sampling: how far they are from the posterior, and
    whether they have converged.

    Parameters
    ----------
    fitted : Fitted

    Returns
    -------
    Check
    """
    if not fitted.sampled:
        return check_outcome(fitted)
    draws = fitted.draws
    # Effects drawn exactly afterwards mix as well as what they are drawn from.
    effects = select(without_effects(draws), "ran_vals")
    size = draws.chains, draws.draws
    values, names = _sample(select(draws, MAIN), effects, fitted.settings.seed, size)
    # Parameters that are given have no chains to compare.
    given = set(fitted.plan.model.priors.given)
    free = [i for i, name in enumerate(names) if name not in given]
    values, names = values[:, :, free], [names[i] for i in free]
    found = diagnose(values)
    ess = np.fmin(found.ess_bulk, found.ess_tail)
    findings = [
        *_lost(draws),
        *_no_numbers(values, names),
        *_divergences(fitted, values, names),
        *_rhat(fitted, found.rhat, names),
        *_ess(fitted, ess, names),
        *(_ebfmi(fitted) if names else []),
        *_treedepth(fitted),
        *_single_chain(draws),
        *_separated(fitted),
    ]
    count = sum(map(_size, effects))
    worst = float(np.nanmax(found.rhat)) if np.isfinite(found.rhat).any() else np.nan
    least = float(np.nanmin(ess)) if np.isfinite(ess).any() else np.nan
    looked_at = min(count, EFFECTS_LOOKED_AT)
    mcse = _largest_mcse(found.mcse_mean, values)
    return Check(tuple(findings), worst, least, looked_at, count, mcse=mcse)


def healthy(fitted: Fitted) -> bool:
    """Return whether the numbers of a fit can be trusted: no finding is a problem."""
    return check(fitted).healthy


def _sample(
    main: Sequence[Variable], effects: Sequence[Variable], seed: int, size: tuple[int, int]
) -> tuple[Floats, list[str]]:
    """Return draws (chains, draws, parameters) of all main parameters and some effects."""
    total = sum(map(_size, effects))
    chosen = np.arange(total)
    if total > EFFECTS_LOOKED_AT:
        rng = np.random.default_rng(seed)
        chosen = np.sort(rng.choice(total, EFFECTS_LOOKED_AT, replace=False))
    parts = [(v, np.arange(_size(v))) for v in main]
    low = 0
    for v in effects:
        high = low + _size(v)
        parts.append((v, chosen[(chosen >= low) & (chosen < high)] - low))
        low = high
    blocks, names = [], []
    for v, places in parts:
        blocks.append(_at(v, places, size))
        columns = keys(v)
        names += [flat_name(Parameter(**{k: columns[k][i] for k in KEYS})) for i in places]
    return np.concatenate([np.empty((*size, 0)), *blocks], axis=2), names


def _size(variable: Variable) -> int:
    return math.prod(variable.shape)


def _at(variable: Variable, places: NDArray[np.int64], size: tuple[int, int]) -> Floats:
    """Return the draws of some entries of a variable, counted along its flattened labels."""
    if not variable.shape:
        return variable.values.reshape(*size, 1)[:, :, places]
    # Only what is looked at is read, where draws are on disk.
    each = math.prod(variable.shape[1:])
    first = np.unique(places // each)
    block = variable.some(first).reshape(*size, -1)
    return block[:, :, np.searchsorted(first, places // each) * each + places % each]


def _lost(draws: Draws) -> list[Finding]:
    if not draws.lost:
        return []
    who = ", ".join(map(str, draws.lost))
    several = len(draws.lost) > 1
    what = f"Chain{'s' if several else ''} {who} of {draws.chains + len(draws.lost)} died"
    advice = "What a chain does not survive may be part of the posterior: see the notes."
    return [Finding("died", "problem", what, advice)]


def _divergences(fitted: Fitted, values: Floats, names: Sequence[str]) -> list[Finding]:
    diverging = fitted.draws.stats.get("diverging")
    count = 0 if diverging is None else int(np.count_nonzero(diverging))
    if diverging is None or not count:
        return []
    delta = fitted.settings.adapt_delta
    higher = next((d for d in (0.95, 0.99, 0.999) if d > delta), None)
    advice = (
        f"Fit again: fit.refit(adapt_delta={higher:g})"
        if higher
        else "Steps cannot be much smaller: look for sds near 0, and tighten their priors"
    )
    # Few or many, they mark a region that the chains could not enter.
    where = _apart(np.asarray(diverging, dtype=bool), values, names)
    what = f"{count:,} of {diverging.size:,} draws diverged{where}"
    remedy = {"adapt_delta": higher} if higher else {}
    return [Finding("divergences", "problem", what, f"{advice}.", remedy)]


def _apart(diverging: NDArray[np.bool_], values: Floats, names: Sequence[str]) -> str:
    """Return the parameter by which divergent draws differ most from the others, in words.

    That is the one whose mean rank among them is furthest from the middle, in standard errors
    of a random choice of draws; "" where none is `APART` of these away.
    """
    flat, mark = values.reshape(-1, values.shape[2]), diverging.reshape(-1)
    if not flat.shape[1] or mark.all() or not np.isfinite(flat).all():
        return ""
    size, count = flat.shape[0], int(mark.sum())
    ranks = flat.argsort(axis=0).argsort(axis=0)[mark].mean(axis=0) / (size - 1)
    error = np.sqrt((size - count) / (12.0 * count * size))
    distance = (ranks - 0.5) / error
    k = int(np.argmax(np.abs(distance)))
    if abs(distance[k]) < APART:
        return ""
    low, high = (float(np.median(flat[m, k])) for m in (mark, ~mark))
    side = "small" if distance[k] < 0 else "large"
    return f", most where {names[k]} is {side} (median {low:.3g}, elsewhere {high:.3g})"


def _largest_mcse(errors: Floats, values: Floats) -> float:
    """Return the largest Monte Carlo error of a mean, in posterior sds."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        share = errors / values.std(axis=(0, 1))
    return float(np.nanmax(share)) if np.isfinite(share).any() else float("nan")


def _rhat(fitted: Fitted, rhat: Floats, names: Sequence[str]) -> list[Finding]:
    if not (rhat > RHAT).any():
        return []
    s = fitted.settings
    what = f"R-hat is above {RHAT} for {_worst(rhat > RHAT, rhat, names, numbers.rhat)}"
    remedy = {"warmup": 2 * s.warmup, "draws": 2 * s.draws}
    longer = ", ".join(f"{name}={value}" for name, value in remedy.items())
    advice = f"The chains disagree; run them longer: fit.refit({longer})."
    return [Finding("rhat", "problem", what, advice, remedy)]


def _ess(fitted: Fitted, ess: Floats, names: Sequence[str]) -> list[Finding]:
    least = ESS_A_CHAIN * fitted.draws.chains
    low = ess < least
    if not low.any():
        return []
    what = f"The effective sample size is below {least} for {_worst(low, -ess, names, numbers.ess)}"
    more = 1.2 * least / max(float(np.nanmin(ess)), 1.0)
    draws = int(np.ceil(fitted.draws.draws * more / 500) * 500)
    remedy = {"draws": min(draws, 100_000)}
    advice = f"Intervals are uncertain; fit.refit(draws={remedy['draws']}) would about do."
    return [Finding("ess", "problem", what, advice, remedy)]


def _ebfmi(fitted: Fitted) -> list[Finding]:
    energy = fitted.draws.stats.get("energy")
    if energy is None:
        return []
    found = ebfmi(np.asarray(energy, dtype=np.float64))
    low = found < EBFMI
    if not low.any():
        return []
    what = (
        f"E-BFMI is below {EBFMI} in {low.sum()} of {len(found)} chains "
        f"(lowest {np.nanmin(found):.2f})"
    )
    remedy = {"warmup": 2 * fitted.settings.warmup}
    advice = (
        f"The tails are hard to reach: warm up longer, fit.refit(warmup={remedy['warmup']}), or "
        "tighten the priors of the sds."
    )
    return [Finding("ebfmi", "problem", what, advice, remedy)]


def _treedepth(fitted: Fitted) -> list[Finding]:
    depth = fitted.draws.stats.get("tree_depth")
    limit = fitted.settings.max_treedepth
    count = 0 if depth is None else int(np.count_nonzero(np.asarray(depth) >= limit))
    if depth is None or not count:
        return []
    what = f"{count:,} of {depth.size:,} draws reached max_treedepth={limit}"
    advice = f"Slow, not wrong; if it matters, fit.refit(max_treedepth={limit + 2})."
    return [Finding("treedepth", "warning", what, advice, {"max_treedepth": limit + 2})]


def _no_numbers(values: Floats, names: Sequence[str]) -> list[Finding]:
    bad: NDArray[np.bool_] = np.any(~np.isfinite(values), axis=(0, 1))
    still: NDArray[np.bool_] = np.all(values == values[:1, :1], axis=(0, 1))
    findings = []
    if bad.any():
        what = f"Draws are not finite for {_names(bad, names)}"
        advice = "Check the data for huge values, and rescale them."
        findings.append(Finding("not finite", "problem", what, advice))
    if still.any() and values.shape[1] > 1:
        what = f"The chains never moved for {_names(still, names)}"
        advice = "Look for a huge step in the data's scale, and rescale it."
        findings.append(Finding("stuck", "problem", what, advice))
    return findings


def _single_chain(draws: Draws) -> list[Finding]:
    if draws.chains > 1:
        return []
    what = "One chain cannot be compared with others"
    return [Finding("chains", "note", what, "Run 4: fit.refit(chains=4).", {"chains": 4})]


def _separated(fitted: Fitted) -> list[Finding]:
    """Return whether only priors keep coefficients finite, as the fit's notes say in full."""
    if not any(SEPARATED in note for note in fitted.notes):
        return []
    what = "Columns separate the response: priors decide how large their coefficients are"
    return [Finding("separation", "note", what, "See the notes, and fit.plot.prior_posterior().")]


def _worst(
    low: NDArray[np.bool_], badness: Floats, names: Sequence[str], text: Callable[[float], str]
) -> str:
    """Return how many are bad and which most, its number as tables have it."""
    worst = int(np.nanargmax(np.where(low, badness, np.nan)))
    return f"{_count(low)}, worst {names[worst]} with {text(abs(badness[worst]))}"


def _names(bad: NDArray[np.bool_], names: Sequence[str]) -> str:
    return f"{_count(bad)}, such as {names[int(np.argmax(bad))]}"


def _count(bad: NDArray[np.bool_]) -> str:
    return f"{np.count_nonzero(bad):,} of {len(bad):,} parameters"
