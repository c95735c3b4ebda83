"""The arguments of calls in an expression: how many, which, of what kind and how large."""

from __future__ import annotations

import ast
from collections.abc import Callable, Container, Iterator, Sequence

from hierglm.errors import FormulaError, suggest
from hierglm.formula.functions import BASES
from hierglm.formula.limits import MAX_BASIS, MAX_DIGITS

Refuse = Callable[[str, ast.AST], FormulaError]
"""Returns the error for a node of the tree."""

_COMPUTED = (ast.Name, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Call, ast.Attribute)

_WANTED = {
    (1, 1): "one argument",
    (1, 2): "one or two arguments",
    (2, 2): "two arguments",
    (3, 3): "three arguments",
}


def check_numbers(name: str, takes: tuple[int, int], node: ast.Call, refuse: Refuse) -> None:
    """Refuse a call of a function of numbers with arguments that it does not take.

    Parameters
    ----------
    name : str
        Of the function, for messages.
    takes : tuple of int
        How many arguments, at least and at most.
    node : ast.Call
        The call.
    refuse : callable
        Makes the error.

    Raises
    ------
    FormulaError
        Any keyword, too few or too many arguments, or digits of ``round`` that are no small
        whole number: NumPy counts up to them.
    """
    refuse_keywords(node, refuse)
    least, most = takes
    if not least <= len(node.args) <= most:
        raise refuse(f"{name}(...) takes {_WANTED[takes]}, not {len(node.args)}", node)
    if name.endswith("round") and len(node.args) == 2:
        digits = _number(node.args[1])
        if not isinstance(digits, int) or abs(digits) > MAX_DIGITS:
            raise refuse(
                f"{name}(...) rounds to a whole number of digits, {MAX_DIGITS} at most",
                node.args[1],
            )


def check_options(
    name: str,
    takes: Sequence[str],
    node: ast.Call,
    columns: Container[str],
    refuse: Refuse,
    first: int = 1,
) -> None:
    """Refuse a call of an encoding with options that it does not have, or that are too large.

    Options are constants: with the values of a column for knots a basis would have as many
    columns as the table has rows.

    Parameters
    ----------
    name : str
        Of the encoding or the contrasts.
    takes : sequence of str
        Its options, in order.
    node : ast.Call
        The call.
    columns : container of str
        Identifiers that stand for columns.
    refuse : callable
        Makes the error.
    first : int
        How many arguments stand before the options.

    Raises
    ------
    FormulaError
        With the caret at the option.
    """
    if first and not takes and len(node.args) != first:
        raise refuse(f"{name}(...) takes one argument, not {len(node.args)}", node)
    if len(node.args) < first:
        raise refuse(f"the first argument of {name}(...) is missing", node)
    if len(node.args) > first + len(takes):
        raise refuse(f"{name}(...) takes {first + len(takes)} arguments at most", node)
    for option, value in _options(takes, node, first):
        if option not in takes:
            known = suggest(option, takes) if takes else ": it has no options"
            raise refuse(f"{name}(...) has no option {option!r}{known}", value)
        if option in BASES.get(name, {}):
            _check_size(option, BASES[name][option], value, refuse)
        if option == "knots" and sum(1 for _ in ast.walk(value)) > 2 * MAX_BASIS:
            raise refuse(f"a basis may have {MAX_BASIS} columns at most", value)
        read = next((n for n in ast.walk(value) if _is_column(n, columns)), None)
        if read is not None:
            raise refuse(f"{option!r} of {name}(...) is a constant, not a column", read)


def refuse_keywords(node: ast.Call, refuse: Refuse) -> None:
    """Raise `FormulaError` where arguments are given by name to what takes none."""
    if node.keywords:
        given = node.keywords[0].arg
        raise refuse(f"argument '{given}' is not known here", node)


def _options(takes: Sequence[str], node: ast.Call, first: int) -> Iterator[tuple[str, ast.expr]]:
    yield from zip(takes, node.args[first:], strict=False)
    for keyword in node.keywords:
        if keyword.arg is not None:
            yield keyword.arg, keyword.value


def _check_size(option: str, most: int, size: ast.expr, refuse: Refuse) -> None:
    if isinstance(size, _COMPUTED):
        raise refuse("give the size of a basis as a number", size)
    value = size.value if isinstance(size, ast.Constant) else None
    if isinstance(value, int | float) and not value <= most:
        if most == MAX_BASIS:
            raise refuse(f"a basis may have {most} columns at most", size)
        raise refuse(f"{option} may be {most} at most", size)


def _number(node: ast.expr) -> object:
    """Return the constant that an expression is, with its sign; None for any other."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        node = node.operand
    return node.value if isinstance(node, ast.Constant) else None


def _is_column(node: ast.AST, columns: Container[str]) -> bool:
    return isinstance(node, ast.Name) and (node.id == "Q" or node.id in columns)
