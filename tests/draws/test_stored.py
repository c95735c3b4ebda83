"""Draws on disk are those in memory, and no more of them is read than is wanted."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from hierglm.draws import stored
from hierglm.draws.draws import Variable
from hierglm.draws.stored import InChains, StoredVariable, chunk, forget, mapped
from hierglm.program.fragment import Output

VALUES = np.random.default_rng(1).normal(size=(2, 5, 37, 3))
OWN = Variable("r_g", "ran_vals", "g", VALUES, (("g", range(37)), ("g_term", "abc")))


class Reader:
    """Reads an array, and remembers what was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def __call__(self, low: int, high: int) -> np.ndarray:
        self.asked.append((low, high))
        return VALUES[:, :, low:high]


@pytest.fixture(params=[(15, 30), (75, 300), (2**14, 2**22)])
def variable(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> StoredVariable:
    """Chunks of 1, 5 and all levels."""
    monkeypatch.setattr(stored, "CHUNK", request.param[0])
    monkeypatch.setattr(stored, "_BLOCK", request.param[1])
    return StoredVariable(OWN, Reader(), 2, 5)


def test_values_are_those_of_memory(variable: StoredVariable) -> None:
    assert np.array_equal(variable.values, VALUES)
    assert not variable.values.flags.writeable
    assert (variable.shape, variable.nbytes) == ((37, 3), VALUES.nbytes)
    parts = list(variable.parts())
    assert np.concatenate([at for at, _ in parts]).tolist() == list(range(37))
    assert np.array_equal(np.concatenate([x for _, x in parts], axis=2), VALUES)
    again = pickle.loads(pickle.dumps(variable))
    assert np.array_equal(again.values, VALUES)


def test_some_levels(variable: StoredVariable) -> None:
    rng = np.random.default_rng(2)
    width = chunk(5, (37, 3))
    for size in (0, 1, 2, 9, 20, 37):
        at = np.sort(rng.choice(37, size, replace=False))
        variable.read.asked.clear()
        assert np.array_equal(variable.some(at), VALUES[:, :, at])
        # What is read are chunks that hold a wanted level, each once.
        read = [k for low, high in variable.read.asked for k in range(low, high)]
        assert len(read) == len(set(read))
        assert {k // width for k in read} == set((at // width).tolist())


def test_what_chains_have_left(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    # Stan's own shapes: a vector, and a matrix of which two columns are picked.
    one, two = rng.normal(size=(2, 1, 4, 6)), rng.normal(size=(2, 1, 4, 6, 3))
    chains = []
    for k in range(2):
        held = []
        for name, values in {"one": one[k], "two": two[k]}.items():
            (tmp_path / f"{name}_{k}").write_bytes(values.tobytes())
            held.append(mapped(tmp_path / f"{name}_{k}", values.shape))
            (tmp_path / f"{name}_{k}").unlink()
        chains.append(held)
    pick = (np.arange(6)[:, None], np.array([[0, 2]]))
    outputs = [
        Output("r_1", "r_g", "ran_vals", "g", (("g", range(6)), ("g_term", ("a",)))),
        Output("r_2", "r_g", "ran_vals", "g", (("g", range(6)), ("g_term", ("b", "c"))), pick),
    ]
    expected = np.concatenate(
        [np.concatenate([one[k][..., None], two[k][..., [0, 2]]], axis=-1) for k in range(2)]
    )
    read = InChains(outputs, chains)
    assert np.array_equal(read(0, 6), expected)
    assert np.array_equal(read(2, 5), expected[:, :, 2:5])
    forget(chains[0][0])
    assert np.array_equal(chains[0][0], one[0])
    with pytest.raises(ValueError, match="read-only"):
        chains[0][0][0, 0, 0] = 1.0
