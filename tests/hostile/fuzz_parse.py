"""Formulas: whatever the text, a `Formula` and its design, or one of hierglm's errors."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from hypothesis import strategies as st

from hierglm.design.encode import encode
from hierglm.design.reading import as_table
from hierglm.design.table import Table
from hierglm.errors import FormulaError, HierglmError
from hierglm.formula.parse import parse
from tests.formula.test_attacks import ATTACKS
from tests.hostile.guard import check_message, guarded

COLUMNS = ("y", "x", "z", "g", "f", "n", "log", "a b", "é", "class")
SEEDS = [
    *(a for a in ATTACKS if len(a) < 300),
    "y ~ x + (x | g)",
    "log(y) ~ poly(x, 2) + bs(z, df=4) + C(f, contr.sum)*x + (1 + z || g:f)",
    "n | trials(12) + weights(x) ~ I(x^2) + (1 | g/f) + offset(log(n))",
    "y | se(n, sigma=TRUE) ~ . - z + rr(x + z | g, rank=1)",
    "cbind(n, y) ~ `a b`:x + é + (1 |id| g) + (0 + x |id| g)",
    "y ~ cs(x + z | g) + (1 | mm(g, f, weights=cbind(x, z))) + half(x)",
    "y ~ C(g, levels=c(\"it's\", 'a', 'b')) + scale(x, center=TRUE) + (1 | gr(g, by=f))",
    "y ~ np.where(x > 0, x, np.log1p(abs(z))) + hashed(g, levels=4) + Q('a b')",
]
WORDS = [
    *COLUMNS,
    *("`a b`", "`", "half", "I(", "C(", "poly(", "bs(", "log(", "np.", "contr.sum", "Q(", "c("),
    *("offset(", "mm(", "gr(", "rr(", "(1 | ", "(x || ", "cbind(", "trials(", "weights(", "se("),
    *("0", "1", "2", "1e9", "9" * 30, ".5", "007", "1e999", "-1", "TRUE", "NA", "2L"),
    *("+", "-", "*", "/", ":", "^", "**", "~", "|", "||", "%in%", "%%", "=", "==", "<", "&", "!"),
    *("(", ")", "[", "]", "{", "}", ",", ".", "'a'", '"b"', "'", '"', "\\", "\n", "\t", " "),
    *("__class__", "lambda", "for", "in", "if", "else", "not", "and", ":=", "*", "**", "f'", "_"),
    *("df=", "knots=", "levels=", "degree=", "rank=", "cov=", "weights=", "_state=", "out="),
    *("\x00", "\ud800", "\u202e", "\x1b[2J", "ﬁ", "ｅ", "٣", "²", "🙂", "\u0301", "ª"),
]


def _wide(text: str) -> str:
    """Return letters that Python reads as those given (NFKC)."""
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


@st.composite
def _changed(draw: Any) -> str:
    text = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        kind = draw(st.sampled_from(("insert", "cut", "double", "wide", "splice", "character")))
        middle = {
            "insert": lambda: draw(st.sampled_from(WORDS)),
            "cut": lambda: "",
            "double": lambda s=start, e=end, t=text: t[s:e] * draw(st.integers(2, 40)),
            "wide": lambda s=start, e=end, t=text: _wide(t[s:e]),
            "splice": lambda: draw(st.sampled_from(SEEDS))[draw(st.integers(0, 60)) :],
            "character": lambda: draw(st.characters()),
        }[kind]()
        text = text[:start] + middle + text[end:]
    return str(text)


_words = st.lists(st.sampled_from(WORDS), max_size=40)
_terms = st.recursive(
    st.sampled_from([*COLUMNS, "`a b`", "1", "0", "'a'", "9**9", "."]),
    lambda inner: st.one_of(
        st.tuples(
            inner, st.sampled_from(["+", "-", "*", ":", "/", "^", "|", "==", ","]), inner
        ).map(" ".join),
        st.tuples(
            st.sampled_from(["log", "I", "poly", "C", "bs", "half", "c", "scale", ""]), inner
        ).map(lambda p: f"{p[0]}({p[1]})"),
    ),
    max_leaves=12,
)
STRATEGY = st.one_of(
    _changed(),
    _words.map(" ".join),
    _words.map("".join).map("y ~ {}".format),
    _terms.map("y ~ {}".format),
    st.tuples(_terms, _terms).map(" ~ ".join),
    st.text(max_size=60).map("y ~ {}".format),
)


def half(x: Any) -> Any:
    return np.asarray(x) / 2


@cache
def table() -> Table:
    """Return a table of all columns; what is loaded late is loaded by using it."""
    rng = np.random.default_rng(3)
    rows = 40
    data: dict[str, Any] = {name: rng.normal(1, 1, rows) for name in COLUMNS}
    data |= {"g": np.array(list("abc"))[np.arange(rows) % 3], "f": list("uv") * (rows // 2)}
    data |= {"n": np.arange(rows) % 5 + 1}
    made = as_table(data)
    for seed in SEEDS:
        try:
            encode(parse(seed, made.columns, ("half",)), made, functions={"half": half})
        except HierglmError:
            continue
    return made


def check(text: str) -> None:
    """Read a formula and meet it with a table; nothing but `HierglmError` may come out."""
    data = table()
    with guarded():
        try:
            formula = parse(text, data.columns, ("half",))
        except FormulaError as error:
            check_message(error)
            return
        assert formula.source == text
        try:
            design = encode(formula, data, functions={"half": half})
        except HierglmError as error:
            check_message(error)
            return
    assert design.common.matrix.shape == (design.rows, len(design.common.labels))
    assert np.isfinite(design.common.matrix).all()
