"""Numbers as they are printed: digits that the posterior warrants, points below each other."""

from __future__ import annotations

import pytest

from hierglm.showing.numbers import ess, fixed, places, rhat, significant


@pytest.mark.parametrize(
    ("std_error", "ess_bulk", "decimals"),
    [(0.0234, 1000, 3), (0.0234, 99, 2), (23.4, 1000, 0), (234.0, 1000, 0), (0.999, 500, 2),
     (float("nan"), 100, 3), (0.0, 100, 3), (1e-9, 1000, 10)],
)  # fmt: skip
def test_digits_follow_the_posterior_sd(std_error: float, ess_bulk: float, decimals: int) -> None:
    assert places(std_error, ess_bulk) == decimals


def test_numbers_align_at_their_points() -> None:
    assert fixed([1.5, -12.25, 300.0], [1, 2, 0]) == ["  1.5 ", "-12.25", "300   "]
    assert fixed([float("nan"), float("inf")], [2, 2]) == ["  -", "inf"]
    assert fixed([1.23e9, 3e-8], [0, 9]) == ["1.23e+09", "3.00e-08"]
    assert fixed([-0.0001], [2]) == ["0.00"]
    assert (rhat(1.0101), rhat(1.0), rhat(float("nan")), rhat(float("inf"))) == (
        "1.011", "1.000", "-", "inf",
    )  # fmt: skip
    assert (ess(399.9), ess(float("nan"))) == ("399", "-")


def test_three_significant_digits_as_rounded() -> None:
    values = [0.0123456, 0.99996, 9.996, 12.3456, 1234.5, 0.0, float("nan")]
    assert [f"{v:.{significant(v)}f}" for v in values] == [
        "0.0123", "1.00", "10.0", "12.3", "1234", "0", "nan",
    ]  # fmt: skip
