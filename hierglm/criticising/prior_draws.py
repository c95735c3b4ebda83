"""Every parameter of a model drawn from its prior: as a fit's draws, without data or Stan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from hierglm.covariances import covariance_of, effect_times, sd_terms
from hierglm.covariances.rr import is_auto, rank, unit
from hierglm.design.design import Grouping
from hierglm.draws.draws import assemble
from hierglm.draws.scales import correlation_factor
from hierglm.engines.engine import Settings, chosen_count
from hierglm.errors import PriorError, first_of
from hierglm.families.parameters import BOUNDS
from hierglm.models import Model
from hierglm.plan.choose import choose
from hierglm.plan.crossproducts import column_means
from hierglm.priors.distributions import Prior
from hierglm.priors.laws import draw, draw_correlations, draw_loadings, draw_one_correlation
from hierglm.program.write import write
from hierglm.results.fitted import Fitted

Floats = NDArray[np.float64]


def prior_fitted(model: Model, draws: int, seed: int) -> Fitted:
    """Return a model with draws from its priors in the place of a posterior.

    All that takes a fit takes it: predictions of its rows are prior predictions.

    Parameters
    ----------
    model : Model
        Every prior proper.
    draws : int
        How many, in one chain.
    seed : int
        The same seed gives the same draws.

    Returns
    -------
    Fitted

    Raises
    ------
    PriorError
        Where a prior is flat: nothing can be drawn from it.
    """
    draws = chosen_count("draws", draws)
    flat = [a.slot.name for a in model.priors if a.prior.kind == "flat"]
    if flat:
        raise PriorError(
            f"nothing can be drawn from flat priors: {first_of(flat, 6)}; give proper ones, such "
            f"as priors={{{flat[0]!r}: hierglm.prior.normal(0, 1)}}, or priors='default'"
        )
    # The textbook's program names every parameter, whatever plan a fit would take.
    plan = choose(model, frozenset(), "textbook")
    program = write(plan)
    values = dict(_values(model, draws, seed))
    found = assemble(
        program.outputs,
        {name: x[None] for name, x in values.items()},
        {"lp": np.full((1, draws), np.nan)},
    )
    return Fitted(
        plan=plan,
        program=program,
        settings=Settings(chains=1, warmup=0, draws=draws, seed=seed),
        draws=found,
        engine="priors",
        versions={},
        seconds=0.0,
    )


def _values(model: Model, size: int, seed: int) -> Iterator[tuple[str, Floats]]:
    """Yield the draws of every output of the textbook's program, by Stan name."""
    own: dict[str, Floats] = {}
    # A stream for each part, so that the priors of one do not move the draws of another.
    for number, part in enumerate(model.parts or (model,)):
        rng = np.random.default_rng([seed, 0, number])
        yield from _common(part, rng, size)
        for p in part.parameters:
            low, high = BOUNDS[p.support]
            own[p.name + part.part.rows] = draw(part.priors.scale(p.name), rng, size, low, high)
    yield from own.items()
    for number in range(len(model.groups)):
        rng = np.random.default_rng([seed, 1, number])
        yield from _group(model, number, own.get("sigma"), rng, size)


def _common(part: Model, rng: np.random.Generator, size: int) -> Iterator[tuple[str, Floats]]:
    """Yield coefficients and intercept, or thresholds, of a linear predictor."""
    design, of = part.design, part.part.ending
    labels = design.common.labels
    b = _each(part.priors.of("b"), rng, size)
    if labels:
        yield f"b{of}", b
    if not design.intercept:
        return
    (prior,) = part.priors.of("Intercept")
    # The prior is that of the intercept, or of the thresholds, at the means of the columns.
    shift = b @ column_means(design) if labels else np.zeros(size)
    name = ("b_Intercept" if labels else "Intercept") + of
    if not part.family.thresholds:
        yield name, draw(prior, rng, size) - shift
        return
    count = len(design.response.levels or ()) - 1
    # Independent numbers that happen to be in order are those numbers, sorted.
    thresholds = np.sort(draw(prior, rng, size * count).reshape(size, count), axis=1)
    yield name, thresholds + shift[:, None]


