"""The summary of a fit as text: one screen, 80 columns."""

from __future__ import annotations

from hierglm.results.fitted import Fitted
from hierglm.results.sections import Label, Section, Summary, summarise
from hierglm.showing.width import left, printable, shorten, width, wrap

COLUMNS = 80
FORMULA_LINES = 4
SPELLED = 6
"""So many labels may take a line of their own; more would push the end off the screen."""


def text(fitted: Fitted, columns: int = COLUMNS) -> str:
    """Return the summary of a fit as text.

    Parameters
    ----------
    fitted : Fitted
    columns : int
        Width to fit into; a few labels that are too long have a line of their own, many
        are shortened in the middle.

    Returns
    -------
    str
        Formula, data, engine and settings, plan; tables of common effects, of sds and
        correlations by group and of the family's parameters; diagnostics in words with
        the next step; notes.
    """
    return lay_out(summarise(fitted), columns)


def lay_out(said: Summary, columns: int = COLUMNS) -> str:
    """Return what a summary says as text, so many columns wide."""
    # A formula of many lines would push the estimates off the screen.
    formula = shorten(printable(said.formula), FORMULA_LINES * (columns - 12))
    lines = list(wrap(formula, columns, indent="  "))
    for fact in said.facts:
        lines += wrap(printable(fact), columns, indent="  ")
    lines += ["", *_tables(said.sections, columns), *wrap(said.legend, columns), ""]
    for sentence in said.diagnostics:
        lines += wrap(printable(sentence), columns, indent="  ")
    for note in said.notes:
        lines += wrap(f"Note: {printable(note)}", columns, indent="  ")
    return "\n".join(lines)


def _tables(sections: tuple[Section, ...], columns: int) -> list[str]:
    """Return all tables in one set of columns, so that they align with each other."""
    names = sections[0].names if sections else ()
    rooms = [
        max([len(name), *(len(t) for s in sections for t in s.columns[k])])
        for k, name in enumerate(names)
    ]
    longest = max((width(_stub(label, columns)) for s in sections for label in s.labels), default=0)
    room = min(longest, max(12, columns - sum(rooms) - len(rooms)))
    too_long = sum(width(_stub(x, columns)) > room for s in sections for x in s.labels)
    spelled = too_long <= SPELLED
    lines = []
    for number, section in enumerate(sections):
        head = [n.rjust(r) for n, r in zip(names, rooms, strict=True)]
        title = printable(section.title)
        if number == 0 and width(title) <= room:
            lines.append(" ".join([left(title, room), *head]))
        else:
            lines.append(left(title, columns).rstrip() if number else " ".join([" " * room, *head]))
            if not number:
                lines.append(left(title, columns).rstrip())
        for i, label in enumerate(section.labels):
            cells = [c[i].rjust(r) for c, r in zip(section.columns, rooms, strict=True)]
            stub = _stub(label, columns if spelled else room)
            if width(stub) > room:
                # A name that does not fit beside its numbers stands whole above them.
                lines.append(stub)
                stub = ""
            lines.append(" ".join([left(stub, room), *cells]).rstrip())
        if section.more:
            lines.append(f"  ({section.more})")
        lines.append("")
    return lines


def _stub(label: Label, room: int) -> str:
    """Return the label of a row; of a correlation both terms are shortened, not the pair."""
    kind, terms = label
    around = 2 + (len(kind) + 2 if kind else 0) + len(terms) - 1
    inside = room - around
    names = [printable(t) for t in terms]
    if len(names) == 1:
        names = [shorten(names[0], inside)]
    elif sum(map(width, names)) > inside:
        one, two = names
        half = inside // 2
        first = min(width(one), max(half, inside - width(two)))
        names = [shorten(one, first), shorten(two, inside - first)]
    return f"  {kind}({','.join(names)})" if kind else f"  {names[0]}"
