"""Mixed-model equations solved by eliminating one grouping factor after the other.

The precision of common coefficients d and effects u of all group terms is block-structured:
within a factor, levels do not meet; a factor nested in another meets one of its levels only.
Factors of a chain are eliminated level by level (Henderson 1953; Bates et al. 2015, section
3), what is left of crossed factors is dense.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.plan.blocks import (
    block_diagonal,
    blocks,
    inverse,
    quadratic,
    solution,
    sparse_quadratic,
    stack,
    times,
)
from hierglm.plan.order import Order

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class System:
    """Weighted crossproducts of all columns; terms in their order of the formula.

    Effects of one term are flattened level by level: level j, effect k is j q + k.

    Attributes
    ----------
    XX : ndarray, shape (p, p)
        X' W X.
    ZX : tuple of ndarray, shape (J q, p)
        Z' W X of each term.
    ZZ : tuple of ndarray, shape (J, q, q)
        Z' W Z of each term, level by level.
    cross : mapping of (int, int) to sparse array, shape (J_k q_k, J_l q_l)
        Z_k' W Z_l of two terms, the first eliminated before the second, times `over`.
    over : float
        By which those of two terms are still to be divided: they are many, and most are
        divided faster once they are joined.
    """

    XX: Floats
    ZX: tuple[Floats, ...]
    ZZ: tuple[Floats, ...]
    cross: Mapping[tuple[int, int], Any]
    over: float = 1.0


@dataclass(frozen=True, slots=True)
class Solution:
    """The solved equations, and what is needed for the inverse of their matrix.

    Attributes
    ----------
    common : ndarray, shape (p,)
        d.
    effects : tuple of ndarray, shape (J, q)
        u of each term.
    precision, covariance : ndarray, shape (p, p)
        Of d, effects eliminated.
    inverse : mapping of int to ndarray, shape (J, q, q)
        For terms of the chain: inverse precision given all that comes later.
    later : mapping of (int, int) to sparse array
        Regression of a chain term's effects on those of a later term of the chain.
    on_rest : mapping of int to sparse array, shape (J q, D)
        Their regression on all that are not in the chain, where there are such.
    on_common : mapping of int to ndarray, shape (J q, p)
        Regression on d of each term of the chain, given later terms.
    rest_inverse : ndarray, shape (D, D)
        Inverse precision of all terms that are not in the chain, given d.
    rest_on_common : ndarray, shape (D, p)
        Their regression on d.
    rest_precision : ndarray, shape (D, D)
        Their precision, chain eliminated.
    rest_cross : ndarray, shape (D, p)
        Their precision with d, chain eliminated.
    """

    common: Floats
    effects: tuple[Floats, ...]
    precision: Floats
    covariance: Floats
    inverse: Mapping[int, Floats]
    later: Mapping[tuple[int, int], Any]
    on_rest: Mapping[int, Any]
    on_common: Mapping[int, Floats]
    rest_inverse: Floats
    rest_on_common: Floats
    rest_precision: Floats
    rest_cross: Floats


def rest_slices(system: System, order: Order) -> dict[int, slice]:
    """Return where the effects of each term of the rest stand among them all."""
    out, low = {}, 0
    for k in order.rest:
        levels, q = system.ZZ[k].shape[:2]
        out[k] = slice(low, low + levels * q)
        low += levels * q
    return out


def solve(
    system: System,
    order: Order,
    priors: Sequence[Floats],
    common_prior: Floats,
    scores: Sequence[Floats],
    common_score: Floats,
) -> Solution:
    """Return the solution of (W + prior precision) (d, u) = scores.

    Parameters
    ----------
    system : System
    order : Order
    priors : sequence of ndarray, shape (q, q)
        Prior precision of the effects of each term.
    common_prior : ndarray, shape (p, p)
        Prior precision of d.
    scores : sequence of ndarray, shape (J, q)
        Right-hand side for the effects of each term.
    common_score : ndarray, shape (p,)
        Right-hand side for d.

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix is singular.
    """
    ZZ = [a + p for a, p in zip(system.ZZ, priors, strict=True)]
    ZX = list(system.ZX)
    right = [np.asarray(s, dtype=np.float64).reshape(-1) for s in scores]
    cross = {
        (k, m): system.cross[k, m] / system.over
        for i, k in enumerate(order.chain)
        for m in order.chain[i + 1 :]
    }
    # Terms of the rest are eliminated as one: however many there are, it is one product each.
    across = {
        k: stack([system.cross[k, m] for m in order.rest]) / system.over
        for k in order.chain
        if order.rest
    }
    K = _rest(system, order, ZZ)
    B = np.concatenate([ZX[k] for k in order.rest]) if order.rest else np.zeros((0, len(system.XX)))
    h = np.concatenate([right[k] for k in order.rest]) if order.rest else np.zeros(0)
    H, g = system.XX + common_prior, np.array(common_score, dtype=np.float64)
    given: dict[int, Floats] = {}
    later: dict[tuple[int, int], Any] = {}
    on_rest: dict[int, Any] = {}
    on_common: dict[int, Floats] = {}
    shift: dict[int, Floats] = {}
    for i, k in enumerate(order.chain):
        given[k] = inverse(ZZ[k])
        on_common[k] = times(given[k], ZX[k])
        shift[k] = times(given[k], right[k][:, None])[:, 0]
        H = H - ZX[k].T @ on_common[k]
        g = g - ZX[k].T @ shift[k]
        after = order.chain[i + 1 :]
        spread = block_diagonal(given[k]) if after or order.rest else None
        for m in after:
            later[k, m] = spread @ cross[k, m]
        if order.rest:
            on_rest[k] = spread @ across[k]
            F = across[k].T
            B, h, K = B - F @ on_common[k], h - F @ shift[k], K - (F @ on_rest[k]).toarray()
        for a, m in enumerate(after):
            F = cross[k, m].T
            ZX[m] = ZX[m] - F @ on_common[k]
            right[m] = right[m] - F @ shift[k]
            ZZ[m] = ZZ[m] - blocks(F @ later[k, m], ZZ[m].shape[2], ZZ[m].shape[2])
            for n in after[a + 1 :]:
                cross[m, n] = cross[m, n] - F @ later[k, n]
            if order.rest:
                across[m] = across[m] - F @ on_rest[k]
    Kinv = inverse(K) if len(K) else K
    KB = Kinv @ B
    H = H - B.T @ KB
    d = solution(H, g - KB.T @ h) if len(H) else g
    V = inverse(H) if len(H) else H
    effects: dict[int, Floats] = {}
    rest = Kinv @ h - KB @ d
    for k, where in rest_slices(system, order).items():
        effects[k] = rest[where]
    for i in reversed(range(len(order.chain))):
        k = order.chain[i]
        u = shift[k] - on_common[k] @ d
        if order.rest:
            u = u - on_rest[k] @ rest
        for m in order.chain[i + 1 :]:
            u = u - later[k, m] @ effects[m]
        effects[k] = u
    shaped = tuple(effects[k].reshape(a.shape[:2]) for k, a in enumerate(system.ZZ))
    return Solution(d, shaped, H, V, given, later, on_rest, on_common, Kinv, KB, K, B)


def covariances(system: System, order: Order, solved: Solution) -> tuple[Floats, ...]:
    """Return the covariance of each level's effects, shape (J, q, q), of every term.

    All else is integrated out. For a chain: level by level from the outermost in
    (Takahashi's recursion); what comes from the rest and from d is added.
    """
    H = solved.covariance
    out: dict[int, Floats] = {}
    for k, where in rest_slices(system, order).items():
        levels, q = system.ZZ[k].shape[:2]
        inner = solved.rest_inverse[where, where].reshape(levels, q, levels, q)
        own = np.einsum("jajb->jab", inner)
        out[k] = own + quadratic(solved.rest_on_common[where], H, q)
    paths: list[Floats] = []  # covariance of a level and those that hold it, given the rest
    on_rest: dict[int, Any] = {}
    on_common: dict[int, Floats] = {}
    for i in reversed(range(len(order.chain))):
        k, after = order.chain[i], order.chain[i + 1 :]
        levels, q = system.ZZ[k].shape[:2]
        if after:
            sizes = {m: system.ZZ[m].shape[2] for m in after}
            G = np.concatenate([blocks(solved.later[k, m], q, sizes[m]) for m in after], axis=2)
            holds = paths[-1][order.parents[k, after[0]]]
            cross = -G @ holds
            own = solved.inverse[k] - cross @ G.transpose(0, 2, 1)
            paths.append(np.block([[own, cross], [cross.transpose(0, 2, 1), holds]]))
        else:
            own = solved.inverse[k]
            paths.append(own)
        on_common[k] = solved.on_common[k] - sum(
            (solved.later[k, m] @ on_common[m] for m in after), start=np.zeros(())
        )
        if order.rest:
            on_rest[k] = solved.on_rest[k] - sum(solved.later[k, m] @ on_rest[m] for m in after)
            own = own + sparse_quadratic(on_rest[k], solved.rest_inverse, q)
            through = on_common[k] - on_rest[k] @ solved.rest_on_common
        else:
            through = on_common[k]
        out[k] = own + quadratic(through, H, q)
    return tuple(out[k] for k in range(len(system.ZZ)))


def _rest(system: System, order: Order, ZZ: Sequence[Floats]) -> Floats:
    """Return the precision of the terms of the rest, before the chain is eliminated."""
    places = rest_slices(system, order)
    size = max((s.stop for s in places.values()), default=0)
    K = np.zeros((size, size))
    for a, k in enumerate(order.rest):
        for m in order.rest[a + 1 :]:
            block = system.cross[k, m].tocsr()
            rows = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
            K[places[k].start + rows, places[m].start + block.indices] = block.data
        if (k, k) in system.cross:
            K[places[k], places[k]] = system.cross[k, k].toarray() / -2
    K = (K + K.T) / system.over
    for k in order.rest:
        levels, q = ZZ[k].shape[:2]
        own = K[places[k], places[k]].reshape(levels, q, levels, q)
        own[np.arange(levels), :, np.arange(levels), :] += ZZ[k]
        K[places[k], places[k]] = own.reshape(levels * q, levels * q)
    return K
