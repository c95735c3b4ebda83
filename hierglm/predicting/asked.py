"""What is asked of predictions: target, treatment of each grouping factor, response, draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hierglm.errors import SettingsError, suggest
from hierglm.models import Model

Ints = NDArray[np.int64]

Target = Literal["mean", "linear", "response"]
Treatment = Literal["include", "zero", "average"]
Unseen = Literal["sample", "zero", "error"]
Groups = Treatment | Mapping[str, Treatment]


def check_target(target: str, new_levels: str) -> None:
    """Refuse a target, or a treatment of new levels, that there is not.

    Raises
    ------
    SettingsError
    """
    if target not in get_args(Target):
        raise SettingsError(f"no target {target!r}{suggest(str(target), get_args(Target))}")
    if new_levels not in get_args(Unseen):
        raise SettingsError(
            f"new_levels cannot be {new_levels!r}{suggest(str(new_levels), get_args(Unseen))}"
        )


def treatments(model: Model, groups: Groups) -> dict[str, Treatment]:
    """Return what is done with each grouping factor of a model, by name.

    Parameters
    ----------
    model : Model
    groups : {"include", "zero", "average"} or mapping
        For all, or by factor; those that a mapping leaves out are included.

    Raises
    ------
    SettingsError
        A factor or a treatment that there is not.
    """
    names = list(dict.fromkeys(g.group for g in model.groups))
    known = get_args(Treatment)
    asked = dict(groups) if isinstance(groups, Mapping) else dict.fromkeys(names, groups)
    for name in asked:
        if name not in names:
            raise SettingsError(f"groups: no grouping factor {name!r}{suggest(str(name), names)}")
    for treatment in asked.values() if isinstance(groups, Mapping) else (groups,):
        if treatment not in known:
            raise SettingsError(f"groups cannot be {treatment!r}{suggest(str(treatment), known)}")
    return {name: asked.get(name, "include") for name in names}


def chosen_response(model: Model, response: str | None) -> Model:
    """Return the model of the response that is asked for, the only one by default.

    Raises
    ------
    SettingsError
        A response that there is not, or none where there are several.
    """
    every = {m.part.response or m.design.response.label: m for m in model.responses}
    if response is None and len(every) == 1:
        return next(iter(every.values()))
    if response is None:
        listed = ", ".join(repr(name) for name in every)
        raise SettingsError(f"the fit has several responses; give response=, one of {listed}")
    if response not in every:
        raise SettingsError(f"no response {response!r}{suggest(str(response), every)}")
    return every[response]


def chosen_draws(size: int, draws: int | None) -> Ints:
    """Return the positions of so many draws, evenly spread over all of them.

    Raises
    ------
    SettingsError
        Fewer than one, or more than there are.
    """
    if draws is None:
        return np.arange(size)
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or not 1 <= draws <= size:
        raise SettingsError(f"draws must be a whole number from 1 to {size:,}, not {draws!r}")
    return np.arange(draws) * size // draws
