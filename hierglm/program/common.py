"""Population-level coefficients: the intercept and the columns."""

from __future__ import annotations

import numpy as np

from hierglm.plan.forms import CommonForm, Plan, ResponseForm
from hierglm.program.fragment import Block, Declare, Fragment, Output, Statement
from hierglm.program.priors import PriorText, scalar_prior, vector_prior

MATRIX = {CommonForm.CENTRED: "Xc", CommonForm.DIRECT: "X"}
"""The matrix that the coefficients multiply, by form."""


def common(plan: Plan) -> Fragment:
    """Return the fragment of the intercept and the common columns.

    The intercept's prior refers to centred columns; ``b_Intercept`` is the intercept on
    the original scale.
    """
    design = plan.model.design
    labels = design.common.labels
    written = [*(["1"] if design.intercept else ["0"]), *labels]
    declares, statements, outputs = _intercept(plan)
    if labels:
        more = _columns(plan)
        declares, statements = declares + more[0], statements + more[1]
        outputs.append(Output("b", "b", "fixed", dims=(("term", labels),)))
    return Fragment(
        origin=f"common: {' + '.join(written)}",
        declares=tuple(declares),
        statements=tuple(statements),
        predictor="Intercept" if design.intercept else "",
        outputs=tuple(outputs),
    )


_Part = tuple[list[Declare], list[Statement], list[Output]]


def _intercept(plan: Plan) -> _Part:
    if not plan.model.design.intercept:
        return [], [], []
    prior = scalar_prior("Intercept", plan.model.priors.of("Intercept")[0])
    centred = plan.common.form is CommonForm.CENTRED
    note = "expected response at the means of X" if centred else "expected response"
    if plan.model.family.link.name != "identity":
        note = note.replace("expected response", "linear predictor")
    declares = [Declare(Block.PARAMETERS, "real", "Intercept", note=note), *prior.declares]
    if centred:
        declares.append(
            Declare(
                Block.GENERATED,
                "real",
                "b_Intercept",
                expr="Intercept - dot_product(X_mean, b)",
                note="intercept at X = 0",
            )
        )
    stan = "b_Intercept" if centred else "Intercept"
    output = Output(stan, "b", "fixed", dims=(("term", ("Intercept",)),))
    return declares, list(prior.statements), [output]


def _columns(plan: Plan) -> tuple[list[Declare], list[Statement]]:
    common = plan.model.design.common
    names = ", ".join(common.labels)
    prior: PriorText = vector_prior("b", "K", plan.model.priors.of("b"))
    rows = plan.response.form is not ResponseForm.CROSSPRODUCTS
    declares = [
        Declare(Block.DATA, "int", "K", bounds="lower=1", value=len(common.labels), note="columns")
    ]
    if rows:
        declares.append(
            Declare(Block.DATA, "matrix", "X", ("N", "K"), value=common.matrix, note=names)
        )
    if plan.common.form is CommonForm.CENTRED:
        means = np.asarray(common.matrix.mean(axis=0))
        declares.append(
            Declare(Block.DATA, "vector", "X_mean", ("K",), value=means, note="means of X")
        )
    if rows and plan.common.form is CommonForm.CENTRED:
        declares.append(
            Declare(
                Block.TRANSFORMED_DATA,
                "matrix",
                "Xc",
                ("N", "K"),
                expr="X - rep_matrix(X_mean', N)",
                note="centred columns",
            )
        )
    declares.append(Declare(Block.PARAMETERS, "vector", "b", ("K",), note=f"slopes: {names}"))
    return [*declares, *prior.declares], list(prior.statements)
