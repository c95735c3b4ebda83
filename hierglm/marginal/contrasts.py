"""Contrasts of values: differences and ratios of their pairs, with names that say which."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hierglm.errors import SettingsError, suggest

Floats = NDArray[np.float64]
Pairs = Literal["pairwise", "reference", "sequential"]
Kind = Literal["difference", "ratio", "odds_ratio"]


@dataclass(frozen=True, slots=True)
class Contrast:
    """What is compared with what, and how.

    Attributes
    ----------
    pairs : tuple of (int, int)
        Positions of the two values of each contrast.
    labels : tuple of str
    kind : {"difference", "ratio", "odds_ratio"}
    """

    pairs: tuple[tuple[int, int], ...]
    labels: tuple[str, ...]
    kind: Kind = "difference"

    def of(self, draws: Floats) -> Floats:
        """Return the contrasts of draws.

        Parameters
        ----------
        draws : ndarray, shape (S, cells, values, categories)

        Returns
        -------
        ndarray, shape (S, cells, contrasts, categories)

        Raises
        ------
        SettingsError
            Odds of numbers that are no probabilities.
        """
        first = draws[:, :, [a for a, _ in self.pairs]]
        second = draws[:, :, [b for _, b in self.pairs]]
        return _KINDS[self.kind](first, second)


def contrast(
    values: Sequence[Any], pairs: Pairs, kind: Kind = "difference", *, later_first: bool = False
) -> Contrast:
    """Return the contrasts of some values.

    Parameters
    ----------
    values : sequence
        At least two.
    pairs : {"pairwise", "reference", "sequential"}
        All pairs, each value with the first, or each with the one before.
    kind : {"difference", "ratio", "odds_ratio"}
    later_first : bool
        Whether pairs are "b - a"; emmeans' are "a - b". Those with the first value, or the one
        before, are always "b - a".

    Raises
    ------
    SettingsError
        A choice that there is not.

    Examples
    --------
    >>> contrast(["a", "b", "c"], "pairwise").labels
    ('a - b', 'a - c', 'b - c')
    >>> contrast(["a", "b"], "reference", "ratio").labels
    ('b / a',)
    """
    if pairs not in get_args(Pairs):
        raise SettingsError(f"no contrasts {pairs!r}{suggest(str(pairs), get_args(Pairs))}")
    check_kind(kind)
    size = len(values)
    if pairs == "pairwise":
        chosen = [(i, j) for i in range(size) for j in range(i + 1, size)]
        chosen = [(j, i) for i, j in chosen] if later_first else chosen
    elif pairs == "reference":
        chosen = [(i, 0) for i in range(1, size)]
    else:
        chosen = [(i, i - 1) for i in range(1, size)]
    sign = "-" if kind == "difference" else "/"
    names = [label(v) for v in values]
    return Contrast(tuple(chosen), tuple(f"{names[a]} {sign} {names[b]}" for a, b in chosen), kind)


def check_kind(kind: str) -> None:
    """Refuse a kind of comparison that there is not.

    Raises
    ------
    SettingsError
    """
    if kind not in get_args(Kind):
        raise SettingsError(f"no kind {kind!r}{suggest(str(kind), get_args(Kind))}")


def label(value: Any) -> str:
    """Return a value as it stands in the name of a contrast."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _difference(first: Floats, second: Floats) -> Floats:
    return first - second


def _ratio(first: Floats, second: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return first / second


def _odds_ratio(first: Floats, second: Floats) -> Floats:
    for values in (first, second):
        if np.any((values < 0) | (values > 1)):
            raise SettingsError(
                "kind='odds_ratio' compares probabilities, and some of these values are none; "
                "kind='ratio' and 'difference' compare any"
            )
    return _ratio(first * (1 - second), second * (1 - first))


_KINDS: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "difference": _difference, "ratio": _ratio, "odds_ratio": _odds_ratio
}  # fmt: skip
