"""The shell for programs: JSON of one shape, pipes, interrupts, completion."""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from hierglm.cli import fits, main, parser
from hierglm.cli.answer import RESULTS
from hierglm.predicting.asked import Target, Treatment, Unseen
from hierglm.publishing.table import Format
from hierglm.version import __version__
from tests.designs import schools
from tests.engines.conftest import children_of

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(hg.__file__).parents[1])}
SHELL = [sys.executable, "-m", "hierglm"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with a table, and fits of it: two good ones and one that is not."""
    folder = tmp_path_factory.mktemp("saved")
    data = schools(rows=80)
    data.to_csv(folder / "data.csv", index=False)
    settings = {"chains": 2, "draws": 500, "seed": 1, "progress": False}
    hg.fit("score ~ x", data, **settings).save(folder / "one.hglm")
    hg.fit("score ~ x + floor", data, **settings).save(folder / "two.hglm")
    short = {**settings, "warmup": 5, "draws": 10}
    hg.fit("score ~ x + (x | school)", data, **short).save(folder / "bad.hglm")
    return folder


def answered(capsys, *arguments):
    """Return exit code and JSON object, all of standard output, and nothing on the other."""
    code = main([*map(str, arguments), "--json"])
    said = capsys.readouterr()
    assert said.err == ""
    found = json.loads(said.out)
    assert found["hierglm"] == __version__
    assert found["exit_code"] == code
    assert set(found) == {"hierglm", "command", "exit_code", "error" if code == 2 else "result"}
    assert set(found.get("result", {})) <= set(RESULTS.get(found["command"], ()))
    return code, found


def rows(table):
    """Return a table as JSON has it: missing numbers are null."""
    return json.loads(table.to_json(orient="records", double_precision=15))


def close(found, expected):
    pd.testing.assert_frame_equal(pd.DataFrame(found), pd.DataFrame(expected), check_dtype=False)


def same_table(text, expected):
    found = pd.read_csv(io.StringIO(text))
    plain = expected.assign(floor=expected["floor"].astype(str))
    pd.testing.assert_frame_equal(found, plain, check_dtype=False, rtol=1e-12)


def test_a_fit_as_json(saved, capsys):
    arguments = ("--chains", 2, "--draws", 500, "--seed", 1)
    code, made = answered(capsys, "fit", "score ~ x", saved / "data.csv", *arguments)
    assert code == 0
    code, shown = answered(capsys, "show", saved / "one.hglm")
    assert code == 0
    assert (made["command"], shown["command"]) == ("fit", "show")
    fit = hg.load(saved / "one.hglm")
    for result in (made["result"], shown["result"]):
        close(result["estimates"], rows(fit.tidy()))
        assert result["formulas"] == ["score ~ x"]
        assert result["rows"] == 80
        assert result["healthy"] is True
        assert result["settings"]["seed"] == 1
        assert result["versions"]["hierglm"] == __version__
    assert shown["result"]["data_hash"] == fit.data_hash == made["result"]["data_hash"]


def test_findings_as_json_and_exit_code_3(saved, capsys):
    fit = hg.load(saved / "bad.hglm")
    for command in ("check", "show"):
        code, found = answered(capsys, command, saved / "bad.hglm")
        assert code == 3
        assert [f["what"] for f in found["result"]["findings"]] == [f.what for f in fit.check()]
    assert main(["check", str(saved / "bad.hglm")]) == 3
    assert capsys.readouterr().out == f"{fit.check()}\n"


def test_effects_of_levels_as_json(saved, capsys):
    _, found = answered(capsys, "show", saved / "bad.hglm", "--ranef")
    close(found["result"]["rows"], rows(hg.load(saved / "bad.hglm").ranef()))


def test_a_comparison(saved, capsys):
    files = [saved / "one.hglm", saved / "two.hglm"]
    expected = hg.compare({"one": hg.load(files[0]), "two": hg.load(files[1])})
    assert main(["compare", *map(str, files)]) == 0
    assert capsys.readouterr().out == f"{expected}\n"
    _, found = answered(capsys, "compare", *files)
    close(found["result"]["models"], rows(expected.table))
    assert found["result"]["said"] == list(expected.lines)


def test_a_table_for_a_paper(saved, capsys, tmp_path):
    files = [saved / "one.hglm", saved / "two.hglm"]
    expected = hg.table({"one": hg.load(files[0]), "two": hg.load(files[1])})
    for form in fits.FORMATS:
        assert main(["table", *map(str, files), "--format", form]) == 0
        assert capsys.readouterr().out.rstrip("\n") == expected.to(form).rstrip("\n")
    _, found = answered(capsys, "table", *files, "--format", "latex", "--out", tmp_path / "t.tex")
    assert found["result"] == {"file": str(tmp_path / "t.tex")}
    assert (tmp_path / "t.tex").read_text() == expected.to("latex") + "\n"


def test_predictions(saved, capsys, tmp_path):
    fit, new = hg.load(saved / "two.hglm"), saved / "data.csv"
    expected = fit.predict(pd.read_csv(new), "response", draws=100, seed=4, conf_level=0.5)
    arguments = ["predict", str(saved / "two.hglm"), str(new), "--target", "response",
                 "--draws", "100", "--seed", "4", "--conf-level", "0.5"]  # fmt: skip
    assert main(arguments) == 0
    same_table(capsys.readouterr().out, expected)
    _, found = answered(capsys, *arguments)
    close(found["result"]["rows"], rows(expected))
    out = tmp_path / "predicted.parquet"
    assert main([*arguments, "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"80 rows to {out}\n"
    pd.testing.assert_frame_equal(pd.read_parquet(out), expected)
    assert main(["predict", str(saved / "two.hglm")]) == 0
    same_table(capsys.readouterr().out, fit.predict())


def test_choices_are_those_of_predict():
    assert get_args(Target) == fits.TARGETS
    assert get_args(Treatment) == fits.TREATMENTS
    assert get_args(Unseen) == fits.UNSEEN
    assert get_args(Format) == fits.FORMATS


def test_the_script_of_a_saved_fit(saved, capsys, tmp_path):
    file, out = saved / "one.hglm", tmp_path / "again.py"
    assert main(["reproduce", str(file)]) == 0
    assert capsys.readouterr().out == hg.load(file).reproduce(file)
    assert main(["reproduce", str(file), "--data", "data.csv", "--out", str(out)]) == 0
    assert out.read_text() == hg.load(file).reproduce("data.csv")


def test_program_and_plan_as_json(saved, capsys):
    model = hg.model("score ~ x + (1 | school)", pd.read_csv(saved / "data.csv"))
    _, code = answered(capsys, "code", "score ~ x + (1 | school)", saved / "data.csv")
    assert code["result"] == {"stan_code": model.stan_code}
    _, plan = answered(capsys, "explain", "score ~ x + (1 | school)", saved / "data.csv")
    assert plan["result"]["parts"] == [
        {"part": c.part, "form": c.form.value, "because": c.because} for c in model.plan()
    ]
    assert plan["result"]["priors"] == rows(model.priors())


def test_formulas_of_parameters(saved, capsys):
    formulas = ["score ~ x", "sigma ~ floor"]
    model = hg.model(formulas, pd.read_csv(saved / "data.csv"))
    assert main(["code", formulas[0], str(saved / "data.csv"), "--also", formulas[1]]) == 0
    assert capsys.readouterr().out == model.stan_code


def test_what_is_here_as_json(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("HIERGLM_CACHE", str(tmp_path))
    _, found = answered(capsys, "doctor")
    assert found["result"]["findings"][0]["what"] == "Python"
    _, found = answered(capsys, "cache", "list")
    assert found["command"] == "cache list"
    assert found["result"] == {"folder": str(tmp_path / "programs"), "programs": []}


def commands(of, before=""):
    """Return all commands of a parser, those of groups as ``"cache list"``."""
    (own,) = [a for a in of._actions if isinstance(a, argparse._SubParsersAction)] or [None]
    if own is None:
        return [before]
    return [
        c for name, sub in own.choices.items() for c in commands(sub, f"{before} {name}".strip())
    ]


def test_every_command_says_what_its_json_has():
    assert sorted(commands(parser())) == sorted(RESULTS)


ERRORS = [
    (["fit", "score ~ z", "DATA"], "fit", "FormulaError", "there are 'score'"),
    (["show", "nowhere.hglm"], "show", "FileError", ""),
    (["predict", "ONE", "DATA", "--out", "p.xyz"], "predict", "FileError", ""),
    (["cache", "lst"], "cache", "UsageError", "see 'hierglm cache --help'"),
    (["nothing"], "nothing", "UsageError", "see 'hierglm --help'"),
    (["fit", "score ~ x", "DATA", "--chains", "x"], "fit", "UsageError", "see 'hierglm fit"),
    (["run"], "run", "SettingsError", "--schema prints its keys"),
]


@pytest.mark.parametrize(("arguments", "command", "kind", "hint"), ERRORS)
def test_errors_as_json(arguments, command, kind, hint, saved, capsys):
    files = {"DATA": saved / "data.csv", "ONE": saved / "one.hglm"}
    code, found = answered(capsys, *(files.get(a, a) for a in arguments))
    assert code == 2
    assert found["command"] == command
    assert found["error"]["kind"] == kind
    assert found["error"]["hint"].startswith(hint)
    assert found["error"]["hint"] in found["error"]["message"]


def test_an_error_in_a_formula_says_where(saved, capsys):
    _, found = answered(capsys, "fit", "score ~ zz + x", saved / "data.csv")
    assert {k: found["error"][k] for k in ("formula", "start", "end")} == {
        "formula": "score ~ zz + x", "start": 8, "end": 10,
    }  # fmt: skip


def test_a_place_that_cannot_be_written_is_told_before_the_fit(saved, capsys, monkeypatch):
    monkeypatch.setattr(hg.PreparedModel, "fit", lambda *a, **k: pytest.fail("was fitted"))
    out = saved / "no such folder" / "fit.hglm"
    assert main(["fit", "score ~ x", str(saved / "data.csv"), "--out", str(out)]) == 2
    assert "there is no folder" in capsys.readouterr().err


def test_an_interrupt_as_json(capsys, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr("hierglm.engines.doctor.examine", interrupted)
    assert main(["doctor", "--json"]) == 130
    found = json.loads(capsys.readouterr().out)
    assert found["error"] == {"kind": "KeyboardInterrupt", "message": "stopped", "hint": ""}


def test_a_closed_pipe_is_quiet(saved, tmp_path):
    x = np.linspace(0, 1, 5000)
    pd.DataFrame({"x": x}).to_csv(tmp_path / "many.csv", index=False)
    process = subprocess.Popen(
        [*SHELL, "predict", str(saved / "one.hglm"), str(tmp_path / "many.csv")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith(b"x,estimate")
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 0


@pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")
@pytest.mark.parametrize(
    "stop", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_a_fit_that_is_stopped_leaves_nothing_behind(stop, saved, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        [*SHELL, "fit", "score ~ x + (x | school)", str(saved / "data.csv"), "--draws", "300000",
         "--chains", "2", "--plan", "textbook", "--out", str(tmp_path / "fit.hglm")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**ENVIRONMENT, "TMPDIR": str(scratch)},
    )  # fmt: skip
    workers = []
    try:
        until = time.monotonic() + 60
        while not workers and time.monotonic() < until:
            time.sleep(0.1)
            workers = children_of(process.pid)
        assert workers
        process.send_signal(stop)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, out, err) == (130, b"", b"hierglm: stopped\n")
    assert not [pid for pid in workers if alive(pid)]
    assert list(scratch.iterdir()) == []
    assert sorted(p.name for p in tmp_path.iterdir()) == ["scratch"]


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


COMPLETIONS = {
    "hierglm comp": {"compare", "completion"},
    "hierglm cache ": {"list", "clear"},
    "hierglm cache list --j": {"--json"},
    "hierglm predict --target ": {"mean", "linear", "response"},
    "hierglm show o": {"one.hglm"},
    "hierglm run --dr": {"--dry-run"},
}


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
def test_bash_completes(saved, capsys, tmp_path):
    assert main(["completion", "bash"]) == 0
    (tmp_path / "hierglm.bash").write_text(capsys.readouterr().out)
    ask = f"""
    source '{tmp_path / "hierglm.bash"}'
    function=$(complete -p hierglm | sed 's/.*-F \\([^ ]*\\).*/\\1/')
    while IFS= read -r line; do
      read -ra COMP_WORDS <<< "$line"
      [[ $line == *' ' ]] && COMP_WORDS+=('')
      COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
      COMPREPLY=()
      "$function" hierglm "${{COMP_WORDS[COMP_CWORD]}}" ''
      echo "${{COMPREPLY[*]}}"
    done
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", ask], input="".join(f"{line}\n" for line in COMPLETIONS),
        capture_output=True, text=True, check=True, cwd=saved,
    )  # fmt: skip
    answers = [set(line.split()) for line in done.stdout.splitlines()]
    assert answers == list(COMPLETIONS.values())


@pytest.mark.skipif(not shutil.which("zsh"), reason="there is no zsh")
def test_zsh_reads_its_completion(capsys, tmp_path):
    assert main(["completion", "zsh"]) == 0
    (tmp_path / "_hierglm").write_text(capsys.readouterr().out)
    ask = f"fpath=({tmp_path} $fpath); autoload -U compinit; compinit -u -D; echo $_comps[hierglm]"
    done = subprocess.run(["zsh", "-f", "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout == "_hierglm\n"
