"""Effects that were integrated out, drawn exactly from their posterior when they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Grouping
from hierglm.draws.chain import Given, branches, draw_branch
from hierglm.draws.dense import draw_dense
from hierglm.draws.draws import Draws, Variable
from hierglm.draws.scales import coordinate_weights, flat, level_sizes, place, stratum_scales
from hierglm.draws.stored import StoredVariable
from hierglm.plan.crossproducts import sum_rows
from hierglm.plan.dense import dense
from hierglm.plan.forms import GroupForm, Plan
from hierglm.plan.order import Order, order
from hierglm.plan.rotation import differ, known_factor, rotate, turns
from hierglm.plan.rows import factors
from hierglm.plan.sums import Crossproducts, Sums
from hierglm.program.groups import effect_dims

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_BLOCK = 2**22
"""Numbers in an array of one matrix entry, draws x levels (32 MB)."""
_KEPT = 2**25
"""Most numbers that are kept once drawn (256 MB), where nobody asks for all of them."""


@dataclass(frozen=True, slots=True)
class Late:
    """What effects are drawn from: the plan, the sampled draws and the seed.

    Without a seed they are at their conditional means.
    """

    plan: Plan
    draws: Draws
    seed: int | None

    def parts(self) -> Iterator[tuple[Mapping[int, Ints], Mapping[int, Floats]]]:
        """Yield effects part by part of the levels: levels and draws (S, levels, q) by term.

        Each part has a generator of its own: what is drawn does not depend on what else is.
        """
        design = self.plan.model.design
        found = late_order(self.plan)
        turn = [k for k in found.chain if turns(design.groups[k])]
        sums, rotation = rotate(sum_rows(design, found, self.plan.model.given), design, turn)
        given = _given(self.plan, self.draws, sums, found)
        if found.chain and dense(design.groups[found.chain[0]]):
            yield self._densely(sums, found.chain[0], given, rotation)
            return
        levels = {k: len(design.groups[k].levels) for k in found.chain}
        most = max(levels.values(), default=0) if rotation else _BLOCK // len(given.d)
        for number, some in enumerate(branches(found, levels, most)):
            rng = None if self.seed is None else np.random.default_rng([self.seed, number])
            drawn = draw_branch(sums, found, given, some, rng)
            for k, R in rotation.items():
                # Such a term is alone, and in one part.
                drawn[k] = (drawn[k][:, :, 0] @ R.T)[:, :, None]
            yield some, drawn

    def _densely(
        self, sums: Sums, k: int, given: Given, rotation: Mapping[int, Floats]
    ) -> tuple[Mapping[int, Ints], Mapping[int, Floats]]:
        """Return the only part of a term that was integrated out by one dense matrix."""
        weights = coordinate_weights(self.plan.model.groups, k, self.draws)
        rng = None if self.seed is None else np.random.default_rng([self.seed, 0])
        grouping = self.plan.model.design.groups[k]
        F = known_factor(grouping) if differ(grouping) else None
        v = draw_dense(sums, k, given, weights, rng, F)
        u = v if k not in rotation else np.einsum("jm,dmk->djk", rotation[k], v)
        return {k: np.arange(u.shape[1])}, {k: u}


class DrawnEffects(Variable):
    """Effects that are drawn when their values are first asked for, always the same.

    A fit with many levels holds no numbers that nobody reads. The attributes are those of
    `Variable`.
    """

    __slots__ = ("_done", "_late", "_numbers")
    _late: Late
    _numbers: tuple[int, ...]
    _done: dict[int, Floats]

    def __init__(self, late: Late, numbers: tuple[int, ...], done: dict[int, Floats]) -> None:
        groupings = [late.plan.model.design.groups[k] for k in numbers]
        group, levels = effect_dims(groupings[0])[0]
        terms = tuple(t for g in groupings for t in g.terms)
        held: dict[str, Any] = {
            "name": f"r_{group}",
            "effect": "ran_vals",
            "group": group,
            "dims": ((group, levels), (f"{group}_term", terms)),
            "response": "",
            "dpar": "",
            "term": "",
            "_late": late,
            "_numbers": numbers,
            "_done": done,
        }
        for name, value in held.items():
            object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[object, ...]:
        # What was drawn is drawn again where it is asked for: the seed goes along.
        return DrawnEffects, (self._late, self._numbers, {})

    @property
    def values(self) -> Floats:
        """Draws, shape (chains, draws, levels, terms); read-only."""
        if self._numbers[0] not in self._done:
            self._done.update(draw_effects(self._late))
        return _joined([self._done[k] for k in self._numbers])

    def parts(self) -> Iterator[tuple[Ints, Floats]]:
        """Yield levels and their draws, part by part; of many levels none are kept."""
        size = self._late.draws.chains * self._late.draws.draws
        for _, labels in self.dims:
            size *= len(labels)
        if self._numbers[0] in self._done or size <= _KEPT:
            yield from super().parts()
            return
        shape = (self._late.draws.chains, self._late.draws.draws)
        for some, drawn in self._late.parts():
            values = np.concatenate([drawn[k] for k in self._numbers], axis=-1)
            yield some[self._numbers[0]], values.reshape(*shape, *values.shape[1:])

    def some(self, positions: Ints) -> Floats:
        """Return the draws of some levels, ascending; one part of the others is held at a time."""
        draws = self._late.draws
        out = np.empty((draws.chains, draws.draws, len(positions), len(self.dims[1][1])))
        for at, values in self.parts() if len(positions) else ():
            wanted = np.isin(at, positions)
            out[:, :, np.searchsorted(positions, at[wanted])] = values[:, :, wanted]
        return out


def with_effects(plan: Plan, draws: Draws, seed: int | None) -> Draws:
    """Return the draws with the effects that the plan had integrated out.

    Parameters
    ----------
    plan : Plan
        Which effects those are.
    draws : Draws
        What the engine sampled.
    seed : int or None
        Of the fit: the same seed gives the same effects. None, for a mode, gives their means
        given the rest.
    """
    by_group: dict[str, list[int]] = {}
    for k, choice in enumerate(plan.groups):
        if choice.form is GroupForm.INTEGRATED:
            by_group.setdefault(plan.model.design.groups[k].group, []).append(k)
    late, done = Late(plan, draws, seed), dict[int, Floats]()
    drawn = {
        f"r_{group}": DrawnEffects(late, tuple(numbers), done)
        for group, numbers in by_group.items()
        if f"r_{group}" not in draws
    }
    if not drawn:
        return draws
    every = {**draws.variables, **drawn}
    # In the order of the formula, as if all had been sampled.
    names = dict.fromkeys(f"r_{g.group}" for g in plan.model.design.groups)
    last = {name: every[name] for name in names}
    return replace(draws, variables={n: v for n, v in every.items() if n not in last} | last)


def drawn_late(variable: Variable) -> bool:
    """Tell whether effects were drawn after the sampling, or will be when they are read."""
    return isinstance(variable, DrawnEffects) or (
        isinstance(variable, StoredVariable) and variable.late
    )


def without_effects(draws: Draws) -> Draws:
    """Return the draws as the engine sampled them: what `with_effects` adds, taken away."""
    sampled = {n: v for n, v in draws.variables.items() if not drawn_late(v)}
    return replace(draws, variables=sampled)


def draw_effects(late: Late) -> dict[int, Floats]:
    """Return one draw of every integrated effect for each draw of the other parameters.

    Returns
    -------
    mapping of int to ndarray, shape (chains, draws, levels, terms)
        By position of the group term; read-only.
    """
    design, draws = late.plan.model.design, late.draws
    out: dict[int, Floats] = {}
    for some, drawn in late.parts():
        for k, values in drawn.items():
            grouping = design.groups[k]
            shape = (len(values), len(grouping.levels), len(grouping.terms))
            out.setdefault(k, np.empty(shape))[:, some[k]] = values
    shaped = {k: x.reshape(draws.chains, draws.draws, *x.shape[1:]) for k, x in out.items()}
    for values in shaped.values():
        values.flags.writeable = False
    return shaped


def late_order(plan: Plan) -> Order:
    """Return the order of elimination whose chain are the terms that were integrated out."""
    may = [k for k, choice in enumerate(plan.groups) if choice.form is GroupForm.INTEGRATED]
    return order(factors(plan.model.design), may, may)


def _given(plan: Plan, draws: Draws, sums: Sums, found: Order) -> Given:
    size, groups = draws.chains * draws.draws, plan.model.groups
    sigma = flat(draws, "sigma") if "sigma" in draws else np.ones(size)
    return Given(
        d=_coefficients(plan, draws, sums.common) - sums.common.ols,
        sigma=sigma,
        scales={
            k: stratum_scales(groups, k, draws) / sigma[:, None, None, None] for k in found.chain
        },
        effects={k: _sampled(plan, k, draws) for k in found.rest},
        strata={
            k: stratum for k in found.chain if (stratum := groups[k].relation.stratum) is not None
        },
        sizes={k: level_sizes(groups, k, draws) for k in found.chain if groups[k].relation.student},
    )


def _sampled(plan: Plan, number: int, draws: Draws) -> Floats:
    """Return the sampled effects of a term, level by level, shape (draws, J q)."""
    group = plan.model.design.groups[number].group
    values = flat(draws, f"r_{group}")
    return values[:, :, place(plan.model.groups, number, _terms)].reshape(len(values), -1)


def _terms(grouping: Grouping) -> tuple[str, ...]:
    return grouping.terms


def _coefficients(plan: Plan, draws: Draws, common: Crossproducts) -> Floats:
    """Return the common coefficients as the crossproducts have them, shape (draws, p)."""
    if "b" not in draws:
        return np.zeros((draws.chains * draws.draws, 0))
    b = flat(draws, "b")
    if not plan.model.design.intercept:
        return b
    centred = b[:, 0] + b[:, 1:] @ common.means
    return np.column_stack([centred, b[:, 1:]])


def _joined(parts: list[Floats]) -> Floats:
    if len(parts) == 1:
        return parts[0]
    values = np.concatenate(parts, axis=-1)
    values.flags.writeable = False
    return values
