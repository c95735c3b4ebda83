"""How the names of distributions in a formula are to be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hierglm.reporting.notation import (
    Bar,
    Cases,
    Fenced,
    Fraction,
    Leaf,
    Node,
    Root,
    Row,
    Script,
    letter,
    row,
    script,
    sign,
    symbol,
    word,
)

_M, _S, _A, _B, _N = letter("m"), letter("s"), letter("a"), letter("b"), letter("n")
_S2 = script(_S, sup=Leaf("number", "2", "2"))
_DISTRIBUTIONS: Mapping[str, tuple[Node, str]] = {
    "Normal": (row(word("Normal"), Fenced((_M, _S2))), "normal with mean m and variance s²"),
    "t": (
        row(script(word("t"), symbol("nu")), Fenced((_M, _S2))),
        "Student's t with ν degrees of freedom, centre m and scale s",
    ),
    "LogNormal": (
        row(word("LogNormal"), Fenced((_M, _S2))), "its logarithm is Normal(m, s²)",
    ),
    "Cauchy": (row(word("Cauchy"), Fenced((_M, _S))), "Cauchy with median m and scale s"),
    "Gamma": (row(word("Gamma"), Fenced((_A, _B))), "gamma with shape a and rate b"),
    "InvGamma": (row(word("InvGamma"), Fenced((_A, _B))), "inverse gamma with shape a, scale b"),
    "Beta": (row(word("Beta"), Fenced((_A, _B))), "beta with mean a / (a + b)"),
    "Exponential": (row(word("Exponential"), Fenced((_A,))), "exponential with rate a"),
    "NegBinomial": (
        row(word("NegBinomial"), Fenced((_M, _A))),
        "negative binomial with mean m and variance m + m² / a",
    ),
    "Binomial": (
        row(word("Binomial"), Fenced((_N, _A))), "successes in n trials, each with probability a",
    ),
    "BetaBinomial": (
        row(word("BetaBinomial"), Fenced((_N, _A, _B))),
        "successes in n trials whose probability is drawn from Beta(a, b)",
    ),
    "LKJ": (
        row(word("LKJ"), Fenced((symbol("eta"),))),
        "correlation matrices R with density proportional to |R| to the power η - 1",
    ),
    "Dirichlet": (
        row(word("Dirichlet"), Fenced((_A,))), "symmetric Dirichlet with concentration a",
    ),
    "+": (
        script(letter("D"), sup=sign("+")), "the distribution D of what is above 0",
    ),
}  # fmt: skip
"""Names of distributions that a formula may have, and how to read them."""


def _words(node: Node) -> Iterator[str]:
    """Yield the names of distributions in a formula, and "+" where one is cut off at 0."""
    match node:
        case Leaf(kind="word"):
            yield node.text
        case Row(parts) | Fenced(parts, _):
            for part in parts:
                yield from _words(part)
        case Script(base, _, sup):
            yield from _words(base)
            if sup == sign("+"):
                yield "+"
        case Fraction(one, other):
            yield from _words(one)
            yield from _words(other)
        case Root(inside) | Bar(inside):
            yield from _words(inside)
        case Cases(rows):
            for one, other in rows:
                yield from _words(one)
                yield from _words(other)
        case _:
            return


def distributions(shown: Sequence[Node]) -> Iterator[tuple[Node, str]]:
    """Yield the names of distributions in some formulas, with what they mean."""
    used = {name for node in shown for name in _words(node)}
    for text, (node, meaning) in _DISTRIBUTIONS.items():
        if text in used:
            yield node, meaning
