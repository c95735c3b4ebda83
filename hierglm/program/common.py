"""Population-level coefficients: the intercept and the columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hierglm.plan.crossproducts import column_means
from hierglm.plan.forms import CommonForm, Plan, ResponseForm
from hierglm.priors.distributions import Prior
from hierglm.program.fragment import Block, Declare, Fragment, Output, Statement
from hierglm.program.given import completed, datum, estimated, given_value
from hierglm.program.priors import scalar_prior, vector_prior
from hierglm.program.thresholds import threshold_names, thresholds

Floats = NDArray[np.float64]


def matrix(plan: Plan) -> str:
    """Return the Stan name of the matrix that the coefficients multiply."""
    return ("Xc" if plan.model.design.intercept else "X") + plan.model.part.ending


def common(plan: Plan) -> Fragment:
    """Return the fragment of the intercept and the common columns.

    The intercept's prior refers to centred columns; ``b_Intercept`` is the intercept on
    the original scale.
    """
    design, of = plan.model.design, plan.model.part.ending
    labels = design.common.labels
    label = plan.model.part.label
    written = [*(["1"] if design.intercept else ["0"]), *labels]
    declares, statements = _data(plan)
    outputs = []
    if plan.common.form is CommonForm.WHITENED:
        declares += _whitened(plan)
    ordered = plan.model.family.thresholds
    if design.intercept:
        more = thresholds(plan) if ordered else _intercept(plan)
        declares, statements = declares + more[0], statements + more[1]
        stan = ("b_Intercept" if labels else "Intercept") + of
        value = None if labels else _known(plan, plan.model.priors.of("Intercept"))
        if ordered:
            dims = (("threshold", threshold_names(plan.model.design)),)
            outputs.append(Output(stan, "Intercept", "fixed", dims=dims))
        else:
            term = (("term", ("Intercept",)),)
            outputs.append(Output(stan, "b", "fixed", dims=term, value=value))
    if labels:
        more = _slopes(plan)
        declares, statements = declares + more[0], statements + more[1]
        value = _known(plan, plan.model.priors.of("b"))
        outputs.append(Output(f"b{of}", "b", "fixed", dims=(("term", labels),), value=value))
    return Fragment(
        origin=f"common{' of ' if label else ''}{label}: {' + '.join(written)}",
        declares=tuple(declares),
        statements=tuple(statements),
        uses=("spaced_thresholds",) * (ordered and plan.common.form is CommonForm.WHITENED),
        outputs=tuple(outputs),
    )


def centre(plan: Plan) -> Floats:
    """Return the coefficients from which ``d`` is counted, shape (p,).

    Those of least squares where crossproducts are written about them, else the penalised fit.
    """
    numbers = plan.numbers
    assert numbers is not None
    if numbers.sums is not None:
        return numbers.sums.common.ols
    assert numbers.fit is not None
    return numbers.fit.common


def whitening(plan: Plan) -> Floats:
    """Return W, shape (p, estimated), W W' the covariance of the coefficients at the fit.

    It is upper triangular, without the columns of coefficients that are given, whose rows
    are 0.
    """
    assert plan.numbers is not None
    assert plan.numbers.fit is not None
    W = np.asarray(np.linalg.inv(np.linalg.cholesky(plan.numbers.fit.precision)).T)
    return W[:, np.isnan(plan.model.given)]


_Part = tuple[list[Declare], list[Statement]]


def _data(plan: Plan) -> _Part:
    """Return what is known of the columns: their number, themselves, their means."""
    design = plan.model.design
    names = ", ".join(design.common.labels)
    count = len(design.common.labels)
    declares: list[Declare] = []
    if not count:
        return declares, []
    of, K = plan.model.part.ending, f"K{plan.model.part.ending}"
    declares.append(Declare(Block.DATA, "int", K, bounds="lower=1", value=count, note="columns"))
    rows = plan.response.form is not ResponseForm.CROSSPRODUCTS
    many = "U" if repeats(plan) else f"N{plan.model.part.rows}"
    if rows:
        declares += _matrix(plan, names)
    if design.intercept:
        means = column_means(design)
        declares.append(
            Declare(Block.DATA, "vector", f"X_mean{of}", (K,), value=means, note=f"means of X{of}")
        )
    if rows and design.intercept:
        declares.append(
            Declare(
                Block.TRANSFORMED_DATA, "matrix", f"Xc{of}", (many, K),
                expr=f"X{of} - rep_matrix(X_mean{of}', {many})", note="centred columns",
            )
        )  # fmt: skip
    return declares, []


def repeats(plan: Plan) -> bool:
    """Tell whether X holds each pattern of columns once, and rows say which one they have."""
    return (
        plan.response.form is ResponseForm.GATHERED
        and plan.numbers is not None
        and plan.numbers.rows is not None
        and plan.numbers.rows.pattern is not None
    )


def predictors(plan: Plan, fused: bool = False) -> list[str]:
    """Return what intercept and columns add to the linear predictor of each row.

    Parameters
    ----------
    plan : Plan
    fused : bool
        Whether the density multiplies the columns itself.
    """
    design, of = plan.model.design, plan.model.part.ending
    intercept = design.intercept and not plan.model.family.thresholds
    parts = [f"Intercept{of}"] if intercept else []
    if design.common.labels and not fused:
        parts.append(f"{matrix(plan)} * b{of}")
    return [f"({' + '.join(parts)})[pattern]"] if repeats(plan) else parts


def _matrix(plan: Plan, names: str) -> list[Declare]:
    rows = plan.numbers.rows if plan.numbers is not None else None
    X = plan.model.design.common.matrix
    sorted_ = plan.response.form is ResponseForm.KERNEL
    if rows is None or not (rows.gathered or sorted_):
        of, dims = (
            plan.model.part.ending,
            (f"N{plan.model.part.rows}", f"K{plan.model.part.ending}"),
        )
        return [Declare(Block.DATA, "matrix", f"X{of}", dims, value=X, note=names)]
    if rows.pattern is None or sorted_:
        return [Declare(Block.DATA, "matrix", "X", ("N", "K"), value=X[rows.first], note=names)]
    assert rows.patterns is not None
    return [
        Declare(
            Block.DATA, "int", "U", bounds="lower=1", value=len(rows.patterns),
            note="different rows of X",
        ),
        Declare(Block.DATA, "matrix", "X", ("U", "K"), value=X[rows.patterns], note=names),
        Declare(
            Block.DATA, "array[] int", "pattern", ("N",), "lower=1, upper=U",
            value=rows.pattern + 1, note="row of X",
        ),
    ]  # fmt: skip


def _whitened(plan: Plan) -> list[Declare]:
    numbers = plan.numbers
    assert numbers is not None
    assert numbers.fit is not None
    about = "least squares" if numbers.sums is not None else "the penalised fit"
    b, W = centre(plan), whitening(plan)
    mixed = W.shape[1] < len(b)
    free = "P_free" if mixed else "P"
    sizes = [Declare(Block.DATA, "int", "P", bounds="lower=1", value=len(b), note="coefficients")]
    if mixed:
        sizes.append(
            Declare(
                Block.DATA, "int", "P_free", bounds="lower=1", value=W.shape[1],
                note="those estimated; W's other rows are 0",
            )
        )  # fmt: skip
    return [
        *sizes,
        Declare(Block.DATA, "vector", "b_centre", ("P",), value=b, note=f"of {about}"),
        Declare(
            Block.DATA, "matrix", "W", ("P", free), value=W,
            note="W W' is about their posterior covariance",
        ),
        Declare(
            Block.PARAMETERS, "vector", "b_std", (free,), note="about independent, with sd 1"
        ),
        Declare(
            Block.TRANSFORMED_PARAMETERS, "vector", "d", ("P",), expr="W * b_std",
            note=f"distance from {about}",
        ),
    ]  # fmt: skip


def _intercept(plan: Plan) -> _Part:
    (given,) = plan.model.priors.of("Intercept")
    of = plan.model.part.ending
    prior = scalar_prior(f"Intercept{of}", given)
    labels = plan.model.design.common.labels
    note = f"expected response at the means of X{of}" if labels else "expected response"
    if plan.model.family.link.name != "identity" or plan.model.part.dpar:
        note = note.replace("expected response", "linear predictor")
    block, expr = _where(plan, "b_centre[1] + d[1]")
    intercept = Declare(block, "real", f"Intercept{of}", expr=expr, note=note)
    if block is Block.PARAMETERS and given.given:
        intercept = datum(f"Intercept{of}", [given], note)
    declares = [intercept, *prior.declares]
    if labels:
        declares.append(
            Declare(
                Block.GENERATED, "real", f"b_Intercept{of}",
                expr=f"Intercept{of} - dot_product(X_mean{of}, b{of})",
                note=f"intercept at X{of} = 0",
            )
        )  # fmt: skip
    return declares, list(prior.statements)


def _slopes(plan: Plan) -> _Part:
    priors = plan.model.priors.of("b")
    b, K = f"b{plan.model.part.ending}", f"K{plan.model.part.ending}"
    prior = vector_prior(b, K, priors)
    which = "[2:P]" if plan.model.design.intercept else ""
    block, expr = _where(plan, f"b_centre{which} + d{which}")
    note = f"slopes: {', '.join(plan.model.design.common.labels)}"
    free = estimated(priors)
    if block is Block.PARAMETERS and free.none:
        return [datum(b, priors, note, K)], []
    if block is Block.PARAMETERS and free.mixed:
        data, whole = completed(b, K, priors, f"{b}_free", note)
        size = (f"{b}_free_size",)
        slopes = [*data, Declare(block, "vector", f"{b}_free", size, note="those estimated"), whole]
    else:
        slopes = [Declare(block, "vector", b, (K,), expr=expr, note=note)]
    return [*slopes, *prior.declares], list(prior.statements)


def _known(plan: Plan, priors: Sequence[Prior]) -> Floats | None:
    """Return what coefficients are that are data of the program, else None."""
    return None if plan.common.form is CommonForm.WHITENED else given_value(priors, scalar=False)


def _where(plan: Plan, expr: str) -> tuple[Block, str]:
    """Return the block of a coefficient, and its definition where it is no parameter."""
    if plan.common.form is CommonForm.WHITENED:
        return Block.TRANSFORMED_PARAMETERS, expr
    return Block.PARAMETERS, ""


def moves(plan: Plan) -> bool:
    """Tell whether common coefficients are estimated, along which residuals move."""
    return bool(np.isnan(plan.model.given).any())


def distance(plan: Plan) -> tuple[Statement, ...]:
    """Return the statement that defines ``d`` in the model block, where it is not there yet."""
    if plan.common.form is CommonForm.WHITENED:
        return ()
    design = plan.model.design
    b = "b" if design.common.labels else "rep_vector(0, 0)"
    if design.intercept:
        b = "append_row(Intercept, b)" if design.common.labels else "rep_vector(Intercept, 1)"
    return (Statement(Block.MODEL, f"vector[P] d = {b} - b_centre;"),)
