"""Write the Stan program of a plan."""

from __future__ import annotations

from hierglm.plan.forms import Plan, ResponseForm
from hierglm.program.common import common
from hierglm.program.fragment import Program
from hierglm.program.groups import group
from hierglm.program.integrated import integrated
from hierglm.program.render import render
from hierglm.program.response import likelihood, rows
from hierglm.version import __version__


def write(plan: Plan) -> Program:
    """Return the Stan program of a plan, with its data and the meaning of its outputs.

    Parameters
    ----------
    plan : Plan
        What `hierglm.plan.choose.choose` returned.

    Returns
    -------
    Program
    """
    title = (
        plan.model.design.formula.source,
        f"{plan.model.family!r}, plan {plan.name!r}, written by hierglm {__version__}",
    )
    if plan.response.form is ResponseForm.CROSSPRODUCTS:
        fragments, places = integrated(plan)
        return render(title, [rows(plan), common(plan), *fragments], places)
    parts = [common(plan), *(group(plan, k) for k in range(len(plan.groups)))]
    last = likelihood(plan, [p.predictor for p in parts])
    return render(title, [rows(plan), *parts, last])