def _group(
    model: Model, number: int, sigma: Floats | None, rng: np.random.Generator, size: int
) -> Iterator[tuple[str, Floats]]:
    """Yield the parameters of a group term, and the effects of its levels."""
    grouping, k = model.groups[number], number + 1
    covariance, priors, relation = covariance_of(grouping), model.priors, grouping.relation
    if covariance.low_rank:
        factor = _low_rank(model, number, rng, size)
        sd = np.sqrt(np.sum(factor**2, axis=2))
        yield f"sd_{k}", sd
        yield f"cor_{k}", factor @ factor.swapaxes(1, 2) / (sd[:, :, None] * sd[:, None, :])
        yield f"loading_{k}", _rotated(factor)
        factors = factor[:, None]
    else:
        sd = _deviations(priors.of("sd", number), grouping, sigma, rng, size)
        yield f"sd_{k}", sd[:, 0] if len(sd_terms(grouping)) == 1 else sd
        strata, q = len(relation.strata) or 1, len(grouping.terms)
        correlation = np.tile(np.eye(q), (size, strata, 1, 1))
        if covariance.free:
            eta = priors.of("cor", number)[0].numbers[0]
            drawn = draw_correlations(eta, q, rng, size * strata)
            correlation = drawn.reshape(size, strata, q, q)
            yield f"cor_{k}", correlation if relation.strata else correlation[:, 0]
        elif covariance.one is not None:
            prior, times = priors.of("cor", number)[0], effect_times(grouping)
            rho = draw_one_correlation(prior, covariance.one, times, rng, size)
            yield f"rho_{k}", rho
            correlation = covariance.one.matrix(rho, times)[:, None]
        by_stratum = sd.reshape(size, strata, -1)[:, :, :, None]
        lower = correlation_factor(correlation.reshape(-1, q, q)).reshape(size, -1, q, q)
        factors = by_stratum * lower
    further: dict[str, Floats] = {}
    if relation.parameter:
        # These are called as the one correlation of effects is; a term has one or the other.
        further[relation.parameter] = _each(priors.of(relation.parameter, number), rng, size, 0, 1)
    if relation.student:
        further["df"] = draw(priors.of("df", number)[0], rng, size, 1.0)
    yield from ((f"{name}_{k}", x) for name, x in further.items())
    yield f"r_{k}", level_effects(grouping, factors, further, rng)


def level_effects(
    grouping: Grouping, factors: Floats, further: Mapping[str, Floats], rng: np.random.Generator
) -> Floats:
    """Return draws of the effects of all levels given their covariance, shape (S, levels, q).

    Parameters
    ----------
    grouping : Grouping
    factors : ndarray, shape (S, strata, q, rank)
        Of the covariance of the effects of one level, in each stratum of levels.
    further : mapping of str to ndarray
        "alpha" or "rho" of fields on graphs, shape (S, q); "df" of Student effects, (S,).
    rng : Generator
    """
    relation, levels = grouping.relation, len(grouping.levels)
    count = levels if relation.factor is None else relation.factor.shape[1]
    z = rng.standard_normal((len(factors), count, factors.shape[3]))
    if relation.stratum is not None:
        if relation.factor is not None:
            z = relation.factor @ z
        effects = (factors[:, relation.stratum] @ z[:, :, :, None])[:, :, :, 0]
    else:
        effects = z @ factors[:, 0].swapaxes(1, 2)
        if relation.parameter and relation.spectrum is not None:
            share, spectrum = further[relation.parameter][:, None, :], relation.spectrum[:, None]
            if relation.parameter == "alpha":
                effects = effects / np.sqrt(1 - share * spectrum)
            else:
                effects = effects * np.sqrt(1 + share * (spectrum - 1))
        if relation.factor is not None:
            effects = relation.factor @ effects
    if relation.student:
        df = further["df"][:, None]
        effects = effects * np.sqrt(df / rng.chisquare(df, (len(df), levels)))[:, :, None]
    return np.asarray(effects)


def _deviations(
    priors: tuple[Prior, ...],
    grouping: Grouping,
    sigma: Floats | None,
    rng: np.random.Generator,
    size: int,
) -> Floats:
    """Return the sds of a term, shape (S, sds)."""
    if priors[0].kind != "decov":
        return _each(priors, rng, size, 0.0)
    _, concentration, shape, scale = priors[0].numbers
    q = len(sd_terms(grouping))
    tau = rng.gamma(shape, scale, size) * (1.0 if sigma is None else sigma)
    shares = rng.dirichlet(np.full(q, concentration), size)
    return np.asarray(tau[:, None] * np.sqrt(q * shares))


def _low_rank(model: Model, number: int, rng: np.random.Generator, size: int) -> Floats:
    """Return the loadings of a term, shape (S, q, rank)."""
    grouping = model.groups[number]
    prior = model.priors.of("loading", number)[0]
    shape = len(grouping.terms), rank(grouping)
    drawn = draw_loadings(prior, *shape, is_auto(grouping), rng, size)
    return unit(grouping)[:, None] * drawn


def _rotated(factor: Floats) -> Floats:
    """Return loadings rotated so that they are zero above the diagonal and positive on it."""
    d = factor.shape[2]
    _, upper = np.linalg.qr(factor[:, :d].swapaxes(1, 2))
    Q = np.linalg.solve(upper.swapaxes(1, 2), factor[:, :d])
    signs = np.sign(np.diagonal(upper, axis1=1, axis2=2))
    return np.asarray(factor @ (signs[:, :, None] * Q).swapaxes(1, 2))


def _each(
    priors: tuple[Prior, ...],
    rng: np.random.Generator,
    size: int,
    low: float = -np.inf,
    high: float = np.inf,
) -> Floats:
    """Return draws of several numbers, shape (S, numbers)."""
    columns = [draw(prior, rng, size, low, high) for prior in priors]
    return np.stack(columns, axis=1) if columns else np.empty((size, 0))
