"""Structures of the effects of a level, from the formula to the tables and back from a file."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from hierglm.errors import PriorError
from hierglm.names import Parameter
from tests.densities import opened
from tests.program.exact import pair

WAVES = pd.read_csv(Path(__file__).parent / "data" / "waves.csv")

FORMULAS = {
    "iso": "v ~ x + z + iso(x + z | subject)",
    "cs": "v ~ x + z + cs(x + z | subject)",
    "ar1": "y ~ x + ar1(0 + wave | subject)",
    "two": "v ~ x + z + (1 | subject) + iso(0 + x + z | subject)",
}


@pytest.fixture(scope="module")
def fits():
    return {
        name: hg.fit(f, WAVES, chains=2, warmup=150, draws=200, seed=1, engine="embedded")
        for name, f in FORMULAS.items()
    }


NAMES = {
    "iso": ["sd[subject:iso(x + z)]"],
    "cs": ["sd[subject:Intercept]", "sd[subject:x]", "sd[subject:z]", "cor[subject:cs(x + z)]"],
    "ar1": ["sd[subject:ar1(0 + wave)]", "cor[subject:ar1(0 + wave)]"],
    "two": ["sd[subject:Intercept]", "sd[subject:iso(0 + x + z)]"],
}
BRMS = {
    "iso": ["sd_subject__iso(x + z)"],
    "cs": ["sd_subject__Intercept", "sd_subject__x", "sd_subject__z", "cor_subject__cs(x + z)"],
    "ar1": ["sd_subject__ar1(0 + wave)", "cor_subject__ar1(0 + wave)"],
    "two": ["sd_subject__Intercept", "sd_subject__iso(0 + x + z)"],
}
# What the penalised fit has, by restricted maximum likelihood about, is inside.
INSIDE = {
    "iso": [0.794], "cs": [0.728, 0.612, 1.022, 0.379], "ar1": [0.963, 0.904],
    "two": [0.7, 0.85],
}  # fmt: skip


@pytest.mark.parametrize("name", FORMULAS)
def test_tables(fits, name):
    fit = fits[name]
    table = fit.varcorr().iloc[:-1]
    keys = ["effect", "group", "term", "term2"]
    named = [str(Parameter(*(row[:2]), "", *row[2:])) for row in table[keys].to_numpy()]
    assert named == NAMES[name]
    assert ((table["conf_low"] < INSIDE[name]) & (table["conf_high"] > INSIDE[name])).all()
    brms = fit.tidy(style="brms")["variable"].tolist()
    assert [n for n in brms if n.startswith(("sd_", "cor_"))] == BRMS[name]
    broom = fit.tidy(style="broom")
    assert broom.loc[broom["group"] == "subject", "term"].tolist() == [
        n.replace("sd_subject", "sd").replace("cor_subject", "cor").replace("Int", "(Int")
        .replace("cept", "cept)") for n in BRMS[name]
    ]  # fmt: skip
    assert fit.tidy(style="parameters")["Parameter"].isin(BRMS[name]).sum() == len(BRMS[name])
    assert fit.tidy(style="posterior")["variable"].isin(BRMS[name]).sum() == len(BRMS[name])
    shown = str(fit)
    for row in table[["effect", "term"]].itertuples():
        kind = {"ran_sd": "sd", "ran_cor": "cor"}[row.effect]
        assert f"\n  {kind}({row.term})" in shown


@pytest.mark.parametrize("name", FORMULAS)
def test_covariances_are_those_of_the_structure(fits, name):
    fit = fits[name]
    found = fit.covariances()["subject"]
    draws = {v.name: v.values.reshape(-1, v.values.shape[-1]) for v in fit.draws
             if v.effect in ("ran_sd", "ran_cor")}  # fmt: skip
    sd, q = draws["sd_subject"], len(found)
    for i in range(q):
        for j in range(q):
            if name == "iso":
                expected = (sd[:, 0] ** 2).mean() if i == j else 0.0
            elif name == "two":
                expected = (sd[:, min(i, 1)] ** 2).mean() if i == j else 0.0
            elif name == "cs":
                rho = 1.0 if i == j else draws["cor_subject"][:, 0]
                expected = (sd[:, i] * sd[:, j] * rho).mean()
            else:
                # Waves 1, 2, 3, 5 and 6.
                apart = abs([1, 2, 3, 5, 6][i] - [1, 2, 3, 5, 6][j])
                expected = (sd[:, 0] ** 2 * draws["cor_subject"][:, 0] ** apart).mean()
            assert found.iloc[i, j] == pytest.approx(expected)
    terms = fit.ranef().query("level == 's01'")["term"].tolist()
    assert list(found.index) == terms
    assert fit.coef().query("level == 's01'")["term"].tolist() == terms


@pytest.mark.parametrize("name", FORMULAS)
def test_saved_and_loaded(fits, name, tmp_path):
    fit = fits[name]
    fit.save(tmp_path / "fit")
    again = hg.load(tmp_path / "fit")
    every = ("fixed", "ran_sd", "ran_cor", "family", "ran_vals")
    pd.testing.assert_frame_equal(again.tidy(every), fit.tidy(every))
    pd.testing.assert_frame_equal(again.covariances()["subject"], fit.covariances()["subject"])


def test_a_structure_is_the_special_case_that_it_says():
    # Two effects with one correlation are two correlated effects, whatever the prior's eta.
    lkj = {"cor": hg.prior.lkj(3)}
    _, (_, one) = pair("v ~ x + cs(x | subject)", WAVES, priors=lkj)
    _, (_, two) = pair("v ~ x + (x | subject)", WAVES, priors=lkj)
    r = np.random.default_rng(1)
    differences = []
    with opened(one) as ours, opened(two) as theirs:
        for _ in range(4):
            rho, rest = r.uniform(-0.9, 0.9), r.normal(0, 0.5, ours.size)
            # Unconstrained: sigma, intercept, slope, log sds, correlation, effects.
            mine, other = rest.copy(), rest.copy()
            mine[5], other[5] = np.log((1 + rho) / (1 - rho)), np.arctanh(rho)
            differences.append(ours(mine)[0] - theirs(other)[0])
    np.testing.assert_allclose(differences, differences[0], atol=1e-9)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("(1 |s| subject) + (0 + x |s| subject)", "(x | subject)"),
     ("diag(x | subject)", "(x || subject)"),
     ("us(x | subject)", "(x | subject)"),
     ("iso(1 | subject)", "(1 | subject)")],
)  # fmt: skip
def test_what_is_written_is_the_program_of_what_is_meant(written, meant):
    _, (one, _) = pair(f"v ~ x + {written}", WAVES)
    _, (two, _) = pair(f"v ~ x + {meant}", WAVES)
    assert one.bare == two.bare
    assert [(o.variable, o.dims[-1][1]) for o in one.outputs if o.dims] == [
        (o.variable, o.dims[-1][1]) for o in two.outputs if o.dims
    ]
    for name, value in two.data.items():
        np.testing.assert_array_equal(one.data[name], value)


def test_priors_have_the_names_of_the_table():
    model = hg.model(
        "v ~ x + cs(x + z | subject) + iso(0 + x:z + I(x**2) | subject)", WAVES,
        priors={"sd[subject:iso(0 + x:z + I(x**2))]": hg.prior.exponential(3),
                "cor[subject:cs(x + z)]": hg.prior.normal(0.2, 0.5)},
    )  # fmt: skip
    table = model.priors().set_index("parameter")
    assert table["prior"].iloc[-6:].tolist() == [
        *["student_t(3, 0, 2.5)"] * 3, "normal(0.2, 0.5)", "exponential(3)", "student_t(3, 0, 2.5)"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("priors", "message"),
    [
        ({"cor": hg.prior.constant(-0.6)},
         r"cor\[subject:cs\(x \+ z\)\] cannot be -0.6: it lies between -0.5 and 1"),
        ({"cor": hg.prior.exponential(1)}, "cannot be the prior of"),
        ({"cor[subject:cs(x)]": hg.prior.lkj(2)}, "did you mean 'cor.subject:cs.x . z..'"),
        ({"sd[subject:cs(x + z)]": hg.prior.exponential(1)}, "no parameter"),
    ],
)  # fmt: skip
def test_priors_that_cannot_be(priors, message):
    with pytest.raises(PriorError, match=message):
        hg.model("v ~ x + z + cs(x + z | subject)", WAVES, priors=priors)
