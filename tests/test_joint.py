"""Models of several linear predictors, from formulas to every table, and back from a file."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats as st

import hierglm as hg
from hierglm.errors import (
    DataError,
    FormulaError,
    PriorError,
    ResponseError,
    SettingsError,
)
from hierglm.names import Parameter, parse_name
from hierglm.priors import distributions as prior

FAST = {"seed": 3, "chains": 2, "warmup": 100, "draws": 50, "progress": False}


def table(rows: int = 60) -> pd.DataFrame:
    """Return scores, exams and kinds of school children; some of each are missing."""
    r = np.random.default_rng(2)
    d = pd.DataFrame(
        {
            "score": r.normal(20, 5, rows),
            "passed": r.integers(0, 2, rows).astype(float),
            "kind": r.choice(["ash", "elm", "oak"], rows),
            "x": r.normal(size=rows),
            "z": r.normal(size=rows),
            "w": r.uniform(0.5, 2, rows),
            "school": r.choice(list("abcdef"), rows),
        }
    )
    d.loc[:4, "score"] = np.nan
    d.loc[50:, "passed"] = np.nan
    d.loc[7, "z"] = np.nan
    return d


PARTS = [
    hg.part("score ~ x + (x |s| school)"),
    hg.part("passed ~ z + (1 |s| school)", "bernoulli", weight=2.0),
]


@pytest.fixture(scope="module")
def joint() -> hg.Fit:
    return hg.joint(PARTS, table(), **FAST)


@pytest.fixture(scope="module")
def spread() -> hg.Fit:
    formulas = ["score | weights(w) ~ x + (1 |s| school)", "sigma ~ z + offset(x) + (1 |s| school)"]
    return hg.fit(formulas, table(), **FAST)


@pytest.fixture(scope="module")
def kinds() -> hg.Fit:
    return hg.fit("kind ~ x + (1 | school)", table(), "categorical", **FAST)


NAMES = {
    "joint": [
        "b[Intercept]@score", "b[x]@score", "b[Intercept]@passed", "b[z]@passed",
        "sd[school:Intercept]@score", "sd[school:x]@score", "sd[school:Intercept]@passed",
        "cor[school:Intercept,x]@score", "cor[school:Intercept@score,Intercept@passed]",
        "cor[school:x@score,Intercept@passed]", "sigma@score",
    ],
    "spread": [
        "b[Intercept]", "b[x]", "b[Intercept]@.sigma", "b[z]@.sigma", "sd[school:Intercept]",
        "sd[school:Intercept]@.sigma", "cor[school:Intercept,Intercept@.sigma]",
    ],
    "kinds": [
        "b[Intercept]@.muelm", "b[x]@.muelm", "b[Intercept]@.muoak", "b[x]@.muoak",
        "sd[school:Intercept]@.muelm", "sd[school:Intercept]@.muoak",
    ],
}  # fmt: skip
BRMS = {
    "joint": [
        "b_score_Intercept", "b_score_x", "b_passed_Intercept", "b_passed_z",
        "sd_school__score_Intercept", "sd_school__score_x", "sd_school__passed_Intercept",
        "cor_school__score_Intercept__score_x",
        "cor_school__score_Intercept__passed_Intercept",
        "cor_school__score_x__passed_Intercept", "sigma_score",
    ],
    "spread": [
        "b_Intercept", "b_x", "b_sigma_Intercept", "b_sigma_z", "sd_school__Intercept",
        "sd_school__sigma_Intercept", "cor_school__Intercept__sigma_Intercept",
    ],
    "kinds": [
        "b_muelm_Intercept", "b_muelm_x", "b_muoak_Intercept", "b_muoak_x",
        "sd_school__muelm_Intercept", "sd_school__muoak_Intercept",
    ],
}  # fmt: skip


@pytest.mark.parametrize("which", NAMES)
def test_every_row_says_its_predictor_in_columns_and_in_names(which, request):
    fit = request.getfixturevalue(which)
    frame = fit.tidy()
    keys = ["effect", "group", "level", "term", "term2", "response", "dpar"]
    found = [str(Parameter(*row)) for row in frame[keys].itertuples(index=False)]
    assert found == NAMES[which]
    assert [str(parse_name(name)) for name in found] == found
    assert fit.tidy(style="brms")["variable"].tolist() == BRMS[which]
    assert fit.tidy(style="posterior")["variable"].tolist() == BRMS[which]


def test_effects_of_levels_are_told_by_predictor(joint):
    frame = joint.ranef()
    assert len(frame) == 6 * 3
    names = joint.tidy("ran_vals", style="brms")["variable"]
    assert {"r_school__score[a,x]", "r_school__passed[f,Intercept]"} <= set(names)
    coef = joint.coef()
    own = joint.posterior
    expected = own["b_passed"].sel(term_passed="Intercept") + own["r_school_passed"].sel(
        school="c", school_term_passed="Intercept"
    )
    row = coef[(coef["response"] == "passed") & (coef["level"] == "c")]
    assert row["estimate"].item() == pytest.approx(float(expected.mean()))


def test_other_styles_tell_predictors_apart(joint, spread):
    for fit in (joint, spread):
        for style in ("broom", "parameters"):
            frame = fit.tidy(style=style)
            numbers = ["estimate", "std.error", "conf.low", "conf.high", "Median", "CI_low"]
            numbers += ["CI_high", "pd", "Rhat", "ESS"]
            keys = frame.drop(columns=[c for c in numbers if c in frame])
            assert not keys.duplicated().any()


def test_covariances_are_mean_products_of_the_draws(joint):
    own = joint.posterior
    sd = [
        own["sd_school_score"].sel(school_term_score="Intercept"),
        own["sd_school_score"].sel(school_term_score="x"),
        own["sd_school_passed"].sel(school_term_passed="Intercept"),
    ]
    within = own["cor_school_score"].sel(school_pair_score="Intercept,x")
    across = own["cor_school"].sel(school_pair="x@score,Intercept@passed")
    matrix = joint.covariances()["school"]
    assert matrix.columns.tolist() == ["Intercept@score", "x@score", "Intercept@passed"]
    assert matrix.iloc[0, 1] == pytest.approx(float((sd[0] * sd[1] * within).mean()))
    assert matrix.iloc[2, 1] == pytest.approx(float((sd[1] * sd[2] * across).mean()))
    assert matrix.iloc[2, 2] == pytest.approx(float((sd[2] ** 2).mean()))


def test_log_likelihoods_are_those_of_the_predictors(joint, spread, kinds):
    d = table()
    own, found = joint.posterior, joint.to_arviz(log_likelihood=True)["log_likelihood"]
    assert found["score"].dims == ("chain", "draw", "row_score")
    rows = d["score"].notna().to_numpy()
    one = d[rows]
    r = own["r_school_score"].sel(school=one["school"].to_numpy())
    mu = own["b_score"].values[..., :1] + own["b_score"].values[..., 1:] * one["x"].to_numpy()
    mu = mu + r.values[..., 0] + r.values[..., 1] * one["x"].to_numpy()
    expected = st.norm.logpdf(one["score"], mu, own["sigma_score"].values[..., None])
    np.testing.assert_allclose(found["score"].values, expected, rtol=1e-10)
    np.testing.assert_array_equal(found["row_score"].values, np.flatnonzero(rows))
    two = d[d["passed"].notna() & d["z"].notna()]
    r = own["r_school_passed"].sel(school=two["school"].to_numpy())
    b = own["b_passed"].values
    eta = b[..., :1] + b[..., 1:] * two["z"].to_numpy() + r.values[..., 0]
    expected = 2 * st.bernoulli.logpmf(two["passed"].to_numpy(int), 1 / (1 + np.exp(-eta)))
    np.testing.assert_allclose(found["passed"].values, expected, rtol=1e-9)

    own, found = spread.posterior, spread.to_arviz(log_likelihood=True)["log_likelihood"]
    d1 = d[d["score"].notna() & d["z"].notna()]
    x, z, w = (d1[c].to_numpy() for c in ("x", "z", "w"))
    schools = {"school": d1["school"].to_numpy()}
    b, c = own["b"].values, own["b_sigma"].values
    mu = b[..., :1] + b[..., 1:] * x + own["r_school"].sel(schools).values[..., 0]
    log_sigma = c[..., :1] + c[..., 1:] * z + x + own["r_school_sigma"].sel(schools).values[..., 0]
    expected = w * st.norm.logpdf(d1["score"], mu, np.exp(log_sigma))
    np.testing.assert_allclose(found["score"].values, expected, rtol=1e-10)

    own, found = kinds.posterior, kinds.to_arviz(log_likelihood=True)["log_likelihood"]
    etas = [np.zeros((2, 50, len(d)))]
    for name in ("muelm", "muoak"):
        b = own[f"b_{name}"].values
        r = own[f"r_school_{name}"].sel(school=d["school"].to_numpy()).values[..., 0]
        etas.append(b[..., :1] + b[..., 1:] * d["x"].to_numpy() + r)
    p = np.exp(etas) / np.exp(etas).sum(axis=0)
    place = d["kind"].map({"ash": 0, "elm": 1, "oak": 2}).to_numpy()
    expected = np.log(np.take_along_axis(p, place[None, None, None], axis=0)[0])
    np.testing.assert_allclose(found["kind"].values, expected, rtol=1e-10)


@pytest.mark.parametrize("which", NAMES)
def test_a_saved_fit_comes_back_the_same(which, request, tmp_path):
    fit = request.getfixturevalue(which)
    again = hg.load(fit.save(tmp_path / "fit.hglm"))
    assert str(again) == str(fit)
    assert str(again.plan) == str(fit.plan)
    assert again.plan.line == fit.plan.line
    pd.testing.assert_frame_equal(again.tidy(), fit.tidy())
    pd.testing.assert_frame_equal(again.ranef(), fit.ranef())
    one, two = (f.to_arviz(log_likelihood=True)["log_likelihood"] for f in (again, fit))
    for name in two.data_vars:
        np.testing.assert_array_equal(one[name].values, two[name].values)


def test_the_summary_has_a_section_for_each_predictor(joint, spread, kinds):
    assert "Common effects on score" in str(joint)
    assert "Common effects on passed" in str(joint)
    assert "score: gaussian (identity), 55 rows (5 of 60 dropped); passed: bernoulli" in (
        " ".join(str(joint).split())
    )
    assert "Common effects on sigma" in str(spread)
    assert "Common effects on muoak" in str(kinds)
    assert "sd(Intercept@passed)" in str(joint)


def test_rows_are_dropped_for_their_part_alone_and_notes_say_so(joint):
    notes = [n for n in joint.notes if "dropped" in n]
    assert notes == [
        "score: 5 of 60 rows dropped: missing values in 'score' (5)",
        "passed: 11 of 60 rows dropped: missing values in 'passed' (10), 'z' (1)",
    ]


def test_formulas_of_one_response_have_the_same_rows():
    model = hg.model(["score ~ x", "sigma ~ z"], table())
    assert model.stan_data["N"] == 54
    assert model.stan_data["X"].shape == model.stan_data["X_sigma"].shape == (54, 1)


def test_tables_of_their_own_unite_the_levels_of_shared_factors():
    r = np.random.default_rng(1)
    one = {"y": r.normal(size=6), "g": [3, 1, 3, 1, 3, 1]}
    two = {"hit": [0, 1, 1, 0], "g": [2, 3, 2, 3]}
    parts = [hg.part("y ~ 1 + (1 |s| g)", data=one),
             hg.part("hit ~ 1 + (1 |s| g)", "bernoulli", data=two)]  # fmt: skip
    model = hg.model(parts, None)
    assert model._plan.model.groups[0].levels.tolist() == [1, 2, 3]
    assert model.stan_data["J_1"] == 3
    assert model.stan_data["group_1_y"].tolist() == [3, 1, 3, 1, 3, 1]
    assert model.stan_data["group_1_hit"].tolist() == [2, 3, 2, 3]


def test_without_an_id_terms_have_covariances_of_their_own():
    parts = [hg.part("score ~ x + (1 | school)"), hg.part("passed ~ x + (1 | school)", "bernoulli")]
    model = hg.model(parts, table())
    names = model.priors()["parameter"].tolist()
    assert names[-2:] == ["sd[school:Intercept]@score", "sd[school:Intercept]@passed"]
    assert "cor_1" not in model.stan_code


def priors_of(formula, priors, family="gaussian"):
    frame = hg.model(formula, table(), family, priors=priors).priors()
    return dict(zip(frame["parameter"], frame["prior"], strict=True))


def test_priors_by_name_mean_one_predictor_or_all_means():
    own = {"b": prior.normal(0, 1), "b@passed": prior.normal(0, 2),
           "b[x]@score": prior.normal(0, 3), "sd": prior.exponential(1),
           "sd[school]@passed": prior.exponential(2), "cor[school]": prior.lkj(3),
           "sigma": prior.exponential(4)}  # fmt: skip
    found = priors_of(PARTS, own)
    assert found["b[x]@score"] == "normal(0, 3)"
    assert found["b[z]@passed"] == "normal(0, 2)"
    assert found["sd[school:x]@score"] == "exponential(1)"
    assert found["sd[school:Intercept]@passed"] == "exponential(2)"
    assert found["cor[school]"] == "lkj(3)"
    assert found["sigma@score"] == "exponential(4)"


def test_priors_of_means_are_not_those_of_other_parameters():
    formulas = ["score ~ x + (1 | school)", "sigma ~ z + (1 | school)"]
    own = {"b": prior.normal(0, 1), "sd": prior.exponential(1), "Intercept": prior.normal(5, 1)}
    found = priors_of(formulas, own)
    assert found["b[x]"] == "normal(0, 1)"
    assert found["b[Intercept]@.sigma"] == "student_t(3, 0, 2.5)"
    assert found["sd[school:Intercept]@.sigma"] == "student_t(3, 0, 2.5)"
    found = priors_of(formulas, {"b@.sigma": prior.normal(0, 7), "Intercept@.sigma": prior.flat()})
    assert found["b[z]@.sigma"] == "normal(0, 7)"
    assert found["b[Intercept]@.sigma"] == "flat()"


def test_brms_defaults():
    # get_prior(bf(y ~ x + (1 | g), sigma ~ z + (1 | g)), d) of brms 2.18: slopes flat,
    # Intercept_sigma student_t(3, 0, 2.5), every sd on the scale of the response.
    found = priors_of(["score ~ x + (1 | school)", "sigma ~ z + (1 | school)"], "brms")
    s = found["sd[school:Intercept]"]
    assert s == found["sd[school:Intercept]@.sigma"] != "student_t(3, 0, 2.5)"
    assert found["b[z]@.sigma"] == "flat()"
    assert found["b[Intercept]@.sigma"] == "student_t(3, 0, 2.5)"
    # get_prior(k ~ x + (1 | g), d, family = categorical()) of brms 2.18.
    found = priors_of("kind ~ x + (1 | school)", "brms", "categorical")
    assert found["b[x]@.muelm"] == "flat()"
    assert (
        found["b[Intercept]@.muoak"]
        == found["sd[school:Intercept]@.muoak"]
        == ("student_t(3, 0, 2.5)")
    )


BAD = {
    "no such parameter": (["score ~ x", "sgma ~ z"], FormulaError, "did you mean 'sigma'"),
    "no parameters at all": (
        [hg.part(["passed ~ x", "sigma ~ z"], "bernoulli")], FormulaError, "there are none"),
    "twice": (["score ~ x", "sigma ~ z", "sigma ~ x"], FormulaError, "two formulas"),
    "weights behind": (["score ~ x", "sigma | weights(w) ~ z"], FormulaError, "first formula"),
    "its own response": (["score ~ x", "sigma ~ score"], FormulaError, "cannot explain itself"),
    "known errors": (["score | se(w) ~ x", "sigma ~ z"], FormulaError, "sigma=TRUE"),
    "unknown column": (["score ~ x", "sigma ~ zz"], FormulaError, "no column 'zz'"),
    "same response twice": (
        [hg.part("score ~ x"), hg.part("score ~ z")], SettingsError, "name='score_1'"),
    "mixed": ([hg.part("score ~ x"), "passed ~ x"], SettingsError, "stand in its parts"),
    "a number": (["score ~ x", 3], FormulaError, "a formula is text"),
    "ids of related levels": (
        [hg.part("score ~ x + (1 |s| gr(school, cov=A))"), hg.part("passed ~ (1 |s| school)")],
        FormulaError, "independent levels"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_models_are_refused_in_words(case):
    formula, error, words = BAD[case]
    with pytest.raises(error, match=words):
        hg.model(formula, table())


def test_other_refusals():
    with pytest.raises(SettingsError, match="must be a number > 0"):
        hg.part("y ~ x", weight=-1)
    with pytest.raises(SettingsError, match="joint takes parts"):
        hg.joint(["y ~ x"], table())
    with pytest.raises(SettingsError, match="no data for"):
        hg.joint(PARTS)
    with pytest.raises(SettingsError, match="each part has its family"):
        hg.model(PARTS, table(), "poisson")
    with pytest.raises(PriorError, match="one linear predictor"):
        hg.model(PARTS, table(), priors="rstanarm")
    with pytest.raises(PriorError, match="decov"):
        hg.model(PARTS, table(), priors={"sd": prior.decov()})
    with pytest.raises(PriorError, match="no parameter 'b@scor'"):
        hg.model(PARTS, table(), priors={"b@scor": prior.flat()})
    with pytest.raises(SettingsError, match="several linear predictors"):
        hg.model(PARTS, table(), plan={"school": "integrated"})
    with pytest.raises(SettingsError, match="of several linear predictors there is none"):
        hg.fit(PARTS, table(), method="approx")
    with pytest.raises(ResponseError, match="2 to 50 categories"):
        hg.model("score ~ x", table(), "categorical")
    other = table().assign(school=1)
    parts = [PARTS[0], hg.part("passed ~ (1 |s| school)", "bernoulli", data=other)]
    with pytest.raises(DataError, match="numbers in one part and text"):
        hg.model(parts, table())


def test_numbers_are_categories_too():
    model = hg.model("k ~ x", {"k": [2, 5, 9, 5, 2, 9], "x": range(6)}, "categorical")
    assert model.stan_data["y"].tolist() == [1, 2, 3, 2, 1, 3]
    assert model.priors()["parameter"].tolist()[-1] == "b[x]@.mu9"


def test_hostile_labels_give_programs_that_compile():
    odd = {"1": [0, 1, 1], "é": [1.0, 0.0, 2.0], "g h": list("aba")}
    parts = [hg.part("log(`é` + 1) ~ 1 + (1 |s| `g h`)"),
             hg.part("`1` ~ `é` + (1 |s| `g h`)", "bernoulli")]  # fmt: skip
    fit = hg.fit(parts, odd, **FAST)
    assert "sd[g h:Intercept]@`1`" in set(fit.plan.model.prior_table()["parameter"])


def test_labels_that_read_alike_have_names_of_their_own():
    kinds = {"k": ["a b", "ab", "é", "ü", "a-b", "ab"], "x": range(6)}
    model = hg.model("k ~ x", kinds, "categorical")
    found = model.priors()["parameter"].tolist()[::2]
    assert found == [f"b[Intercept]@.{name}" for name in ("`mua-b`", "muab", "mué", "muü")]
    parts = [hg.part("a_b ~ 1"), hg.part("ab ~ 1")]
    both = hg.model(parts, {"a_b": [1.0, 2.0], "ab": [1.0, 3.0]})
    assert {"y_ab", "y_ab2"} <= set(both.stan_data)


def test_one_formula_in_a_list_is_that_formula():
    one, two = hg.model(["score ~ x"], table()), hg.model("score ~ x", table())
    assert one.stan_code == two.stan_code


def test_a_planted_correlation_between_tasks_is_found():
    r = np.random.default_rng(11)
    schools, each, rho = 60, 12, 0.7
    u = r.multivariate_normal([0, 0], [[1, rho], [rho, 1]], schools) * [3.0, 1.5]
    school = np.repeat(np.arange(schools), each)
    x = r.normal(size=len(school))
    d = pd.DataFrame({
        "school": school, "x": x,
        "score": 50 + 2 * x + u[school, 0] + r.normal(0, 4, len(school)),
        "passed": (r.random(len(school)) < 1 / (1 + np.exp(-(x + u[school, 1])))).astype(int),
    })  # fmt: skip
    parts = [hg.part("score ~ x + (1 |s| school)"),
             hg.part("passed ~ x + (1 |s| school)", "bernoulli")]  # fmt: skip
    # The quantile below is 0.33 of 10,000 draws, by either plan; 200 a chain do not tell it well.
    fit = hg.joint(parts, d, seed=1, chains=2, warmup=200, draws=800, progress=False)
    rows = fit.tidy().set_index(["effect", "response", "term"])
    planted = {
        ("fixed", "score", "x"): 2.0,
        ("fixed", "passed", "x"): 1.0,
        ("ran_sd", "score", "Intercept"): 3.0,
        ("ran_sd", "passed", "Intercept"): 1.5,
        ("ran_cor", "", "Intercept@score"): rho,
        ("family", "score", "sigma"): 4.0,
    }
    for key, value in planted.items():
        row = rows.loc[key]
        assert abs(row["estimate"] - value) < 3 * row["std_error"]
    # The tasks tell each other something: the correlation is known to be well above 0.
    assert rows.loc[("ran_cor", "", "Intercept@score"), "conf_low"] > 0.3


def test_a_term_of_some_categories_is_taken_from_the_others_by_a_prior():
    rng = np.random.default_rng(1)
    data = {"y": np.array(list("abc"))[rng.integers(0, 3, 30)], "x": rng.normal(size=30)}
    with pytest.raises(FormulaError, match=r"'b\[x\]@.muc': hierglm.prior.constant\(0\)"):
        hg.model(["y ~ x", "muc ~ 1"], data, "categorical")
    priors = {"b[x]@.muc": hg.prior.constant(0)}
    few = {"chains": 1, "draws": 20, "warmup": 60, "seed": 1}
    fit = hg.fit("y ~ x", data, "categorical", priors=priors, **few)
    slopes = fit.draws["b_muc"].values[..., 1], fit.draws["b_mub"].values[..., 1]
    assert np.ptp(slopes[0]) == 0 == slopes[0][0, 0]
    assert np.ptp(slopes[1]) > 0
