"""Conditional effects are predictions of the rows that they stand for; their pictures show them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from hierglm.errors import SettingsError
from hierglm.marginal.effects import observed
from tests.marginal.fits import one_fit, random_fit, rows_of_fit

DATA = rows_of_fit()
BINARY = DATA.assign(y=lambda d: (d["y"] > 0).astype(int))
NUMBERS = ["estimate", "std_error", "conf_low", "conf_high"]


def test_an_effect_is_a_prediction_averaged_over_other_factors() -> None:
    fit = random_fit("y ~ x * f + flag + (1 | g)", BINARY, "bernoulli")
    table = fit.effects("x", by="flag", points=4)
    assert table.columns.tolist() == ["x", "flag", *NUMBERS]
    x = np.linspace(DATA["x"].min(), DATA["x"].max(), 4)
    np.testing.assert_array_equal(table["x"], np.tile(x, 2))
    assert table["flag"].tolist() == [False] * 4 + [True] * 4
    k = 0
    for flag in (False, True):
        for value in x:
            rows = {"x": [value] * 3, "f": ["a", "b", "c"], "flag": [flag] * 3}
            draws = fit.predict(rows, groups="zero", summary=False).values[0].mean(axis=1)
            found = table.iloc[k][NUMBERS].to_numpy(dtype=float)
            ends = np.quantile(draws, [0.025, 0.975])
            np.testing.assert_allclose(found, [draws.mean(), draws.std(ddof=1), *ends], rtol=1e-11)
            k += 1


def test_numbers_that_divide_are_shown_at_their_mean_and_one_sd_apart() -> None:
    fit = random_fit("y ~ x * n", DATA)
    table = fit.effects("x", by="n", points=2)
    middle, sd = DATA["n"].mean(), DATA["n"].std()
    expected = [middle - sd, middle, middle + sd]
    np.testing.assert_allclose(table["n"], np.repeat(expected, 2), rtol=1e-12)
    given = fit.effects("x", by="n", at={"n": [1, 5], "x": [0.5, 1, 2]})
    assert given[["x", "n"]].to_numpy().tolist() == [
        [0.5, 1], [1, 1], [2, 1], [0.5, 5], [1, 5], [2, 5]
    ]  # fmt: skip


def test_columns_of_at_are_rows_of_their_own_with_the_value_beside() -> None:
    fit = random_fit("y ~ x + f", DATA)
    table = fit.effects("x", at={"f": ["c", "a"]}, points=2)
    assert table["f"].tolist() == ["c", "c", "a", "a"]
    rows = table[["x"]].assign(f=table["f"].astype(str))
    np.testing.assert_allclose(table["estimate"], fit.predict(rows)["estimate"], rtol=1e-12)


def test_one_curve_a_level_of_the_groups_named() -> None:
    fit = random_fit("y ~ x + (1 + x | g)", DATA)
    table = fit.effects("x", by="g", points=3)
    rows = table[["x"]].assign(g=table["g"].astype(str))
    expected = fit.predict(rows)["estimate"]
    np.testing.assert_allclose(table["estimate"], expected, rtol=1e-12)


def test_of_several_responses_one_is_chosen() -> None:
    data = DATA.assign(z=lambda d: d["y"] + 0.5 * d["x"])
    parts = [hg.part("y ~ f"), hg.part("z ~ x + f")]
    fit = hg.joint(parts, data, seed=1, chains=2, warmup=100, draws=50, progress=False)
    with pytest.raises(SettingsError, match="give response=, one of 'y', 'z'"):
        fit.effects("f")
    with pytest.raises(SettingsError, match="does not depend on a column 'x'"):
        fit.effects("x", response="y")
    slope = fit.slopes("x", response="z")
    b = fit.fixef().query("response == 'z' and term == 'x'")
    assert slope["estimate"].item() == pytest.approx(b["estimate"].item(), abs=1e-9)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "points": ({"x": "x", "points": 1}, "points must be a whole number from 2 to 1,000,000, not 1"),
    "two": ({"x": ["x", "f"]}, "effects of one column"),
    "unknown": ({"x": "z"}, "does not depend on a column 'z'"),
    "by": ({"x": "x", "by": "sex"}, "does not depend on a column 'sex'"),
    "target": ({"x": "x", "target": "median"}, "no target 'median'"),
    "level": ({"x": "x", "conf_level": 2}, "conf_level must lie between 0 and 1, not 2"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_asked_is_refused(case: str) -> None:
    asked, message = REFUSED[case]
    with pytest.raises(SettingsError, match=message):
        random_fit("y ~ x + f", DATA).effects(**asked)


def test_the_picture_shows_the_table_and_the_data() -> None:
    fit = random_fit("y ~ x * f + flag", DATA)
    table = fit.effects("x", by=["f", "flag"], points=5)
    figure = fit.plot.effects("x", by=["f", "flag"], points=5)
    left, right = figure.axes
    assert [a.get_title(loc="left") for a in figure.axes] == ["flag = False", "flag = True"]
    for axes, flag in ((left, False), (right, True)):
        own = table[table["flag"] == flag]
        lines = [line for line in axes.lines if len(line.get_xdata()) == 5]
        for line, level in zip(lines[-3:], "abc", strict=True):
            part = own[own["f"] == level]
            assert line.get_xdata().tolist() == part["x"].tolist()
            assert line.get_ydata().tolist() == part["estimate"].tolist()
        points = sum(len(line.get_xdata()) for line in axes.lines) - 15
        assert points == (DATA["flag"] == flag).sum()
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["a", "b", "c"]
    bare = fit.plot.effects("x", by=["f", "flag"], points=5, data=False)
    assert [len(a.lines) for a in bare.axes] == [3, 3]


def test_data_behind_are_those_of_the_values_shown() -> None:
    fit = random_fit("y ~ x + f", DATA)
    (axes,) = fit.plot.effects("x", at={"f": "b"}, points=5).axes
    assert [len(line.get_xdata()) for line in axes.lines] == [(DATA["f"] == "b").sum(), 5]


def test_levels_are_rows_named_on_the_axis() -> None:
    fit = random_fit("y ~ f", DATA)
    table, figure = fit.effects("f"), fit.plot.effects("f", data=False)
    (axes,) = figure.axes
    assert [t.get_text() for t in axes.get_yticklabels()] == ["a", "b", "c"]
    assert axes.lines[0].get_xdata().tolist() == table["estimate"].tolist()
    ends = np.array([s[:, 0] for s in axes.collections[0].get_segments()])
    np.testing.assert_array_equal(ends, table[["conf_low", "conf_high"]])


def test_very_many_levels_are_sorted_and_many_curves_are_lines_alone() -> None:
    count = 300
    data = pd.DataFrame(
        {"x": np.tile([0.0, 1.0, 2.0], count), "g": np.repeat(np.arange(count), 3), "y": 1.0}
    )
    fit = random_fit("y ~ x + (1 | g)", data, draws=4)
    (axes,) = fit.plot.effects("g").axes
    middle = axes.lines[-1].get_xdata()
    expected = np.sort(fit.effects("g")["estimate"])[::-1]
    np.testing.assert_array_equal(middle, expected)
    (axes,) = fit.plot.effects("x", by="g", points=2, data=False).axes
    assert len(axes.collections[0].get_segments()) == count
    assert axes.texts[0].get_text() == "300 levels of g"


def test_too_many_panels_are_refused() -> None:
    data = DATA.assign(h=np.arange(len(DATA)).astype(str))
    fit = random_fit("y ~ x * f + (1 | h)", data, draws=4)
    with pytest.raises(SettingsError, match="'h' would make 40 panels; give at= fewer values"):
        fit.plot.effects("x", by=["f", "h"], points=2)


def test_data_behind_are_on_the_target_s_scale() -> None:
    shares = one_fit("s | trials(n) ~ x", DATA.assign(s=DATA["n"] // 2), [0, 1], "binomial")
    seen = observed(shares, ["x"], "mean")
    assert seen is not None
    np.testing.assert_allclose(seen.iloc[:, -1], (DATA["n"] // 2) / DATA["n"])
    assert observed(shares, ["x"], "linear") is None
    numbers = one_fit("y ~ x + n", DATA, [0, 1, 1])
    seen = observed(numbers, ["x", "n"], "linear")
    assert seen is not None
    # No row has exactly the mean of n: the data are not divided by it.
    assert seen.columns.tolist() == ["x", "observed y"]
