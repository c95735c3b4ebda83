"""What is known of rows that were read in batches, as data of a file, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Design, Grouping
from hierglm.design.reduced import Counted, GroupReduced, Reduced, with_levels
from hierglm.errors import FileError
from hierglm.results.pack import Packer, unpack

Coordinates = Mapping[tuple[int, int], tuple[NDArray[Any], NDArray[Any], NDArray[Any]]]


def pack_sums(design: Design, packer: Packer) -> Any:
    """Return the sums or counts of a design as JSON.

    Parameters
    ----------
    design : Design
        Its `reduced` is not None.
    packer : Packer
        Takes the numbers.
    """
    reduced = design.reduced
    if not isinstance(reduced, Reduced):
        return {"known": packer.pack(reduced)}
    cross = {k: _coordinates(matrix) for k, matrix in reduced.cross.items()}
    # Where levels are an array of numbers, the rows that are kept do not have all of them.
    own = next((g.levels for g in design.groups if not _has_all(g)), None)
    return {
        "known": packer.pack(replace(reduced, cross={})),
        "cross": packer.pack(cross),
        "levels": packer.pack(own),
    }


def with_sums(design: Design, said: Any, arrays: Callable[[str], Any]) -> Design:
    """Return a design with the sums or counts that a file has, and all levels.

    Parameters
    ----------
    design : Design
        Encoded again from the rows that are in the file.
    said : object
        What `pack_sums` returned.
    arrays : callable
        Returns an array by the name of its member.

    Raises
    ------
    FileError
        Numbers that are not those of such a design: other shapes, places that there are not.
    """
    known = unpack(said["known"], arrays)
    if isinstance(known, Counted):
        _check_counts(known, design)
        return replace(design, reduced=known)
    if not isinstance(known, Reduced):
        raise FileError("damaged file: neither sums nor counts of rows that were read in batches")
    levels = unpack(said["levels"], arrays)
    if levels is not None:
        _check_levels(levels, design)
        design = with_levels(design, levels)
    _check_sums(known, design)
    cross = dict(_crossed(unpack(said["cross"], arrays), design))
    return replace(design, reduced=replace(known, cross=cross))


def _has_all(grouping: Grouping) -> bool:
    return len(np.unique(grouping.index)) == len(grouping.levels)


def _coordinates(matrix: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    found = matrix.tocoo()
    return found.row.astype(np.int64), found.col.astype(np.int64), found.data


def _crossed(found: Coordinates, design: Design) -> Iterator[tuple[tuple[int, int], Any]]:
    """Yield sparse matrices; places are checked first, SciPy does not."""
    from scipy import sparse

    sizes = [len(g.levels) * len(g.terms) for g in design.groups]
    count = range(len(sizes))
    if set(found) != {(k, m) for k in count for m in count if k < m}:
        raise _damaged("sums of two group terms")
    for (k, m), (row, column, value) in found.items():
        shape = sizes[k], sizes[m]
        within = all(
            _is(at, (len(value),), "i") and (not len(at) or (at.min() >= 0 and at.max() < size))
            for at, size in zip((row, column), shape, strict=True)
        )
        if not within or not _is(value, value.shape):
            raise _damaged("sums of two group terms")
        yield (k, m), sparse.coo_array((value, (row, column)), shape=shape).tocsr()


def _check_counts(known: Counted, design: Design) -> None:
    frequency = known.frequency
    if not _is(frequency, (len(design.kept),)) or (frequency < 1).any():
        raise _damaged("numbers of equal rows")
    if not _is(known.means, (len(design.common.labels),)):
        raise _damaged("means of columns")


def _check_levels(levels: Any, design: Design) -> None:
    """Refuse levels that do not ascend, or are not of the type of those of the kept rows."""
    right = isinstance(levels, np.ndarray) and levels.dtype.kind in "iO" and levels.ndim == 1
    right = right and (levels.dtype.kind == "i" or all(isinstance(x, str) for x in levels))
    right = right and all(g.levels.dtype == levels.dtype for g in design.groups)
    if not right or (levels[1:] <= levels[:-1]).any():
        raise _damaged("levels")
    if not all(set(g.levels.tolist()) <= set(levels.tolist()) for g in design.groups):
        raise _damaged("levels")


def _check_sums(known: Reduced, design: Design) -> None:
    p = len(design.common.labels)
    arrays = {
        "factor of the columns": (known.R, (p + 2, p + 2)),
        "centres": (known.centre, (p,)),
        "means": (known.means, (p,)),
        "sds": (known.sds, (p,)),
    }
    if len(known.groups) != len(design.groups):
        raise _damaged("sums of group terms")
    for g, sums in zip(design.groups, known.groups, strict=True):
        q, size = len(g.terms), len(g.levels)
        shapes = (q * (q + 1) // 2, size), (q, size, p + 2)
        if not isinstance(sums, GroupReduced) or not _is(sums.rows, (size,), "i"):
            raise _damaged(f"sums of {g.source}")
        arrays |= {f"sums of {g.source}": (sums.ZZ, shapes[0])}
        arrays |= {f"sums of {g.source} and columns": (sums.ZA, shapes[1])}
    for name, (values, shape) in arrays.items():
        if not _is(values, shape):
            raise _damaged(name)


def _is(values: Any, shape: tuple[int, ...], kind: str = "f") -> bool:
    """Tell whether something is an array of finite numbers of this shape."""
    right = isinstance(values, np.ndarray) and values.dtype.kind == kind
    return right and values.shape == shape and bool(np.isfinite(values).all())


def _damaged(what: str) -> FileError:
    return FileError(f"damaged file: the {what} are not those of its formula and rows")
