"""The diagnostics equal ArviZ's, on good draws and on draws gone wrong."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hierglm.draws import diagnostics
from hierglm.draws.diagnostics import diagnose, ebfmi, ess_bulk, ess_tail, mcse_mean, rhat

Floats = NDArray[np.float64]
RNG = np.random.default_rng(20260101)


def _autoregressive(phi: float, chains: int = 4, draws: int = 1000) -> Floats:
    x = RNG.normal(size=(chains, draws))
    for t in range(1, draws):
        x[:, t] += phi * x[:, t - 1]
    return x


def _with(chains: int, draws: int, change: Callable[[Floats], object]) -> Floats:
    x = RNG.normal(size=(chains, draws))
    change(x)
    return x


def _put(*places: tuple[object, float]) -> Callable[[Floats], None]:
    def change(x: Floats) -> None:
        for place, value in places:
            x[place] = value  # type: ignore[call-overload]

    return change


def _cases() -> dict[str, Floats]:
    normal = RNG.normal
    cases = {
        "plain": normal(size=(4, 1000)),
        "odd draws": normal(size=(4, 101)),
        "three chains, odd": normal(size=(3, 77)),
        "one chain": normal(size=(1, 100)),
        "autocorrelated": _autoregressive(0.95),
        "antithetic": _autoregressive(-0.9),
        "alternating": np.tile([1.0, -1.0], (4, 500)),
        "alternating, noisy": np.tile([1.0, -1.0], (4, 500)) + 1e-3 * normal(size=(4, 1000)),
        "random walk": normal(size=(4, 1000)).cumsum(axis=1),
        "trend": np.arange(400.0).reshape(4, 100),
        "same trend": np.tile(np.arange(400.0), (4, 1)),
        "constant": np.full((4, 100), 3.3),
        "nearly constant": 3 + 1e-16 * normal(size=(4, 100)),
        "minute": 1e-17 * normal(size=(4, 100)),
        "one chain constant": _with(4, 100, _put((1, 2.0))),
        "all chains stuck": np.repeat(normal(size=(4, 1)), 100, axis=1),
        "three of four stuck together": np.repeat([[1.0], [1.0], [1.0], [2.0]], 100, axis=1),
        "NaN": _with(4, 100, _put(((2, 3), np.nan))),
        "infinite": _with(4, 100, _put(((2, 3), np.inf))),
        "both infinities": _with(4, 100, _put(((2, 3), np.inf), ((1, 9), -np.inf))),
        "ties": RNG.integers(0, 5, size=(4, 200)).astype(float),
        "ties, odd": normal(size=(4, 201)).round(1),
        "two values": np.sign(normal(size=(4, 200))),
        "rare event": _with(4, 1000, _put((..., 0.0), ((0, 5), 1.0))),
        "Cauchy": RNG.standard_cauchy((4, 1000)),
        "heavier than Cauchy": RNG.standard_cauchy((4, 1000)) ** 5,
        "huge": 1e200 * normal(size=(4, 100)),
        "far from zero": 1e8 + normal(size=(4, 500)),
        "chains apart": normal(size=(4, 500)) + 3 * np.arange(4)[:, None],
        "one chain wider": normal(size=(4, 500)) * np.array([1, 1, 1, 10])[:, None],
    }
    for n in range(1, 11):
        cases[f"{n} draws"] = normal(size=(4, n))
        cases[f"{n} draws, one chain"] = normal(size=(1, n))
    return cases


CASES = _cases()


def arviz_numbers(x: Floats) -> list[float]:
    """R-hat, bulk and tail ESS and MCSE of one parameter by ArviZ, whichever it is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import arviz as az

        logging.disable(logging.WARNING)  # "Array contains NaN-value", "Shape validation failed"
        try:
            found = (
                az.rhat(x),
                az.ess(x, method="bulk"),
                az.ess(x, method="tail", prob=(0.05, 0.95)),
                az.mcse(x, method="mean"),
            )
        finally:
            logging.disable(logging.NOTSET)
    return [float(np.asarray(v)) for v in found]


def our_numbers(x: Floats) -> list[float]:
    d = diagnose(x)
    return [float(v) for v in (d.rhat, d.ess_bulk, d.ess_tail, d.mcse_mean)]


@pytest.mark.parametrize("name", CASES)
def test_equal_to_arviz(name: str) -> None:
    np.testing.assert_allclose(
        our_numbers(CASES[name]), arviz_numbers(CASES[name]), rtol=1e-8, atol=0, equal_nan=True
    )


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    chains=st.integers(1, 5),
    draws=st.integers(2, 60),
    phi=st.sampled_from([-0.95, 0.0, 0.5, 0.99]),
    digits=st.sampled_from([0, 1, 12]),
)
def test_equal_to_arviz_on_any_small_draws(
    seed: int, chains: int, draws: int, phi: float, digits: int
) -> None:
    x = np.random.default_rng(seed).standard_t(2, size=(chains, draws))
    for t in range(1, draws):
        x[:, t] += phi * x[:, t - 1]
    x = x.round(digits)
    expected = arviz_numbers(x)
    if draws >= 4:
        # Where a quantile falls on a draw, 0.23's own arithmetic can put it an ulp below and
        # lose the draw; 1.x takes NumPy's quantile, and so do we.
        expected[2] = min(_arviz_ess_mean(x <= np.quantile(x, q)) for q in (0.05, 0.95))
    np.testing.assert_allclose(our_numbers(x), expected, rtol=1e-8, atol=0, equal_nan=True)


def _arviz_ess_mean(x: NDArray[np.bool_]) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import arviz as az

        return float(np.asarray(az.ess(x.astype(float), method="mean")))


def test_parameters_do_not_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many parameters at once, in several blocks, NaN among them, are as one by one."""
    rows = [x for x in CASES.values() if x.shape == (4, 100)]
    together = np.stack(rows, axis=-1).reshape(4, 100, len(rows), 1)
    monkeypatch.setattr(diagnostics, "_BLOCK", 4 * 100 * 3)
    d = diagnose(together)
    assert d.rhat.shape == (len(rows), 1)
    for i, x in enumerate(rows):
        found = [float(v[i, 0]) for v in (d.rhat, d.ess_bulk, d.ess_tail, d.mcse_mean)]
        np.testing.assert_array_equal(found, our_numbers(x))


def test_many_infinite_draws_have_a_small_tail_ess() -> None:
    # ArviZ 1.3 takes the NaN quantile for a constant and says 400; 0.23 says 6.04.
    x = np.random.default_rng(3).normal(size=(4, 100))
    x[2, 3:40] = -np.inf
    assert float(diagnose(x).ess_tail) < 10


def test_single_functions_and_empty_shapes() -> None:
    x = CASES["autocorrelated"]
    assert [float(f(x)) for f in (rhat, ess_bulk, ess_tail, mcse_mean)] == our_numbers(x)
    assert diagnose(np.zeros((4, 100, 0, 2))).rhat.shape == (0, 2)


def test_ebfmi_equals_arviz() -> None:
    energy = _autoregressive(0.7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import arviz as az

        try:
            expected = az.bfmi(energy)  # 0.23: an array of energies
        except Exception:  # 1.x: a DataTree or a dictionary
            from arviz_stats.base import array_stats

            expected = array_stats.bfmi(energy)
    np.testing.assert_allclose(ebfmi(energy), np.asarray(expected), rtol=1e-12)
    assert np.isnan(ebfmi(np.zeros((2, 1)))).all()
    assert np.isnan(ebfmi(np.zeros((2, 10)))).all()
