"""The posterior given a fit and new rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hierglm.adapting.adapted import Adapted
from hierglm.adapting.condition import Conditioned, condition
from hierglm.adapting.rows import encode_rows, join, predictors, with_levels
from hierglm.design.reading import as_table
from hierglm.draws.draws import Draws, Variable
from hierglm.engines.engine import chosen_seed
from hierglm.errors import SettingsError
from hierglm.models import Model
from hierglm.results.fitted import Fitted


def adapt(
    fitted: Fitted,
    new_rows: Any,
    seed: int | None = None,
    before: Model | None = None,
    data2: Mapping[str, Any] | None = None,
) -> Adapted:
    """Return the posterior given the rows of a fit and some new ones.

    Parameters
    ----------
    fitted : Fitted
        With draws: of chains, or of an approximation.
    new_rows : pandas, polars or pyarrow table, or mapping of columns
        With the response, or some of several; their levels may be new to the fit or not.
    seed : int, optional
        The fit's by default.
    before : Model, optional
        With new rows that came before; they count too.
    data2 : mapping of str to matrix or graph, optional
        What relates new levels to known ones, by the names of the fit's own.

    Raises
    ------
    DataError, ResponseError
        Rows that cannot be encoded as the fit's own were; a response outside its support; new
        levels that a matrix or graph does not have.
    SettingsError
        A fit with one point; a new level whose effects the draws do not tell.
    """
    if fitted.draws.chains * fitted.draws.draws < 2:
        name = fitted.settings.method.name
        raise SettingsError(f"adapt() needs draws, and method {name!r} has one point")
    model = fitted.plan.model
    # The fit's own table still says what columns hold; only levels have been added.
    known = model if before is None else with_levels(model, before)
    rows = encode_rows(known, as_table(new_rows), data2 or {})
    if before is not None:
        rows = join(before, rows)
    seed = chosen_seed(seed, fitted.settings.seed)
    found = condition(fitted, rows, seed)
    return Adapted(
        fitted=fitted,
        rows=rows,
        draws=_draws(fitted, rows, found),
        at=found.at,
        khat=found.khat,
        effects_khat=found.effects_khat,
        ess=found.ess,
        seed=seed,
    )


def _draws(fitted: Fitted, rows: Model, found: Conditioned) -> Draws:
    """Return the draws given the new rows, as one chain."""
    size = len(found.at)
    levels = {
        f"r_{g.group}{m.part.ending}": g.levels for m in predictors(rows) for g in m.design.groups
    }
    variables = {}
    for v in fitted.draws:
        dims: tuple[tuple[str, Sequence[Any]], ...] = v.dims
        if v.effect == "ran_vals":
            values = found.effects[v.name]
            own: Any = levels[v.name][found.levels[v.name]]
            dims = ((dims[0][0], own), dims[1])
        else:
            values = v.values.reshape(size, *v.values.shape[2:])[found.at]
        values = values[None]
        values.flags.writeable = False
        own_names = (v.response, v.dpar, v.term)
        variables[v.name] = Variable(v.name, v.effect, v.group, values, dims, *own_names)
    return Draws(variables, {"log_likelihood": found.log_marginal[found.at][None]})
