"""The posterior draws in one labelled structure, whatever engine made them; NumPy only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.program.fragment import Output
from hierglm.showing.said import Grid, Said
from hierglm.showing.shown import Shown

Floats = NDArray[np.float64]

STATS = (
    "lp",
    "acceptance_rate",
    "step_size",
    "tree_depth",
    "n_steps",
    "diverging",
    "energy",
)
"""Names of the sampler's own columns, as ArviZ spells them."""


@dataclass(frozen=True, slots=True, repr=False)
class Variable:
    """One named quantity: its draws and the labels of its entries.

    Attributes
    ----------
    name : str
        ``"b"``, ``"sd_school"``, ``"cor_school"``, ``"r_school"``, ``"sigma"``.
    effect : {"fixed", "ran_sd", "ran_cor", "ran_vals", "family"}
        What kind of parameter it is.
    group : str
        Name of the grouping factor, or "".
    values : ndarray, shape (chains, draws, ...)
        Read-only.
    dims : tuple of (str, sequence)
        Name and labels of each dimension after chains and draws; for correlations the
        labels of the one dimension are pairs of terms.
    response, dpar : str
        Which of several linear predictors it belongs to.
    term : str
        Of a family's parameter its name, where that is not `name`.
    """

    name: str
    effect: str
    group: str
    values: Floats
    dims: tuple[tuple[str, Sequence[Any]], ...]
    response: str = ""
    dpar: str = ""
    term: str = ""

    def __repr__(self) -> str:
        sizes = self.sizes
        return f"draws of {self.name}" + (f" ({sizes})" if sizes else "")

    @property
    def sizes(self) -> str:
        """Names of the dimensions, each with its number of labels, in words."""
        return ", ".join(f"{name} {len(labels):,}" for name, labels in self.dims)

    @property
    def shape(self) -> tuple[int, ...]:
        """Numbers of labels; that of the draws is (chains, draws) and these."""
        return tuple(len(labels) for _, labels in self.dims)

    def parts(self) -> Iterator[tuple[NDArray[np.int64], Floats]]:
        """Yield the draws in parts along the first dimension: positions, and their draws."""
        size = len(self.dims[0][1]) if self.dims else 1
        yield np.arange(size), self.values

    def some(self, positions: NDArray[np.int64]) -> Floats:
        """Return the draws at some positions of the first dimension, ascending."""
        return self.values[:, :, positions]


LABELS = ("name", "effect", "group", "dims", "response", "dpar", "term")
"""What a `Variable` has besides its values."""


def with_values(variable: Variable, values: Floats) -> Variable:
    """Return a variable that holds other values, whatever kind it was."""
    return Variable(values=values, **{name: getattr(variable, name) for name in LABELS})


@dataclass(frozen=True, slots=True, repr=False)
class Draws(Shown):
    """All draws after warmup, and the sampler's statistics; prints what there is of them.

    Attributes
    ----------
    variables : mapping of str to Variable
        In the order of the summary.
    stats : mapping of str to ndarray, shape (chains, draws)
        The names of `STATS`.
    seconds : tuple of float
        Wall time of each chain, warmup included, where the engine tells.
    lost : mapping of int to str
        Chains that died, by number from 1, and why; they are not among the draws.
    """

    variables: Mapping[str, Variable]
    stats: Mapping[str, NDArray[Any]]
    seconds: tuple[float, ...] = ()
    lost: Mapping[int, str] = field(default_factory=dict)

    @property
    def chains(self) -> int:
        """Number of chains."""
        return int(next(iter(self.stats.values())).shape[0])

    @property
    def draws(self) -> int:
        """Number of draws a chain, after warmup."""
        return int(next(iter(self.stats.values())).shape[1])

    def said(self) -> Said:
        """Return its variables and their labels; see `hierglm.showing.said.Said`."""
        columns = tuple(self.variables), tuple(v.sizes for v in self)
        table = Grid(("variable", "labels"), columns, (False, False))
        return Said(f"draws: {self.chains} chains of {self.draws:,}", grids=(table,))

    def __getitem__(self, name: str) -> Variable:
        return self.variables[name]

    def __iter__(self) -> Iterator[Variable]:
        return iter(self.variables.values())

    def _ipython_key_completions_(self) -> list[str]:
        return list(self.variables)

    def __contains__(self, name: object) -> bool:
        return name in self.variables


def assemble(
    outputs: Sequence[Output],
    values: Mapping[str, Floats],
    stats: Mapping[str, NDArray[Any]],
    seconds: tuple[float, ...] = (),
) -> Draws:
    """Label what an engine read: outputs of one variable joined along their last dimension.

    Parameters
    ----------
    outputs : sequence of Output
        What the program promised.
    values : mapping of str to ndarray, shape (chains, draws, ...)
        By Stan name, in Stan's own shape.
    stats : mapping of str to ndarray, shape (chains, draws)
        The names of `STATS`.
    seconds : tuple of float
        Wall time of each chain.

    Returns
    -------
    Draws
    """
    parts: dict[str, list[Variable]] = {}
    for out in outputs:
        array = values[out.stan]
        if out.pick is not None:
            every: tuple[Any, ...] = (slice(None), slice(None), *out.pick)
            array = array[every]
        shape = tuple(len(labels) for _, labels in out.dims)
        array = array.reshape(*array.shape[:2], *shape)
        own = (out.response, out.dpar, out.term)
        part = Variable(out.variable, out.effect, out.group, array, out.dims, *own)
        parts.setdefault(out.variable, []).append(part)
    return Draws(
        {name: _join(found) for name, found in parts.items()},
        {name: _read_only(np.asarray(s)) for name, s in stats.items()},
        seconds,
    )


def _join(parts: Sequence[Variable]) -> Variable:
    first = parts[0]
    if len(parts) == 1:
        return replace(first, values=_read_only(first.values))
    name = first.dims[-1][0]
    labels = [label for part in parts for label in part.dims[-1][1]]
    values = np.concatenate([part.values for part in parts], axis=-1)
    dims = (*first.dims[:-1], (name, tuple(labels)))
    return replace(first, values=_read_only(values), dims=dims)


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view
