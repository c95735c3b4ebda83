"""Slopes and comparisons against closed forms and brute force over the rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

import hierglm as hg
from hierglm.errors import DataError, SettingsError
from hierglm.posterior import Fit, load
from tests.marginal.fits import one_fit, random_fit, rows_of_fit, unit_fit, weights_of

DATA = rows_of_fit()
BINARY = DATA.assign(y=lambda d: (d["y"] > 0).astype(int))


def _draws(found: Any) -> Any:
    return found.values.reshape(-1, *found.shape[2:])


def _b(fit: Fit) -> dict[str, Any]:
    b = fit.draws["b"]
    return dict(zip(b.dims[0][1], b.values.reshape(-1, b.values.shape[2]).T, strict=True))


def _eta(fit: Fit) -> Any:
    """Return the linear predictor of all rows, draw by draw."""
    return _draws(fit.predict(target="linear", summary=False))


def test_slopes_of_linear_predictors_are_exact() -> None:
    fit = unit_fit("y ~ x * f + I(x**2)", DATA)
    found = weights_of(fit.slopes("x", target="linear", summary=False))
    share = [(DATA["f"] == level).mean() for level in "bc"]
    expected = [0, 1, 0, 0, 2 * DATA["x"].mean(), *share]
    labels = fit.draws["b"].dims[0][1]
    order = ["Intercept", "x", "f[T.b]", "f[T.c]", "I(x**2)", "x:f[T.b]", "x:f[T.c]"]
    assert sorted(labels) == sorted(order), labels
    by_label = dict(zip(labels, found[0], strict=True))
    np.testing.assert_allclose([by_label[n] for n in order], expected, atol=2e-10)


def test_slopes_of_probabilities_are_b_p_q() -> None:
    fit = random_fit("y ~ x + f + (1 + x | g)", BINARY, "bernoulli")
    p = expit(_eta(fit))
    r = fit.draws["r_g"].values[0][:, :, 1]
    own = _b(fit)["x"][:, None] + r[:, np.searchsorted(list("PQRS"), BINARY["g"])]
    exact = own * p * (1 - p)
    found = _draws(fit.slopes("x", summary=False))[:, 0]
    np.testing.assert_allclose(found, exact.mean(axis=1), atol=1e-9)
    each = fit.slopes("x", average=False)
    assert each["row"].tolist() == list(range(len(BINARY)))
    np.testing.assert_allclose(each["estimate"], exact.mean(axis=0), atol=1e-9)
    by = fit.slopes("x", by="f", conf_level=0.5)
    assert by[["term", "f"]].to_numpy().tolist() == [["x", "a"], ["x", "b"], ["x", "c"]]
    for k, level in enumerate("abc"):
        mean = exact[:, BINARY["f"] == level].mean(axis=1)
        row = by.iloc[k]
        np.testing.assert_allclose(
            [row["estimate"], row["std_error"], row["conf_low"], row["conf_high"]],
            [mean.mean(), mean.std(ddof=1), *np.quantile(mean, [0.25, 0.75])], atol=1e-9,
        )  # fmt: skip


def test_slopes_at_values_are_averages_over_copies_of_the_rows() -> None:
    fit = random_fit("y ~ x + f", BINARY, "bernoulli")
    b = _b(fit)
    table = fit.slopes("x", at={"x": [0.0, 1.5], "f": "b"})
    p = expit(b["Intercept"] + b["f[T.b]"] + np.outer([0.0, 1.5], b["x"]))
    assert table["x"].tolist() == [0.0, 1.5]
    assert table["f"].tolist() == ["b", "b"]
    np.testing.assert_allclose(table["estimate"], (b["x"] * p * (1 - p)).mean(axis=1), atol=1e-9)


def test_slopes_where_the_formula_ends_with_the_data() -> None:
    splines = one_fit("y ~ bs(x, df=5)", DATA, [0.3, -1, 0.5, 0.8, -0.4, 1.2])
    each = splines.slopes("x", average=False, step=1e-6)
    x = DATA["x"].to_numpy()
    inside = (x > x.min()) & (x < x.max())
    h = 1e-4
    ends = np.clip(np.stack([x - h, x + h]), x.min(), x.max())
    low, high = (splines.predict({"x": e})["estimate"].to_numpy() for e in ends)
    coarse = (high - low) / (ends[1] - ends[0])
    np.testing.assert_allclose(each["estimate"][inside], coarse[inside], atol=1e-5)
    np.testing.assert_allclose(each["estimate"][~inside], coarse[~inside], atol=5e-3)


def test_slopes_of_an_expected_count_follow_its_offset() -> None:
    data = DATA.assign(t=np.linspace(1, 2, len(DATA)))
    fit = random_fit("count ~ f + offset(log(t))", data, "poisson")
    mean = np.exp(_eta(fit))
    exact = (mean / data["t"].to_numpy()).mean(axis=1)
    np.testing.assert_allclose(_draws(fit.slopes("t", summary=False))[:, 0], exact, rtol=1e-8)


def test_successes_are_shares_of_their_trials() -> None:
    data = DATA.assign(n=lambda d: d["n"] - 1)
    assert (data["n"] == 0).any()
    fit = random_fit("s | trials(n) ~ x + f", data, "binomial")
    p = expit(_eta(fit))
    exact = (_b(fit)["x"][:, None] * p * (1 - p)).mean(axis=1)
    np.testing.assert_allclose(_draws(fit.slopes("x", summary=False))[:, 0], exact, atol=1e-9)
    drawn = fit.means("f", target="response", at={"n": 4}, summary=False)
    assert set(np.unique(drawn.values)) <= {0, 0.25, 0.5, 0.75, 1}


@pytest.mark.parametrize("kind", ["difference", "ratio", "odds_ratio"])
def test_comparisons_are_those_of_averages(kind: Any) -> None:
    fit = random_fit("y ~ x * f + (1 | g)", BINARY, "bernoulli")
    mean = {
        level: _draws(fit.predict(BINARY.assign(f=level), summary=False)) for level in "abc"
    }  # fmt: skip
    of = {
        "difference": lambda p, q: p - q,
        "ratio": lambda p, q: p / q,
        "odds_ratio": lambda p, q: p / (1 - p) / (q / (1 - q)),
    }[kind]
    sign = "-" if kind == "difference" else "/"
    found = fit.comparisons("f", kind=kind, contrasts="pairwise", by="g", summary=False)
    pairs = [("b", "a"), ("c", "a"), ("c", "b")]
    assert found["contrast"].values.tolist() == [f"{a} {sign} {b}" for a, b in pairs] * 4
    assert set(found["term"].values) == {"f"}
    k = 0
    for level in "PQRS":
        own = (BINARY["g"] == level).to_numpy()
        for a, b in pairs:
            exact = of(mean[a][:, own].mean(axis=1), mean[b][:, own].mean(axis=1))
            assert found["g"].values[k] == level
            np.testing.assert_allclose(_draws(found)[:, k], exact, rtol=1e-11)
            k += 1


def test_comparisons_of_numbers() -> None:
    fit = random_fit("count ~ x + f", DATA, "poisson")
    b, mean = _b(fit)["x"], np.exp(_eta(fit)).mean(axis=1)
    sd, (low, high) = DATA["x"].std(), np.quantile(DATA["x"], [0.25, 0.75])
    for values, step in ((None, 1.0), ("sd", sd), ([1, 4], 3.0), ("iqr", high - low)):
        found = fit.comparisons("x", values, kind="ratio", summary=False)
        np.testing.assert_allclose(_draws(found)[:, 0], np.exp(b * step), rtol=1e-10)
    plus = fit.comparisons("x", summary=False)
    np.testing.assert_allclose(_draws(plus)[:, 0], mean * (np.exp(b) - 1), rtol=1e-10)
    several = fit.comparisons(["x", "f"])
    assert several[["term", "contrast"]].to_numpy().tolist() == [
        ["x", "+1"], ["f", "b - a"], ["f", "c - a"]
    ]  # fmt: skip


def test_whole_numbers_stay_whole() -> None:
    fit = random_fit("y ~ x + flag", BINARY.assign(flag=BINARY["flag"].astype(int)), "bernoulli")
    table = fit.slopes("x", by="flag")
    assert table["flag"].tolist() == [0, 1]
    assert table["flag"].dtype.kind == "i"


def test_other_rows_leave_out_those_with_missing_values() -> None:
    fit = random_fit("y ~ x + f", BINARY, "bernoulli")
    new = pd.DataFrame({"x": [1.0, np.nan, 2.0], "f": ["a", "b", "c"], "sex": ["m", "f", "f"]})
    whole = fit.slopes("x", new=new, by="sex")
    assert whole["sex"].tolist() == ["f", "m"]
    alone = fit.slopes("x", new=new.iloc[[2]])
    assert whole["estimate"].iloc[0] == pytest.approx(alone["estimate"].item(), rel=1e-12)
    rows = fit.slopes("x", new=new.set_index(pd.Index(["r", "s", "t"])), average=False)
    assert rows["row"].tolist() == ["r", "t"]


def test_categories_have_a_row_each_and_changes_that_sum_to_nothing() -> None:
    data = DATA.assign(y=pd.Categorical(DATA["f"], ordered=True))
    fit = hg.fit("y ~ x", data, "cumulative", seed=1, chains=2, warmup=150, draws=50)
    table = fit.slopes("x")
    assert table["category"].tolist() == ["a", "b", "c"]
    # Rounding of probabilities, divided by the step.
    assert table["estimate"].sum() == pytest.approx(0, abs=1e-10)
    thresholds, b = fit.draws["Intercept"].values.reshape(100, 2), _b(fit)["x"]
    below = expit(thresholds[:, None, :] - (b[:, None] * DATA["x"].to_numpy())[:, :, None])
    density = (below * (1 - below)).mean(axis=1) * -b[:, None]
    exact = np.diff(np.pad(density, ((0, 0), (1, 1))), axis=1)
    found = _draws(fit.slopes("x", summary=False))[:, 0]
    np.testing.assert_allclose(found, exact, atol=1e-9)


def test_blocks_do_not_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = random_fit("y ~ x * f + (1 | g)", BINARY, "bernoulli")
    whole = fit.comparisons("f", average=False), fit.slopes("x", by="g")
    monkeypatch.setattr("hierglm.marginal.cells._HELD", 7 * 30)
    monkeypatch.setattr("hierglm.predicting.predictions._BLOCK", 11 * 30)
    parts = fit.comparisons("f", average=False), fit.slopes("x", by="g")
    for one, other in zip(whole, parts, strict=True):
        pd.testing.assert_frame_equal(one, other, rtol=1e-12)


def test_saved_fits_and_some_draws_answer_alike(tmp_path: Path) -> None:
    fit = random_fit("y ~ x + f + (1 | g)", BINARY, "bernoulli")
    again = load(fit.save(tmp_path / "fit.hglm"))
    pd.testing.assert_frame_equal(again.slopes("x", by="f"), fit.slopes("x", by="f"))
    pd.testing.assert_frame_equal(again.means("f", contrasts=True), fit.means("f", contrasts=True))
    some = fit.comparisons("f", draws=10, summary=False)
    every = fit.comparisons("f", summary=False)
    assert some.sizes == {"chain": 1, "draw": 10, "row": 2}
    np.testing.assert_array_equal(some.values[0], every.values[0, ::3])


def test_the_caller_s_table_is_left_alone() -> None:
    fit = random_fit("y ~ x + f", BINARY, "bernoulli")
    before = BINARY.copy()
    fit.slopes("x", new=BINARY)
    fit.comparisons("f", new=BINARY, at={"x": 1.0})
    pd.testing.assert_frame_equal(BINARY, before)


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "factor": ("slopes", {"names": "f"}, "no quantity and has no slope; see comparisons"),
    "drawn": ("slopes", {"names": "x", "target": "response"}, "no slope"),
    "step": ("slopes", {"names": "x", "step": 2}, "step must lie between 0 and 1, not 2"),
    "nothing": ("slopes", {"names": ()}, "slopes of what"),
    "unknown": ("slopes", {"names": "age"}, "does not depend on a column 'age'"),
    "by": ("slopes", {"names": "x", "by": "sex"}, "by: no column 'sex'"),
    "many": ("slopes", {"names": "x", "by": "x"}, "'x' has 40 values, which make no cells"),
    "fixed": ("comparisons", {"names": "f", "at": {"f": "a"}}, "at= fixes 'f'"),
    "one value": ("comparisons", {"names": "f", "values": ["a"]}, "needs two values"),
    "word": ("comparisons", {"names": "x", "values": "mad"}, "values cannot be 'mad'"),
    "of several": ("comparisons", {"names": ["x", "f"], "values": [1, 2]}, "call comparisons"),
    "level": ("comparisons", {"names": "f", "values": ["a", "z"]}, "'f' has no level 'z'"),
    "shift": ("comparisons", {"names": "f", "values": "sd"}, "'f' is no quantity"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_asked_is_refused(case: str) -> None:
    fit = random_fit("y ~ x + f", BINARY, "bernoulli")
    method, asked, message = REFUSED[case]
    with pytest.raises(SettingsError, match=message):
        getattr(fit, method)(**asked)


def test_a_column_called_as_one_of_the_answer_is_refused() -> None:
    fit = random_fit("y ~ x + term", BINARY.rename(columns={"f": "term"}), "bernoulli")
    with pytest.raises(DataError, match="'term'"):
        fit.slopes("x", by="term")
