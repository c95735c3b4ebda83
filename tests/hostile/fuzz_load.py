"""Saved fits, changed in every way: opened, or a `FileError`; what opens can be shown."""

from __future__ import annotations

import json
import struct
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from hierglm.errors import FileError, HierglmError
from hierglm.formula.parse import parse
from hierglm.posterior import load
from hierglm.results.archive import read_archive, write_archive
from hierglm.results.fitted import Fitted
from hierglm.results.store import save
from hierglm.streaming.counting import tally
from hierglm.streaming.passes import read
from hierglm.streaming.sources import source_of
from tests.hostile.guard import check_message, guarded
from tests.results.test_store import _fitted, _table, fitted_of

FITS = [
    ("y ~ x + (x | school)", "gaussian"),
    ("y ~ bs(z, df=4) + C(period, contr.sum) + (1 | school/year)", "gaussian"),
    ("won ~ z + (z | year)", "poisson"),
    ("y ~ z + (1 | day)", "gaussian"),
]
READ = [
    ("y ~ z + (z | year)", "gaussian"),
    ("y ~ z + period + (1 + z | school) + (1 | year)", "gaussian"),
    ("won ~ period + (1 | year)", "poisson"),
]
"""Of rows that are read in batches."""
HOSTILE: list[Any] = [
    *(None, True, -1, 0, 1, 3, 10**18, 1e300, float("nan"), float("inf"), "", "x", "a" * 5_000),
    *("\x1b[2J\n", "\ud800", "<script>", "y ~ x + (x | school)", "y ~ C(x, contr.poly)", [], {}),
    *(
        [[]],
        {"tuple": []},
        {"list": [1]},
        {"map": [[1, 2]]},
        {"map": [1]},
        {"array": "array_0.npy"},
    ),
    *({"array": "array_1.npy"}, {"array": "no.npy"}, {"scalar": "array_2.npy"}, {"object": [1]}),
    *({"text": ["a"], "dtype": "<U3"}, {"text": ["a"] * 9, "dtype": "T"}, {"enum": "GroupForm"}),
    *({"enum": "GroupForm", "name": "INTEGRATED"}, {"enum": "GroupForm", "name": "NO"}),
    *({"record": "Prior", "fields": {"kind": "normal", "numbers": {"tuple": [0.0, 1.0]}}},),
    *({"record": "Settings", "fields": {"chains": 1000}}, {"record": "Draws", "fields": {}}),
    *(
        {"record": "os.system", "fields": {"command": "true"}},
        {"text": ["a"], "dtype": "<U999999999"},
    ),
    {"tuple": [{"tuple": [{"tuple": ["x"]}]}]},
]
_places = st.integers(0, 10**6)
_WHOLE = st.one_of(
    st.tuples(st.just("cut"), _places),
    st.tuples(st.just("flip"), _places, st.integers(1, 255)),
    st.tuples(st.just("insert"), _places, st.integers(1, 300)),
)
_SAID = st.one_of(
    st.tuples(st.just("replace"), _places, st.integers(0, len(HOSTILE) - 1)),
    st.tuples(st.just("swap"), _places, _places),
    st.tuples(st.just("drop"), _places),
    st.tuples(st.just("double"), _places),
    st.tuples(st.just("deep"), _places, st.sampled_from([5, 60, 3_000])),
)
_ARRAYS = st.one_of(
    st.tuples(st.just("array"), _places, st.integers(0, 9)),
    st.tuples(st.just("arrays"), _places, _places),
    st.tuples(st.just("member"), _places, st.sampled_from(["drop", "rename", "empty"])),
)
_edits = st.one_of(
    st.lists(_SAID, min_size=1, max_size=2),
    st.lists(st.one_of(_SAID, _ARRAYS), min_size=1, max_size=3),
    st.lists(_ARRAYS, min_size=1, max_size=2),
    st.lists(_WHOLE, min_size=1, max_size=2),
)
STRATEGY = st.tuples(st.integers(0, len(FITS) + len(READ) - 1), _edits).map(
    lambda t: [t[0], [list(e) for e in t[1]]]
)


@cache
def folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="hierglm-fuzz-"))


@cache
def good(number: int) -> bytes:
    made = _fitted(*FITS[number]) if number < len(FITS) else _read(*READ[number - len(FITS)])
    path = save(made, folder() / f"good{number}")
    fit = load(path)
    # What is imported late is imported now.
    fit.tidy(), repr(fit), fit._repr_html_()
    return path.read_bytes()


