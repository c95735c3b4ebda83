"""What the data have changed: each parameter's prior beside its posterior."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hierglm.criticising.drawable import with_levels, with_stand_in
from hierglm.criticising.prior_draws import prior_fitted
from hierglm.errors import SettingsError
from hierglm.models import Model
from hierglm.names import flat_name
from hierglm.plots.choose import Chosen, chosen
from hierglm.plots.prior_posterior import prior_posterior as picture
from hierglm.priors.distributions import normal
from hierglm.results.fitted import Fitted
from hierglm.results.rows import MAIN

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 24
"""Parameters that one page shows."""
_DRAWS = 4000


def prior_posterior(fitted: Fitted, parameters: str | Sequence[str] | None = None) -> Figure:
    """Return the densities of main parameters under the priors and the posterior.

    Parameters
    ----------
    fitted : Fitted
    parameters : str or sequence of str, optional
        Flat names; without them all main parameters that are not given, 24 at most.

    Returns
    -------
    Figure
        Its ``data`` has columns parameter, of ("prior", "posterior"), x and density. Priors are
        shown where they have their middle 90%, or the posterior is. Of parameters with flat
        priors, or that depend on such, there is the posterior alone, and the picture says so.

    Raises
    ------
    SettingsError
        For a parameter that does not exist; a fit that has a mode in place of draws.
    """
    if fitted.draws.chains * fitted.draws.draws < 2:
        name = fitted.settings.method.name
        raise SettingsError(f"densities need draws, and method {name!r} has one point")
    known = set(fitted.plan.model.priors.given)
    after, note = chosen(fitted, parameters, MAIN), ""
    if parameters is None:
        free = [i for i, p in enumerate(after.parameters) if flat_name(p) not in known]
        note = f"the first {MOST} of {len(free)} parameters" if len(free) > MOST else ""
        after = after.only(free[:MOST])
    if not len(after):
        raise SettingsError("there is no parameter to draw")
    names = [flat_name(p) for p in after.parameters]
    before, proper = _before(fitted.plan.model, names, fitted.settings.seed)
    return picture(before, proper, after, note)


def _before(model: Model, names: Sequence[str], seed: int) -> tuple[Chosen, list[bool]]:
    """Return draws from the priors, and which parameters have a proper one.

    Draws that change with what stands in for flat priors depend on these: so does the
    intercept at zero on flat slopes.
    """
    few = with_levels(model)
    one, two = (
        chosen(prior_fitted(with_stand_in(few, normal(0, sd)), _DRAWS, seed), names, MAIN)
        for sd in (1.0, 2.0)
    )
    same = np.all(one.values == two.values, axis=(0, 1))
    return one, same.tolist()
