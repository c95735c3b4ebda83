"""One parameter as columns, and its flat name: a grammar that can be read back.

::

    b[x]                      fixed       coefficient
    sd[school:x]              ran_sd      standard deviation over the levels of a group
    cor[school:Intercept,x]   ran_cor     correlation of two effects of a group
    loading[school:x,1]       ran_loading loading of an effect of a group on a factor
    alpha[school:x]           ran_alpha   how much a level follows its neighbours on a graph
    rho[school:x]             ran_rho     share of the variance that follows a graph
    df[school:x]              ran_df      degrees of freedom of Student t effects
    r[school:A,x]             ran_vals    a level's deviation from the common coefficient
    coef[school:A,x]          ran_coefs   a level's own coefficient
    sigma                     family      parameter of the response's distribution
    b[x]@sales.sigma          any of them, of a response and a parameter of its distribution

What all effects of a term have in common has the term for a label: ``sd[school:iso(x + z)]``,
``cor[school:cs(x + z)]``.

A correlation between effects on two of several predictors names each with its effect:
``cor[school:Intercept@score,Intercept@passed]``.

Labels stand as the user wrote them. Only where one could be misread (a group that holds a
``:``, a level with a ``,`` outside brackets, brackets that do not close, a backtick, blanks
at an end, an empty label) is it put in backticks, with backticks inside it doubled:
``sd[`a:b`:x]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hierglm.errors import SettingsError, suggest
from hierglm.name_reader import NameReader, label_end

KINDS: Mapping[str, str] = {
    "fixed": "b",
    "ran_sd": "sd",
    "ran_cor": "cor",
    "ran_loading": "loading",
    "ran_alpha": "alpha",
    "ran_rho": "rho",
    "ran_df": "df",
    "ran_vals": "r",
    "ran_coefs": "coef",
}
"""What stands before the bracket, by effect; a family's parameters have no bracket."""

EFFECTS = (*KINDS, "family")
UNSEEN = ("ran_weight",)
"""Kinds of draws that no table shows: weights of levels, by which effects are drawn."""
VARIATION = ("ran_sd", "ran_cor", "ran_alpha", "ran_rho", "ran_df")
"""Kinds of parameters that say how the effects of a group vary."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """The key of one parameter, as columns; a label that does not apply is "".

    Attributes
    ----------
    effect : str
        What kind of parameter it is, one of `EFFECTS`.
    group : str
        Name of the grouping factor.
    level : object
        Level of the group, in its own type.
    term : str
        Label of the coefficient; of a family's parameter its name.
    term2 : str
        The other term of a correlation, "" where one correlation is that of all effects; of a
        loading the number of the factor.
    response, dpar : str
        Response and parameter of its distribution, where there are several.

    Examples
    --------
    >>> str(Parameter("ran_vals", "school", "A", "x"))
    'r[school:A,x]'
    """

    effect: str
    group: str = ""
    level: Any = ""
    term: str = ""
    term2: str = ""
    response: str = ""
    dpar: str = ""

    def __str__(self) -> str:
        return flat_name(self)


def flat_name(parameter: Parameter) -> str:
    """Return the name of a parameter, which `parse_name` reads back.

    Raises
    ------
    SettingsError
        For an effect that is not among `EFFECTS`.

    Examples
    --------
    >>> flat_name(Parameter("ran_cor", "school", "", "Intercept", "x"))
    'cor[school:Intercept,x]'
    """
    p = parameter
    last = _component(p.term)
    match p.effect:
        case "family":
            inside = ""
        case "fixed":
            inside = last
        case "ran_sd" | "ran_alpha" | "ran_rho" | "ran_df":
            inside = f"{_component(p.group, ':')}:{last}"
        case "ran_cor" | "ran_loading":
            second = f",{_component(p.term2)}" if p.term2 else ""
            inside = f"{_component(p.group, ':')}:{_component(p.term, ',')}{second}"
        case "ran_vals" | "ran_coefs":
            inside = f"{_component(p.group, ':')}:{_component(str(p.level), ',')},{last}"
        case _:
            raise SettingsError(f"no effect {p.effect!r}{suggest(p.effect, EFFECTS)}")
    name = f"{KINDS[p.effect]}[{inside}]" if inside else _word(p.term)
    return name + of_predictor(p.response, p.dpar)


def of_predictor(response: str, dpar: str = "") -> str:
    """Return what a name ends in where there are several predictors.

    Examples
    --------
    >>> of_predictor("score"), of_predictor("score", "sigma"), of_predictor("", "")
    ('@score', '@score.sigma', '')
    """
    if not (response or dpar):
        return ""
    return "@" + (_word(response) if response else "") + (f".{_word(dpar)}" if dpar else "")


def qualified(term: str, response: str, dpar: str = "") -> str:
    """Return the label of an effect that says which of several predictors it is on.

    Examples
    --------
    >>> qualified("Intercept", "score"), qualified("a@b", "", "sigma")
    ('Intercept@score', '`a@b`@.sigma')
    """
    return _component(term, "@") + of_predictor(response, dpar)


def parse_qualified(label: str) -> tuple[str, str, str]:
    """Return term, response and parameter of what `qualified` returned.

    Raises
    ------
    SettingsError
        For another text.
    """
    reader = NameReader(label)
    return (reader.until("@"), *reader.predictor())


def group_name(effect: str, group: str) -> str:
    """Return the name of all parameters of a kind that belong to a group: ``"sd[school]"``.

    Examples
    --------
    >>> group_name("ran_cor", "school")
    'cor[school]'
    """
    return f"{KINDS[effect]}[{_component(group, ':')}]"


def parse_name(name: str) -> Parameter:
    """Return the parameter of a flat name; its level is a str, whatever type it had.

    Raises
    ------
    SettingsError
        For a text that no parameter has as its name.

    Examples
    --------
    >>> parse_name("r[school:A,x]").level
    'A'
    """
    reader = NameReader(name)
    effect = next((e for e, kind in KINDS.items() if name.startswith(kind + "[")), "family")
    parts = {"effect": effect, "group": "", "level": "", "term": "", "term2": ""}
    if effect == "family":
        parts["term"] = reader.until("@.")
    else:
        reader.skip(KINDS[effect] + "[")
        if effect != "fixed":
            parts["group"] = reader.until(":")
            reader.skip(":")
        if effect in ("ran_vals", "ran_coefs"):
            parts["level"] = reader.until(",")
            reader.skip(",")
        paired = effect in ("ran_cor", "ran_loading")
        parts["term"] = reader.until("," if paired else "")
        if paired and reader.at(","):
            reader.skip(",")
            parts["term2"] = reader.until("")
        reader.skip("]")
    response, dpar = reader.predictor()
    return Parameter(**parts, response=response, dpar=dpar)


def _component(label: str, stops: str = "") -> str:
    """Return a label that ends at one of `stops` or at the closing bracket."""
    plain = (
        label != ""
        and "`" not in label
        and label == label.strip()
        and label_end(label, 0, stops) == len(label)
    )
    return label if plain else _quote(label)


def _word(label: str) -> str:
    return label if label.isidentifier() else _quote(label)


def _quote(label: str) -> str:
    return "`" + label.replace("`", "``") + "`"
