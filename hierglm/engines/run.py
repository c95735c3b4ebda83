"""What a run hands back before it is labelled: the common ground of all engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.draws.draws import STATS, Draws, assemble
from hierglm.errors import EngineError
from hierglm.program.fragment import Output

STAN_STATS = (
    "lp__",
    "accept_stat__",
    "stepsize__",
    "treedepth__",
    "n_leapfrog__",
    "divergent__",
    "energy__",
)
"""Stan's names of the sampler's columns, in the order of `STATS`."""

_TYPES: Mapping[str, type] = {"tree_depth": np.int64, "n_steps": np.int64, "diverging": np.bool_}


@dataclass(frozen=True, slots=True)
class Run:
    """All chains of a run, by Stan name.

    Attributes
    ----------
    values : mapping of str to ndarray, shape (chains, draws, ...)
        In Stan's own shape.
    stats : mapping of str to ndarray, shape (chains, draws)
        By the names of `STATS`.
    step_size : ndarray, shape (chains,)
        After warmup; NaN where it is not known.
    metric : ndarray, shape (chains, size) or (chains, size, size), or None
        The inverse metric after warmup.
    seconds : tuple of float
        Wall time of each chain, warmup included.
    lost : mapping of int to str
        Chains that died, by number from 1, and why; they are not among the chains.
    """

    values: Mapping[str, NDArray[np.float64]] = field(repr=False)
    stats: Mapping[str, NDArray[Any]] = field(repr=False)
    step_size: NDArray[np.float64]
    metric: NDArray[np.float64] | None = field(repr=False)
    seconds: tuple[float, ...] = ()
    lost: Mapping[int, str] = field(default_factory=dict)

    def labelled(self, outputs: Sequence[Output]) -> Draws:
        """Return the draws under the names that the outputs promise.

        Raises
        ------
        EngineError
            If an output is not among the values.
        """
        chains, draws = next(iter(self.stats.values())).shape
        values = dict(self.values)
        for out in outputs:
            if out.value is not None:
                values[out.stan] = np.broadcast_to(out.value, (chains, draws, *out.value.shape))
            elif out.stan not in values:
                values[out.stan] = _empty(out, chains, draws)
        return replace(assemble(outputs, values, self.stats, self.seconds), lost=self.lost)


def joined(runs: Sequence[Run]) -> Run:
    """Return the chains of several runs of one program as one run, in this order."""
    first = runs[0]
    metrics = [run.metric for run in runs if run.metric is not None]
    return Run(
        values={k: np.concatenate([run.values[k] for run in runs]) for k in first.values},
        stats={k: np.concatenate([run.stats[k] for run in runs]) for k in first.stats},
        step_size=np.concatenate([run.step_size for run in runs]),
        metric=np.concatenate(metrics) if len(metrics) == len(runs) else None,
        seconds=tuple(seconds for run in runs for seconds in run.seconds),
    )


def gathered(chains: Mapping[int, Run], lost: Mapping[int, Exception]) -> Run:
    """Return the chains of a run that each ran by itself, and why others did not end.

    Parameters
    ----------
    chains : mapping of int to Run
        By number from 1.
    lost : mapping of int to Exception

    Raises
    ------
    Exception
        That of the first chain, if there is none that ended.
    """
    if not chains:
        raise lost[min(lost)]
    whole = joined([chains[number] for number in sorted(chains)])
    return replace(whole, lost={number: str(lost[number]) for number in sorted(lost)})


def name_stats(columns: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[Any]]:
    """Return the sampler's columns under the names of `STATS`, each in its own type."""
    return {
        ours: columns[stan].astype(_TYPES.get(ours, np.float64))
        for ours, stan in zip(STATS, STAN_STATS, strict=True)
        if stan in columns
    }


def _empty(out: Output, chains: int, draws: int) -> NDArray[np.float64]:
    """Return a value without entries, for which Stan writes no column."""
    shape = tuple(len(labels) for _, labels in out.dims)
    if 0 not in shape:
        raise EngineError(f"Stan returned no {out.stan!r}, which the program promises")
    if out.pick is not None:
        shape = tuple(0 for _ in out.pick)
    return np.empty((chains, draws, *shape))
