"""Bad data: a right design or an error that teaches, and the user's data as they were."""

from __future__ import annotations

import copy
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from hierglm.design.encode import encode_new
from hierglm.design.reading import as_table
from hierglm.errors import DataError
from tests.hostile.bad_data import DAYS, NUMBERS, TABLES, Notes, Says, X, Y, table
from tests.hostile.bad_kinds import RESPONSES, TYPES

CASES = {**TABLES, **NUMBERS, **TYPES, **RESPONSES}
PER_ROW = ("trials", "weights", "se")


def test_there_are_as_many_cases_as_promised() -> None:
    assert len(CASES) >= 80


@pytest.mark.parametrize("name", CASES)
def test_a_right_design_or_an_error_that_teaches(name: str) -> None:
    case = CASES[name]
    before = _copy(case.data)
    expected = case.expected
    if isinstance(expected, Says):
        with pytest.raises(expected.error) as caught:
            hg.model(case.formula, case.data, case.family)
        for words in expected.words:
            assert words in str(caught.value)
    else:
        design = hg.model(case.formula, case.data, case.family).model.design
        assert len(design.notes) == len(expected.words), design.notes
        for note, words in zip(design.notes, expected.words, strict=True):
            assert words in note
        if not isinstance(expected, Notes):
            clean = hg.model(expected.formula, expected.columns, case.family).model.design
            _compare(design, clean)
    _compare_tables(case.data, before)


def _compare(design: Any, clean: Any) -> None:
    """Hold a design against that of the same rows without what makes them bad."""
    np.testing.assert_array_equal(design.response.values, clean.response.values)
    np.testing.assert_array_equal(design.common.matrix, clean.common.matrix)
    for name in PER_ROW:
        np.testing.assert_array_equal(getattr(design.response, name), getattr(clean.response, name))
    assert len(design.groups) == len(clean.groups)
    for own, other in zip(design.groups, clean.groups, strict=True):
        assert own.levels.tolist() == other.levels.tolist()
        np.testing.assert_array_equal(own.index, other.index)
        np.testing.assert_array_equal(own.effects.matrix, other.effects.matrix)


def _copy(data: Any) -> Any:
    if isinstance(data, dict):
        # What can be read once only is not compared.
        return {k: v if hasattr(v, "__next__") else copy.deepcopy(v) for k, v in data.items()}
    return data.copy(deep=True) if isinstance(data, pd.DataFrame) else copy.deepcopy(data)


def _compare_tables(data: Any, before: Any) -> None:
    if isinstance(data, pd.DataFrame):
        pd.testing.assert_frame_equal(data, before)
    elif isinstance(data, dict):
        for name in data:
            assert type(data[name]) is type(before[name])
            if not hasattr(data[name], "__next__"):
                pd.testing.assert_series_equal(_series(data[name]), _series(before[name]))
    elif hasattr(data, "equals"):
        assert data.equals(before)


def _series(values: Any) -> Any:
    return pd.Series(list(values), dtype=object)


def test_read_only_arrays_stay_read_only_and_views_what_they_view() -> None:
    whole = np.column_stack([Y, X])
    whole.flags.writeable = False
    before = whole.copy()
    view = pd.DataFrame(whole, columns=["y", "x"], copy=False)[["y", "x"]].iloc[3:]
    design = hg.model("y ~ x", view).model.design
    np.testing.assert_array_equal(design.common.matrix[:, 0], X[3:])
    np.testing.assert_array_equal(whole, before)
    assert not whole.flags.writeable


# Scales: of the response, of one predictor and of the other.
SCALES = [(1.0, 1.0, 1.0), (1e90, 1.0, 1.0), (1e-90, 1.0, 1.0), (1.0, 1e90, 1e-90),
          (1e60, 1e-40, 1e40), (1.0, 1e16, 1.0), (1e-7, 1.0, 1e-18)]  # fmt: skip


def _posterior(scales: tuple[float, float, float], tau: float = 2.0) -> tuple[Any, Any]:
    """Return mean and sd of coefficients, of normal errors with sd 1/2 and normal priors."""
    Z = np.column_stack([X, X**2 - 1.0])
    V = np.linalg.inv(Z.T @ Z * 4 + np.eye(2) / tau**2)
    unit = scales[0] / np.array(scales[1:])
    return V @ Z.T @ Y * 4 * unit, np.sqrt(np.diag(V)) * unit


def _scaled(scales: tuple[float, float, float]) -> tuple[dict[str, Any], dict[str, Any]]:
    by_y, by_x, by_z = scales
    data = {"y": Y * by_y, "x": X * by_x, "z": (X**2 - 1.0) * by_z, "s": np.full(24, by_y / 2)}
    priors = {
        "b[x]": hg.prior.normal(0, 2 * by_y / by_x), "b[z]": hg.prior.normal(0, 2 * by_y / by_z)
    }  # fmt: skip
    return data, priors


