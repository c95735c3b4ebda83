"""Covariance structures as they are written, good and bad."""

import pytest

from hierglm.errors import FormulaError
from hierglm.formula.parse import parse
from hierglm.formula.terms import Factor, Given

# Group term, its factors, structure of effects, structure of levels, id.
GOOD = [
    ("(x | g)", "g", ("unstructured",), ("independent",), ""),
    ("(x || g)", "g", ("diagonal",), ("independent",), ""),
    ("(x |s| g)", "g", ("unstructured",), ("independent",), "s"),
    ("us(x | g)", "g", ("unstructured",), ("independent",), ""),
    ("diag(x | g)", "g", ("diagonal",), ("independent",), ""),
    ("iso(x + z | a:b)", "a:b", ("iso",), ("independent",), ""),
    ("cs(0 + x + z | g)", "g", ("cs",), ("independent",), ""),
    ("ar1(0 + t | g)", "g", ("ar1",), ("independent",), ""),
    ("rr(x + z | g, rank=2)", "g", ("rr", ("rank", 2.0)), ("independent",), ""),
    ("rr(x + z | g, d = 2)", "g", ("rr", ("d", 2.0)), ("independent",), ""),
    ("rr(x + z | g, rank='auto')", "g", ("rr", ("rank", "auto")), ("independent",), ""),
    (
        'graph(x | g, edges=E, type="car")',
        "g",
        ("diagonal",),
        ("graph", ("edges", "E"), ("type", "car")),
        "",
    ),
    ("(1 | gr(g))", "g", ("unstructured",), ("independent",), ""),
    ("(1 | gr(g, cov=`my A`))", "g", ("unstructured",), ("gr", ("cov", "my A")), ""),
    (
        "iso(x | gr(g, by=f, dist='student'))",
        "g",
        ("iso",),
        ("gr", ("by", ("f",)), ("dist", "student")),
        "",
    ),
    ("(1 | mm(a, b))", "mm(a, b)", ("unstructured",), ("mm",), ""),
    (
        "(1 |s| mm(a, b, weights=cbind(w, I(1 - w)), scale=FALSE))",
        "mm(a, b)",
        ("unstructured",),
        ("mm", ("weights", ("w", "I(1 - w)")), ("scale", False)),
        "s",
    ),
]

BAD = [
    ("rr(x | g, rnk=2)", "rr(...) has no option 'rnk'; did you mean 'rank'?", "rnk=2"),
    ("iso(x | g, rank=2)", "iso(...) has no option 'rank'; it takes none", "rank=2"),
    ("rr(x | g, 2)", "the options of rr(...) have names, such as rank=...", "2"),
    ("rr(x | g, rank=2, rank=3)", "'rank' is given twice", "rank=3"),
    ("rr(x | g, rank=2.5)", 'rank must be a whole number or "auto"', "2.5"),
    ("rr(x | g, rank=-1)", 'rank must be a whole number or "auto"', "-1"),
    ("graph(x | g, edges='E')", "edges must be the name of something given in data2", "'E'"),
    ("(1 | gr(g, cov=solve(A)))", "cov must be the name of something given", "solve(A)"),
    ("(1 | gr(g, h))", "gr(...) takes one grouping factor, as in gr(g, cov=A); found 2", None),
    ("(1 | gr(cov=A))", "gr(...) takes one grouping factor, as in gr(g, cov=A); found 0", None),
    ("(1 | mm(a))", "mm(...) takes two grouping factors or more", "mm(a)"),
    ("(1 | mm(a:b, c))", "the members of mm(...) are single factors", None),
    ("(1 | mm(a, b, scale=2))", "scale must be TRUE or FALSE", "2"),
    ("(1 | gr(g, dist=student))", "dist must be text in quotes", "student"),
    ("(1 | gr(g, cov=A) + h)", "gr(...) stands alone on the right of the bar", None),
    ("graph(1 | gr(g, cov=A), edges=E)", "gr(...) cannot stand inside graph(...)", None),
    ("iso(x || g)", "write iso(x | g): iso says how the effects hang together", "||"),
    ("iso(x |s| g)", "write iso(x | g): iso says how the effects hang together", None),
    ("iso(x)", "'iso' is not a function that a formula may call", "iso"),
    ("iso( | g)", "nothing stands on the left of '|'", "|"),
    ("iso(x | )", "nothing stands on the right of '|'", "|"),
    ("iso((x | g) | h)", "a group term cannot stand inside another", "(x | g)"),
]


def _plain(structure):
    def value(option):
        if isinstance(option, Given):
            return option.name
        return tuple(f.label for f in option) if isinstance(option, tuple) else option

    return (structure.kind, *((name, value(option)) for name, option in structure.options))


@pytest.mark.parametrize(("text", "group", "effects", "levels", "shared"), GOOD)
def test_what_a_structure_means(text, group, effects, levels, shared):
    (term,) = parse(f"y ~ {text}").groups
    assert (term.group, term.shared, term.source) == (group, shared, text)
    assert _plain(term.structure) == effects
    assert _plain(term.levels) == levels


@pytest.mark.parametrize(("text", "message", "place"), BAD)
def test_what_is_wrong_with_a_structure_and_where(text, message, place):
    with pytest.raises(FormulaError) as caught:
        parse(f"y ~ {text}")
    error = caught.value
    assert message in error.message
    assert place is None or error.source[error.start : error.end] == place


def test_options_read_columns():
    (term,) = parse("y ~ (x | mm(a, b, weights=cbind(v, log(w))))").groups
    assert term.names == ("x", "a", "b", "v", "w")
    assert all(isinstance(f, Factor) for f in term.levels.option("weights"))


def test_columns_of_options_are_no_part_of_a_dot():
    formula = parse("y ~ . + (1 | gr(g, by=f))", ["y", "x", "g", "f"])
    assert [t.label for t in formula.common] == ["Intercept", "x"]


def test_a_spline_is_no_structure():
    formula = parse("y ~ cs(x, df=4) + (1 | g)")
    assert [t.label for t in formula.common] == ["Intercept", "cs(x, df=4)"]


def test_a_term_is_taken_away_with_its_structure():
    assert parse("y ~ iso(x | g) + (1 | h) - iso(x | g)").groups[0].group == "h"
