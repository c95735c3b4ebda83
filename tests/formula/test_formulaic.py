"""What we assume of formulaic, so that a new version that differs is found here first."""

import ast
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from formulaic import Formula, ModelSpec
from formulaic.errors import DataMismatchWarning, FormulaicError
from formulaic.parser.algos.tokens_to_ast import tokens_to_ast
from formulaic.parser.parser import DefaultOperatorResolver
from formulaic.parser.types import Factor, Term, Token

import hierglm

TABLE = pd.DataFrame({"a": [1.0, 2, 3, 4], "f": list("uvwu")})


def token(text, kind="name"):
    return Token(text, kind=kind, source=text, source_start=0, source_end=len(text))


def terms_of(*pieces):
    kinds = {"+": "operator", "-": "operator", "*": "operator", "/": "operator", ":": "operator"}
    tokens = [token(p, kinds.get(p, "context" if p in "()" else "name")) for p in pieces]
    return [
        tuple(f.expr for f in term.factors)
        for term in tokens_to_ast(tokens, DefaultOperatorResolver()).to_terms()
    ]


def test_tokens_multiply_out():
    assert terms_of("a", "*", "b") == [("a",), ("b",), ("a", "b")]
    assert terms_of("a", "/", "b") == [("a",), ("a", "b")]
    assert terms_of("(", "a", "+", "b", ")", ":", "c") == [("a", "c"), ("b", "c")]
    assert terms_of("a", "+", "b", "-", "a") == [("b",)]


def test_factors_keep_the_token_they_came_from():
    made = Token("x", kind="name", source="y ~ x", source_start=4, source_end=5)
    (term,) = tokens_to_ast([made], DefaultOperatorResolver()).to_terms()
    assert term.factors[0].token.source_start == 4
    assert term.factors[0].eval_method.value == "lookup"


def matrix_of(*factors, data=TABLE):
    terms = [Term([Factor("1", eval_method="literal")]), *(Term([f]) for f in factors)]
    made = Formula(terms, _ordering="none").get_model_matrix(
        data, na_action="ignore", output="numpy", context={"twice": lambda x: 2 * x}
    )
    return made, made.model_spec


def test_terms_of_our_own_keep_their_order_and_name_their_columns():
    factors = (Factor("f", eval_method="lookup"), Factor("twice(a)", eval_method="python"))
    matrix, spec = matrix_of(*factors)
    assert isinstance(spec, ModelSpec)
    columns = [[str(c) for c in s.columns] for s in spec.structure]
    assert columns == [["Intercept"], ["f[T.v]", "f[T.w]"], ["twice(a)"]]
    expected = [[1, 0, 0, 2], [1, 1, 0, 4], [1, 0, 1, 6], [1, 0, 0, 8]]
    np.testing.assert_array_equal(np.asarray(matrix), expected)


def test_a_looked_up_name_is_never_evaluated():
    with pytest.raises(FormulaicError):
        matrix_of(Factor("twice(a)", eval_method="lookup"))


def test_an_unseen_level_is_only_warned_of():
    _, spec = matrix_of(Factor("C(f)", eval_method="python"))
    new = pd.DataFrame({"a": [1.0], "f": ["new"]})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made = spec.get_model_matrix(new, na_action="ignore", output="numpy")
    said = [str(w.message) for w in caught if w.category is DataMismatchWarning]
    assert len(said) == 1
    assert "{'new'}" in said[0]
    # This is why the warning is an error with us: the new level reads as the baseline.
    np.testing.assert_array_equal(np.asarray(made), [[1, 0, 0]])


def test_a_spec_remembers_what_it_saw():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, spec = matrix_of(Factor("scale(a)", eval_method="python"))
        one = np.asarray(spec.get_model_matrix(TABLE.iloc[[3]], output="numpy"))
    assert one[0, 1] == pytest.approx((4 - 2.5) / TABLE["a"].std(ddof=1))


def test_only_the_grammar_reads_formulaic_s_parser():
    home = Path(hierglm.__file__).parent
    readers = set()
    for path in home.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("formulaic"):
                readers.add((path.relative_to(home).as_posix(), node.module))
            elif isinstance(node, ast.Import):
                assert not any(a.name.startswith("formulaic") for a in node.names), path
    parsers = {path for path, module in readers if module.startswith("formulaic.parser")}
    assert parsers == {"formula/grammar.py"}
    assert {path for path, _ in readers} == {"formula/grammar.py", "design/materialised.py"}
