"""The same table gives the same design, through whichever library it comes."""

import datetime as dt

import pandas as pd
import pytest

from hierglm.design.encode import encode
from hierglm.design.reading import as_table
from hierglm.formula.parse import parse

pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

COLUMNS = {
    "y": [1.0, 2.0, 4.0, 3.0, 5.0, 7.0, 6.0, 9.0],
    "x": [1.5, 2.0, None, 4.0, 5.0, 6.0, 2.5, 0.0],
    "k": [1, None, 2, 3, 1, 2, 3, 1],
    "s": ["b", "ä", "Z", None, "b", "Z", "é", "b"],
    "b": [True, None, False, True, True, False, False, True],
    "d": [dt.date(2020, 1, 1 + i // 2) for i in range(8)],
    "t": [dt.datetime(2020, 1, 1, i // 2, 30) for i in range(8)],
}


def tables():
    polars = pl.DataFrame(COLUMNS)
    arrow = polars.to_arrow()
    nullable = {"k": "Int64", "b": "boolean", "x": "Float64"}
    return {
        "pandas": pd.DataFrame(COLUMNS),
        "pandas objects": pd.DataFrame(COLUMNS, dtype=object),
        "pandas nullable": pd.DataFrame(COLUMNS).astype({"b": object}).astype(nullable),
        "pandas on arrow": arrow.to_pandas(types_mapper=pd.ArrowDtype),
        "pandas shuffled index": pd.DataFrame(COLUMNS).set_index(pd.Index([5] * 8)),
        "polars": polars,
        "arrow": arrow,
        "arrow in chunks": pa.concat_tables([arrow[:3], arrow[3:]]),
        "lists": COLUMNS,
        "polars columns": {n: polars[n] for n in COLUMNS},
        "arrow columns": {n: arrow[n] for n in COLUMNS},
    }


def everything(design):
    return (
        design.response.values.tolist(),
        design.common.labels,
        design.common.matrix.tolist(),
        design.kept.tolist(),
        design.notes,
        [
            (
                g.levels.dtype,
                g.levels.tolist(),
                g.index.tolist(),
                g.terms,
                g.effects.matrix.tolist(),
            )
            for g in design.groups
        ],
    )


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ x + (x | s)",
        "y ~ k + s + (1 | k) + (1 | s)",
        "y ~ b + (b | s) + (1 | b)",
        "y ~ factor(k)*x + (1 | d)",
        "y ~ (1 | k:s) + (1 | t)",
        "k ~ log(y) + poly(x, 2)",
    ],
)
def test_every_library_gives_the_same_design(formula):
    found = {}
    for name, data in tables().items():
        table = as_table(data)
        found[name] = everything(encode(parse(formula, table.columns), table))
    for name, design in found.items():
        assert design == found["polars"], name
