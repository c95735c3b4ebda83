"""The sections of a report on a fit, one function each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hierglm.criticising.ppc import ppc
from hierglm.criticising.prior_posterior import prior_posterior
from hierglm.criticising.sensitivity import sensitivity
from hierglm.errors import HierglmError
from hierglm.plots.intervals import intervals
from hierglm.plots.ranef import ranef
from hierglm.reporting.data_summary import (
    category_columns,
    grouping_factors,
    kept,
    numeric_columns,
)
from hierglm.reporting.document import (
    Block,
    Bullets,
    Formula,
    Listing,
    Meanings,
    Paragraph,
    Section,
    Table,
    picture,
    table,
)
from hierglm.reporting.mathematics import mathematics
from hierglm.reporting.methods import methods
from hierglm.reporting.references import REFERENCES, Sentence, bibliography, cited
from hierglm.reproducing import reproduce
from hierglm.reproducing.data import Paths
from hierglm.results.fitted import Fitted
from hierglm.results.sections import summarise
from hierglm.showing.said import Grid, grid
from hierglm.variance.r2 import r2

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEVELS = 200
"""Levels of a grouping factor up to which its effects are drawn."""
MOST = 2 * 10**8
"""Rows times draws up to which is computed what every row takes part in: some 10 s."""
MANY = 30
"""Rows of a table of all main parameters."""

EXPLAINED = Sentence(
    "Variance explained (R²) is that of the response, and that on the scale of the linear "
    "predictor; marginal by predictors, conditional by group effects too",
    ("gelman2019", "nakagawa2017"),
)
LEANING = Sentence(
    "How far estimates lean on their priors and on the data was judged by power-scaling, where "
    "more than 0.05 counts",
    ("kallioinen2024",),
)
"""What is said of tables that not every fit has, as their captions and among the methods."""


def model_section(fitted: Fitted) -> Section:
    """Return the formula and the model in mathematics."""
    model = fitted.plan.model
    found = mathematics(model)
    blocks: list[Block] = [
        *(Formula(lines) for lines in found.blocks),
        Meanings(found.meanings),
    ]
    return Section("model", "Model", tuple(blocks))


def data_section(fitted: Fitted) -> Section:
    """Return what the data look like."""
    model = fitted.plan.model
    blocks: list[Block] = []
    for first in model.responses:
        blocks.append(Paragraph(kept(first)))
        name = f" of {first.part.response}" if first.part.response else ""
        blocks += table(f"Columns of numbers{name}", numeric_columns(first))
        blocks += table(f"Categories{name}", *category_columns(first))
    blocks += table("Grouping factors", grouping_factors(model))
    notes = dict.fromkeys(n for m in model.parts or (model,) for n in m.design.notes)
    if notes:
        blocks.append(Bullets(tuple(notes)))
    return Section("data", "Data", tuple(blocks))


def priors_section(fitted: Fitted) -> Section:
    """Return every prior with its numbers and where it comes from, beside the posterior."""
    frame = fitted.plan.model.prior_table()
    blocks: list[Block] = [*table("Priors, and why these", grid(frame))]
    if "Intercept" in " ".join(frame["parameter"]):
        blocks.append(
            Paragraph(
                "The prior of an intercept is about the intercept at the means of the columns."
            )
        )
    if _streamed(fitted):
        return Section("priors", "Priors", tuple(blocks))
    alt = "Densities of the main parameters under their priors and under the posterior"
    blocks += _drawn(
        lambda: prior_posterior(fitted), alt, "What the data have changed: priors and posteriors."
    )
    blocks += _leaning(fitted)
    return Section("priors", "Priors", tuple(blocks))


def estimates_section(fitted: Fitted) -> Section:
    """Return the tables and pictures of estimates."""
    said = summarise(fitted).said()
    blocks: list[Block] = [*table(f"Estimates ({said.legend})", *said.grids)]
    words = [
        f"{row[0]} {row[1].strip()}" for g in said.grids for row in g.rows if len(row) > 1
    ]  # fmt: skip
    alt = f"Intervals of the main parameters; posterior means: {', '.join(words[:12])}"
    if fitted.draws.draws > 1:
        blocks += _explained(fitted)
        blocks += _drawn(
            lambda: intervals(fitted), alt, "Posterior means with 50% and 95% intervals."
        )
    for group, count in _factors(fitted).items():
        if fitted.draws.draws > 1 and count <= LEVELS:
            alt = f"Deviations of the {count:,} levels of {group} with intervals, sorted"
            caption = f"Effects of the levels of {group}: posterior means, 50% and 95% intervals."
            blocks += _drawn(lambda group=group: ranef(fitted, group), alt, caption)  # type: ignore[misc]
    return Section("estimates", "Estimates", tuple(blocks))


def _streamed(fitted: Fitted) -> bool:
    """Tell whether the rows were read in batches: what needs them is left out."""
    return any(m.design.reduced is not None for m in fitted.plan.model.responses)


def _explained(fitted: Fitted) -> Iterator[Block]:
    import pandas as pd

    if _streamed(fitted):
        return
    if _rows(fitted) * fitted.draws.chains * fitted.draws.draws > MOST:
        yield Paragraph(f"R² is left out, since {_rows(fitted):,} rows take long: see fit.r2().")
        return
    try:
        found = r2(fitted)
    except HierglmError:
        return
    assert isinstance(found, pd.DataFrame)
    shown = found.drop(columns=["rhat", "ess_bulk", "ess_tail"], errors="ignore")
    yield from table(str(EXPLAINED), grid(shown))


def _leaning(fitted: Fitted) -> Iterator[Block]:
    """Yield how far posteriors lean on their priors, where that does not take long."""
    size = fitted.draws.chains * fitted.draws.draws
    if size < 2 or _rows(fitted) * size > MOST:
        return
    try:
        found = sensitivity(fitted)
    except HierglmError:
        return
    yield from table(str(LEANING), grid(found, rows=MANY, more="fit.sensitivity()"))


def _rows(fitted: Fitted) -> int:
    return sum(m.design.rows for m in fitted.plan.model.responses)


def _factors(fitted: Fitted) -> dict[str, int]:
    return {g.group: len(g.levels) for g in fitted.plan.model.groups}


def _drawn(draw: Callable[[], Figure], alt: str, caption: str) -> Iterator[Block]:
    """Yield a picture, or why there is none: a flat prior has no density."""
    try:
        figure = draw()
    except HierglmError as error:
        yield Paragraph(f"No picture: {error}")
        return
    yield picture(figure, alt, caption)


def checks_section(fitted: Fitted) -> Section:
    """Return posterior predictive checks of every response."""
    if _streamed(fitted):
        said = (
            "There is none: the rows were read in batches and not kept. Draw a sample of them, and "
            "compare its responses with fit.predict(sample, target='response')."
        )
        return Section("checks", "Posterior predictive check", (Paragraph(said),))
    blocks: list[Block] = []
    for first in fitted.plan.model.responses:
        own = first.part.response or None
        label = first.part.response or first.design.response.label

        def draw(kind: str | None = None, own: str | None = own) -> Figure:
            return ppc(fitted, kind, response=own)

        alt = f"Posterior predictive check of {label}: observed beside replicated responses"
        blocks += _drawn(draw, alt, f"{label}: observed, and as the fit would give it again.")
    return Section("checks", "Posterior predictive check", tuple(blocks))


def computation_section(fitted: Fitted) -> Section:
    """Return how the program was written and what ran it."""
    s = fitted.settings
    plan = fitted.plan
    rows: list[tuple[str, str]] = [("engine", fitted.engine)]
    if fitted.engine_options:
        rows.append(("engine options", str(fitted.engine_options)))
    rows.append(("method", str(s.method)))
    if fitted.sampled:
        rows += [
            ("chains", f"{s.chains}"), ("warmup", f"{s.warmup:,}"), ("draws", f"{s.draws:,}"),
            ("adapt_delta", f"{s.adapt_delta:g}"), ("max_treedepth", f"{s.max_treedepth}"),
        ]  # fmt: skip
    rows += [("seed", f"{s.seed}"), ("seconds", f"{fitted.seconds:.1f}")]
    columns = tuple(zip(*rows, strict=True))
    blocks: list[Block] = [
        Paragraph(f"Plan {plan.name!r}: the posterior is the same however the program is written."),
        *table("How each part of the program is written, and why", *plan.said().grids),
        *table("Settings", Grid(("setting", "value"), columns, (False, False))),
        Listing(fitted.program.code, "stan", "Stan program"),
    ]
    return Section("computation", "Computation", tuple(blocks))


def methods_section(fitted: Fitted, before: Sequence[Section]) -> Section:
    """Return what was done in sentences for a paper, with its sources.

    Parameters
    ----------
    fitted : Fitted
    before : sequence of Section
        The others, whose tables are told of too.
    """
    captions = {b.caption for s in before for b in s.blocks if isinstance(b, Table)}
    told = [s for s in (LEANING, EXPLAINED) if str(s) in captions]
    return Section("methods", "Methods, for a paper", sourced((*methods(fitted), *told)))


def sourced(sentences: Sequence[Sentence]) -> tuple[Block, ...]:
    """Return sentences as a paragraph, followed by their sources as text and as BibTeX."""
    keys = cited(sentences)
    return (
        Paragraph(" ".join(map(str, sentences))),
        Bullets(tuple(REFERENCES[key].text for key in keys)),
        Listing(bibliography(keys), "bibtex", "BibTeX"),
    )


def session_section(fitted: Fitted) -> Section:
    """Return what the fit was made with, when and on what."""
    shown = table("Versions, machine and data", session_grid(fitted))
    return Section("session", "Session", tuple(shown))


def session_grid(fitted: Fitted) -> Grid:
    """Return versions, machine, time, seed and data of a fit as a table."""
    rows = [*fitted.versions.items()]
    rows += [(name, text) for name, text in (
        ("fitted", fitted.when), ("machine", fitted.machine),
        ("seconds", f"{fitted.seconds:.1f}"), ("seed", str(fitted.settings.seed)),
        ("hash of the data", "" if _streamed(fitted) else fitted.plan.model.data_hash),
    ) if text]  # fmt: skip
    return Grid(("what", "which"), tuple(zip(*rows, strict=True)), (False, False))


def reproduce_section(
    fitted: Fitted, data: Paths = None, data2: Mapping[str, str | Path] | None = None
) -> Section:
    """Return the script that makes the fit again; see `hierglm.reproducing.reproduce`."""
    # Sums of the same rows in other files, or in batches of another length, differ by rounding.
    files = " and files" if _streamed(fitted) else ""
    blocks = (
        Paragraph(
            f"This script makes the fit again, to the same numbers with the same versions{files}:"
        ),
        Listing(str(reproduce(fitted, data, data2)), "python"),
    )
    return Section("reproduce", "The exact code", blocks)
