"""Ranks of ``rr(x | g, rank=2)``, checked."""

from __future__ import annotations

from hierglm.design.design import Grouping
from hierglm.errors import FormulaError
from hierglm.formula.terms import Formula, GroupTerm


def check_ranks(formula: Formula, groups: tuple[Grouping, ...]) -> None:
    """Refuse ranks that no covariance of a term's effects can have.

    Parameters
    ----------
    formula : Formula
    groups : tuple of Grouping
        Its group terms, encoded.

    Raises
    ------
    FormulaError
        Points at the term.
    """
    for term, grouping in zip(formula.groups, groups, strict=True):
        problem = _problem(term, len(grouping.terms)) if term.structure.kind == "rr" else ""
        if problem:
            raise FormulaError(problem, formula.source, term.start, term.end)


def _problem(term: GroupTerm, effects: int) -> str:
    rank, d = term.structure.option("rank"), term.structure.option("d")
    given = d if rank is None else rank
    count = f"{effects} effect{'' if effects == 1 else 's'}"
    if rank is not None and d is not None:
        return "rank and d are two names of one number: give one of them"
    if isinstance(given, str) and given != "auto":
        return f'rank must be a whole number or "auto", not {given!r}'
    if given == 0:
        return "rank must be 1 or more; for no variation leave the term out"
    if isinstance(given, float) and given > effects:
        return (
            f"rank {given:g} is more than the {count} of {term.source}: at full rank write "
            f"({term.source.partition('(')[2].partition('|')[0].strip()} | {term.group})"
        )
    return ""
