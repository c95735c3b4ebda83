"""Whether fewer rows still tell what flat priors leave to them, before anything is fitted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design
from hierglm.design.magnitudes import units
from hierglm.errors import PriorError, first_of
from hierglm.families.separation import SEPARATED, separated
from hierglm.models import Model
from hierglm.names import of_predictor
from hierglm.suiting import flat_ones, proper_ones, unseen

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_SHARE = 1e-6
"""Share of a column that the columns before it leave, if it is no combination of them."""
_LISTED = 6
"""Fits that a message names."""


def any_flat(model: Model) -> bool:
    """Tell whether the prior of an intercept or a coefficient is flat."""
    return any(bool(flat_ones(m.priors).any()) for m in model.parts or (model,))


def why_improper(whole: Model, few: Model) -> str:
    """Return why some of a model's rows leave no proper posterior, where all of them may, or "".

    A flat prior is no loss as long as the rows tell of its coefficient. Fewer rows may not: their
    responses may be separated by columns, or a column may be constant in them.

    Parameters
    ----------
    whole : Model
    few : Model
        The same model of some of the rows.

    Returns
    -------
    str
        Columns, parameters, and a prior that would do.
    """
    pairs = zip(whole.parts or (whole,), few.parts or (few,), strict=True)
    for before, after in pairs:
        flat = flat_ones(after.priors)
        if not flat.any():
            continue
        place = of_predictor(after.part.response, after.part.dpar)
        labels, start = after.design.common.labels, int(after.design.intercept)
        own = flat[start:]
        lost = _untold(after.design, own)
        if lost.any():
            lost &= ~_untold(before.design, own)
        if lost.any():
            names = [labels[k] for k in np.flatnonzero(lost)]
            told = "are" if len(names) > 1 else "is"
            return _said(
                f"{_listed(names)} {told} constant, or a combination of other columns",
                [f"b[{name}]{place}" for name in names],
            )
        if not after.part.first:
            continue
        label = after.design.response.label
        found = separated(after.design, after.family, flat)
        if found is not None:
            named = _listed(found) if found else "the intercept"
            names = [f"b[{c}]{place}" for c in found] or [f"b[Intercept]{place}"]
            return _said(f"{label!r} is {SEPARATED} {named}", names)
        gone = unseen(after.design.response) if after.family.thresholds and flat[0] else []
        if gone:
            what = f"no row of {label!r} has category {', '.join(gone)}"
            return _said(what, [f"b[Intercept]{place}"])
    return ""


def refuse_improper(found: Sequence[tuple[str, str]]) -> None:
    """Refuse fits without proper posteriors.

    Parameters
    ----------
    found : sequence of (str, str)
        What each fit is without, and `why_improper`.

    Raises
    ------
    PriorError
        Names the fits, and what would do.
    """
    bad = [(name, why) for name, why in found if why]
    if not bad:
        return
    (name, why), *others = bad
    further = ""
    if others:
        further = f"; nor is there without {first_of([each for each, _ in others], _LISTED)}"
    raise PriorError(f"there is no proper posterior without {name}{further}: {why}")


def _untold(design: Design, chosen: Bools) -> Bools:
    """Return which of the chosen columns the rows do not tell from those before them.

    The intercept stands at the means of the columns, whatever its own prior.
    """
    out = np.zeros(len(chosen), dtype=bool)
    X = design.common.matrix[:, chosen]
    if not X.size:
        return out
    X = X * units(X)
    size = np.sqrt(np.sum(X**2, axis=0))
    if design.intercept:
        X = X - X.mean(axis=0)
    R = np.linalg.qr(X, mode="r")
    left = np.zeros(X.shape[1])
    left[: len(R)] = np.abs(np.diagonal(R))
    out[chosen] = left <= _SHARE * size
    return out


def _said(what: str, names: Sequence[str]) -> str:
    several = len(names) > 1
    return (
        f"{what}, and the prior{'s' if several else ''} of {' and '.join(names)} "
        f"{'are' if several else 'is'} flat. Give {'proper ones' if several else 'a proper one'} "
        f"to the fit, such as {proper_ones(names)}"
    )


def _listed(names: Sequence[str]) -> str:
    return " and ".join(map(repr, names))
