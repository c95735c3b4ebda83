"""The distribution of the effects of new levels given each draw: mean, factor, tails.

With e a level's effects before they are scaled, u = Lambda e, those of new levels have given
those of known ones a mean and a covariance for each effect (Rue and Held 2005, section 2.2):

- independent levels: 0 and 1; Student t ones are multivariate t;
- a known covariance with the Cholesky factor L: L_no L_oo^-1 e_o and L_nn L_nn';
- a proper field with precision Q: -Q_nn^-1 Q_no e_o and Q_nn^-1. The known levels have another
  distribution too once they have new neighbours: draws are weighted by the ratio of the two;
- an intrinsic one sums to 0 over each connected component: new levels that have known ones in
  theirs change what is known of these, and cannot be had without a new fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Grouping
from hierglm.draws.draws import Draws
from hierglm.draws.levels import alone, level_factor, level_freedom, level_values
from hierglm.draws.scales import flat, place, stratum_scales
from hierglm.errors import SettingsError
from hierglm.models import Model
from hierglm.results.fitted import Fitted

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_ROUNDING = 1e-9
"""Largest covariance of two components of a graph, of the largest variance."""


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
    return _apart(model, number, draws, scales, grouping, known.shape[1], levels)


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


def _apart(
    model: Model,
    number: int,
    draws: Draws,
    scales: Floats,
    grouping: Grouping,
    known: int,
    levels: Ints,
) -> NewEffects:
    """Return the effects of levels that have no known ones in their components."""
    relation = grouping.relation
    F = relation.factor
    assert F is not None
    C = F @ F.T if relation.spectrum is None else (F * relation.spectrum) @ F.T
    reach = np.abs(C[levels, :known])
    if reach.max(initial=0.0) > _ROUNDING * float(np.diag(C).max()):
        i, j = (int(x) for x in np.unravel_index(int(np.argmax(reach)), reach.shape))
        raise SettingsError(
            f"the new level {grouping.levels[levels[i]]!r} of {grouping.group} is connected with "
            f"{grouping.levels[j]!r}, which the fit knows: effects of {grouping.source} sum to 0 "
            "over all that are connected, so that it moves them all; fit again with all rows (type="
            '"car" can be adapted)'
        )
    values, vectors = np.linalg.eigh(C[np.ix_(levels, levels)])
    values = np.maximum(values, 0.0)
    if relation.spectrum is None:
        root = (vectors * np.sqrt(values))[None, :, :, None]
    else:
        rho = _shares(model, number, draws, "rho")[:, None, :]
        root = vectors[:, :, None] * np.sqrt(1 + rho * (values[:, None] - 1))[:, None]
    return NewEffects(number, scales, None, root)


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
