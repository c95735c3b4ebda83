"""Tables of predictions, what new rows must have, and who may ask."""

from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
import xarray as xr

import hierglm as hg
from hierglm.engines.methods import Optimize
from hierglm.errors import DataError, ResponseError, SettingsError
from tests.adapting import exact
from tests.predicting.fits import draws_of, fit_of, rows

NEW = rows(5, seed=6)[["x", "f", "o", "g"]]
NUMBERS = ["estimate", "std_error", "conf_low", "conf_high"]


def test_a_row_for_each_row_and_the_table_is_left_as_it_was():
    fit, table = fit_of(), NEW.assign(note="kept")
    table.index = list("qqrst")
    table.loc["r", "x"] = np.nan
    before = table.copy()
    found = fit.predict(table)
    pd.testing.assert_frame_equal(table, before)
    assert found.index.tolist() == list("qqrst")
    assert list(found) == ["x", "f", "o", "g", "note", *NUMBERS]
    assert found["estimate"].isna().tolist() == [False, False, True, False, False]
    complete = fit.predict(before[before["x"].notna()])
    np.testing.assert_array_equal(found["estimate"].dropna(), complete["estimate"])
    drawn = fit.predict(table, summary=False)
    assert isinstance(drawn, xr.DataArray)
    assert drawn["row"].values.tolist() == [0, 1, 3, 4]
    np.testing.assert_allclose(drawn.mean(("chain", "draw")), complete["estimate"])


def test_categories_of_repeated_and_incomplete_rows():
    fit = fit_of("categorical")
    table = NEW.iloc[[0, 1, 0]].assign(x=[0.0, np.nan, 1.0])
    found = fit.predict(table)
    assert found.index.tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0]
    assert found["x"].tolist()[::3][2] == 1.0
    assert found["category"].tolist() == list("pqr") * 3
    assert found["estimate"].isna().tolist() == [False] * 3 + [True] * 3 + [False] * 3


@pytest.mark.parametrize("kind", ["polars", "pyarrow", "mapping"])
def test_tables_of_other_kinds(kind):
    made = {
        "polars": lambda: pl.from_pandas(NEW),
        "pyarrow": lambda: pl.from_pandas(NEW).to_arrow(),
        "mapping": lambda: {n: NEW[n].to_list() for n in NEW},
    }
    found, expected = fit_of().predict(made[kind]()), fit_of().predict(NEW)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


def test_intervals_and_seeds():
    fit = fit_of()
    mean = fit.predict(NEW, summary=False).values.reshape(40, -1)
    shortest = fit.predict(NEW, hdi=True, conf_level=0.5)
    width = shortest["conf_high"] - shortest["conf_low"]
    ascending = np.sort(mean, axis=0)
    np.testing.assert_allclose(width, (ascending[20:] - ascending[:20]).min(axis=0))
    drawn = fit.predict(NEW, "response")
    assert drawn.equals(fit.predict(NEW, "response"))
    assert drawn.equals(fit.predict(NEW, "response", seed=1))
    assert not drawn.equals(fit.predict(NEW, "response", seed=2))
    with pytest.raises(SettingsError, match="conf_level must lie between 0 and 1, not 95"):
        fit.predict(NEW, conf_level=95)


