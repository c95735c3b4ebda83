"""Names of parameters and hypotheses: read back as written, or one of hierglm's errors."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from hierglm.errors import HierglmError, SettingsError
from hierglm.hypotheses.expressions import parse as parse_hypothesis
from hierglm.names import EFFECTS, Parameter, flat_name, parse_name, parse_qualified, qualified
from tests.hostile.guard import check_message, guarded

SEEDS = [
    *("b[x]", "sd[school:x]", "cor[school:Intercept,x]", "r[school:A,x]", "sigma", "b[x]@a.sigma"),
    *("sd[`a:b`:x]", "b[`a``b`]", "cor[g:Intercept@a,x@b]", "loading[g:x,1]", "rho[g:iso(x + z)]"),
    *("b[x] > 0", "b[x] - 2 * sigma = log(sd[g:x])", "(sigma^2 + 1) / 3 < exp(-b[x])"),
]
_pieces = [
    "[",
    "]",
    "(",
    ")",
    "`",
    "``",
    ":",
    ",",
    "@",
    ".",
    " ",
    "\n",
    "\x00",
    "\ud800",
    "é",
    "🙂",
]
LABELS = st.one_of(
    st.sampled_from(["", "x", "Intercept", "I(x**2)", "a:b", "lvl b", "}", '"', "'", "`", "\\"]),
    st.lists(st.sampled_from([*_pieces, "x", "b", "sd"]), max_size=12).map("".join),
    st.text(max_size=30),
)
_parameters = st.tuples(st.sampled_from(EFFECTS), *[LABELS] * 6).map(list)


@st.composite
def _changed(draw: Any) -> str:
    text = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(0, 5))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 5)))
        new = draw(st.one_of(st.sampled_from([*_pieces, *SEEDS, "(" * 99, "-"]), st.characters()))
        text = text[:start] + new + text[end:]
    return str(text)


STRATEGY = st.one_of(_parameters, _changed(), st.text(max_size=40))


def check(value: Any) -> None:
    """Write and read a parameter (a list: effect and labels), or read a text as whatever it is."""
    with guarded():
        if isinstance(value, list):
            _round(value)
            return
        for read in (parse_name, parse_qualified, parse_hypothesis):
            try:
                found = read(value)
            except HierglmError as error:
                check_message(error)
            else:
                if isinstance(found, Parameter):
                    assert parse_name(flat_name(found)) == found


def _round(value: list[str]) -> None:
    effect, group, level, term, term2, response, dpar = value
    has = {
        "fixed": (),
        "family": (),
        "ran_sd": ("group",),
        "ran_alpha": ("group",),
        "ran_rho": ("group",),
        "ran_df": ("group",),
        "ran_cor": ("group", "term2"),
        "ran_loading": ("group", "term2"),
        "ran_vals": ("group", "level"),
        "ran_coefs": ("group", "level"),
    }[effect]
    every = {"group": group, "level": level, "term2": term2}
    labels = {name: text for name, text in every.items() if name in has}
    parameter = Parameter(effect, term=term, response=response, dpar=dpar, **labels)
    try:
        name = flat_name(parameter)
    except SettingsError as error:
        check_message(error)
        return
    assert parse_name(name) == parameter, name
    assert parse_qualified(qualified(term, response, dpar)) == (term, response, dpar)
