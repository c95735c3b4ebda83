"""The value of a hypothesis: its draws, or what it is as a linear form of parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hierglm.draws.draws import Draws
from hierglm.hypotheses.expressions import Arithmetic, Hypothesis, work_off
from hierglm.hypotheses.parameters import Place, draws_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Linear:
    """A constant plus multiples of parameters, by flat name."""

    constant: float
    multiples: Mapping[str, float]


def drawn(draws: Draws, hypothesis: Hypothesis, places: Mapping[str, Place]) -> Floats:
    """Return the left side minus the right side in each draw, shape (S,).

    Not a number where the expression has no value, as the logarithm of a negative number.
    """
    size = draws.chains * draws.draws
    values: Arithmetic[Floats] = Arithmetic(
        number=lambda x: np.full(size, x),
        name=lambda name: draws_of(draws, places[name]),
        function=lambda name, x: np.asarray(_FUNCTIONS[name](x)),
        operator=lambda sign, left, right: np.asarray(_OPERATORS[sign](left, right)),
    )
    with np.errstate(all="ignore"):
        return work_off(hypothesis, values)


def linear(hypothesis: Hypothesis, places: Mapping[str, Place]) -> Linear | None:
    """Return the same as a linear form, or None where it is not written as one.

    Examples
    --------
    >>> from hierglm.hypotheses.expressions import parse
    >>> from hierglm.names import Parameter
    >>> x = Place(Parameter("fixed", term="x"), "b", (0,))
    >>> linear(parse("2 * x = x / 2 + 1"), {"x": x})
    Linear(constant=-1.0, multiples={'b[x]': 1.5})
    """
    values: Arithmetic[Linear | None] = Arithmetic(
        number=lambda x: Linear(x, {}),
        name=lambda name: Linear(0.0, {places[name].name: 1.0}),
        function=_function,
        operator=_operator,
    )
    found = work_off(hypothesis, values)
    if found is None:
        return None
    return Linear(found.constant, {name: k for name, k in found.multiples.items() if k != 0})


_FUNCTIONS: Mapping[str, Callable[[Floats], Floats]] = {
    "abs": np.abs, "exp": np.exp, "log": np.log, "sqrt": np.sqrt
}  # fmt: skip
_OPERATORS: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "^": np.power
}  # fmt: skip


def _function(name: str, x: Linear | None) -> Linear | None:
    if x is None or x.multiples:
        return None
    with np.errstate(all="ignore"):
        return _finite(_FUNCTIONS[name](np.array(x.constant)))


def _operator(sign: str, left: Linear | None, right: Linear | None) -> Linear | None:
    if left is None or right is None:
        return None
    if sign in "+-":
        return _sum(left, right, 1.0 if sign == "+" else -1.0)
    if sign == "*" and not left.multiples:
        return _times(right, left.constant)
    if sign == "*" and not right.multiples:
        return _times(left, right.constant)
    if sign == "/" and not right.multiples and right.constant:
        return _times(left, 1 / right.constant)
    if left.multiples or right.multiples:
        return None
    with np.errstate(all="ignore"):
        return _finite(_OPERATORS[sign](np.array(left.constant), np.array(right.constant)))


def _sum(left: Linear, right: Linear, sign: float) -> Linear:
    total = dict(left.multiples)
    for name, k in right.multiples.items():
        total[name] = total.get(name, 0.0) + sign * k
    return Linear(left.constant + sign * right.constant, total)


def _times(x: Linear, k: float) -> Linear:
    return Linear(x.constant * k, {name: k * multiple for name, multiple in x.multiples.items()})


def _finite(x: Floats) -> Linear | None:
    return Linear(float(x), {}) if np.isfinite(x) else None
