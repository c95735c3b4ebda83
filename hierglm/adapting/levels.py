"""The distribution of the effects of new levels given each draw: mean, factor, tails.

With e a level's effects before they are scaled, u = Lambda e, those of new levels have given
those of known ones a mean and a covariance for each effect (Rue and Held 2005, section 2.2):

- independent levels: 0 and 1; Student t ones are multivariate t;
- a known covariance with the Cholesky factor L: L_no L_oo^-1 e_o and L_nn L_nn';
- a proper field with precision Q: -Q_nn^-1 Q_no e_o and Q_nn^-1. The known levels have another
  distribution too once they have new neighbours: draws are weighted by the ratio of the two;
- intrinsic fields, and those mixed with independent effects: see `hierglm.adapting.fields`. Of the
  former draws know nothing of how parts of the graph differ that a new level joins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hierglm.adapting.fields import (
    Joined,
    intrinsic_precision,
    join_intrinsic,
    join_mixed,
    parted,
    root_of,
)
from hierglm.design.design import Grouping
from hierglm.draws.draws import Draws
from hierglm.draws.levels import alone, level_factor, level_freedom, level_values
from hierglm.draws.scales import flat, place, stratum_scales
from hierglm.errors import SettingsError
from hierglm.models import Model
from hierglm.results.fitted import Fitted

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class NewEffects:
    """Effects of some new levels in one group term, u = mean + Lambda (root v), for each draw.

    Attributes
    ----------
    number : int
        Position of the term among all.
    scales : ndarray, shape (S, 1 or levels, q, d)
        Lambda, one for all levels or one for each.
    mean : ndarray, shape (S, levels, q), or None
        None where it is 0.
    root : ndarray, shape (S or 1, levels, levels, q or 1), or None
        Of the covariance of levels, one for each effect or for all; None where they are
        independent.
    freedom : ndarray, shape (S,), or None
        Degrees of freedom, where a level's v are multivariate t.
    log_ratio : ndarray, shape (S,), or None
        Log density of the effects of known levels once the new ones are there, less that of the
        fit; None where they are the same.
    """

    number: int
    scales: Floats
    mean: Floats | None = None
    root: Floats | None = None
    freedom: Floats | None = None
    log_ratio: Floats | None = None

    @property
    def rank(self) -> int:
        """Number of standardised effects of a level."""
        return int(self.scales.shape[3])

    def loadings(self, some: slice | Ints, levels: Ints) -> Floats:
        """Return what standardised effects add to effects, shape (draws, k, q, k, d).

        Parameters
        ----------
        some : slice or ndarray of int
            Which draws.
        levels : ndarray of int, shape (k,)
            Which levels.
        """
        L = self.scales[some]
        L = L[:, levels] if L.shape[1] > 1 else L
        if self.root is None:
            own = np.eye(len(levels))
            return np.asarray(L[:, :, :, None, :] * own[:, None, :, None])
        root = self.root[some] if len(self.root) > 1 else self.root
        root = root[:, levels[:, None], levels]
        return np.asarray(L[:, :, :, None, :] * root[:, :, None, :, :])


def new_effects(fitted: Fitted, rows: Model, number: int, levels: Ints) -> NewEffects:
    """Return the distribution of the effects of new levels in a group term.

    Parameters
    ----------
    fitted : Fitted
    rows : Model
        With new rows, whose levels follow those of the fit.
    number : int
        Position of the term among all.
    levels : ndarray of int
        The new levels that rows have, by their positions among all.

    Raises
    ------
    SettingsError
        Where the effects of these levels are not known given the draws of the fit.
    """
    model, draws = fitted.plan.model, fitted.draws
    _, grouping, _ = rows.acting(number)[0]
    relation = grouping.relation
    if relation.strata:
        assert relation.stratum is not None
        scales = stratum_scales(*alone(model, number, draws))[:, relation.stratum[levels]]
    else:
        scales = level_factor(model, number, draws)[:, None]
    if not relation.dependent:
        return NewEffects(number, scales, freedom=level_freedom(model, number, draws))
    if relation.student:
        raise SettingsError(
            f"adapt() does not know effects of new levels that are both related and Student t, as "
            f"in {grouping.source}; fit again with all rows"
        )
    known = _standardised(model, number, draws)
    if relation.kind == "cov":
        return _by_covariance(number, scales, grouping, known, levels)
    if relation.kind == "car":
        return _by_precision(model, number, draws, scales, grouping, known, levels)
    groups, own, _ = alone(model, number, draws)
    joined = _joined(model, number, draws, grouping, groups[own], known)
    at = levels - known.shape[1]
    root = root_of(joined.covariance[:, at[:, None], at])
    return NewEffects(
        number, scales, scales_times(scales, joined.mean[:, at]), root, log_ratio=joined.log_ratio
    )


def _standardised(model: Model, number: int, draws: Draws) -> Floats:
    """Return the effects of the fit's levels before they are scaled, shape (S, levels, q)."""
    groups, own, draws = alone(model, number, draws)
    grouping, size = groups[own], draws.chains * draws.draws
    variable = draws[f"r_{grouping.group}"]
    effects = level_values(variable, np.arange(len(grouping.levels)), size)
    u = effects[:, :, place(groups, own, lambda g: g.terms)]
    scales = stratum_scales(groups, own, draws)
    stratum = grouping.relation.stratum
    if stratum is None:
        return np.asarray(u @ np.linalg.inv(scales[:, 0]).swapaxes(1, 2))
    return np.asarray((np.linalg.inv(scales)[:, stratum] @ u[..., None])[..., 0])


