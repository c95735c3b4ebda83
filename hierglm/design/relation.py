"""How the levels of a grouping factor are related, and which of them a row belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

Kind = Literal["independent", "cov", "icar", "car", "bym2"]


@dataclass(frozen=True, slots=True)
class Relation:
    """What makes the effects of a group term more than independent normals, one a level.

    With z standard normal, of shape (K, q), and Lambda the factor of the covariance of the
    effects of one level, the effects are ``u = factor (w * z) Lambda'``: w is 1, or depends on
    one parameter for each effect and on `spectrum`.

    Attributes
    ----------
    kind : {"independent", "cov", "icar", "car", "bym2"}
        "cov": a covariance matrix A between levels is known. The others are Gaussian Markov
        random fields on a graph: intrinsic; proper, ``w = (1 - alpha spectrum)^-1/2``; and an
        intrinsic one mixed with independent effects, ``w = (1 - rho + rho spectrum)^1/2``.
    factor : ndarray, shape (levels, K), or None
        None where levels are independent.
    spectrum : ndarray, shape (K,), or None
        Of "car" the eigenvalues of the scaled adjacency, of "bym2" the variances of the scaled
        intrinsic field.
    strata : tuple of str
        Labels of the strata that have covariances of their own, ``"fa"`` for level a of f.
    stratum : ndarray of int, shape (levels,), or None
        In which each level lies.
    student : bool
        Whether effects are Student t: each level's are multiplied by ``(nu / chi2_nu)^1/2``.
    members : ndarray of int, shape (memberships, rows), or None
        The levels that each row belongs to, where these are several; -1 for unseen ones.
    shares : ndarray, shape (memberships, rows), or None
        How much of each level's effects a row has.
    """

    kind: Kind = "independent"
    factor: Floats | None = None
    spectrum: Floats | None = None
    strata: tuple[str, ...] = ()
    stratum: Ints | None = None
    student: bool = False
    members: Ints | None = None
    shares: Floats | None = None

    @property
    def plain(self) -> bool:
        """Whether levels are independent, alike and normal, and rows belong to one each."""
        return not (self.dependent or self.varying or self.members is not None)

    @property
    def varying(self) -> bool:
        """Whether levels differ in the covariance of their effects."""
        return bool(self.strata) or self.student

    @property
    def dependent(self) -> bool:
        """Whether the effects of different levels are correlated."""
        return self.kind != "independent"

    @property
    def parameter(self) -> Literal["alpha", "rho", ""]:
        """Name of the parameter that each field has beside its sd, or ""."""
        if self.kind == "car":
            return "alpha"
        return "rho" if self.kind == "bym2" else ""


PLAIN = Relation()
"""Levels are independent and alike."""
