"""Draws that are on disk, not in memory: read when they are wanted, some labels at a time."""

from __future__ import annotations

import math
import mmap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.draws.draws import LABELS, Variable, with_values
from hierglm.errors import FileError
from hierglm.program.fragment import Output

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Read = Callable[[int, int], Floats]
"""Takes the first position and the one after the last; returns draws (chains, draws, positions,
...)."""

CHUNK = 2**14
"""About how many numbers of a chain stand together in a file (128 kB): what reading one level
costs."""
IN_FILES = 2**23
"""Bytes from which on the draws of a chain are a file, where one may be."""
_BLOCK = 2**22
"""Most numbers that are read at once (32 MB)."""


class StoredVariable(Variable):
    """Draws that are on disk. The attributes are those of `Variable`.

    Parameters
    ----------
    own : Variable
        Its name and labels; its values are not looked at.
    read : callable
        Reads the draws at some positions; see `Read`.
    chains, draws : int
    late : bool
        Whether they were drawn after the sampling, see `hierglm.draws.integrated`.
    """

    __slots__ = ("_size", "late", "read")
    read: Read
    late: bool
    _size: tuple[int, int]

    def __init__(
        self, own: Variable, read: Read, chains: int, draws: int, late: bool = False
    ) -> None:
        held: dict[str, Any] = {name: getattr(own, name) for name in LABELS}
        for name, value in (held | {"read": read, "late": late, "_size": (chains, draws)}).items():
            object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[object, ...]:
        return StoredVariable, (bare(self), self.read, *self._size, self.late)

    def __repr__(self) -> str:
        # That of the dataclass would read all draws.
        return f"StoredVariable({self.name!r}, {(*self._size, *self.shape)}, read={self.read!r})"

    @property
    def values(self) -> Floats:
        """All draws, in memory; read-only."""
        out = np.empty((*self._size, *self.shape))
        for at, block in self.parts():
            out[:, :, at] = block
        out.flags.writeable = False
        return out

    @property
    def nbytes(self) -> int:
        """Bytes of all draws."""
        return 8 * math.prod((*self._size, *self.shape))

    def parts(self) -> Iterator[tuple[Ints, Floats]]:
        """Yield positions and their draws, a block of whole chunks at a time."""
        total, step = self.shape[0], self._step
        for low in range(0, total, step):
            high = min(low + step, total)
            yield np.arange(low, high), self.read(low, high)

    def some(self, positions: Ints) -> Floats:
        """Return the draws at some positions, ascending; chunks without any are not read."""
        out = np.empty((*self._size, len(positions), *self.shape[1:]))
        width = chunk(self._size[1], self.shape)
        done = 0
        while done < len(positions):
            low = int(positions[done]) // width * width
            stop = min(low + self._step, self.shape[0])
            # As far as neighbours are in the same chunk or the next.
            near = positions[done : int(np.searchsorted(positions, stop))]
            gaps = np.flatnonzero(np.diff(near // width) > 1)
            near = near[: gaps[0] + 1] if len(gaps) else near
            high = min((int(near[-1]) // width + 1) * width, self.shape[0])
            out[:, :, done : done + len(near)] = self.read(low, high)[:, :, near - low]
            done += len(near)
        return out

    @property
    def _step(self) -> int:
        width = chunk(self._size[1], self.shape)
        each = self._size[0] * self._size[1] * int(np.prod(self.shape[1:], dtype=np.int64))
        return max(width, _BLOCK // max(1, each) // width * width)


def bare(variable: Variable) -> Variable:
    """Return a variable's name and labels, without draws."""
    return with_values(variable, np.empty(0))


def chunk(draws: int, shape: Sequence[int]) -> int:
    """Return how many positions of the first dimension stand together in a file."""
    each = draws * int(np.prod(shape[1:], dtype=np.int64))
    return max(1, min(shape[0], CHUNK // max(1, each)))


@dataclass(frozen=True, slots=True)
class InFile:
    """Reads one variable of a NetCDF file; opened for each block, so that it can be sent anywhere.

    Attributes
    ----------
    path : Path
    dataset : str
        Where the draws are in the file.
    size, changed : int
        Bytes of the file, and the time at which it was written, in ns.
    """

    path: Path
    dataset: str
    size: int
    changed: int

    @classmethod
    def of(cls, path: Path, dataset: str) -> InFile:
        """Return the reader of a variable of a file as it is now."""
        found = path.stat()
        return cls(path, dataset, found.st_size, found.st_mtime_ns)

    def check(self) -> None:
        """Raise `FileError` if the file is not there any more, or is another one."""
        shown = repr(str(self.path))
        try:
            found = self.path.stat()
        except OSError as error:
            raise FileError(
                f"the draws of this fit are in {shown}, which cannot be read "
                f"({error.strerror}): put it back, or hg.load it from where it is"
            ) from None
        if (found.st_size, found.st_mtime_ns) != (self.size, self.changed):
            raise FileError(
                f"the draws of this fit are in {shown}, which was written again or changed since "
                "it was opened: hg.load opens what is there now"
            )

    def __call__(self, low: int, high: int) -> Floats:
        """Return the draws at positions from `low` to before `high`."""
        import h5py

        self.check()
        try:
            with h5py.File(self.path, "r") as file:
                found: Floats = file[self.dataset][:, :, low:high]
        except (KeyError, OSError, ValueError) as error:
            raise FileError(f"cannot read draws from {str(self.path)!r}: {error}") from error
        return found


@dataclass(frozen=True, slots=True)
class InChains:
    """Reads effects of levels that the chains of a run have left on disk, by `mapped` files.

    Attributes
    ----------
    outputs : sequence of Output
        What is joined along the last dimension.
    chains : sequence of sequence of ndarray
        For each chain the Stan value of each output, shape (1, draws, levels, ...).
    """

    outputs: Sequence[Output] = field(repr=False)
    chains: Sequence[Sequence[Floats]] = field(repr=False)

    def __call__(self, low: int, high: int) -> Floats:
        """Return the draws at positions from `low` to before `high`."""
        return np.concatenate([self._chain(values, low, high) for values in self.chains])

    def _chain(self, values: Sequence[Floats], low: int, high: int) -> Floats:
        parts = []
        for out, value in zip(self.outputs, values, strict=True):
            block = np.array(value[:, :, low:high])
            forget(value)
            if out.pick is not None:
                # Effects of a level are picked for all levels alike.
                block = block[:, :, :, out.pick[1].ravel()]
            parts.append(block.reshape(*block.shape[:3], len(out.dims[-1][1])))
        return np.concatenate(parts, axis=-1)


def mapped(path: Path, shape: Sequence[int]) -> Floats:
    """Return the numbers of a file, read when they are looked at; it may be removed meanwhile.

    Parameters
    ----------
    path : Path
        Of doubles, one after the other.
    shape : sequence of int

    Returns
    -------
    ndarray
        Read-only.
    """
    with path.open("rb") as file:
        memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return np.frombuffer(memory, dtype=np.float64).reshape(shape)


def laid_down(values: Floats, folder: Path) -> Floats:
    """Return the same numbers in a file without a name, read when they are looked at.

    Parameters
    ----------
    values : ndarray, shape (chains, draws, ...)
        What is in a file already stays there.
    folder : Path
        Where the file is.

    Raises
    ------
    FileError
        If it cannot be written.
    """
    if _file_of(values) is not None or not values.size:
        return values
    try:
        with TemporaryDirectory(prefix=".hierglm-", dir=folder) as place:
            path = Path(place) / "draws"
            with path.open("xb") as file:
                for chain in values:
                    for draw in chain:
                        np.ascontiguousarray(draw).tofile(file)
            return mapped(path, values.shape)
    except OSError as error:
        raise FileError(f"cannot write draws in {str(folder)!r}: {error.strerror}") from error


def forget(array: Floats) -> None:
    """Let go of the memory that holds what was read of a `mapped` array; it can be read again."""
    memory = _file_of(array)
    if memory is not None and hasattr(memory, "madvise"):
        memory.madvise(mmap.MADV_DONTNEED)


def _file_of(array: Floats) -> mmap.mmap | None:
    """Return the file that an array is of, if it is a `mapped` one."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap.mmap) else None
