"""Numbers that say something of all responses together: ours by name, and the user's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hierglm.errors import SettingsError, suggest

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
Own = Callable[[Floats], float]
Given = str | Own | Sequence[str | Own] | Mapping[str, Own] | None

STATISTICS: Mapping[str, Statistic] = {
    "mean": lambda y: y.mean(axis=-1),
    "sd": lambda y: y.std(axis=-1, ddof=1),
    "median": lambda y: np.median(y, axis=-1),
    "min": lambda y: y.min(axis=-1),
    "max": lambda y: y.max(axis=-1),
    "zeros": lambda y: np.mean(y == 0, axis=-1),
}
"""By name: of responses along the last dimension."""


def statistics_of(given: Given) -> dict[str, Statistic]:
    """Return what is asked for, by name: functions of responses along the last dimension.

    Parameters
    ----------
    given : str, callable, sequence or mapping of these, or None
        Names of `STATISTICS`; functions of the responses of one data set, shape (rows,), that
        return a number, called as they are or by the keys of a mapping.

    Raises
    ------
    SettingsError
        A name that there is not; what is no function; two of one name.

    Examples
    --------
    >>> spread = statistics_of({"range": np.ptp})["range"]
    >>> spread(np.array([[1.0, 4.0], [2.0, 2.0]])).tolist()
    [3.0, 0.0]
    """
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return {str(name): _checked(str(name), function) for name, function in given.items()}
    out: dict[str, Statistic] = {}
    for one in (given,) if isinstance(given, str) or callable(given) else given:
        if isinstance(one, str) and one not in STATISTICS:
            raise SettingsError(f"no statistic {one!r}{suggest(one, STATISTICS)}")
        name = one if isinstance(one, str) else getattr(one, "__name__", type(one).__name__)
        if name in out:
            raise SettingsError(
                f"two statistics are called {name!r}; give them names: statistic={{'a': ...}}"
            )
        out[name] = STATISTICS[one] if isinstance(one, str) else _checked(name, one)
    return out


def _checked(name: str, function: Own) -> Statistic:
    """Return a user's function of one data set as one of many."""
    if not callable(function):
        raise SettingsError(
            f"a statistic is one of {', '.join(map(repr, STATISTICS))} or a function of the "
            f"responses; {name!r} is {function!r}"
        )

    def each(y: Floats) -> Floats:
        rows = y.reshape(-1, y.shape[-1])
        found = [_number(name, function, row) for row in rows]
        return np.array(found).reshape(y.shape[:-1])

    return each


def _number(name: str, function: Own, row: Floats) -> float:
    # A copy, so that what a function does to its argument stays with it.
    try:
        found = np.asarray(function(row.copy()), dtype=np.float64)
    except Exception as error:
        raise SettingsError(
            f"the statistic {name!r} failed on {len(row):,} responses: {error}"
        ) from error
    if found.size != 1 or not np.isfinite(found).all():
        raise SettingsError(
            f"the statistic {name!r} must return one finite number for the responses of a data "
            f"set; of {len(row):,} responses it returned {found.tolist()!r}"
        )
    return float(found.reshape(()))
