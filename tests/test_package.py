"""The package as a whole: its import, its names, its wheel, its version."""

import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import hierglm

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("pandas", "formulaic", "scipy", "stanli", "cmdstanpy", "arviz", "xarray", "matplotlib")


def python(code: str, cwd: Path = ROOT, **environment: str) -> str:
    """Return what a fresh Python prints for `code`."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_loads_nothing_heavy():
    code = f"import hierglm, sys, json; print(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
    assert json.loads(python(code)) == []


def test_public_names_are_no_modules_whatever_is_imported_first():
    code = (
        "import pkgutil, hierglm as hg; "
        "modules = {m.name for m in pkgutil.iter_modules(hg.__path__)}; "
        "print(sorted(modules & set(hg.__all__)))"
    )
    assert python(code).strip() == "['datasets', 'errors']"


def test_names_are_loaded_when_they_are_used():
    code = (
        "import hierglm as hg, sys; before = 'numpy' in sys.modules; "
        "print(before, callable(hg.fit), 'numpy' in sys.modules, 'fit' in dir(hg))"
    )
    assert python(code).split() == ["False", "True", "True", "True"]


def test_every_public_name_is_there_and_documented():
    for name in hierglm.__all__:
        assert getattr(hierglm, name).__doc__ or name == "__version__"


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_wheel_carries_what_it_needs_and_nothing_else(dist):
    (wheel,) = dist.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "hierglm/_stan/functions/scale_effects.stan",
        "hierglm/_stan/cpp/console/console.cpp",
        "hierglm/_stan/cpp/console/argument.hpp",
        "hierglm/_stan/cpp/units/density.cpp",
        "hierglm/datasets/radon.csv",
        "hierglm/datasets/eight_schools.csv",
        "hierglm/py.typed",
    } <= names
    info = f"hierglm-{hierglm.__version__}.dist-info/"
    assert all(n.startswith(("hierglm/", info)) for n in names)


def test_sdist_carries_the_tests_and_the_programs(dist):
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
    assert any(n.endswith("stan/models/seeds.stan") for n in names)
    assert any(n.endswith("tests/test_package.py") for n in names)
    top = f"hierglm-{hierglm.__version__}/"
    assert {top + n for n in ("CHANGELOG.md", "CITATION.cff", "SECURITY.md", "docs/conf.py")} <= {
        *names
    }


def test_the_version_is_the_same_everywhere():
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^version: (.*)$", cited, re.M)[1] == hierglm.__version__
    assert re.search(r"^## (\S+)", changes, re.M)[1] == hierglm.__version__


def test_the_built_wheel_fits(dist, tmp_path):
    (wheel,) = dist.glob("*.whl")
    site = tmp_path / "site"
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site)]
    subprocess.run([sys.executable, *install, str(wheel)], check=True)
    code = (
        "import hierglm as hg\n"
        "assert 'site' in hg.__file__, hg.__file__\n"
        "fit = hg.fit('log_radon ~ floor_measure + (floor_measure | county_idx)',"
        " hg.datasets.radon(), seed=1, chains=2, warmup=150, draws=100, progress=False)\n"
        "print(fit.tidy()['term'].tolist())"
    )
    printed = python(code, cwd=tmp_path, PYTHONPATH=str(site))
    assert printed.strip() == str(
        ["Intercept", "floor_measure", "Intercept", "floor_measure", "Intercept", "sigma"]
    )