def _by_covariance(
    number: int, scales: Floats, grouping: Grouping, known: Floats, levels: Ints
) -> NewEffects:
    L, J = grouping.relation.factor, known.shape[1]
    assert L is not None
    to_new = np.linalg.solve(L[:J, :J].T, L[levels, :J].T).T
    mean = scales_times(scales, to_new @ known)
    among = L[levels, J:]
    root = np.asarray(np.linalg.cholesky(among @ among.T), dtype=np.float64)[None, :, :, None]
    return NewEffects(number, scales, mean, root)


def _by_precision(
    model: Model,
    number: int,
    draws: Draws,
    scales: Floats,
    grouping: Grouping,
    known: Floats,
    levels: Ints,
) -> NewEffects:
    """Return the effects of levels on a proper field; see `hierglm.design.graphs.proper`."""
    groups, own, _ = alone(model, number, draws)
    alpha, J = _shares(model, number, draws, "alpha"), known.shape[1]
    degree, W, spectrum = _field(grouping)
    before, _, own_spectrum = _field(groups[own])
    a = alpha[:, :, None, None]
    Q_nn = np.diag(degree[J:]) - a * W[J:, J:]
    e = known.swapaxes(1, 2)
    pulled = alpha[:, :, None] * (e @ W[:J, J:])
    mean = np.asarray(np.linalg.solve(Q_nn, pulled[..., None])[..., 0], dtype=np.float64)
    # Schur's complement and the fit's own precision differ where new neighbours are.
    squares = np.sum(e**2 * (degree[:J] - before), axis=2) - np.sum(pulled * mean, axis=2)
    change = _log_determinant(degree, spectrum, alpha) - np.linalg.slogdet(Q_nn)[1]
    change = change - _log_determinant(before, own_spectrum, alpha)
    at = levels - J
    covariance = np.linalg.inv(Q_nn)[:, :, at[:, None], at]
    root = np.moveaxis(np.linalg.cholesky(covariance), 1, 3)
    return NewEffects(
        number,
        scales,
        scales_times(scales, mean[:, :, at].swapaxes(1, 2)),
        root,
        log_ratio=0.5 * np.sum(change - squares, axis=1),
    )


def _joined(
    model: Model, number: int, draws: Draws, grouping: Grouping, before: Grouping, known: Floats
) -> Joined:
    """Return new levels of a field that is intrinsic, or has an intrinsic part."""
    old, new = before.relation, grouping.relation
    assert old.factor is not None
    assert new.factor is not None
    if old.spectrum is not None and new.spectrum is not None:
        rho = _shares(model, number, draws, "rho")
        return join_mixed((old.factor, old.spectrum), (new.factor, new.spectrum), rho, known)
    Q_before, Q = intrinsic_precision(old.factor), intrinsic_precision(new.factor)
    found = parted(Q_before, Q)
    if found is None:
        return join_intrinsic(Q_before, Q, known)
    level, one, other = (repr(grouping.levels[i]) for i in found)
    what = f"{one}, which has no edge in the fit" if one == other else f"{one} with {other}"
    raise SettingsError(
        f"the new level {level} of {grouping.group} connects {what}: effects of {grouping.source} "
        "sum to 0 over all that are connected, and the fit does not know how parts of its graph "
        'differ; fit again with all rows (type="bym2" and type="car" can be adapted)'
    )


def scales_times(scales: Floats, e: Floats) -> Floats:
    """Return Lambda e of each level, shapes (S, 1 or levels, q, d) and (S, levels, d)."""
    return np.asarray((scales @ e[..., None])[..., 0])


def _shares(model: Model, number: int, draws: Draws, name: str) -> Floats:
    """Return the parameter of each field of a term, shape (S, q)."""
    groups, own, draws = alone(model, number, draws)
    kind = groups[own].relation.kind
    at = place(groups, own, lambda g: g.terms if g.relation.kind == kind else ())
    return flat(draws, f"{name}_{groups[own].group}")[:, at]


def _field(grouping: Grouping) -> tuple[Floats, Floats, Floats]:
    """Return degrees (levels,), adjacency (levels, levels) and spectrum of a proper field."""
    relation = grouping.relation
    assert relation.factor is not None
    assert relation.spectrum is not None
    K = np.linalg.inv(relation.factor)
    return np.sum(K**2, axis=0), (K.T * relation.spectrum) @ K, relation.spectrum


def _log_determinant(degree: Floats, spectrum: Floats, alpha: Floats) -> Floats:
    """Return log |D - alpha W|, shape of alpha."""
    own: Floats = np.sum(np.log1p(-alpha[..., None] * spectrum), axis=-1)
    return own + float(np.sum(np.log(degree)))
