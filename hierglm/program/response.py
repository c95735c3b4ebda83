"""The response: its data, its own parameters, and the likelihood."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hierglm.families.parameters import FamilyParameter
from hierglm.plan.forms import Plan, ResponseForm
from hierglm.priors.distributions import Prior
from hierglm.program.common import predictors
from hierglm.program.density import beside, density, parameters, row_function
from hierglm.program.fragment import Block, Declare, Fragment, Output, Statement
from hierglm.program.given import datum, given_value
from hierglm.program.positive import positive
from hierglm.program.priors import PriorText, scalar_prior
from hierglm.program.row_functions import whole


def rows(plan: Plan) -> Fragment:
    """Return the fragment that declares the response and the family's own parameters."""
    design = plan.model.design
    scales, statements, outputs = _scale_parameters(plan)
    return Fragment(
        origin=f"response: {design.formula.response.source or design.response.label}",
        declares=(*_response_data(plan), *scales),
        statements=tuple(statements),
        outputs=tuple(outputs),
    )


def _response_data(plan: Plan) -> list[Declare]:
    if plan.response.form is ResponseForm.CROSSPRODUCTS:
        return []
    if plan.response.form in (ResponseForm.GATHERED, ResponseForm.KERNEL):
        return _gathered(plan)
    design, family = plan.model.design, plan.model.family
    response, of = design.response, plan.model.part.rows
    # The upper bound of successes is their trials.
    bounds = family.stan.bounds.replace("trials", f"trials{of}")
    whole = family.stan.response == "array[] int"
    counts = response.values.astype(np.int64) + family.stan.lowest if whole else None
    declares = [
        Declare(Block.DATA, "int", f"N{of}", bounds="lower=1", value=design.rows, note="rows"),
        Declare(
            Block.DATA, family.stan.response, f"y{of}", (f"N{of}",), bounds,
            value=response.values if counts is None else counts, note=response.label,
        ),
    ]  # fmt: skip
    # Trials stand before the response, which they bound.
    declares[1:1] = _known(plan)
    return [*declares, *beside(plan)]


def _scale_parameters(plan: Plan) -> tuple[list[Declare], list[Statement], list[Output]]:
    declares: list[Declare] = []
    statements: list[Statement] = []
    outputs: list[Output] = []
    for own in plan.model.parameters:
        prior = plan.model.priors.scale(own.name)
        parameter = _parameter(plan, own, prior)
        declares += parameter.declares
        statements += parameter.statements
        name = own.name + plan.model.part.rows
        value = given_value([prior])
        outputs.append(Output(name, name, "family", value=value, term=own.name))
    return declares, statements, outputs


def _parameter(plan: Plan, own: FamilyParameter, prior: Prior) -> PriorText:
    """Return a parameter of the family with its prior, and its Jacobian."""
    name = own.name + plan.model.part.rows
    if own.support == "positive":
        return positive(plan, name, own.note, [prior])
    bounds = {"unit": "lower=0, upper=1", "above_one": "lower=1"}[own.support]
    if prior.given:
        return PriorText((datum(name, [prior], own.note, bounds=bounds),))
    text = scalar_prior(name, prior)
    parameter = Declare(Block.PARAMETERS, "real", name, bounds=bounds, note=own.note)
    return PriorText((parameter, *text.declares), text.statements)


def _known(plan: Plan) -> list[Declare]:
    """Return what is known of each row: trials, weights, standard errors, offset."""
    response, of = plan.model.design.response, plan.model.part.rows
    declares: list[Declare] = []
    if response.trials is not None:
        trials = response.trials.astype(np.int64)
        declares.append(
            Declare(
                Block.DATA, "array[] int", f"trials{of}", (f"N{of}",), "lower=0", value=trials,
                note="trials",
            )
        )  # fmt: skip
    for name, value, note in (
        ("weights", response.weights, "weight of each row's log likelihood"),
        ("se", response.se, "known standard errors"),
    ):
        if value is not None:
            declares.append(
                Declare(
                    Block.DATA, "vector", name + of, (f"N{of}",), "lower=0", value=value, note=note
                )
            )
    return [*declares, *offset(plan)]


def offset(plan: Plan) -> list[Declare]:
    """Return the offset of a linear predictor, where it has one."""
    value, part = plan.model.design.offset, plan.model.part
    if value is None:
        return []
    note = "added to the linear predictor"
    dims = (f"N{part.rows}",)
    return [Declare(Block.DATA, "vector", offset_name(plan), dims, value=value, note=note)]


def offset_name(plan: Plan) -> str:
    """Return the Stan name of an offset; ``offset`` alone is a word of Stan's."""
    return f"offset{plan.model.part.ending or '_'}"


