"""Stan data as JSON text: what both engines read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hierglm.errors import EngineError


def to_json(values: Mapping[str, Any]) -> bytes:
    """Return Stan data or parameter values as JSON, every float bit for bit.

    Parameters
    ----------
    values : mapping of str to ndarray, int, float or nested lists of them
        By Stan name.

    Returns
    -------
    bytes

    Raises
    ------
    EngineError
        For a value that is not a number, or not finite: JSON has no word for those.

    Examples
    --------
    >>> to_json({"N": 2, "y": np.array([0.1, 2.0])})
    b'{"N":2,"y":[0.1,2.0]}'
    """
    import orjson

    checked = {name: _checked(name, value) for name, value in values.items()}
    return orjson.dumps(checked, option=orjson.OPT_SERIALIZE_NUMPY)


def _checked(name: str, value: Any) -> Any:
    try:
        array = np.asarray(value)
    except ValueError as error:  # rows of different lengths
        raise EngineError(f"Stan data {name!r} is not a rectangular array: {error}") from error
    if array.dtype.kind == "b":
        array = array.astype(np.int64)  # Stan has no truth values
    if array.dtype.kind not in "iuf":
        raise EngineError(f"Stan data {name!r} must be numbers, not {array.dtype}")
    if array.dtype.kind == "f":
        array = array.astype(np.float64, copy=False)
        bad = np.argwhere(~np.isfinite(array))
        if len(bad):
            place = tuple(int(i) for i in bad[0])
            found = array[place] if array.ndim else array[()]
            where = f" at {list(place)}" if array.ndim else ""
            raise EngineError(
                f"Stan data {name!r} must be finite; found {found}{where}"
                + (f" and {len(bad) - 1} more" if len(bad) > 1 else "")
            )
    if array.ndim == 0:
        return array.item()
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
