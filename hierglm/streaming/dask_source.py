"""Dask DataFrames: parts that are reduced where they are, and put together two by two."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from hierglm.dask_executor import result_of
from hierglm.errors import DataError, HierglmError
from hierglm.streaming.sources import Begun, Source, unknown

_FEW = 2**16
"""Rows of the first part that tell how all are read, where it is on another machine."""

Reduce = Callable[[Any], Any]
Merge = Callable[[Any, Any], Any]


def of_dask(frame: Any) -> Source:
    """Return how the parts of a Dask DataFrame are read: by its client's workers, or by threads."""
    there = _client() is not None

    def parts(columns: Sequence[str]) -> list[Any]:
        return list(frame[list(columns)].to_delayed())

    def read(columns: Sequence[str], rows: int) -> Iterator[Any]:
        for part in parts(columns):
            found = _table(_computed(part))
            for start in range(0, found.num_rows, rows):
                yield found.slice(start, rows)

    def fold(columns: Sequence[str], reduce: Reduce, merge: Merge) -> Any:
        return _folded(parts(columns), None, reduce, merge)

    def begin(columns: Sequence[str]) -> Begun:
        first, *others = parts(columns)
        if there:
            from dask import delayed

            return Begun(_computed(delayed(_few)(first)), partial(_folded, [first, *others], None))
        table = _table(first.compute())
        return Begun(table, partial(_folded, others, table))

    return Source(
        "a Dask DataFrame",
        tuple(map(str, frame.columns)),
        read,
        unknown,
        fold=fold,
        begin=begin,
        parts="Dask's workers" if there else "Dask's threads",
    )


def _folded(parts: Sequence[Any], first: Any, reduce: Reduce, merge: Merge) -> Any:
    """Return what a table is reduced to; its first part may be a table that is there already."""
    from dask import delayed

    # What a part is reduced with goes to each worker once, not with each part.
    work = delayed(reduce, traverse=False)
    left = [delayed(_reduced)(work, part, k + 1) for k, part in enumerate(parts)]
    if first is not None:
        found = reduce(first) if first.num_rows else None
        if not left:
            return found
        left.insert(0, delayed(found, traverse=False))
    while len(left) > 1:
        # Neighbours, so that the order of rows, and every digit, is the same on any machines.
        pairs = [delayed(_merged)(merge, *left[k : k + 2]) for k in range(0, len(left) - 1, 2)]
        left = [*pairs, *left[2 * len(pairs) :]]
    return _computed(left[0])


def _computed(found: Any) -> Any:
    """Return what Dask computes: by its client's workers, where it has a client."""
    client = _client()
    return found.compute() if client is None else result_of(client.compute(found), client)


def _client() -> Any:
    """Return Dask's client, whose workers do what is asked of it; None where there is none."""
    try:
        from distributed import get_client

        return get_client()
    except (ImportError, ValueError):
        return None


def _table(part: Any) -> Any:
    import pyarrow as pa

    return pa.Table.from_pandas(part, preserve_index=False)


def _few(part: Any) -> Any:
    return _table(part.head(_FEW))


def _reduced(reduce: Reduce, part: Any, number: int) -> Any:
    table = _table(part)
    try:
        return reduce(table) if table.num_rows else None
    except HierglmError as error:
        raise DataError(f"part {number} of a Dask DataFrame: {error}") from error


def _merged(merge: Merge, one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    return merge(one, other)
