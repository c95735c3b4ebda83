"""Formulas, good and bad: what each one means, and where the caret stands."""

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hierglm.errors import FormulaError
from hierglm.formula.parse import parse
from hierglm.formula.terms import Formula

COLUMNS = ("y", "x", "z", "g", "f", "my col", "t.1")
ONE = ("Intercept",)

# Formula, then the common terms (the intercept is a term), the group terms as (effects,
# grouping factor, correlated), and the offsets. The response is y.
RIGHT = [
    ("y ~ 1", ONE, [], []),
    ("y ~ x", (*ONE, "x"), [], []),
    ("y~x+z", (*ONE, "x", "z"), [], []),
    ("  y  ~\n x\t+ z ", (*ONE, "x", "z"), [], []),
    ("y ~ z + x", (*ONE, "z", "x"), [], []),
    ("y ~ 1 + x", (*ONE, "x"), [], []),
    ("y ~ + x", (*ONE, "x"), [], []),
    ("y ~ x + x", (*ONE, "x"), [], []),
    # No intercept, and terms taken away.
    ("y ~ x - 1", ("x",), [], []),
    ("y ~ -1 + x", ("x",), [], []),
    ("y ~ 0 + x", ("x",), [], []),
    ("y ~ x + 0", ("x",), [], []),
    ("y ~ 0", (), [], []),
    ("y ~ 0 + 1 + x", (*ONE, "x"), [], []),
    ("y ~ x + z - x", (*ONE, "z"), [], []),
    # Products and powers.
    ("y ~ a:b", (*ONE, "a:b"), [], []),
    ("y ~ b:a", (*ONE, "b:a"), [], []),
    ("y ~ a*b", (*ONE, "a", "b", "a:b"), [], []),
    ("y ~ a*b*c", (*ONE, "a", "b", "c", "a:b", "a:c", "b:c", "a:b:c"), [], []),
    ("y ~ a*b - a:b", (*ONE, "a", "b"), [], []),
    ("y ~ a:b + c", (*ONE, "c", "a:b"), [], []),
    ("y ~ (a+b)^2", (*ONE, "a", "b", "a:b"), [], []),
    ("y ~ (a + b + c)**2", (*ONE, "a", "b", "c", "a:b", "a:c", "b:c"), [], []),
    ("y ~ (a + b):c", (*ONE, "a:c", "b:c"), [], []),
    ("y ~ a/b", (*ONE, "a", "a:b"), [], []),
    ("y ~ a/b/c", (*ONE, "a", "a:b", "a:b:c"), [], []),
    ("y ~ a/(b + c)", (*ONE, "a", "a:b", "a:c"), [], []),
    ("y ~ 2:x", (*ONE, "2:x"), [], []),
    # The other columns of the table.
    ("y ~ .", (*ONE, "x", "z", "g", "f", "my col", "t.1"), [], []),
    ("y ~ . - x", (*ONE, "z", "g", "f", "my col", "t.1"), [], []),
    ("y ~ . + (1 | g)", (*ONE, "x", "z", "f", "my col", "t.1"), [(ONE, "g", True)], []),
    ("y ~ . + offset(z)", (*ONE, "x", "g", "f", "my col", "t.1"), [], ["z"]),
    # Calls keep their words, byte for byte.
    ("y ~ log(x)", (*ONE, "log(x)"), [], []),
    ("y ~ log( x,2 )", (*ONE, "log( x,2 )"), [], []),
    ("y ~ np.log(x)", (*ONE, "np.log(x)"), [], []),
    ("y ~ I(x^2) + I(x^3)", (*ONE, "I(x^2)", "I(x^3)"), [], []),
    ("y ~ I(x %/% 2 + z %% 2)", (*ONE, "I(x %/% 2 + z %% 2)"), [], []),
    ("y ~ I((x > 2) & (z == 1))", (*ONE, "I((x > 2) & (z == 1))"), [], []),
    ("y ~ {x / z}", (*ONE, "{x / z}"), [], []),
    ("y ~ factor(f)", (*ONE, "factor(f)"), [], []),
    ("y ~ as.factor(f)", (*ONE, "as.factor(f)"), [], []),
    ("y ~ C(f, contr.sum)", (*ONE, "C(f, contr.sum)"), [], []),
    ('y ~ C(f, contr.treatment("b"))', (*ONE, 'C(f, contr.treatment("b"))'), [], []),
    ('y ~ C(f, Treatment("b"))', (*ONE, 'C(f, Treatment("b"))'), [], []),
    ("y ~ poly(x, 2)", (*ONE, "poly(x, 2)"), [], []),
    ("y ~ poly(x, degree=2, raw=TRUE)", (*ONE, "poly(x, degree=2, raw=TRUE)"), [], []),
    ("y ~ bs(x, df=4) + scale(z)", (*ONE, "bs(x, df=4)", "scale(z)"), [], []),
    ("y ~ log(x)*f", (*ONE, "log(x)", "f", "log(x):f"), [], []),
    # Names with dots and blanks.
    ("y ~ t.1 + .x", (*ONE, "t.1", ".x"), [], []),
    ("y ~ `my col`", (*ONE, "my col"), [], []),
    ("y ~ log(`my col`) + I(t.1^2)", (*ONE, "log(`my col`)", "I(t.1^2)"), [], []),
    ("y ~ `a+b` + `(1 | g)`", (*ONE, "a+b", "(1 | g)"), [], []),
    ("y ~ größe", (*ONE, "größe"), [], []),
    # Group terms.
    ("y ~ (1 | g)", ONE, [(ONE, "g", True)], []),
    ("y ~ x + (x | g)", (*ONE, "x"), [((*ONE, "x"), "g", True)], []),
    ("y ~ x + (x || g)", (*ONE, "x"), [((*ONE, "x"), "g", False)], []),
    ("y ~ (0 + x | g)", ONE, [(("x",), "g", True)], []),
    ("y ~ (x - 1 | g)", ONE, [(("x",), "g", True)], []),
    ("y ~ (-1 + x || g)", ONE, [(("x",), "g", False)], []),
    ("y ~ (1 | g) + (0 + x | g)", ONE, [(ONE, "g", True), (("x",), "g", True)], []),
    ("y ~ (1 | g) + x + (z | h)", (*ONE, "x"), [(ONE, "g", True), ((*ONE, "z"), "h", True)], []),
    ("y ~ 0 + x + (1 | g)", ("x",), [(ONE, "g", True)], []),
    ("y ~ (1 | a/b)", ONE, [(ONE, "a", True), (ONE, "a:b", True)], []),
    ("y ~ (1|a/b/c)", ONE, [(ONE, "a", True), (ONE, "a:b", True), (ONE, "a:b:c", True)], []),
    ("y ~ (x || a/b)", ONE, [((*ONE, "x"), "a", False), ((*ONE, "x"), "a:b", False)], []),
    ("y ~ (1 | a:b)", ONE, [(ONE, "a:b", True)], []),
    ("y ~ (1 | a:b:c)", ONE, [(ONE, "a:b:c", True)], []),
    ("y ~ (1 | a + b)", ONE, [(ONE, "a", True), (ONE, "b", True)], []),
    ("y ~ (f | g)", ONE, [((*ONE, "f"), "g", True)], []),
    ("y ~ (0 + factor(f) | g)", ONE, [(("factor(f)",), "g", True)], []),
    ("y ~ (x*z | g)", ONE, [((*ONE, "x", "z", "x:z"), "g", True)], []),
    ("y ~ (log(x) + I(z^2) | g)", ONE, [((*ONE, "log(x)", "I(z^2)"), "g", True)], []),
    ("y ~ (poly(x, 2) | g)", ONE, [((*ONE, "poly(x, 2)"), "g", True)], []),
    ("y ~ (1 | factor(g))", ONE, [(ONE, "factor(g)", True)], []),
    ("y ~ (1 | `my col`)", ONE, [(ONE, "my col", True)], []),
    ("y ~ (1 | t.1)", ONE, [(ONE, "t.1", True)], []),
    ("y ~ ((1 | g))", ONE, [(ONE, "g", True)], []),
    ("y ~ x + (z + (1 | g))", (*ONE, "x", "z"), [(ONE, "g", True)], []),
    ("y ~ x - (1 | g)", (*ONE, "x"), [], []),
    ("y ~ (1|g) + (1 | h) - (1 | g)", ONE, [(ONE, "h", True)], []),
    # Offsets.
    ("y ~ x + offset(log(z))", (*ONE, "x"), [], ["log(z)"]),
    ("y ~ offset(t.1) + x + offset(z / 2)", (*ONE, "x"), [], ["t.1", "z / 2"]),
    ("y ~ offset(z) - offset(z)", ONE, [], []),
]

