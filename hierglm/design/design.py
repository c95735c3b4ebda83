"""The values that encoding a table makes: matrices, group indices, kept rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.given import Given
from hierglm.design.reduced import Counted, Reduced
from hierglm.design.relation import PLAIN, Relation
from hierglm.formula.terms import UNSTRUCTURED, Formula, Structure

if TYPE_CHECKING:
    from hierglm.design.columns import Encoding
    from hierglm.design.table import Table

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Columns:
    """A labelled block of the design matrix, and how to make it again from new rows.

    Attributes
    ----------
    matrix : ndarray, shape (rows, columns)
        Read-only float64, C order.
    labels : tuple of str
        One a column, as the user wrote the terms; ``"Intercept"`` for a column of ones.
    encoding : Encoding
        Remembered levels, contrasts, knots and centres.
    """

    matrix: Floats
    labels: tuple[str, ...]
    encoding: Encoding


@dataclass(frozen=True, slots=True)
class Grouping:
    """One group term, encoded.

    Attributes
    ----------
    group : str
        Name of the grouping factor, ``"school"`` or ``"a:b"``.
    levels : ndarray, shape (levels,)
        The levels in order, in their own dtype (``"A:1"`` for an interaction). Read-only.
    index : ndarray of int, shape (rows,)
        Position of each row's level in `levels`; -1 for a level not seen when fitting.
    effects : Columns
        What varies, one column an effect, ``"Intercept"`` included where it varies.
    source : str
        ``"(x | school)"``, as the user wrote it.
    structure : Structure
        Covariance of the effects of one level.
    shared : str
        The id of ``(x |id| g)``, or "".
    times : tuple of int
        When the effects are, in steps of their common distance, where they have an order.
    relation : Relation
        How the levels are related, and rows that belong to several of them.
    """

    group: str
    levels: NDArray[Any]
    index: Ints
    effects: Columns
    source: str
    structure: Structure = UNSTRUCTURED
    shared: str = ""
    times: tuple[int, ...] = ()
    relation: Relation = PLAIN

    @property
    def correlated(self) -> bool:
        """Whether the effects of a level have free correlations."""
        return self.structure.kind == "unstructured"

    @property
    def terms(self) -> tuple[str, ...]:
        """Labels of the varying effects."""
        return self.effects.labels


@dataclass(frozen=True, slots=True)
class Response:
    """The left-hand side, encoded.

    Attributes
    ----------
    label : str
        As the user wrote it: ``"log(y)"``, or the successes' label where there are trials.
    values : ndarray, shape (rows,)
        Float64. A two-level response is 0 for the first level and 1 for the second.
    rows : ndarray of int, shape (rows,)
        Position in the caller's table of each value, so that messages can name the row.
    trials : ndarray or None
        Number of trials of each row (``successes + failures`` for ``cbind``).
    weights : ndarray or None
        Weight of each row's log likelihood.
    se : ndarray or None
        Known standard error of each row.
    se_and_sigma : bool
        Whether a residual sd is estimated besides `se`.
    levels : tuple of str or None
        The two (or more) levels where the response was categorical or boolean.
    """

    label: str
    values: Floats
    rows: Ints
    trials: Floats | None = None
    weights: Floats | None = None
    se: Floats | None = None
    se_and_sigma: bool = False
    levels: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Design:
    """A formula met a table: everything that a model needs to know of the data.

    Attributes
    ----------
    formula : Formula
        What was encoded.
    response : Response
        The left-hand side.
    intercept : bool
        Whether there is a common intercept (it has no column in `common`).
    common : Columns
        Population-level columns without the intercept; may have none.
    offset : ndarray or None
        Sum of the offsets, shape (rows,).
    groups : tuple of Grouping
        One for each group term.
    kept : ndarray of int, shape (rows,)
        Position in the caller's table of each row used.
    total : int
        Rows of the caller's table.
    notes : tuple of str
        What was done without being asked: rows dropped, a factor read as 0 and 1.
    table : Table
        The columns used, kept rows only: enough to encode again, and to save.
    functions : mapping
        What the caller passed for use in the formula, by name.
    given : mapping of str to Given
        Matrices and graphs between levels that the formula wants beside the table, by name.
    level_weights : mapping
        Weights by grouping factor and level, which are among the response's weights.
    reduced : Reduced, Counted or None
        Where rows were read in batches. Sums over them: the rows that are here are then only
        some, in which every level occurs. Or how often each of the rows that are here occurs.
    """

    formula: Formula
    response: Response
    intercept: bool
    common: Columns
    offset: Floats | None
    groups: tuple[Grouping, ...]
    kept: Ints
    total: int
    notes: tuple[str, ...]
    table: Table
    functions: Mapping[str, Any]
    given: Mapping[str, Given] = field(default_factory=dict)
    level_weights: Mapping[str, Mapping[Any, float]] = field(default_factory=dict)
    reduced: Reduced | Counted | None = None

    @property
    def rows(self) -> int:
        """Number of rows used."""
        return len(self.kept) if self.reduced is None else self.reduced.rows
