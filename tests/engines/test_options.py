"""What a fit keeps of its engine's options: flags, and nothing that opens a file or runs."""

from __future__ import annotations

import pytest

import hierglm as hg
from hierglm.engines.options import EngineOptions, engine_like, options_of

FLAGS = [
    "-march=native",
    "-O3 -mavx2 -mfma",
    "-ffast-math -fno-exceptions",
    "-DSTAN_NO_RANGE_CHECKS -DX=3",
    "-std=c++17 -Wall -g1",
    "3",
    "clang++-14",
    "",
]
OTHERS = [
    "-fplugin=evil",
    "-fpass-plugin=evil",
    "-I/opt/include",
    "-I include",
    "-B.",
    "-Wl,-rpath,.",
    "-include x",
    "$(shell touch x)",
    "`touch x`",
    "-O2; touch x",
    "-O2\ntouch",
    "@file",
    "-fuse-ld=/tmp/ld",
    "/usr/bin/g++",
    "x" * 2000,
]


@pytest.mark.parametrize("text", FLAGS)
def test_flags_are_kept(text):
    found = options_of(hg.CmdStanEngine(cpp_options={"CXXFLAGS": text}))
    assert found.cpp_options == {"CXXFLAGS": text}
    assert engine_like("cmdstan", found) == hg.CmdStanEngine(cpp_options={"CXXFLAGS": text})


@pytest.mark.parametrize("text", OTHERS)
def test_what_is_no_flag_is_known_by_its_name(text):
    engine = hg.CmdStanEngine(cpp_options={"CXXFLAGS": text, "O": 2}, stanc_options={"o": text})
    found = options_of(engine)
    assert found.cpp_options == {"CXXFLAGS": None, "O": 2}
    assert found.stanc_options == {"o": None}
    assert engine_like("cmdstan", found) == hg.CmdStanEngine(cpp_options={"O": 2})
    # Nor can a file say so.
    with pytest.raises(hg.errors.SettingsError, match="'CXXFLAGS' is no flag"):
        EngineOptions({"CXXFLAGS": text})


def test_names_and_programs_compiled_before():
    engine = hg.CmdStanEngine(exe_file="/home/me/program", keep="/tmp/x", cpp_options={"$(x)": "1"})
    found = options_of(engine)
    assert found == EngineOptions(exe_file=True)
    assert str(found) == "a program compiled before"
    assert engine_like("cmdstan", found) == "cmdstan"
    with pytest.raises(hg.errors.SettingsError):
        EngineOptions({"$(x)": 1})


def test_engines_without_options():
    from hierglm.engines.embedded import EmbeddedEngine

    assert options_of(EmbeddedEngine()) == EngineOptions()
    assert not EngineOptions()
    assert engine_like("embedded", EngineOptions()) == "embedded"
