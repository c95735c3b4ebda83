"""The dot on the right-hand side: ``y ~ .`` spreads to the columns not used elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hierglm.errors import FormulaError
from hierglm.formula.pieces import Piece, bracketed_sum
from hierglm.formula.terms import Factor


@dataclass(frozen=True, slots=True)
class Dot:
    """What ``.`` stands for: the columns that the formula uses nowhere else.

    Attributes
    ----------
    columns : tuple of str
        These columns.
    known : bool
        Whether the columns of the table were given at all.
    """

    columns: tuple[str, ...]
    known: bool

    def spread(self, pieces: Sequence[Piece], text: str) -> list[Piece]:
        """Return the pieces with each ``.`` written out.

        Raises
        ------
        FormulaError
            When it is not known which columns there are, or there are none left.
        """
        out: list[Piece] = []
        for piece in pieces:
            if piece.operand is None and piece.symbol == ".":
                self._check(piece, text)
                out += bracketed_sum([[_column(name, piece)] for name in self.columns])
            else:
                out.append(piece)
        return out

    def _check(self, piece: Piece, text: str) -> None:
        if not self.known:
            message = "'.' stands for the other columns of the table, and there is no table here"
        elif not self.columns:
            message = "'.' stands for the other columns of the table, and there are none left"
        else:
            return
        raise FormulaError(message, text, piece.start, piece.end)


def _column(name: str, piece: Piece) -> Piece:
    factor = Factor(name, name, "name", (name,), piece.start, piece.end)
    return Piece(name, factor, piece.start, piece.end)
