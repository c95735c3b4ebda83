"""The rows that are predicted: the fit's own, or new ones encoded as these were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.asked import needed
from hierglm.design.design import Design, Grouping
from hierglm.design.encode import encode_new
from hierglm.design.reading import as_table
from hierglm.design.rows import take
from hierglm.design.table import Table
from hierglm.errors import DataError
from hierglm.models import Model
from hierglm.predicting.asked import Target, Treatment

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Averaged:
    """A group term whose levels do not matter, since their distribution is averaged over.

    Attributes
    ----------
    predictor : int
        Which predictor of the response it acts on.
    number, first : int
        Position of the term among the model's, and of its first effect among the effects of
        a level.
    Z : ndarray, shape (rows, q)
        What varies.
    weight : ndarray, shape (rows,), or None
        What the variance is multiplied by where a row belongs to several levels, which are
        taken to be different ones: the sum of their squared shares.
    """

    predictor: int
    number: int
    first: int
    Z: Floats
    weight: Floats | None

    def take(self, rows: Any) -> Averaged:
        """Return some rows."""
        weight = None if self.weight is None else self.weight[rows]
        return replace(self, Z=self.Z[rows], weight=weight)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one response, for each of its predictors.

    Attributes
    ----------
    predictors : tuple of Model
        That of the mean first. Their designs hold the rows, and the group terms whose levels
        count.
    terms : tuple of tuple of (int, int)
        For each predictor and each group term of its design the position of the term among
        the model's, and of its first effect among the effects of a level there.
    averaged : tuple of Averaged
        The group terms that are averaged over.
    kept : ndarray of int, shape (rows,)
        Positions in the caller's table.
    total : int
        Rows of that table.
    """

    predictors: tuple[Model, ...]
    terms: tuple[tuple[tuple[int, int], ...], ...]
    averaged: tuple[Averaged, ...]
    kept: Ints
    total: int

    def take(self, rows: Any) -> Rows:
        """Return some rows."""
        return replace(
            self,
            predictors=tuple(replace(m, design=take(m.design, rows)) for m in self.predictors),
            averaged=tuple(a.take(rows) for a in self.averaged),
            kept=self.kept[rows],
        )


def rows_of(
    model: Model, response: Model, new: Any, target: Target, treated: Mapping[str, Treatment]
) -> Rows:
    """Return the rows that are predicted.

    Parameters
    ----------
    model, response : Model
        The whole, and the response of it.
    new : table or None
        None for the rows of the fit.
    target : {"mean", "linear", "response"}
        Decides what has to be known of each row: trials, standard errors.
    treated : mapping of str to {"include", "zero", "average"}
        For each grouping factor.

    Raises
    ------
    DataError
        A column that is missing or of another type, a level of a predictor that the fit does
        not know, a row without a level that is needed.
    """
    parts = model.predictors(response)
    places = [
        [k for k, g in enumerate(m.design.groups) if treated[g.group] != "zero"] for m in parts
    ]
    designs = [_with_terms(m.design, some) for m, some in zip(parts, places, strict=True)]
    averages = [name for name, how in treated.items() if how == "average"]
    kept, total = response.design.kept, response.design.total
    if new is not None:
        designs = _encoded(designs, as_table(new), target, averages)
        kept, total = designs[0].kept, designs[0].total
    every = [
        [model.place(m, place) for place in some] for m, some in zip(parts, places, strict=True)
    ]
    terms, averaged, predictors = [], [], []
    for k, (m, design) in enumerate(zip(parts, designs, strict=True)):
        left = [i for i, g in enumerate(design.groups) if g.group not in averages]
        terms.append(tuple(every[k][i] for i in left))
        averaged += [
            _averaged(g, k, *every[k][i]) for i, g in enumerate(design.groups) if i not in left
        ]
        # What is averaged over is no part of the linear predictor.
        predictors.append(replace(m, design=_with_terms(design, left)))
    return Rows(tuple(predictors), tuple(terms), tuple(averaged), kept, total)


def _with_terms(design: Design, places: Sequence[int]) -> Design:
    """Return a design with some of its group terms."""
    formula = replace(design.formula, groups=tuple(design.formula.groups[k] for k in places))
    return replace(design, formula=formula, groups=tuple(design.groups[k] for k in places))


def _encoded(
    designs: Sequence[Design], table: Table, target: Target, averages: Sequence[str]
) -> list[Design]:
    """Return the designs on new rows, of which all predictors know the same ones."""
    # Of a mean nobody has to know the error; of a linear predictor not even the trials.
    known: dict[Target, tuple[str, ...]] = {
        "mean": ("trials",), "linear": (), "response": ("trials", "se")
    }  # fmt: skip
    for design in designs:
        _check_levels(design, table, averages)
    wanted = [known[target] if not k else () for k in range(len(designs))]
    names = [
        needed(d.formula, known=some, unplaced=averages)
        for d, some in zip(designs, wanted, strict=True)
    ]
    complete = tuple(dict.fromkeys(n for some in names for n in some))
    missing = [n for n in complete if n not in table.columns]
    every = tuple(n for n in complete if n not in missing)
    return [
        encode_new(d, table, extend=True, known=some, unplaced=averages, complete=every)
        for d, some in zip(designs, wanted, strict=True)
    ]


def _check_levels(design: Design, table: Table, averages: Sequence[str]) -> None:
    """Refuse rows whose levels are needed and not known."""
    for grouping, term in zip(design.groups, design.formula.groups, strict=True):
        if grouping.group in averages:
            continue
        for name in (n for factor in term.by for n in factor.names):
            there = name in table.columns
            missing = table.column(name).missing if there else np.ones(table.rows, dtype=bool)
            if missing.any():
                where = f"row {int(np.argmax(missing)) + 1} has" if there else "the new data have"
                raise DataError(
                    f"{where} no {name!r}, which {grouping.source} needs; "
                    f"groups={{{grouping.group!r}: 'average'}} averages over its levels, 'zero' "
                    "leaves it out"
                )


def _averaged(grouping: Grouping, predictor: int, number: int, first: int) -> Averaged:
    relation = grouping.relation
    weight = None if relation.shares is None else np.sum(relation.shares**2, axis=0)
    return Averaged(predictor, number, first, grouping.effects.matrix, weight)