# Left-hand side: response, and then trials, failures, weights, se as written.
LEFT = [
    ("y", "y", {}),
    ("(y)", "y", {}),
    ("log(y)", "log(y)", {}),
    ("I(y / 2)", "I(y / 2)", {}),
    ("`my col`", "my col", {}),
    ("t.1", "t.1", {}),
    ("s | trials(n)", "s", {"trials": "n"}),
    ("s | trials(12)", "s", {"trials": "12"}),
    ("s | trials(n + 1)", "s", {"trials": "n + 1"}),
    ("y | weights(w)", "y", {"weights": "w"}),
    ("y | weights(1 / w)", "y", {"weights": "1 / w"}),
    ("y | se(s)", "y", {"se": "s"}),
    ("y | se(sqrt(v))", "y", {"se": "sqrt(v)"}),
    ("y | se(s, sigma=TRUE)", "y", {"se": "s", "se_and_sigma": True}),
    ("y | se(s, sigma = True)", "y", {"se": "s", "se_and_sigma": True}),
    ("y | se(s, sigma=FALSE)", "y", {"se": "s"}),
    ("s | trials(n) + weights(w)", "s", {"trials": "n", "weights": "w"}),
    ("y | se(s) + weights(w)", "y", {"se": "s", "weights": "w"}),
    ("cbind(s, f)", "s", {"failures": "f"}),
    ("cbind(s, n - s)", "s", {"failures": "n - s"}),
    ("cbind(s, f) | weights(w)", "s", {"failures": "f", "weights": "w"}),
]


