"""Which parameters a picture shows, with their draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hierglm.draws.diagnostics import diagnose
from hierglm.draws.parameters import KEYS, keys
from hierglm.errors import SettingsError, suggest
from hierglm.names import EFFECTS, Parameter, flat_name
from hierglm.results.fitted import Fitted
from hierglm.results.rows import select

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Some parameters side by side.

    Attributes
    ----------
    parameters : tuple of Parameter
        Their keys.
    values : ndarray, shape (chains, draws, parameters)
        Their draws.
    """

    parameters: tuple[Parameter, ...]
    values: Floats

    def __len__(self) -> int:
        return len(self.parameters)

    def only(self, places: Sequence[int]) -> Chosen:
        """Return some of them, in the order asked for."""
        return Chosen(tuple(self.parameters[i] for i in places), self.values[:, :, list(places)])


def chosen(
    fitted: Fitted, parameters: str | Sequence[str] | None, effects: Sequence[str] | str
) -> Chosen:
    """Return the parameters with these flat names, or all of some kinds.

    Raises
    ------
    SettingsError
        For a name or kind that does not exist.
    """
    found = _all(fitted, effects if parameters is None else EFFECTS)
    if parameters is None:
        return found
    wanted = [parameters] if isinstance(parameters, str) else list(parameters)
    places = {flat_name(p): i for i, p in enumerate(found.parameters)}
    for name in wanted:
        if name not in places:
            raise SettingsError(f"no parameter {name!r}{suggest(str(name), places)}")
    return found.only([places[name] for name in wanted])


def worst(all_of: Chosen, most: int) -> Chosen:
    """Return at most so many parameters, those with the largest R-hat, in their own order."""
    if len(all_of) <= most:
        return all_of
    rhat = np.nan_to_num(diagnose(all_of.values).rhat, nan=np.inf)
    return all_of.only(sorted(np.argsort(-rhat, kind="stable")[:most].tolist()))


def _all(fitted: Fitted, effects: Sequence[str] | str) -> Chosen:
    draws = fitted.draws
    parameters: list[Parameter] = []
    blocks = [np.empty((draws.chains, draws.draws, 0))]
    for variable in select(draws, effects):
        columns = keys(variable)
        rows = zip(*(columns[k] for k in KEYS), strict=True)
        parameters += [Parameter(**dict(zip(KEYS, row, strict=True))) for row in rows]
        blocks.append(variable.values.reshape(draws.chains, draws.draws, -1))
    return Chosen(tuple(parameters), np.concatenate(blocks, axis=2))
