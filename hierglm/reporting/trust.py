"""Whether the numbers of a fit can be trusted: what was looked at, found and wanted."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hierglm.draws.diagnostics import ebfmi
from hierglm.plots.choose import chosen, worst
from hierglm.plots.trace import trace
from hierglm.reporting.document import Block, Bullets, Callout, Paragraph, Section, picture, table
from hierglm.results.check import EBFMI, ESS_A_CHAIN, RHAT, check
from hierglm.results.fitted import Fitted
from hierglm.results.outcome import FAR
from hierglm.results.rows import MAIN
from hierglm.showing.numbers import rhat
from hierglm.showing.said import Grid

SHOWN = 4
"""Parameters whose chains are drawn."""


def trust(fitted: Fitted) -> Section:
    """Return the section on diagnostics, which comes before all estimates.

    Parameters
    ----------
    fitted : Fitted
    """
    found = check(fitted)
    blocks: list[Block] = [Callout(found.lines, found.healthy)]
    blocks += table("What was looked at", _measures(fitted))
    if fitted.sampled:
        blocks += _chains(fitted)
    if fitted.notes:
        blocks += [Paragraph("Done without being asked:"), Bullets(fitted.notes)]
    return Section("diagnostics", "Can the numbers be trusted?", tuple(blocks))


def _measures(fitted: Fitted) -> Grid:
    rows = list(_rows(fitted))
    names = ("measure", "found", "wanted")
    columns = tuple(zip(*rows, strict=True)) if rows else ((), (), ())
    return Grid(names, columns, (False, False, False))


def _rows(fitted: Fitted) -> Iterator[tuple[str, str, str]]:
    outcome = fitted.outcome
    if not fitted.sampled:
        if outcome is not None and np.isfinite(outcome.khat):
            yield (
                "Pareto's k-hat of the importance weights",
                f"{outcome.khat:.2f}",
                f"{FAR} or less",
            )
        return
    checked, draws = check(fitted), fitted.draws
    total = f"{draws.chains * draws.draws:,}"
    if np.isfinite(checked.rhat):
        yield "largest R-hat", rhat(checked.rhat), f"{RHAT} or less"
    if np.isfinite(checked.ess):
        wanted = f"{ESS_A_CHAIN * draws.chains:,} or more"
        yield "smallest effective sample size, bulk or tail", f"{checked.ess:,.0f}", wanted
    if np.isfinite(checked.mcse):
        shown = f"{checked.mcse:.3f}"
        yield "largest Monte Carlo error of a mean, in posterior sds", shown, "small beside 1"
    diverging = draws.stats.get("diverging")
    if diverging is not None:
        yield f"divergent transitions, of {total}", f"{np.count_nonzero(diverging):,}", "0"
    energy = draws.stats.get("energy")
    moving = ebfmi(np.asarray([[np.nan]] if energy is None else energy, dtype=np.float64))
    if np.isfinite(moving).any():
        yield "smallest E-BFMI of a chain", f"{np.nanmin(moving):.2f}", f"{EBFMI} or more"
    depth, limit = draws.stats.get("tree_depth"), fitted.settings.max_treedepth
    if depth is not None:
        count = np.count_nonzero(np.asarray(depth) >= limit)
        yield f"trajectories cut short (max_treedepth={limit}), of {total}", f"{count:,}", "few"


def _chains(fitted: Fitted) -> Iterator[Block]:
    every, given = chosen(fitted, None, MAIN), set(fitted.plan.model.priors.given)
    free = every.only([k for k, p in enumerate(every.parameters) if str(p) not in given])
    if not len(free):
        return
    names = [str(p) for p in worst(free, SHOWN).parameters]
    which = "all main parameters" if len(free) <= SHOWN else f"the {SHOWN} with the largest R-hat"
    alt = (
        f"Draws of {fitted.draws.chains} chains in order, with their densities, of "
        f"{', '.join(names)}"
    )
    yield picture(trace(fitted, names), alt, f"Chains of {which}: alike where all is well.")
