"""The directions in which levels differ, of ``rr(x | g, rank=2)``: a subspace and its spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hierglm.covariances import covariance_of
from hierglm.covariances.rr import is_auto, rank, unit
from hierglm.draws.scales import scale
from hierglm.errors import SettingsError, suggest
from hierglm.results.estimates import intervals
from hierglm.results.fitted import Fitted
from hierglm.showing.said import Said, grid
from hierglm.showing.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, repr=False)
class Subspace(Shown):
    """The posterior of the space that the effects of levels span; print it.

    Attributes
    ----------
    group : str
        Name of the grouping factor.
    terms : tuple of str
        The q effects.
    dimension : int
        Of the subspace: the rank, or with ``rank="auto"`` the most probable number of
        directions that matter.
    projection : ndarray, shape (q, q)
        Posterior mean of P = U (U'U)^-1 U', the projection onto the space.
    basis : ndarray, shape (q, dimension)
        Orthonormal columns that span the central subspace: that of the leading eigenvectors of
        `projection`, closest to the draws' on average (least sum of squared sines of angles).
    angles : ndarray, shape (draws, dimension)
        Principal angles between each draw's subspace and the central one, in radians, the
        largest first (Bjorck and Golub 1973).
    shares : ndarray, shape (draws, factors)
        Share of each direction of the variance that the effects add to the linear predictor,
        for columns of size 1 without correlation; the largest first.
    threshold : float
        A direction matters whose share is larger.
    """

    group: str
    terms: tuple[str, ...]
    dimension: int
    projection: Floats
    basis: Floats
    angles: Floats
    shares: Floats
    threshold: float

    @property
    def count(self) -> dict[int, float]:
        """Posterior probability of each number of directions that matter, from 1."""
        numbers = np.sum(self.shares > self.threshold, axis=1)
        return {
            k: float(np.mean(numbers == k)) for k in range(1, self.shares.shape[1] + 1)
        }  # fmt: skip

    def tidy(self, conf_level: float = 0.95) -> pd.DataFrame:
        """Return one row a direction.

        Parameters
        ----------
        conf_level : float
            Probability of the intervals.

        Returns
        -------
        DataFrame
            Columns group, direction, share, conf_low, conf_high; matters, the posterior
            probability that the share is above the threshold; angle, the posterior mean of the
            principal angle in degrees (NaN for directions outside the subspace).
        """
        import pandas as pd

        low, high = intervals(self.shares, conf_level)
        angle = np.full(self.shares.shape[1], np.nan)
        # The smallest angle belongs to the direction that is known best.
        angle[: self.dimension] = np.degrees(self.angles.mean(axis=0))[::-1]
        return pd.DataFrame(
            {
                "group": self.group, "direction": np.arange(1, self.shares.shape[1] + 1),
                "share": self.shares.mean(axis=0), "conf_low": low, "conf_high": high,
                "matters": np.mean(self.shares > self.threshold, axis=0), "angle": angle,
            }
        )  # fmt: skip

    def projections(self) -> pd.DataFrame:
        """Return `projection` with its terms."""
        import pandas as pd

        return pd.DataFrame(self.projection, index=list(self.terms), columns=list(self.terms))

    def said(self) -> Said:
        """Return its directions; see `hierglm.showing.said.Said`."""
        likely = ", ".join(f"{k}: {p:.2f}" for k, p in self.count.items() if p > 0)
        worst = np.degrees(self.angles[:, 0].mean())
        return Said(
            f"effects of {self.group}: {len(self.terms)}, in {self.dimension} "
            f"direction{'' if self.dimension == 1 else 's'}",
            (
                f"largest angle to the central subspace {worst:.1f} degrees on average",
                f"directions with more than {self.threshold:.0%} of the variance: {likely}",
            ),
            (grid(self.tidy().drop(columns="group")),),
        )


def subspace(fitted: Fitted, group: str | None = None, threshold: float = 0.05) -> Subspace:
    """Return the subspace that the effects of a term ``rr(...)`` span.

    Parameters
    ----------
    fitted : Fitted
    group : str, optional
        Its grouping factor, where there are several such terms.
    threshold : float
        Share of the variance from which on a direction matters, between 0 and 1.

    Raises
    ------
    SettingsError
        Where there is no such term, or no one such term.
    """
    if not 0 < threshold < 1:
        raise SettingsError(f"threshold must lie between 0 and 1, not {threshold!r}")
    groups = fitted.plan.model.groups
    number = _number(
        [(k, g.group) for k, g in enumerate(groups) if covariance_of(g).low_rank], group
    )
    grouping = groups[number]
    U, own = scale(groups, number, fitted.draws), unit(grouping)
    vectors, sizes, _ = np.linalg.svd(U / own[:, None], full_matrices=False)
    variances = sizes**2
    shares = variances / variances.sum(axis=1, keepdims=True)
    dimension = rank(grouping)
    if is_auto(grouping):
        dimension = int(np.bincount(np.sum(shares > threshold, axis=1)).argmax())
    bases = np.linalg.qr(own[:, None] * vectors[:, :, :dimension])[0]
    projection = np.einsum("sik,sjk->ij", bases, bases) / len(bases)
    central = np.linalg.eigh(projection)[1][:, ::-1][:, :dimension]
    return Subspace(
        group=grouping.group,
        terms=grouping.terms,
        dimension=dimension,
        projection=projection,
        basis=central,
        angles=principal_angles(bases, central),
        shares=shares,
        threshold=threshold,
    )


def principal_angles(bases: Floats, other: Floats) -> Floats:
    """Return the principal angles between subspaces, in radians, the largest first.

    By sines and cosines, so that small angles and those near 90 degrees keep their digits
    (Bjorck and Golub 1973).

    Parameters
    ----------
    bases : ndarray, shape (..., q, d)
        Orthonormal columns.
    other : ndarray, shape (q, d)
        Orthonormal columns.

    Returns
    -------
    ndarray, shape (..., d)

    Examples
    --------
    >>> np.degrees(principal_angles(np.eye(2)[:, :1], np.eye(2)[:, 1:])).tolist()
    [90.0]
    """
    inner = np.swapaxes(bases, -1, -2) @ other
    outside = other - bases @ inner
    cosines = np.linalg.svd(inner, compute_uv=False)[..., ::-1]
    sines = np.linalg.svd(outside, compute_uv=False)
    return np.asarray(np.arctan2(sines, cosines))


def _number(found: list[tuple[int, str]], group: str | None) -> int:
    if not found:
        raise SettingsError("no term rr(...), and so no subspace to look at")
    names = [name for _, name in found]
    if group is None and len(found) == 1:
        return found[0][0]
    if group is None:
        raise SettingsError(f"several terms rr(...): name the group, one of {', '.join(names)}")
    if group not in names:
        raise SettingsError(f"no term rr(... | {group}){suggest(str(group), names)}")
    if names.count(group) > 1:
        raise SettingsError(f"{group!r} has several terms rr(...)")
    return found[names.index(group)][0]
