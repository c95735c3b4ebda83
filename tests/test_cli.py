"""The shell: what it prints, and what its exit codes mean."""

import os
import subprocess
import sys
import time

import pandas as pd
import pytest

import hierglm as hg
from hierglm.cli import main
from hierglm.engines.cache import cached
from tests.designs import schools

QUICK = ["--chains", "2", "--warmup", "300", "--draws", "500", "--seed", "1", "--quiet"]


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "schools data.csv"
    schools(rows=80).to_csv(path, index=False)
    return str(path)


def test_fit_show_and_load(csv, tmp_path, capsys):
    out = tmp_path / "fit.hglm"
    code = main(["fit", "score ~ x", csv, "--out", str(out), *QUICK])
    printed = capsys.readouterr().out
    assert code == 0
    assert main(["show", str(out)]) == 0
    assert capsys.readouterr().out == printed
    again = hg.fit("score ~ x", pd.read_csv(csv), chains=2, warmup=300, draws=500, seed=1)
    pd.testing.assert_frame_equal(hg.load(out).tidy(), again.tidy())


def test_a_checkpoint_is_gone_on_from(csv, tmp_path, capsys):
    file = tmp_path / "run.hglm"
    call = ["fit", "score ~ x", csv, "--checkpoint", str(file), *QUICK]
    assert main(call) == 0
    printed, kept = capsys.readouterr().out, file.read_bytes()
    assert main(call) == 0
    assert capsys.readouterr().out == printed
    assert file.read_bytes() == kept
    alone = hg.fit("score ~ x", pd.read_csv(csv), chains=2, warmup=300, draws=500, seed=1)
    pd.testing.assert_frame_equal(hg.load(file).tidy(), alone.tidy())
    assert main(["fit", "score ~ 1", *call[2:]]) == 2
    assert "the checkpoint of another run" in capsys.readouterr().err
    assert main([*call, "--method", "approx"]) == 2
    assert "--checkpoint saves posteriors" in capsys.readouterr().err


def test_show_ranef(csv, tmp_path, capsys):
    out = tmp_path / "fit.hglm"
    main(["fit", "score ~ 1 + (1 | school)", csv, "--out", str(out), *QUICK])
    capsys.readouterr()
    main(["show", str(out), "--ranef"])
    head, *rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert head[:4] == ["group", "level", "term", "estimate"]
    assert [row[:3] for row in rows] == [["school", level, "Intercept"] for level in "ABCD"]


def test_a_fit_that_fails_its_diagnostics_is_saved_and_exits_with_3(csv, tmp_path, capsys):
    out = tmp_path / "fit.hglm"
    short = ["--chains", "2", "--warmup", "5", "--draws", "10", "--seed", "1", "--quiet"]
    assert main(["fit", "score ~ x + (x | school)", csv, "--out", str(out), *short]) == 3
    assert out.exists()
    assert main(["show", str(out)]) == 3


def test_code_prints_the_program(csv, capsys):
    assert main(["code", "won ~ x + (1 | school)", csv, "--family", "bernoulli"]) == 0
    expected = hg.model("won ~ x + (1 | school)", pd.read_csv(csv), "bernoulli").stan_code
    assert capsys.readouterr().out == expected


def test_explain_prints_the_plan(csv, capsys):
    assert main(["explain", "score ~ x + (1 | school)", csv]) == 0
    plan = hg.model("score ~ x + (1 | school)", pd.read_csv(csv)).plan()
    assert capsys.readouterr().out == f"{plan}\n"
    main(["explain", "score ~ x + (1 | school)", csv, "--plan", "textbook"])
    assert "standardised effects" in capsys.readouterr().out


def test_priors_from_the_shell(csv, capsys):
    arguments = ["code", "score ~ x + floor", csv]
    own = ["--prior", "b=normal(0, 1)", "--prior", "b[x] = cauchy(0, 2.5)"]
    assert main([*arguments, *own]) == 0
    assert "b[prior_b_cauchy_at] ~ cauchy(" in capsys.readouterr().out


def test_factor_reads_numbers_as_categories(csv, capsys):
    main(["code", "score ~ year", csv, "--factor", "year"])
    assert "year[T.2001], year[T.2002]" in capsys.readouterr().out


