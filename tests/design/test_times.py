"""The times of an autoregression: their effects, their distances, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from hierglm.design.encode import encode_new
from hierglm.design.reading import as_table
from hierglm.errors import DataError, FormulaError
from tests.designs import design_of


def waves():
    return pd.DataFrame(
        {
            "y": np.arange(12.0),
            "x": np.arange(12.0) ** 2,
            "g": list("abc") * 4,
            "t": np.repeat([30, 10, 20, 60], 3),
            "month": pd.Categorical(
                np.repeat(["Feb", "Jan", "Apr", "Mar"], 3), ["Jan", "Feb", "Mar", "Apr"]
            ),
            "half": np.repeat([0.5, 1.0, 1.5, 2.0], 3),
            "once": 1,
            "day": pd.to_datetime(np.repeat(["2024-01-01", "2024-01-02"], 6)),
        }
    )


@pytest.mark.parametrize(
    ("term", "labels", "times"),
    [
        # Numbers sort as numbers, and a gap counts.
        ("ar1(0 + t | g)", ("t[10]", "t[20]", "t[30]", "t[60]"), (0, 1, 2, 5)),
        ("ar1(t | g)", ("t[10]", "t[20]", "t[30]", "t[60]"), (0, 1, 2, 5)),
        # Levels follow each other.
        ("ar1(0 + factor(t) | g)",
         ("factor(t)[10]", "factor(t)[20]", "factor(t)[30]", "factor(t)[60]"), (0, 1, 2, 3)),
        ("ar1(0 + month | g)", ("month[Jan]", "month[Feb]", "month[Mar]", "month[Apr]"),
         (0, 1, 2, 3)),
        ("ar1(0 + factor(half) | g)",
         ("factor(half)[0.5]", "factor(half)[1.0]", "factor(half)[1.5]", "factor(half)[2.0]"),
         (0, 1, 2, 3)),
    ],
)  # fmt: skip
def test_one_effect_a_time(term, labels, times):
    d = waves()
    (g,) = design_of(f"y ~ x + {term}", d).groups
    assert g.terms == labels
    assert g.times == times
    column = d["month"].cat.codes if "month" in term else d["half" if "half" in term else "t"]
    ranks = pd.factorize(column, sort=True)[0]
    np.testing.assert_array_equal(g.effects.matrix, np.eye(4)[ranks])


def test_new_rows_have_the_times_that_were_fitted():
    d = waves()
    design = design_of("y ~ x + ar1(0 + t | g)", d)
    again = encode_new(design, as_table(d.iloc[[9, 0]])).groups[0]
    np.testing.assert_array_equal(again.effects.matrix, np.eye(4)[[3, 2]])
    with pytest.raises(DataError, match="40"):
        encode_new(design, as_table(d.assign(t=40)))


@pytest.mark.parametrize(
    ("term", "message"),
    [
        ("ar1(0 + half | g)", "must be whole numbers of steps; 'half' has 0.5: count in a smaller"),
        ("ar1(0 + once | g)", "needs two times or more; 'once' has one"),
        ("ar1(0 + day | g)", "holds dates; as times give whole numbers, such as days since"),
    ],
)
def test_times_that_are_none(term, message):
    with pytest.raises(DataError, match=message):
        design_of(f"y ~ x + {term}", waves())


@pytest.mark.parametrize("effects", ["1", "t + x", "t:x"])
def test_an_autoregression_has_one_column_of_times(effects):
    with pytest.raises(FormulaError, match="takes one column of times"):
        design_of(f"y ~ x + ar1({effects} | g)", waves())
