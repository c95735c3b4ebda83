"""A Gaussian response without its rows: crossproducts, and effects integrated out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from hierglm.covariances import covariance_of
from hierglm.plan.blocks import blocks
from hierglm.plan.dense import dense
from hierglm.plan.forms import CommonForm, GroupForm, Plan
from hierglm.plan.order import Order
from hierglm.plan.rotation import differ, known_factor
from hierglm.plan.sums import Sums
from hierglm.program.common import centre, distance
from hierglm.program.crossing import Crossing, crossing
from hierglm.program.fields import field_weights
from hierglm.program.fragment import Block, Declare, Fragment, Statement
from hierglm.program.groups import sizes
from hierglm.program.rotated import rotation_of
from hierglm.program.scales import TOGETHER, factors, scale
from hierglm.program.varying import level_functions, level_outputs, level_parts, level_scale

_FOLDS = ("fold_precision", "fold_residuals")


@dataclass(frozen=True, slots=True)
class _Small:
    """Library functions of small matrices of all levels, for one kind of factor."""

    precision: str
    solve: str
    density: str

    @property
    def inner(self) -> tuple[str, ...]:
        return (self.precision, "batched_cholesky", self.solve, "solved_density")


_TRIANGULAR = _Small("batched_precision", "batched_solve", "integrated_density")
_BY_LEVEL = _Small("batched_precision", "batched_solve", "integrated_by_level")
_LOW_RANK = _Small("low_rank_precision", "low_rank_solve", "low_rank_density")
_VARYING = _Small("varying_precision", "varying_solve", "varying_density")
# Such terms are alone in their chains.
_DENSE = _Small("", "", "dense_density")
_RELATED = _Small("", "", "related_density")


def _small(plan: Plan, number: int) -> _Small:
    grouping = plan.model.groups[number]
    if dense(grouping):
        return _RELATED if differ(grouping) else _DENSE
    if grouping.relation.varying:
        return _VARYING
    if covariance_of(grouping).low_rank:
        return _LOW_RANK
    return _TRIANGULAR if len(grouping.terms) <= TOGETHER else _BY_LEVEL


def sums_data(plan: Plan) -> Fragment:
    """Return the fragment of the crossproducts of the common columns."""
    products = _sums(plan).common
    data = [
        Declare(Block.DATA, "matrix", "R", ("P", "P"), value=products.R, note="R'R = X'X"),
        Declare(
            Block.DATA, "real", "rss", bounds="lower=0", value=products.rss,
            note="residual sum of squares of least squares",
        ),
        Declare(
            Block.DATA, "real", "weights", bounds="lower=0", value=products.weights,
            note="rows, or the sum of their weights",
        ),
    ]  # fmt: skip
    if plan.common.form is not CommonForm.WHITENED:
        b = centre(plan)
        data[:0] = [
            Declare(Block.DATA, "int", "P", bounds="lower=0", value=len(b), note="coefficients"),
            Declare(Block.DATA, "vector", "b_centre", ("P",), value=b, note="of least squares"),
        ]
    label = plan.model.design.response.label
    return Fragment(origin=f"crossproducts of {label}", declares=tuple(data))


def group_sums(plan: Plan, number: int) -> Fragment:
    """Return the fragment of the crossproducts of a group term, and of its scale."""
    grouping = plan.model.design.groups[number]
    k = number + 1
    scales, functions = level_parts(plan, number), level_functions(plan, number)
    return Fragment(
        origin=f"group {k}: {grouping.source}",
        declares=(
            *sizes(grouping, k),
            *_products(plan, number),
            *_from_coordinates(plan, number),
            *scales.declares,
        ),
        statements=scales.statements,
        uses=(*functions, "field_factors") if _small(plan, number) is _DENSE else functions,
        outputs=level_outputs(plan, number),
    )


def _from_coordinates(plan: Plan, number: int) -> list[Declare]:
    """Return what makes effects of coordinates where levels also differ."""
    if _small(plan, number) is not _RELATED:
        return []
    return [rotation_of(number + 1, known_factor(plan.model.design.groups[number]))]


def sums_likelihood(plan: Plan) -> Fragment:
    """Return the fragment of the likelihood: effects of the chain integrated out."""
    order, sums = _order(plan), _sums(plan)
    crossings = {
        (k, m): _crossing(plan, k, m)
        for k, m in sums.cross
        if m in order.rest and not (k in order.rest and m in order.chain)
    }
    declares = [d for k in order.rest for d in _products(plan, k)]
    declares += [d for c in crossings.values() for d in c.declares]
    declares += [d for pair in order.parents for d in _nesting(plan, *pair)]
    lines = [Statement(Block.MODEL, x) for x in (*_residuals(plan, crossings), *_density(plan))]
    for i, k in enumerate(order.chain):
        note = f"{plan.model.design.groups[k].group}: effects integrated out"
        first, *more = _eliminate(plan, i, k, crossings)
        lines.append(Statement(Block.MODEL, first, note))
        lines += [Statement(Block.MODEL, line) for line in more]
    nested = len(order.chain)
    functions = [
        *(["level_residuals"] if sums.groups else []),
        "crossproducts_normal",
        *dict.fromkeys(_squares(plan, k) for k in order.rest),
        *dict.fromkeys(_small(plan, k).density for k in order.chain[-1:]),
        *(c.function for c in crossings.values()),
        *dict.fromkeys(f for k in order.chain[:-1] for f in _small(plan, k).inner),
        *(_FOLDS if nested > 1 else []),
        *(["fold_cross"] if nested > 2 else []),
    ]
    return Fragment(
        origin=f"likelihood: {plan.model.family!r}",
        declares=tuple(declares),
        statements=(*distance(plan), *lines),
        uses=tuple(functions),
    )


def _sums(plan: Plan) -> Sums:
    assert plan.numbers is not None
    assert plan.numbers.sums is not None
    return plan.numbers.sums


def _order(plan: Plan) -> Order:
    assert plan.numbers is not None
    return plan.numbers.order


def _sigma(plan: Plan) -> str:
    return "sigma" if "sigma" in plan.model.scales else "1"


def _products(plan: Plan, number: int) -> list[Declare]:
    sums, k = _sums(plan).groups[number], number + 1
    size = (f"J_{k}",)
    ZZ = Declare(
        Block.DATA, "array[] vector", f"ZZ_{k}", (f"T_{k}", *size), value=sums.ZZ,
        note="Z'Z by level, packed",
    )  # fmt: skip
    own = plan.groups[number].form is GroupForm.INTEGRATED
    if sums.ZZ.ndim == 3 or (own and _small(plan, number) is _RELATED):
        ZZ = Declare(
            Block.DATA, "array[] matrix", f"ZZ_{k}", (f"T_{k}", *size, *size), value=sums.whole,
            note="Z'Z of each two effects",
        )  # fmt: skip
    return [
        ZZ,
        Declare(
            Block.DATA, "array[] matrix", f"ZX_{k}", (f"M_{k}", *size, "P"), value=sums.ZX,
            note="Z'X by level",
        ),
        Declare(
            Block.DATA, "array[] vector", f"Ze_{k}", (f"M_{k}", *size), value=sums.Ze,
            note="Z'e by level",
        ),
    ]  # fmt: skip


def _crossing(plan: Plan, k: int, m: int) -> Crossing:
    design = plan.model.design
    effects = (len(design.groups[k].terms), len(design.groups[m].terms))
    note = f"Z'Z of {design.groups[k].group} and {design.groups[m].group}"
    name = f"ZZ_{k + 1}_{m + 1}"
    return crossing(name, k + 1, m + 1, _sums(plan).cross[k, m], effects, note)


def _nesting(plan: Plan, k: int, m: int) -> list[Declare]:
    """Return the products of a factor of the chain with one that holds it, and its levels."""
    design, parent = plan.model.design, _order(plan).parents[k, m]
    inner, outer = design.groups[k].group, design.groups[m].group
    q, s = len(design.groups[k].terms), len(design.groups[m].terms)
    products = blocks(_sums(plan).cross[k, m], q, s)
    a, b = k + 1, m + 1
    counts = np.bincount(parent, minlength=len(design.groups[m].levels))
    return [
        Declare(
            Block.DATA, "array[,] vector", f"ZZ_{a}_{b}", (f"M_{b}", f"M_{a}", f"J_{a}"),
            value=products.transpose(2, 1, 0), note=f"Z'Z of {inner} and {outer}",
        ),
        Declare(
            Block.DATA, "array[] int", f"at_{a}_{b}", (f"J_{a}",), f"lower=1, upper=J_{a}",
            value=np.argsort(parent, kind="stable") + 1, note=f"{inner}, {outer} by {outer}",
        ),
        Declare(
            Block.DATA, "array[] int", f"ends_{a}_{b}", (f"J_{b} + 1",), "lower=1",
            value=np.concatenate([[0], np.cumsum(counts)]) + 1, note="where each ends",
        ),
    ]  # fmt: skip


def _residuals(plan: Plan, crossings: Mapping[tuple[int, int], Crossing]) -> Iterator[str]:
    """Yield the residuals within the levels of terms that are not integrated out."""
    rest = _order(plan).rest
    for a, k in enumerate(rest):
        yield _within(k + 1)
        for m in rest[a + 1 :]:
            yield f"e_{k + 1} = {crossings[k, m](f'e_{k + 1}', f'r_{m + 1}')};"


def _within(k: int) -> str:
    return f"array[M_{k}] vector[J_{k}] e_{k} = level_residuals(Ze_{k}, ZX_{k}, d);"


def _density(plan: Plan) -> list[str]:
    more = [f"{_squares(plan, k)}(r_{k + 1}, ZZ_{k + 1}, e_{k + 1})" for k in _order(plan).rest]
    if not more:
        return [f"target += crossproducts_normal(d, {_sigma(plan)}, weights, rss, R);"]
    return [
        f"real squares = rss + {' + '.join(more)};",
        f"target += crossproducts_normal(d, {_sigma(plan)}, weights, squares, R);",
    ]


def _squares(plan: Plan, number: int) -> str:
    """Return the library function of what a term's effects add to the sum of squares."""
    return "effect_squares" if _sums(plan).groups[number].ZZ.ndim == 2 else "coupled_squares"


