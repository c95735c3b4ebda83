"""How the effects of the levels of a grouping factor are distributed, for every structure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hierglm.covariances import covariance_of
from hierglm.covariances.rr import rank
from hierglm.errors import first_of
from hierglm.reporting.likelihood import EXP, squared
from hierglm.reporting.notation import (
    Fenced,
    Fraction,
    Node,
    Root,
    bold,
    call,
    letter,
    listed,
    number,
    row,
    script,
    sign,
    symbol,
    word,
)
from hierglm.reporting.symbols import LEVEL, Effects, Line, distributed, equal_shares, equals

K, S, T, OTHER = letter("k"), letter("s"), letter("t"), letter("l")
_NOTHING, _ONE = bold("0"), number(1)


def group_lines(own: Effects) -> tuple[Line, ...]:
    """Return the distribution of the effects of one group term.

    Parameters
    ----------
    own : Effects
        Its symbols.
    """
    relation = own.grouping.relation
    if relation.dependent and relation.varying:
        return tuple(_varying_related(own))
    if relation.kind == "cov":
        return tuple(_known(own))
    if relation.dependent:
        return tuple(_field(own))
    return tuple(_independent(own))


def sigma_matrix(own: Effects, stratum: Node | None = None) -> Node:
    """Return the symbol of the covariance matrix of the effects of a level."""
    return own.of(bold("Sigma"), None, stratum)


def _independent(own: Effects) -> Iterator[Line]:
    grouping = own.grouping
    covariance, stratum = covariance_of(grouping), _stratum(own)
    count = len(grouping.terms)
    note = f"j = 1, …, {len(grouping.levels):,}"
    if count == 1:
        yield distributed(own.effect(0, LEVEL), _law(own, number(0), squared(own.sd(0, stratum))),
                          note)  # fmt: skip
        return
    spelled = own.spelled(LEVEL)
    if covariance.low_rank:
        factors = script(bold("f"), LEVEL)
        size = script(bold("I"), number(rank(grouping)))
        yield equals(spelled, row(own.of(bold("Lambda")), factors), note=note)
        yield distributed(factors, call(word("Normal"), _NOTHING, size))
        return
    yield distributed(spelled, _law(own, _NOTHING, sigma_matrix(own, stratum)), note)
    yield from _covariance(own)


def _covariance(own: Effects) -> Iterator[Line]:
    """Yield what the covariance matrix of the effects of a level is made of."""
    covariance = covariance_of(own.grouping)
    s = S if own.grouping.relation.strata else None
    note = f"s = 1, …, {len(own.grouping.relation.strata)}" if s is not None else ""
    matrix = sigma_matrix(own, s)
    if covariance.kind == "diagonal":
        yield equals(matrix, call(word("diag"), *_squares(own, s)), note=note)
    elif covariance.kind == "iso":
        size = script(bold("I"), number(len(own.numbers)))
        yield equals(matrix, row(squared(own.sd(0, s)), sign("*"), size), note=note)
    elif covariance.kind == "ar1":
        apart = Fenced((row(S, sign("-"), T),), ("|", "|"))
        power = script(symbol("rho"), own.letter, apart)
        entry = script(Fenced((matrix,)), listed((S, T)))
        yield equals(entry, row(squared(own.sd(0)), sign("*"), power), note="at times s and t")
    else:
        D, R = own.of(bold("D"), None, s), own.of(bold("R"), None, s)
        yield equals(matrix, row(D, R, D), note=note)
        yield equals(D, call(word("diag"), *_shown(own.sds(s))))
        if covariance.kind == "cs":
            entry = script(Fenced((R,)), listed((S, T)))
            yield equals(entry, own.of(symbol("rho")), note="for all s ≠ t")


def _shown(parts: tuple[Node, ...]) -> tuple[Node, ...]:
    return parts if len(parts) <= 4 else (parts[0], sign("..."), parts[-1])


def _squares(own: Effects, stratum: Node | None) -> tuple[Node, ...]:
    return _shown(tuple(squared(sd) for sd in own.sds(stratum)))


def _stratum(own: Effects) -> Node | None:
    """Return the stratum of a level, ``s[j]``, where levels have strata."""
    if not own.grouping.relation.strata:
        return None
    return row(S, Fenced((LEVEL,), ("[", "]")))


def _law(own: Effects, centre: Node, spread: Node) -> Node:
    """Return a normal distribution, or a Student t where levels may be outlying."""
    if own.grouping.relation.student:
        return call(script(word("t"), own.of(symbol("nu"))), centre, spread)
    return call(word("Normal"), centre, spread)


def _all_levels(own: Effects, k: int = 0) -> Node:
    """Return one effect of all levels in brackets."""
    count = number(len(own.grouping.levels))
    return Fenced((own.effect(k, _ONE), sign("..."), own.effect(k, count)))


def _known(own: Effects) -> Iterator[Line]:
    """Yield effects whose levels have a covariance A that is known."""
    A = bold("A")
    if len(own.numbers) == 1:
        spread = row(squared(own.sd(0)), sign("*"), A)
        yield distributed(_all_levels(own), call(word("Normal"), _NOTHING, spread))
        return
    last = number(len(own.grouping.levels))
    vectors = Fenced((own.vector(_ONE), sign("..."), own.vector(last)))
    covariance = row(A, sign("times"), sigma_matrix(own))
    yield distributed(vectors, call(word("Normal"), _NOTHING, covariance))
    yield equals(own.vector(LEVEL), own.spelled(LEVEL))
    yield from _covariance(own)


def _field(own: Effects) -> Iterator[Line]:
    """Yield effects that follow a graph: a field for each of them."""
    for k in range(len(own.numbers)):
        match own.grouping.relation.kind:
            case "car":
                yield _proper(own, k)
            case "icar":
                yield from _intrinsic(own, lambda j, k=k: own.effect(k, j), squared(own.sd(k)))  # type: ignore[misc]
            case _:
                yield from _mixed(own, k)


def _proper(own: Effects, k: int) -> Line:
    alpha = own.of(symbol("alpha"), k)
    precision = row(bold("D"), sign("-"), alpha, sign("*"), bold("W"))
    inverse = script(Fenced((precision,)), sup=row(sign("-"), _ONE))
    spread = row(squared(own.sd(k)), sign("*"), inverse)
    return distributed(_all_levels(own, k), call(word("Normal"), _NOTHING, spread))


def _mixed(own: Effects, k: int) -> Iterator[Line]:
    def smooth(level: Node) -> Node:
        return script(letter("g"), own.subscript(own.numbers[k], level))

    free, rho = script(letter("e"), own.subscript(own.numbers[k], LEVEL)), own.of(symbol("rho"), k)
    rest = row(_ONE, sign("-"), rho)
    mixed = row(Root(rest), sign("*"), free, sign("+"), Root(rho), sign("*"), smooth(LEVEL))
    note = f"j = 1, …, {len(own.grouping.levels):,}"
    yield equals(own.effect(k, LEVEL), row(own.sd(k), Fenced((mixed,))), note=note)
    yield distributed(free, call(word("Normal"), number(0), _ONE))
    yield from _intrinsic(own, smooth, letter("c"))


def _intrinsic(own: Effects, of: Callable[[Node], Node], variance: Node) -> Iterator[Line]:
    """Yield the density of an intrinsic field, and what its effects sum to."""
    last = number(len(own.grouping.levels))
    difference = Fenced((row(of(LEVEL), sign("-"), of(OTHER)),))
    edges = script(sign("sum"), row(LEVEL, sign("~"), OTHER))
    weight = script(letter("w"), listed((LEVEL, OTHER)))
    half = Fraction(number(1), row(number(2), sign("*"), variance))
    inside = row(sign("-"), half, edges, weight, sign("*"), script(difference, sup=number(2)))
    density = call(letter("p"), of(_ONE), sign("..."), of(last))
    yield Line(density, sign("prop"), (call(EXP, inside),))
    total = row(script(sign("sum"), LEVEL), of(LEVEL))
    yield equals(total, number(0), note="over each connected part of the graph")


def _varying_related(own: Effects) -> Iterator[Line]:
    """Yield related levels that have strata or outliers: both act on fields of unit scale."""
    stratum, several = _stratum(own), len(own.numbers) > 1
    note = f"j = 1, …, {len(own.grouping.levels):,}"
    unit = bold("e") if several else letter("e")
    scale = own.of(bold("L"), None, stratum) if several else own.sd(0, stratum)
    terms: list[Node] = [scale, sign("*"), script(unit, LEVEL)]
    if own.grouping.relation.student:
        omega = script(symbol("omega"), LEVEL)
        terms = [Root(Fraction(own.of(symbol("nu")), omega)), sign("*"), *terms]
    left = own.vector(LEVEL) if several else own.effect(0, LEVEL)
    yield equals(left, row(*terms), note=note)
    last = number(len(own.grouping.levels))
    every = Fenced((script(unit, _ONE), sign("..."), script(unit, last)))
    size = script(bold("I"), number(len(own.numbers)))
    spread: Node = row(bold("A"), sign("times"), size) if several else bold("A")
    yield distributed(every, call(word("Normal"), _NOTHING, spread))
    if own.grouping.relation.student:
        squares = script(symbol("chi"), own.of(symbol("nu")), number(2))
        yield distributed(script(symbol("omega"), LEVEL), squares)
    if several:
        s = S if stratum is not None else None
        L, turned = own.of(bold("L"), None, s), own.of(bold("L"), None, s, sign("T"))
        yield equals(row(L, turned), sigma_matrix(own, s))
        yield from _covariance(own)


def group_meanings(own: Effects) -> Iterator[tuple[Node, str]]:
    """Yield what the symbols of a group term mean, in words."""
    grouping, relation = own.grouping, own.grouping.relation
    kind = covariance_of(grouping).kind
    names = _names(grouping.terms)
    yield own.letter, f"deviations of the levels of {grouping.group}: {names}"
    if len(own.numbers) > 3 and kind != "ar1":
        yield script(bold("z"), listed((own.letter, letter("i")))), f"the columns {names}"
    if kind == "ar1":
        yield listed((S, T)), "times, counted in steps of their common distance"
    if kind == "rr":
        yield (
            own.of(bold("Lambda")),
            (f"loadings of {len(grouping.terms)} effects on {rank(grouping)} factors"),
        )
    if relation.kind == "cov":
        yield bold("A"), f"known covariance of the levels: {grouping.source}"
    if relation.kind in ("icar", "bym2"):
        yield script(letter("w"), listed((LEVEL, OTHER))), "weight of the edge between two levels"
    if relation.kind == "bym2":
        yield letter("c"), "constant that makes the geometric mean of the variances 1"
    if relation.kind == "car":
        yield bold("W"), "weights of the edges between levels"
        yield bold("D"), "diagonal matrix of the row sums of W"
    if relation.strata:
        yield S, f"stratum of a level: {', '.join(relation.strata)}"
    if not equal_shares(grouping):
        yield (
            script(letter("w"), listed((letter("m"), letter("i")))),
            ("share that a row has of each of its levels"),
        )


def _names(terms: tuple[str, ...]) -> str:
    """Return labels of effects; of many the first few."""
    return first_of(terms, _NAMED)


_NAMED = 12
"""Effects of a level that are named."""
