"""Write the Stan program of a plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from hierglm.plan.forms import CommonForm, GroupForm, Plan, ResponseForm
from hierglm.program.common import common
from hierglm.program.conditional import conditional
from hierglm.program.fragment import Fragment, Place, Program
from hierglm.program.integrated import group_sums, sums_data, sums_likelihood
from hierglm.program.render import render
from hierglm.program.response import likelihood, rows
from hierglm.program.rotated import by_level
from hierglm.program.row_functions import row_likelihood
from hierglm.program.several import several
from hierglm.program.standardised import standardised
from hierglm.program.start import start
from hierglm.program.start_beside import start_beside
from hierglm.program.start_in_units import start_in_units
from hierglm.program.units import in_units, placed_in_units, units
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
    model = plan.model
    title = (
        *model.formulas,
        f"{model.distribution}, plan {plan.name!r}, written by hierglm {__version__}",
    )
    if plan.parts:
        return _started(plan, title, several(plan), start_beside(plan))
    # What is eliminated later comes first: effects move with those that it has defined.
    places = list(plan.numbers.order.all)[::-1] if plan.numbers else range(len(plan.groups))
    groups = [by_level(plan, k, _GROUPS[plan.groups[k].form](plan, k)) for k in places]
    parts = [common(plan), *groups]
    if plan.response.form is ResponseForm.CROSSPRODUCTS:
        parts.insert(1, sums_data(plan))
        last = sums_likelihood(plan)
    elif plan.response.form is ResponseForm.KERNEL:
        last = row_likelihood(plan)
    else:
        last = likelihood(plan, [p.predictor for p in parts if p.predictor])
    return _started(plan, title, [rows(plan), *parts, last], start(plan))


def _started(
    plan: Plan, title: Sequence[str], fragments: Sequence[Fragment], places: Mapping[str, Place]
) -> Program:
    """Return a program whose chains start about a penalised fit or, without one, in units."""
    # Textbook programs are for comparisons: they are sampled as Stan would by itself.
    textbook = plan.asked == "textbook"
    batches = any(m.design.reduced is not None for m in plan.model.parts or (plan.model,))
    if textbook or batches or plan.common.form is CommonForm.WHITENED:
        return render(title, fragments, places)
    known = units(plan.model)
    fragments = [in_units(fragment, known) for fragment in fragments]
    program = render(title, fragments, placed_in_units(places, known))
    if program.led:
        return program
    return replace(program, start=start_in_units(fragments, program.data, known))


_GROUPS: Mapping[GroupForm, Callable[[Plan, int], Fragment]] = {
    GroupForm.STANDARDISED: standardised,
    GroupForm.CONDITIONAL: conditional,
    GroupForm.INTEGRATED: group_sums,
}
