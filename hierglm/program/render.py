"""The one place that knows how a Stan program is laid out: blocks, braces, indentation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hierglm.names import EFFECTS, UNSEEN
from hierglm.program.fragment import (
    Block,
    Declare,
    Fragment,
    Function,
    Output,
    Place,
    Program,
    Statement,
)
from hierglm.program.library import needed, stan_function

_WIDTH = 96
_LONGEST_LINE = 100
_LONGEST_TEXT = 56
"""A longer line has its comment above it."""


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    note: str = ""
    origin: str = ""


def render(
    title: Sequence[str],
    fragments: Sequence[Fragment],
    places: Mapping[str, Place] | None = None,
) -> Program:
    """Return the program that the fragments make, in their order within each block.

    Parameters
    ----------
    title : sequence of str
        Lines of comment for the head of the program.
    fragments : sequence of Fragment
        One for each part of the model.
    places : mapping of str to Place, optional
        Where parameters are likely to be, by Stan name.

    Raises
    ------
    ValueError
        A name declared twice, or a datum that does not fit its declaration. Both are
        mistakes of hierglm, never of its user.
    """
    lines = [_Line("", note=line) for line in title]
    functions = tuple(_places(fragments, len(lines) + 1))
    lines += _functions(fragments)
    for block in Block:
        lines += _block(block, fragments)
    start = _start(fragments, places or {})
    return Program(
        code="".join(_with_note(line) + "\n" for line in lines),
        bare="".join(line.text.rstrip() + "\n" for line in lines),
        data=_data(fragments),
        origins=tuple(line.origin for line in lines),
        outputs=_outputs(fragments),
        start=start,
        led=bool(start),
        functions=functions,
    )


def _with_note(line: _Line) -> str:
    if not line.note:
        return line.text
    gap = "  " if line.text.strip() else ""
    room = _WIDTH - len(line.text) - len(gap) - len("// ")
    return f"{line.text}{gap}// {_one_line(line.note, room)}"


def _one_line(note: str, room: int) -> str:
    """Return text from the user as it may stand in a comment: one line, nothing but text."""
    clean = "".join(c if c.isprintable() else " " for c in note)
    return clean if len(clean) <= room else clean[: room - 3] + "..."


def _users(fragments: Sequence[Fragment]) -> dict[str, str]:
    """Return the functions that are called, in order, and what first needs each."""
    users: dict[str, str] = {}
    for fragment in fragments:
        for name in fragment.uses:
            for function in (*needed(name), name):
                users.setdefault(function, fragment.origin)
    return users


def _places(fragments: Sequence[Fragment], before: int) -> Iterator[Function]:
    """Yield where functions stand, with so many lines before the first."""
    called = {name for fragment in fragments for name in fragment.uses}
    for name in _users(fragments):
        size = len(stan_function(name).splitlines())
        yield Function(name, before + 1, before + size, name in called)
        # An empty line stands between two.
        before += size + 1


def _functions(fragments: Sequence[Fragment]) -> Iterator[_Line]:
    users = _users(fragments)
    if not users:
        return
    yield _Line("functions {")
    for number, (name, origin) in enumerate(users.items()):
        if number:
            yield _Line("")
        for line in stan_function(name).splitlines():
            yield _Line(f"  {line}" if line else "", origin=origin)
    yield _Line("}")


def _block(block: Block, fragments: Sequence[Fragment]) -> Iterator[_Line]:
    parts = [part for part in (_part(block, f) for f in fragments) if part]
    if not parts:
        return
    yield _Line(f"{block.value} {{")
    for i, part in enumerate(parts):
        if i:
            yield _Line("", origin=part[0].origin)
        yield from part
    yield _Line("}")


def _part(block: Block, fragment: Fragment) -> list[_Line]:
    """Return one fragment's lines in a block: origin, declarations, statements."""
    lines = [_declaration(d) for d in fragment.declares if d.block is block]
    for statement in fragment.statements:
        if statement.block is block:
            lines += _statement(statement)
    if not lines:
        return []
    lines = [_Line("  ", note=fragment.origin), *_aligned(lines)]
    return [
        _Line(text, line.note, fragment.origin) for line in lines for text in _broken(line.text)
    ]


def _broken(text: str) -> Iterator[str]:
    """Yield the lines of a statement: what is too long goes on below where it is least nested."""
    more = 4
    while len(text) > _LONGEST_LINE and (found := list(_breaks(text, more))):
        least = min(cost for _, cost, _ in found)
        at, _, column = [place for place in found if place[1] == least][-1]
        yield text[:at].rstrip()
        text, more = " " * column + text[at:].lstrip(), 0
    yield text


