"""Terms with one id are one term."""

import pytest

from hierglm.errors import FormulaError
from hierglm.formula.parse import parse


def read(text):
    return [
        (g.group, tuple(t.label for t in g.effects), g.shared) for g in parse(f"y ~ {text}").groups
    ]


GOOD = [
    ("(1 |s| g) + (0 + x |s| g)", [("g", ("Intercept", "x"), "s")]),
    ("(0 + x |s| g) + (1 | h) + (0 + z |s| g)",
     [("g", ("x", "z"), "s"), ("h", ("Intercept",), "")]),
    ("(1 |s| a:b) + (0 + x |s| b:a)", [("a:b", ("Intercept", "x"), "s")]),
    ("(1 |s| g) + (0 + x |t| g)", [("g", ("Intercept",), "s"), ("g", ("x",), "t")]),
    ("(1 |s| a/b)", [("a", ("Intercept",), "s"), ("a:b", ("Intercept",), "s")]),
    ("(1 |s| a/b) + (0 + x |s| a/b)",
     [("a", ("Intercept", "x"), "s"), ("a:b", ("Intercept", "x"), "s")]),
    ("(1 |s| gr(g, cov=A)) + (0 + x |s| gr(g, cov=A))", [("g", ("Intercept", "x"), "s")]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), GOOD)
def test_terms_with_one_id(text, expected):
    assert read(text) == expected


BAD = [
    ("(1 |s| g) + (0 + x |s| h)",
     "share one grouping factor, but this one has 'h' and (1 |s| g) has 'g'"),
    ("(1 |s| g) + (0 + x |s| gr(g, cov=A))", "write it here as in (1 |s| g)"),
    ("(x |s| g) + (1 |s| g)", "'Intercept' varies over 'g' twice"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), BAD)
def test_terms_that_cannot_share(text, message):
    with pytest.raises(FormulaError) as caught:
        parse(f"y ~ {text}")
    error = caught.value
    assert message in error.message
    assert error.source[error.start : error.end] == text.split(" + (")[-1].join(["(", ""])
