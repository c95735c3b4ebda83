"""Our values as JSON and arrays, and back: only the kinds listed here, and never code."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.given import GivenEdges, GivenMatrix
from hierglm.design.reduced import Counted, GroupReduced, Reduced
from hierglm.draws.draws import Draws, Variable
from hierglm.engines.engine import Settings
from hierglm.engines.methods import METHODS
from hierglm.engines.options import EngineOptions
from hierglm.errors import FileError
from hierglm.plan import forms
from hierglm.priors.distributions import Prior
from hierglm.priors.slots import Assigned, Priors, Slot
from hierglm.program.fragment import Function, Output, Place, Program
from hierglm.results.approximation import Approximation, Located
from hierglm.results.outcome import Elbo, Outcome
from hierglm.results.vetting import vetted

RECORDS: Mapping[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        Approximation, Assigned, Counted, Draws, Elbo, EngineOptions, Function, GivenEdges,
        GivenMatrix, GroupReduced, Located, Outcome, Output, Place, Prior, Priors, Program, Reduced,
        Settings, Slot, Variable, forms.Choice, *METHODS.values(),
    )
}  # fmt: skip
"""Dataclasses that may stand in a file."""

ENUMS: Mapping[str, type[Enum]] = {
    name: kind
    for name, kind in vars(forms).items()
    if isinstance(kind, type) and issubclass(kind, Enum) and kind is not Enum
}
"""Enumerations that may stand in a file: the forms of a plan."""


_SMALL = 2**20
_MOST_ROOM = 2**28
"""Characters that an array of labels may have room for (1 GB)."""


class Packer:
    """Turns values into what JSON can say; numbers in bulk go to `arrays`, by member name."""

    def __init__(self) -> None:
        self.arrays: dict[str, NDArray[Any]] = {}
        self._known: dict[Any, str] = {}

    def pack(self, value: Any) -> Any:
        """Return a value as JSON.

        Raises
        ------
        FileError
            For a value of a kind that files do not hold.
        """
        if value is None or isinstance(value, bool | int | float | str):
            # Subclasses such as numpy.float64 and numpy.str_ become what they hold.
            return value.item() if isinstance(value, np.generic) else value
        if isinstance(value, np.generic):
            return {"scalar": self._array(np.asarray(value))}
        if isinstance(value, Enum):
            return {"enum": type(value).__name__, "name": value.name}
        if isinstance(value, np.ndarray):
            return self._pack_array(value)
        if isinstance(value, tuple | list):
            return {type(value).__name__: [self.pack(x) for x in value]}
        if isinstance(value, Mapping):
            return {"map": [[self.pack(k), self.pack(v)] for k, v in value.items()]}
        if is_dataclass(value) and RECORDS.get(type(value).__name__) is type(value):
            held = {f.name: self.pack(getattr(value, f.name)) for f in fields(value)}
            return {"record": type(value).__name__, "fields": held}
        raise FileError(f"a saved fit cannot hold a {type(value).__name__}: {str(value)[:60]!r}")

    def _pack_array(self, value: NDArray[Any]) -> Any:
        if value.dtype.kind in "biufMm":
            return {"array": self._array(value)}
        if value.ndim != 1:
            raise FileError("a saved fit cannot hold a matrix of text")
        if value.dtype.kind == "O":
            return {"object": [self.pack(x) for x in value.tolist()]}
        return {
            "text": value.tolist(),
            "dtype": value.dtype.str if value.dtype.kind == "U" else "T",
        }

    def _array(self, value: NDArray[Any]) -> str:
        # What stands in several places, such as levels, is kept once: small arrays are known
        # by what they hold, large ones by where they are (`arrays` keeps them alive).
        small = value.nbytes < _SMALL
        key = (value.dtype.str, value.shape, value.tobytes()) if small else id(value)
        if key not in self._known:
            self._known[key] = f"array_{len(self.arrays)}.npy"
            self.arrays[self._known[key]] = value
        return self._known[key]


def unpack(value: Any, arrays: Callable[[str], NDArray[Any]]) -> Any:
    """Return the value that `Packer.pack` turned into JSON.

    Parameters
    ----------
    value : object
        What ``json.loads`` returned.
    arrays : callable
        Returns an array by the name of its member.

    Raises
    ------
    FileError
        For JSON that `Packer` does not write.
    """
    if isinstance(value, str):
        return _whole(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    match value:
        case {"array": str(name)}:
            return arrays(name)
        case {"scalar": str(name)}:
            return arrays(name)[()]
        case {"text": list(items), "dtype": str(kind)} if re.fullmatch(r"T|[<>]U\d+", kind):
            _refuse_wide(items, kind)
            _whole("".join(items))
            return _frozen(np.array(items, dtype=kind))
        case {"object": list(items)}:
            out = np.empty(len(items), dtype=object)
            out[:] = [unpack(x, arrays) for x in items]
            return _frozen(out)
        case {"tuple": list(items)}:
            return tuple(unpack(x, arrays) for x in items)
        case {"list": list(items)}:
            return [unpack(x, arrays) for x in items]
        case {"map": list(items)}:
            return {unpack(k, arrays): unpack(v, arrays) for k, v in items}
        case {"enum": str(kind), "name": str(name)} if kind in ENUMS:
            return ENUMS[kind][name]
        case {"record": str(kind), "fields": dict(held)} if kind in RECORDS:
            made = {k: unpack(v, arrays) for k, v in held.items()}
            return RECORDS[kind](**vetted(RECORDS[kind], made))
        case _:
            raise FileError(f"damaged file: it holds {str(value)[:60]!r}")


def _whole(text: str) -> str:
    """Return text, unless it has half a character: no table has such labels."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise FileError("damaged file: text with half a character") from None
    return text


def _refuse_wide(items: list[Any], kind: str) -> None:
    """Refuse text without end: an array has room for its widest in every place."""
    if not all(isinstance(item, str) for item in items):
        raise FileError("damaged file: labels that are no text")
    if kind != "T" and len(items) * int(kind[2:12]) > _MOST_ROOM:
        raise FileError(f"damaged file: {len(items):,} labels as wide as {kind[2:12]} characters")


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array
