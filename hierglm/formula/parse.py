"""Text to `Formula`: the stages of reading, in order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from hierglm.errors import FormulaError
from hierglm.formula.bars import Bar, cut_bars
from hierglm.formula.dot import Dot
from hierglm.formula.grammar import Budget, expand
from hierglm.formula.groups import check_repeats, group_key, read_group
from hierglm.formula.limits import MAX_GROUPS
from hierglm.formula.pieces import Cut, Piece, Product
from hierglm.formula.response import function_name, only_argument, read_atom, read_response
from hierglm.formula.shared import join_shared
from hierglm.formula.structures import LEVELS, of_levels
from hierglm.formula.terms import INDEPENDENT, Factor, Formula, ResponseTerm, Term
from hierglm.formula.tokens import Token, scan

Item = TypeVar("Item")


def parse(text: str, columns: Sequence[str] = (), functions: Collection[str] = ()) -> Formula:
    """Read a formula; nothing in it is evaluated.

    Parameters
    ----------
    text : str
        For example ``"score ~ x + (x | school)"``.
    columns : sequence of str, optional
        Columns of the table, for ``y ~ .``: all that are not used on the left, in an offset
        or as a grouping factor.
    functions : collection of str, optional
        Names of the functions that the caller passes for use in the formula.

    Returns
    -------
    Formula
        Response, common terms, offsets and group terms.

    Raises
    ------
    FormulaError
        Anything that cannot be read; the message points to its place in the text.

    Examples
    --------
    >>> formula = parse("score ~ x + (x | school)")
    >>> [term.label for term in formula.common]
    ['Intercept', 'x']
    >>> formula.groups[0].group
    'school'
    """
    tokens = scan(_checked(text))
    known = frozenset(functions)
    left, right = _sides(tokens, text)
    response = read_response(left, text, known)
    main, bars = cut_bars(right, text)
    bars = {cut: _level_structure(bar, text, known) for cut, bar in bars.items()}
    budget = Budget(text)
    pieces, offsets = _pieces(main, text, known)
    bys = {
        cut: expand(_by_pieces(bar, text, known), text, intercept=False, budget=budget)
        for cut, bar in bars.items()
    }
    used = _used(response, offsets.values(), bys.values())
    used |= {name for bar in bars.values() for name in bar.levels.names}
    dot = Dot(tuple(c for c in dict.fromkeys(columns) if c not in used), bool(columns))
    products = expand(dot.spread(pieces, text), text, intercept=True, budget=budget)
    kept = {p[0] for p in products if p and isinstance(p[0], Cut)}
    groups = {}
    for cut, bar in bars.items():
        effects = dot.spread(_pieces(bar.effects, text, known)[0], text)
        varying = expand(effects, text, intercept=True, budget=budget)
        groups[cut] = read_group(bar, varying, bys[cut], text)
    _refuse_many(groups, text)
    formula = Formula(
        response=response,
        common=tuple(_term(p) for p in products if not (p and isinstance(p[0], Cut))),
        offsets=tuple(_remaining(offsets, kept, lambda factor: factor.expr)),
        groups=tuple(g for terms in _remaining(groups, kept, group_key) for g in terms),
        source=text,
    )
    check_repeats(formula.groups, text)
    formula = replace(formula, groups=join_shared(formula.groups, text))
    check_response_is_new(formula)
    return formula


def _checked(text: object) -> str:
    if not isinstance(text, str):
        raise FormulaError(
            f"a formula is text such as 'y ~ x + (1 | g)', not {type(text).__name__}",
            repr(text)[:80],
        )
    if not text.strip():
        raise FormulaError("the formula is empty; write for example 'y ~ x + (1 | g)'", text)
    return text


def _refuse_many(groups: Mapping[Cut, Sequence[object]], text: str) -> None:
    """Raise `FormulaError` at the bracket with which there are too many group terms."""
    found = 0
    for cut, terms in groups.items():
        found += len(terms)
        if found > MAX_GROUPS:
            raise FormulaError(f"more than {MAX_GROUPS} group terms", text, cut.start, cut.end)


def _sides(tokens: Sequence[Token], text: str) -> tuple[list[Token], list[Token]]:
    """Split at the tilde."""
    tildes = [i for i, t in enumerate(tokens) if t.kind == "operator" and t.text == "~"]
    if not tildes:
        raise FormulaError(
            "there is no '~'; write the response in front, as in 'y ~ x'", text, 0, len(text)
        )
    at = tokens[tildes[0]]
    left, right = list(tokens[: tildes[0]]), list(tokens[tildes[0] + 1 :])
    if sum((t.kind == "open") - (t.kind == "close") for t in left):
        raise FormulaError("'~' cannot stand inside brackets", text, at.start, at.end)
    if len(tildes) > 1:
        second = tokens[tildes[1]]
        raise FormulaError("only one '~' in a formula", text, second.start, second.end)
    if not left:
        raise FormulaError(
            "the response is missing: write its name in front of '~', as in 'y ~ x'",
            text,
            at.start,
            at.end,
        )
    if not right:
        raise FormulaError(
            "nothing stands on the right of '~'; write '1' for an intercept alone",
            text,
            at.start,
            at.end,
        )
    return left, right


def _pieces(
    tokens: Sequence[Token | Cut], text: str, functions: frozenset[str]
) -> tuple[list[Piece], dict[Cut, Factor]]:
    """Return tokens as pieces of the algebra, and the offsets among them."""
    pieces: list[Piece] = []
    offsets: dict[Cut, Factor] = {}
    for token in tokens:
        if isinstance(token, Cut):
            pieces.append(Piece("", token, token.start, token.end))
        elif token.kind in ("operator", "open", "close", "dot"):
            symbol = "in" if token.text == "%in%" else token.text
            pieces.append(Piece(symbol, None, token.start, token.end))
        elif token.kind == "call" and function_name(token) == "offset":
            cut = Cut("an offset", token.start, token.end)
            offsets[cut] = only_argument(token, text, functions)
            pieces.append(Piece("", cut, token.start, token.end))
        else:
            factor = read_atom(token, text, functions)
            symbol = factor.expr if factor.kind == "number" else token.text
            pieces.append(Piece(symbol, factor, token.start, token.end))
    return pieces, offsets


def _level_structure(bar: Bar, text: str, functions: frozenset[str]) -> Bar:
    """Read ``gr(g, ...)`` and ``mm(a, b)`` on the right of a bar."""
    first = bar.by[0]
    known = first.kind == "call" and function_name(first) in LEVELS
    if not known or function_name(first) in functions:
        return bar
    if len(bar.by) > 1:
        raise FormulaError(
            f"{function_name(first)}(...) stands alone on the right of the bar",
            text,
            first.start,
            bar.by[-1].end,
        )
    places, levels = of_levels(first, text, functions)
    if bar.levels != INDEPENDENT and levels != INDEPENDENT:
        raise FormulaError(
            f"{function_name(first)}(...) cannot stand inside {bar.levels.kind}(...)",
            text,
            first.start,
            first.end,
        )
    by: list[Token] = []
    for start, end in places:
        # Members of mm() are joined as if they were added: one product each.
        by += [*([Token("operator", "+", start, start)] if by else []), *scan(text, start, end)]
    return replace(bar, by=tuple(by), levels=levels if levels != INDEPENDENT else bar.levels)


def _by_pieces(bar: Bar, text: str, functions: frozenset[str]) -> list[Piece]:
    for token in bar.by:
        if token.kind == "dot":
            raise FormulaError("'.' cannot be a grouping factor", text, token.start, token.end)
        if token.kind == "number":
            raise FormulaError(
                "a grouping factor is a column, not a number", text, token.start, token.end
            )
    for token in (*bar.by, *bar.effects):
        if token.kind == "call" and function_name(token) == "offset":
            raise FormulaError(
                "an offset cannot vary over a group; write it as a term of its own",
                text,
                token.start,
                token.end,
            )
    return _pieces(bar.by, text, functions)[0]


def _used(
    response: ResponseTerm, offsets: Iterable[Factor], bys: Iterable[Sequence[Product]]
) -> set[str]:
    """Return the columns that ``.`` leaves out."""
    grouping = {
        name
        for products in bys
        for product in products
        for factor in product
        if isinstance(factor, Factor)
        for name in factor.names
    }
    return {*response.names, *(n for factor in offsets for n in factor.names), *grouping}


def _remaining(
    items: Mapping[Cut, Item], kept: Collection[object], key: Callable[[Item], object]
) -> list[Item]:
    """Return what is left after ``-(1 | g)`` has taken away the equal terms before it.

    A cut that the algebra did not keep stood behind a minus.
    """
    left: list[Item] = []
    for cut, item in items.items():
        if cut in kept:
            left.append(item)
        else:
            left = [other for other in left if key(other) != key(item)]
    return left


def _term(product: Product) -> Term:
    return Term(tuple(factor for factor in product if isinstance(factor, Factor)))


def check_response_is_new(formula: Formula) -> None:
    """Raise `FormulaError` where the response is also its own predictor."""
    parts = (formula.response.value, formula.response.failures)
    response = {name for part in parts if part is not None for name in part.names}
    factors = [f for term in formula.common for f in term.factors]
    for group in formula.groups:
        factors += [*group.by, *(f for term in group.effects for f in term.factors)]
    for factor in (*factors, *formula.offsets):
        shared = [name for name in factor.names if name in response]
        if shared:
            raise FormulaError(
                f"{shared[0]!r} is the response and cannot explain itself",
                formula.source,
                factor.start,
                factor.end,
            )
