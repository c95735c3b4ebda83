"""Effects of nested factors, drawn from their normal distribution given everything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.plan.blocks import blocks
from hierglm.plan.order import Order
from hierglm.plan.sums import Sums

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_Entries = dict[tuple[int, int], Floats]

_HELD = 2**22
"""Entries of small matrices, of all levels and draws that are worked on at once (32 MB)."""


@dataclass(frozen=True, slots=True)
class Given:
    """Draws of everything that was not integrated out; S of them.

    Attributes
    ----------
    d : ndarray, shape (S, p)
        Common coefficients less those of least squares.
    sigma : ndarray, shape (S,)
        Residual sd.
    scales : mapping of int to ndarray, shape (S, strata, q, d)
        For each term of the chain: lower-triangular factors of the covariances of its strata
        of levels (one where levels are alike), over sigma; d is q, or less where the
        covariance has that rank.
    effects : mapping of int to ndarray, shape (S, J q)
        Of the terms that are not in the chain, level by level.
    strata : mapping of int to ndarray of int, shape (J,)
        Stratum of each level, of the terms that have several.
    sizes : mapping of int to ndarray, shape (S, J)
        What the factor of each level is multiplied by, of the terms whose levels have sizes.
    """

    d: Floats
    sigma: Floats
    scales: Mapping[int, Floats]
    effects: Mapping[int, Floats]
    strata: Mapping[int, Ints] = field(default_factory=dict)
    sizes: Mapping[int, Floats] = field(default_factory=dict)

    def scale(self, k: int, levels: Ints) -> Floats:
        """Return the factors of some levels of a term, shape (S, levels or 1, q, d)."""
        S = self.scales[k]
        if k in self.strata:
            S = S[:, self.strata[k][levels]]
        return S * self.sizes[k][:, levels, None, None] if k in self.sizes else S

    def some(self, at: slice) -> Given:
        """Return some of the draws."""
        return Given(
            self.d[at],
            self.sigma[at],
            {k: x[at] for k, x in self.scales.items()},
            {k: x[at] for k, x in self.effects.items()},
            self.strata,
            {k: x[at] for k, x in self.sizes.items()},
        )


def branches(order: Order, levels: Mapping[int, int], most: int) -> list[dict[int, Ints]]:
    """Return levels of the chain's factors in parts that have nothing to do with each other.

    Parameters
    ----------
    order : Order
    levels : mapping of int to int
        Number of levels of each term of the chain.
    most : int
        About how many levels of the innermost factor a part may have.

    Returns
    -------
    list of mapping of int to ndarray of int
        For each part, the levels of each term that are in it, ascending.
    """
    inner, outer = order.chain[0], order.chain[-1]
    top = {k: order.parents.get((k, outer), np.arange(levels[k])) for k in order.chain}
    held = np.cumsum(np.bincount(top[inner], minlength=levels[outer]))
    part = (held - 1) // max(1, most)
    _, part = np.unique(part, return_inverse=True)
    by_part: dict[int, list[Ints]] = {}
    for k in order.chain:
        own = part[top[k]]
        starts = np.searchsorted(own[np.argsort(own, kind="stable")], np.arange(part[-1] + 2))
        at = np.argsort(own, kind="stable")
        by_part[k] = [at[a:b] for a, b in pairwise(starts)]
    return [{k: by_part[k][i] for k in order.chain} for i in range(part[-1] + 1)]


def draw_branch(
    sums: Sums,
    order: Order,
    given: Given,
    some: Mapping[int, Ints],
    rng: np.random.Generator | None,
) -> dict[int, Floats]:
    """Return one draw of the effects of some levels for each draw of the rest.

    For level j of a factor with no other inside, covariance sigma^2 S S' of its effects,
    M_j = I + S' A_j S = C_j C_j' and w_j = C_j^-1 S' Z_j' (y - X b), they are normal with
    mean S C_j^-T w_j and covariance sigma^2 S M_j^-1 S' (Lindstrom and Bates 1988). A factor
    with others inside has theirs eliminated first, and is drawn before them.

    Parameters
    ----------
    sums : Sums
    order : Order
    given : Given
    some : mapping of int to ndarray of int
        Levels of each term of the chain, as `branches` made them.
    rng : Generator or None
        None returns their means instead.

    Returns
    -------
    mapping of int to ndarray, shape (S, levels, q)
    """
    rows, width = len(given.d), {k: given.scales[k].shape[3] for k in order.chain}
    shapes = {k: (rows, len(some[k]), width[k]) for k in reversed(order.chain)}
    noise = {
        k: np.zeros(shape) if rng is None else rng.standard_normal(shape)
        for k, shape in shapes.items()
    }
    entries = sum(len(some[k]) * width[k] * (width[k] + 1) // 2 for k in order.chain)
    step = max(1, _HELD // max(1, entries))
    if step >= rows:
        return _draw_branch(sums, order, given, some, noise)
    parts = []
    for low in range(0, rows, step):
        at = slice(low, low + step)
        own = {k: z[at] for k, z in noise.items()}
        parts.append(_draw_branch(sums, order, given.some(at), some, own))
    return {k: np.concatenate([part[k] for part in parts]) for k in order.chain}


def _draw_branch(
    sums: Sums,
    order: Order,
    given: Given,
    some: Mapping[int, Ints],
    noise: Mapping[int, Floats],
) -> dict[int, Floats]:
    """Return `draw_branch` by standard normal numbers, shape (S, levels, d) of each term."""
    chain = order.chain
    A: dict[int, _Entries] = {}
    e: dict[int, list[Floats]] = {}
    G: dict[tuple[int, int], dict[tuple[int, int], Floats]] = {}
    C: dict[int, _Entries] = {}
    w: dict[int, list[Floats]] = {}
    parent = _parents(order, some)
    scales = {k: given.scale(k, some[k]) for k in chain}
    for k in chain:
        own, q = sums.groups[k], len(sums.groups[k].Ze)
        A[k] = {
            (r, s): own.ZZ[r * (r + 1) // 2 + s][some[k]] for r in range(q) for s in range(r + 1)
        }
        e[k] = [own.Ze[r][some[k]] - given.d @ own.ZX[r][some[k]].T for r in range(q)]
        for m, effects in given.effects.items():
            rows = (some[k][:, None] * q + np.arange(q)).reshape(-1)
            taken = (sums.cross[k, m][rows] @ effects.T).T
            e[k] = [x - taken[:, r::q] for r, x in enumerate(e[k])]
    for (k, m), F in sums.cross.items():
        if k in chain and m in chain:
            G[k, m] = _nested(F, some[k], len(e[k]), len(e[m]))
    for i, k in enumerate(chain):
        S, q = scales[k], len(e[k])
        d = S.shape[3]
        C[k] = _cholesky(_precision(A[k], S), d)
        w[k] = _solve(C[k], S, e[k])
        after = chain[i + 1 :]
        for m in after:
            for h in range(len(e[m])):
                column = _solve(C[k], S, [G[k, m][h, a] for a in range(q)])
                G[k, m].update({(h, a): x for a, x in enumerate(column)})
        for b, m in enumerate(after):
            fold = _Fold(parent[k, m], len(some[m]))
            for r in range(len(e[m])):
                e[m][r] = e[m][r] - fold(G[k, m][r, a] * w[k][a] for a in range(d))
                for s in range(r + 1):
                    A[m][r, s] = A[m][r, s] - fold(G[k, m][r, a] * G[k, m][s, a] for a in range(d))
            for n in after[b + 1 :]:
                for r in range(len(e[n])):
                    for s in range(len(e[m])):
                        G[m, n][r, s] = G[m, n][r, s] - fold(
                            G[k, n][r, a] * G[k, m][s, a] for a in range(d)
                        )
    out: dict[int, Floats] = {}
    for i in reversed(range(len(chain))):
        k = chain[i]
        for m in chain[i + 1 :]:
            held = out[m][:, parent[k, m]]
            for a in range(len(w[k])):
                w[k][a] = w[k][a] - sum(G[k, m][h, a] * held[:, :, h] for h in range(held.shape[2]))
        out[k] = _draw(C[k], w[k], scales[k], given.sigma, noise[k])
    return out


class _Fold:
    """Sums over the inner levels of each outer one."""

    def __init__(self, parent: Ints, levels: int) -> None:
        self._at = np.argsort(parent, kind="stable")
        self._starts = np.searchsorted(parent[self._at], np.arange(levels))

    def __call__(self, terms: Any) -> Floats:
        total = sum(terms)
        summed: Floats = np.add.reduceat(total[..., self._at], self._starts, axis=-1)
        return summed


def _parents(order: Order, some: Mapping[int, Ints]) -> dict[tuple[int, int], Ints]:
    """Return the nesting of some levels, by their positions among those."""
    return {
        (k, m): np.searchsorted(some[m], found[some[k]]) for (k, m), found in order.parents.items()
    }


def _nested(F: Any, some: Ints, q: int, s: int) -> dict[tuple[int, int], Floats]:
    """Return the entries of a nested factor's products: outer effect, own effect."""
    found = blocks(F, q, s)[some]
    return {(h, a): found[:, a, h] for h in range(s) for a in range(q)}


