"""Effects that were integrated out, drawn exactly from their posterior given the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Grouping
from hierglm.draws.draws import Draws, Variable
from hierglm.plan.crossproducts import (
    Crossproducts,
    GroupCrossproducts,
    crossproducts,
    group_crossproducts,
)
from hierglm.plan.forms import GroupForm, Plan
from hierglm.program.groups import effect_dims

Floats = NDArray[np.float64]

_BLOCK = 2**22
"""Numbers in an array of one matrix entry, draws x levels (32 MB)."""


class DrawnEffects(Variable):
    """Effects that are drawn when their values are first asked for, always the same.

    A fit with many levels holds no numbers that nobody reads. The attributes are those of
    `Variable`.
    """

    __slots__ = ("_done", "_draws", "_number", "_plan", "_seed")
    _plan: Plan
    _number: int
    _draws: Draws
    _seed: int
    _done: Floats | None

    def __init__(self, plan: Plan, number: int, draws: Draws, seed: int) -> None:
        grouping = plan.model.design.groups[number]
        held: dict[str, Any] = {
            "name": f"r_{grouping.group}",
            "effect": "ran_vals",
            "group": grouping.group,
            "dims": effect_dims(grouping),
            "_plan": plan,
            "_number": number,
            "_draws": draws,
            "_seed": seed,
            "_done": None,
        }
        for name, value in held.items():
            object.__setattr__(self, name, value)

    @property
    def values(self) -> Floats:
        """Draws, shape (chains, draws, levels, terms); read-only."""
        if self._done is not None:
            return self._done
        drawn = draw_effects(self._plan, self._number, self._draws, self._seed)
        drawn.flags.writeable = False
        object.__setattr__(self, "_done", drawn)
        return drawn


def with_effects(plan: Plan, draws: Draws, seed: int) -> Draws:
    """Return the draws with the effects that the plan had integrated out.

    Parameters
    ----------
    plan : Plan
        Which effects those are.
    draws : Draws
        What the engine sampled.
    seed : int
        Of the fit: the same seed gives the same effects.
    """
    late = {
        name: DrawnEffects(plan, k, draws, seed)
        for k, choice in enumerate(plan.groups)
        if choice.form is GroupForm.INTEGRATED
        and (name := f"r_{plan.model.design.groups[k].group}") not in draws
    }
    return replace(draws, variables={**draws.variables, **late}) if late else draws


def without_effects(draws: Draws) -> Draws:
    """Return the draws as the engine sampled them: what `with_effects` adds, taken away."""
    sampled = {n: v for n, v in draws.variables.items() if not isinstance(v, DrawnEffects)}
    return replace(draws, variables=sampled)


def draw_effects(plan: Plan, number: int, draws: Draws, seed: int) -> Floats:
    """Return one draw of every effect for each draw of the other parameters.

    For level j, with covariance D L L' D = S S' sigma^2 of its effects, M_j = I + S' A_j S =
    C_j C_j' and v_j = S' Z_j' (y - X b), they are normal with mean S M_j^-1 v_j and
    covariance sigma^2 S M_j^-1 S' (Lindstrom and Bates 1988).

    Parameters
    ----------
    plan : Plan
    number : int
        Position of the group term.
    draws : Draws
        The other parameters.
    seed : int

    Returns
    -------
    ndarray, shape (chains, draws, levels, terms)
    """
    design = plan.model.design
    grouping = design.groups[number]
    common, e = crossproducts(design)
    sums = group_crossproducts(design, grouping, e)
    size, q, levels = draws.chains * draws.draws, len(grouping.terms), len(grouping.levels)
    d = _coefficients(plan, draws, common) - common.ols
    sigma = _flat(draws, "sigma") if "sigma" in draws else np.ones(size)
    scale = _scale(grouping, draws) / sigma[:, None, None]
    rng = np.random.default_rng([seed, number])
    out = np.empty((size, levels, q))
    step = max(1, _BLOCK // levels)
    for low in range(0, size, step):
        some = slice(low, low + step)
        noise = rng.standard_normal((len(d[some]), levels, q))
        out[some] = _draw(sums, d[some], sigma[some], scale[some], noise)
    return out.reshape(draws.chains, draws.draws, levels, q)


def _draw(sums: GroupCrossproducts, d: Floats, sigma: Floats, S: Floats, noise: Floats) -> Floats:
    """Return effects, shape (draws, levels, q); matrices of all levels and draws at once."""
    q = S.shape[1]
    triangle = [(r, s) for r in range(q) for s in range(r + 1)]
    C = _cholesky({rs: _precision(sums, S, *rs) for rs in triangle}, q)
    w: list[Floats] = []
    for k in range(q):
        v = sum((S[:, h, k, None] * _residual(sums, d, h) for h in range(k, q)), start=0.0)
        for h in range(k):
            v = v - C[k, h] * w[h]
        w.append(np.asarray(v) / C[k, k])
    # C' z = w + sigma noise, from the last row up.
    z: list[Floats] = [np.empty(0)] * q
    for k in reversed(range(q)):
        rest = w[k] + sigma[:, None] * noise[:, :, k]
        for h in range(k + 1, q):
            rest = rest - C[h, k] * z[h]
        z[k] = rest / C[k, k]
    effects = [sum(S[:, r, k, None] * z[k] for k in range(r + 1)) for r in range(q)]
    return np.stack([np.asarray(x) for x in effects], axis=-1)


def _residual(sums: GroupCrossproducts, d: Floats, k: int) -> Floats:
    """Return Z_k' (y - X b) of every level, shape (draws, levels)."""
    out: Floats = sums.Ze[k] - d @ sums.ZX[k].T
    return out


