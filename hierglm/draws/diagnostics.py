"""R-hat, effective sample sizes, Monte Carlo errors and E-BFMI, for all parameters at once.

The definitions are those of Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021),
"Rank-normalization, folding, and localization: an improved R-hat", Bayesian Analysis 16,
667-718; the numbers equal ArviZ's. Every function takes draws of shape
(chains, draws, ...) and returns an array of shape (...). Fewer than 4 draws, or a NaN among
them, give NaN; R-hat of a single chain is NaN too.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hierglm.draws.ranks import normal_scores, split_chains

Floats = NDArray[np.float64]

_BLOCK = 2**18
"""Numbers held at once in one array: memory stays bounded and the block stays in cache."""
_THREADS = 8


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """How well the chains agree and how much they tell; arrays of the parameters' shape.

    Attributes
    ----------
    rhat : ndarray
        Larger of the rank-normalised split R-hat and that of the distances from the median.
    ess_bulk, ess_tail : ndarray
        Effective sample sizes for the centre and for the 5% and 95% quantiles (the smaller).
    mcse_mean : ndarray
        Monte Carlo standard error of the posterior mean.
    """

    rhat: Floats
    ess_bulk: Floats
    ess_tail: Floats
    mcse_mean: Floats


def diagnose(values: Floats) -> Diagnostics:
    """Return all diagnostics of draws, sharing the sorting.

    Parameters
    ----------
    values : ndarray, shape (chains, draws, ...)

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> found = diagnose(rng.normal(size=(4, 1000, 3)))
    >>> found.rhat.round(2).tolist()
    [1.0, 1.0, 1.0]
    """
    chains, draws, *shape = values.shape
    flat = values.reshape(chains, draws, -1)
    out = np.full((4, flat.shape[-1]), np.nan)
    pieces = _pieces(flat)
    if len(pieces) < 2:
        for piece in pieces:
            _fill(out, flat, piece)
    else:
        # Sorting and transforms let go of Python's lock; each thread fills columns of its own.
        with ThreadPoolExecutor(min(len(pieces), os.cpu_count() or 1, _THREADS)) as pool:
            list(pool.map(lambda piece: _fill(out, flat, piece), pieces))
    return Diagnostics(*(row.reshape(shape) for row in out))


def rhat(values: Floats) -> Floats:
    """Return the rank-normalised split R-hat, the larger of bulk and folded.

    Parameters
    ----------
    values : ndarray, shape (chains, draws, ...)

    Returns
    -------
    ndarray, shape (...)
        1 for perfect agreement; above 1.01 the chains disagree.
    """
    return diagnose(values).rhat


def ess_bulk(values: Floats) -> Floats:
    """Return the effective sample size of the rank-normalised draws.

    Parameters
    ----------
    values : ndarray, shape (chains, draws, ...)
    """
    return diagnose(values).ess_bulk


def ess_tail(values: Floats) -> Floats:
    """Return the smaller effective sample size of the 5% and the 95% quantile.

    Parameters
    ----------
    values : ndarray, shape (chains, draws, ...)
    """
    return diagnose(values).ess_tail


def ess_mean(values: Floats) -> Floats:
    """Return the effective sample size of the mean itself, not of ranks.

    Parameters
    ----------
    values : ndarray, shape (chains, draws, parameters)

    Returns
    -------
    ndarray, shape (parameters,)
        NaN for draws that are not finite, and where there are fewer than four a chain.
    """
    _, draws, count = values.shape
    if draws < 4:
        return np.full(count, np.nan)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        return _ess(split_chains(np.ascontiguousarray(np.moveaxis(values, 2, 0))))


def mcse_mean(values: Floats) -> Floats:
    """Return the Monte Carlo standard error of the mean.

    Parameters
    ----------
    values : ndarray, shape (chains, draws, ...)
    """
    return diagnose(values).mcse_mean


def ebfmi(energy: Floats) -> Floats:
    """Return the estimated Bayesian fraction of missing information of each chain.

    Mean squared change of the energy over its variance (Betancourt 2016, "Diagnosing
    suboptimal cotangent disintegrations in Hamiltonian Monte Carlo"); below 0.3 the
    sampler does not reach the tails well.

    Parameters
    ----------
    energy : ndarray, shape (chains, draws)

    Returns
    -------
    ndarray, shape (chains,)
        NaN for fewer than 2 draws.
    """
    energy = np.asarray(energy, dtype=np.float64)
    if energy.shape[1] < 2:
        return np.full(energy.shape[0], np.nan)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        moved: Floats = np.square(np.diff(energy, axis=1)).mean(axis=1)
        ratio: Floats = moved / energy.var(axis=1, ddof=1)
    return ratio


def _pieces(flat: Floats) -> list[slice]:
    """Return slices of parameters whose draws make a block; none for fewer than 4 draws."""
    chains, draws, count = flat.shape
    if draws < 4 or not chains:
        return []
    step = max(1, _BLOCK // (chains * draws))
    return [slice(low, low + step) for low in range(0, count, step)]


def _fill(out: Floats, flat: Floats, piece: slice) -> None:
    """Write the diagnostics of some parameters into their columns; NaN stays where NaN is."""
    part = np.moveaxis(flat[:, :, piece], 2, 0)
    good = np.flatnonzero(~np.isnan(part).any(axis=(1, 2)))
    if not len(good):
        return
    block = np.ascontiguousarray(part[good], dtype=np.float64)
    split = split_chains(block)
    columns = good + piece.start
    # Infinite, huge and constant draws come out as infinite or NaN, without warnings.
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        scores, folded = normal_scores(split.reshape(len(block), -1))
        scores, folded = scores.reshape(split.shape), folded.reshape(split.shape)
        if flat.shape[0] > 1:
            bulk, tail = _rhat(scores), _rhat(folded)
            out[0, columns] = np.where(tail > bulk, tail, bulk)
        out[1, columns] = _ess(scores)
        out[2, columns] = _ess_tail(block)
        spread = block.reshape(len(block), -1).std(axis=-1, ddof=1)
        out[3, columns] = spread / np.sqrt(_ess(split))


def _rhat(x: Floats) -> Floats:
    """Return sqrt of total over within-chain variance; `x` is (parameters, chains, draws)."""
    draws = x.shape[-1]
    between = draws * x.mean(axis=-1).var(axis=-1, ddof=1)
    within = x.var(axis=-1, ddof=1).mean(axis=-1)
    ratio: Floats = np.sqrt((between / within + draws - 1) / draws)
    return ratio


def _ess_tail(block: Floats) -> Floats:
    flat = block.reshape(len(block), -1)
    low, high = (_quantile(flat, q) for q in (0.05, 0.95))
    below, above = ((block <= q[:, None, None]).astype(np.float64) for q in (low, high))
    first, second = _ess(split_chains(below)), _ess(split_chains(above))
    return np.where(second < first, second, first)


def _quantile(flat: Floats, q: float) -> Floats:
    """Return a quantile of each row; infinite where both of its neighbours are."""
    found: Floats = np.quantile(flat, q, axis=-1)
    lost = np.isnan(found)
    if lost.any():
        # Infinity less infinity: NumPy's interpolation cannot do it.
        found[lost] = np.quantile(flat[lost], q, axis=-1, method="lower")
    return found


def _ess(x: Floats) -> Floats:
    """Return the effective sample size of the mean of `x`, (parameters, chains, draws).

    Autocorrelations of all chains together, summed in pairs of lags as far as the pairs
    are positive, and made to fall (Geyer 1992; Stan reference manual, "Effective sample
    size"). The end of the sum follows Stan and ArviZ to the lag.
    """
    _, chains, draws = x.shape
    size = chains * draws
    constant = np.ptp(x, axis=(1, 2)) < np.finfo(np.float64).resolution
    rho = _autocorrelation(x)
    last = max(0, (draws - 3) // 2)
    pairs = rho[:, 0 : 2 * last + 1 : 2] + rho[:, 1 : 2 * last + 2 : 2]
    over = ~(pairs > 0)
    stop = np.where(over.any(axis=-1), over.argmax(axis=-1), last)
    falling = np.minimum.accumulate(pairs, axis=-1)
    total = np.where(np.arange(last + 1) < stop[:, None], falling, 0).sum(axis=-1)
    rows = np.arange(len(x))
    even, pair = rho[rows, 2 * stop], pairs[rows, stop]
    tau = -1 + 2 * total + np.where((pair >= 0) | (even > 0), even, 0)
    # An antithetic chain may tell more than as many independent draws, but not without end.
    out: Floats = size / np.maximum(tau, 1 / np.log10(size))
    out[np.isnan(rho[:, 1])] = np.nan
    out[constant] = size
    return out


def _autocorrelation(x: Floats) -> Floats:
    """Return the autocorrelations of all chains together, shape (parameters, lags)."""
    from scipy.fft import next_fast_len

    _, chains, draws = x.shape
    means = x.mean(axis=-1, keepdims=True)
    length = next_fast_len(2 * draws, real=True)
    waves = np.fft.rfft(x - means, n=length, axis=-1)
    # The transform back is linear: the chains' spectra are averaged first.
    power = (waves.real**2 + waves.imag**2).mean(axis=1)
    covariance = np.fft.irfft(power, n=length, axis=-1)[:, :draws] / draws
    within = covariance[:, 0] * draws / (draws - 1.0)
    total = within * (draws - 1.0) / draws
    if chains > 1:
        total = total + means[..., 0].var(axis=-1, ddof=1)
    rho: Floats = 1.0 - (within[:, None] - covariance) / total[:, None]
    rho[:, 0] = 1.0
    return rho
