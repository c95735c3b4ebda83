"""The reader of CmdStan's files, against real ones and against cmdstanpy's own reading."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from hierglm.engines import stan_csv
from hierglm.engines.engine import Settings
from hierglm.engines.recorded import RecordedEngine
from hierglm.engines.run import STAN_STATS
from hierglm.engines.stan_chains import read_chain, read_chains
from hierglm.errors import EngineError, FileError, SamplingError
from hierglm.program.fragment import Output
from tests.engines.programs import program

RECORDED = Path(__file__).parent / "recorded"
VARIABLES = ("k", "m", "delta", "sigma_obs", "beta", "trend")
END = "# \n#  Elapsed Time: 0.1 seconds (Warm-up)\n"
DRAWS = {"diag_1": 20, "dense": 20, "unit": 10, "thin": 6, "warmup": 8, "cold": 10}


def read_by_cmdstanpy(files: list[str]):
    import cmdstanpy

    return cmdstanpy.from_csv(files)


@pytest.mark.parametrize("name", [name for name in DRAWS if name != "cold"])
def test_as_cmdstanpy_reads_it(name: str) -> None:
    file = RECORDED / f"{name}.csv"
    chain, theirs = read_chain(file), read_by_cmdstanpy([str(file)])
    assert tuple(chain.values) == VARIABLES
    for variable in VARIABLES:
        assert chain.values[variable].shape[0] == DRAWS[name]
        assert np.array_equal(chain.values[variable], theirs.stan_variable(variable))
    for stat in STAN_STATS:
        assert np.array_equal(chain.stats[stat], theirs.method_variables()[stat][-DRAWS[name] :, 0])
    assert chain.step_size == theirs.step_size[0]
    if name == "unit":
        assert chain.metric is None
    else:
        assert np.array_equal(chain.metric, theirs.inv_metric[0])
    assert 0 <= chain.seconds < 1


@pytest.mark.parametrize("name", DRAWS)
def test_row_by_row_into_a_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same numbers, bit for bit, as at once."""
    monkeypatch.setattr(stan_csv, "IN_FILES", 1)
    file = RECORDED / f"{name}.csv"
    at_once, by_rows = read_chain(file), read_chain(file, None, tmp_path)
    (left,) = tmp_path.iterdir()
    left.unlink()
    for one, other in ((at_once.values, by_rows.values), (at_once.stats, by_rows.stats)):
        assert list(one) == list(other)
        for key, values in one.items():
            assert other[key].shape == values.shape
            assert other[key].tobytes() == values.tobytes()


def test_a_row_cut_short_is_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stan_csv, "IN_FILES", 1)
    lines = (RECORDED / "diag_1.csv").read_bytes().splitlines(keepends=True)
    rows = [k for k, line in enumerate(lines) if line[:1] not in (b"#", b"l", b"\n")]
    lines[rows[4]] = lines[rows[4]].rpartition(b",")[0] + b"\n"
    (tmp_path / "cut.csv").write_bytes(b"".join(lines))
    with pytest.raises(SamplingError, match=r"cut\.csv is not a whole output.*row 5 has \d+ num"):
        read_chain(tmp_path / "cut.csv", None, tmp_path)


def test_without_warmup() -> None:
    """Which cmdstanpy refuses to read."""
    chain = read_chain(RECORDED / "cold.csv")
    assert chain.values["trend"].shape == (10, 4)
    assert chain.step_size == 1
    assert chain.metric is not None
    assert chain.metric.tolist() == [1] * 6


def test_two_chains_at_once() -> None:
    files = [RECORDED / "diag_1.csv", RECORDED / "diag_2.csv"]
    run = read_chains(files, ["delta", "sigma_obs", "no such"])
    theirs = read_by_cmdstanpy([str(file) for file in files])
    assert set(run.values) == {"delta", "sigma_obs"}
    assert run.values["delta"].shape == (2, 20, 2)
    assert np.array_equal(run.values["delta"].reshape(40, 2), theirs.stan_variable("delta"))
    assert run.metric is not None
    assert run.metric.shape == (2, 6)
    assert run.step_size.shape == (2,)
    assert run.stats["diverging"].dtype == bool


def test_a_matrix_runs_down_its_columns() -> None:
    file = RECORDED / "matrix.csv"
    matrix = read_chain(file, ["M"]).values["M"]
    assert matrix.shape == (20, 2, 3)
    assert np.array_equal(matrix, read_by_cmdstanpy([str(file)]).stan_variable("M"))


