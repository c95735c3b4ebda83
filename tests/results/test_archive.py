"""The container of saved fits: whole or not at all, and never believed."""

from __future__ import annotations

import json
import os
import struct
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib import format as npy
from numpy.typing import NDArray

from hierglm.draws.draws import Variable
from hierglm.engines.engine import Settings
from hierglm.errors import FileError
from hierglm.plan.forms import Choice, ResponseForm
from hierglm.results.archive import FORMAT, read_archive, read_json, to_array, write_archive
from hierglm.results.pack import Packer, unpack
from hierglm.results.vetting import fits

ARRAYS = [
    np.arange(12.0).reshape(3, 4),
    np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    np.arange(12.0).reshape(3, 4)[:, ::2],
    np.array(3.5),
    np.empty((0, 2)),
    np.array([True, False]),
    np.array([1, -2], dtype=">i2"),
    np.array(["2020-01-01", "NaT"], dtype="datetime64[D]"),
    np.array([np.nan, -0.0, np.inf, 5e-324]),
]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "a.hglm"
    write_archive(path, [("a.json", b'{"x": 1}'), ("b.npy", np.arange(40.0))])
    return path


@pytest.mark.parametrize("array", ARRAYS, ids=str)
def test_arrays_come_back_bit_for_bit(array: Any, tmp_path: Path) -> None:
    write_archive(tmp_path / "a", [("a.npy", array)])
    found = to_array(read_archive(tmp_path / "a")["a.npy"], "a.npy")
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    assert found.tobytes() == array.tobytes()
    assert not found.flags.writeable


def test_members_are_what_numpy_reads(saved: Path) -> None:
    with zipfile.ZipFile(saved) as archive:
        assert archive.testzip() is None
        found = np.load(BytesIO(archive.read("b.npy")), allow_pickle=False)
    np.testing.assert_array_equal(found, np.arange(40.0))


def test_the_same_members_make_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    write_archive(again, [("a.json", b'{"x": 1}'), ("b.npy", np.arange(40.0))])
    assert again.read_bytes() == saved.read_bytes()


def test_a_failed_write_leaves_what_was_there(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = saved.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError, match="No space left on device"):
        write_archive(saved, [("a.json", b"{}")])
    assert saved.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.hglm"]


def test_an_interrupted_write_leaves_what_was_there(saved: Path, tmp_path: Path) -> None:
    def members() -> Any:
        yield "a.json", b"{}"
        raise KeyboardInterrupt

    before = saved.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        write_archive(saved, members())
    assert saved.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.hglm"]


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="it is a folder"):
        write_archive(tmp_path, [])
    with pytest.raises(FileError, match="there is no folder"):
        write_archive(tmp_path / "no" / "a.hglm", [])
    with pytest.raises(FileError, match="no file"):
        read_archive(tmp_path / "absent")
    with pytest.raises(FileError, match="cannot read"):
        read_archive(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.6, 0.9, 0.99])
def test_cut_off(saved: Path, share: float) -> None:
    data = saved.read_bytes()
    saved.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(FileError, match="is not a saved fit, or it was cut off or changed"):
        read_archive(saved)


def test_any_changed_byte_is_noticed_or_does_not_matter(saved: Path) -> None:
    data, whole = saved.read_bytes(), read_archive(saved)
    noticed = 0
    for place in range(0, len(data), 3):
        saved.write_bytes(data[:place] + bytes([data[place] ^ 0x15]) + data[place + 1 :])
        try:
            assert read_archive(saved) == whole, place
        except FileError:
            noticed += 1
    assert noticed > 0.5 * len(data) / 3


