"""Analysis files: what is read, and which key a message names."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from hierglm.analysing.analysis import read
from hierglm.analysing.keys import KINDS, PART, SECTIONS, SETTINGS, TOP, json_schema
from hierglm.errors import AnalysisError

START = '[data.d]\nfile = "d.csv"\n'
MODEL = START + '[models.a]\nformula = "y ~ x"\n'
TWO = MODEL + '[models.b]\nformula = "y ~ 1"\n'


def written(tmp_path, text):
    path = tmp_path / "study.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_is_understood_where_nothing_is_said(tmp_path):
    text = "seed = 5\n[settings]\nchains = 2\n" + TWO + "[models.b.method_options]\n"
    text += '[comparisons.all]\n[predictions.p]\nmodel = "a"\ndata = "d"\nout = "p.parquet"\n'
    found = read(written(tmp_path, text))
    assert found.output == tmp_path / "study-output"
    assert list(found.steps) == ["models.a", "models.b", "comparisons.all", "predictions.p"]
    a = found.steps["models.a"]
    assert a.keys == {"seed": 5, "chains": 2, "formula": "y ~ x", "data": "d"}
    assert a.data == ("d",)
    assert a.outputs == (
        found.output / "models/a.hglm",
        found.output / "models/a.txt",
    )
    every = found.steps["comparisons.all"]
    assert every.keys["models"] == ["a", "b"]
    assert every.needs == ("models.a", "models.b")
    assert found.steps["predictions.p"].outputs == (found.output / "p.parquet",)
    assert found.steps["predictions.p"].data == ("d",)


def test_a_report_on_a_comparison_needs_its_models(tmp_path):
    text = TWO + '[models.c]\nformula = "y ~ 1"\n[comparisons.two]\nmodels = ["c", "a"]\n'
    found = read(written(tmp_path, text + '[reports.r]\ncomparison = "two"\nout = "r.md"\n'))
    assert found.steps["reports.r"].needs == ("comparisons.two", "models.c", "models.a")
    assert list(found.steps)[-2:] == ["comparisons.two", "reports.r"]


def test_parts_and_their_data(tmp_path):
    text = START + '[data.e]\nfile = "e.csv"\n[models.j]\ndata = "d"\n'
    text += 'parts = [{formula = "y ~ 1"}, {formula = "z ~ 1", data = "e", weight = 2}]\n'
    assert read(written(tmp_path, text)).steps["models.j"].data == ("d", "e")


MISTAKES = [
    ("", "models", "at least one model"),
    ("a = ", "", "is not TOML"),
    ("modles = 1", "modles", "did you mean 'models'?"),
    ("models = 1", "models", "must be a table, as in [models], not 1"),
    (START + "[models.a]\n", "models.a", "neither is there"),
    (MODEL + 'parts = [{formula = "y ~ 1"}]\n', "models.a", "both are there"),
    (MODEL + 'famly = "gaussian"\n', "models.a.famly", "did you mean 'family'?"),
    (MODEL + "chains = true\n", "models.a.chains", "must be a whole number, not true"),
    (MODEL + 'chains = "4"\n', "models.a.chains", "must be a whole number, not '4'"),
    (MODEL + 'warmup = "atuo"\n', "models.a.warmup", 'or "auto", not \'atuo\''),
    (MODEL + 'engine = "cmdstn"\n', "models.a.engine", "did you mean 'cmdstan'?"),
    (MODEL + "adapt_delta = nan\n", "models.a.adapt_delta", "must be a number"),
    (MODEL + "priors = {b = 1}\n", "models.a.priors", "text, or a table of texts"),
    (MODEL + "weights = {g = 2}\n", "models.a.weights", "a table of tables of numbers"),
    ('[data.d]\nfile = "d.xlsx"\n' + MODEL[len(START) :], "data.d.file", "the file types are"),
    (MODEL + '[tables.p]\nout = "p.xlsx"\n', "tables.p.out", "the file types are"),
    (MODEL + 'data = "e"\n', "models.a.data", "there is no 'e'; there are 'd'"),
    (MODEL + "[data.f]\n", "data.f", "the key 'file' is missing"),
    (MODEL + '[data.e]\nfile = "e.csv"\n', "models.a.data", "say which; there are 'd', 'e'"),
    (START + '[models.a]\nparts = [{family = "gaussian"}]\n', "models.a.parts[0]", "'formula'"),
    (START + '[models.a]\nparts = [{formla = "y ~ 1"}]\n', "models.a.parts[0].formla", "did you"),
    (MODEL + "[comparisons.c]\n", "comparisons.c.models", "at least two models"),
    (TWO + '[comparisons.c]\nmodels = ["a", "c"]\n', "comparisons.c.models", "no 'c'"),
    (TWO + "[predictions.p]\n", "predictions.p.model", "say which; there are 'a', 'b'"),
    (MODEL + '[predictions.p]\ntarget = "means"\n', "predictions.p.target", "did you mean 'mean'"),
    (MODEL + '[predictions.p]\nout = "../p.csv"\n', "predictions.p.out", "--outside"),
    ('output = ".."\n' + MODEL, "output", "--outside"),
    ('output = "/tmp/o"\n' + MODEL, "output", "--outside"),
    (MODEL + '[predictions.p]\nout = "/tmp/p.csv"\n', "predictions.p.out", "--outside"),
    (TWO + '[comparisons.c]\n[reports.r]\nmodel = "a"\ncomparison = "c"\n', "reports.r", "both"),
    (MODEL + '[plots.p]\nout = "p.bmp"\n', "plots.p.out", "must end in .png or .pdf or .svg"),
    (MODEL + '[tables.p]\nout = "models/a.csv"\n[tables.q]\nout = "models/A.csv"\n',
     "tables.q.out", "is written by tables.p too"),
    (MODEL + '["models"."../x"]\nformula = "y ~ 1"\n', "models.../x", "the name of a file"),
    (MODEL + '[models.nul]\nformula = "y ~ 1"\n', "models.nul", "the name of a file"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "key", "said"), MISTAKES, ids=[f"{k}: {s}" for _, k, s in MISTAKES]
)
def test_a_mistake_names_its_key(text, key, said, tmp_path):
    with pytest.raises(AnalysisError) as found:
        read(written(tmp_path, text))
    assert found.value.key == key
    assert said in found.value.message


def test_a_link_out_of_the_folder_is_a_way_out_of_it(tmp_path):
    (tmp_path / "study-output").mkdir()
    (tmp_path / "study-output" / "tables").symlink_to(tmp_path)
    with pytest.raises(AnalysisError, match="--outside"):
        read(written(tmp_path, MODEL + "[tables.t]\n"))
    assert read(written(tmp_path, MODEL + "[tables.t]\n"), outside=True).steps


def test_every_key_has_a_kind_and_the_schema_says_all_of_them():
    schema = json_schema()["properties"]
    assert list(schema) == [*TOP, "settings", *SECTIONS]
    for section, keys in {"settings": SETTINGS, **SECTIONS}.items():
        own = schema[section].get("additionalProperties") or schema[section]
        assert list(own["properties"]) == list(keys)
        assert all(key.kind in KINDS for key in keys.values())
    parts = schema["models"]["additionalProperties"]["properties"]["parts"]
    assert list(parts["items"]["properties"]) == list(PART)


def test_toml_is_read_with_a_mark_of_byte_order(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(MODEL, encoding="utf-8-sig")
    assert "models.a" in read(path).steps
    assert tomllib.loads(MODEL)["models"]["a"]["formula"] == "y ~ x"


def test_the_file_in_the_readme_is_one(tmp_path):
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```toml\n(.*?)```", readme, re.DOTALL)
    assert list(read(written(tmp_path, text)).steps) == [
        "models.common", "models.counties", "comparisons.all", "predictions.homes",
        "model_tables.paper", "reports.counties",
    ]  # fmt: skip
