"""Posterior predictive checks: responses of the fit beside those that it would give again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from hierglm.comparing.units import units_of
from hierglm.criticising.calibration import calibration
from hierglm.criticising.pit import loo_pit, uniform_ecdf
from hierglm.criticising.statistics import Given, Statistic, statistics_of
from hierglm.engines.engine import chosen_seed
from hierglm.errors import SettingsError, suggest
from hierglm.models import Model
from hierglm.plots import ppc as pictures
from hierglm.plots.density import density
from hierglm.plots.ppc_statistics import grouped, statistics
from hierglm.predicting.asked import chosen_response
from hierglm.predicting.predictions import predictions
from hierglm.results.estimates import intervals
from hierglm.results.fitted import Fitted

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
Sort = Literal["numbers", "counts", "shares", "categories"]

_HELD = 2**25
"""Replicated responses held at once (256 MB)."""
_CURVES = 50
"""Replicates whose densities are drawn."""
_REPLICATES = 1000
_POINTS = 400
_COUNTS = 60
"""Different counts that a rootogram keeps apart."""

KINDS: Mapping[str, tuple[Sort, ...]] = {
    "density": ("numbers",),
    "ecdf": ("numbers", "counts", "shares"),
    "rootogram": ("counts",),
    "calibration": ("shares",),
    "bars": ("categories",),
    "statistic": ("numbers", "counts", "shares"),
    "grouped": ("numbers", "counts", "shares"),
    "loo_pit": ("numbers", "counts", "shares", "categories"),
}
"""Which sorts of responses each check is for."""

_FIRST: Mapping[Sort, str] = {
    "numbers": "density", "counts": "rootogram", "shares": "calibration", "categories": "bars",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """What a check is made from.

    Attributes
    ----------
    fitted : Fitted
    model : Model
        Of the response.
    draws : int or None
        How many replicates.
    seed : int
    conf_level : float
    by : str or None
    statistics : mapping of str to callable
    """

    fitted: Fitted
    model: Model
    draws: int | None
    seed: int
    conf_level: float
    by: str | None
    statistics: Mapping[str, Statistic]

    @property
    def y(self) -> Floats:
        """The responses, shape (rows,)."""
        return self.model.design.response.values

    def replicates(self, most: int = _REPLICATES) -> Floats:
        """Return responses drawn again, shape (replicates, rows)."""
        size, rows = self.fitted.draws.chains * self.fitted.draws.draws, len(self.y)
        wanted = self.draws or min(size, most, max(20, _HELD // rows))
        found = self._predictions("response", wanted)
        out = np.empty((found.size, rows))
        for at, values in found.blocks():
            out[:, at] = values
        return out

    def means(self) -> Floats:
        """Return the posterior mean of the expected response of each row, shape (rows,)."""
        out = np.empty(len(self.y))
        for at, values in self._predictions("mean", self.draws).blocks():
            out[at] = values.mean(axis=0)
        return out

    def _predictions(self, target: Literal["mean", "response"], draws: int | None) -> Any:
        own = self.model.part.response or None
        return predictions(self.fitted, target=target, response=own, draws=draws, seed=self.seed)


def ppc(
    fitted: Fitted,
    kind: str | None = None,
    by: str | None = None,
    statistic: Given = None,
    *,
    response: str | None = None,
    draws: int | None = None,
    seed: int | None = None,
    conf_level: float = 0.95,
) -> Figure:
    """Return a picture of observed beside replicated responses; see `hierglm.posterior.Fit.ppc`."""
    model = chosen_response(fitted.plan.model, response)
    sort = sort_of(model)
    kind = _FIRST[sort] if kind is None else kind
    _check(kind, sort, by, fitted)
    chosen = statistics_of(statistic) or statistics_of(
        ("mean", "sd") if kind == "statistic" else "mean"
    )
    if kind == "grouped" and len(chosen) > 1:
        raise SettingsError(
            f"ppc('grouped') shows one statistic, not {', '.join(map(repr, chosen))}"
        )
    seed = chosen_seed(seed, fitted.settings.seed)
    asked = Asked(fitted, model, draws, seed, conf_level, by, chosen)
    label = model.design.response.label
    match kind:
        case "density":
            return pictures.densities(_densities(asked), label)
        case "ecdf":
            return pictures.ecdf(_ecdf(asked), label, conf_level)
        case "rootogram":
            return pictures.rootogram(_rootogram(asked), label, conf_level)
        case "bars":
            return pictures.bars(_bars(asked), label, conf_level)
        case "statistic":
            return statistics(*_statistics(asked), label)
        case "grouped":
            return grouped(_grouped(asked), label, next(iter(chosen)), conf_level)
        case "calibration":
            return pictures.calibration(_calibration(asked), label, conf_level)
    return pictures.loo_pit(_loo_pit(asked), label, conf_level)


def sort_of(model: Model) -> Sort:
    """Return what sort of responses a model has."""
    family = model.family
    if family.categories or family.thresholds:
        return "categories"
    if family.name in ("bernoulli", "binomial", "beta_binomial"):
        return "shares"
    return "counts" if "poisson" in family.name or "negbinomial" in family.name else "numbers"


def _check(kind: str, sort: Sort, by: str | None, fitted: Fitted) -> None:
    if kind not in KINDS:
        raise SettingsError(f"no check {kind!r}{suggest(str(kind), KINDS)}")
    if sort not in KINDS[kind]:
        fit = ", ".join(repr(k) for k, sorts in KINDS.items() if sort in sorts)
        raise SettingsError(f"ppc({kind!r}) is not for {sort}; for these there are {fit}")
    if (kind == "grouped") != (by is not None):
        raise SettingsError(
            "ppc('grouped') compares levels: give by=, a grouping factor or a column"
            if by is None
            else f"by={by!r} is for ppc('grouped'), not for ppc({kind!r})"
        )
    if fitted.draws.chains * fitted.draws.draws < 2:
        raise SettingsError(
            f"ppc() needs draws, and method {fitted.settings.method.name!r} has one point"
        )


def _densities(asked: Asked) -> pd.DataFrame:
    import pandas as pd

    bounds = asked.model.family.stan.bounds
    low = 0.0 if "lower=0" in bounds else -np.inf
    high = 1.0 if "upper=1" in bounds else np.inf
    curves = [asked.y, *asked.replicates(_CURVES)]
    parts = []
    for number, values in enumerate(curves):
        x, height = density(values, low, high)
        parts.append(pd.DataFrame({"replicate": number, "x": x, "density": height}))
    return pd.concat(parts, ignore_index=True)


def _ecdf(asked: Asked) -> pd.DataFrame:
    y = np.sort(asked.y)
    x = np.unique(y[np.linspace(0, len(y) - 1, min(len(y), _POINTS)).astype(np.int64)])
    shares = np.stack(
        [np.searchsorted(np.sort(r), x, side="right") for r in asked.replicates()]
    ) / len(y)
    observed = np.searchsorted(y, x, side="right") / len(y)
    return _beside({"x": x}, observed, shares, asked.conf_level)


def _rootogram(asked: Asked) -> pd.DataFrame:
    again = asked.replicates()
    # The highest replicates of a wide model would leave no room for all others.
    most = int(max(asked.y.max(), np.quantile(again, 0.995)))
    step = -(-(most + 1) // _COUNTS)
    edges = np.arange(0, most + 1 + step, step)
    counted = [np.histogram(r, edges - 0.5)[0] for r in (asked.y, *again)]
    found = np.stack(counted).astype(np.float64)
    labels = {"count": edges[:-1], "count_to": edges[1:] - 1}
    return _beside(labels, found[0], found[1:], asked.conf_level)


def _bars(asked: Asked) -> pd.DataFrame:
    levels = asked.model.design.response.levels or ()
    found = np.stack(
        [np.bincount(r.astype(np.int64), minlength=len(levels)) for r in
         (asked.y, *asked.replicates())]
    ) / len(asked.y)  # fmt: skip
    return _beside({"category": list(levels)}, found[0], found[1:], asked.conf_level)


def _statistics(asked: Asked) -> tuple[pd.DataFrame, Mapping[str, Floats]]:
    """Return the table of statistics, and each one's values of the replicates."""
    names, again = list(asked.statistics), asked.replicates()
    values = {name: of(again) for name, of in asked.statistics.items()}
    observed = np.array([float(of(asked.y)) for of in asked.statistics.values()])
    drawn = np.stack(list(values.values()), axis=1)
    table = _beside({"statistic": names}, observed, drawn, asked.conf_level)
    # Ties count half: discrete statistics often have them.
    above = np.mean(drawn > observed, axis=0) + np.mean(drawn == observed, axis=0) / 2
    return table.assign(p_above=above), values