def test_every_digit_is_kept() -> None:
    numbers = (
        np.random.default_rng(0).normal(size=(200, 3)) * 10.0 ** np.arange(-300, 300, 3)[:, None]
    )
    text = (
        (RECORDED / "diag_1.csv")
        .read_text()
        .split("lp__")[0]
        .replace("num_samples = 20", "num_samples = 200")
    )
    rows = "\n".join(",".join(f"{x:.17g}" for x in row) for row in numbers)
    assert (
        _write_and_read(text + "z.1,z.2,z.3\n" + rows + "\n" + END, "z").tolist()
        == numbers.tolist()
    )


def test_infinities_and_nan() -> None:
    text = (
        (RECORDED / "diag_1.csv")
        .read_text()
        .split("lp__")[0]
        .replace("num_samples = 20", "num_samples = 1")
    )
    found = _write_and_read(text + "z.1,z.2,z.3,z.4\ninf,-inf,nan,-nan\n" + END, "z")
    assert found[0, :2].tolist() == [np.inf, -np.inf]
    assert np.isnan(found[0, 2:]).all()


def _write_and_read(text: str, name: str):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "x.csv")
        file.write_text(text)
        return read_chain(file, [name]).values[name]


def _cut_last_line(text: str) -> str:
    """All 20 rows are there, the last one cut in its middle, and nothing below."""
    rows = [line for line in text.splitlines() if line]
    last = max(i for i, line in enumerate(rows) if not line.startswith("#"))
    return "\n".join([*rows[:last], rows[last][:60]])


FAULTS = {
    "empty": (lambda text: "", "whole output"),
    "no head": (lambda text: "1,2,3\n", "column names"),
    "half the draws": (lambda text: text[: int(len(text) * 0.7)], "of the 20 rows"),
    "a line cut short": (_cut_last_line, "20 of the 20 rows"),
    "one line too many": (lambda text: text + "1," * 16 + "1\n", "21 of the 20 rows"),
    "a word": (lambda text: text.replace(",0,", ",zero,"), "whole output"),
    "another program's": (lambda text: "#!/bin/sh\necho hello, world\n", "num_samples"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_broken_files(fault: str, tmp_path: Path) -> None:
    spoil, words = FAULTS[fault]
    file = tmp_path / "spoilt.csv"
    file.write_text(spoil((RECORDED / "diag_1.csv").read_text()))
    with pytest.raises(SamplingError, match=words):
        read_chain(file)


def test_chains_of_different_runs() -> None:
    with pytest.raises(SamplingError, match="not chains of one run"):
        read_chains([RECORDED / "diag_1.csv", RECORDED / "thin.csv"])
    with pytest.raises(SamplingError, match="no output file"):
        read_chains([])
    with pytest.raises(SamplingError, match="No such file"):
        read_chains([RECORDED / "nothing.csv"])


PROPHET = program(
    "parameters {}\n",
    {},
    Output("delta", "b", "fixed", dims=(("term", ("d1", "d2")),)),
    Output("k", "sigma", "family"),
)


def test_recorded_files_and_folders(tmp_path: Path) -> None:
    files = [RECORDED / "diag_1.csv", RECORDED / "diag_2.csv"]
    for file in files:
        shutil.copy(file, tmp_path)
    draws = RecordedEngine(files).sample(PROPHET, Settings())
    assert draws["b"].values.shape == (2, 20, 2)
    again = RecordedEngine(tmp_path).sample(PROPHET, Settings())
    assert np.array_equal(draws["b"].values, again["b"].values)
    assert RecordedEngine(str(files[0])).sample(PROPHET, Settings())["sigma"].values.shape == (
        1,
        20,
    )
    assert RecordedEngine(draws).sample(PROPHET, Settings()) is draws


def test_recordings_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no recorded draws"):
        RecordedEngine(tmp_path).sample(PROPHET, Settings())
    with pytest.raises(FileError, match=r"nothing\.csv"):
        RecordedEngine(tmp_path / "nothing.csv").sample(PROPHET, Settings())
    asked = program("", {}, Output("q", "q", "fixed"))
    with pytest.raises(EngineError, match="returned no 'q'"):
        RecordedEngine(RECORDED / "diag_1.csv").sample(asked, Settings())
    with pytest.raises(EngineError, match="no log density"):
        RecordedEngine(tmp_path).open(PROPHET)
