"""What the data have changed: each parameter's prior beside its posterior."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hierglm.criticising.prior_draws import prior_fitted
from hierglm.errors import SettingsError
from hierglm.names import flat_name
from hierglm.plots.choose import chosen
from hierglm.plots.prior_posterior import prior_posterior as picture
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
        shown where they have their middle 90%, or the posterior is.

    Raises
    ------
    PriorError
        Where a prior is flat.
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
    drawn = prior_fitted(fitted.plan.model, _DRAWS, fitted.settings.seed)
    return picture(chosen(drawn, [flat_name(p) for p in after.parameters], MAIN), after, note)
