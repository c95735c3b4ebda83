"""Analysis files: read and checked, or one of hierglm's errors; nothing is run."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from hierglm.analysing.analysis import read
from hierglm.analysing.keys import SECTIONS, SETTINGS, TOP
from hierglm.errors import HierglmError
from tests.hostile.guard import check_message, guarded

GOOD = """
title = "Radon"
seed = 3
[data.radon]
file = "radon.csv"
where = "x > 0"
columns = {z = "log(x)"}
factors = ["county"]
levels = {county = ["a", "b"]}
[settings]
chains = 2
draws = "auto"
[models.a]
formula = "y ~ x + (1 | county)"
priors = {b = "normal(0, 1)"}
[models.b]
parts = [{formula = "y ~ x"}, {formula = "z ~ x", family = "poisson"}]
[comparisons.both]
models = ["a", "b"]
[tables.t]
model = "a"
out = "t.csv"
[plots.p]
model = "a"
kind = "trace"
[reports.r]
model = "b"
""".replace('draws = "auto"\n', "")
_VALUES = [
    *(
        "1",
        "-1",
        "true",
        '"x"',
        '""',
        "[]",
        "{}",
        "[[]]",
        "1e400",
        "nan",
        "inf",
        "0x" + "f" * 5_000,
    ),
    *(
        "9" * 5_000,
        "1979-05-27",
        "07:32:00",
        '"../../../etc/passwd"',
        '"/etc/passwd"',
        '"a\\u0000b"',
    ),
    *('"CON"', '"$(touch x)"', '"`touch x`"', '"\\uD7FF"', "[1, 'a']", "[" * 500 + "]" * 500),
    *("{a = " * 80 + "1" + "}" * 80, "'''a\nb'''", "[{}]", '{"" = 1}', '["a", "b"]', '"x.csv"'),
]
_keys = sorted({*TOP, *SETTINGS, *(k for keys in SECTIONS.values() for k in keys), "odd", '""'})
_names = ["a", "b", "radon", '"x y"', '"../a"', '"a/b"', '""', '"nul"', '"a\\nb"', '"é"', "a.b"]


@st.composite
def _written(draw: Any) -> str:
    lines = []
    for _ in range(draw(st.integers(0, 6))):
        section = draw(st.sampled_from([*SECTIONS, "settings", "odd", ""]))
        if section:
            name = draw(st.sampled_from(_names))
            form = draw(st.sampled_from(["[{s}.{n}]", "[[{s}.{n}]]", "[{s}]", "[[{s}]]"]))
            lines.append(form.format(s=section, n=name))
        for _ in range(draw(st.integers(0, 4))):
            lines.append(f"{draw(st.sampled_from(_keys))} = {draw(st.sampled_from(_VALUES))}")
    return "\n".join(lines)


@st.composite
def _changed(draw: Any) -> str:
    lines = GOOD.split("\n")
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        kind = draw(st.sampled_from(["value", "drop", "double", "text", "key"]))
        key, equals, _ = lines[at].partition("=")
        if kind == "value" and equals:
            lines[at] = f"{key}= {draw(st.sampled_from(_VALUES))}"
        elif kind == "drop":
            lines[at] = ""
        elif kind == "double":
            lines.insert(at, lines[at])
        elif kind == "key":
            lines[at] = f"{draw(st.sampled_from(_keys))} = {draw(st.sampled_from(_VALUES))}"
        else:
            place = draw(st.integers(0, len(lines[at])))
            lines[at] = lines[at][:place] + draw(st.text(max_size=6)) + lines[at][place:]
    return "\n".join(lines)


STRATEGY = st.one_of(_changed(), _written(), st.text(max_size=80))


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="hierglm-fuzz-"))


def check(text: str) -> None:
    """Read an analysis file; what it says must lie in its folder of output."""
    path = _folder() / "analysis.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with guarded(allowed=str(path)):
        try:
            analysis = read(path)
        except HierglmError as error:
            check_message(error)
            return
    json.dumps([step.id for step in analysis.steps.values()])
    assert sorted(p.name for p in _folder().iterdir()) == ["analysis.toml"]
