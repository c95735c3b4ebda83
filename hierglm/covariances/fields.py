"""What the parameter of a field on a graph makes of the coordinates of its effects."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hierglm.design.relation import Relation

Floats = NDArray[np.float64]


def field_weights(relation: Relation, share: Floats) -> Floats:
    """Return what effects in coordinates are multiplied by, shape (..., J, q).

    Parameters
    ----------
    relation : Relation
        Of a proper or a mixed field.
    share : ndarray, shape (..., q)
        alpha or rho of each effect.

    Examples
    --------
    >>> car = Relation("car", spectrum=np.array([0.75, 0.0]))
    >>> field_weights(car, np.array([1.0])).tolist()
    [[2.0], [1.0]]
    """
    assert relation.spectrum is not None
    share, own = share[..., None, :], relation.spectrum[:, None]
    if relation.parameter == "alpha":
        return np.asarray(1 / np.sqrt(1 - share * own))
    return np.asarray(np.sqrt(1 + share * (own - 1)))