@pytest.mark.parametrize(("text", "common", "groups", "offsets"), RIGHT, ids=[r[0] for r in RIGHT])
def test_what_a_formula_means(text, common, groups, offsets):
    formula = parse(text, COLUMNS)
    assert formula.response.value.label == "y"
    assert tuple(t.label for t in formula.common) == common
    assert formula.intercept == ("Intercept" in common)
    found = [(tuple(t.label for t in g.effects), g.group, g.correlated) for g in formula.groups]
    assert found == groups
    assert [f.label for f in formula.offsets] == offsets
    assert str(formula) == formula.source == text
    assert pickle.loads(pickle.dumps(formula)) == formula


@pytest.mark.parametrize(("left", "value", "extra"), LEFT, ids=[r[0] for r in LEFT])
def test_what_a_left_hand_side_means(left, value, extra):
    response = parse(f"{left} ~ x").response
    assert response.value.label == value
    assert response.source == left
    for name in ("trials", "failures", "weights", "se"):
        found = getattr(response, name)
        assert (None if found is None else found.label) == extra.get(name), name
    assert response.se_and_sigma is extra.get("se_and_sigma", False)


def test_every_column_read_is_named_once_and_in_order():
    formula = parse("cbind(s, n - s) | weights(w) ~ log(x)*f + offset(t.1) + (x + z | a/b)")
    assert formula.names == ("s", "n", "w", "x", "f", "t.1", "z", "a", "b")


