"""The pictures show what the tables say, and leave nothing behind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from hierglm import plots
from hierglm.draws.draws import Draws
from hierglm.errors import SettingsError
from hierglm.plots.choose import chosen, worst
from hierglm.plots.density import density
from hierglm.plots.look import distinct
from hierglm.plots.recovery import recovery
from hierglm.results import effects
from hierglm.results.tidy import tidy
from tests.results.made import made

FIT = made()
HOSTILE = ("$x^2$", "$\\frac{", "two\nlines", "<b>", "_a_^b^", "%", "\\", "x" * 300)


def _labels(axes: Any) -> list[str]:
    return [t.get_text() for t in axes.get_yticklabels()]


def test_intervals_are_those_of_the_table() -> None:
    figure = plots.intervals(FIT)
    titles = [a.get_title(loc="left") for a in figure.axes]
    assert titles == ["Common effects", "Standard deviations", "Correlations", "Family"]
    common = figure.axes[0]
    outer, inner = common.collections[0].get_segments(), common.collections[1].get_segments()
    table, half = tidy(FIT, "fixed"), tidy(FIT, "fixed", conf_level=0.5)
    for k in range(2):
        assert outer[k][:, 0].tolist() == table.loc[k, ["conf_low", "conf_high"]].tolist()
        assert inner[k][:, 0].tolist() == half.loc[k, ["conf_low", "conf_high"]].tolist()
    assert common.lines[0].get_xdata().tolist() == table["estimate"].tolist()
    assert _labels(common) == ["Intercept", "x"]
    low, high = common.get_ylim()
    assert low > high, "the first parameter is on top"


def test_a_far_intercept_gets_an_axis_of_its_own() -> None:
    variables = dict(FIT.draws.variables)
    b = variables["b"].values.copy()
    b[..., 0] += 1000
    variables["b"] = replace(variables["b"], values=b)
    figure = plots.intervals(replace(FIT, draws=Draws(variables, FIT.draws.stats)))
    assert [_labels(a) for a in figure.axes[:2]] == [["Intercept"], ["x"]]


def test_ranef_is_sorted_and_every_level_is_named() -> None:
    names = [f"county {i:02d}" for i in range(85)]
    fit = made(levels=names, group="county")
    figure = plots.ranef(fit)
    assert [a.get_title(loc="left") for a in figure.axes] == ["county: Intercept", "county: x"]
    table = effects.ranef(fit).query("term == 'x'").sort_values("estimate", ascending=False)
    assert _labels(figure.axes[1]) == table["level"].tolist()
    assert figure.axes[1].lines[0].get_xdata().tolist() == table["estimate"].tolist()


@pytest.mark.parametrize("count", [3, 30, 85, 120])
def test_labels_do_not_overlap(count: int) -> None:
    figure = plots.ranef(made(terms=("Intercept",), levels=[f"Level {i}" for i in range(count)]))
    figure.canvas.draw()
    boxes = [t.get_window_extent() for t in figure.axes[0].get_yticklabels()]
    middles = sorted((box.y0 + box.y1) / 2 for box in boxes)
    # The box of a text holds room for letters above and below; the letters take 0.75 of it.
    assert min(np.diff(middles)) >= 0.75 * max(box.height for box in boxes)


def test_titles_stay_on_the_page() -> None:
    names = [f"Independent School District No. {k}" for k in range(6)]
    terms = ("Intercept", "a_rather_long_predictor_name")
    ran_vals = made(terms=terms, levels=names, group="school_district_of_county")
    parameters = [f"r[school_district_of_county:{name},Intercept]" for name in names]
    at = np.linspace(42_000, 62_000, 6)
    dollars = pd.DataFrame(
        {"dataset": k, "parameter": name, "truth": x, "estimate": x, "conf_low": x - 9_000,
         "conf_high": x + 9_000, "covered": True}
        for name in parameters for k, x in enumerate(at)
    )  # fmt: skip
    for figure in (plots.ranef(ran_vals), recovery(dollars)):
        figure.canvas.draw()
        for axes in figure.axes:
            # matplotlib keeps the title on the left apart.
            (box,) = (t.get_window_extent() for t in axes.get_children() if _is_title(axes, t))
            assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1


def _is_title(axes: Any, child: Any) -> bool:
    return bool(
        child.get_visible()
        and hasattr(child, "get_text")
        and child.get_text()
        and child.get_text() == axes.get_title(loc="left")
    )


def test_short_names_that_differ_take_no_more_room() -> None:
    names = [f"r[school:school number {k},{t}]" for k in range(3000) for t in ("Intercept", "x")]
    short = distinct([*names, "sigma"], 13)
    assert len(set(short)) == 6001
    assert max(map(len, short)) <= 13
    assert short[-3:] == ["…2999,…rcept]", "…2999,x]", "sigma"]
    # Where that would make two alike, names are longer.
    alike = [f"{'a' * 20}{k}{'b' * 20}{j}{'c' * 20}" for k in range(2) for j in range(2)]
    assert len(set(distinct(alike, 12))) == 4


def test_thousands_of_levels_are_a_band() -> None:
    fit = made(terms=("Intercept",), levels=range(3000), draws=20)
    figure = plots.ranef(fit)
    assert figure.get_size_inches()[1] < 8
    first, middle, last = _labels(figure.axes[0])
    table = effects.ranef(fit).sort_values("estimate", ascending=False)
    assert first.split("\n")[:4] == table["level"].astype(str).tolist()[:4]
    assert middle == "3,000 levels"
    assert last.split("\n")[1:] == table["level"].astype(str).tolist()[-4:]


def test_trace_shows_every_chain_and_marks_divergences() -> None:
    diverging = np.zeros((4, 250), dtype=bool)
    diverging[1, [9, 100]] = True
    draws = Draws(FIT.draws.variables, {**FIT.draws.stats, "diverging": diverging})
    figure = plots.trace(replace(FIT, draws=draws), ["sigma", "sd[school:x]"])
    left, right = figure.axes[0], figure.axes[1]
    assert left.get_title(loc="left") == "sigma"
    for line, chain in zip(left.lines, FIT.draws["sigma"].values, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), chain)
    assert [s[0, 0] for s in left.collections[0].get_segments()] == [10, 101]
    assert len(right.lines) == 4
    assert figure.get_suptitle() == "2 divergent draws marked below the traces"


def test_trace_of_many_shows_the_worst() -> None:
    fit = made(terms=("Intercept", *(f"x{i}" for i in range(20))), varying=("Intercept",))
    variables = dict(fit.draws.variables)
    b = variables["b"].values.copy()
    b[0, :, 17] += 5
    variables["b"] = replace(variables["b"], values=b)
    fit = replace(fit, draws=Draws(variables, fit.draws.stats))
    shown = [a.get_title(loc="left") for a in plots.trace(fit).axes[::2]]
    assert len(shown) == 12
    assert "b[x16]" in shown
    assert len(worst(chosen(fit, None, "fixed"), 1)) == 1


def test_ranks_are_counted() -> None:
    figure = plots.trace(FIT, "sigma", beside="rank")
    counts = np.array([p.get_data().values for p in figure.axes[1].patches])
    assert counts.shape == (4, 20)
    assert (counts.sum(axis=0) == 50).all()
    assert (counts.sum(axis=1) == 250).all()


@pytest.mark.parametrize("draw", [plots.trace, plots.intervals, plots.ranef])
def test_hostile_labels_are_drawn_as_they_are(draw: Any) -> None:
    fit = made(terms=("Intercept", "$x^2$"), levels=HOSTILE, group="$g_1$")
    figure = draw(fit)
    data, size = figure._repr_png_()
    assert data.startswith(b"\x89PNG")
    assert size["width"] < 800
    texts = [t for a in figure.axes for t in (a.title, a._left_title, *a.get_yticklabels())]
    assert any("$x^2$" in t.get_text() for t in texts)
    assert not any(t.get_parse_math() for t in texts if "$" in t.get_text())


def test_nothing_global_changes() -> None:
    import sys

    before = dict(mpl.rcParams)
    for draw in (plots.trace, plots.intervals, plots.ranef):
        draw(FIT)._repr_png_()
    assert dict(mpl.rcParams) == before
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []


def test_the_callers_style_does_not_matter() -> None:
    with mpl.rc_context({"text.usetex": True, "figure.facecolor": "black", "font.size": 30}):
        data, _ = plots.intervals(FIT)._repr_png_()
    assert data == plots.intervals(FIT)._repr_png_()[0]


def test_density_integrates_to_one_and_stays_inside_bounds() -> None:
    x = np.random.default_rng(2).exponential(size=4000)
    grid, height = density(x, low=0)
    step = grid[1] - grid[0]
    assert grid[0] > 0
    assert height.sum() * step == pytest.approx(1, abs=1e-9)
    inside = (grid > 0.3) & (grid < 3)
    assert np.abs(height - np.exp(-grid))[inside].max() < 0.06
    grid, height = density(np.random.default_rng(3).normal(size=4000))
    assert (height * grid).sum() * (grid[1] - grid[0]) == pytest.approx(0, abs=0.05)
    assert len(density(np.full(9, 2.0))[0]) == len(density(x)[0])
    assert len(density(np.full(9, np.nan))[0]) == 0


def test_mistakes_are_named() -> None:
    with pytest.raises(SettingsError, match=r"no parameter 'b\[y\]'; did you mean 'b\[x\]'"):
        plots.trace(FIT, "b[y]")
    with pytest.raises(SettingsError, match="no term 'z'"):
        plots.ranef(FIT, term="z")
    with pytest.raises(SettingsError, match="no group 'shool'"):
        plots.ranef(FIT, "shool")
    with pytest.raises(SettingsError, match="no drawing 'ranks'; did you mean 'rank'"):
        plots.trace(FIT, beside="ranks")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="no parameter to draw"):
        plots.intervals(made(family="bernoulli"), effects="family")


def test_draws_that_are_all_equal_are_a_spike() -> None:
    # np.std of a hundred times -0.6 is 1.1e-16.
    for value in (-0.6, 0.0, 1e9):
        grid, height = density(np.full(100, value))
        assert float(height.sum() * (grid[1] - grid[0])) == pytest.approx(1.0, rel=1e-6)
        assert grid[np.argmax(height)] == pytest.approx(value, abs=1e-4 * max(1.0, abs(value)))


def test_of_many_intervals_those_farthest_from_zero_are_shown() -> None:
    names = [f"county {i:02d}" for i in range(85)]
    fit = made(levels=names, group="county", varying=("Intercept",))
    figure = plots.intervals(fit, effects="ran_vals")
    draws = fit.draws["r_county"].values.reshape(1000, 85)
    far = np.abs(draws.mean(axis=0)) / draws.std(axis=0)
    expected = [f"r[county:{names[j]},Intercept]" for j in sorted(np.argsort(-far)[:80])]
    assert figure.data["parameter"].tolist() == expected
    assert figure.get_size_inches()[1] < 12.5
    assert figure.get_suptitle().startswith("80 of 85 parameters: those farthest from 0")
    # All that are asked for by name.
    every = [f"r[county:{name},Intercept]" for name in names]
    assert plots.intervals(fit, every).data["parameter"].tolist() == every


def test_labels_that_differ_do_so_when_they_are_shortened() -> None:
    fit = made(levels=range(85), group="county_of_the_house", varying=("Intercept", "x"))
    figure = plots.correlation(fit, effects="ran_vals")
    labels = _labels(figure.axes[0])
    assert len(set(labels)) == 40
    begun = "r[county_of_the_house:"
    assert labels == [f"…{name.removeprefix(begun)}" for name in figure.data.index]
