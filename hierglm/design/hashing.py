"""One short text that tells data apart: the same for the same values, whatever held them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from hierglm.design.given import Given, GivenMatrix
from hierglm.design.table import Table


def hash_data(tables: Mapping[str, Table], given: Mapping[str, Given] | None = None) -> str:
    """Return a hash of the values of tables, and of what is given beside them.

    It does not depend on the order of columns, on the library that holds them, or on whether
    whole numbers are stored as integers or floats.

    Parameters
    ----------
    tables : mapping of str to Table
        By response.
    given : mapping of str to Given, optional
        Matrices and graphs between levels.

    Returns
    -------
    str
        32 hexadecimal digits of BLAKE2b.

    Examples
    --------
    >>> from hierglm.design.reading import as_table
    >>> one = as_table({"x": [1, 2], "g": ["a", "b"]})
    >>> other = as_table({"g": ["a", "b"], "x": [1.0, 2.0]})
    >>> hash_data({"y": one}) == hash_data({"y": other})
    True
    """
    found = hashlib.blake2b(digest_size=16)
    for response, table in tables.items():
        found.update(repr((response, table.rows, sorted(table.columns))).encode())
        for name in sorted(table.columns):
            column = table.column(name)
            found.update(repr((column.kind, column.levels)).encode())
            whole = column.kind in ("category", "datetime") or column.values.dtype.kind == "i"
            # Adding 0 makes -0.0 and 0.0 one number.
            values = column.values.astype("<i8") if whole else column.values.astype("<f8") + 0.0
            found.update(np.ascontiguousarray(values).tobytes())
    for name, value in sorted((given or {}).items()):
        matrix = isinstance(value, GivenMatrix)
        labels = value.labels if isinstance(value, GivenMatrix) else (value.first, value.second)
        numbers = value.values if isinstance(value, GivenMatrix) else value.weights
        found.update(repr((name, matrix, labels, numbers.shape)).encode())
        found.update(np.ascontiguousarray(numbers, dtype="<f8").tobytes())
    return found.hexdigest()