def _grouped(asked: Asked) -> pd.DataFrame:
    units = units_of(asked.model.design, asked.by, "by")
    again = asked.replicates()
    (of,) = asked.statistics.values()
    rows = units.rows()
    observed = np.array([float(of(asked.y[at])) for at in rows])
    drawn = np.stack([of(again[:, at]) for at in rows], axis=1)
    labels = {"level": list(units.labels), "rows": [len(at) for at in rows]}
    return _beside(labels, observed, drawn, asked.conf_level)


def _calibration(asked: Asked) -> pd.DataFrame:
    response = asked.model.design.response
    n = np.ones(len(asked.y)) if response.trials is None else response.trials
    means = asked.means() / np.maximum(n, 1)
    rng = np.random.default_rng([asked.seed, 13])
    return calibration(means, asked.y, n, rng, asked.conf_level)


def _loo_pit(asked: Asked) -> pd.DataFrame:
    pit, khat = loo_pit(asked.fitted, asked.model, asked.seed)
    table = uniform_ecdf(pit, asked.conf_level, asked.seed)
    table.attrs |= {"pit": pit, "pareto_k": khat}
    return table


def _beside(
    labels: Mapping[str, Any], observed: Floats, drawn: Floats, conf_level: float
) -> pd.DataFrame:
    """Return observed numbers beside mean and interval of the replicated ones."""
    import pandas as pd

    low, high = intervals(drawn, conf_level)
    return pd.DataFrame(
        {**labels, "observed": observed, "estimate": drawn.mean(axis=0), "conf_low": low,
         "conf_high": high}
    )  # fmt: skip
