"""The response: its data, its own parameters, and the likelihood."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hierglm.families.parameters import FamilyParameter
from hierglm.plan.forms import Plan, ResponseForm
from hierglm.priors.distributions import Prior
from hierglm.program.common import matrix, predictors
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
    response = design.response
    whole = family.stan.response == "array[] int"
    y = response.values.astype(np.int64) if whole else response.values
    declares = [
        Declare(Block.DATA, "int", "N", bounds="lower=1", value=design.rows, note="rows"),
        Declare(
            Block.DATA, family.stan.response, "y", ("N",), family.stan.bounds,
            value=y, note=response.label,
        ),
    ]  # fmt: skip
    # Trials stand before the response, which they bound.
    declares[1:1] = _known(plan)
    return declares


def _scale_parameters(plan: Plan) -> tuple[list[Declare], list[Statement], list[Output]]:
    declares: list[Declare] = []
    statements: list[Statement] = []
    outputs: list[Output] = []
    for own in plan.model.parameters:
        prior = plan.model.priors.scale(own.name)
        parameter = _parameter(plan, own, prior)
        declares += parameter.declares
        statements += parameter.statements
        outputs.append(Output(own.name, own.name, "family", value=given_value([prior])))
    return declares, statements, outputs


def _parameter(plan: Plan, own: FamilyParameter, prior: Prior) -> PriorText:
    """Return a parameter of the family with its prior, and its Jacobian."""
    if own.support == "positive":
        return positive(plan, own.name, own.note, [prior])
    bounds = {"unit": "lower=0, upper=1", "above_one": "lower=1"}[own.support]
    if prior.given:
        return PriorText((datum(own.name, [prior], own.note, bounds=bounds),))
    text = scalar_prior(own.name, prior)
    parameter = Declare(Block.PARAMETERS, "real", own.name, bounds=bounds, note=own.note)
    return PriorText((parameter, *text.declares), text.statements)


def _known(plan: Plan) -> list[Declare]:
    """Return what is known of each row: trials, weights, standard errors, offset."""
    design = plan.model.design
    response = design.response
    declares: list[Declare] = []
    if response.trials is not None:
        trials = response.trials.astype(np.int64)
        declares.append(
            Declare(
                Block.DATA, "array[] int", "trials", ("N",), "lower=0", value=trials, note="trials"
            )
        )
    for name, value, bounds, note in (
        ("weights", response.weights, "lower=0", "weight of each row's log likelihood"),
        ("se", response.se, "lower=0", "known standard errors"),
        ("offset_", design.offset, "", "added to the linear predictor"),
    ):
        if value is not None:
            declares.append(
                Declare(Block.DATA, "vector", name, ("N",), bounds, value=value, note=note)
            )
    return declares


def likelihood(plan: Plan, effects: Sequence[str]) -> Fragment:
    """Return the fragment of the likelihood.

    Parameters
    ----------
    plan : Plan
        The plan.
    effects : sequence of str
        What the group terms add to the linear predictor.
    """
    design = plan.model.design
    form = plan.response.form
    own = predictors(plan, fused=form is ResponseForm.GLM)
    parts = [*own[:1], *effects, *(["offset_"] if design.offset is not None else []), *own[1:]]
    eta = "mu" if plan.model.family.link.name == "identity" else "eta"
    wanted = form in (ResponseForm.WEIGHTED, ResponseForm.GATHERED)
    vector = parts not in ([], ["Intercept"]) or wanted
    statements = []
    if vector:
        # An intercept alone is a scalar, which Stan would not take for a vector.
        terms = parts if parts not in ([], ["Intercept"]) else [f"rep_vector({_alone(parts)}, N)"]
        statements.append(Statement(Block.MODEL, f"vector[N] {eta} = {' + '.join(terms)};"))
    argument = eta if vector else _alone(parts)
    if design.response.se is not None and design.response.se_and_sigma:
        text = "vector[N] total_sd = sqrt(square(se) + square(sigma));"
        statements.append(Statement(Block.MODEL, text))
    density = _sums(plan, eta) if form is ResponseForm.GATHERED else _density(plan, argument)
    statements += [Statement(Block.MODEL, line) for line in density]
    return Fragment(origin=f"likelihood: {plan.model.family!r}", statements=tuple(statements))


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
    (sd,) = _scales(plan)
    squares = f"count .* square(y - {eta}) + within"
    if sd == "sigma":
        return [f"target += -sum(count) * log(sigma) - 0.5 * sum({squares}) / square(sigma);"]
    return [f"target += -dot_product(count, log({sd})) - 0.5 * sum(({squares}) ./ square({sd}));"]


def _density(plan: Plan, eta: str) -> list[str]:
    """Return the statement that adds the log likelihood to the target."""
    stan, form = plan.model.family.stan, plan.response.form
    trials, scales = (["trials"] if stan.trials else []), _scales(plan)
    if form is ResponseForm.GLM:
        arguments = [*trials, matrix(plan), eta, "b", *scales]
        return [f"y ~ {stan.glm}({', '.join(arguments)});"]
    if form is ResponseForm.VECTOR:
        return [f"y ~ {stan.plain}({', '.join([*trials, eta, *scales])});"]
    suffix = "lupmf" if stan.response == "array[] int" else "lupdf"
    at = ["trials[n]"] if trials else []
    by_row = [s if s in plan.model.scales else f"{s}[n]" for s in scales]
    arguments = [*at, f"{eta}[n]", *by_row]
    call = f"{stan.plain}_{suffix}(y[n] | {', '.join(arguments)})"
    return [f"for (n in 1:N) {{\n  target += weights[n] * {call};\n}}"]


def _scales(plan: Plan) -> list[str]:
    """Return the arguments behind the linear predictor: sigma, the known errors, or both."""
    response = plan.model.design.response
    if response.se is None:
        return list(plan.model.scales)
    return ["total_sd"] if response.se_and_sigma else ["se"]
