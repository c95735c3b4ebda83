"""The statement that adds the log likelihood of the rows to the target."""

from __future__ import annotations

import numpy as np

from hierglm.plan.forms import Plan, ResponseForm
from hierglm.program.common import matrix
from hierglm.program.fragment import Block, Declare


def density(plan: Plan, eta: str) -> list[str]:
    """Return the statement that adds the log likelihood to the target.

    Parameters
    ----------
    plan : Plan
        Its rows are not gathered.
    eta : str
        Stan name of the linear predictor, or of the part that is not fused.
    """
    stan, form, part = plan.model.family.stan, plan.response.form, plan.model.part
    of = part.rows
    if stan.by_row:
        return [_by_row(plan, eta)]
    trials = [f"trials{of}"] if stan.trials else []
    suffix = "lupmf" if stan.response == "array[] int" else "lupdf"
    if form is ResponseForm.GLM:
        assert stan.glm is not None
        own = [*trials, matrix(plan), eta, f"b{part.ending}", *parameters(plan)]
        return [_whole(plan, stan.glm, suffix, ", ".join(own))]
    if form is ResponseForm.VECTOR:
        text = ", ".join([*trials, _arguments(plan, eta)])
        return [_whole(plan, stan.plain, suffix, text)]
    text = ", ".join([*(f"{t}[n]" for t in trials), _arguments(plan, eta, "[n]")])
    call = f"{stan.plain}_{suffix}(y{of}[n] | {text})"
    times = "" if part.weight == 1 else f"weight{of} * "
    return [f"for (n in 1:N{of}) {{\n  target += {times}weights{of}[n] * {call};\n}}"]


def parameters(plan: Plan) -> list[str]:
    """Return the names of the family's parameters; known errors stand for a residual sd."""
    response, of = plan.model.design.response, plan.model.part.rows
    if response.se is None:
        return [p.name + of for p in plan.model.family.parameters]
    return [f"total_sd{of}" if response.se_and_sigma else f"se{of}"]


def beside(plan: Plan) -> list[Declare]:
    """Return what the function of a family that has one takes behind the response."""
    stan, of = plan.model.family.stan, plan.model.part.rows
    values = plan.model.design.response.values
    declares: list[Declare] = []
    for name in stan.beside:
        if name == "failures":
            expr = f"to_vector(trials{of}) - y{of}" if stan.trials else f"1 - y{of}"
            declares.append(
                Declare(Block.TRANSFORMED_DATA, "vector", f"failures{of}", (f"N{of}",), expr=expr)
            )
            continue
        at = np.flatnonzero(values == 0 if name == "zeros" else values != 0) + 1
        size, what = f"N_{name}{of}", "a count of 0" if name == "zeros" else "other counts"
        declares += [
            Declare(Block.DATA, "int", size, bounds="lower=0", value=len(at)),
            Declare(
                Block.DATA, "array[] int", name + of, (size,), f"lower=1, upper=N{of}", value=at,
                note=f"rows with {what}",
            ),
        ]  # fmt: skip
    return declares


def _whole(plan: Plan, name: str, suffix: str, arguments: str) -> str:
    of = plan.model.part.rows
    if plan.model.part.weight == 1:
        return f"y{of} ~ {name}({arguments});"
    return f"target += weight{of} * {name}_{suffix}(y{of} | {arguments});"


def _arguments(plan: Plan, eta: str, row: str = "") -> str:
    """Return linear predictor and parameters as the density takes them, of one row or of all."""
    numbers, given = _numbers(plan), parameters(plan)
    own = [p if p in numbers else f"{p}{row}" for p in given]
    template = plan.model.family.stan.arguments
    if not template:
        return ", ".join([eta + row, *own])
    by_name = {p.name: x for p, x in zip(plan.model.family.parameters, own, strict=True)}
    by_name["Intercept"] = f"Intercept{plan.model.part.ending}"
    alone = row or all(p in numbers for p in given)
    return template.format(eta=eta + row, times="*" if alone else ".*", **by_name)


def _numbers(plan: Plan) -> list[str]:
    """Return the names of the family's parameters that are the same in all rows."""
    return [name + plan.model.part.rows for name in plan.model.scales]


def row_function(plan: Plan) -> str:
    """Return the function of a family that has one; of rows with their own parameters another."""
    name = plan.model.family.stan.plain
    return f"varying_{name}" if plan.model.part.modelled else name


def _by_row(plan: Plan, eta: str) -> str:
    stan, part, response = plan.model.family.stan, plan.model.part, plan.model.design.response
    of = part.rows
    own = parameters(plan)
    if part.modelled:
        own = [f"rep_vector({p}, N{of})" if p in _numbers(plan) else p for p in own]
    names = [f"y{of}", *(f"{name}{of}" for name in stan.beside), eta, *own]
    call = f"{row_function(plan)}({', '.join(names)})"
    times = "" if part.weight == 1 else f"weight{of} * "
    if response.weights is not None:
        return f"target += {times}dot_product(weights{of}, {call});"
    return f"target += {times}sum({call});"
