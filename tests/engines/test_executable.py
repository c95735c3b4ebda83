"""What is handed to the compilers, and where their errors come from."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from hierglm.engines.child import Child, Failure
from hierglm.engines.executable import Flags, _place, binds, compiled_text, executable
from hierglm.engines.installed import CmdStan
from hierglm.engines.toolchain import Toolchain
from hierglm.errors import SettingsError
from hierglm.models import specify
from hierglm.plan.choose import choose
from hierglm.plan.forms import Ability
from hierglm.program.fragment import Program
from hierglm.program.write import write
from tests.designs import design_of
from tests.engines import programs
from tests.engines.conftest import posix_only
from tests.program.oracles import simulated


def written(formula: str, seed: int, rows: int) -> Program:
    model = specify(design_of(formula, simulated(seed, rows)), "bernoulli")
    return write(choose(model, frozenset(Ability)))


def test_an_error_of_the_cpp_compiler_is_traced_to_its_line(
    toolchain: Toolchain, tmp_path: Path
) -> None:
    """On what stanc really writes: a line of C++, and the Stan line it was made of."""
    source = tmp_path / "program.stan"
    source.write_text(programs.NORMAL.bare)
    subprocess.run(
        [str(toolchain.path / "stanc"), f"--o={tmp_path / 'program.hpp'}", str(source)], check=True
    )
    cpp = (tmp_path / "program.hpp").read_text().splitlines()
    stan = programs.NORMAL.bare.splitlines()
    for text, said in (("normal_lpdf<propto__>(y", "y ~"), ("normal_lpdf<propto__>(mu", "mu ~")):
        line = next(i for i, words in enumerate(cpp, 1) if text in words)
        expected = next(i for i, words in enumerate(stan, 1) if said in words)
        for how in ("error: no", "  required from here"):
            errors = f"program.o: in f\n{tmp_path}/program.hpp:{line}:7: {how}"
            assert _place(errors, tmp_path) == f"\nC++ error in line {expected}, column 2"
    assert _place("g++: not found", tmp_path) == ""
    assert _place("program.hpp:1:1: error: x", tmp_path) == ""


def test_one_text_for_all_data_of_a_shape() -> None:
    one, other = (written("hit ~ x + (x | g)", seed, 60 * seed) for seed in (1, 2))
    assert one.data["N"] != other.data["N"]
    assert compiled_text(one) == compiled_text(other)
    assert compiled_text(one) != compiled_text(written("hit ~ x + (1 | g)", 1, 60))


def test_kernels_need_cpp_17_and_a_path_that_make_can_pass_on(
    toolchain: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = (CmdStan(tmp_path, version, "1.3.0") for version in ((2, 34), (2, 35)))
    monkeypatch.setenv("HIERGLM_CACHE", str(tmp_path / "cache"))
    assert [binds(stan) for stan in (old, new, toolchain)] == [False, True, True]
    monkeypatch.setenv("HIERGLM_CACHE", str(tmp_path / "my cache"))
    assert [binds(stan) for stan in (old, new, toolchain)] == [False, False, True]


def test_options_that_only_cmdstan_knows(toolchain: Toolchain) -> None:
    flags = Flags(cpp={"STAN_OPENCL": True})
    words = "knows CXXFLAGS, not 'STAN_OPENCL'; CmdStan knows more"
    program = replace(programs.NORMAL, bare=programs.NORMAL.bare + "// never compiled\n")
    with (
        Child("cmdstan_worker.py", scratch=True) as child,
        pytest.raises(SettingsError, match=words),
    ):
        executable(child, program, toolchain, flags, lambda _: None)


@posix_only()
def test_the_commands_of_a_step_run_at_once_and_steps_do_not(tmp_path: Path) -> None:
    """Two commands that wait for each other end; one of the next step finds what they left."""
    meet = (
        'touch "$0/$1"; for i in $(seq 200); do [ -e "$0/$2" ] && exit 0; sleep 0.1; done; exit 1'
    )
    pair = [["sh", "-c", meet, str(tmp_path), *names] for names in (("a", "b"), ("b", "a"))]
    after = ["sh", "-c", '[ -e "$0/a" ] && [ -e "$0/b" ]', str(tmp_path)]
    with Child("cmdstan_worker.py", scratch=True) as child:
        child.ask({"task": "build", "steps": [pair, [after]]})
        with pytest.raises(Failure, match="said this"):
            child.ask(
                {"task": "build", "steps": [[["true"], ["sh", "-c", "echo said this; false"]]]}
            )