@pytest.mark.parametrize("scales", SCALES)
def test_scales_of_columns_change_nothing_but_the_unit(scales: tuple[float, float, float]) -> None:
    # Normal errors of known sd, normal priors: the penalised fit is the posterior (Lindley and
    # Smith 1972).
    data, priors = _scaled(scales)
    found = hg.fit("y | se(s) ~ 0 + x + z", data, priors=priors, method="approx", seed=1).tidy()
    mean, sd = _posterior(scales)
    np.testing.assert_allclose(found["estimate"], mean, rtol=1e-9)
    np.testing.assert_allclose(found["std_error"], sd, rtol=1e-9)


def test_scales_of_columns_do_not_matter_to_the_sampler() -> None:
    scales = (1e60, 1e-20, 1e20)
    data, priors = _scaled(scales)
    fit = hg.fit("y | se(s) ~ 0 + x + z", data, priors=priors, seed=1, draws=500, progress=False)
    found = fit.tidy("fixed")
    mean, sd = _posterior(scales)
    error = sd / np.sqrt(found["ess_bulk"])
    assert (np.abs(found["estimate"] - mean) / error).max() < 4.5
    np.testing.assert_allclose(found["std_error"], sd, rtol=0.15)
    assert fit.healthy


def test_default_priors_scale_with_the_response() -> None:
    base = hg.fit("y ~ x + (1 | g)", table(y=Y * 100), method="approx", seed=1).tidy()
    large = hg.fit("y ~ x + (1 | g)", table(y=Y * 1e92), method="approx", seed=1).tidy()
    for column in ("estimate", "std_error"):
        # brms rounds the prior's scale to one digit.
        np.testing.assert_allclose(large[column] / 1e90, base[column], rtol=2e-3)


def test_many_columns_and_many_levels() -> None:
    r = np.random.default_rng(1)
    wide = pd.DataFrame(r.normal(size=(20, 5000)), columns=[f"x{k}" for k in range(5000)])
    design = hg.model("y ~ x4999 + x0", wide.assign(y=r.normal(size=20))).model.design
    np.testing.assert_array_equal(design.common.matrix, wide[["x4999", "x0"]])
    levels = r.permutation(200_000) // 2
    data = {"y": r.normal(size=200_000), "g": [f"l{v:06}" for v in levels]}
    group = hg.model("y ~ (1 | g)", data).model.design.groups[0]
    assert group.levels.tolist() == [f"l{v:06}" for v in range(100_000)]
    np.testing.assert_array_equal(group.index, levels)


@pytest.mark.slow
def test_five_thousand_columns_in_one_formula() -> None:
    r = np.random.default_rng(1)
    wide = pd.DataFrame(r.normal(size=(24, 5000)), columns=[f"x{k}" for k in range(5000)])
    model = hg.model("y ~ .", wide.assign(y=r.normal(size=24)))
    np.testing.assert_array_equal(model.model.design.common.matrix, wide)
    # 24 rows and an intercept leave room for 23.
    assert [n.split("'")[1] for n in model.model.design.notes[:-1]] == [
        f"x{k}" for k in range(23, 35)
    ]
    assert model.model.design.notes[-1].startswith("4,965 more columns are combinations")
    assert "5,001 common coefficients are too many" in model.plan().common.because


NEW: dict[str, tuple[str, dict[str, Any], dict[str, Any], str]] = {
    "too large": ("y ~ x", {}, {"x": [1.0, 1e200]}, r"x is 1e\+200 in row 2"),
    "whole numbers that merge": (
        "y ~ x", {}, {"x": [2**60, 2**60 + 1]}, "whole numbers beyond 2"
    ),
    "the year 3000": (
        "y ~ (1 | g)", {"g": np.repeat(DAYS, 6)},
        {"g": np.array(["3000-01-01"], dtype="M8[s]")}, "holds the date 3000-01-01",
    ),
    "durations": ("y ~ x", {}, {"x": pd.to_timedelta([1], unit="D")}, "total_seconds"),
    "complex numbers": ("y ~ x", {}, {"x": [1j]}, "complex"),
    "two dimensions": ("y ~ x", {}, {"x": np.ones((2, 2))}, r"the shape \(2, 2\)"),
    "text": ("y ~ x", {}, {"x": ["1"]}, "held numbers when the model was fitted, and holds text"),
}  # fmt: skip


@pytest.mark.parametrize("name", NEW)
def test_new_rows_that_cannot_be(name: str) -> None:
    formula, columns, new, words = NEW[name]
    design = hg.model(formula, table(**columns)).model.design
    with pytest.raises(DataError, match=words):
        encode_new(design, as_table(new))


def test_new_rows_of_other_types_are_read_as_the_fitted_ones() -> None:
    design = hg.model("y ~ x + (1 | g)", table(g=np.repeat(DAYS, 6))).model.design
    zoned = pd.Series(DAYS[[3, 0]]).dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")
    made = encode_new(design, as_table({"x": pd.array([None, 2], dtype="Int64"), "g": zoned}))
    np.testing.assert_array_equal(made.common.matrix, [[2.0]])
    np.testing.assert_array_equal(made.groups[0].index, [0])
    assert made.notes == ("1 of 2 rows dropped: missing values in 'x' (1)",)
    # However small: new rows need no squares.
    tiny = encode_new(design, as_table({"x": [1e-300], "g": zoned[:1]}))
    np.testing.assert_array_equal(tiny.common.matrix, [[1e-300]])
    assert re.match("2020", str(design.groups[0].levels[0]))
