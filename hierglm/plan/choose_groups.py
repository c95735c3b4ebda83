"""Choose how the effects of a group term are written."""

from __future__ import annotations

from hierglm.covariances import covariance_of
from hierglm.design.design import Grouping
from hierglm.errors import SettingsError
from hierglm.plan.dense import dense, too_many
from hierglm.plan.forms import Choice, GroupForm, Numbers
from hierglm.plan.rotation import differ, obstacle


def group_choice(
    grouping: Grouping, integrated: bool, want: str, numbers: Numbers
) -> Choice[GroupForm]:
    """Return how the effects of a group term are written.

    Parameters
    ----------
    grouping : Grouping
    integrated : bool
        Whether they are integrated out.
    want : str
        The form that was asked for, or "".
    numbers : Numbers

    Raises
    ------
    SettingsError
        For a form that cannot be had.
    """
    size, asked = _size(grouping), ", as asked" if want else ""
    if integrated:
        by = ", with one dense precision" if dense(grouping) else ""
        why = f"Gaussian: {size} have a normal posterior given the rest{by}{asked}"
        return Choice(grouping.source, GroupForm.INTEGRATED, why)
    if want == "standardised":
        return standardised_choice(grouping, ", as asked")
    if obstacle(grouping):
        refuse_coupled(grouping, want)
        return standardised_choice(grouping, f"; {obstacle(grouping)}")
    if numbers.fit is None:
        if want:
            raise SettingsError(
                f"{grouping.source} cannot be {want}: there is no penalised fit, {numbers.doubt}"
            )
        return standardised_choice(grouping, "; no penalised fit to go by")
    if differ(grouping) and grouping.relation.student and not want:
        return standardised_choice(grouping, _TAILS)
    why = f"{size}: about where the penalised fit has them{asked}"
    return Choice(grouping.source, GroupForm.CONDITIONAL, why)


_TAILS = "; related levels that are Student t move each other too far for conditional means"
"""The fit's information is that of levels that are alike, and a level far out has a factor of its
own. Effective draws a CPU second, embedded engine, 40 related levels, 800 rows: Poisson and
Student t 14 standardised, 16 textbook, about conditional means chains disagreed. With two strata
conditional means are worth it: Bernoulli 500 (340 standardised, 280 textbook), with slopes 210
(136, 96), Gaussian with slopes 260 (138, 49)."""


def choice_beside(grouping: Grouping, want: str, found: bool, why: str) -> Choice[GroupForm]:
    """Return how the effects of a term are written where there are several linear predictors.

    Parameters
    ----------
    grouping : Grouping
    want : str
        The form that was asked for, or "".
    found : bool
        Whether there are penalised fits to condition on.
    why : str
        Why there are none; "" where none were looked for.

    Raises
    ------
    SettingsError
        For a form that cannot be had.
    """
    asked = ", as asked" if want else ""
    if found and want != "standardised":
        because = f"{_size(grouping)}: about where penalised fits of each predictor have them"
        return Choice(grouping.source, GroupForm.CONDITIONAL, because + asked)
    if want == "conditional":
        raise SettingsError(f"{grouping.source} cannot be conditional: {why}")
    return standardised_choice(grouping, asked or (f"; {why}" if why else ""))


def refuse_coupled(grouping: Grouping, want: str) -> None:
    """Refuse a form that a term with coupled levels does not have.

    Raises
    ------
    SettingsError
    """
    why = obstacle(grouping) or (too_many(grouping) if want == "integrated" else "")
    if want and why:
        raise SettingsError(f"{grouping.source} cannot be {want}: {why}")


def standardised_choice(grouping: Grouping, more: str) -> Choice[GroupForm]:
    """Return the choice of standardised effects; `more` is added to the reason."""
    scale = covariance_of(grouping).scaled_by if len(grouping.terms) > 1 else "their sd"
    why = f"{_size(grouping)}: standard normals, scaled by {scale}{more}"
    return Choice(grouping.source, GroupForm.STANDARDISED, why)


def _size(group: Grouping) -> str:
    levels, effects = len(group.levels), len(group.terms)
    return f"{levels:,} levels x {effects} effect{'' if effects == 1 else 's'}"
