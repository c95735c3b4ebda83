"""What compilers and samplers say, recorded, and what the user reads."""

from __future__ import annotations

import pytest

from hierglm.engines.child import Failure
from hierglm.engines.failures import explain
from hierglm.errors import CompileError, EngineError, EngineMissing, SamplingError
from tests.engines.programs import MISSPELT

# stanc3 2.33.1, through make, as cmdstanpy hands it on.
STANC = """Failed to compile Stan model '/tmp/x/program.stan'. Console:

--- Translating Stan model to C++ code ---
bin/stanc --filename-in-msg=program.stan --o=/tmp/x/program.hpp /tmp/x/program.stan
Warning in 'program.stan', line 2, column 2: something else.
Semantic error in 'program.stan', line 5, column 2 to column 18:
   -------------------------------------------------
     3:  }
     4:  model {
     5:    x ~ nrmal(0, 1);
           ^
     6:  }
   -------------------------------------------------

Ill-typed arguments to '~' statement. No function 'nrmal_lpdf' was found.

make: *** [make/program:50: /tmp/x/program.hpp] Error 1

Command ['make', 'STANCFLAGS+=--filename-in-msg=program.stan', '/tmp/x/program']
\terror during processing No such file or directory
"""

# stanli 0.24.0.
STANLI = """Syntax error in 'string', line 6, column 0 to column 1, parsing error:
   -------------------------------------------------
     4:  model {
     5:    x ~ nrmal(0, 1)
     6:  }
         ^
   -------------------------------------------------

Ill-formed "~"-statement. Expected either ";" or a truncation.
"""

NO_COMPILER = """Failed to compile Stan model '/tmp/x/program.stan'. Console:
g++ -std=c++17 -o /tmp/x/program
make: g++: No such file or directory
"""

# CmdStan 2.33.1.
START = """\
chain 1 ended with exit code 1:
Rejecting initial value:
  Error evaluating the log probability at the initial value.
Exception: normal_lpdf: Scale is 0! (in 'program.stan', line 5, column 2 to column 18)
Initialization between (-2, 2) failed after 100 attempts.
"""


def test_stanc_through_make() -> None:
    error = explain(Failure("compile", STANC), MISSPELT, "cmdstan")
    assert isinstance(error, CompileError)
    assert str(error).splitlines() == [
        "Stan's compiler refuses line 5 of the program, written for part 5: Ill-typed arguments to "
        "'~' statement. No function 'nrmal_lpdf' was found.",
        "    x ~ nrmal(0, 1);",
        "    ^",
    ]


def test_a_syntax_error() -> None:
    said = str(explain(Failure("compile", STANLI), MISSPELT, "embedded"))
    assert said.startswith("Stan's compiler refuses line 6 of the program, written for part 6: ")
    assert 'Expected either ";"' in said
    assert said.endswith("\n  }\n  ^")


def test_no_compiler() -> None:
    error = explain(Failure("compile", NO_COMPILER), MISSPELT, "cmdstan")
    assert isinstance(error, CompileError)
    assert "could not be built; 'hierglm doctor'" in str(error)
    assert "g++: No such file" in str(error)


def test_a_start_that_fails_names_the_term() -> None:
    error = explain(Failure("sample", START), MISSPELT, "cmdstan")
    assert isinstance(error, SamplingError)
    assert "no starting point" in str(error)
    assert "line 5 was written for part 5" in str(error)


@pytest.mark.parametrize(
    ("stage", "kind", "words"),
    [
        ("missing", EngineMissing, "cannot be loaded: gone; try pip install"),
        ("data", EngineError, "refuses the data of this program: gone"),
        ("evaluate", EngineError, "^gone$"),
        ("sample", SamplingError, "sampling failed. Stan said: gone"),
        ("worker", EngineError, "please report this:\ngone"),
    ],
)
def test_the_other_stages(stage: str, kind: type[EngineError], words: str) -> None:
    error = explain(Failure(stage, "gone\n"), MISSPELT, "embedded")
    with pytest.raises(kind, match=words):
        raise error


CPP = """/home/a b/kernels.hpp:12:3: error: no matching function for call to 'f(int)'
/c/programs/x/program.hpp:204:11:   required from here
C++ error in line 5, column 2"""


def test_the_cpp_compiler_s_words_name_the_term() -> None:
    error = explain(Failure("compile", CPP), MISSPELT, "cmdstan")
    assert isinstance(error, CompileError)
    assert str(error) == (
        "the C++ compiler refuses what Stan made of line 5 of the program, written for part 5: "
        "no matching function for call to 'f(int)'\n    x ~ nrmal(0, 1);"
    )


def test_a_full_disk() -> None:
    words = "program.s: Fatal error: can't write 61 bytes to program.o: No space left on device"
    error = explain(Failure("compile", words), MISSPELT, "cmdstan")
    assert isinstance(error, CompileError)
    assert "the disk is full; 'hierglm cache clear' makes room" in str(error)


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("absent", "cannot run /x/program: [Errno 8] Exec format error: '/x/program'"),
        (
            "sample",
            "CmdStan ended with exit code 127:\n/x/program: error while loading shared libraries: "
            "libtbb.so.2: cannot open shared object file: No such file or directory",
        ),
    ],
)
def test_an_executable_from_another_machine(stage: str, words: str) -> None:
    error = explain(Failure(stage, words), MISSPELT, "cmdstan")
    assert str(error).startswith(words)
    assert "comes from another machine, or its libraries have gone: compile it here" in str(error)