def likelihood(plan: Plan, effects: Sequence[str]) -> Fragment:
    """Return the fragment of the likelihood.

    Parameters
    ----------
    plan : Plan
        The plan.
    effects : sequence of str
        What the group terms add to the linear predictor.
    """
    design, of = plan.model.design, plan.model.part.rows
    form = plan.response.form
    parts = summands(plan, effects, fused=form is ResponseForm.GLM)
    eta = ("mu" if plan.model.family.link.name == "identity" else "eta") + of
    wanted = form in (ResponseForm.WEIGHTED, ResponseForm.GATHERED)
    wanted |= plan.model.family.stan.by_row or plan.model.family.thresholds
    vector = not single(plan, parts) or wanted
    statements = []
    if vector:
        statements.append(Statement(Block.MODEL, f"vector[N{of}] {eta} = {total(plan, parts)};"))
    argument = eta if vector else _alone(parts)
    if design.response.se is not None and design.response.se_and_sigma:
        text = f"vector[N{of}] total_sd{of} = sqrt(square(se{of}) + square(sigma{of}));"
        statements.append(Statement(Block.MODEL, text))
    added = _sums(plan, eta) if form is ResponseForm.GATHERED else density(plan, argument)
    statements += [Statement(Block.MODEL, line) for line in added]
    stan = plan.model.family.stan
    return Fragment(
        origin=likelihood_origin(plan),
        statements=tuple(statements),
        uses=(row_function(plan),) if stan.by_row else (),
    )


def likelihood_origin(plan: Plan) -> str:
    """Return where a likelihood comes from, in words."""
    response = plan.model.part.response
    return f"likelihood{' of ' if response else ''}{response}: {plan.model.family!r}"


def summands(plan: Plan, effects: Sequence[str], fused: bool = False) -> list[str]:
    """Return what a linear predictor is the sum of.

    Parameters
    ----------
    plan : Plan
    effects : sequence of str
        What the group terms add to it.
    fused : bool
        Whether the density multiplies the columns itself.
    """
    own = predictors(plan, fused=fused)
    offsets = [offset_name(plan)] if plan.model.design.offset is not None else []
    return [*own[:1], *effects, *offsets, *own[1:]]


def total(plan: Plan, parts: Sequence[str]) -> str:
    """Return the sum as a vector, one element a row."""
    if single(plan, parts):
        return f"rep_vector({_alone(parts)}, N{plan.model.part.rows})"
    return " + ".join(parts)


def single(plan: Plan, parts: Sequence[str]) -> bool:
    """Tell whether a predictor is a scalar, which Stan would not take for a vector."""
    return list(parts) in ([], [f"Intercept{plan.model.part.ending}"])


def _alone(parts: Sequence[str]) -> str:
    return parts[0] if parts else "0"


def _gathered(plan: Plan) -> list[Declare]:
    """Return the sums over equal rows that the likelihood depends on."""
    response, design = plan.model.design.response, plan.model.design
    assert plan.numbers is not None
    assert plan.numbers.rows is not None
    rows, family = plan.numbers.rows, plan.model.family
    assert family.exponential is not None
    single = plan.response.form is ResponseForm.KERNEL and whole(plan)
    what = "trials" if response.trials is not None else "rows"
    if response.weights is not None:
        what = "weights"
    declares = [
        Declare(
            Block.DATA, "int", "N", bounds="lower=1", value=len(rows.first),
            note="different rows" if rows.gathered else "rows",
        ),
        Declare(
            Block.DATA, "vector", "count", ("N",), "lower=0", value=rows.count, note=f"their {what}"
        ),
    ]  # fmt: skip
    if single:
        declares[1:] = [
            Declare(
                Block.DATA, family.stan.response, "y", ("N",), family.stan.bounds,
                value=rows.total.astype(np.int64), note=response.label,
            )
        ]  # fmt: skip
    elif family.exponential.dispersion:
        declares += [
            Declare(
                Block.DATA, "vector", "y", ("N",), value=rows.mean,
                note=f"means of {response.label}",
            ),
            Declare(
                Block.DATA, "vector", "within", ("N",), "lower=0", value=rows.within,
                note="sums of squares about them",
            ),
        ]  # fmt: skip
    else:
        declares.append(
            Declare(
                Block.DATA, "vector", "y", ("N",), value=rows.total,
                note=f"sums of {response.label}",
            )
        )  # fmt: skip
    for name, value, note in (
        ("se", response.se, "known standard errors"),
        ("offset_", design.offset, "added to the linear predictor"),
    ):
        if value is not None:
            at = value[rows.first]
            declares.append(Declare(Block.DATA, "vector", name, ("N",), value=at, note=note))
    return declares


def _sums(plan: Plan, eta: str) -> list[str]:
    """Return the statements of a likelihood by sums over equal rows (no constants)."""
    exponential = plan.model.family.exponential
    assert exponential is not None
    if not exponential.dispersion:
        known = plan.numbers is not None and plan.numbers.fit is not None
        cumulant = (exponential.quick if known else "") or exponential.stan
        terms = f"dot_product(y, {eta}) - dot_product(count, {cumulant.format(eta=eta)})"
        return [f"target += {terms};"]
    (sd,) = parameters(plan)
    squares = f"count .* square(y - {eta}) + within"
    if sd == "sigma":
        return [f"target += -sum(count) * log(sigma) - 0.5 * sum({squares}) / square(sigma);"]
    return [f"target += -dot_product(count, log({sd})) - 0.5 * sum(({squares}) ./ square({sd}));"]
