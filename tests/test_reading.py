"""Text files that pandas would read as something else: refused, or as they stand."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from hierglm.errors import DataError
from hierglm.reading import read_table


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("y,x,x\n1,2,3\n", "has two columns 'x'"),
        ("y,id\n1,12\n2,012\n3,7\n", "column 'id' of .* has '012' and '12', which are one number"),
        ('y,id\n1,007\n2,\n3,"07"\n', "has '007' and '07', which are one number"),
        ("0,00\n1,00\n2,0\n", "column '00' of .* has '0' and '00'"),
    ],
)
@pytest.mark.parametrize("ending", [".csv", ".tsv", ".csv.gz"])
def test_what_would_become_one(text: str, words: str, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"t{ending}"
    data = (text.replace(",", "\t") if ending == ".tsv" else text).encode()
    path.write_bytes(gzip.compress(data) if ending == ".csv.gz" else data)
    with pytest.raises(DataError, match=words):
        read_table(path)


def test_what_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        ",y,month,time,x,\n1,0.5,01,05:00,1,a\n2,0.05,02,05:00,1.0,b\n3,00.5,12,06:00,0,c\n"
    )
    table = read_table(path)
    np.testing.assert_array_equal(table["month"], [1, 2, 12])
    np.testing.assert_array_equal(table["y"], [0.5, 0.05, 0.5])
    assert table["time"].tolist() == ["05:00", "05:00", "06:00"]
    assert table.columns[1:5].tolist() == ["y", "month", "time", "x"]
    # Far down in a long file.
    rows = "\n".join(f"{k},{k % 7}" for k in range(100_000))
    path.write_text(f"y,id\n{rows}\n1,06\n")
    with pytest.raises(DataError, match="has '06' and '6'"):
        read_table(path)
