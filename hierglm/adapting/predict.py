"""Predictions from an adapted fit: means, linear predictors and responses to come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hierglm.adapting.condition import group_factors, known_draws
from hierglm.adapting.rows import Touched, take, touched, with_levels
from hierglm.design.design import Design
from hierglm.design.encode import encode_new
from hierglm.design.table import as_table
from hierglm.draws.draws import Draws
from hierglm.errors import DataError, SettingsError, suggest
from hierglm.results.estimates import intervals, mean, spread
from hierglm.results.fitted import Fitted
from hierglm.results.pointwise import Flat, linear_predictor, scales_of

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

Target = Literal["mean", "linear", "response"]
Unseen = Literal["sample", "zero", "error"]

_BLOCK = 2**23
"""Numbers held at once (64 MB), draws x rows."""


@dataclass(frozen=True, slots=True)
class Known:
    """What predictions are made from.

    Attributes
    ----------
    fitted : Fitted
    rows : Design
        The rows that the fit was adapted to.
    draws : Draws
        Given these.
    at : ndarray of int, shape (S,)
        The draw of the fit that each comes from.
    """

    fitted: Fitted
    rows: Design
    draws: Draws
    at: Ints


def predict(
    known: Known, new_rows: Any, target: Target, conf_level: float, new_levels: Unseen, seed: int
) -> pd.DataFrame:
    """Return predictions of rows; see `hierglm.adapting.adapted.Adapted.predict`."""
    import pandas as pd

    _check(known, target, new_levels)
    fit = known.fitted.plan.model
    design = encode_new(with_levels(fit.design, known.rows), as_table(new_rows), extend=True)
    own = touched(design)
    rng = np.random.default_rng([seed, 1])
    flat = _draws(known, own, new_levels, rng)
    # Known errors are of the fit's rows; new ones are not asked for theirs, which no mean needs.
    scales = {} if known.rows.response.se is not None else scales_of(fit, flat, slice(None))
    out = np.empty((4, design.rows))
    step = max(1, _BLOCK // flat.size)
    for low in range(0, design.rows, step):
        some = slice(low, low + step)
        block = take(own.design, some)
        values = linear_predictor(block, flat, slice(None))
        if target != "linear":
            if target == "mean":
                values = fit.family.mean(values, scales, None)
            else:
                values = fit.family.draw(rng, values, scales, None)
        out[:, some] = mean(values), spread(values), *intervals(values, conf_level)
    columns = ("estimate", "std_error", "conf_low", "conf_high")
    index = new_rows.index[design.kept] if isinstance(new_rows, pd.DataFrame) else design.kept
    return pd.DataFrame(dict(zip(columns, out, strict=True)), index=index)


def _check(known: Known, target: str, new_levels: str) -> None:
    if target not in get_args(Target):
        raise SettingsError(f"no target {target!r}{suggest(str(target), get_args(Target))}")
    if new_levels not in get_args(Unseen):
        raise SettingsError(
            f"new_levels cannot be {new_levels!r}{suggest(str(new_levels), get_args(Unseen))}"
        )
    response = known.rows.response
    if target == "response" and (response.trials is not None or response.se is not None):
        raise SettingsError(
            "responses with trials or known errors cannot be predicted from an adapted fit; "
            "ask for target='mean'"
        )


def _draws(known: Known, own: Touched, new_levels: Unseen, rng: np.random.Generator) -> Flat:
    """Return the draws that rows need, shape (S, ...): of levels seen and unseen."""
    values = dict(known_draws(known.fitted, own).values)
    values = {name: x[known.at] for name, x in values.items()}
    seen = {g.group: len(g.levels) for g in known.rows.groups}
    adapted = touched(known.rows).levels
    for group, at in own.levels.items():
        effects = values[f"r_{group}"]
        _, there, here = np.intersect1d(at, adapted[group], return_indices=True)
        effects[:, there] = known.draws[f"r_{group}"].values[0][:, here]
        unseen = np.flatnonzero(at >= seen[group])
        if len(unseen) and new_levels == "error":
            levels = next(g.levels for g in own.design.groups if g.group == group)
            raise DataError(
                f"{group!r} has the level {levels[unseen[0]]!r}, which was neither in the fit nor "
                "in the rows that it was adapted to; new_levels='sample' draws its effects"
            )
        if len(unseen) and new_levels == "sample":
            z = rng.standard_normal((len(effects), len(unseen), effects.shape[2]))
            factor = group_factors(known.fitted, [group])[group]
            effects[:, unseen] = z @ np.swapaxes(factor[known.at], 1, 2)
    return Flat(values, len(known.at))
