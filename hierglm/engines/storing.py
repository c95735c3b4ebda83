"""An engine whose chains leave the draws of levels on disk, as they come."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hierglm.draws.draws import Draws, Variable
from hierglm.draws.stored import IN_FILES, InChains, StoredVariable, laid_down
from hierglm.engines.engine import Engine, Settings
from hierglm.engines.progress import progress_bar
from hierglm.engines.run import Run, gathered
from hierglm.engines.together import each_chain
from hierglm.engines.wrapping import WrappedEngine, by_chain
from hierglm.errors import SamplingError
from hierglm.program.fragment import Output, Program


class StoringEngine(WrappedEngine):
    """Samples with another engine, each chain in a process of its own.

    Draws are those of the other engine, bit for bit: its chains have random numbers of their
    own. Draws of levels are in files without a name, which are gone when nobody reads them any
    more, whatever happens to this process.

    Parameters
    ----------
    engine : Engine
    folder : Path
        Of these files.

    Raises
    ------
    SettingsError
        If the engine cannot sample chains by themselves.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        super().__init__(engine)
        self._by_chain, self._folder = by_chain(engine, "out"), folder

    def sample(self, program: Program, settings: Settings) -> Draws:
        """Return the posterior draws; those of levels are `StoredVariable`.

        Raises
        ------
        CompileError, SamplingError
            As the other engine; `SamplingError` only where no chain came to its end.
        """
        have: dict[int, Run] = {}
        lost: dict[int, SamplingError] = {}
        by_name: dict[str, list[Output]] = {}
        for out in program.outputs:
            by_name.setdefault(out.variable, []).append(out)
        on_disk = {name: outs for name, outs in by_name.items() if _of_levels(outs)}
        with (
            progress_bar(settings) as show,
            each_chain(self._by_chain, program, settings, (), show, self._folder) as chains,
        ):
            for number, found in chains:
                if isinstance(found, SamplingError):
                    lost[number] = found
                else:
                    have[number] = self._laid_down(found, on_disk)
        left = [out for out in program.outputs if out.variable not in on_disk]
        names = {out.stan for out in left}
        small = {
            k: replace(r, values={n: v for n, v in r.values.items() if n in names})
            for k, r in have.items()
        }
        draws = gathered(small, lost).labelled(left)
        every = dict(draws.variables)
        for name, outs in on_disk.items():
            every[name] = _stored(outs, have, draws)
        return replace(draws, variables={name: every[name] for name in by_name})

    def _laid_down(self, chain: Run, on_disk: Mapping[str, list[Output]]) -> Run:
        """Return a chain whose large values are in files: from another process they are not."""
        wanted = {out.stan for outs in on_disk.values() for out in outs}
        values = {
            name: laid_down(value, self._folder)
            if name in wanted and value.nbytes >= IN_FILES
            else value
            for name, value in chain.values.items()
        }
        return replace(chain, values=values)


def _of_levels(outputs: list[Output]) -> bool:
    return all(out.effect == "ran_vals" and out.value is None for out in outputs)


def _stored(outputs: list[Output], chains: Mapping[int, Run], draws: Draws) -> Variable:
    """Return the effects of a factor's levels, read from what its chains have left."""
    read = InChains(outputs, [[chains[k].values[o.stan] for o in outputs] for k in sorted(chains)])
    first = outputs[0]
    group, levels = first.dims[0]
    terms = tuple(term for out in outputs for term in out.dims[-1][1])
    own = Variable(
        first.variable, first.effect, first.group, read(0, 0),
        ((group, levels), (first.dims[-1][0], terms)), first.response, first.dpar, first.term,
    )  # fmt: skip
    return StoredVariable(own, read, draws.chains, draws.draws)


def sampled_effects(program: Program) -> int:
    """Return how many effects of levels the chains of a program draw."""
    return sum(math.prod(len(x) for _, x in o.dims) for o in program.outputs if _of_levels([o]))
