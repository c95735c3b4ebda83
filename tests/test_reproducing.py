"""The script that makes a fit again: run elsewhere on the same data, it gives the same draws."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from hierglm.engines.options import EngineOptions, options_of
from hierglm.priors.given import as_given
from hierglm.reading import TableFile
from tests.designs import schools

QUICK = {"chains": 1, "warmup": 60, "draws": 40, "seed": 3, "progress": False}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table(rows=60):
    data = schools(rows=rows)
    data["grade"] = pd.Categorical(
        np.array(["low", "mid", "high"])[np.arange(rows) % 3], categories=["low", "mid", "high"]
    )
    # Text that a CSV reader would take for numbers.
    data["code"] = np.array(["01", "1", "2"])[np.arange(rows) % 3]
    data["region"] = pd.Categorical(np.arange(rows) % 2 + 7, categories=[8, 7])
    data["day"] = pd.to_datetime("2024-01-01") + pd.to_timedelta(np.arange(rows) % 5, unit="D")
    data.loc[[3, 8], "x"] = np.nan
    return data


def same(script, fit, **found):
    """Run a script and compare every draw, those of integrated effects included."""
    exec(compile(script, "script.py", "exec"), found)
    again = found["fit"]
    assert [v.name for v in again.draws] == [v.name for v in fit.draws]
    for one, other in zip(again.draws, fit.draws, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
    # What was left to us is settled in the script.
    assert replace(again.settings, progress=False, auto=fit.settings.auto) == fit.settings


CASES = {
    "priors, plan, weights, numbers as text": (
        "score ~ x + code + (1 | grade)",
        {
            "priors": {"b[x]": hg.prior.normal(0, 0.3), "sd": hg.prior.exponential(0.1)},
            "plan": {"(1 | grade)": "standardised"},
            "weights": {"low": 2.0},
        },
    ),
    "a whole set of priors, a link": (
        "won ~ x + (x | school)",
        {"priors": "rstanarm", "family": "bernoulli(probit)"},
    ),
    "decov": ("score ~ x + (x | school)", {"priors": {"sd[school]": hg.prior.decov(2, 1, 1, 1)}}),
    "dates, levels that are numbers": ("score ~ region + (1 | day)", {"plan": "textbook"}),
    "categories": ("grade ~ x", {"family": "categorical"}),
    "several predictors": (["score ~ x", "sigma ~ floor + (1 | school)"], {}),
}


@pytest.mark.parametrize("name", CASES)
def test_the_same_draws_from_the_same_file(name, folder):
    data = table()
    data.to_csv("data.csv", index=False)
    # As the script reads them: what pandas makes of a decimal may differ in the last bit.
    typed = pd.read_csv("data.csv", dtype={"code": "str"}, parse_dates=["day"]).assign(
        grade=data["grade"], region=data["region"]
    )
    formula, options = CASES[name]
    fit = hg.fit(formula, typed, **options, **QUICK)
    same(fit.reproduce("data.csv"), fit)


def test_a_saved_fit_has_its_data(folder):
    data = table()
    E = pd.DataFrame({"a": list("ABC"), "b": list("BCD")})
    A = pd.DataFrame(np.eye(4) + 0.2, index=list("ABCD"), columns=list("ABCD"))
    fit = hg.fit(
        "score ~ x + (1 | gr(school, cov=A)) + graph(1 | school2, edges=E)",
        data.assign(school2=data["school"]),
        data2={"A": A, "E": E},
        **QUICK,
    )
    fit.save("fit.hglm")
    loaded = hg.load("fit.hglm")
    assert loaded.data_hash == fit.data_hash
    same(loaded.reproduce("fit.hglm"), fit)
    E.to_csv("E.csv", index=False)
    A.to_csv("A.csv")
    data.assign(school2=data["school"]).to_csv("data.csv", index=False)
    read = fit.update(data=pd.read_csv("data.csv"))
    same(read.reproduce("data.csv", {"A": "A.csv", "E": "E.csv"}), read)


def test_several_responses_with_tables_of_their_own(folder):
    one, two = table(60), table(45)
    one.to_csv("one.csv", index=False)
    two.to_csv("two.csv", index=False)
    parts = [
        hg.part("score ~ x + (1 |s| school)", data=pd.read_csv("one.csv"), name="marks"),
        hg.part("won ~ 1 + (1 |s| school)", "bernoulli", data=pd.read_csv("two.csv"), weight=2.0),
    ]
    fit = hg.joint(parts, **QUICK)
    same(fit.reproduce({"marks": "one.csv", "won": "two.csv"}), fit)
    fit.save("fit.hglm")
    same(hg.load("fit.hglm").reproduce("fit.hglm"), fit)
    assert (
        fit.data("marks")["score"].tolist() == pd.read_csv("one.csv")["score"].drop([3, 8]).tolist()
    )


def test_several_responses_of_one_table(folder):
    table().drop(index=[3, 8]).to_csv("data.csv", index=False)
    parts = [hg.part("score ~ (1 |s| school)"), hg.part("count ~ x + (1 |s| school)", "poisson")]
    fit = hg.joint(parts, pd.read_csv("data.csv"), **QUICK)
    same(fit.reproduce("data.csv"), fit)


def test_one_of_many_fits_and_an_updated_fit(folder):
    table().to_csv("data.csv", index=False)
    data = pd.read_csv("data.csv")
    many = hg.fit_many(["score ~ x", "score ~ x + (1 | school)"], data, **QUICK)
    fit = many["score ~ x + (1 | school)"]
    same(fit.reproduce("data.csv"), fit)
    updated = fit.update(". ~ . + (1 | year)", data=data, priors={"b": hg.prior.normal(0, 5)})
    same(updated.reproduce("data.csv"), updated)


def test_warmup_and_steps_that_were_chosen_are_written_down(folder):
    table().to_csv("data.csv", index=False)
    data = pd.read_csv("data.csv")
    fit = hg.fit("score ~ x + (1 | school)", data, chains=1, draws=50, seed=5, progress=False)
    script = fit.reproduce("data.csv")
    assert f"    warmup={fit.settings.warmup}," in script
    assert f"    adapt_delta={fit.settings.adapt_delta}," in script
    same(script, fit)


def test_other_methods_with_their_own_options(folder, monkeypatch):
    table().to_csv("data.csv", index=False)
    fit = hg.fit("score ~ x", pd.read_csv("data.csv"), **QUICK)
    found = []
    monkeypatch.setattr(hg.PreparedModel, "fit", lambda self, **given: found.append(given))
    for method in (hg.method.Laplace(psis_resample=True), hg.method.Optimize()):
        settings = hg.Settings(chains=1, warmup=0, draws=700, seed=4, method=method)
        exec(replace(fit, settings=settings).reproduce("data.csv"), {})
    assert found == [
        {"method": "laplace", "method_options": {"psis_resample": True}, "draws": 700, "seed": 4},
        {"method": "optimize", "seed": 4},
    ]


def test_what_is_made_of_files(folder):
    """Tables with rows left out and columns made, of one response and of several."""
    # Codes 01 and 1 are refused there: tests/test_reading.py.
    table().drop(columns="code").to_csv("data.csv", index=False)
    name = 'a "b"'
    file = TableFile(
        "data.csv",
        factors=["year"],
        levels={"school": ["B", "A", "D", "C"]},
        columns={"twice": "2 * x", name: "x + 1"},
        where=["x > 2", 'floor != "attic"'],
    )
    options = {"levels": file.levels, "columns": file.columns, "where": file.where}
    data = hg.read_table("data.csv", factors=["year"], **options)
    fit = hg.fit(f"score ~ twice + `{name}`:year + (1 | school)", data, **QUICK)
    script = fit.reproduce(file)
    assert "pandas as pd" not in script
    same(script, fit)
    other = TableFile("data.csv", where="x > 0")
    parts = [
        hg.part("score ~ twice + (1 |s| school)", data=data),
        hg.part(
            "count ~ 1 + (1 |s| school)", "poisson", data=hg.read_table("data.csv", where="x > 0")
        ),
    ]
    both = hg.joint(parts, **QUICK)
    same(both.reproduce({"score": file, "count": other}), both)


def test_options_of_the_engine(folder):
    """Scripts, saved fits and fits made again have the flags that the program was compiled with."""
    table().to_csv("data.csv", index=False)
    fit = hg.fit("score ~ x", pd.read_csv("data.csv"), threads=1, **QUICK)
    assert fit.engine_options == EngineOptions()
    assert "    threads=1,\n" in fit.reproduce("data.csv")
    flags = {"CXXFLAGS": '-march=native -DX="1"', "STAN_NO_RANGE_CHECKS": True}
    engine = hg.CmdStanEngine(cpp_options={**flags, "CXXFLAGS": "-O2"}, stanc_options={"O1": True})
    compiled = replace(fit, engine="cmdstan", engine_options=options_of(engine))
    compiled.save("fit.hglm")
    loaded = hg.load("fit.hglm")
    assert loaded.engine_options == compiled.engine_options
    assert loaded.reproduce("data.csv") == compiled.reproduce("data.csv")
    assert engine_of(loaded.reproduce("data.csv")) == engine
    lacking = hg.CmdStanEngine(cpp_options={"LDFLAGS": "-L/opt", **flags}, exe_file="/home/me/x")
    script = replace(compiled, engine_options=options_of(lacking)).reproduce("data.csv")
    assert "/" not in script.split("engine = None")[0].split("pandas as pd")[1]
    with pytest.raises(SystemExit, match="put your engine with its LDFLAGS and CXXFLAGS and exe_f"):
        engine_of(script)
    with pytest.raises(SystemExit, match="put engine mine here"):
        engine_of(replace(fit, engine="mine").reproduce("data.csv"))


def engine_of(script):
    """Return the engine that a script fits with."""
    found = []

    def model(*_, engine, **__):
        found.append(engine)
        raise InterruptedError

    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(InterruptedError):
        patch.setattr(hg, "model", model)
        exec(script, {})
    return found[0]


def test_hostile_names_are_no_code(folder):
    name = 'x"""\n\nraise SystemExit("x")\n# \u202e\\ \U0001f600'
    data = table().rename(columns={"school": name})[["score", name]]
    data.to_parquet("data.parquet")
    fit = hg.fit(f"score ~ 1 + (1 | `{name}`)", data, **QUICK)
    fit = replace(fit, versions={**fit.versions, "stanli": '1"\nraise SystemExit("x")\n"'})
    script = fit.reproduce("data.parquet")
    assert "stanli" not in script
    assert "\u202e" not in script
    same(script, fit)