def _breaks(text: str, more: int) -> Iterator[tuple[int, float, int]]:
    """Yield where a line may go on below, how little that is liked, and in which column.

    Least of all within two brackets, and before a product rather than a sum. `more` is how far
    what stands in no bracket is moved in.
    """
    indent = len(text) - len(text.lstrip()) + more
    opened: list[int] = []
    for at, c in enumerate(text[:_LONGEST_LINE]):
        if c in "([{":
            opened.append(at)
        elif c in ")]}" and opened:
            opened.pop()
        column = opened[-1] + 1 if opened else indent
        if c != " " or at <= column:
            continue
        after = text[at + 1 : at + 3]
        if text[at - 1] == "," or after in ("+ ", "- "):
            yield at, len(opened), column
        elif after in ("* ", ".*", "./", "/ "):
            yield at, len(opened) + 0.9, column
        elif text[at - 2 : at] == " =" and not opened:
            yield at, 1.5, column


def _aligned(lines: Sequence[_Line]) -> Iterator[_Line]:
    """Yield the lines with their comments in one column.

    Which comments go above their line depends on the line alone: `Program.bare` must not
    change with the user's words.
    """
    short = [len(line.text) for line in lines if line.note and len(line.text) <= _LONGEST_TEXT]
    column = max(short, default=0)
    for line in lines:
        if line.note and len(line.text) > _LONGEST_TEXT:
            yield _Line("  ", note=line.note)
            yield _Line(line.text)
        else:
            yield _Line(line.text.ljust(column) if line.note else line.text, line.note)


def _declaration(d: Declare) -> _Line:
    bounds = f"<{d.bounds}>" if d.bounds else ""
    sizes = f"[{', '.join(d.dims)}]" if d.dims else ""
    kind = _array(d, bounds) if d.type.startswith("array[") else f"{d.type}{bounds}{sizes}"
    value = f" = {d.expr}" if d.expr else ""
    return _Line(f"  {kind} {d.name}{value};", note=d.note)


def _array(d: Declare, bounds: str) -> str:
    """Return the type of an array; sizes behind its own are those of its elements."""
    array, _, element = d.type.partition(" ")
    own = array.count(",") + 1
    inner = f"[{', '.join(d.dims[own:])}]" if d.dims[own:] else ""
    return f"array[{', '.join(d.dims[:own])}] {element}{bounds}{inner}"


def _statement(statement: Statement) -> list[_Line]:
    first, *rest = statement.text.split("\n")
    return [_Line(f"  {first}", note=statement.note), *(_Line(f"  {line}") for line in rest)]


def _data(fragments: Sequence[Fragment]) -> Mapping[str, Any]:
    declares = [d for f in fragments for d in f.declares]
    names = [d.name for d in declares]
    twice = {n for n in names if names.count(n) > 1}
    if twice:
        raise ValueError(f"declared twice: {sorted(twice)}")
    data = {d.name: d.value for d in declares if d.block is Block.DATA}
    for d in declares:
        if d.block is Block.DATA:
            _check_datum(d, data)
    return data


def _check_datum(d: Declare, data: Mapping[str, Any]) -> None:
    # Stan's embedded engine checks only how many numbers there are, not their shape.
    want = tuple(size_of(size, data) for size in d.dims)
    got = np.shape(d.value)
    if want != got:
        raise ValueError(f"datum {d.name} is declared {want} but has shape {got}")
    whole = np.issubdtype(np.asarray(d.value).dtype, np.integer)
    if d.type.endswith("int") and not whole:
        raise ValueError(f"datum {d.name} must hold integers")


def size_of(text: str, data: Mapping[str, Any]) -> int:
    """Return a size that a declaration has: a number, a datum, a product of them or one more."""
    if text.endswith(" + 1"):
        return size_of(text.removesuffix(" + 1"), data) + 1
    factors = [int(f) if f.isdigit() else int(data[f]) for f in text.split(" * ")]
    return math.prod(factors)


def _start(fragments: Sequence[Fragment], places: Mapping[str, Place]) -> Mapping[str, Place]:
    """Return the places in the order of the parameters; nothing unless all are known."""
    names = [d.name for f in fragments for d in f.declares if d.block is Block.PARAMETERS]
    return {name: places[name] for name in names} if set(names) <= set(places) else {}


def _outputs(fragments: Sequence[Fragment]) -> tuple[Output, ...]:
    """Return the outputs in the order of a summary: common, sds, correlations, rest, effects."""
    shown = (e for e in EFFECTS if e not in ("ran_vals", "ran_coefs"))
    order = (*shown, *UNSEEN, "ran_vals")

    def place(output: Output) -> tuple[int, int]:
        # Terms come in the order of the formula, whatever order their statements need.
        term = int(output.stan.rpartition("_")[2]) if output.group else 0
        return order.index(output.effect), term

    return tuple(sorted((o for f in fragments for o in f.outputs), key=place))
