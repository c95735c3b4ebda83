"""What effects are conditioned on: their likelihood near the penalised fit, made Gaussian.

With A, c and F from here and S the scale of the effects, M = I + S' A S = C C' and
``u = S C^-T (C^-1 S' (c - B d - sum F u_later) + z)``: z has about a standard normal posterior
and is about independent of the rest, for rich levels and for poor ones. Whatever A, B, c and
F are, the posterior is the same (Jacobian and prior are written out); at the penalised fit
they make its curvature 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.plan.blocks import inverse, times, times_rows
from hierglm.plan.elimination import Solution, rest_slices
from hierglm.plan.penalised import Penalised
from hierglm.plan.rotation import turned

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Conditional:
    """A group term's likelihood near the penalised fit, given what is eliminated later.

    Attributes
    ----------
    A : ndarray, shape (J, q, q)
        Information about each level's effects, what is eliminated earlier integrated out.
    B : ndarray, shape (J q, p)
        How they move with the common coefficients.
    F : mapping of int to sparse or dense array, shape (J q, J_l q_l)
        How they move with the effects of later terms.
    c : ndarray, shape (J, q)
        Their score at d = 0 and later effects of 0.
    """

    A: Floats
    B: Floats
    F: Mapping[int, Any]
    c: Floats


def condition(fit: Penalised, k: int, centre: Floats) -> Conditional:
    """Return what a group term's effects are conditioned on.

    Parameters
    ----------
    fit : Penalised
    k : int
        Position of the term.
    centre : ndarray, shape (p,)
        From where d is counted.
    """
    prior = fit.priors[k]
    levels, q = fit.effects[k].shape
    if k in fit.order.chain:
        precision = inverse(fit.solved.inverse[k])
        on_common = fit.solved.on_common[k]
        later = {m: f for (a, m), f in fit.solved.later.items() if a == k}
        for m, where in rest_slices(fit.system, fit.order).items():
            later[m] = fit.solved.on_rest[k][:, where]
    else:
        precision, on_common, later = _among_rest(fit, k)
    B = times(precision, on_common)
    F = {m: times_rows(precision, f) for m, f in later.items()}
    c = times(precision, fit.effects[k].reshape(-1, 1))[:, 0] + B @ (fit.common - centre)
    for m, f in F.items():
        c = c + f @ fit.effects[m].reshape(-1)
    s2 = fit.sigma**2
    return Conditional(
        s2 * (precision - prior), s2 * B, {m: s2 * f for m, f in F.items()},
        (s2 * c).reshape(levels, q),
    )  # fmt: skip


def by_levels(fit: Penalised, k: int, centre: Floats, within: Mapping[int, Floats]) -> Conditional:
    """Return `condition` of a fit that is about coordinates of some terms, for effects of levels.

    Parameters
    ----------
    fit, k, centre
        As `condition` has them.
    within : mapping of int to ndarray, shape (J, J)
        What the coordinates of these terms are multiplied by: none has columns of 0.

    Returns
    -------
    Conditional
        Scores are those of levels; A of one of these terms stays that of coordinates.
    """
    about = condition(fit, k, centre)
    back = {m: np.asarray(np.linalg.inv(R), dtype=np.float64) for m, R in within.items()}
    F = {
        m: turned(back[m], _array(f).T, fit.effects[m].shape[1]).T if m in back else f
        for m, f in about.F.items()
    }
    if k not in back:
        return replace(about, F=F)
    own, q = back[k], fit.effects[k].shape[1]
    F = {m: turned(own, _array(f), q) for m, f in F.items()}
    return Conditional(about.A, turned(own, about.B, q), F, own.T @ about.c)


def scaled(about: Conditional, factor: float) -> Conditional:
    """Return what effects are conditioned on, all that the data say times a factor.

    `condition` has it in units of the residual variance: programs without sigma in their scales
    need it over that, and a response that counts more times its weight.
    """
    F = {m: f * factor for m, f in about.F.items()}
    return Conditional(about.A * factor, about.B * factor, F, about.c * factor)


def _array(matrix: Any) -> Floats:
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix)


def _among_rest(fit: Penalised, k: int) -> tuple[Floats, Floats, dict[int, Floats]]:
    """Return precision blocks and regressions of a term of the rest, earlier ones eliminated."""
    solved: Solution = fit.solved
    places = rest_slices(fit.system, fit.order)
    at = places[k]
    size = len(solved.rest_precision)
    K = solved.rest_precision[at.start :, at.start :]
    B = solved.rest_cross[at.start :]
    if at.start:
        before = slice(0, at.start)
        link = solved.rest_precision[before, at.start :]
        found = np.linalg.solve(
            solved.rest_precision[before, before], np.hstack([link, solved.rest_cross[before]])
        )
        K = K - link.T @ found[:, : size - at.start]
        B = B - link.T @ found[:, size - at.start :]
    own = at.stop - at.start
    S = inverse(K[:own, :own])
    levels, q = fit.effects[k].shape
    blocks = np.einsum("jajb->jab", S.reshape(levels, q, levels, q))
    later = {
        m: S @ K[:own, s.start - at.start : s.stop - at.start]
        for m, s in places.items()
        if s.start >= at.stop
    }
    return inverse(blocks), S @ B[:own], later