def _eliminate(
    plan: Plan, i: int, number: int, crossings: Mapping[tuple[int, int], Crossing]
) -> Iterator[str]:
    """Yield the statements that integrate the effects of one term of the chain out."""
    order, k, sigma = _order(plan), number + 1, _sigma(plan)
    inner = [j + 1 for j in order.chain[:i]]
    A = f"ZZ_{k}"
    small, size = _small(plan, number), factors(plan.model.groups[number], k)
    if small is _DENSE:
        whole = f"{scale(plan, number)}{' / sigma' * (sigma != '1')}"
        weights = field_weights(plan.model.groups[number], k)
        factor = f"field_factors({whole}, {weights}, M_{k}, J_{k})"
        yield f"array[T_{k}] vector[J_{k}] S_{k} = {factor};"
    else:
        yield from level_scale(plan, number, f"S_{k}", sigma)
    yield _within(k)
    for m in order.rest:
        yield f"e_{k} = {crossings[number, m](f'e_{k}', f'r_{m + 1}')};"
    for j in inner:
        A = f"fold_precision({A}, G_{j}_{k}, at_{j}_{k}, ends_{j}_{k})"
        yield f"e_{k} = fold_residuals(e_{k}, G_{j}_{k}, w_{j}, at_{j}_{k}, ends_{j}_{k});"
    if inner:
        yield f"array[T_{k}] vector[J_{k}] A_{k} = {A};"
        A = f"A_{k}"
    if number == order.chain[-1]:
        more = f", rotation_{k}" if small is _RELATED else ""
        yield f"target += {small.density}({A}, S_{k}, e_{k}, {sigma}{more}, J_{k});"
        return
    low = small is _LOW_RANK
    entries = f"({size} * ({size} + 1)) %/% 2" if low else f"T_{k}"
    more = {_LOW_RANK: f", J_{k}", _VARYING: f", {size}, J_{k}"}.get(small, "")
    precision = f"{small.precision}({A}, S_{k}{more})"
    yield (f"array[{entries}] vector[J_{k}] C_{k} = batched_cholesky({precision}, {size}, J_{k});")
    yield f"array[{size}] vector[J_{k}] w_{k} = {small.solve}(C_{k}, S_{k}, e_{k}, J_{k});"
    yield f"target += solved_density(C_{k}, w_{k}, {sigma});"
    for m in (n + 1 for n in order.chain[i + 1 :]):
        # Of low rank the solved products have fewer rows than the effects.
        products = f"H_{k}_{m}" if low else f"G_{k}_{m}"
        yield f"array[M_{m}, M_{k}] vector[J_{k}] {products} = ZZ_{k}_{m};"
        for j in inner:
            levels = f"at_{j}_{k}, ends_{j}_{k}"
            yield f"{products} = fold_cross({products}, G_{j}_{k}, G_{j}_{m}, {levels});"
        if low:
            yield f"array[M_{m}, {size}] vector[J_{k}] G_{k}_{m};"
        solved = f"G_{k}_{m}[m] = {small.solve}(C_{k}, S_{k}, {products}[m], J_{k});"
        yield f"for (m in 1:M_{m}) {{\n  {solved}\n}}"