REFUSED = {
    "no column": (NEW.drop(columns="x"), {}, DataError, "the new data have no column 'x'"),
    "no offset": (NEW.drop(columns="o"), {}, DataError, "the new data have no column 'o'"),
    "no level": (
        NEW.drop(columns="g"), {}, DataError,
        "the new data have no 'g', which (x | g) needs; groups={'g': 'average'}",
    ),
    "a missing level": (
        NEW.assign(g=["a", None, "b", "a", "a"]), {}, DataError, "row 2 has no 'g', which",
    ),
    "another type": (NEW.assign(x="1"), {}, DataError, "column 'x' held numbers when the model"),
    "a new level": (NEW.assign(f="mid"), {}, DataError, "column 'f' has the new level 'mid'"),
    "a target": (NEW, {"target": "median"}, SettingsError, "no target 'median'; did you mean"),
    "a treatment": (NEW, {"groups": "none"}, SettingsError, "groups cannot be 'none'"),
    "a factor": (NEW, {"groups": {"h": "zero"}}, SettingsError, "no grouping factor 'h'"),
    "one treatment": (NEW, {"groups": {"g": "no"}}, SettingsError, "groups cannot be 'no'"),
    "new levels": (NEW, {"new_levels": "drop"}, SettingsError, "new_levels cannot be 'drop'"),
    "a response": (NEW, {"response": "z"}, SettingsError, "no response 'z'; there are 'y'"),
    "draws": (NEW, {"draws": 41}, SettingsError, "draws must be a whole number from 1 to 40"),
    "no rows": (NEW.iloc[:0], {}, DataError, "the table has no rows"),
    "a column of ours": (
        NEW.assign(estimate=1.0), {}, DataError, "the table has a column 'estimate'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case):
    table, options, error, message = REFUSED[case]
    with pytest.raises(error) as caught:
        fit_of().predict(table, **options)
    assert message in str(caught.value)


@pytest.mark.parametrize("groups", ["zero", "average", {"g": "average"}])
def test_rows_without_levels(groups):
    found = fit_of().predict(NEW.drop(columns="g"), groups=groups)
    missing = fit_of().predict(NEW.assign(g=None), groups=groups)
    np.testing.assert_array_equal(found[NUMBERS], missing[NUMBERS])


def test_trials_are_asked_for_where_they_count():
    fit = fit_of("binomial")
    with pytest.raises(DataError, match="no column 'n'"):
        fit.predict(NEW)
    one = fit.predict(NEW, "linear")
    ten = fit.predict(NEW.assign(n=10))
    np.testing.assert_allclose(
        ten["estimate"], 10 * fit.predict(NEW.assign(n=1))["estimate"], rtol=1e-12
    )
    assert len(one) == 5
    with pytest.raises(ResponseError, match=r"trials must be whole numbers >= 0; row 1 has 2.5"):
        fit.predict(NEW.assign(n=2.5))


def test_trials_that_are_successes_and_failures():
    data = rows().assign(failed=lambda d: d["n"] - d["some"])
    fit = hg.fit(
        "cbind(some, failed) ~ x + (1 | g)", data, "binomial", seed=1, chains=1, warmup=40,
        draws=20, progress=False,
    )  # fmt: skip
    found = fit.predict(data)
    ones = fit.predict(data.assign(some=1, failed=0))
    np.testing.assert_allclose(found["estimate"], data["n"] * ones["estimate"])
    with pytest.raises(DataError, match="no column 'failed'"):
        fit.predict(data.drop(columns="failed"))


def test_known_errors_are_asked_for_by_responses_alone():
    schools = hg.datasets.eight_schools()
    fit = hg.fit(
        "y | se(se) ~ 1 + (1 | school)", schools, seed=1, chains=2, warmup=100, draws=50,
        progress=False,
    )  # fmt: skip
    table = pd.DataFrame({"school": ["A"] * 3000})
    mean = fit.predict(table, summary=False).values.reshape(100, -1)
    eta = draws_of(fit, "b")[:, 0] + draws_of(fit, "r_school")[:, 0, 0]
    np.testing.assert_allclose(mean[:, 0], eta)
    with pytest.raises(DataError, match="no column 'se'"):
        fit.predict(table, "response")
    drawn = fit.predict(table.assign(se=7.0), "response", summary=False).values.reshape(100, -1)
    np.testing.assert_allclose((drawn - mean).std(axis=1), 7.0, rtol=0.07)


def test_a_saved_fit(tmp_path):
    data = rows(120, seed=2)
    sampled = hg.fit("y ~ x + (x | g)", data, seed=4, chains=2, warmup=60, draws=30, progress=False)
    sampled.save(tmp_path / "fit")
    loaded = hg.load(tmp_path / "fit")
    table = NEW.assign(g=["a", "b", "new", "new", "c"])
    for target in ("mean", "response"):
        pd.testing.assert_frame_equal(loaded.predict(table, target), sampled.predict(table, target))


def test_a_mode_is_one_draw():
    theta = np.array([[0.5, -1.0, 0.1, 0.2, 0.3, 0.4]])
    fit = exact.fit_of(exact.design_of("y ~ x + (1 | g)", rows()), theta)
    fit = replace(fit, settings=replace(fit.settings, method=Optimize()))
    found = fit.predict(NEW)
    expected = 0.5 - NEW["x"] + [0.1 * (1 + "abcd".index(g)) for g in NEW["g"]]
    np.testing.assert_allclose(found["estimate"], expected)
    assert found["std_error"].isna().all()


def test_parameters_with_formulas_of_their_own():
    formulas = ("{} ~ x + (1 | g)", "sigma ~ x + f")
    fit = fit_of("gaussian", formulas)
    # Every column of every formula counts, for one set of rows.
    assert fit.predict(NEW.assign(f=[None, "lo", "hi", "lo", "hi"]))["estimate"].isna().sum() == 1
    many = NEW.iloc[np.zeros(4000, int)].assign(x=0.7, f="lo")
    drawn = fit.predict(many, "response", summary=False).values.reshape(40, -1)
    terms, b = fit.draws["b_sigma"].dims[0][1], draws_of(fit, "b_sigma")
    log_sigma = b @ [{"Intercept": 1, "x": 0.7, "f[T.lo]": 1}[t] for t in terms]
    np.testing.assert_allclose(drawn.std(axis=1), np.exp(log_sigma), rtol=0.06)
