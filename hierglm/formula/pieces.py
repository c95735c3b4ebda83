"""A right-hand side before the algebra: operators and operands in order, signs made plain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter

from hierglm.errors import FormulaError
from hierglm.formula.limits import MAX_ORDER
from hierglm.formula.terms import Factor


@dataclass(frozen=True, slots=True)
class Cut:
    """Stands in the algebra for something cut out of it: a group term or an offset.

    Attributes
    ----------
    what : str
        How messages call it: ``"a group term"`` or ``"an offset"``.
    start, end : int
        Where it stands in the formula; two of the same text are two cuts.
    """

    what: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Piece:
    """An operator, a bracket or an operand, and where it stands.

    Attributes
    ----------
    symbol : str
        As written.
    operand : Factor or Cut or None
        None for operators and brackets.
    start, end : int
        Half open.
    """

    symbol: str
    operand: Factor | Cut | None
    start: int
    end: int

    @property
    def is_sign(self) -> bool:
        """Whether it is ``+`` or ``-``."""
        return self.operand is None and self.symbol in ("+", "-")

    @property
    def is_number(self) -> bool:
        """Whether it is a number."""
        return isinstance(self.operand, Factor) and self.operand.kind == "number"


Product = tuple[Factor | Cut, ...]


def check_order(pieces: Sequence[Piece], text: str) -> None:
    """Refuse operators and operands that do not alternate; say what is missing where.

    Raises
    ------
    FormulaError
        With the caret at the first thing that does not fit.
    """
    before: Piece | None = None
    for piece in pieces:
        complete = before is not None and (before.operand is not None or before.symbol == ")")
        if piece.operand is not None or piece.symbol == "(":
            if complete and before is not None:
                raise _missing_operator(before, piece, text)
        elif piece.symbol == ")":
            if not complete:
                raise _nothing_follows(before, piece, text)
        elif not complete:
            _check_prefix(before, piece, text)
        if before is not None and before.operand is None and before.symbol in ("**", "^"):
            _check_power(piece, text)
        before = piece
    if before is not None and before.operand is None and before.symbol != ")":
        raise _nothing_follows(before, before, text)


def merge_signs(pieces: Sequence[Piece], text: str) -> list[Piece]:
    """Read ``+ -`` as one sign, and ``0`` as taking the intercept away.

    Raises
    ------
    FormulaError
        A 0 that is multiplied, or an intercept taken away inside brackets.
    """
    out: list[Piece] = []
    depth = 0
    for number, piece in enumerate(pieces):
        depth += (piece.symbol == "(") - (piece.symbol == ")") if piece.operand is None else 0
        if piece.is_sign and out and out[-1].is_sign:
            symbol = "+" if out[-1].symbol == piece.symbol else "-"
            out[-1] = replace(piece, symbol=symbol, start=out[-1].start)
            continue
        if piece.is_number and float(piece.symbol) == 0:
            _check_zero(pieces, number, text)
            sign = out.pop() if out and out[-1].is_sign else replace(piece, symbol="+")
            flipped = "-" if sign.symbol == "+" else "+"
            out.append(replace(sign, symbol=flipped, operand=None))
            piece = _one(piece)
        if depth and piece.is_number and piece.symbol == "1" and out and out[-1].symbol == "-":
            raise FormulaError(
                "write '- 1' or '0 +' outside the brackets to leave the intercept out",
                text,
                piece.start,
                piece.end,
            )
        out.append(piece)
    return out


def bracketed(pieces: Sequence[Piece]) -> list[Piece]:
    """Put brackets into sums: added one term at a time, long ones take quadratic time."""
    chunks: list[tuple[str, list[Piece]]] = [("+", [])]
    depth = 0
    for piece in pieces:
        depth += (piece.symbol == "(") - (piece.symbol == ")") if piece.operand is None else 0
        if piece.is_sign and not depth:
            chunks.append((piece.symbol, []))
        else:
            chunks[-1][1].append(piece)
    out: list[Piece] = []
    for sign, run in groupby((c for c in chunks if c[1]), key=itemgetter(0)):
        parts = [chunk for _, chunk in run]
        if sign == "+":
            out += [*([_mark("+")] if out else []), *bracketed_sum(parts)]
        else:
            out += [piece for part in parts for piece in (_mark("-"), *part)]
    return out


def bracketed_sum(parts: Sequence[Sequence[Piece]]) -> list[Piece]:
    """Return ``(a + b) + (c + d)`` and so on: the sum as halves of halves."""
    if len(parts) == 1:
        return list(parts[0])
    middle = len(parts) // 2
    left, right = bracketed_sum(parts[:middle]), bracketed_sum(parts[middle:])
    return [_mark("("), *left, _mark("+"), *right, _mark(")")]


def _mark(symbol: str) -> Piece:
    return Piece(symbol, None, 0, 0)


def _missing_operator(before: Piece, piece: Piece, text: str) -> FormulaError:
    message = f"an operator such as '+' is missing before {text[piece.start : piece.end]!r}"
    if piece.symbol == "(" and isinstance(before.operand, Factor) and before.operand.kind == "name":
        message += "; a function's name and its bracket stand together"
    return FormulaError(message, text, piece.start, piece.end)


def _nothing_follows(before: Piece | None, piece: Piece, text: str) -> FormulaError:
    if before is None or before.symbol == "(":
        start = piece.start if before is None else before.start
        return FormulaError("there is nothing between these brackets", text, start, piece.end)
    return FormulaError(f"nothing follows this {before.symbol!r}", text, before.start, before.end)


def _check_prefix(before: Piece | None, piece: Piece, text: str) -> None:
    """Refuse an operator that has nothing on its left, signs apart."""
    opens = before is None or before.symbol == "("
    if piece.is_sign and (opens or (before is not None and before.is_sign)):
        return
    if opens:
        message = f"nothing stands on the left of this {piece.symbol!r}"
    else:
        message = f"nothing stands between {before.symbol!r} and {piece.symbol!r}" if before else ""
    raise FormulaError(message, text, piece.start, piece.end)


def _check_power(piece: Piece, text: str) -> None:
    # Long ones are never converted: Python refuses to, and they are too large anyway.
    short = piece.is_number and piece.symbol.isdigit() and len(piece.symbol) < 9
    if not (short and 1 <= int(piece.symbol) <= MAX_ORDER):
        raise FormulaError(
            f"a power of terms is a whole number from 1 to {MAX_ORDER}; "
            "for the square of a column write I(x^2)",
            text,
            piece.start,
            piece.end,
        )


def _check_zero(pieces: Sequence[Piece], number: int, text: str) -> None:
    around = [pieces[i] for i in (number - 1, number + 1) if 0 <= i < len(pieces)]
    if not all(p.is_sign or (p.operand is None and p.symbol in "()") for p in around):
        piece = pieces[number]
        raise FormulaError(
            "0 can only be added, to leave the intercept out", text, piece.start, piece.end
        )


def _one(piece: Piece) -> Piece:
    one = Factor("1", "1", "number", (), piece.start, piece.end)
    return replace(piece, symbol="1", operand=one)
