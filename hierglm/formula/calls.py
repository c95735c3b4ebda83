"""Expressions such as ``log(x)``: checked against what is allowed before anything runs."""

from __future__ import annotations

import ast
import re
import warnings

from hierglm.errors import FormulaError
from hierglm.formula.arithmetic import FloatArithmetic
from hierglm.formula.check import Checker
from hierglm.formula.limits import MAX_EXPRESSION
from hierglm.formula.rewrite import Rewritten, rewrite
from hierglm.formula.terms import Factor

_NAME = re.compile(r"(?:[^\W\d]|\.(?=[^\W\d]))[\w.]*|`[^`]+`")
_NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def read_expression(
    text: str, start: int, end: int, functions: frozenset[str] = frozenset()
) -> Factor:
    """Read one atom: a name, a number, or an expression that passes the check.

    Parameters
    ----------
    text : str
        The whole formula.
    start, end : int
        The part to read, half open.
    functions : frozenset of str
        Names of functions that the caller passed.

    Returns
    -------
    Factor
        With ``expr`` in plain Python and ``label`` as written.

    Raises
    ------
    FormulaError
        Anything that is not on the list of what a formula may hold; nothing is evaluated.

    Examples
    --------
    >>> factor = read_expression("I(x^2)", 0, 6)
    >>> factor.expr, factor.label, factor.names
    ('I(x ** 2)', 'I(x^2)', ('x',))
    """
    written = text[start:end]
    if not written.strip():
        raise FormulaError("nothing is written here", text, start, max(end, start + 1))
    if _NAME.fullmatch(written):
        name = written.strip("`")
        return Factor(name, name, "name", (name,), start, end)
    if _NUMBER.fullmatch(written):
        # Python does not read 007.
        plain = re.sub(r"^0+(?=[0-9])", "", written)
        return Factor(plain, written, "number", (), start, end)
    inner = (start + 1, end - 1) if written.startswith("{") else (start, end)
    return _read_call(text, *inner, functions, label=(start, end))


def _read_call(
    text: str, start: int, end: int, functions: frozenset[str], label: tuple[int, int]
) -> Factor:
    if end - start > MAX_EXPRESSION:
        raise FormulaError(
            f"one expression may have {MAX_EXPRESSION:,} characters at most", text, start, end
        )
    source = rewrite(text, start, end, functions)
    code = source.code.strip()
    try:
        with warnings.catch_warnings():
            # Of what Python would warn, such as '1if x', nothing passes the check.
            warnings.simplefilter("ignore")
            tree = ast.parse(code, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _not_python(error, text, source) from None
    checker = Checker(text, source, functions)
    checker.check_depth(tree)
    checked = checker.visit(tree.body)
    if not checker.read:
        raise FormulaError("this reads no column of the table", text, *label)
    body = FloatArithmetic().visit(checked)
    return Factor(
        expr=ast.unparse(body).replace("\n", " "),
        label=text[label[0] : label[1]],
        kind="call",
        names=tuple(dict.fromkeys(checker.read)),
        start=label[0],
        end=label[1],
    )


def _not_python(error: Exception, text: str, source: Rewritten) -> FormulaError:
    start, end = source.places[0], source.places[-1]
    if isinstance(error, SyntaxError) and error.offset and "nested" not in str(error.msg):
        skipped = len(source.code) - len(source.code.lstrip())
        at = source.places[min(skipped + error.offset - 1, len(source.places) - 1)]
        at = min(max(at, start), max(end - 1, start))
        return FormulaError("this expression cannot be read from here on", text, at, at + 1)
    if isinstance(error, RecursionError | MemoryError | SyntaxError):
        return FormulaError("this expression nests too deeply", text, start, end)
    return FormulaError("this expression cannot be read", text, start, end)