def test_factors_know_their_place():
    text = "y ~ log(x) + (z | g)"
    formula = parse(text)
    places = [text[f.start : f.end] for t in formula.common for f in t.factors]
    assert places == ["log(x)"]
    group = formula.groups[0]
    assert text[group.start : group.end] == group.source == "(z | g)"
    assert text[group.by[0].start : group.by[0].end] == "g"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("I(x^2)", "I(x ** 2)"),
        ("log(TRUE * x)", "log(True * x)"),
        ("as.factor(f)", None),
        ("I(x %% 2)", "I(x % 2)"),
        ("I(2L * x)", "I(2 * x)"),
        ("I(log)", "I(_col_log)"),
        ("I(t.1)", "I(_col_t_2e_1)"),
        ("I(`my col`)", "I(_col_my_20_col)"),
        ("{x + z}", "x + z"),
        ("I(x > 2)", "I((x > 2) * 1.0)"),
    ],
)
def test_r_spellings_become_python(written, meant):
    factor = parse(f"y ~ {written}").common[1].factors[0]
    assert factor.label == written
    assert meant is None or factor.expr == meant


def test_names_that_a_dot_leaves_out_are_those_used_elsewhere():
    columns = ("a", "b", "c", "d", "e", "h", "k")
    formula = parse("cbind(a, b - a) ~ . + offset(c) + (. | d) + (1 | e:h)", columns)
    assert [t.label for t in formula.common] == ["Intercept", "k"]
    assert [t.label for t in formula.groups[0].effects] == ["Intercept", "k"]


