"""Runs: what they write is what the calls in Python give; what is up to date is left alone."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from hierglm.analysing import run as running
from hierglm.analysing.run import run
from hierglm.cli import main
from hierglm.comparing.compare import Comparison
from hierglm.errors import AnalysisError, FileError
from tests.designs import schools

TEXT = """
title = "Schools"
seed = 5

[settings]
chains = 2
draws = 600

[data.schools]
file = "schools.csv"
where = "year < 2002"
columns = { z = "x / 2" }

[models.common]
formula = "score ~ z"

[models.schools]
formula = "score ~ z + (1 | school)"
priors = { b = "normal(0, 10)", sd = "exponential(0.1)" }
seed = 6

[comparisons.all]

[predictions.rows]
model = "schools"
data = "schools"
target = "response"
groups = "average"

[tables.levels]
model = "schools"
kind = "ranef"
conf_level = 0.5

[plots.intervals]
model = "common"
out = "pictures/intervals.svg"

[model_tables.both]
"""


def written(folder, text=TEXT):
    schools(rows=90).to_csv(folder / "schools.csv", index=False)
    path = folder / "study.toml"
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    path = written(tmp_path_factory.mktemp("run"))
    return path, run(path, progress=False)


def same_table(path, expected):
    # Empty text is nothing in a CSV file.
    told = expected.replace("", np.nan).dropna(axis="columns", how="all").columns
    found = pd.read_csv(path)[told]
    pd.testing.assert_frame_equal(found, expected[told], check_dtype=False, rtol=1e-12)


def test_what_it_writes_is_what_calls_give(done):
    path, ran = done
    out = path.parent / "study-output"
    assert [each.state for each in ran] == ["done"] * 7
    assert all(each.why == "new" and each.healthy for each in ran)
    data = pd.read_csv(path.parent / "schools.csv")
    data = data[data["year"] < 2002].reset_index(drop=True)
    data = data.assign(z=data["x"] / 2)
    settings = {"chains": 2, "draws": 600, "progress": False}
    common = hg.fit("score ~ z", data, seed=5, **settings)
    own = {"b": hg.prior.normal(0, 10), "sd": hg.prior.exponential(0.1)}
    fit = hg.fit("score ~ z + (1 | school)", data, priors=own, seed=6, **settings)
    pd.testing.assert_frame_equal(hg.load(out / "models/common.hglm").tidy(), common.tidy())
    loaded = hg.load(out / "models/schools.hglm")
    pd.testing.assert_frame_equal(loaded.tidy(), fit.tidy())
    assert (out / "models/schools.txt").read_text() == f"{loaded}\n"
    found = hg.compare({"common": common, "schools": fit})
    same_table(out / "comparisons/all.csv", found.table)
    assert (out / "comparisons/all.txt").read_text() == f"{found}\n"
    same_table(out / "predictions/rows.csv", fit.predict(data, "response", "average"))
    same_table(out / "tables/levels.csv", fit.ranef(conf_level=0.5))
    table = hg.table({"common": common, "schools": fit}, title="Schools")
    assert (out / "model_tables/both.md").read_text() == table.to("markdown") + "\n"
    assert (out / "pictures/intervals.svg").read_text().startswith("<?xml")


def test_all_of_it_is_up_to_date_then(done, capsys):
    path, _ = done
    names = {p: p.stat().st_mtime_ns for p in path.parent.rglob("*") if p.is_file()}
    assert main(["run", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(maxsplit=1)[1] for line in lines[:-1]] == ["up to date"] * 7
    assert lines[-1] == "7 up to date"
    assert {p: p.stat().st_mtime_ns for p in path.parent.rglob("*") if p.is_file()} == names


def test_json(done, capsys):
    path, ran = done
    assert main(["run", str(path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["command"] == "run"
    steps = said["result"]["steps"]
    assert [s["step"] for s in steps] == [each.step.id for each in ran]
    assert {s["state"] for s in steps} == {"up to date"}
    assert steps[0]["outputs"][0] == (path.parent / "study-output/models/common.hglm").as_posix()


def test_reports_are_those_of_fits_and_comparisons(done, monkeypatch):
    path, _ = done
    more = path.with_name("more.toml")
    more.write_text(
        'output = "study-output"\n' + TEXT + '[reports.one]\nmodel = "schools"\n'
        'question = "Which?"\n[reports.two]\ncomparison = "all"\ntitle = "Both"\nout = "b.md"\n'
    )
    told, files = [], []

    def report(self, path, title="", question="", data=None, data2=None):
        told.append((type(self).__name__, path.name, title, question))
        files.append(data)
        path.write_text("a report")

    monkeypatch.setattr(hg.Fit, "report", report)
    monkeypatch.setattr(Comparison, "report", report)
    states = {each.step.id: each.state for each in run(more)}
    assert told == [("Fit", "one.html", "Schools", "Which?"), ("Comparison", "b.md", "Both", "")]
    assert [name for name, state in states.items() if state == "done"] == [
        "reports.one", "reports.two",
    ]  # fmt: skip
    # The scripts at their ends read the data as the analysis does, beside its file.
    schools, both = files
    assert both == {"common": schools, "schools": schools}
    monkeypatch.chdir(path.parent)
    for name in ("common", "schools"):
        fit = hg.load(path.parent / f"study-output/models/{name}.hglm")
        found = {}
        exec(fit.reproduce(schools), found)
        pd.testing.assert_frame_equal(found["fit"].tidy(), fit.tidy())


@pytest.fixture
def pretended(tmp_path, monkeypatch):
    """Steps that write a word in place of what they are for; the list of those done."""
    did = []

    def perform(step, inputs):
        did.append(step.id)
        for path in step.outputs:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(step.id)

    monkeypatch.setattr(running, "perform", perform)
    path = written(tmp_path)
    run(path)
    did.clear()
    return path, did


def changed(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


ALL = ["models.common", "models.schools", "comparisons.all", "predictions.rows",
       "tables.levels", "model_tables.both", "plots.intervals"]  # fmt: skip
OF_SCHOOLS = ["models.schools", "comparisons.all", "predictions.rows", "tables.levels",
              "model_tables.both"]  # fmt: skip

CHANGES = {
    "nothing": ("[settings]", "# [settings]\n[settings]", []),
    "the title": ('"Schools"', '"All schools"', ["model_tables.both"]),
    "a formula": ("z + (1 | school)", "z + (z | school)", OF_SCHOOLS),
    "a prior": ("normal(0, 10)", "normal(0, 11)", OF_SCHOOLS),
    "rows": ("year < 2002", "year < 2003", ALL),
    "a seed": ("seed = 6", "seed = 7", OF_SCHOOLS),
    "settings": ("draws = 600", "draws = 700", ALL),
    "threads": ("draws = 600", "draws = 600\nthreads = 1", []),
    "a target": ('"response"', '"mean"', ["predictions.rows"]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_change_leaves_to_be_done(name, pretended):
    path, did = pretended
    old, new, expected = CHANGES[name]
    changed(path, old, new)
    run(path)
    assert did == expected
    did.clear()
    run(path)
    assert did == []


def why(ran):
    return {each.step.id: each.why for each in ran if each.why}


def test_the_content_of_the_data_counts_not_their_date(pretended):
    path, did = pretended
    data = path.parent / "schools.csv"
    data.write_bytes(data.read_bytes())
    assert why(run(path)) == {}
    schools(rows=91).to_csv(data, index=False)
    found = why(run(path, dry_run=True))
    assert found["models.common"] == "its data changed"
    assert found["comparisons.all"] == "what it needs changed"
    assert did == []


def test_outputs_and_versions_count(pretended, monkeypatch):
    path, _ = pretended
    out = path.parent / "study-output"
    (out / "models/common.hglm").unlink()
    (out / "tables/levels.csv").write_text("edited")
    assert why(run(path)) == {
        "models.common": "there is no 'models/common.hglm'",
        "tables.levels": "'tables/levels.csv' was changed",
    }
    versions = running._versions()
    monkeypatch.setattr(running, "_versions", lambda: versions | {"stanli": "99"})
    assert set(why(run(path, dry_run=True)).values()) == {"versions changed"}


def test_only_some_and_by_force(pretended):
    path, did = pretended
    run(path, only=["rows"], force=True)
    assert did == ["models.schools", "predictions.rows"]
    did.clear()
    run(path, only=["models.common"])
    assert did == []
    with pytest.raises(AnalysisError, match="--only: there is no 'row'; did you mean 'rows'"):
        run(path, only=["row"])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1, "steps": {"a": {}}}'])
def test_a_record_that_cannot_be_read_is_told(text, pretended):
    path, _ = pretended
    (path.parent / "study-output" / "run.json").write_text(text)
    with pytest.raises(FileError, match="delete it to have all done anew"):
        run(path)


def test_a_folder_that_cannot_be_made_is_told(tmp_path, capsys):
    path = written(tmp_path, 'output = "schools.csv"\n' + TEXT)
    assert main(["run", str(path)]) == 2
    assert "cannot make the folder" in capsys.readouterr().err
    path = written(tmp_path)
    (tmp_path / "study-output").mkdir()
    (tmp_path / "study-output" / "models").touch()
    assert main(["run", str(path)]) == 2
    assert "models.common: cannot make the folder" in capsys.readouterr().err


def test_which_stan_compiles_counts_for_those_that_ask_for_it(pretended, monkeypatch):
    path, did = pretended
    changed(path, "seed = 6", 'engine = "cmdstan"')
    run(path)
    did.clear()
    monkeypatch.setattr("hierglm.engines.installed.find_stan", lambda: None)
    monkeypatch.setattr("hierglm.engines.installed.describe", lambda stan: "CmdStan 99")
    assert set(why(run(path)).values()) == {"versions changed", "what it needs changed"}
    assert did == OF_SCHOOLS


def test_a_dry_run_writes_nothing(tmp_path, capsys):
    path = written(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert main(["run", str(path), "--dry-run"]) == 0
    assert sorted(tmp_path.rglob("*")) == before
    assert capsys.readouterr().out.splitlines()[-1] == "7 to do"


def test_what_was_done_before_an_interrupt_stays_done(pretended, monkeypatch, capsys):
    path, did = pretended
    perform = running.perform

    def interrupted(step, inputs):
        if step.section == "comparisons":
            raise KeyboardInterrupt
        perform(step, inputs)

    changed(path, "normal(0, 10)", "normal(0, 11)")
    monkeypatch.setattr(running, "perform", interrupted)
    assert main(["run", str(path)]) == 130
    assert "stopped" in capsys.readouterr().err
    assert did == ["models.schools"]
    monkeypatch.setattr(running, "perform", perform)
    run(path)
    assert did == OF_SCHOOLS
    assert not [p for p in path.parent.rglob(".*") if p.is_file() and p.name != ".lock"]


def test_failed_diagnostics_exit_with_3_also_when_nothing_is_done(tmp_path, capsys):
    text = '[data.d]\nfile = "schools.csv"\n[models.m]\nformula = "score ~ x + (x | school)"\n'
    path = written(tmp_path, text + "chains = 2\nwarmup = 5\ndraws = 10\n")
    assert main(["run", str(path), "--quiet"]) == 3
    first = capsys.readouterr().out
    fit = hg.load(tmp_path / "study-output/models/m.hglm")
    said = [f"models.m: {finding}" for finding in fit.check()]
    assert first.splitlines() == [*said, "1 done"]
    assert main(["run", str(path), "--quiet"]) == 3
    assert capsys.readouterr().out.splitlines() == [*said, "1 up to date"]
    assert main(["run", str(path), "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["result"]["steps"][0]["healthy"] is False


MISTAKES = [
    ('formula = "score ~ zz"', "models.m.formula", "no column 'zz'"),
    ('formula = "score ~ x"\npriors = {b = "normal(0)"}', "models.m.priors.b", "normal takes"),
    ('formula = "score ~ x"\npriors = {bb = "normal(0, 1)"}', "models.m.priors", "bb"),
    ('formula = "score ~ x"\nfamily = "bernoulli"', "models.m.formula", "score"),
    ('formula = "score ~ x"\nfamily = "gausian"', "models.m", "did you mean 'gaussian'"),
    ('formula = "score ~ x"\nchains = 0', "models.m", "chains must lie between 1"),
]


@pytest.mark.parametrize(("model", "key", "said"), MISTAKES)
def test_mistakes_in_a_model_name_its_key(model, key, said, tmp_path, capsys):
    path = written(tmp_path, f'[data.d]\nfile = "schools.csv"\n[models.m]\n{model}\n')
    assert main(["run", str(path), "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["kind"] == "AnalysisError"
    assert error["key"] == key
    assert said in error["message"]