def _precision(A: _Entries, S: Floats) -> _Entries:
    """Return the entries of I + S' A S of every level, shape (draws, levels).

    Column by column, so that the work grows with the cube of the effects; what is 0 in all
    factors is left out, so that independent effects take the square.
    """
    columns = _filled(S)
    out: _Entries = {}
    for s, own in enumerate(columns):
        wanted = sorted({h for column in columns[s:] for h in column})
        AS = {h: sum(S[:, :, k, s] * A[max(h, k), min(h, k)] for k in own) for h in wanted}
        for r in range(s, len(columns)):
            total = sum(S[:, :, h, r] * AS[h] for h in columns[r])
            out[r, s] = np.asarray(total + float(r == s))
    return out


def _filled(S: Floats) -> list[list[int]]:
    """Return the rows of each column of factors, shape (draws, levels, q, d), that are not all 0.

    A column of zeros has its first.
    """
    there: NDArray[np.bool_] = np.any(S != 0, axis=(0, 1))
    there[0] |= ~there.any(axis=0)
    return [np.flatnonzero(column).tolist() for column in there.T]


def _cholesky(M: _Entries, q: int) -> _Entries:
    C: _Entries = {}
    for r in range(q):
        for s in range(r + 1):
            c = M[r, s]
            for h in range(s):
                c = c - C[r, h] * C[s, h]
            C[r, s] = np.sqrt(c) if r == s else c / C[s, s]
    return C


def _solve(C: _Entries, S: Floats, e: Sequence[Floats]) -> list[Floats]:
    """Return C^-1 S' e of every level."""
    w: list[Floats] = []
    for k, own in enumerate(_filled(S)):
        v = sum((S[:, :, h, k] * e[h] for h in own), start=np.zeros(()))
        for h in range(k):
            v = v - C[k, h] * w[h]
        w.append(v / C[k, k])
    return w


def _draw(C: _Entries, w: Sequence[Floats], S: Floats, sigma: Floats, noise: Floats) -> Floats:
    """Return S C^-T (w + sigma noise), shape (draws, levels, q)."""
    q, d = S.shape[2:]
    z: list[Floats] = [np.empty(0)] * d
    for k in reversed(range(d)):
        rest = w[k] + sigma[:, None] * noise[:, :, k]
        for h in range(k + 1, d):
            rest = rest - C[h, k] * z[h]
        z[k] = rest / C[k, k]
    out = np.zeros((*noise.shape[:2], q))
    for k, own in enumerate(_filled(S)):
        for r in own:
            out[:, :, r] += S[:, :, r, k] * z[k]
    return out