# Formula, a piece of the message, and the characters the caret marks.
BAD = [
    ("", "the formula is empty", None),
    ("   ", "the formula is empty", None),
    ("y", "there is no '~'", "y"),
    ("~ x", "the response is missing", "~"),
    ("y ~", "nothing stands on the right of '~'", "~"),
    ("y ~ x ~ z", "only one '~'", (6, 7)),
    ("(y ~ x)", "'~' cannot stand inside brackets", "~"),
    ("y = x", "write '~' between", "="),
    ("y <- x", "write '~' between", "<-"),
    ("y ~ x +", "nothing follows this '+'", "+"),
    ("y ~ * x", "nothing stands on the left of this '*'", "*"),
    ("y ~ x + * z", "nothing stands between '+' and '*'", "*"),
    ("y ~ x z", "an operator such as '+' is missing before 'z'", "z"),
    ("y ~ x (z)", "an operator such as '+' is missing", "("),
    ("y ~ ()", "there is nothing between these brackets", "()"),
    ("y ~ x)", "this ')' closes nothing", ")"),
    ("y ~ (x + z", "this '(' is never closed", "("),
    ("y ~ log(x", "this '(' is never closed", (7, 8)),
    ("y ~ log(x]", "']' where ')' should close", "]"),
    ("y ~ {x + z", "this '{' is never closed", "{"),
    ("y ~ x}", "this '}' closes nothing", "}"),
    ("y ~ `x", "this ` is never closed", "`"),
    ("y ~ ``", "an empty name", (4, 5)),
    ("y ~ 'x'", "text in quotes is not a term", (4, 5)),
    ("y ~ x[1]", "'[' is not part of the formula language", "["),
    ("y ~ x < 3", "'<' is not an operator of formulas", "<"),
    ("y ~ $x", "the character '$' means nothing", "$"),
    ("y ~ x; z", "the character ';' means nothing", ";"),
    ("y ~ x # note", "the character '#' means nothing", "#"),
    # Numbers.
    ("y ~ 2", "a number other than 0 and 1", "2"),
    ("y ~ x^z", "a power of terms is a whole number", "z"),
    ("y ~ x^0", "a power of terms is a whole number", "0"),
    ("y ~ (a + b)^99", "from 1 to 12", "99"),
    ("y ~ 0:x", "0 can only be added", "0"),
    ("y ~ x + 2:x", "stands in the formula twice, in two scales", (4, 5)),
    # Group terms.
    ("y ~ x | g", "a group term stands in brackets", "|"),
    ("y ~ (x | )", "nothing stands on the right of '|'", "|"),
    ("y ~ ( | g)", "nothing stands on the left of '|'", "|"),
    ("y ~ (1 | g | h | f)", "only one '|' or '||'", (11, 12)),
    ("y ~ (1 || g | h)", "only one '|' or '||'", (12, 13)),
    ("y ~ (1 ||| g)", "write '|' or '||'", "|||"),
    ("y ~ (1 | (1 | g))", "a group term cannot stand inside another", "(1 | g)"),
    ("y ~ (0 | g)", "nothing varies in this group term", "(0 | g)"),
    ("y ~ (1 | 3)", "a grouping factor is a column, not a number", "3"),
    ("y ~ (1 | .)", "'.' cannot be a grouping factor", "."),
    ("y ~ x:(1 | g)", "a group term cannot be part of an interaction", "(1 | g)"),
    ("y ~ (1 | g) + (1 | g)", "varies over 'g' twice", (14, 21)),
    ("y ~ (x | g) + (1 | g)", "'Intercept' varies over 'g' twice", "(1 | g)"),
    ("y ~ (1 | a:b) + (1 | b:a)", "twice", "(1 | b:a)"),
    ("y ~ (offset(x) | g)", "an offset cannot vary over a group", "offset(x)"),
    # The left-hand side.
    ("y + x ~ z", "write I(y + x)", "y + x"),
    ("y x ~ z", "one response stands on the left", "y x"),
    ("1 ~ x", "one response stands on the left", "1"),
    ("y ~ y", "'y' is the response and cannot explain itself", (4, 5)),
    ("log(y) ~ x + y", "'y' is the response", (13, 14)),
    ("y ~ (1 | y)", "'y' is the response", (9, 10)),
    ("cbind(s, n - s) ~ n", "'n' is the response", (18, 19)),
    ("y | foo(n) ~ x", "'foo' is not known on the left", "foo(n)"),
    ("y | weight(n) ~ x", "did you mean 'weights'?", "weight(n)"),
    ("y | ~ x", "nothing stands on the right of this '|'", "|"),
    ("y || se(s) ~ x", "one '|' on the left", "||"),
    ("y | weights(w) | se(s) ~ x", "additions joined by '+'", (15, 16)),
    ("y | weights(w) se(s) ~ x", "join additions with '+'", "se(s)"),
    ("y | trials() ~ x", "an argument of trials(...) is missing", "trials()"),
    ("y | trials(n, 3) ~ x", "trials(...) takes one argument, not 2", "trials(n, 3)"),
    ("y | se(s) + se(s) ~ x", "se(...) stands here twice", (12, 17)),
    ("y | se(s, tau=TRUE) ~ x", "sigma=TRUE or sigma=FALSE", "tau=TRUE"),
    ("trials(n) ~ x", "write 'y | trials(n) ~ ...'", "trials(n)"),
    ("cbind(s) ~ x", "cbind(...) takes successes and failures", "cbind(s)"),
    ("cbind(s, f) | trials(n) ~ x", "already says the number of trials", "trials(n)"),
    # Calls.
    ("y ~ lgo(x)", "did you mean 'log'?", "lgo"),
    ("y ~ spam(x)", "'spam' is not a function that a formula may call", "spam"),
    ("y ~ lag(x)", "make the lagged column in the table", "lag"),
    ("y ~ trials(n)", "belongs on the left of '~'", "trials"),
    ("y ~ cbind(s, f)", "belongs on the left of '~'", "cbind"),
    ("y ~ log(offset(x))", "must stand as a term of its own", "offset"),
    ("y ~ x:offset(z)", "an offset cannot be part of an interaction", "offset(z)"),
    ("y ~ offset()", "an argument of offset(...) is missing", "offset()"),
    ("y ~ offset(x, z)", "offset(...) takes one argument, not 2", "offset(x, z)"),
    ("y ~ log()", "log(...) takes one or two arguments, not 0", "log()"),
    ("y ~ sqrt(x, z)", "sqrt(...) takes one argument, not 2", "sqrt(x, z)"),
    ("y ~ I()", "I(...) takes one argument, not 0", "I()"),
    ("y ~ I(x, z)", "I(...) takes one argument, not 2", "I(x, z)"),
    ("y ~ C()", "the first argument of C(...) is missing", "C()"),
    ("y ~ I(x + )", "this expression cannot be read from here on", ")"),
    ("y ~ I(1 < x < 3)", "compare two things at a time", "1 < x < 3"),
    ("y ~ bs(x, df=5000)", "a basis may have 1000 columns at most", "5000"),
    ("y ~ bs(x, df=z)", "give the size of a basis as a number", "z"),
    ("größe ~ log(ä) + lgo(é)", "did you mean 'log'?", "lgo"),
    ("größe ~ I(ä + é[1])", "a subscript is not allowed", "é[1]"),
]


