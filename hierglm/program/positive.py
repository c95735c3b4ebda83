"""Positive parameters: as they are, or by their logarithms about the penalised fit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hierglm.plan.forms import Plan
from hierglm.priors.distributions import Prior
from hierglm.program.fragment import Block, Declare, Statement
from hierglm.program.given import completed, datum, estimated
from hierglm.program.priors import PriorText, scalar_prior, vector_prior

Floats = NDArray[np.float64]

WIDEST = 1.0
"""Largest spread of a log sd: one that the data say nothing about has its prior's, about 1."""


def reaches(plan: Plan, name: str) -> tuple[Floats, Floats]:
    """Return the logarithms of a positive parameter at the penalised fit, and their spreads.

    Parameters
    ----------
    plan : Plan
    name : str
        Stan name: "sigma", "shape", or "sd_1" of the first group term.
    """
    assert plan.numbers is not None
    assert plan.numbers.fit is not None
    fit = plan.numbers.fit
    if name in fit.own:
        own = fit.own[name]
        return np.array([np.log(own.value)]), np.minimum(WIDEST, [own.spread])
    if name == "sigma":
        return np.array([np.log(fit.sigma)]), np.minimum(WIDEST, [fit.sigma_spread])
    number = int(name.removeprefix("sd_")) - 1
    return np.log(fit.sds[number]), np.minimum(WIDEST, fit.spreads[number])


def positive(
    plan: Plan, name: str, note: str, priors: Sequence[Prior], size: str = ""
) -> PriorText:
    """Return a positive parameter with its priors, and the Jacobian of its logarithm.

    Many rows or levels leave a logarithm with a posterior sd far below 1, which Stan's
    adaptation, leaning towards a metric of 0.001, does not follow: with 1,000,000 rows it
    took 33 leapfrog steps an iteration, on the logarithm's own scale 7.

    Parameters
    ----------
    plan : Plan
    name, note : str
        Stan name, and what it is.
    priors : sequence of Prior
        One for each element; those with a constant are data.
    size : str
        Stan name of its length; "" for a scalar.
    """
    free = estimated(priors)
    if free.none:
        return PriorText((datum(name, priors, note, size, "lower=0"),))
    prior = vector_prior(name, size, priors) if size else scalar_prior(name, priors[0])
    parameter = _parameter(plan, name, note, priors, size)
    return PriorText(
        (*parameter.declares, *prior.declares), (*prior.statements, *parameter.statements)
    )


def _parameter(plan: Plan, name: str, note: str, priors: Sequence[Prior], size: str) -> PriorText:
    """Return the declarations of what is estimated of a positive parameter."""
    free = estimated(priors)
    kind, dims = ("vector", (size,)) if size else ("real", ())
    if free.mixed:
        dims = (f"{name}_free_size",)
    if plan.numbers is None or plan.numbers.fit is None:
        own = f"{name}_free" if free.mixed else name
        parameter = Declare(Block.PARAMETERS, kind, own, dims, "lower=0", note=note)
        if not free.mixed:
            return PriorText((parameter,))
        data, whole = completed(name, size, priors, own, note, "lower=0")
        return PriorText((*data, parameter, whole))
    mode, reach = (x[free.at] for x in reaches(plan, name))
    expr = f"exp(log_{name})"
    if free.mixed:
        data, whole = completed(name, size, priors, expr, note, "lower=0")
    else:
        data = []
        whole = Declare(Block.TRANSFORMED_PARAMETERS, kind, name, dims, expr=expr, note=note)
    return PriorText(
        (
            *data,
            Declare(
                Block.DATA, kind, f"log_{name}_mode", dims, value=mode if size else float(mode[0])
            ),
            Declare(
                Block.DATA, kind, f"log_{name}_reach", dims, "lower=0",
                value=reach if size else float(reach[0]), note="about its posterior sd",
            ),
            Declare(
                Block.PARAMETERS, kind, f"log_{name}", dims,
                f"offset=log_{name}_mode, multiplier=log_{name}_reach", note=f"log {note}",
            ),
            whole,
        ),
        (
            Statement(
                Block.MODEL, f"target += {f'sum(log_{name})' if size else f'log_{name}'};",
                "Jacobian",
            ),
        ),
    )  # fmt: skip
