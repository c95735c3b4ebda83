"""Which engine a name stands for, what the doctor finds, and how light an import is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hierglm.engines import doctor
from hierglm.engines.choose import engine_for
from hierglm.engines.cmdstan import CmdStanEngine
from hierglm.engines.embedded import EmbeddedEngine
from hierglm.engines.installed import look_for_cmdstan
from hierglm.engines.recorded import RecordedEngine
from hierglm.errors import SettingsError


def test_names() -> None:
    assert engine_for("embedded") == engine_for("auto") == engine_for() == EmbeddedEngine()
    assert engine_for("cmdstan") == CmdStanEngine()
    for engine in (EmbeddedEngine(), CmdStanEngine(keep="here"), RecordedEngine("there")):
        assert engine_for(engine) is engine


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("embeded", "no engine 'embeded'; did you mean 'embedded'"),
        ("nutpie", "there are 'auto', 'embedded', 'cmdstan'"),
        (7, "must be a name or an Engine, not 7"),
        (None, "must be a name or an Engine"),
    ],
)
def test_anything_else_is_refused(wrong: object, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        engine_for(wrong)  # type: ignore[arg-type]


def test_versions() -> None:
    assert EmbeddedEngine().versions()["stanli"][0].isdigit()
    assert RecordedEngine("x").versions() == {}


def test_the_doctor_finds() -> None:
    findings = {f.what: f for f in doctor.examine()}
    assert list(findings) == [
        "Python", "stanli", "compiled Stan", "C++ compiler", "make", "cmdstanpy", "arviz",
    ]  # fmt: skip
    assert findings["Python"].found
    assert findings["stanli"].found
    assert all(f.found or f.advice for f in findings.values())


def test_the_doctor_survives_whatever_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("PATH", "CMDSTAN", "CXX", "MAKE"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    monkeypatch.setattr(doctor.metadata, "version", lambda name: 1 / 0)
    look_for_cmdstan.cache_clear()
    findings = doctor.examine()
    assert [f.found for f in findings] == [True] + [False] * 6
    assert all(f.advice for f in findings[1:])


def test_imports_stay_light() -> None:
    modules = "choose doctor child worker stan_csv cache progress cmdstan_density"
    code = (
        "import sys, types\n"
        # The package itself brings the other stages; here only the engines are looked at.
        f"for m in {modules!r}.split(): __import__('hierglm.engines.' + m)\n"
        "heavy = {'stanli', 'cmdstanpy', 'orjson', 'tqdm', 'platformdirs', 'arviz'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert said.stdout == "[]\n"
