"""Bad types, groups and responses: what is given, and what hierglm must make of it."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from tests.hostile.bad_data import (
    BY_G,
    BY_X,
    COUNT,
    DAYS,
    HALF,
    INF,
    NAN,
    UNIT,
    Case,
    G,
    Notes,
    X,
    Y,
    arrow,
    dropped,
    frame,
    objects,
    outside,
    refused,
    same,
    table,
)

_FAR = "dates are from 1678 to 2261"
_WEIGHTED, _KNOWN, _TRIALS = "y | weights(w) ~ x", "y | se(w) ~ x", "y | trials(m) ~ x"

TYPES = {
    "truths": Case("y ~ x", table(x=HALF > 0), same(x=HALF > 0)),
    "whole numbers with missing ones": Case(
        "y ~ x", table(x=pd.array([None, *range(23)], dtype="Int64")), dropped("x", 1)
    ),
    "half a character": Case(
        BY_G, table(g=objects(["\ud800", "a\ud800"] * 12)), refused("'g' has half a character")
    ),
    "half a character in a category": Case(
        BY_G, table(g=pd.Categorical.from_codes(HALF, objects(["\ud800", "a"]))),
        refused("'g' has half a character"),
    ),
    "text among numbers": Case("y ~ x", table(x=objects([1, "a"] * 12)), refused("holds int, str")),
    "complex numbers": Case("y ~ x", table(x=X * 1j), refused("complex", "give its parts")),
    "bytes": Case("y ~ x", table(x=objects([b"a", b"b"] * 12)), refused("'x' holds bytes")),
    "times of day": Case(
        "y ~ x", table(x=objects(datetime.time(i) for i in range(24))), refused("'x' holds time")
    ),
    "durations": Case(
        "y ~ x", table(x=pd.to_timedelta(np.arange(24), unit="D")),
        refused("'x' is of type timedelta64", ".dt.total_seconds()"),
    ),
    "a response of durations": Case(
        "y ~ x", table(y=pd.to_timedelta(np.arange(24), unit="D")), refused("'y' is of type")
    ),
    "Arrow's durations": Case(
        "y ~ x", frame(x=arrow(map(datetime.timedelta, range(24)), pa.duration("s"))),
        refused("'x' is of type duration", ".dt.total_seconds()"),
    ),
    "periods": Case(
        "y ~ x", table(x=pd.period_range("2020", periods=24)), refused(".dt.to_timestamp()")
    ),
    "dates as a predictor": Case(
        "y ~ x", table(x=pd.date_range("2020", periods=24, tz="Europe/Berlin")),
        refused("'x' holds dates", "days since a start"),
    ),
    "dates as a response": Case(
        "y ~ x", table(y=pd.date_range("2020", periods=24)), refused("'y' holds dates")
    ),
    "dates with a time zone as groups": Case(
        BY_G, table(g=pd.Series(DAYS).dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo").repeat(6)
                     .reset_index(drop=True)),
        same(BY_G, g=np.repeat(DAYS, 6)),
    ),
    "dates of two time zones as groups": Case(
        BY_G, table(g=objects([pd.Timestamp(DAYS[0], tz="UTC"), pd.Timestamp(
            "2020-03-28 09:00", tz="Asia/Tokyo"), pd.Timestamp(DAYS[1], tz="UTC")] * 8)),
        same(BY_G, g=np.tile(DAYS[[0, 0, 1]], 8)),
    ),
    "dates with and without a time zone": Case(
        BY_G, table(g=objects([pd.Timestamp(DAYS[0]), pd.Timestamp(DAYS[1], tz="UTC")] * 12)),
        refused("'g' holds dates with and without a time zone"),
    ),
    "NumPy's dates in objects": Case(
        BY_G, table(g=objects(np.repeat(DAYS, 6))), same(BY_G, g=np.repeat(DAYS, 6))
    ),
    "the year 1": Case(
        BY_G, table(g=objects([datetime.date(1, 1, 1 + h) for h in HALF])),
        refused("'g' holds the date 0001-01-01", _FAR, "make it text"),
    ),
    "the year 3000": Case(
        BY_G, frame(g=np.array(["3000-01-01", "3000-01-02"] * 12, dtype="M8[s]")),
        refused("'g' holds the date 3000-01-01", _FAR),
    ),
    "Arrow's days": Case(
        BY_G, frame(g=arrow(np.repeat(DAYS, 6).astype("M8[D]").tolist(), pa.date32())),
        same(BY_G, g=np.repeat(DAYS, 6)),
    ),
    "Arrow's text": Case(
        BY_G, frame(g=pd.array(G, dtype="string[pyarrow]")), same(BY_G)
    ),
    "tuples as groups": Case(
        BY_G, table(g=objects((1, int(h)) for h in HALF)), refused("'g' holds tuple")
    ),
    "floats as groups": Case(
        BY_X, table(x=HALF + 0.5), same(BY_X, x=HALF + 0.5)
    ),
    "both zeros as groups": Case(
        BY_X, table(x=np.tile([0.0, -0.0, 1.0], 8)), same(BY_X, x=np.tile([0, 0, 1], 8))
    ),
    "infinite groups": Case(
        BY_X, table(x=np.where(HALF, INF, 1.0)), refused("grouping factor 'x' has infinite")
    ),
    "missing groups": Case(BY_X, table(x=np.where(HALF, NAN, X > 0)), dropped("x", 12)),
    "None among groups": Case(BY_G, table(g=objects([None, *G[1:]])), dropped("g", 1)),
    "intervals as groups": Case(
        BY_G, table(g=pd.cut(X, [-9, 0, 9])),
        same(BY_G, g=pd.Categorical(np.where(X > 0, "(0, 9]", "(-9, 0]"), ["(-9, 0]", "(0, 9]"])),
    ),
    "categories that no row has": Case(
        "y ~ g", table(g=pd.Categorical(G, list("zabcdq"))), same("y ~ g")
    ),
    "ordered categories": Case(
        "y ~ g", table(g=pd.Categorical(G, list("dcba"), ordered=True)),
        same("y ~ g", g=pd.Categorical(G, list("dcba"))),
    ),
    "a factor of one level": Case(
        "y ~ x*f", table(f=["a"] * 24), refused("'f' has one level, 'a'", "leave it out")
    ),
    "a number as a factor of one level": Case(
        "y ~ x + factor(f)", table(f=[1] * 24), refused("'factor(f)' has one level", "leave it out")
    ),
    "a group of one level": Case(
        BY_G, table(g=["a"] * 24), Notes(("'g' has one level: only priors inform",))
    ),
    "a group of one row a level": Case(
        "y ~ x + (1 | g)", table(g=np.arange(24)), Notes(("'g' has one row a level",))
    ),
    "a group of one count a level": Case(
        "y ~ x + (1 | g)", table(y=COUNT, g=np.arange(24)), Notes(()), "poisson"
    ),
    "a group twice": Case(
        "y ~ (1 | g) + (1 | h)", table(h=np.repeat([3, 1, 2, 0], 6)),
        Notes(("'g' and 'h' have the same rows in their levels",)),
    ),
}  # fmt: skip

_ENDLESS = "the likelihood grows without end along"
RESPONSES = {
    "complete separation": Case(
        "y ~ x", table(y=(X > 0.1) * 1), Notes((f"separated by 'x': {_ENDLESS}",)), "bernoulli"
    ),
    "a category without successes": Case(
        "y ~ g", table(y=HALF * (G != "c")), Notes(("separated by 'g[T.c]': ",)), "bernoulli"
    ),
    "nothing but successes": Case(
        "y ~ x", table(y=HALF * 0 + 1), Notes((f"separated by the intercept: {_ENDLESS}",)),
        "bernoulli",
    ),
    "nothing but failures of trials": Case(
        _TRIALS, table(y=HALF * 0, m=[3] * 24), Notes(("separated by the intercept: ",)), "binomial"
    ),
    "nothing but zeros": Case(
        "y ~ x", table(y=HALF * 0), Notes(("separated by the intercept: ",)), "poisson"
    ),
    "one success": Case("y ~ 1", {"y": [1]}, Notes(("separated by the intercept: ",)), "bernoulli"),
    "a group of one success or failure a level": Case(
        BY_G, table(y=HALF, g=np.arange(24)), Notes(("rows of 0 and 1 say nothing about",)),
        "bernoulli",
    ),
    "a constant duration": Case(
        "y ~ x", table(y=[0.3] * 24), Notes(("nothing is left for shape, which only its prior",)),
        "gamma",
    ),
    "a proportion that columns give exactly": Case(
        "y ~ x", table(y=1 / (1 + np.exp(-X))), Notes(("nothing is left for phi",)), "beta"
    ),
    "truths with missing ones": Case(
        "y ~ x", table(y=pd.array([None, *(HALF[1:] > 0)], dtype="boolean")),
        dropped("y", 1), "bernoulli",
    ),
    "counts of a thousand million": Case("y ~ x", table(y=COUNT + 10**9), same(
        y=COUNT + 1e9), "poisson"),
    "counts beyond Stan's": Case(
        "y ~ x", table(y=COUNT + 2**31), outside("at most 2,147,483,647", "row 1"), "poisson"
    ),
    "counts as floats": Case("y ~ x", table(y=COUNT * 1.0), same(y=COUNT), "poisson"),
    "half counts": Case(
        "y ~ x", table(y=COUNT + 0.5), outside("whole numbers >= 0; row 1 of 'y'"), "poisson"
    ),
    "negative counts": Case("y ~ x", table(y=COUNT - 99), outside("'y' has -9"), "poisson"),
    "text as counts": Case(
        "y ~ x", table(y=G), outside("Poisson needs whole numbers", "levels 'a', 'b'"), "poisson"
    ),
    "text as counts with many zeros": Case(
        "y ~ x", table(y=G), outside("needs whole numbers", "'a'"), "zero_inflated_negbinomial"
    ),
    "text as successes": Case(
        _TRIALS, table(y=G, m=[9] * 24), outside("whole numbers", "levels 'a'"), "binomial"
    ),
    "numbers as text": Case(
        "y ~ x", table(y=[f"{v:.2f}" for v in Y]), outside("astype(float)")
    ),
    "text as a measurement": Case("y ~ x", table(y=G), outside("Gaussian needs numbers", "'a'")),
    "no trials": Case("y ~ x", table(y=HALF), outside("y | trials(n)", "bernoulli"), "binomial"),
    "trials of 0 in every row": Case(
        _TRIALS, table(y=HALF * 0, m=[0] * 24), outside("'y' has 0 in every row"), "binomial"
    ),
    "fewer trials than successes": Case(
        _TRIALS, table(y=HALF * 3, m=[2] * 24), outside("row 2", "3 successes in 2"), "binomial"
    ),
    "trials below 0": Case(
        _TRIALS, table(y=HALF * 0, m=[-2] * 24), outside("row 1 has -2 trials"), "binomial"
    ),
    "half trials": Case(
        _TRIALS, table(y=HALF, m=[2.5] * 24), outside("row 1 has 2.5 trials"), "binomial"
    ),
    "missing trials": Case(
        _TRIALS, table(y=HALF, m=[NAN] + [2] * 23), dropped("m", 1), "binomial"
    ),
    "proportions": Case(
        _TRIALS, table(y=[0.5] * 24, m=[4] * 24), outside("whole numbers", "0.5"), "binomial"
    ),
    "yes and no": Case(
        "y ~ x", table(y=np.where(HALF, "yes", "no")),
        same("y ~ x", "'yes' counts as 1, 'no' as 0", y=HALF), "bernoulli",
    ),
    "True, 1.0 and 2": Case(
        "y ~ x", table(y=objects([True, 1.0, 2] * 8)), refused("holds bool, int"), "bernoulli"
    ),
    "1 and 2": Case("y ~ x", table(y=HALF + 1), outside("0 or 1", "has 2"), "bernoulli"),
    "three levels": Case(
        "y ~ x", table(y=list("abc") * 8), outside("two levels; 'y' has 3"), "bernoulli"
    ),
    "one level": Case("y ~ x", table(y=["a"] * 24), refused("'y' has one level, 'a'"), "bernoulli"),
    "a proportion of 0": Case("y ~ x", table(y=HALF / 2), outside("between 0 and 1"), "beta"),
    "a proportion of 1": Case("y ~ x", table(y=(1 + HALF) / 2), outside("row 2", "1"), "beta"),
    "a duration of 0": Case("y ~ x", table(y=HALF), outside("> 0; row 1 of 'y'"), "gamma"),
    "a size of 0": Case("y ~ x", table(y=HALF), outside("> 0; row 1 of 'y'"), "lognormal"),
    "ordered numbers with a gap": Case(
        "y ~ x", table(y=[1, 2, 4] * 8), Notes(("no row has category '3'",)), "cumulative"
    ),
    "ordered numbers from 0": Case(
        "y ~ x", table(y=[0, 1, 2] * 8), outside("from 1 on; row 1 of 'y'"), "cumulative"
    ),
    "ordered numbers that are not whole": Case(
        "y ~ x", table(y=[1, 2, 3.5] * 8), outside("whole numbers", "3.5"), "cumulative"
    ),
    "ordered text": Case(
        "y ~ x", table(y=["low", "mid", "high"] * 8), Notes(("high < low < mid",)), "cumulative"
    ),
    "one ordered number": Case(
        "y ~ x", table(y=[1] * 24), outside("2 to 100 categories"), "cumulative"
    ),
    "infinite weights": Case(_WEIGHTED, table(w=[INF] * 24), refused("w is inf in row 1")),
    "weights below 0": Case(_WEIGHTED, table(w=-HALF), outside(">= 0; row 2 has -1")),
    "weights of 0": Case(_WEIGHTED, table(w=HALF * 0), outside("every weight is 0")),
    "missing weights": Case(_WEIGHTED, table(w=[NAN] + [1] * 23), dropped("w", 1)),
    "weights of 1e300": Case(_WEIGHTED, table(w=[1e300] * 24), refused("w is", *UNIT)),
    "standard errors of 0": Case(_KNOWN, table(w=HALF), outside("greater than 0; row 1")),
    "standard errors below 0": Case(_KNOWN, table(w=-1.0 - HALF), outside("row 1 has -1")),
    "standard errors without end": Case(_KNOWN, table(w=[INF] * 24), refused("w is inf")),
    "a standard error of 1e-200": Case(
        _KNOWN, table(w=np.where(HALF, 1e-200, 1.0)), outside("at least 1e-100", "row 2")
    ),
    "an infinite offset": Case("y ~ x + offset(w)", table(w=[INF] * 24), refused("w is inf")),
    "an offset that is log 0": Case(
        "y ~ x + offset(log(w))", table(y=COUNT, w=HALF), refused("log(w) is -inf in row 1"),
        "poisson",
    ),
    "a missing offset": Case("y ~ x + offset(w)", table(w=[NAN] + [1] * 23), dropped("w", 1)),
    "text as an offset": Case("y ~ x + offset(g)", table(), refused("'g' must be", "numbers")),
}  # fmt: skip