@pytest.mark.parametrize(("text", "message", "place"), BAD, ids=[b[0] for b in BAD])
def test_what_is_wrong_and_where(text, message, place):
    with pytest.raises(FormulaError) as caught:
        parse(text, COLUMNS)
    error = caught.value
    assert message in error.message
    assert error.source == text
    if place is None:
        assert error.start is None
        return
    if isinstance(place, str):
        assert text.count(place) == 1, "the table must say which one is meant"
        place = (text.index(place), text.index(place) + len(place))
    assert (error.start, error.end) == place
    # The picture: the line of the formula, and carets below the offending characters.
    assert str(error).endswith(f"  {text}\n  {' ' * place[0]}{'^' * (place[1] - place[0])}")


def test_the_caret_of_a_formula_of_several_lines_stands_below_its_line():
    with pytest.raises(FormulaError) as caught:
        parse("y ~ x +\n    spam(z) +\n    w")
    assert str(caught.value).splitlines()[1:] == ["      spam(z) +", "      ^^^^"]


@pytest.mark.parametrize("columns", [(), ("y",)])
def test_a_dot_needs_other_columns(columns):
    with pytest.raises(FormulaError, match="stands for the other columns of the table") as caught:
        parse("y ~ x + .", columns)
    assert (caught.value.start, caught.value.end) == (8, 9)


@pytest.mark.parametrize("text", [None, 3, b"y ~ x", ["y ~ x"]])
def test_a_formula_is_text(text):
    with pytest.raises(FormulaError, match="a formula is text"):
        parse(text)


def test_functions_of_one_s_own_must_be_passed():
    with pytest.raises(FormulaError, match="'double' is not a function"):
        parse("y ~ double(x)")
    factor = parse("y ~ double(x) + double", functions=("double",)).common
    assert [t.label for t in factor] == ["Intercept", "double(x)", "double"]


PIECES = [
    *("y", "x", "g", "~", "|", "||", "(", ")", "+", "-", "*", ":", "/", "^", "1", "0", "2", "."),
    *("log(", "I(", "{", "}", "`", "'", '"', "offset(", "trials(", "cbind(", ",", "=", " ", "\n"),
    *("%in%", "[", "]", "9**9", "C(", "é", "\\", "\x00", "TRUE", "np.", "lambda ", "not ", "f'"),
    *("<", "&"),
]


@settings(derandomize=True, max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_pieces_in_any_order_are_read_or_refused(text):
    _read_or_refuse(text)
    _read_or_refuse("y ~ " + text)


@settings(derandomize=True, max_examples=400, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    _read_or_refuse(text)
    _read_or_refuse(f"y ~ I({text})")


def _read_or_refuse(text):
    try:
        formula = parse(text, COLUMNS)
    except FormulaError as caught:
        error = caught
    else:
        assert isinstance(formula, Formula)
        assert parse(text, COLUMNS) == formula
        return
    assert error.source == text
    assert error.start is None or 0 <= error.start < error.end <= max(len(text), 1)
