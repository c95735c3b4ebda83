"""The times of ``ar1(0 + t | g)``: one effect a time, in order, and how far these are apart."""

from __future__ import annotations

from dataclasses import replace
from math import gcd

import numpy as np

from hierglm.design.groups import as_integers, code, uncoded
from hierglm.design.table import Table
from hierglm.errors import DataError
from hierglm.formula.rewrite import levels_identifier
from hierglm.formula.terms import GroupTerm, Term


def by_time(term: GroupTerm, table: Table) -> tuple[GroupTerm, tuple[int, ...]]:
    """Return a term with an effect for each time, and these times in steps.

    Numbers are times as they are, a gap counts, and the unit is the largest step that they are
    all multiples of. The levels of a category, and of ``factor(t)``, follow each other at equal
    distances in their order (as in glmmTMB). A term of another structure comes back as it is,
    without times.

    Parameters
    ----------
    term : GroupTerm
    table : Table
        Rows without missing values.

    Raises
    ------
    DataError
        Times that are no whole numbers, or a single one.
    """
    if term.structure.kind != "ar1":
        return term, ()
    (factor,) = term.effects[0].factors
    name = uncoded(factor).expr
    column = table.column(name)
    if column.kind == "datetime":
        raise DataError(
            f"column {name!r} holds dates; as times give whole numbers, such as days since a start"
        )
    levels = code(name, column).levels
    if len(levels) < 2:
        raise DataError(f"{term.source} needs two times or more; {name!r} has one")
    if column.kind == "category" or factor.kind == "call":
        return term, tuple(range(len(levels)))
    times = as_integers(levels.astype(np.float64))
    if times.dtype.kind == "f":
        first = levels[levels != np.floor(levels)][0]
        raise DataError(
            f"the times of {term.source} must be whole numbers of steps; {name!r} has {first:g}: "
            "count in a smaller unit, or make levels of them with factor()"
        )
    steps = times - times[0]
    unit = gcd(*steps.tolist())
    coded = replace(factor, expr=f"C({levels_identifier(name)})", kind="call", names=(name,))
    effects = (Term((coded,)),)
    return replace(term, effects=effects), tuple((steps // unit).tolist())
