"""Which products of columns a model needs of its rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design
from hierglm.design.groups import uncoded
from hierglm.formula.terms import GroupTerm

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Layout:
    """Which products are added up: those of U = [A, effects that are no common columns].

    A = [1, X - centre, y - offset - centre_y], as in `hierglm.design.reduced.Reduced`.

    Attributes
    ----------
    labels : tuple of str
        Of the common columns, then of the further effects.
    common : int
        How many of these are common columns.
    effects : tuple of tuple of int
        The columns of U that vary in each group term.
    pairs : tuple of (int, int)
        The columns of U whose products are summed within cells.
    centre : ndarray, shape (labels,)
        What is taken from columns before they are multiplied, so that little cancels.
    centre_y : float
    keys : tuple of str
        The columns that make the cells.
    careful : bool
        Whether R is found by orthogonal transformations.
    level : str or None
        The only key, where its values are the levels: whole numbers, or text.
    named : bool
        Whether these levels have no places of their own: text, or whole numbers far apart.
    """

    labels: tuple[str, ...]
    common: int
    effects: tuple[tuple[int, ...], ...]
    pairs: tuple[tuple[int, int], ...]
    centre: Floats
    centre_y: float
    keys: tuple[str, ...]
    careful: bool = False
    level: str | None = None
    named: bool = False

    @property
    def shift(self) -> Floats:
        """What was taken from each column of U, shape (columns of U,)."""
        p = self.common
        return np.concatenate([[0.0], self.centre[:p], [0.0], self.centre[p:]])


def layout_of(design: Design) -> Layout:
    """Return which products a model needs, centred at the means of some of its rows."""
    common = design.common.labels
    further: dict[str, Floats] = {}
    for g in design.groups:
        for label, z in zip(g.effects.labels, g.effects.matrix.T, strict=True):
            if label not in common and label != "Intercept":
                further[label] = z
    p = len(common)
    place = {"Intercept": 0} | {label: k + 1 for k, label in enumerate(common)}
    place |= {label: p + 2 + k for k, label in enumerate(further)}
    effects = tuple(tuple(place[label] for label in g.effects.labels) for g in design.groups)
    # The intercept too: products of columns as they were are made of it.
    varying = sorted({0, *(k for some in effects for k in some)}) if effects else []
    pairs = {(min(a, b), max(a, b)) for a in varying for b in (*range(p + 2), *varying)}
    centre, centre_y = design.common.matrix.mean(axis=0), float(design.response.values.mean())
    if not design.intercept:
        # Nothing could be moved into it.
        centre, centre_y = np.zeros(p), 0.0
    terms = design.formula.groups
    one = bool(terms) and all(_is_column(design, g) for g in terms)
    keys = tuple(dict.fromkeys(n for g in terms for f in g.by for n in f.names))
    return Layout(
        labels=(*common, *further),
        common=p,
        effects=effects,
        pairs=tuple(sorted(pairs)),
        centre=np.array([*centre, *(z.mean() for z in further.values())]),
        centre_y=centre_y,
        keys=keys,
        level=keys[0] if one else None,
    )


def _is_column(design: Design, term: GroupTerm) -> bool:
    """Tell whether the levels of a term are the whole numbers, or the text, of one column."""
    first = design.formula.groups[0].by[0].names
    plain = [uncoded(factor) for factor in term.by]
    column = design.table.column(first[0])
    return (
        len(plain) == 1
        and not term.levels.options
        and plain[0].kind == "name"
        and plain[0].names == first
        and (column.whole or column.kind == "category")
    )
