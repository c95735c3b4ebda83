"""Covariances of a few factors as Stan text: ``rr(x | g, rank=2)``.

Their loadings U (one row an effect) are known up to a rotation of the factors. Without a
penalised fit all of U is a parameter, and chains go round: that is slow (90 to 210 leapfrog steps
for two factors of 60 to 300 levels), but nothing is in their way. With one, U = T A: the columns
of T are the directions of the fitted effects, most variance first, each effect in units of its
column, and A is zero above its diagonal (16 steps). The priors are the same for rotations of rows
and columns, so the posterior of U U' is the textbook's whatever T is. The diagonal of A may have
either sign: where it must be positive, as factor analysis has it, and the first rows are not
those with much variance, chains are caught at 0 (R-hat above 1.1 in 10 of 24 trials from random
starts; at most 1.03 in 28 with free signs, whatever T).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.covariances import correlated_terms
from hierglm.covariances.rr import is_auto, loading_labels, rank, unit
from hierglm.plan.forms import Plan
from hierglm.plan.penalised import Penalised
from hierglm.program.fragment import Block, Declare, Output, Place, Statement
from hierglm.program.positive import WIDEST
from hierglm.program.priors import PriorText

Floats = NDArray[np.float64]


def low_rank_parts(plan: Plan, number: int) -> PriorText:
    """Return declarations and prior of the loadings of a term's effects, and what they imply."""
    grouping, k = plan.model.groups[number], number + 1
    terms, size = ", ".join(grouping.terms), (f"M_{k}", f"D_{k}")
    note = f"loadings of {terms}"
    prior = plan.model.priors.of("loading", number)[0]
    *df, _, scale = prior.numbers
    numbers = [
        Declare(Block.DATA, "real", f"prior_loading_{k}_{name}", bounds="lower=0", value=value)
        for name, value in zip(("df", "scale")[-len(df) - 1 :], (*df, scale), strict=True)
    ]
    fitted = _fit(plan) is not None
    made = _in_order(plan, number) if fitted else _as_they_are(plan, number)
    implied = [
        Declare(
            Block.TRANSFORMED_PARAMETERS, "matrix", f"U_{k}", size,
            expr=f"basis_{k} * load_{k}" if fitted else f"diag_pre_multiply(unit_{k}, load_{k})",
            note=note,
        ),
        Declare(
            Block.GENERATED, "matrix", f"loading_{k}", size,
            expr=f"rotated_loadings(U_{k})", note="rotated to a lower triangle",
        ),
        Declare(
            Block.GENERATED, "vector", f"sd_{k}", (f"M_{k}",),
            expr=f"sqrt(rows_dot_self(U_{k}))", note=f"sd of {terms} over {grouping.group}",
        ),
    ]  # fmt: skip
    if rank(grouping) > 1:
        implied.append(
            Declare(
                Block.GENERATED, "matrix", f"cor_{k}", (f"M_{k}", f"M_{k}"),
                expr=f"tcrossprod(diag_pre_multiply(inv(sd_{k}), U_{k}))",
                note=f"correlations of {terms}",
            )
        )  # fmt: skip
    kind = "normal" if not df else "matrix_student_t" if is_auto(grouping) else "joint_student_t"
    call = f"{kind}(load_{k}, {', '.join(d.name for d in numbers)})"
    text = f"target += {call};" if df else f"to_vector(load_{k}) ~ normal(0, {numbers[-1].name});"
    statements = [Statement(Block.MODEL, text)]
    if fitted and rank(grouping) > 1:
        statements.append(
            Statement(Block.MODEL, f"target += log_rotations(load_{k});", "of all rotations, one")
        )
    if fitted and is_auto(grouping):
        statements.append(
            Statement(Block.MODEL, f"target += sum({_diagonal(plan, number)});", "Jacobian")
        )
    return PriorText((_rank(plan, number), *made, *numbers, *implied), tuple(statements))


def low_rank_functions(plan: Plan, number: int) -> tuple[str, ...]:
    """Return the library functions that a term's loadings need."""
    grouping = plan.model.groups[number]
    shrunk = "matrix_student_t" if is_auto(grouping) else "joint_student_t"
    jointly = plan.model.priors.of("loading", number)[0].kind == "student_t"
    fitted = _fit(plan) is not None
    return (
        *((shrunk,) if jointly else ()),
        *(("lower_trapezoidal",) if fitted else ()),
        *(("log_rotations",) if fitted and rank(grouping) > 1 else ()),
        "rotated_loadings",
    )


def low_rank_outputs(plan: Plan, number: int) -> Iterator[Output]:
    """Yield the outputs of a term's loadings, and of the sds and correlations that follow."""
    grouping, k = plan.model.groups[number], number + 1
    name, q = grouping.group, len(grouping.terms)
    by_term: tuple[tuple[str, Any], ...] = ((f"{name}_term", grouping.terms),)
    yield Output(f"sd_{k}", f"sd_{name}", "ran_sd", name, by_term)
    if rank(grouping) > 1:
        pairs = ((f"{name}_pair", correlated_terms(grouping)),)
        yield Output(
            f"cor_{k}", f"cor_{name}", "ran_cor", name, pairs, _pick(np.triu_indices(q, 1))
        )
    entries = ((f"{name}_loading", loading_labels(grouping)),)
    lower = _pick(np.tril_indices(q, 0, rank(grouping)))
    yield Output(f"loading_{k}", f"loading_{name}", "ran_loading", name, entries, lower)


def low_rank_places(plan: Plan, fit: Penalised, number: int) -> dict[str, Place]:
    """Return where the loadings of a term are in the program of a penalised fit."""
    names = (_diagonal(plan, number), f"below_{number + 1}")
    return {
        name: Place(mode, np.ones(len(mode)), unit=reach)
        for name, (mode, reach) in zip(names, _entries(plan, fit, number), strict=True)
    }


