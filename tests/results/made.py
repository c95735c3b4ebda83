"""Fits made by hand: known draws, no sampling, no table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Columns, Design, Grouping, Response
from hierglm.draws.draws import Draws, Variable
from hierglm.engines.engine import Settings
from hierglm.formula.terms import INTERCEPT, Factor, Formula, GroupTerm, ResponseTerm, Term
from hierglm.models import specify
from hierglm.plan.choose import choose
from hierglm.program.write import write
from hierglm.results.fitted import Fitted

ENCODING: Any = SimpleNamespace()


def made(
    terms: Sequence[str] = ("Intercept", "x"),
    levels: Sequence[Any] | NDArray[Any] = ("A", "B", "C"),
    group: str = "school",
    family: str = "gaussian",
    chains: int = 4,
    draws: int = 250,
    seed: int = 7,
    varying: Sequence[str] | None = None,
    second: Sequence[Any] | None = None,
) -> Fitted:
    """Return a fit of ``score ~ ... + (... | school)`` whose draws are plain random numbers."""
    rng = np.random.default_rng(seed)
    varying = terms if varying is None else varying
    groups = [(group, np.asarray(levels), tuple(varying))]
    if second is not None:
        groups.append(("year", np.asarray(second), ("Intercept",)))
    design = _design(tuple(terms), groups, family)
    plan = choose(specify(design, family), frozenset())
    variables = _variables(rng, tuple(terms), groups, chains, draws)
    if family == "gaussian":
        sigma = np.exp(rng.normal(np.log(0.75), 0.02, size=(chains, draws)))
        variables.append(Variable("sigma", "family", "", sigma, ()))
    return Fitted(
        plan=replace(plan, numbers=None),
        program=write(plan),
        settings=Settings(chains=chains, warmup=500, draws=draws, seed=seed),
        draws=Draws({v.name: v for v in variables}, stats(chains, draws), (1.5,) * chains),
        engine="embedded",
        versions={"hierglm": "0.1.0", "python": "3.11.2", "stanli": "0.24.0"},
        seconds=6.25,
        notes=design.notes,
    )


def stats(chains: int, draws: int) -> dict[str, NDArray[Any]]:
    """Return the statistics of a sampler without trouble."""
    rng = np.random.default_rng(11)
    return {
        "lp": rng.normal(-100, 2, size=(chains, draws)),
        "acceptance_rate": rng.uniform(0.8, 1, size=(chains, draws)),
        "step_size": np.full((chains, draws), 0.4),
        "tree_depth": np.full((chains, draws), 3),
        "n_steps": np.full((chains, draws), 7),
        "diverging": np.zeros((chains, draws), dtype=bool),
        "energy": rng.normal(100, 3, size=(chains, draws)),
    }


def _factor(label: str) -> Factor:
    return Factor(label, label, "name", (label,))


def _term(label: str) -> Term:
    return INTERCEPT if label == "Intercept" else Term((_factor(label),))


def _design(
    terms: tuple[str, ...], groups: list[tuple[str, NDArray[Any], tuple[str, ...]]], family: str
) -> Design:
    rng = np.random.default_rng(3)
    rows = max(12, 2 * max(len(levels) for _, levels, _ in groups))
    slopes = tuple(t for t in terms if t != "Intercept")
    y = rng.normal(5, 2, rows) if family == "gaussian" else rng.integers(0, 2, rows) * 1.0
    source = "score ~ " + " + ".join(slopes or ("1",))
    group_terms, groupings = [], []
    for name, levels, varying in groups:
        text = f"({' + '.join(t for t in varying if t != 'Intercept') or '1'} | {name})"
        source += f" + {text}"
        group_terms.append(GroupTerm(tuple(map(_term, varying)), (_factor(name),), text))
        z = np.column_stack([np.ones(rows), rng.normal(size=(rows, len(varying) - 1))])
        groupings.append(
            Grouping(
                name,
                levels,
                np.arange(rows) % len(levels),
                Columns(z, varying, ENCODING),
                text,
            )
        )
    formula = Formula(
        ResponseTerm(_factor("score"), source="score"),
        tuple(map(_term, terms)),
        (),
        tuple(group_terms),
        source,
    )
    x = rng.normal(size=(rows, len(slopes)))
    return Design(
        formula=formula,
        response=Response("score", y, np.arange(rows)),
        intercept="Intercept" in terms,
        common=Columns(x, slopes, ENCODING),
        offset=None,
        groups=tuple(groupings),
        kept=np.arange(rows),
        total=rows + 2,
        notes=("2 rows with missing values were dropped",),
        table=ENCODING,
        functions={},
    )


def _variables(
    rng: np.random.Generator,
    terms: tuple[str, ...],
    groups: list[tuple[str, NDArray[Any], tuple[str, ...]]],
    chains: int,
    draws: int,
) -> list[Variable]:
    shape = (chains, draws)
    centre = 1.5 - 0.7 * np.arange(len(terms))
    b = rng.normal(centre, 0.1 * (1 + np.arange(len(terms))), size=(*shape, len(terms)))
    variables = [Variable("b", "fixed", "", b, (("term", terms),))]
    for name, levels, varying in groups:
        q = len(varying)
        by_term = (f"{name}_term", varying)
        sd = np.exp(rng.normal(-1, 0.2, size=(*shape, q)))
        variables.append(Variable(f"sd_{name}", "ran_sd", name, sd, (by_term,)))
        pairs = tuple((varying[i], varying[j]) for i in range(q) for j in range(i + 1, q))
        if pairs:
            cor = np.tanh(rng.normal(0.3, 0.3, size=(*shape, len(pairs))))
            variables.append(
                Variable(f"cor_{name}", "ran_cor", name, cor, ((f"{name}_pair", pairs),))
            )
        middle = rng.normal(0, 0.4, size=(len(levels), q))
        r = rng.normal(middle, 0.15, size=(*shape, len(levels), q))
        variables.append(Variable(f"r_{name}", "ran_vals", name, r, ((name, levels), by_term)))
    return variables
