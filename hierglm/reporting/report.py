"""A report on a fit: one file with the model, the numbers, and what they rest upon."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from hierglm.errors import SettingsError
from hierglm.paths import path_of
from hierglm.reporting.document import Block, Callout, Document, Listing, Paragraph
from hierglm.reporting.markdown import set_document
from hierglm.reporting.page import set_page
from hierglm.reporting.printing import find_browser, print_page
from hierglm.reporting.sections import (
    checks_section,
    computation_section,
    data_section,
    estimates_section,
    methods_section,
    model_section,
    priors_section,
    reproduce_section,
    session_section,
)
from hierglm.reporting.trust import trust
from hierglm.reproducing.data import Paths
from hierglm.results.check import check
from hierglm.results.fitted import Fitted
from hierglm.writing import refuse_unwritable, replacing, write_text

SETTERS: Mapping[str, Callable[[Document], str]] = {
    ".html": set_page,
    ".htm": set_page,
    ".md": set_document,
}
"""What sets a report as text, by the ending of the file; .pdf is the page, printed."""


def report(
    fitted: Fitted,
    path: str | Path,
    title: str = "",
    question: str = "",
    data: Paths = None,
    data2: Mapping[str, str | Path] | None = None,
) -> Path:
    """Write a report on a fit to one file that holds all it shows, and return its path.

    Parameters
    ----------
    fitted : Fitted
    path : str or Path
        Ends in ``.html``, ``.md``, or ``.pdf`` (see `hierglm.reporting.printing`).
    title : str
        By default the names of the responses.
    question : str
        What the model is to answer, in words; stands below the title.
    data, data2
        Where the script at the end reads its data; see `hierglm.reproducing.reproduce`.

    Raises
    ------
    SettingsError
        Another ending.
    FileError
        A file that cannot be written.
    """
    return write_report(lambda: document(fitted, title, question, data, data2), path)


def write_report(make: Callable[[], Document], path: str | Path) -> Path:
    """Write a report in the format that the ending of the path says, and return the path.

    Parameters
    ----------
    make : callable
        Returns the report; called once the path is known to be good.
    path : str or Path

    Raises
    ------
    SettingsError, FileError
        An ending that is not known; a path that cannot be written.
    """
    target = path_of(path, "path")
    ending = target.suffix.lower()
    if ending not in (*SETTERS, ".pdf"):
        raise SettingsError(
            f"cannot write a report to {str(path)!r}: the file types are .html, .md and .pdf "
            "(pandoc makes others of the second)"
        )
    refuse_unwritable(target)
    if ending == ".pdf":
        browser = find_browser()
        with replacing(target) as beside:
            print_page(set_page(make(), unfolded=True), beside, browser)
    else:
        write_text(target, SETTERS[ending](make()))
    return target


def document(
    fitted: Fitted,
    title: str = "",
    question: str = "",
    data: Paths = None,
    data2: Mapping[str, str | Path] | None = None,
) -> Document:
    """Return a report on a fit as values: the same fit, the same report.

    Parameters
    ----------
    fitted : Fitted
    title, question, data, data2
        See `report`.
    """
    model = fitted.plan.model
    labels = [m.part.response or m.design.response.label for m in model.responses]
    lead: list[Block] = [Paragraph(question)] if question else []
    lead.append(Listing("\n".join(" ".join(f.split()) for f in model.formulas)))
    lead.append(Callout(_verdict(fitted), check(fitted).healthy))
    numbers = (
        trust(fitted),
        model_section(fitted),
        data_section(fitted),
        priors_section(fitted),
        estimates_section(fitted),
        checks_section(fitted),
        computation_section(fitted),
    )
    sections = (
        *numbers,
        methods_section(fitted, numbers),
        session_section(fitted),
        reproduce_section(fitted, data, data2),
    )
    return Document(title or f"A model of {' and '.join(labels)}", tuple(lead), sections)


def _verdict(fitted: Fitted) -> tuple[str, ...]:
    """Return in a line or two whether the numbers can be trusted."""
    found = check(fitted)
    if not fitted.sampled:
        return (found.first,)
    if found.healthy:
        return ("The chains agree: nothing was found that makes the numbers unsafe to use.",)
    count = len(found.problems)
    if count == 1:
        return ("A problem was found that makes the numbers unsafe to use; see the diagnostics.",)
    return (f"{count} problems were found that make the numbers unsafe to use: see below.",)
