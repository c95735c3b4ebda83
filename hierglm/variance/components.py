"""Variances on the scale of the linear predictor, draw by draw: predictors, groups, residual.

What a group term adds to the linear predictor of row i, z_i' u, has variance z_i' Sigma z_i; its
mean over the rows is trace(Sigma M) with M = Z' Z / n (Johnson 2014), so that no row is needed
once M is known, and each sd and each correlation has a share of its own in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Grouping
from hierglm.draws.draws import Draws
from hierglm.draws.levels import level_factor, level_freedom
from hierglm.draws.scales import correlation_factor, flat, place, scales
from hierglm.errors import SettingsError
from hierglm.models import Model
from hierglm.predicting.averages import averaged_inverse
from hierglm.predicting.effects import Source
from hierglm.predicting.predictions import predictions
from hierglm.results.fitted import Fitted
from hierglm.results.pointwise import Flat, flatten, linear_predictor, scales_of
from hierglm.variance.observation import Approximation, needs_mean, observation_variance

Floats = NDArray[np.float64]

_BLOCK = 2**22
"""Numbers in an array of draws x rows (32 MB)."""


@dataclass(frozen=True, slots=True)
class Share:
    """What an sd of a group's effects, or a correlation of two, adds to the variance.

    Attributes
    ----------
    group, term, term2 : str
        Grouping factor and terms; term2 is "" for an sd.
    values : ndarray, shape (S,)
        The variance; of a correlation it may be negative.
    """

    group: str
    term: str
    term2: str
    values: Floats


@dataclass(frozen=True, slots=True)
class Components:
    """The variances of one response on the scale of its linear predictor, for each draw.

    Attributes
    ----------
    response : str
        Its name, "" where it is the only one.
    fixed : ndarray, shape (S,)
        Of the common columns times their coefficients, over the rows; offsets are no part of it.
    shares : tuple of Share
        Of the group effects, mean over the rows.
    residual : ndarray, shape (S,)
        Of single observations, mean over the rows; see `hierglm.variance.observation`.
    """

    response: str
    fixed: Floats
    shares: tuple[Share, ...]
    residual: Floats

    def group(self, name: str | None = None) -> Floats:
        """Return the variance of all group effects, or of one grouping factor's."""
        chosen = [s.values for s in self.shares if name in (None, s.group)]
        return np.asarray(np.sum([np.zeros_like(self.fixed), *chosen], axis=0))

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the grouping factors."""
        return tuple(dict.fromkeys(s.group for s in self.shares))


def components(
    fitted: Fitted, response: str | None = None, approximation: Approximation | None = None
) -> Components:
    """Return the variances of a response on the scale of its linear predictor.

    Parameters
    ----------
    fitted : Fitted
    response : str, optional
        Which, where there are several.
    approximation : str, optional
        See `hierglm.variance.observation.observation_variance`.

    Raises
    ------
    SettingsError
        For unordered categories, which have several linear predictors; for a response that
        there is not.
    """
    rows = predictions(fitted, target="linear", response=response).rows
    first, *further = rows.predictors
    if first.family.categories:
        raise SettingsError(
            f"{first.family.name} has a linear predictor for each category, and no one scale for "
            "their variances; fit one category against the others with family='bernoulli'"
        )
    every = flatten(fitted.draws) if further else _common(fitted)
    spreads = [
        _spread(fitted, first.design.groups[k], *where) for k, where in enumerate(rows.terms[0])
    ]
    return Components(
        response=first.part.response,
        fixed=_fixed(first, every),
        shares=tuple(share for s in spreads for share in s.shares()),
        residual=_residual(first, further, every, spreads, approximation),
    )


def each_response(fitted: Fitted, response: str | None) -> list[str | None]:
    """Return the responses that are asked for: one, or all by default."""
    names = [m.part.response for m in fitted.plan.model.responses]
    return list(names) if response is None and len(names) > 1 else [response]


@dataclass(frozen=True, slots=True)
class _Spread:
    """A group term: one factor F of the covariance F F', shape (S, q, r), for each stratum.

    `weighted` has the columns Z of each stratum, rows scaled by the levels' own variances.
    `moments` are the means of products of columns: of each stratum (q, q); where the fields of
    a graph have a parameter (S, r, q, q).
    """

    grouping: Grouping
    factors: tuple[Floats, ...]
    weighted: tuple[Floats, ...]
    moments: tuple[Floats, ...]
    inflation: Floats

    def shares(self) -> Iterator[Share]:
        """Yield the variance of each effect, then of each two that vary together."""
        terms = self.grouping.terms
        total = sum(
            np.einsum("sar,sbr,srab->sab", F, F, M) if M.ndim == 4 else (F @ F.swapaxes(1, 2)) * M
            for F, M in zip(self.factors, self.moments, strict=True)
        )
        total = np.asarray(total) * self.inflation[:, None, None]
        for a, term in enumerate(terms):
            yield Share(self.grouping.group, term, "", total[:, a, a])
        for a, term in enumerate(terms):
            for b in range(a + 1, len(terms)):
                if np.any(total[:, a, b]):
                    yield Share(self.grouping.group, term, terms[b], 2 * total[:, a, b])

    def by_row(self, some: slice) -> Floats:
        """Return the variance of what the term adds to each row, shape (draws, rows)."""
        out: Floats | float = 0.0
        for F, Z in zip(self.factors, self.weighted, strict=True):
            out = out + np.sum((Z @ F[some]) ** 2, axis=2)
        return np.asarray(out)


def _spread(fitted: Fitted, grouping: Grouping, number: int, low: int) -> _Spread:
    model, draws = fitted.plan.model, fitted.draws
    relation, Z = grouping.relation, grouping.effects.matrix
    own = slice(low, low + len(grouping.terms))
    freedom = level_freedom(model, number, draws)
    inflation = np.ones(draws.chains * draws.draws)
    if freedom is not None:
        with np.errstate(divide="ignore"):
            inflation = np.where(freedom > 2, freedom / np.maximum(freedom - 2, 0), np.inf)
    if model.parts and (relation.strata or relation.parameter):
        raise SettingsError(
            f"no variance of {grouping.source} beside other linear predictors: its levels do not "
            "have one covariance; fit its response alone"
        )
    if relation.dependent and relation.members is not None:
        raise SettingsError(
            f"no variance of {grouping.source}: its levels are related, and rows have several"
        )
    if relation.strata and relation.stratum is not None:
        factors = [_stratum_factor(model, number, draws, s) for s in range(len(relation.strata))]
        inside = [relation.stratum[grouping.index] == s for s in range(len(factors))]
    else:
        factors, inside = [level_factor(model, number, draws)[:, own]], [np.ones(len(Z), bool)]
    weight = _row_weight(grouping)
    weighted = [Z * np.sqrt(np.where(some, weight, 0.0))[:, None] for some in inside]
    moments = [w.T @ w / len(Z) for w in weighted]
    if relation.parameter:
        moments = [_field_moments(model, grouping, number, draws)]
    return _Spread(grouping, tuple(factors), tuple(weighted), tuple(moments), inflation)


def _stratum_factor(model: Model, number: int, draws: Draws, stratum: int) -> Floats:
    sd, correlation = scales(model.groups, number, draws, stratum)
    return sd[:, :, None] * correlation_factor(correlation)


def _row_weight(grouping: Grouping) -> Floats:
    """Return what the variance of a level is multiplied by in each row, shape (rows,)."""
    relation = grouping.relation
    if relation.shares is not None:
        return np.asarray(np.sum(relation.shares**2, axis=0))
    if relation.factor is not None:
        return np.asarray(np.sum(relation.factor**2, axis=1)[grouping.index])
    return np.ones(len(grouping.index))


def _field_moments(model: Model, grouping: Grouping, number: int, draws: Draws) -> Floats:
    """Return means of products of columns, weighted by the variances of a graph's fields.

    Shape (S, q, q, q): the field of each effect has a parameter of its own.
    """
    relation, Z = grouping.relation, grouping.effects.matrix
    assert relation.factor is not None
    assert relation.spectrum is not None
    values = flat(draws, f"{relation.parameter}_{grouping.group}")
    share = values[:, place(model.groups, number, _parameter_terms(relation.parameter)), None]
    if relation.parameter == "alpha":
        weights = 1 / (1 - share * relation.spectrum)
    else:
        weights = 1 + share * (relation.spectrum - 1)
    squares = relation.factor[grouping.index] ** 2
    each = np.einsum("ia,ib,ik->kab", Z, Z, squares) / len(Z)
    return np.asarray(np.einsum("srk,kab->srab", weights, each))


def _parameter_terms(parameter: str) -> Callable[[Grouping], tuple[object, ...]]:
    return lambda g: g.terms if g.relation.parameter == parameter else ()


def _common(fitted: Fitted) -> Flat:
    """Return the draws of all but the effects of levels, which may be many."""
    size = fitted.draws.chains * fitted.draws.draws
    return Flat(Source(fitted, fitted.plan.model, np.arange(size)).common(), size)


def _fixed(model: Model, every: Flat) -> Floats:
    X = model.design.common.matrix
    name = f"b{model.part.ending}"
    if not X.shape[1] or len(X) < 2 or name not in every.values:
        return np.zeros(every.size)
    b = every.values[name][:, -X.shape[1] :]
    centred = X - X.mean(axis=0)
    # As R's var of the fitted values: divided by n - 1.
    return np.asarray(np.einsum("sa,ab,sb->s", b, centred.T @ centred / (len(X) - 1), b))


def _residual(
    model: Model,
    further: list[Model],
    every: Flat,
    spreads: list[_Spread],
    approximation: Approximation | None,
) -> Floats:
    """Return the mean over the rows of the variance of single observations, shape (S,)."""
    rows = max(1, model.design.rows)
    without = replace(model.design, groups=())
    step = max(1, _BLOCK // rows)
    out = np.empty(every.size)
    for low in range(0, every.size, step):
        some = slice(low, min(low + step, every.size))
        eta = np.zeros((some.stop - low, 1))
        if needs_mean(model.family):
            fixed = linear_predictor(without, every, some, model.part.ending)
            spread = sum((s.by_row(some) for s in spreads), np.zeros((1, 1)))
            link = model.family.link
            mean = averaged_inverse(link, fixed, spread).mean(axis=1, keepdims=True)
            eta = link.apply(mean)
        found = observation_variance(
            model.family, eta, scales_of(model, every, some, further), approximation
        )
        out[some] = np.broadcast_to(found, (len(eta), max(1, found.shape[1]))).mean(axis=1)
    return out
