"""The numbers from the data that default priors are scaled by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design
from hierglm.design.magnitudes import constant
from hierglm.design.reduced import Counted, Reduced, counted_median
from hierglm.families.family import Family

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scales:
    """What the defaults need to know of the data.

    Attributes
    ----------
    mean_y : float
        Mean of a response with identity link (of its logarithm if lognormal), else 0.
    sd_y : float
        sd of such a response, else 1 (Gelman et al. 2008; rstanarm's autoscaling).
    centre : float
        Centre of the intercept's prior on the scale of the link.
    spread : float
        Scale of the intercept's and the sds' priors on the scale of the link.
    sd_x : ndarray, shape (columns,)
        sd of each common column, 1 where it is constant.
    """

    mean_y: float
    sd_y: float
    centre: float
    spread: float
    sd_x: Floats


def measure(design: Design, family: Family) -> Scales:
    """Return the numbers that scale the default priors of a design and a family."""
    if isinstance(design.reduced, Reduced):
        return _of_reduced(design.reduced)
    if isinstance(design.reduced, Counted):
        return _of_counted(design, family, design.reduced.frequency)
    y = family.scale.apply(design.response.values)
    gaussian = family.link.name == "identity"
    centre, spread = _link_scale(y, family, design.offset)
    return Scales(
        mean_y=float(y.mean()) if gaussian else 0.0,
        sd_y=_sd(y) if gaussian else 1.0,
        centre=centre,
        spread=spread,
        sd_x=np.array([_sd(x) for x in design.common.matrix.T]),
    )


def _of_reduced(rows: Reduced) -> Scales:
    """Return the numbers of a Gaussian response whose rows were read in batches."""
    return Scales(
        mean_y=rows.mean_y,
        sd_y=rows.sd_y,
        centre=round(rows.median_y, 1) - rows.mean_offset,
        spread=max(2.5, round(rows.mad_y, 1)),
        sd_x=rows.sds,
    )


def _of_counted(design: Design, family: Family, frequency: Floats) -> Scales:
    """Return the numbers of rows of which each stands for several; their link is log or logit."""
    X, rows = design.common.matrix, frequency.sum()
    away = X - np.average(X, axis=0, weights=frequency)
    sds = np.sqrt(frequency @ away**2 / max(rows - 1, 1))
    centre, spread = 0.0, 2.5
    if family.link.name == "log":
        y = design.response.values
        g = np.log(np.where(y == 0, 0.1, y))
        median = counted_median(g, frequency)
        mad = 1.4826 * counted_median(np.abs(g - median), frequency)
        shift = 0.0 if design.offset is None else np.average(design.offset, weights=frequency)
        centre, spread = round(median, 1) - float(shift), max(2.5, round(mad, 1))
    return Scales(0.0, 1.0, centre, spread, np.where(constant(X) | (rows < 2), 1.0, sds))


def _link_scale(y: Floats, family: Family, offset: Floats | None) -> tuple[float, float]:
    """Return centre and spread of the response on the scale of the link, as brms does."""
    if family.link.name not in ("identity", "log"):
        return 0.0, 2.5
    g = y if family.link.name == "identity" else np.log(np.where(y == 0, 0.1, y))
    median, mad = median_and_deviation(g)
    shift = 0.0 if offset is None else float(offset.mean())
    return round(median, 1) - shift, max(2.5, round(mad, 1))


def median_and_deviation(y: Floats) -> tuple[float, float]:
    """Return the median and 1.4826 times the median distance from it (R's mad).

    The factor makes it an sd for normal data.
    """
    median = np.median(y)
    return float(median), float(1.4826 * np.median(np.abs(y - median)))


def _sd(x: Floats) -> float:
    # A constant column can have an sd of rounding error only.
    if len(x) < 2 or constant(x[:, None])[0]:
        return 1.0
    return float(np.std(x, ddof=1))