def _precision(sums: GroupCrossproducts, S: Floats, r: int, s: int) -> Floats:
    """Return entry (r, s) of I + S' A S of every level, shape (draws, levels)."""
    q = S.shape[1]
    out = np.full((len(S), sums.ZZ.shape[1]), float(r == s))
    for h in range(r, q):
        for k in range(s, q):
            high, low = max(h, k), min(h, k)
            entry = sums.ZZ[high * (high + 1) // 2 + low]
            out += (S[:, h, r] * S[:, k, s])[:, None] * entry
    return out


def _cholesky(M: dict[tuple[int, int], Floats], q: int) -> dict[tuple[int, int], Floats]:
    C: dict[tuple[int, int], Floats] = {}
    for r in range(q):
        for s in range(r + 1):
            c = M[r, s]
            for h in range(s):
                c = c - C[r, h] * C[s, h]
            C[r, s] = np.sqrt(c) if r == s else c / C[s, s]
    return C


def _coefficients(plan: Plan, draws: Draws, common: Crossproducts) -> Floats:
    """Return the common coefficients as the crossproducts have them, shape (draws, p)."""
    if "b" not in draws:
        return np.zeros((draws.chains * draws.draws, 0))
    b = _flat(draws, "b")
    if not plan.model.design.intercept:
        return b
    centred = b[:, 0] + b[:, 1:] @ common.means
    return np.column_stack([centred, b[:, 1:]])


def _scale(grouping: Grouping, draws: Draws) -> Floats:
    """Return D L, the triangular factor of the effects' covariance, shape (draws, q, q)."""
    sd = _flat(draws, f"sd_{grouping.group}")
    q = len(grouping.terms)
    if not (grouping.correlated and q > 1):
        return sd[:, :, None] * np.eye(q)
    correlation = np.tile(np.eye(q), (len(sd), 1, 1))
    rows, columns = np.triu_indices(q, 1)
    pairs = _flat(draws, f"cor_{grouping.group}")
    correlation[:, rows, columns] = correlation[:, columns, rows] = pairs
    return sd[:, :, None] * _factor(correlation)


def _factor(correlation: Floats) -> Floats:
    try:
        return np.asarray(np.linalg.cholesky(correlation), dtype=np.float64)
    except np.linalg.LinAlgError:
        # A correlation of 1 up to rounding: the closest factor has a zero on its diagonal.
        values, vectors = np.linalg.eigh(correlation)
        root = vectors * np.sqrt(np.maximum(values, 0))[:, None, :]
        upper = np.linalg.qr(np.swapaxes(root, 1, 2), mode="r")
        signs = np.where(np.diagonal(upper, axis1=1, axis2=2) < 0, -1.0, 1.0)
        closest: Floats = np.swapaxes(upper * signs[:, :, None], 1, 2)
        return closest


def _flat(draws: Draws, name: str) -> Floats:
    values = draws[name].values
    return values.reshape(-1, *values.shape[2:])
