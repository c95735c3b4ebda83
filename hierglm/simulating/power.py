"""Power: how often an effect of a given size is found, by simulation."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hierglm.draws.parameters import KEYS
from hierglm.errors import SettingsError, suggest
from hierglm.names import Parameter, flat_name
from hierglm.plan.crossproducts import column_means
from hierglm.results.rows import MAIN
from hierglm.simulating.recover import known_names, recover, share_error
from hierglm.simulating.responses import Fittable

if TYPE_CHECKING:
    import pandas as pd

Others = Literal["fit", "prior"]


def power(
    prepared: Fittable,
    effect: Mapping[str, float],
    n: int = 100,
    truth: Mapping[str, float] | None = None,
    others: Others = "fit",
    width: float | None = None,
    seed: int | None = None,
    executor: Executor | None = None,
    conf_level: float = 0.95,
    checkpoint: str | PathLike[str] | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Return how often the intervals of effects exclude 0, one row an effect.

    Parameters
    ----------
    prepared : Fittable
        Its rows are those of the study: predictors, levels, trials.
    effect : mapping of str to float
        Sizes of effects by term, ``{"x": 0.3}``, or by the name of any parameter.
    n : int
        Number of data sets.
    truth : mapping of str to float, optional
        Values of other parameters.
    others : {"fit", "prior"}
        Where those come from that are not named: from the penalised fit of the model's own
        responses, or, for each data set anew, from their priors. Correlations come from the
        prior either way.
    width : float, optional
        Also count intervals that are narrower.
    seed, executor, conf_level, checkpoint, **options
        See `hierglm.simulating.recover.recover`.

    Returns
    -------
    DataFrame
        Columns parameter, value, datasets, failures, troubles (fits that are not to be trusted),
        power and its Monte Carlo error power_mcse, precision and precision_mcse (of `width`),
        coverage, mean_estimate, mean_width; and of the intervals that exclude 0 wrong_sign, the
        share on the other side, and exaggeration, the mean size of the estimate relative to the
        value (Gelman and Carlin 2014, "Beyond power calculations"). Its ``attrs`` have the seed,
        and failures and troubles in words.

    Raises
    ------
    SettingsError
        No effect, a name that is no parameter, or no penalised fit to take the others from.
    """
    import pandas as pd

    if not effect:
        raise SettingsError("power() needs an effect, such as effect={'x': 0.3}")
    if others not in ("fit", "prior"):
        raise SettingsError(f"others must be 'fit' or 'prior', not {others!r}")
    sizes = {_name(prepared, name): float(value) for name, value in effect.items()}
    values = (fitted_values(prepared) if others == "fit" else {}) | dict(truth or {}) | sizes
    run = recover(prepared, values, n, seed, executor, MAIN, conf_level, checkpoint, **options)
    rows = []
    for name, value in sizes.items():
        own = run.estimates[run.estimates["parameter"] == name]
        low, high = own["conf_low"].to_numpy(), own["conf_high"].to_numpy()
        estimate, count = own["estimate"].to_numpy(), len(own)
        found = (low > 0) | (high < 0)
        share = float(found.mean()) if count else np.nan
        row = {
            "parameter": name,
            "value": value,
            "datasets": count,
            "failures": len(run.failures),
            "troubles": len(run.troubles),
            "power": share,
            "power_mcse": share_error(share, count),
        }
        if width is not None:
            narrow = float((high - low < width).mean()) if count else np.nan
            row |= {"precision": narrow, "precision_mcse": share_error(narrow, count)}
        some, known = bool(found.any()), value != 0
        row |= {
            "coverage": float(own["covered"].mean()),
            "mean_estimate": float(estimate.mean()) if count else np.nan,
            "mean_width": float((high - low).mean()) if count else np.nan,
            "wrong_sign": float((estimate[found] * value < 0).mean()) if some and known else np.nan,
            "exaggeration": float(np.abs(estimate[found] / value).mean())
            if some and known
            else np.nan,
        }
        rows.append(row)
    table = pd.DataFrame(rows)
    table.attrs |= {"seed": run.seed, "failures": run.failures, "troubles": run.troubles}
    return table


def _name(prepared: Fittable, name: str) -> str:
    """Return the full name of a parameter of which the term alone may be given."""
    known = known_names(prepared.model)
    full = name if name in known else flat_name(Parameter("fixed", term=name))
    if full not in known:
        terms = [*prepared.model.design.common.labels, *known]
        raise SettingsError(f"no effect {name!r}{suggest(name, terms)}")
    return full


def fitted_values(prepared: Fittable) -> dict[str, float]:
    """Return the values that the penalised fit has of parameters that are one number."""
    try:
        table = prepared.approx().tidy(MAIN)
    except SettingsError as error:
        raise SettingsError(
            f"power(): {error}; give others='prior', and values of what matters in truth="
        ) from None
    found = {
        str(Parameter(**{str(k): v for k, v in row.items() if k in KEYS})): float(row["estimate"])
        for row in table.to_dict("records")
    }
    design = prepared.model.design
    intercept = flat_name(Parameter("fixed", term="Intercept"))
    if intercept in found and design.common.labels:
        # Values of the intercept are about that at the means of the columns, as its prior.
        b = [found[flat_name(Parameter("fixed", term=t))] for t in design.common.labels]
        found[intercept] += float(column_means(design) @ np.array(b))
    known = {a.slot.name for a in prepared.model.priors if a.slot.role != "cor"}
    return {name: value for name, value in found.items() if name in known}
