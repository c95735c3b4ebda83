"""The likelihood as one function of all rows, which an engine may bind to C++."""

from __future__ import annotations

from hierglm.plan.forms import Plan
from hierglm.program.common import matrix
from hierglm.program.fragment import Block, Declare, Fragment, Statement
from hierglm.program.groups import intercept_only
from hierglm.program.rotated import is_rotated

_FUNCTIONS = {
    "gaussian": "normal_rows",
    "bernoulli": "bernoulli_logit_rows",
    "binomial": "binomial_logit_rows",
    "poisson": "poisson_log_rows",
}


def whole(plan: Plan) -> bool:
    """Tell whether each row is one Bernoulli trial: integers, no counts beside them."""
    numbers, family = plan.numbers, plan.model.family
    assert numbers is not None
    assert numbers.rows is not None
    weights = plan.model.design.response.weights
    return family.name == "bernoulli" and weights is None and not numbers.rows.gathered


def row_likelihood(plan: Plan) -> Fragment:
    """Return the fragment of a likelihood that passes over the rows once.

    Parameters
    ----------
    plan : Plan
    """
    function = "binomial_logit_rows"
    if plan.model.family.name != "bernoulli" or whole(plan):
        function = _FUNCTIONS[plan.model.family.name]
    design = plan.model.design
    columns = bool(design.common.labels)
    arguments = [
        *(["y"] if whole(plan) else ["y", "count"]),
        *(_variance(plan) if function == "normal_rows" else []),
        "Intercept" if design.intercept else "0",
        matrix(plan) if columns else "rep_matrix(0, N, 0)",
        "b" if columns else _EMPTY,
        "offset_" if design.offset is not None else _EMPTY,
        "Z",
        "level",
        "J",
        "M",
        _effects(plan),
    ]
    # What the predictor takes from rows stands below what it takes from columns.
    head = f"target += {function}("
    text = f"{head}{', '.join(arguments[:-5])},\n{'':{len(head)}}{', '.join(arguments[-5:])});"
    return Fragment(
        origin=f"likelihood: {plan.model.family!r}",
        declares=tuple(_terms(plan)),
        statements=(Statement(Block.MODEL, text),),
        uses=(function,),
    )


_EMPTY = "rep_vector(0, 0)"


def _variance(plan: Plan) -> list[str]:
    known = plan.model.design.response.se is not None
    sigma = "sigma" in plan.model.scales
    return ["within", "se" if known else _EMPTY, "sigma" if sigma else "0"]


def _terms(plan: Plan) -> list[Declare]:
    """Return what is known of all group terms, put together."""
    groups = plan.model.design.groups
    numbers = range(1, len(groups) + 1)
    sizes = [f"M_{k}" if len(g.terms) > 1 else "1" for k, g in zip(numbers, groups, strict=True)]
    Z = [_columns(plan, k) for k in numbers]
    joined = Z[0] if Z else ""
    for more in Z[1:]:
        joined = f"append_col({joined}, {more})"
    if len(groups) == 1 and len(groups[0].terms) == 1:
        joined = f"to_matrix({joined})"
    size = str(len(groups))

    def listed(names: list[str]) -> str:
        return f"{{{', '.join(names)}}}" if names else ""

    block, wide = Block.TRANSFORMED_DATA, " + ".join(sizes) or "0"
    return [
        Declare(block, "array[] int", "J", (size,), expr=listed([f"J_{k}" for k in numbers]),
                note="levels of each group term"),
        Declare(block, "array[] int", "M", (size,), expr=listed(sizes), note="effects a level"),
        Declare(block, "array[,] int", "level", (size, "N"),
                expr=listed([f"group_{k}" for k in numbers]), note="levels of each row"),
        Declare(block, "matrix", "Z", ("N", wide), expr=joined, note="columns of the effects"),
    ]  # fmt: skip


def _columns(plan: Plan, k: int) -> str:
    return "rep_vector(1, N)" if intercept_only(plan.model.design.groups[k - 1]) else f"Z_{k}"


def _effects(plan: Plan) -> str:
    """Return the effects of all terms as one vector."""
    names = ["u" if is_rotated(plan, k) else "r" for k in range(len(plan.groups))]
    parts = [f"to_vector({r}_{k})" for k, r in enumerate(names, start=1)]
    joined = parts[0] if parts else _EMPTY
    for more in parts[1:]:
        joined = f"append_row({joined}, {more})"
    return joined
