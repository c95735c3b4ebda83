"""Formulas of a family's parameters, beside that of its response."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hierglm.errors import FormulaError, suggest
from hierglm.families import Family
from hierglm.formula.parse import check_response_is_new
from hierglm.formula.terms import Formula, ResponseTerm


def modelled(formulas: Sequence[Formula], chosen: Family) -> list[str]:
    """Return the parameter that each further formula is of.

    Parameters
    ----------
    formulas : sequence of Formula
        Such as ``sigma ~ x``.
    chosen : Family

    Raises
    ------
    FormulaError
        A name that is no parameter of the family, twice the same, or more than a name; points
        into the formula.
    """
    known = [p.name for p in chosen.parameters if p.support != "ordered"]
    found: list[str] = []
    for formula in formulas:
        r = formula.response
        name = r.value.label
        at = (formula.source, r.value.start, r.value.end)
        if chosen.categories:
            raise FormulaError(
                f"all categories have the predictors of the first formula; write every term "
                f"there, and take one from {name!r} by its prior, "
                f"priors={{'b[x]@.{name}': hierglm.prior.constant(0)}}",
                *at,
            )
        if name not in known:
            raise FormulaError(
                f"{name!r} is no parameter of {chosen.name} that can have a formula"
                f"{suggest(name, known)}",
                *at,
            )
        if name in found:
            raise FormulaError(f"{name!r} has two formulas", *at)
        if r.names != (name,) or r.source.strip() != name:
            raise FormulaError(
                "weights, trials and se belong to the response, in the first formula", *at
            )
        found.append(name)
    return found


def about(formula: Formula, response: ResponseTerm) -> Formula:
    """Return the formula of a parameter with the response that it is about."""
    whole = replace(formula, response=response)
    check_response_is_new(whole)
    return whole