def test_a_family_of_ones_own_has_to_be_put_in(folder):
    data = table()
    own = replace(hg.family("gaussian"), name="normal")
    fit = hg.fit("score ~ x", data, own, **QUICK)
    data.to_parquet("data.parquet")
    script = fit.reproduce("data.parquet")
    with pytest.raises(SystemExit, match="put your family here"):
        exec(script, {})
    same(script.replace("family = None", "family = own"), fit, own=own)


def test_other_data_are_refused(folder):
    data = table()
    fit = hg.fit("score ~ x", data, **QUICK)
    data.assign(score=data["score"].where(data.index != 10, 1.0)).to_csv("data.csv", index=False)
    with pytest.raises(SystemExit, match="not the data of the fit"):
        exec(fit.reproduce("data.csv"), {})


def test_a_function_of_ones_own_has_to_be_put_in(folder):
    data = table()
    fit = hg.fit("score ~ twice(x)", data, functions={"twice": lambda x: 2 * x}, **QUICK)
    fit.save("fit.hglm")
    script = fit.reproduce("fit.hglm")
    with pytest.raises(SystemExit, match="put your function twice here"):
        exec(script, {})
    head, body = script.split("    raise SystemExit", 1)
    same(head.replace("*columns", "x") + "    return 2 * x\n" + body.split("\n", 1)[1], fit)