MISTAKES = [
    (["code", "score ~ z", "CSV"], "no column 'z'"),
    (["code", "score ~", "CSV"], "score ~"),
    (["code", "score ~ x", "nowhere.csv"], "no file 'nowhere.csv'"),
    (["code", "score ~ x", "table.xyz"], "the file types are .csv"),
    (["code", "score ~ x", "CSV", "--family", "gausian"], "did you mean 'gaussian'"),
    (["code", "won ~ x", "CSV", "--family", "binomial"], "trials(n)"),
    (["code", "score ~ x", "CSV", "--priors", "bambi"], "no set of priors 'bambi'"),
    (["code", "score ~ x", "CSV", "--prior", "b normal"], "is not NAME=PRIOR"),
    (["code", "score ~ x", "CSV", "--prior", "b=normal(0, x)"], "numbers of a prior are numbers"),
    (["code", "score ~ x", "CSV", "--prior", "b=normal(0,1)", "--priors", "brms"], "--priors"),
    (["code", "score ~ x", "CSV", "--factor", "yaer"], "no such column"),
    (["code", "score ~ x", "CSV", "--engine", "stan"], "no engine 'stan'"),
    (["fit", "score ~ x", "CSV", "--chains", "0"], "chains must lie between 1"),
    (["fit", "score ~ x", "CSV", "--seed", "-1"], "seed must lie between 0"),
    (["show", "nowhere.hglm"], "nowhere.hglm"),
    (["show", "CSV"], "not a saved fit"),
]


@pytest.mark.parametrize(
    ("arguments", "said"), MISTAKES, ids=lambda x: x if isinstance(x, str) else ""
)
def test_mistakes_exit_with_2_and_a_message(arguments, said, csv, capsys):
    code = main([csv if a == "CSV" else a for a in arguments])
    captured = capsys.readouterr()
    assert code == 2
    assert captured.out == ""
    assert captured.err.startswith("hierglm: ")
    assert said in captured.err
    assert "Traceback" not in captured.err


def test_usage_mistakes_exit_with_2(capsys):
    assert main(["fit"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("usage: hierglm fit ")
    assert said.endswith("required: formula, data; see 'hierglm fit --help'\n")


def test_doctor_names_what_there_is(capsys):
    assert main(["doctor"]) == 0
    printed = capsys.readouterr().out
    for what in ("Python", "stanli", "CmdStan", "cmdstanpy", "arviz"):
        assert what.lower() in printed.lower()


def test_demo_in_a_fresh_process():
    done = subprocess.run(
        [sys.executable, "-m", "hierglm", "demo"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "log_radon ~ floor_measure" in done.stdout
    assert "What to type next" in done.stdout


def test_approx_prints_the_penalised_fit(csv, capsys):
    assert main(["fit", "score ~ x + (1 | school)", csv, "--method", "approx"]) == 0
    found = hg.fit("score ~ x + (1 | school)", pd.read_csv(csv), method="approx")
    assert capsys.readouterr().out == str(found)


def test_the_cache_is_listed_and_cleared(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("HIERGLM_CACHE", str(tmp_path / "c"))
    facts = {"by": "Stan 2.39.0", "response": "y ~ normal(mu, sigma);"}
    folder = cached("x", lambda f: (f / "program").write_bytes(bytes(1_500_000)), facts)
    os.utime(folder / "done", (1e9, 1e9))
    assert main(["cache", "list"]) == 0
    first, last = capsys.readouterr().out.splitlines()
    used = time.strftime("%Y-%m-%d %H:%M", time.localtime(1e9))
    about = f"{folder.name[:8]}     1.5 MB  {used}  Stan 2.39.0   "
    assert first == f"{about}  y ~ normal(mu, sigma);"
    assert last == f"1 program, 1.5 MB in {tmp_path / 'c' / 'programs'}"
    assert main(["cache", "clear"]) == 0
    assert capsys.readouterr().out.startswith("removed 1 program, 1.5 MB, from ")
    assert not folder.exists()


def test_a_method_and_its_options(csv, monkeypatch, capsys):
    seen = {}

    def fit(self, **settings):
        seen.update(settings)
        raise hg.errors.SettingsError("seen enough")

    monkeypatch.setattr(hg.PreparedModel, "fit", fit)
    own = ["--method-option", "algorithm=fullrank", "--method-option", "iter = 5000",
           "--method-option", "eta=0.5", "--method-option", "adapt_engaged=false"]  # fmt: skip
    assert main(["fit", "score ~ x", csv, "--method", "variational", *own]) == 2
    assert seen["method"] == "variational"
    assert seen["method_options"] == {
        "algorithm": "fullrank", "iter": 5000, "eta": 0.5, "adapt_engaged": False,
    }  # fmt: skip
    capsys.readouterr()
    assert main(["fit", "score ~ x", csv, "--method-option", "fullrank"]) == 2
    assert "'fullrank' is not NAME=VALUE" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--method", "variation"], "did you mean 'variational'"),
        (["--method", "laplace", "--engine", "embedded"], "needs engine='cmdstan'"),
        (["--method", "laplace", "--method-option", "iters=5"], "did you mean 'iter'"),
    ],
)
def test_methods_that_cannot_be(csv, capsys, arguments, words):
    assert main(["fit", "score ~ x", csv, *arguments]) == 2
    assert words in capsys.readouterr().err
