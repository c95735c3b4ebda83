"""A report on several fits of the same data: which predicts best, and what each of them is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from hierglm.comparing.compare import Comparison
from hierglm.comparing.elpd import Elpd
from hierglm.publishing.table import table as side_by_side
from hierglm.reporting.document import (
    Block,
    Callout,
    Document,
    Formula,
    Listing,
    Meanings,
    Paragraph,
    Section,
    picture,
    table,
)
from hierglm.reporting.mathematics import mathematics
from hierglm.reporting.methods import methods
from hierglm.reporting.references import Sentence
from hierglm.reporting.report import write_report
from hierglm.reporting.sections import session_grid, sourced
from hierglm.reproducing import reproduce
from hierglm.reproducing.data import Paths
from hierglm.results.check import check
from hierglm.showing.said import Grid, grid

WIDEST = 6
"""Models whose estimates stand side by side."""


def comparison_report(
    comparison: Comparison,
    path: str | Path,
    title: str = "",
    question: str = "",
    data: Mapping[str, Paths] | None = None,
) -> Path:
    """Write a report on a comparison to one file, and return its path.

    Parameters
    ----------
    comparison : Comparison
    path : str or Path
        Ends in ``.html``, ``.md`` or ``.pdf``.
    title, question : str
        See `hierglm.reporting.report.report`.
    data : mapping of str to path, optional
        By the name of the model where its script reads its data.

    Raises
    ------
    SettingsError, FileError
        Another ending; a file that cannot be written.
    """
    return write_report(lambda: comparison_document(comparison, title, question, data), path)


def comparison_document(
    comparison: Comparison,
    title: str = "",
    question: str = "",
    data: Mapping[str, Paths] | None = None,
) -> Document:
    """Return a report on a comparison as values.

    Parameters
    ----------
    comparison : Comparison
    title, question, data
        See `comparison_report`.
    """
    names = list(comparison.elpds)
    healthy = all(e.healthy for e in comparison.elpds.values()) and all(
        check(fit).healthy for fit in comparison.fits.values()
    )
    lead: list[Block] = [Paragraph(question)] if question else []
    lead.append(Callout(comparison.lines, healthy))
    sections = [_trust(comparison), _prediction(comparison)]
    if comparison.fits:
        sections += [_models(comparison), _estimates(comparison)]
    sections.append(_methods(comparison))
    if comparison.fits:
        sections += [_session(comparison), _code(comparison, data or {})]
    return Document(title or f"{len(names)} models compared", tuple(lead), tuple(sections))


def _trust(comparison: Comparison) -> Section:
    blocks: list[Block] = []
    for name, elpd in comparison.elpds.items():
        found = elpd.check()
        lines = [f"{name}: {line}" for line in found.lines]
        healthy = found.healthy
        fit = comparison.fits.get(name)
        if fit is not None:
            own = check(fit)
            lines = [*(f"{name}: {line}" for line in own.lines), *lines]
            healthy = healthy and own.healthy
        blocks.append(Callout(tuple(lines), healthy))
    return Section("diagnostics", "Can the numbers be trusted?", tuple(blocks))


def _prediction(comparison: Comparison) -> Section:
    said = comparison.said()
    alt = "; ".join(comparison.lines) or "Differences in elpd to the best model"
    caption = "Differences to the best model, with one and two standard errors."
    blocks: list[Block] = [
        *table(said.head, *said.grids),
        Paragraph(
            "elpd: sum of the log densities of what was left out; p: effective number of "
            "parameters; weight: share in the mixture that predicts best (stacking); high_k: "
            "units that were too hard to leave out."
        ),
        picture(comparison.plot(), alt, caption),
    ]
    for name, elpd in comparison.elpds.items():
        blocks += _left_out(name, elpd)
    return Section("prediction", "Which predicts best?", tuple(blocks))


def _left_out(name: str, elpd: Elpd) -> Iterator[Block]:
    yield from table(f"{name}: {elpd.method}", grid(elpd.table()))
    if elpd.pareto_k is not None:
        alt = f"Pareto's k-hat of each unit of {name}, with the limit {elpd.limit:.2f}"
        yield picture(elpd.plot(), alt, f"{name}: how hard each unit was to leave out.")


def _models(comparison: Comparison) -> Section:
    blocks: list[Block] = []
    for name, fit in comparison.fits.items():
        found = mathematics(fit.plan.model)
        blocks.append(Paragraph(f"{name}:"))
        blocks.append(Listing("\n".join(" ".join(f.split()) for f in fit.plan.model.formulas)))
        blocks += [Formula(lines) for lines in found.blocks]
        blocks.append(Meanings(found.meanings))
    return Section("models", "Models", tuple(blocks))


def _estimates(comparison: Comparison) -> Section:
    blocks: list[Block] = []
    names = list(comparison.fits)
    for first in range(0, len(names), WIDEST):
        some = {name: comparison.fits[name] for name in names[first : first + WIDEST]}
        found = side_by_side(some)
        heads, numeric = ("", *found.models), (False, *(True for _ in found.models))
        grids = [
            Grid(heads, _columns(block.lines), numeric, block.title or "Models")
            for block in (*found.blocks, found.foot)
        ]
        blocks += table("; ".join(found.notes), *grids)
    return Section("estimates", "Estimates", tuple(blocks))


def _columns(lines: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[tuple[str, ...], ...]:
    return tuple(zip(*((label, *cells) for label, cells in lines), strict=True))


def _methods(comparison: Comparison) -> Section:
    first = next(iter(comparison.elpds.values()))
    each = [methods(fit) for fit in comparison.fits.values()]
    told = list(dict.fromkeys(s for sentences in each for s in sentences))
    told.append(_compared(first))
    told.append(Sentence("Weights are those of stacking", ("yao2018",)))
    text = "Differences below 4, or below two standard errors, were not taken to decide"
    told.append(Sentence(text, ("sivula2025",)))
    return Section("methods", "Methods, for a paper", sourced(told))


def _compared(first: Elpd) -> Sentence:
    count = f"{len(first.units):,} {first.units.noun}"
    if first.pareto_k is not None:
        how = "leave-one-out cross-validation by Pareto smoothed importance sampling"
    else:
        how = first.method
    text = f"Models were compared by their expected log predictive density, by {how}, of {count}"
    return Sentence(text, ("vehtari2017",))


def _session(comparison: Comparison) -> Section:
    blocks: list[Block] = []
    for name, fit in comparison.fits.items():
        blocks += table(name, session_grid(fit))
    return Section("session", "Session", tuple(blocks))


def _code(comparison: Comparison, data: Mapping[str, Paths]) -> Section:
    blocks: list[Block] = [Paragraph("These scripts make the fits again:")]
    for name, fit in comparison.fits.items():
        blocks += [Paragraph(f"{name}:"), Listing(str(reproduce(fit, data.get(name))), "python")]
    names = ", ".join(f"{name!r}: ..." for name in comparison.fits)
    blocks += [Paragraph("and this compares them:"), Listing(f"hg.compare({{{names}}})", "python")]
    return Section("reproduce", "The exact code", tuple(blocks))