def test_its_head_is_metadata_that_tools_read(folder):
    fit = hg.fit("score ~ x", table(), **QUICK)
    lines = fit.reproduce().splitlines()
    block = lines[1 : lines.index("# ///", 1)]
    found = tomllib.loads("\n".join(line.removeprefix("# ") for line in block))
    python = "==" + ".".join(map(str, sys.version_info[:2])) + ".*"
    assert found["requires-python"] == python
    assert found["dependencies"] == [
        f"{name}=={fit.versions[name]}"
        for name in ("hierglm", "numpy", "scipy", "pandas", "formulaic", "stanli")
    ]


def test_as_a_script_in_a_process_of_its_own(folder):
    data = table()
    data.to_parquet("data.parquet")
    fit = hg.fit("score ~ grade + region + (1 | code)", data, **QUICK)
    (folder / "script.py").write_text(fit.reproduce("data.parquet") + "fit.save('again.hglm')\n")
    done = subprocess.run(
        [sys.executable, "script.py"],
        env={**os.environ, "PYTHONPATH": str(Path(hg.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("score ~ grade + region + (1 | code)\n")
    pd.testing.assert_frame_equal(hg.load("again.hglm").tidy(), fit.tidy())


def test_places_to_be_filled_in_and_mistakes():
    fit = hg.fit("score ~ x", table(), **QUICK)
    assert 'data = pd.read_csv("PUT THE PATH OF YOUR DATA HERE.csv")' in fit.reproduce()
    with pytest.raises(hg.errors.DataError, match=r"cannot read 'data\.xyz'"):
        fit.reproduce("data.xyz")
    with pytest.raises(hg.errors.SettingsError, match="no response 'scor'; did you mean 'score'"):
        fit.reproduce({"scor": "data.csv"})
    with pytest.raises(hg.errors.SettingsError, match="data2: the formula has no 'A'"):
        fit.reproduce("data.csv", {"A": "A.csv"})


def test_priors_as_given():
    data = table()

    def given(priors, formula="score ~ x + (x | school)"):
        return as_given(hg.model(formula, data, priors=priors).model.priors)

    assert given(None) == "default"
    assert given("brms") == "brms"
    assert given("rstanarm") == "rstanarm"
    own = {"sd": hg.prior.decov(2, 1, 1, 1)}
    assert given(own) == own
    # Every set takes the prior of a Student t distribution's df from brms.
    assert given(None, "score ~ x + (1 | gr(school, dist='student'))") == "default"
    assert given("rstanarm", "score ~ x + (1 | gr(school, dist='student'))") == "rstanarm"


def test_the_hash_is_of_values_not_of_what_holds_them():
    data = table().drop(columns=["day", "region"])
    import polars as pl

    one = hg.model("score ~ x + (1 | school)", data).data_hash
    assert hg.model("score ~ x + (1 | school)", pl.from_pandas(data)).data_hash == one
    assert hg.model("score ~ x + (1 | school)", data[data.columns[::-1]]).data_hash == one
    assert hg.model("score ~ 1 + (1 | school)", data).data_hash != one
    swapped = data.assign(school=data["school"].replace({"A": "B", "B": "A"}))
    assert hg.model("score ~ x + (1 | school)", swapped).data_hash != one
