"""The priors as the user gave them, read off those that parameters got."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from hierglm.priors.distributions import Prior
from hierglm.priors.sets import SETS
from hierglm.priors.slots import Priors

_GIVEN = "given as "


def as_given(priors: Priors) -> str | Mapping[str, Prior]:
    """Return what ``priors=`` was: the name of a set, or the user's own by name.

    Parameters
    ----------
    priors : Priors
        What `hierglm.priors.assign.assign` returned.

    Returns
    -------
    str or mapping
        Own priors that no parameter got, because a more specific name stood beside them, are
        left out: they change nothing.

    Examples
    --------
    >>> import hierglm as hg
    >>> own, radon = {"b": hg.prior.normal(0, 1)}, hg.datasets.radon()
    >>> as_given(hg.model("log_radon ~ floor_measure", radon, priors=own).model.priors)
    {'b': normal(0, 1)}
    """
    own: dict[str, Prior] = {}
    for a in priors:
        if not a.source.startswith(_GIVEN):
            continue
        name = str(ast.literal_eval(a.source.removeprefix(_GIVEN)))
        # The correlations' part of decov, which stands under the name of the sds.
        if a.slot.role != "cor" or name.startswith("cor"):
            own[name] = a.prior
    if own:
        return own
    sources = {a.source.partition(":")[0] for a in priors}
    # Every set takes some priors from brms; rstanarm's own are in no other.
    return next((name for name in reversed(tuple(SETS)) if name in sources), "default")
