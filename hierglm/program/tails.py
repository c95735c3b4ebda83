"""Student t effects: a weight of each level, and their degrees of freedom.

Effects of level j are normal ones over the root of its weight, which is chi-squared over its
degrees of freedom: about 1, and close to 0 for a level far out (Lange, Little and Taylor 1989).
"""

from __future__ import annotations

from hierglm.design.design import Grouping
from hierglm.plan.forms import GroupForm, Plan
from hierglm.program.fragment import Block, Declare, Output, Statement
from hierglm.program.given import bounded, given_value
from hierglm.program.priors import PriorText


def tails(plan: Plan, number: int) -> PriorText:
    """Return the degrees of freedom of a term's effects and the weights of levels.

    Nothing where they are normal. The logarithms of weights have an sd of about (2 / df)^1/2,
    and are in its units: a posterior that does not know whether df is 3 or 60 is no funnel then.
    """
    if not plan.model.groups[number].relation.student:
        return PriorText()
    k = number + 1
    own = bounded(
        f"df_{k}", plan.model.priors.of("df", number), "degrees of freedom", "", "lower=1"
    )
    declares = (
        Declare(
            Block.PARAMETERS, "vector", f"log_weight_{k}", (f"J_{k}",),
            f"multiplier=sqrt(2 * (df_{k} + 1)) / df_{k}",
            note="log of chi-squared / df: far below 0 for outlying levels",
        ),
        Declare(
            Block.TRANSFORMED_PARAMETERS, "vector", f"weight_{k}", (f"J_{k}",),
            expr=f"exp(log_weight_{k})", note="of each level",
        ),
    )  # fmt: skip
    statements = (
        Statement(Block.MODEL, f"weight_{k} ~ gamma(df_{k} / 2, df_{k} / 2);"),
        Statement(Block.MODEL, f"target += sum(log_weight_{k});", "Jacobian"),
    )
    return PriorText((*own.declares, *declares), (*own.statements, *statements))


def tail_outputs(plan: Plan, number: int) -> tuple[Output, ...]:
    """Return the outputs of degrees of freedom, and of weights that effects are drawn by."""
    grouping, k = plan.model.groups[number], number + 1
    if not grouping.relation.student:
        return ()
    name, terms = grouping.group, tail_terms(grouping)
    value = given_value(plan.model.priors.of("df", number))
    df = Output(f"df_{k}", f"df_{name}", "ran_df", name, ((f"{name}_term", terms),), value=value)
    if plan.groups[number].form is not GroupForm.INTEGRATED:
        return (df,)
    dims = ((name, grouping.levels), (f"{name}_term", terms))
    return df, Output(f"weight_{k}", f"weight_{name}", "ran_weight", name, dims)


def tail_terms(grouping: Grouping) -> tuple[str, ...]:
    """Return the label of what a term's effects have one of: all their names, or nothing."""
    return (" + ".join(grouping.terms),) if grouping.relation.student else ()