def low_rank_scores(plan: Plan, fit: Penalised, number: int) -> tuple[Floats, Floats]:
    """Return scores of the fitted effects on the factors, shape (rank, J), and their spreads."""
    directions, variances, own = _directions(plan, fit, number)
    d = rank(plan.model.groups[number])
    effects = fit.effects[number] / own @ directions[:, :d]
    wide = np.einsum("jab,ak,bk->jk", fit.uncertain[number] / np.outer(own, own),
                     directions[:, :d], directions[:, :d])  # fmt: skip
    sds = np.sqrt(variances[:d])
    return (effects / sds).T, np.clip(np.sqrt(np.maximum(wide, 0)) / sds, 1e-3, 1.0).T


def _rank(plan: Plan, number: int) -> Declare:
    grouping = plan.model.groups[number]
    note = "most factors" if is_auto(grouping) else "factors"
    return Declare(
        Block.DATA, "int", f"D_{number + 1}", bounds="lower=1", value=rank(grouping), note=note
    )


def _as_they_are(plan: Plan, number: int) -> list[Declare]:
    k = number + 1
    return [
        Declare(
            Block.DATA, "vector", f"unit_{k}", (f"M_{k}",), "lower=0",
            unit(plan.model.groups[number]), note="1 / size of each column",
        ),
        Declare(
            Block.PARAMETERS, "matrix", f"load_{k}", (f"M_{k}", f"D_{k}"),
            note="loadings of columns of size 1",
        ),
    ]  # fmt: skip


def _in_order(plan: Plan, number: int) -> list[Declare]:
    """Return the loadings in directions of the penalised fit, zero above their diagonal."""
    k, fit = number + 1, _fit(plan)
    assert fit is not None
    directions, _, own = _directions(plan, fit, number)
    diagonal, below = _entries(plan, fit, number)
    name = _diagonal(plan, number)
    made = f"exp({name})" if name.startswith("log") else name
    return [
        Declare(
            Block.DATA, "int", f"E_{k}", bounds="lower=1", value=len(below[0]),
            note="loadings below the diagonal",
        ),
        Declare(
            Block.DATA, "matrix", f"basis_{k}", (f"M_{k}", f"M_{k}"),
            value=own[:, None] * directions, note="directions of the fitted effects",
        ),
        *_about(name, f"D_{k}", diagonal, "loadings of each factor's own direction"),
        *_about(f"below_{k}", f"E_{k}", below, "and of the directions after it"),
        Declare(
            Block.TRANSFORMED_PARAMETERS, "matrix", f"load_{k}", (f"M_{k}", f"D_{k}"),
            expr=f"lower_trapezoidal({made}, below_{k}, M_{k})",
        ),
    ]  # fmt: skip


def _about(name: str, size: str, place: tuple[Floats, Floats], note: str) -> list[Declare]:
    """Return a vector of parameters about where they are at the penalised fit."""
    mode, reach = place
    return [
        Declare(Block.DATA, "vector", f"{name}_mode", (size,), value=mode),
        Declare(
            Block.DATA, "vector", f"{name}_reach", (size,), "lower=0", reach,
            note="about their posterior sds",
        ),
        Declare(
            Block.PARAMETERS, "vector", name, (size,),
            f"offset={name}_mode, multiplier={name}_reach", note=note,
        ),
    ]  # fmt: skip


def _diagonal(plan: Plan, number: int) -> str:
    """Return the Stan name of the diagonal of the loadings.

    Where shrinkage takes factors to nothing, |A[k, k]| is near 0, and so is the density of the
    one that stands for all rotations: free signs would have chains cross there (50 divergences in
    4,000 draws); on the logarithm there is nothing to cross.
    """
    return f"{'log_' * is_auto(plan.model.groups[number])}diagonal_{number + 1}"


def _directions(plan: Plan, fit: Penalised, number: int) -> tuple[Floats, Floats, Floats]:
    """Return the directions of the fitted effects, columns of size 1, their variances, units."""
    own = unit(plan.model.groups[number])
    values, vectors = np.linalg.eigh(fit.covariances[number] / np.outer(own, own))
    return vectors[:, ::-1], np.maximum(values[::-1], _LEAST * values[-1]), own


_LEAST = 1e-6
"""Smallest variance of a direction, as a share of the largest."""


def _entries(
    plan: Plan, fit: Penalised, number: int
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Return loadings at the penalised fit and about their spreads: diagonal, and below it.

    Effects in direction k have a loading of their sd on factor k. That of direction h on it is
    the regression of one on the other over the levels: its sd is that of direction h, with
    what each level leaves uncertain, over the root of their number.
    """
    directions, variances, own = _directions(plan, fit, number)
    levels = len(fit.effects[number])
    grouping = plan.model.groups[number]
    d = rank(grouping)
    uncertain = fit.uncertain[number].mean(axis=0) / np.outer(own, own)
    wide = np.sqrt((variances + np.diag(directions.T @ uncertain @ directions)) / levels)
    mode, reach = np.sqrt(variances[:d]), wide[:d] / np.sqrt(2)
    if is_auto(grouping):
        mode, reach = np.log(mode), np.minimum(WIDEST, reach / mode)
    below = np.concatenate([wide[k + 1 :] for k in range(d)])
    return (mode, reach), (np.zeros(len(below)), below)


def _fit(plan: Plan) -> Penalised | None:
    return None if plan.numbers is None else plan.numbers.fit


def _pick(indices: tuple[Any, ...]) -> tuple[NDArray[np.int64], ...]:
    return tuple(np.asarray(x, dtype=np.int64) for x in indices)
