"""Flat names read back to the parameter they name, whatever its labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hierglm.draws.draws import Draws, Variable
from hierglm.draws.parameters import check_effects, entries
from hierglm.errors import SettingsError
from hierglm.names import (
    EFFECTS,
    Parameter,
    flat_name,
    parse_name,
    parse_qualified,
    qualified,
)

ORDINARY = [
    ("b[Intercept]", Parameter("fixed", term="Intercept")),
    ("b[x]", Parameter("fixed", term="x")),
    ("b[period[T.2]]", Parameter("fixed", term="period[T.2]")),
    ("b[poly(x, 2)1]", Parameter("fixed", term="poly(x, 2)1")),
    ("b[lvl b]", Parameter("fixed", term="lvl b")),
    ("b[x:z]", Parameter("fixed", term="x:z")),
    ("sd[school:x]", Parameter("ran_sd", "school", term="x")),
    ("sd[school:x:z]", Parameter("ran_sd", "school", term="x:z")),
    ("sd[`a:b`:Intercept]", Parameter("ran_sd", "a:b", term="Intercept")),
    ("cor[school:Intercept,x]", Parameter("ran_cor", "school", term="Intercept", term2="x")),
    ("sd[g:iso(x + z)]", Parameter("ran_sd", "g", term="iso(x + z)")),
    ("cor[g:cs(0 + x + z)]", Parameter("ran_cor", "g", term="cs(0 + x + z)")),
    ("cor[g:`a,b`]", Parameter("ran_cor", "g", term="a,b")),
    ("cor[g:`a,b`,c,d]", Parameter("ran_cor", "g", term="a,b", term2="c,d")),
    ("sd[g:Intercept:fa]", Parameter("ran_sd", "g", term="Intercept:fa")),
    ("loading[g:x,2]", Parameter("ran_loading", "g", term="x", term2="2")),
    ("alpha[g:x]", Parameter("ran_alpha", "g", term="x")),
    ("rho[`mm(a`:Intercept]", Parameter("ran_rho", "mm(a", term="Intercept")),
    ("df[mm(a, b):1 + x]", Parameter("ran_df", "mm(a, b)", term="1 + x")),
    ("r[mm(a, b):A,x]", Parameter("ran_vals", "mm(a, b)", "A", "x")),
    ("r[school:A,x]", Parameter("ran_vals", "school", "A", "x")),
    ("r[county:`Aitkin, MN`,x]", Parameter("ran_vals", "county", "Aitkin, MN", "x")),
    ("r[`a:b`:A:1,x]", Parameter("ran_vals", "a:b", "A:1", "x")),
    ("r[g:f(1, 2),x]", Parameter("ran_vals", "g", "f(1, 2)", "x")),
    ("r[g:``,x]", Parameter("ran_vals", "g", "", "x")),
    ("r[g:`1)`,x]", Parameter("ran_vals", "g", "1)", "x")),
    ("r[g:```q```,x]", Parameter("ran_vals", "g", "`q`", "x")),
    ("coef[school:A,x]", Parameter("ran_coefs", "school", "A", "x")),
    ("sigma", Parameter("family", term="sigma")),
    ("`b[x]`", Parameter("family", term="b[x]")),
    ("b[x]@sales", Parameter("fixed", term="x", response="sales")),
    ("b[x]@.sigma", Parameter("fixed", term="x", dpar="sigma")),
    ("sigma@`log(y)`", Parameter("family", term="sigma", response="log(y)")),
]


@pytest.mark.parametrize(("name", "parameter"), ORDINARY)
def test_names_as_written(name: str, parameter: Parameter) -> None:
    assert flat_name(parameter) == name
    assert parse_name(name) == parameter
    assert str(parameter) == name


def test_numbers_stay_bare_and_come_back_as_text() -> None:
    parameter = Parameter("ran_vals", "county", np.int64(7), "x")
    assert flat_name(parameter) == "r[county:7,x]"
    assert parse_name("r[county:7,x]") == replace(parameter, level="7")


TEXT = st.one_of(st.text(), st.text(alphabet="`[](){},:@.\n\"' ab\u00e9\U0001f600", max_size=8))


@st.composite
def parameters(draw: st.DrawFn) -> Parameter:
    effect = draw(st.sampled_from(EFFECTS))
    has = {
        "group": effect.startswith("ran"),
        "level": effect in ("ran_vals", "ran_coefs"),
        "term": True,
        "term2": effect in ("ran_cor", "ran_loading") and draw(st.booleans()),
        "response": draw(st.booleans()),
        "dpar": draw(st.booleans()),
    }
    return Parameter(effect, **{k: draw(TEXT) if used else "" for k, used in has.items()})


@given(parameters())
@example(Parameter("family", term="@"))
@example(Parameter("fixed", term=""))
@example(Parameter("fixed", term="]@"))
@example(Parameter("ran_vals", "", "", ""))
def test_every_name_reads_back(parameter: Parameter) -> None:
    assert parse_name(flat_name(parameter)) == parameter


@given(parameters(), parameters())
def test_different_parameters_have_different_names(one: Parameter, other: Parameter) -> None:
    assert (one == other) == (flat_name(one) == flat_name(other))


@given(TEXT, TEXT, TEXT)
@example("a@b", "", "")
@example("", "", "sigma")
def test_every_qualified_label_reads_back(term: str, response: str, dpar: str) -> None:
    assert parse_qualified(qualified(term, response, dpar)) == (term, response, dpar)


@given(TEXT, TEXT, TEXT, TEXT)
def test_correlations_across_predictors_read_back(
    group: str, term: str, response: str, dpar: str
) -> None:
    one, two = qualified(term, response), qualified(term, response, dpar)
    p = parse_name(flat_name(Parameter("ran_cor", group, term=one, term2=two)))
    assert parse_qualified(p.term) == (term, response, "")
    assert parse_qualified(p.term2) == (term, response, dpar)


def test_labels_across_predictors_as_written() -> None:
    one, two = qualified("Intercept", "score"), qualified("Intercept", "", "sigma")
    name = flat_name(Parameter("ran_cor", "school", term=one, term2=two))
    assert name == "cor[school:Intercept@score,Intercept@.sigma]"


@given(TEXT)
def test_any_text_is_a_name_or_a_settings_error(text: str) -> None:
    try:
        parameter = parse_name(text)
    except SettingsError:
        return
    assert parse_name(flat_name(parameter)) == parameter


@pytest.mark.parametrize(
    "text",
    [
        "",
        "b[",
        "b[]",
        "b[x",
        "b[x]]",
        "sd[x]",
        "cor[g:x,]",
        "r[g:A]",
        "b[`x]",
        "b[x] ",
        "b[x]@.",
        "@y",
    ],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="names look like"):
        parse_name(text)


def test_unknown_effect_is_refused_with_a_suggestion() -> None:
    with pytest.raises(SettingsError, match="did you mean 'ran_vals'"):
        flat_name(Parameter("ranvals"))
    with pytest.raises(SettingsError, match="did you mean 'fixed'"):
        check_effects(["fixd"])


def test_entries_are_in_order_and_find_their_draws() -> None:
    rng = np.random.default_rng(0)
    terms = ("Intercept", "x")
    levels = np.array([7, 9, 10])
    variables = [
        Variable("b", "fixed", "", rng.normal(size=(2, 5, 2)), (("term", terms),)),
        Variable("sd_g", "ran_sd", "g", rng.normal(size=(2, 5, 2)), (("g_term", terms),)),
        Variable("cor_g", "ran_cor", "g", rng.normal(size=(2, 5, 1)), (("g_pair", (terms,)),)),
        Variable(
            "r_g",
            "ran_vals",
            "g",
            rng.normal(size=(2, 5, 3, 2)),
            (("g", levels), ("g_term", terms)),
        ),
        Variable("sigma", "family", "", rng.normal(size=(2, 5)), ()),
    ]
    draws = Draws({v.name: v for v in variables}, {"lp": np.zeros((2, 5))})
    found = {str(e.parameter): e for e in entries(draws)}
    assert list(found) == [
        "b[Intercept]", "b[x]", "sd[g:Intercept]", "sd[g:x]", "cor[g:Intercept,x]",
        "r[g:7,Intercept]", "r[g:7,x]", "r[g:9,Intercept]", "r[g:9,x]",
        "r[g:10,Intercept]", "r[g:10,x]", "sigma",
    ]  # fmt: skip
    e = found["r[g:9,x]"]
    assert e.parameter.level == 9
    assert isinstance(e.parameter.level, np.integer)
    assert (e.variable, e.index) == ("r_g", (1, 1))
    assert found["sigma"].index == ()
    assert [str(e.parameter) for e in entries(draws, ("family",))] == ["sigma"]
