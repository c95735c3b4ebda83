"""The program of several linear predictors: rows, effects, what they share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from hierglm.design.design import Grouping
from hierglm.design.several import Member
from hierglm.models import Part
from hierglm.names import qualified
from hierglm.plan.forms import GroupForm, Plan
from hierglm.program.beside import conditional_beside
from hierglm.program.common import common
from hierglm.program.fragment import Block, Declare, Fragment, Output, Statement
from hierglm.program.groups import intercept_only
from hierglm.program.response import likelihood, likelihood_origin, offset, rows, summands, total
from hierglm.program.standardised import standardised

Ints = NDArray[np.int64]

INVERSE = {
    "identity": "{}",
    "log": "exp({})",
    "logit": "inv_logit({})",
    "logm1": "1 + exp({})",
}
"""What Stan calls the inverse of a link."""


def several(plan: Plan) -> list[Fragment]:
    """Return the fragments of a model with several linear predictors, in order.

    Parameters
    ----------
    plan : Plan
        With `parts`.
    """
    effects: list[list[str]] = [[] for _ in plan.parts]
    groups = []
    beside = plan.numbers.beside if plan.numbers is not None else None
    for number in beside.order if beside is not None else range(len(plan.groups)):
        fragment, added = _group(plan, number)
        groups.append(fragment)
        for place, text in added:
            effects[place].append(text)
    data = []
    for part in plan.parts:
        data += [_rows(part), _placed(common(part), part.model.part)]
    return [*data, *groups, *_likelihoods(plan, effects)]


def _rows(plan: Plan) -> Fragment:
    """Return the response with its own parameters, or what a further predictor adds to it."""
    part = plan.model.part
    if not part.first:
        return Fragment(origin=f"predictor of {part.dpar}", declares=tuple(offset(plan)))
    fragment = _placed(rows(plan), part)
    if part.weight == 1:
        return fragment
    weight = Declare(
        Block.DATA, "real", f"weight{part.rows}", bounds="lower=0", value=part.weight,
        note="of the log likelihood",
    )  # fmt: skip
    return replace(fragment, declares=(*fragment.declares, weight))


def _placed(fragment: Fragment, part: Part) -> Fragment:
    """Return a fragment whose outputs say which predictor they belong to."""
    return replace(fragment, outputs=tuple(_of(out, part) for out in fragment.outputs))


def _of(out: Output, part: Part) -> Output:
    if out.effect == "family":
        return replace(out, response=part.response)
    # Levels are those of their factor, whatever predictor they act on.
    dims = tuple((n if n == out.group else n + part.ending, labels) for n, labels in out.dims)
    return replace(
        out,
        variable=out.variable + part.ending,
        dims=dims,
        response=part.response,
        dpar=part.dpar,
    )


def _group(plan: Plan, number: int) -> tuple[Fragment, list[tuple[int, str]]]:
    """Return the fragment of a group term, and what it adds to which predictors."""
    conditional = plan.groups[number].form is GroupForm.CONDITIONAL
    fragment = conditional_beside(plan, number) if conditional else standardised(plan, number)
    members = plan.model.joined[number].members
    if not plan.model.shares(number):
        part = members[0].part
        placed = _placed(fragment, plan.parts[part].model.part)
        return placed, [(part, fragment.predictor)]
    declares, added = [], []
    for m in members:
        more, text = _member(plan, number, m)
        declares += more
        added.append((m.part, text))
    # Predictors of one response have the same rows.
    known = {d.name: d for d in declares}
    outputs = [out for old in fragment.outputs for out in _divided(plan, number, old)]
    # The rows' levels and columns stand behind their numbers.
    sizes, rest = fragment.declares[:2], fragment.declares[2:]
    return replace(
        fragment, declares=(*sizes, *known.values(), *rest), outputs=tuple(outputs)
    ), added


def _member(plan: Plan, number: int, member: Member) -> tuple[list[Declare], str]:
    """Return what a predictor knows of each row of a shared term, and what the term adds."""
    grouping, k = _grouping(plan, member), number + 1
    part = plan.parts[member.part].model.part
    names, N, q = ", ".join(grouping.terms), f"N{part.rows}", len(grouping.terms)
    group, Z = f"group_{k}{part.rows}", f"Z_{k}{part.ending}"
    declares = [
        Declare(
            Block.DATA, "array[] int", group, (N,), f"lower=1, upper=J_{k}",
            value=grouping.index + 1, note=f"{grouping.group} of each row",
        )
    ]  # fmt: skip
    matrix = grouping.effects.matrix
    first = member.first + 1
    if q > 1:
        declares.append(Declare(Block.DATA, "matrix", Z, (N, f"{q}"), value=matrix, note=names))
        return declares, f"rows_dot_product({Z}, r_{k}[{group}, {first}:{first + q - 1}])"
    effect = f"r_{k}[{group}, {first}]"
    if intercept_only(grouping):
        return declares, effect
    declares.append(Declare(Block.DATA, "vector", Z, (N,), value=matrix[:, 0], note=names))
    return declares, f"{Z} .* {effect}"


def _divided(plan: Plan, number: int, out: Output) -> Iterator[Output]:
    """Yield an output of a shared term by predictor, and what lies between predictors."""
    members = plan.model.joined[number].members
    parts = [plan.parts[m.part].model.part for m in members]
    terms = [_grouping(plan, m).terms for m in members]
    places = [m.first + np.arange(len(t)) for m, t in zip(members, terms, strict=True)]
    if out.effect == "ran_cor":
        (name, _), *_ = out.dims
        for part, own, at in zip(parts, terms, places, strict=True):
            if len(own) > 1:
                i, j = np.triu_indices(len(own), 1)
                pairs = tuple(combinations(own, 2))
                yield _of(replace(out, dims=((name, pairs),), pick=(at[i], at[j])), part)
        yield _between(out, parts, terms, places)
        return
    for part, own, at in zip(parts, terms, places, strict=True):
        pick: tuple[Ints, ...] = (at,)
        if out.effect == "ran_vals":
            levels = np.arange(len(out.dims[0][1]))
            pick = (levels[:, None], at[None, :])
        yield _of(replace(out, dims=(*out.dims[:-1], (out.dims[-1][0], own)), pick=pick), part)


def _between(
    out: Output,
    parts: Sequence[Part],
    terms: Sequence[Sequence[str]],
    places: Sequence[Ints],
) -> Output:
    """Return the correlations between effects on different predictors."""
    pairs, rows_, columns = [], [], []
    for a, b in combinations(range(len(parts)), 2):
        for i, one in zip(places[a], terms[a], strict=True):
            for j, two in zip(places[b], terms[b], strict=True):
                pairs.append(
                    (
                        qualified(one, parts[a].response, parts[a].dpar),
                        qualified(two, parts[b].response, parts[b].dpar),
                    )
                )
                rows_.append(i)
                columns.append(j)
    return replace(
        out, dims=((out.dims[0][0], tuple(pairs)),), pick=(np.array(rows_), np.array(columns))
    )


def _grouping(plan: Plan, member: Member) -> Grouping:
    return plan.parts[member.part].model.design.groups[member.number]


def _likelihoods(plan: Plan, effects: Sequence[Sequence[str]]) -> Iterator[Fragment]:
    """Yield the predictors of parameters, then the likelihood, response by response."""
    first = [k for k, part in enumerate(plan.parts) if part.model.part.first]
    for k, end in zip(first, [*first[1:], len(plan.parts)], strict=True):
        parts, own = plan.parts[k:end], effects[k:end]
        if parts[0].model.family.categories:
            yield _categorical(parts, own)
            continue
        for part, added in zip(parts[1:], own[1:], strict=True):
            yield _predictor(part, added, INVERSE[part.model.link.name])
        yield likelihood(parts[0], own[0])


def _predictor(plan: Plan, effects: Sequence[str], inverse: str = "{}") -> Fragment:
    """Return the fragment that computes a parameter of each row, named after it."""
    part = plan.model.part
    value = inverse.format(total(plan, summands(plan, effects)))
    text = f"vector[N{part.rows}] {part.ending[1:]} = {value};"
    origin = f"predictor of {part.dpar}"
    return Fragment(origin=origin, statements=(Statement(Block.MODEL, text),))


def _categorical(parts: Sequence[Plan], effects: Sequence[Sequence[str]]) -> Fragment:
    """Return the likelihood of categories, of which the first has a linear predictor of 0."""
    model = parts[0].model
    of = model.part.rows
    etas = [
        eta
        for part, own in zip(parts, effects, strict=True)
        for eta in _predictor(part, own).statements
    ]
    each = ", ".join(f"{p.model.part.ending[1:]}[n]" for p in parts)
    chances = f"[0, {each}]'"
    weights = [f"weight{of}"] if model.part.weight != 1 else []
    weights += [f"weights{of}[n]"] if model.design.response.weights is not None else []
    line = f"y{of}[n] ~ categorical_logit({chances});"
    if weights:
        logit = f"categorical_logit_lupmf(y{of}[n] | {chances})"
        line = f"target += {' * '.join([*weights, logit])};"
    loop = f"for (n in 1:N{of}) {{\n  {line}\n}}"
    return Fragment(
        origin=likelihood_origin(parts[0]),
        statements=(*etas, Statement(Block.MODEL, loop)),
    )
