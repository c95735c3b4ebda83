"""What cannot be used as it stands: one-level factors, unknown levels, infinite values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.magnitudes import refuse_unsquarable
from hierglm.errors import DataError
from hierglm.formula.terms import Term

Floats = NDArray[np.float64]


def refuse_unknown_levels(label: str, values: Any, known: Sequence[Any]) -> None:
    """Refuse a value that was no level of a factor: formulaic reads it as the baseline.

    Raises
    ------
    DataError
    """
    import pandas as pd

    levels = set(known)
    unknown = [v for v in pd.unique(pd.Series(values)) if v not in levels]
    if unknown:
        value = unknown[0].item() if isinstance(unknown[0], np.generic) else unknown[0]
        shown = ", ".join(repr(k) for k in list(known)[:8])
        raise DataError(f"{label} has no level {value!r}; its levels are {shown}")


def refuse_single_levels(levels: Mapping[str, tuple[Any, ...]]) -> None:
    """Refuse a category that is the same in every row.

    Raises
    ------
    DataError
    """
    for name, found in levels.items():
        if len(found) < 2:
            raise DataError(
                f"factor {name!r} has one level, {found[0]!r}, in the rows used: it cannot "
                "explain anything; leave it out"
            )


def refuse_empty(spec: Any, terms: Sequence[Term]) -> None:
    """Refuse a term that makes no column, such as a factor with one level.

    Raises
    ------
    DataError
    """
    for structure, term in zip(spec.structure, terms, strict=True):
        if len(term.factors) == 1 and not structure.columns:
            raise DataError(
                f"{term.label!r} has one level or no columns in the rows used: it cannot explain "
                "anything; leave it out"
            )


def refuse_extreme(
    matrix: Floats, labels: Sequence[str], rows: NDArray[Any], *, new: bool = False
) -> None:
    """Refuse what a transform made that is no number, or that has no square; name the row.

    Columns of `new` rows may be as small as they like.

    Raises
    ------
    DataError
    """
    if np.isfinite(matrix).all():
        refuse_unsquarable(matrix, labels, rows, small=not new)
        return
    row, k = (int(i) for i in np.argwhere(~np.isfinite(matrix))[0])
    raise DataError(
        f"{labels[k]} is {matrix[row, k]} in row {int(rows[row]) + 1}; every value must be finite"
    )


def refuse_merged(label: str, whole: Any, numbers: Floats) -> None:
    """Refuse whole numbers of 64 bits of which several become one number as floats.

    Raises
    ------
    DataError
    """
    if np.asarray(whole).dtype.kind == "i" and len(np.unique(numbers)) < len(np.unique(whole)):
        raise DataError(
            f"{label} holds whole numbers beyond 2**53, such as {int(whole.max())}, which are not "
            "exact in arithmetic: subtract a number first, or group by them"
        )


def refuse_twice(labels: Sequence[str]) -> None:
    """Refuse two columns of one name: their coefficients could not be told apart.

    Raises
    ------
    DataError
    """
    twice = [label for label, count in Counter(labels).items() if count > 1]
    if twice:
        raise DataError(
            f"two columns of the model are called {twice[0]!r}: rename the column of the data"
        )
