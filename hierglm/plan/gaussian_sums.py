"""A Gaussian likelihood by crossproducts, as penalised fits see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.plan.blocks import join, split, unpack
from hierglm.plan.elimination import System
from hierglm.plan.likelihoods import Likelihood, Local, Own
from hierglm.plan.sums import Sums

Floats = NDArray[np.float64]


class GaussianSums:
    """A Gaussian likelihood by crossproducts.

    Parameters
    ----------
    sums : Sums
    """

    def __init__(self, sums: Sums) -> None:
        self.own: Mapping[str, Own] = {}
        self._sums = sums
        self._system = system_of(sums)
        self._crossing = _crossing(self._system)
        self.sizes = tuple((a.shape[0], a.shape[1]) for a in self._system.ZZ)

    def first(self) -> tuple[Floats, float]:
        """Return the least-squares fit."""
        common = self._sums.common
        return common.ols.copy(), float(np.sqrt(common.rss / max(common.weights, 1.0)))

    def value(self, b: Floats, u: Sequence[Floats], sigma: float) -> float:
        """Return the log likelihood, up to a constant."""
        return self._value(self._residuals(b, u), sigma)

    def near(self, b: Floats, u: Sequence[Floats], sigma: float) -> Local:
        """Return value, slopes and curvature."""
        found = self._residuals(b, u)
        common, effects, _ = found
        s2, system = sigma**2, self._system
        scaled = System(
            system.XX / s2,
            tuple(x / s2 for x in system.ZX),
            tuple(a / s2 for a in system.ZZ),
            system.cross,
            s2,
        )
        return Local(self._value(found, sigma), common / s2, tuple(e / s2 for e in effects), scaled)

    def along_sigma(
        self, b: Floats, u: Sequence[Floats], sigma: float, used: float
    ) -> tuple[float, float]:
        """Return slope and information of log sigma."""
        squares = self._residuals(b, u)[2] / sigma**2
        left = self._sums.common.weights - used
        return squares - left, 2 * left

    def settled(self, b: Floats, u: Sequence[Floats], used: float) -> tuple[Likelihood, float]:
        """Return the same: there is nothing else to move."""
        return self, 0.0

    def _value(self, residuals: tuple[Floats, list[Floats], float], sigma: float) -> float:
        return float(-self._sums.common.weights * np.log(sigma) - 0.5 * residuals[2] / sigma**2)

    def _residuals(self, b: Floats, u: Sequence[Floats]) -> tuple[Floats, list[Floats], float]:
        """Return X' W r, Z' W r and r' W r for the residuals r."""
        sums, system = self._sums, self._system
        d = b - sums.common.ols
        e = [g.Ze.T.reshape(-1) for g in sums.groups]
        flat = [x.reshape(-1) for x in u]
        common = system.XX @ d
        moved = [x @ d for x in system.ZX]
        crossed = self._crossing @ np.concatenate(flat) if flat else np.zeros(0)
        ends = np.cumsum([x.size for x in flat])
        for k, (x, end) in enumerate(zip(flat, ends, strict=True)):
            common = common + system.ZX[k].T @ x
            own = (system.ZZ[k] @ u[k][:, :, None]).reshape(-1)
            moved[k] = moved[k] + own + crossed[end - x.size : end]
        squares = sums.common.rss + d @ common
        for k, x in enumerate(flat):
            squares += x @ (moved[k] - 2 * e[k])
        effects = [(a - m).reshape(x.shape) for a, m, x in zip(e, moved, u, strict=True)]
        return -common, effects, float(squares)


def _crossing(system: System) -> Any:
    """Return what `System.cross` says of every two effects, as one symmetric sparse matrix."""
    from scipy import sparse

    starts = np.cumsum([0, *(a.shape[0] * a.shape[1] for a in system.ZZ)])
    empty = sparse.coo_array((starts[-1],) * 2)
    rows, columns, values = [empty.row], [empty.col], [empty.data]
    for (k, m), found in system.cross.items():
        F = found.tocoo()
        rows.append(starts[k] + F.row)
        columns.append(starts[m] + F.col)
        # With its transpose, half of one's own comes twice.
        values.append(F.data / -2 if k == m else F.data)
    at = (np.concatenate(rows), np.concatenate(columns))
    half = sparse.coo_array((np.concatenate(values), at), shape=empty.shape).tocsr()
    return (half + half.T).tocsr()


def system_of(sums: Sums) -> System:
    """Return the crossproducts as mixed-model equations have them."""
    within, cross = [], dict(sums.cross)
    for k, own in enumerate(sums.groups):
        if own.ZZ.ndim == 2:
            within.append(unpack(own.ZZ))
            continue
        blocks, cross[k, k] = split(join(own.ZZ), len(own.Ze))
        within.append(blocks)
    return System(
        sums.common.R.T @ sums.common.R,
        tuple(
            g.ZX.transpose(1, 0, 2).reshape(g.Ze.size, len(sums.common.ols)) for g in sums.groups
        ),
        tuple(within),
        cross,
    )
