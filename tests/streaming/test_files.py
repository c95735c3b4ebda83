"""Fits of rows that were read in batches: saved, opened, gone on with, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from hierglm.cli import main
from hierglm.design.reduced import Reduced
from hierglm.errors import CheckpointError, FileError
from hierglm.posterior import StreamedFit
from hierglm.results.archive import read_archive, to_array, write_archive

MODELS = {
    "text": ("y ~ x + (1 + x | t)", "gaussian", {}),
    "an array of levels": ("y ~ x + (1 + x | g)", "gaussian", {}),
    "crossed, text, dummies": ("y ~ x + f + (1 + x | g) + (1 | h)", "gaussian", {}),
    "weights of levels": ("y ~ x + (1 | h)", "gaussian", {"weights": {"h": {"u": 2.0}}}),
    "counted": ("b ~ k + f + (1 | g)", "bernoulli", {}),
}
CALL: dict[str, Any] = {"seed": 1, "chains": 1, "warmup": 60, "draws": 30, "progress": False}


def table(seed: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = 2600  # more rows than are kept: the last levels are in none of these
    return pd.DataFrame(
        {
            "y": rng.normal(size=n),
            "x": rng.normal(size=n),
            "f": rng.choice(list("ab"), n),
            "g": 1000 - np.arange(n) // 20,
            "h": rng.choice(list("uvw"), n),
            "t": [f"ä{k}" for k in 500 - np.arange(n) // 20],
            "b": rng.integers(0, 2, n),
            "k": rng.integers(0, 4, n) / 2,
        }
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("files") / "rows.parquet"
    table().to_parquet(file, row_group_size=700)
    return file


@pytest.fixture(scope="module")
def fits(path: Path) -> dict[str, hg.Fit]:
    return {
        name: hg.fit(formula, path, family=family, **CALL, **options)
        for name, (formula, family, options) in MODELS.items()
    }


@pytest.fixture(params=MODELS)
def fit(request: pytest.FixtureRequest, fits: dict[str, hg.Fit]) -> hg.Fit:
    return fits[request.param]


@pytest.mark.parametrize("name", ["fit.hglm", "fit.nc"])
def test_a_saved_fit_says_what_it_said(fit: hg.Fit, name: str, tmp_path: Path) -> None:
    again = hg.load(fit.save(tmp_path / name))
    assert isinstance(again, StreamedFit)
    assert str(again) == str(fit)
    pd.testing.assert_frame_equal(again.tidy(), fit.tidy())
    pd.testing.assert_frame_equal(again.ranef(), fit.ranef())
    new = table(5).head(7)
    pd.testing.assert_frame_equal(again.predict(new), fit.predict(new))


def test_a_level_that_no_kept_row_has_is_known(fits: dict[str, hg.Fit], tmp_path: Path) -> None:
    fit, late = fits["text"], table().tail(1)
    (grouping,), draws = fit.plan.model.design.groups, fit.posterior
    (level,) = late["t"]
    assert level not in grouping.levels[grouping.index]
    x = float(late["x"].iloc[0])
    eta = sum(
        (draws["b"].sel(term=term) + draws["r_t"].sel(t=level, t_term=term)) * value
        for term, value in (("Intercept", 1.0), ("x", x))
    )
    for found in (fit, hg.load(fit.save(tmp_path / "fit.hglm"))):
        assert found.predict(late)["estimate"].item() == pytest.approx(float(eta.mean()), rel=1e-10)


def test_what_is_known_of_the_rows_comes_back_bit_for_bit(fit: hg.Fit, tmp_path: Path) -> None:
    first = fit.save(tmp_path / "fit.hglm")
    again = hg.load(first)
    one, other = (f.plan.model.design for f in (fit, again))
    assert (one.rows, one.total, one.notes) == (other.rows, other.total, other.notes) != (0, 0, ())
    for a, b in zip(one.groups, other.groups, strict=True):
        np.testing.assert_array_equal(a.levels, b.levels)
        np.testing.assert_array_equal(a.index, b.index)
    if isinstance(one.reduced, Reduced):
        assert isinstance(other.reduced, Reduced)
        for k, matrix in one.reduced.cross.items():
            np.testing.assert_array_equal(matrix.toarray(), other.reduced.cross[k].toarray())
    # And so does all else: the file of what was loaded is the file.
    assert again.save(tmp_path / "again.hglm").read_bytes() == first.read_bytes()


def test_a_saved_fit_names_its_rows_where_they_were(
    fit: hg.Fit, path: Path, tmp_path: Path
) -> None:
    saved = fit.save(tmp_path / "fit.hglm")
    assert f'data = "{path.as_posix()}"' in str(hg.load(saved).reproduce(saved))


def test_the_shell_opens_it(
    fits: dict[str, hg.Fit], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["show", str(fits["counted"].save(tmp_path / "fit.hglm")), "--json"])
    result = json.loads(capsys.readouterr().out)["result"]
    assert (result["rows"], result["data_hash"]) == (2600, None)


@pytest.mark.parametrize("name", ["an array of levels", "counted"])
def test_a_checkpoint_becomes_the_fit(
    name: str, fits: dict[str, hg.Fit], path: Path, tmp_path: Path
) -> None:
    fit, (formula, family, options) = fits[name], MODELS[name]
    run = tmp_path / "run.hglm"
    whole = hg.fit(formula, path, family=family, checkpoint=run, **CALL, **options)
    pd.testing.assert_frame_equal(whole.tidy(), fit.tidy())
    before = run.read_bytes()
    again = hg.fit(formula, path, family=family, checkpoint=run, **CALL, **options)
    pd.testing.assert_frame_equal(again.tidy(), fit.tidy())
    assert isinstance(again, StreamedFit)
    assert run.read_bytes() == before


def test_a_checkpoint_of_other_rows_is_refused(path: Path, tmp_path: Path) -> None:
    formula = MODELS["an array of levels"][0]
    hg.fit(formula, path, checkpoint=tmp_path / "run.hglm", **CALL)
    other = table()
    # None of the rows that are kept to tell types.
    other.loc[2500, "y"] += 1.0
    other.to_parquet(tmp_path / "other.parquet", row_group_size=700)
    with pytest.raises(CheckpointError, match=r"(?s)another run:.*  values of the design"):
        hg.fit(formula, tmp_path / "other.parquet", checkpoint=tmp_path / "run.hglm", **CALL)


def _field(name: str) -> Callable[[Any], Any]:
    return lambda said: said["known"]["fields"][name]["array"]


CHANGES: dict[str, tuple[str, Callable[[Any], str], Callable[[Any], Any], str]] = {
    "levels in another order": (
        "an array of levels", lambda s: s["levels"]["array"], lambda x: x[::-1], "the levels"),
    "levels without those of its rows": (
        "an array of levels", lambda s: s["levels"]["array"], lambda x: x - 500, "the levels"),
    "numbers for text": (
        "text", lambda s: s["known"]["fields"]["groups"]["tuple"][0]["fields"]["rows"]["array"],
        lambda x: x.astype(float), "cannot be"),
    "a column less": (
        "an array of levels", _field("R"), lambda x: x[1:, 1:], "factor of the columns"),
    "no number": (
        "an array of levels", _field("means"), lambda x: x * np.nan, "the means"),
    "a level less": (
        "an array of levels",
        lambda s: s["known"]["fields"]["groups"]["tuple"][0]["fields"]["rows"]["array"],
        lambda x: x[1:], "sums of \\(1 \\+ x \\| g\\)"),
    "places that there are not": (
        "crossed, text, dummies",
        lambda s: s["cross"]["map"][0][1]["tuple"][0]["array"],
        lambda x: x + 10**9, "sums of two group terms"),
    "counts of fewer rows": (
        "counted", _field("frequency"), lambda x: x[1:], "numbers of equal rows"),
    "rows that are there less than once": (
        "counted", _field("frequency"), lambda x: 0 * x, "numbers of equal rows"),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_changed_sums_are_refused(change: str, fits: dict[str, hg.Fit], tmp_path: Path) -> None:
    model, find, edit, said = CHANGES[change]
    file = fits[model].save(tmp_path / "fit.hglm")
    members: dict[str, Any] = dict(read_archive(file))
    name = find(json.loads(members["fit.json"])["reduced"])
    members[name] = np.ascontiguousarray(edit(to_array(members[name], name)))
    write_archive(file, members.items())
    with pytest.raises(FileError, match=said):
        hg.load(file)
