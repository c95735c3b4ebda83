"""A hypothesis as steps of a calculation: read by a grammar of its own, never evaluated as code.

::

    hypothesis = sum (">" | "<" | ">=" | "<=" | "=") sum
    sum        = product (("+" | "-") product)*
    product    = signed (("*" | "/") signed)*
    signed     = ("+" | "-") signed | power
    power      = atom ("^" signed)?
    atom       = number | name | function "(" sum ")" | "(" sum ")"

Powers bind from the right and before a sign, as in R: ``-2^2`` is -4. The steps are in postfix
order, so that they are worked off with a stack, whatever the numbers are: draws, linear forms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, NoReturn, TypeVar

from hierglm.errors import HypothesisError
from hierglm.hypotheses.tokens import Token, scan

Relation = Literal[">", "<", "="]
MAX_DEPTH = 50

_RELATIONS: Mapping[str, Relation] = {">": ">", ">=": ">", "<": "<", "<=": "<", "=": "=", "==": "="}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Step:
    """One step: a number or a name is put on the stack, what else there is takes from it.

    Attributes
    ----------
    kind : {"number", "name", "function", "operator"}
        The operator "negative" takes one value, the others two.
    text : str
        As written.
    start, end : int
        Where it stands in the text.
    """

    kind: Literal["number", "name", "function", "operator"]
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A comparison of two expressions.

    Attributes
    ----------
    source : str
        As written.
    relation : {">", "<", "="}
        Of continuous parameters ``>=`` is the same as ``>``.
    steps : tuple of Step
        Of the left side minus the right side.
    """

    source: str
    relation: Relation
    steps: tuple[Step, ...]

    @property
    def names(self) -> dict[str, Step]:
        """The names that occur, each with the place where it does first."""
        return {s.text: s for s in reversed(self.steps) if s.kind == "name"}


@dataclass(frozen=True, slots=True)
class Arithmetic(Generic[T]):
    """What the steps mean for some kind of value."""

    number: Callable[[float], T]
    name: Callable[[str], T]
    function: Callable[[str, T], T]
    operator: Callable[[str, T, T], T]


def parse(source: str) -> Hypothesis:
    """Return a hypothesis as steps.

    Raises
    ------
    HypothesisError
        A text that is not one; the message points into it.

    Examples
    --------
    >>> [step.text for step in parse("x - z = 0.5").steps]
    ['x', 'z', '-', '0.5', '-']
    """
    if not isinstance(source, str):
        raise HypothesisError(
            f"a hypothesis is a text such as 'x > 0'; found {type(source).__name__}", repr(source)
        )
    return _Parser(source).hypothesis()


def work_off(hypothesis: Hypothesis, values: Arithmetic[T]) -> T:
    """Return the value of the left side minus the right side."""
    stack: list[T] = []
    for step in hypothesis.steps:
        match step.kind:
            case "number":
                stack.append(values.number(float(step.text)))
            case "name":
                stack.append(values.name(step.text))
            case "function":
                stack.append(values.function(step.text, stack.pop()))
            case "operator":
                right = stack.pop()
                # A sign is a difference from 0.
                left = values.number(0.0) if step.text == "negative" else stack.pop()
                kind = "-" if step.text == "negative" else step.text
                stack.append(values.operator(kind, left, right))
    return stack.pop()


class _Parser:
    """A place among the tokens that moves to the right, and the steps so far."""

    def __init__(self, source: str) -> None:
        self.source, self.tokens = source, scan(source)
        self.place, self.depth = 0, 0
        self.steps: list[Step] = []

    def hypothesis(self) -> Hypothesis:
        self.sum()
        relation = self.take("relation")
        if relation is None:
            self.fail("one of > < = must stand between two expressions")
        self.sum()
        second = self.take("relation")
        if second is not None:
            self.place -= 1
            self.fail("one comparison makes a hypothesis; give two hypotheses, or abs(x) < 1")
        if self.place < len(self.tokens):
            self.fail("an operator or the end must stand here")
        self.add("operator", "-", relation)
        return Hypothesis(self.source, _RELATIONS[relation.text], tuple(self.steps))

    def sum(self) -> None:
        self.product()
        while (token := self.take("operator", "+-")) is not None:
            self.product()
            self.add("operator", token.text, token)

    def product(self) -> None:
        self.signed()
        while (token := self.take("operator", "*/")) is not None:
            self.signed()
            self.add("operator", token.text, token)

    def signed(self) -> None:
        sign = self.take("operator", "+-")
        if sign is None:
            self.power()
            return
        self.deeper(sign)
        self.signed()
        self.depth -= 1
        if sign.text == "-":
            self.add("operator", "negative", sign)

    def power(self) -> None:
        self.atom()
        token = self.take("operator", "^")
        if token is not None:
            self.deeper(token)
            self.signed()
            self.depth -= 1
            self.add("operator", "^", token)

    def atom(self) -> None:
        token = self.take("number") or self.take("name")
        if token is not None:
            self.add("number" if token.kind == "number" else "name", token.text, token)
            return
        function = self.take("function")
        opened = self.take("open")
        if opened is None:
            self.fail("a number, a name or a bracket must stand here")
        self.deeper(opened)
        self.sum()
        self.depth -= 1
        if self.take("close") is None:
            self.fail(f"the '(' at character {opened.start + 1} must be closed here")
        if function is not None:
            self.add("function", function.text, function)

    def take(self, kind: str, texts: str = "") -> Token | None:
        if self.place == len(self.tokens):
            return None
        token = self.tokens[self.place]
        if token.kind != kind or (texts and token.text not in texts):
            return None
        self.place += 1
        return token

    def add(
        self, kind: Literal["number", "name", "function", "operator"], text: str, at: Token
    ) -> None:
        self.steps.append(Step(kind, text, at.start, at.end))

    def deeper(self, token: Token) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise HypothesisError(
                f"brackets, signs and powers nest deeper than {MAX_DEPTH}",
                self.source, token.start, token.end,
            )  # fmt: skip

    def fail(self, message: str) -> NoReturn:
        if self.place < len(self.tokens):
            token = self.tokens[self.place]
            raise HypothesisError(message, self.source, token.start, token.end)
        end = len(self.source.rstrip())
        raise HypothesisError(message, self.source, end, end + 1)
