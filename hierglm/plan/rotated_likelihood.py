"""A likelihood along effects in coordinates in which related levels are independent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hierglm.plan.blocks import join, split
from hierglm.plan.elimination import System
from hierglm.plan.likelihoods import Likelihood, Local, Own
from hierglm.plan.rotation import in_coordinates, information, rotated_products, turned

Floats = NDArray[np.float64]


class RotatedLikelihood:
    """A likelihood whose effects, of some terms, are those in coordinates.

    Parameters
    ----------
    likelihood : Likelihood
        Along effects of levels.
    rotation : mapping of int to ndarray, shape (J, J)
        What effects in coordinates are multiplied by, for terms that are not eliminated level
        by level.
    """

    def __init__(self, likelihood: Likelihood, rotation: Mapping[int, Floats]) -> None:
        self._inner, self.rotation = likelihood, rotation
        self.sizes = likelihood.sizes

    def first(self) -> tuple[Floats, float]:
        """Return common coefficients and sigma to start from."""
        return self._inner.first()

    def value(self, b: Floats, u: Sequence[Floats], sigma: float) -> float:
        """Return the log likelihood, up to a constant."""
        return self._inner.value(b, self.by_level(u), sigma)

    def along_sigma(
        self, b: Floats, u: Sequence[Floats], sigma: float, used: float
    ) -> tuple[float, float]:
        """Return slope and information of log sigma."""
        return self._inner.along_sigma(b, self.by_level(u), sigma, used)

    @property
    def own(self) -> Mapping[str, Own]:
        """The family's parameters beside sigma, where they are."""
        return self._inner.own

    def settled(self, b: Floats, u: Sequence[Floats], used: float) -> tuple[Likelihood, float]:
        """Return the likelihood with these moved a step, and how far."""
        inner, moved = self._inner.settled(b, self.by_level(u), used)
        return RotatedLikelihood(inner, self.rotation), moved

    def near(self, b: Floats, u: Sequence[Floats], sigma: float) -> Local:
        """Return value, slopes and curvature."""
        local = self._inner.near(b, self.by_level(u), sigma)
        effects, system = list(local.effects), local.system
        ZX, ZZ = list(system.ZX), list(system.ZZ)
        effects_a_level = [q for _, q in self.sizes]
        cross = {
            pair: rotated_products(found, self.rotation, pair, effects_a_level)
            for pair, found in system.cross.items()
            if pair[0] != pair[1]
        }
        for k, R in self.rotation.items():
            q = self.sizes[k][1]
            effects[k] = R.T @ effects[k]
            ZX[k] = turned(R, ZX[k], q)
            whole = in_coordinates(R, information(ZZ[k], system.cross.get((k, k))))
            ZZ[k], cross[k, k] = split(join(whole), q)
        return replace(
            local, effects=tuple(effects), system=System(system.XX, tuple(ZX), tuple(ZZ), cross)
        )

    def by_level(self, u: Sequence[Floats]) -> list[Floats]:
        """Return effects of levels from those in coordinates."""
        return [self.rotation[k] @ x if k in self.rotation else x for k, x in enumerate(u)]