def _read(formula: str, family: str) -> Fitted:
    import pyarrow as pa
    from pyarrow import dataset

    rows = _table()
    source = source_of(dataset.dataset(pa.Table.from_pandas(rows, preserve_index=False)))
    assert source is not None
    parsed = parse(formula, source.columns)
    return fitted_of((read if family == "gaussian" else tally)(parsed, source), family)


def check(case: list[Any]) -> None:
    """Change a saved fit and open it; what opens is shown as text, table and HTML."""
    path = folder() / "changed.hglm"
    path.write_bytes(changed(case))
    with guarded(allowed=str(path)):
        try:
            fit = load(path, max_bytes=10_000_000)
        except FileError as error:
            check_message(error)
            return
        for show in (fit.tidy, fit.__repr__, fit._repr_html_):
            try:
                show()
            except HierglmError as error:
                check_message(error)


def changed(case: list[Any]) -> bytes:
    """Return the bytes of a saved fit after the edits of a case."""
    number, edits = case
    data = good(number)
    path = folder() / "edited"
    path.write_bytes(data)
    members = dict(read_archive(path))
    whole = [e for e in edits if e[0] in ("cut", "flip", "insert")]
    said = json.loads(members["fit.json"])
    for edit in edits:
        if edit not in whole:
            said = _edit(members, said, *edit)
    if len(whole) < len(edits):
        if members.get("fit.json"):
            members["fit.json"] = _dumps(said)
        write_archive(path, list(members.items()))
        data = path.read_bytes()
    for kind, place, *more in whole:
        at = place % (len(data) + 1)
        if kind == "cut":
            data = data[:at]
        elif kind == "insert":
            data = data[:at] + bytes(more[0]) + data[at:]
        elif at < len(data):
            data = data[:at] + bytes([data[at] ^ more[0]]) + data[at + 1 :]
    return data


def _dumps(said: Any) -> bytes:
    depth, text = said if isinstance(said, tuple) else (0, said)
    out = json.dumps(text)
    return (out.replace('"DEEP"', "[" * depth + "]" * depth) if depth else out).encode()


def _nodes(said: Any) -> list[tuple[Any, Any]]:
    """Return every place in the text: what holds it, and its key."""
    found, todo = [], [said]
    while todo:
        held = todo.pop()
        items = held.items() if isinstance(held, dict) else enumerate(held)
        for key, value in items:
            found.append((held, key))
            if isinstance(value, dict | list):
                todo.append(value)
    return found


def _edit(members: dict[str, bytes], said: Any, kind: str, place: int, *more: Any) -> Any:
    depth, text = said if isinstance(said, tuple) else (0, said)
    nodes = _nodes(text)
    held, key = nodes[place % len(nodes)] if nodes else (text, None)
    if key is None:
        return said
    if kind == "replace":
        held[key] = json.loads(json.dumps(HOSTILE[more[0]]))
    elif kind == "deep":
        held[key], depth = "DEEP", more[0]
    elif kind == "drop":
        del held[key]
    elif kind == "double":
        held[f"{key}2" if isinstance(held, dict) else slice(key, key)] = (
            held[key] if isinstance(held, dict) else [held[key]]
        )
    elif kind == "swap":
        other, at = nodes[more[0] % len(nodes)]
        held[key], other[at] = json.loads(json.dumps([other[at], held[key]]))
    else:
        _edit_member(members, kind, place, more[0])
    return (depth, text)


def _edit_member(members: dict[str, bytes], kind: str, place: int, how: Any) -> None:
    arrays = [name for name in members if name.endswith(".npy")]
    if not arrays:
        return
    name = arrays[place % len(arrays)]
    if kind == "member":
        data = members.pop(name)
        if how != "drop":
            members["other.npy" if how == "rename" else name] = data if how == "rename" else b""
    elif kind == "arrays":
        members[name] = members[arrays[how % len(arrays)]]
    else:
        members[name] = _other_array(members[name], how)


def _other_array(data: bytes, how: int) -> bytes:
    length = struct.unpack("<H", data[8:10])[0] if len(data) > 10 else 0
    header, body = data[10 : 10 + length], data[10 + length :]
    swaps = [
        (b"<f8", b"<i8"),
        (b"<i8", b"<f8"),
        (b"<f8", b"|O "),
        (b"<f8", b">f8"),
        (b"<f8", b"<M8"),
        (b"False", b"True "),
        (b"(", b"(0,"),
        (b"(", b"(-1,"),
    ]
    if how < len(swaps):
        old, new = swaps[how]
        header = header.replace(old, new)[:length].ljust(length)
    elif how == len(swaps):
        body = np.full(len(body) // 8, np.nan).tobytes()
    else:
        body = b"\xff" * len(body)
    return data[:10] + header + body
