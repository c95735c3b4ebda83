"""Thresholds between ordered categories, which stand in place of an intercept."""

from __future__ import annotations

import numpy as np

from hierglm.design.design import Design
from hierglm.plan.forms import CommonForm, Plan
from hierglm.plan.threshold_likelihood import threshold_weights
from hierglm.program.fragment import Block, Declare, Place, Statement
from hierglm.program.positive import WIDEST
from hierglm.program.priors import scalar_prior


def threshold_names(design: Design) -> tuple[str, ...]:
    """Return the names of the thresholds of a response, ``"Intercept[1]"`` the lowest."""
    return tuple(f"Intercept[{k}]" for k in range(1, len(design.response.levels or ())))


def thresholds(plan: Plan) -> tuple[list[Declare], list[Statement]]:
    """Return declarations and prior of the thresholds, at the means of the columns."""
    (given,) = plan.model.priors.of("Intercept")
    of, labels = plan.model.part.ending, plan.model.design.common.labels
    name, C = f"Intercept{of}", f"C{of}"
    prior = scalar_prior(name, given)
    count = len(threshold_names(plan.model.design))
    note = f"thresholds at the means of X{of}" if labels else "thresholds"
    declares = [
        Declare(Block.DATA, "int", C, bounds="lower=1", value=count,
                note="categories but the last")
    ]  # fmt: skip
    statements = list(prior.statements)
    if plan.common.form is CommonForm.WHITENED:
        declares += _about_the_fit(plan, note)
        statements.append(Statement(Block.MODEL, "target += sum(log_gap);", "Jacobian"))
    else:
        declares.append(Declare(Block.PARAMETERS, "ordered", name, (C,), note=note))
    declares += prior.declares
    if labels:
        declares.append(
            Declare(
                Block.GENERATED, "vector", f"b_{name}", (C,),
                expr=f"{name} + dot_product(X_mean{of}, b{of})", note=f"thresholds at X{of} = 0",
            )
        )  # fmt: skip
    return declares, statements


def threshold_places(plan: Plan) -> dict[str, Place]:
    """Return where the gaps between thresholds are in the program of a penalised fit."""
    mode, reach = _gaps(plan)
    return {"log_gap": Place(mode, np.ones(len(mode)), unit=reach)}


def _about_the_fit(plan: Plan, note: str) -> list[Declare]:
    """Return the thresholds by their mean, which is one of the coefficients, and their gaps."""
    mode, reach = _gaps(plan)
    weights = threshold_weights(plan.model.design.response)
    return [
        Declare(Block.DATA, "vector", "middle", ("C",), "lower=0, upper=1", weights,
                note="weights of the thresholds in their mean"),
        Declare(Block.DATA, "int", "G", bounds="lower=0", value=len(mode), note="gaps"),
        Declare(Block.DATA, "vector", "log_gap_mode", ("G",), value=mode),
        Declare(Block.DATA, "vector", "log_gap_reach", ("G",), "lower=0", reach,
                note="about their posterior sds"),
        Declare(Block.PARAMETERS, "vector", "log_gap", ("G",),
                "offset=log_gap_mode, multiplier=log_gap_reach", note="log gaps of thresholds"),
        Declare(Block.TRANSFORMED_PARAMETERS, "vector", "Intercept", ("C",),
                expr="spaced_thresholds(log_gap, middle, b_centre[1] + d[1])", note=note),
    ]  # fmt: skip


def _gaps(plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    """Return the logarithms of the gaps at the penalised fit, and their spreads."""
    assert plan.numbers is not None
    assert plan.numbers.fit is not None
    own = [gap for name, gap in plan.numbers.fit.own.items() if name.startswith("gap_")]
    values = np.array([gap.value for gap in own])
    return np.log(values), np.minimum(WIDEST, [gap.spread for gap in own])