def _zip(
    path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_STORED, **manifest: Any
) -> None:
    from hashlib import sha256

    sums = {name: sha256(data).hexdigest() for name, data in members.items()}
    said = {"format": FORMAT, "version": 1, "sha256": sums, **manifest}
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        archive.writestr("manifest.json", json.dumps(said))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 2}, "is in format 2, and this hierglm reads format 1"),
        ({"format": "other"}, "is not a saved fit but 'other'"),
        ({"sha256": {"a": "0" * 64}}, "'a' has another checksum"),
        ({"sha256": {}}, "members added or missing, such as 'a'"),
        ({"sha256": {"a": "", "../b": ""}}, "members added or missing, such as '../b'"),
        ({"sha256": [1]}, "is not a saved fit"),
    ],
)
def test_manifests_that_lie(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    _zip(tmp_path / "a", {"a": b"1"}, **change)
    with pytest.raises(FileError, match=words):
        read_archive(tmp_path / "a")


def test_repacked_bombed_and_foreign(tmp_path: Path) -> None:
    path = tmp_path / "a"
    _zip(path, {"a": b"0" * 10_000_000}, method=zipfile.ZIP_DEFLATED)
    with pytest.raises(FileError, match="was repacked: a saved fit holds no compressed members"):
        read_archive(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<xml/>")
    with pytest.raises(FileError, match=r"has a member 'word/document\.xml', and a saved"):
        read_archive(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("document.xml", "<xml/>")
    with pytest.raises(FileError, match=r"it has no manifest\.json"):
        read_archive(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", "{")
    with pytest.raises(FileError, match="its manifest cannot be read"):
        read_archive(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a", "2")
    with pytest.raises(FileError, match="its list of members is wrong"):
        read_archive(path)
    path.write_text("no zip at all")
    with pytest.raises(FileError, match="is not a saved fit"):
        read_archive(path)


def test_members_that_overlap_are_refused(tmp_path: Path) -> None:
    """The directory may promise the same bytes many times over."""
    path = tmp_path / "a"
    _zip(path, dict.fromkeys("abcdefgh", b"x" * 1000))
    data = bytearray(path.read_bytes())
    start = data.find(b"PK\x01\x02")
    while start >= 0:
        # Sizes, compressed and not, of each entry of the central directory.
        struct.pack_into("<II", data, start + 20, 9000, 9000)
        start = data.find(b"PK\x01\x02", start + 1)
    path.write_bytes(data)
    with pytest.raises(FileError, match=r"promises more than it holds|is not a saved fit"):
        read_archive(path)


@pytest.mark.parametrize(
    "name", ["../a", "/etc/passwd", "a/b", "C:\\a", "a\x1b[2J", ".a", "a" * 60_000, "é"]
)
def test_members_with_paths_for_names(name: str, tmp_path: Path) -> None:
    _zip(tmp_path / "a", {name: b"1"})
    with pytest.raises(FileError, match=r"it has a member|list of members is too long") as caught:
        read_archive(tmp_path / "a")
    assert len(str(caught.value)) < 500
    assert "\x1b" not in str(caught.value)


def test_a_file_larger_than_asked_for_is_not_read(saved: Path) -> None:
    size = saved.stat().st_size
    assert set(read_archive(saved, max_bytes=size)) == {"a.json", "b.npy"}
    with pytest.raises(FileError, match=rf"has {size:,} bytes; .* load\(\.\.\., max_bytes={size}"):
        read_archive(saved, max_bytes=size - 1)


def test_a_list_of_members_is_measured_before_it_is_read(tmp_path: Path) -> None:
    """One entry of 46 bytes becomes an object of a kilobyte."""
    path = tmp_path / "a"
    body = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", *[0] * 16) * 200_000
    short = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 300, 300, len(body), 0, 0)
    counts = (44, 45, 45, 0, 0, 200_000, 200_000, len(body), 0)
    long = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", *counts)
    long += struct.pack("<4sLQL", b"PK\x06\x07", 0, len(body), 1)
    long += short.replace(struct.pack("<2H", 300, 300), b"\xff" * 4)
    for end in (short, long):
        path.write_bytes(body + end)
        with pytest.raises(FileError, match="its list of members is too long"):
            read_archive(path)


def test_encrypted_members_and_comments(saved: Path) -> None:
    data = bytearray(saved.read_bytes())
    start = data.find(b"PK\x01\x02")
    while start >= 0:
        data[start + 8] |= 1
        start = data.find(b"PK\x01\x02", start + 1)
    saved.write_bytes(data)
    with pytest.raises(FileError, match="it is encrypted"):
        read_archive(saved)
    with zipfile.ZipFile(saved, "w") as archive:
        archive.comment = b"hello"
    with pytest.raises(FileError, match="does not end as a saved fit does"):
        read_archive(saved)


def test_text_wider_than_there_is_room() -> None:
    with pytest.raises(FileError, match="1 labels as wide as 999999999 characters"):
        unpack({"text": ["a"], "dtype": "<U999999999"}, {}.__getitem__)
    with pytest.raises(FileError, match="labels that are no text"):
        unpack({"text": [["a"]], "dtype": "<U9"}, {}.__getitem__)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "", "[1", "\xff", "9" * 5_000])
def test_text_that_is_no_json(text: str) -> None:
    with pytest.raises(FileError, match="damaged file: m is no JSON"):
        read_json(text.encode("latin-1"), "m")


def _npy(**header: Any) -> bytes:
    out = BytesIO()
    said = {"descr": "<f8", "fortran_order": False, "shape": (3,), **header}
    npy.write_array_header_1_0(out, said)
    return out.getvalue() + bytes(24)


def _header(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + bytes(24)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (_npy(shape=(10**12,)), "does not hold"),
        (_npy(shape=(-3,)), "does not hold"),
        (_npy(shape=(2**62, 4, 3)), "does not hold"),
        (_npy(descr="|O"), "holds object, not numbers"),
        (_npy(descr=[("a", "<f8")]), "not numbers"),
        (_npy(descr="<U2"), "not numbers"),
        (b"\x93NUMPY\x02\x00", "is not an array"),
        (b"\x93NUMPY\x01\x00\xff\xff{", "is not an array"),
        (b"", "is not an array"),
        (b"\x80\x04\x95pickle", "is not an array"),
        (_header("(" * 5_000 + ")" * 5_000), "is not an array"),
        (_header("{'descr': '<f8', 'fortran_order': False, 'shape': (" + "1," * 900 + ")}"), "not"),
        (_header("{'descr': " + "[" * 90 + "'<f8'" + "]" * 90 + "}"), "is not an array"),
        (_header("{'descr': '<f8', 'fortran_order': 1, 'shape': (3,)}"), "is not an array"),
        (_header("{'descr': '|V0', 'fortran_order': False, 'shape': (3,)}"), "not numbers"),
        (_npy()[:-1], "does not hold"),
    ],
)
def test_headers_that_lie(data: bytes, words: str) -> None:
    with pytest.raises(FileError, match=words):
        to_array(data, "x.npy")


VALUES = [
    None, True, 3, 2.5, float("inf"), -0.0, "text 时 \n", ("a", ("b", 1)), [1, "x"],
    {"a": 1, ("b", 2): [3]}, ResponseForm.GLM, Choice("p", ResponseForm.GLM, "why"),
    Settings(seed=2**32 - 1, adapt_delta=0.1 + 0.2, progress=None),
]  # fmt: skip


def _round(value: Any, json_too: Callable[[Any], Any] = lambda x: json.loads(json.dumps(x))) -> Any:
    packer = Packer()
    said = json_too(packer.pack(value))
    return unpack(said, packer.arrays.__getitem__)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_come_back(value: Any) -> None:
    found = _round(value)
    assert found == value
    assert type(found) is type(value)


STORED = [
    np.array(["a", "bcd"]), np.array(["a", 1, None, True], dtype=object), np.array([3, 1]),
    np.array(["a", "b\x00"], dtype=object),
]  # fmt: skip
if hasattr(np.dtypes, "StringDType"):  # NumPy 2
    STORED.append(np.array(["é", "b"], dtype=np.dtypes.StringDType()))


@pytest.mark.parametrize("labels", STORED, ids=str)
def test_labels_keep_type_and_order(labels: Any) -> None:
    found = _round(Variable("r", "ran_vals", "g", np.ones((1, 1, 2, 1)), (("g", labels),)))
    assert found.dims[0][1].dtype == labels.dtype
    assert found.dims[0][1].tolist() == labels.tolist()


def test_numpy_scalars_stay_numpy_scalars() -> None:
    found = _round((np.int16(4), np.datetime64("2020-01-01")))
    assert found == (np.int16(4), np.datetime64("2020-01-01"))
    assert type(found[0]) is np.int16


def test_one_array_is_kept_once() -> None:
    packer, levels = Packer(), np.arange(5)
    packer.pack([levels, {"again": levels}])
    assert len(packer.arrays) == 1


def test_what_files_cannot_hold() -> None:
    for value in (object(), lambda: 1, {1, 2}, np.array([["a"]])):
        with pytest.raises(FileError, match="cannot hold"):
            Packer().pack(value)


@pytest.mark.parametrize(
    "said",
    [{"record": "Popen", "fields": {}}, {"enum": "Block", "name": "DATA"}, {"odd": 1}, {},
     {"record": "Choice", "fields": [1]}, {"text": [1], "dtype": "O"}],
)  # fmt: skip
def test_json_of_others_is_refused(said: Any) -> None:
    with pytest.raises(FileError, match="damaged file: it holds"):
        unpack(said, {}.__getitem__)


@pytest.mark.parametrize(
    ("value", "hint", "right"),
    [
        (np.zeros(3), NDArray[np.float64], True),
        (np.zeros(3), NDArray[np.int64], False),
        (np.zeros(3, dtype=np.int64), NDArray[np.float64], False),
        (np.zeros(3, dtype=bool), NDArray[np.float64] | None, False),
        (None, NDArray[np.float64] | None, True),
        (np.zeros(3), NDArray[Any], True),
        ([0.0], NDArray[Any], False),
    ],
)
def test_arrays_are_of_the_numbers_that_are_wanted(value: Any, hint: Any, right: bool) -> None:
    """Whatever NDArray is: since NumPy 2.5 a name for a type."""
    assert fits(value, hint) is right
