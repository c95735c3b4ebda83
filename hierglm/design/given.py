"""What is passed beside the table, ``data2={"A": matrix, "E": edges}``, as plain arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.errors import DataError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GivenMatrix:
    """A square matrix between levels.

    Attributes
    ----------
    values : ndarray, shape (J, J)
        Read-only.
    labels : tuple or None
        The levels of its rows and columns; None where it has them in the order of the data's.
    """

    values: Floats
    labels: tuple[Any, ...] | None


@dataclass(frozen=True, slots=True)
class GivenEdges:
    """The edges of an undirected graph.

    Attributes
    ----------
    first, second : tuple
        The levels at the two ends of each edge.
    weights : ndarray, shape (edges,)
        Read-only.
    """

    first: tuple[Any, ...]
    second: tuple[Any, ...]
    weights: Floats


Given = GivenMatrix | GivenEdges


def given_matrix(name: str, value: Any) -> GivenMatrix:
    """Return a covariance matrix as arrays.

    Parameters
    ----------
    name : str
        Its name in data2, for messages.
    value : DataFrame or ndarray, shape (J, J)
        A table has levels as index and columns, in any order.

    Raises
    ------
    DataError
        Something that is no square matrix of finite numbers, or is labelled twice.
    """
    if isinstance(value, GivenMatrix):
        return value
    if isinstance(value, GivenEdges):
        raise DataError(f"data2[{name!r}] holds edges; cov= takes a covariance matrix")
    if hasattr(value, "columns") and hasattr(value, "index") and hasattr(value, "to_numpy"):
        return _labelled(name, value)
    values = _floats(name, value.toarray() if hasattr(value, "toarray") else value)
    _check_square(name, values)
    return GivenMatrix(values, None)


def given_graph(name: str, value: Any) -> GivenMatrix | GivenEdges:
    """Return a graph as arrays.

    Parameters
    ----------
    name : str
        Its name in data2, for messages.
    value : table, sequence of pairs, matrix or networkx graph
        A table of two columns of levels and perhaps a third of weights; or an adjacency
        matrix: a DataFrame with levels as index and columns, an array or a sparse matrix in
        the order of the levels; or an undirected networkx graph, whose edges may have a
        "weight".

    Raises
    ------
    DataError
        Something else; weights that are not positive; an adjacency that is not symmetric.
    """
    if isinstance(value, GivenEdges | GivenMatrix):
        return value
    if hasattr(value, "edges") and hasattr(value, "nodes"):
        return _from_networkx(name, value)
    if hasattr(value, "index") and hasattr(value, "columns"):
        if set(_plain(value.index)) == set(_plain(value.columns)):
            return _adjacency(name, _labelled(name, value))
    elif hasattr(value, "toarray") or isinstance(value, np.ndarray):
        return _adjacency(name, given_matrix(name, value))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        return _from_pairs(name, value)
    return _from_table(name, value)


def _from_networkx(name: str, graph: Any) -> GivenMatrix:
    if graph.is_directed():
        raise DataError(f"data2[{name!r}] is a directed graph; pass {name}.to_undirected()")
    nodes = _plain(list(graph.nodes))
    place = {node: i for i, node in enumerate(nodes)}
    W = np.zeros((len(nodes), len(nodes)))
    for one, other, weight in graph.edges(data="weight", default=1.0):
        i, j = place[_item(one)], place[_item(other)]
        W[i, j] = W[j, i] = weight
    return _adjacency(name, GivenMatrix(_floats(name, W), nodes))


def _from_pairs(name: str, pairs: Sequence[Any]) -> GivenEdges:
    if not all(isinstance(p, Sequence | np.ndarray) and len(p) in (2, 3) for p in pairs):
        raise DataError(
            f"data2[{name!r}] must hold edges as pairs of levels, or triples with a weight"
        )
    weights = [p[2] if len(p) == 3 else 1.0 for p in pairs]
    return _edges(name, [p[0] for p in pairs], [p[1] for p in pairs], weights)


def _from_table(name: str, value: Any) -> GivenEdges:
    from hierglm.design.groups import code
    from hierglm.design.reading import as_table

    try:
        table = as_table(value)
    except DataError as error:
        raise DataError(
            f"data2[{name!r}] must be a table of edges, an adjacency matrix or a networkx graph; "
            f"found {type(value).__name__}"
        ) from error
    if len(table.columns) not in (2, 3):
        raise DataError(
            f"data2[{name!r}] must have two columns of levels, and perhaps a third of weights; "
            f"found {', '.join(map(repr, table.columns))}"
        )
    ends = []
    for column in table.columns[:2]:
        found = table.column(column)
        if found.missing.any():
            raise DataError(f"data2[{name!r}] has missing values in column {column!r}")
        codes = code(column, found)
        ends.append(np.asarray(codes.levels)[codes.index].tolist())
    weights = [1.0] * table.rows
    if len(table.columns) == 3:
        weights = table.column(table.columns[2]).values.tolist()
    return _edges(name, ends[0], ends[1], weights)


def _edges(name: str, first: Any, second: Any, weights: Any) -> GivenEdges:
    found = _floats(name, weights)
    _check_weights(name, found)
    one, other = _plain(first), _plain(second)
    for a, b in zip(one, other, strict=True):
        if a == b:
            raise DataError(f"data2[{name!r}] has an edge from {a!r} to itself")
    return GivenEdges(one, other, found)


def _labelled(name: str, frame: Any) -> GivenMatrix:
    rows, columns = _plain(frame.index), _plain(frame.columns)
    for labels in (rows, columns):
        twice = next((x for x, count in Counter(labels).items() if count > 1), None)
        if twice is not None:
            raise DataError(f"data2[{name!r}] has the level {twice!r} twice")
    if set(rows) != set(columns):
        other = next(iter(set(rows) ^ set(columns)))
        where = "rows" if other in rows else "columns"
        raise DataError(
            f"the rows and columns of data2[{name!r}] must be the same levels; "
            f"{other!r} is among the {where} only"
        )
    place = {label: i for i, label in enumerate(columns)}
    values = _floats(name, frame.to_numpy()[:, [place[label] for label in rows]])
    return GivenMatrix(values, rows)


def _adjacency(name: str, given: GivenMatrix) -> GivenMatrix:
    W = given.values
    labels = given.labels if given.labels is not None else tuple(range(1, len(W) + 1))
    if np.diag(W).any():
        at = labels[int(np.flatnonzero(np.diag(W))[0])]
        raise DataError(f"data2[{name!r}] has an edge from {at!r} to itself")
    check_symmetric(name, given, labels)
    _check_weights(name, W[W != 0])
    return given


def check_symmetric(name: str, given: GivenMatrix, labels: Sequence[Any]) -> None:
    """Refuse a matrix that is not symmetric up to rounding, and name the entry."""
    A = given.values
    apart = np.abs(A - A.T)
    if apart.max(initial=0.0) > 1e-8 * max(1.0, float(np.abs(A).max(initial=0.0))):
        i, j = (int(x) for x in np.unravel_index(int(np.argmax(apart)), A.shape))
        raise DataError(
            f"data2[{name!r}] is not symmetric: {A[i, j]:.6g} for {labels[i]!r}, {labels[j]!r}, "
            f"but {A[j, i]:.6g} for {labels[j]!r}, {labels[i]!r}"
        )


def _check_weights(name: str, weights: Floats) -> None:
    if (weights <= 0).any():
        raise DataError(
            f"the weights of edges must be greater than 0; data2[{name!r}] has {weights.min():g}"
        )


def _check_square(name: str, values: Floats) -> None:
    if values.ndim != 2 or values.shape[0] != values.shape[1]:
        raise DataError(f"data2[{name!r}] must be a square matrix; its shape is {values.shape}")


def _floats(name: str, values: Any) -> Floats:
    try:
        found = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(
            f"data2[{name!r}] must hold numbers; found {type(values).__name__}"
        ) from None
    if not np.isfinite(found).all():
        raise DataError(f"data2[{name!r}] holds values that are missing or infinite")
    found.flags.writeable = False
    return found


def _plain(labels: Any) -> tuple[Any, ...]:
    """Return labels as Python has them, whatever library they come from."""
    return tuple(_item(x) for x in labels)


def _item(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label
