"""Posteriors of several completed data sets as one: mixed draws and what is missing.

Rubin (1987), "Multiple imputation for nonresponse in surveys"; Zhou and Reiter (2010), "A note
on Bayesian inference after multiple imputation", who mix the draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hierglm.draws.draws import Draws, with_values
from hierglm.draws.parameters import KEYS
from hierglm.errors import SettingsError
from hierglm.names import Parameter, flat_name
from hierglm.results.fitted import Fitted
from hierglm.results.rows import MAIN, select, table
from hierglm.showing.said import Said, grid
from hierglm.showing.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

ENOUGH = 100
"""Data sets from which on mixed draws have the right intervals (Zhou and Reiter 2010)."""
RHAT = 1.01


@dataclass(frozen=True, slots=True, repr=False)
class Imputed(Shown):
    """The posterior over several completed data sets; print it.

    Attributes
    ----------
    draws : Draws
        All draws of all data sets, their chains beside each other. That chains of different
        data sets differ is no fault: R-hat is looked at within each.
    fits : mapping of str to Fitted
        The fit of each data set.
    """

    draws: Draws
    fits: Mapping[str, Fitted]

    def tidy(
        self, effects: Sequence[str] | str = MAIN, conf_level: float = 0.95, hdi: bool = False
    ) -> pd.DataFrame:
        """Return one row a parameter.

        Parameters
        ----------
        effects, conf_level, hdi
            See `hierglm.results.tidy.tidy`.

        Returns
        -------
        DataFrame
            Columns effect to term2, and estimate, std_error, conf_low, conf_high of the mixed
            draws; rubin_error, the root of Rubin's total variance, which for few data sets is
            the better error; fmi, the fraction of missing information (Rubin 1987, 3.1.10: with
            the degrees of freedom); rhat, the largest of all data sets.
        """
        found = table(select(self.draws, effects), conf_level, hdi, sampled=False)
        own = [table(select(f.draws, effects), sampled=f.sampled) for f in self.fits.values()]
        estimates = np.stack([t["estimate"].to_numpy(np.float64) for t in own])
        errors = np.stack([t["std_error"].to_numpy(np.float64) for t in own])
        total, fmi = combine(estimates, errors)
        rhat = np.stack([t["rhat"].to_numpy(np.float64) for t in own]).max(axis=0)
        return found[[*KEYS, "estimate", "std_error", "conf_low", "conf_high"]].assign(
            rubin_error=total, fmi=fmi, rhat=rhat
        )

    def convergence(self) -> pd.DataFrame:
        """Return one row a data set: the largest R-hat, the smallest ESS, divergences."""
        import pandas as pd

        rows = []
        for name, fitted in self.fits.items():
            own = table(select(fitted.draws, MAIN), sampled=fitted.sampled)
            diverging = fitted.draws.stats.get("diverging", np.zeros(1))
            rows.append(
                {
                    "data": name,
                    "rhat": float(own["rhat"].max()),
                    "ess_bulk": float(own["ess_bulk"].min()),
                    "ess_tail": float(own["ess_tail"].min()),
                    "divergences": int(np.sum(diverging)),
                }
            )
        return pd.DataFrame(rows)

    def said(self) -> Said:
        """Return the estimates of all data sets; see `hierglm.showing.said.Said`."""
        count, found, table = len(self.fits), self.convergence(), self.tidy()
        said = [
            f"largest R-hat within a data set {found['rhat'].max():.3f}, "
            f"{found['divergences'].sum()} divergent draws",
        ]
        bad = found.loc[found["rhat"] > RHAT, "data"]
        if len(bad):
            said.append(f"R-hat > {RHAT} in {', '.join(map(repr, bad[:4]))}: give more draws")
        if count < ENOUGH:
            share = np.nanmax(table["rubin_error"] / table["std_error"])
            said.append(
                f"of fewer than {ENOUGH} data sets mixed draws are somewhat too narrow (Zhou and "
                "Reiter 2010); rubin_error in .tidy() is not, and up to "
                f"{share:.2f} times std_error here"
            )
        return Said(
            f"{count} completed data sets, {self.draws.chains * self.draws.draws:,} draws together",
            grids=(grid(_printed(table), formats={"fmi": ".2f"}),),
            words=tuple(said),
            healthy=not len(bad),
        )


def mix(fits: Mapping[str, Fitted]) -> Imputed:
    """Return the posterior over several completed data sets.

    Parameters
    ----------
    fits : mapping of str to Fitted
        Of one model, with as many draws each.

    Raises
    ------
    SettingsError
        Of fewer than two fits; of different parameters or numbers of draws.
    """
    if len(fits) < 2:
        raise SettingsError("pooled() is of several data sets, and here is one")
    (first, one), *rest = fits.items()
    for name, other in rest:
        _refuse_different(first, one.draws, name, other.draws)
    every = [f.draws for f in fits.values()]
    shared = [s for s in every[0].stats if all(s in d.stats for d in every)]
    variables = {
        v.name: with_values(v, _joined([d[v.name].values for d in every])) for v in every[0]
    }
    stats = {name: _joined([d.stats[name] for d in every]) for name in shared}
    return Imputed(Draws(variables, stats), fits)


def combine(estimates: Floats, errors: Floats) -> tuple[Floats, Floats]:
    """Return Rubin's standard error and the fraction of missing information.

    Parameters
    ----------
    estimates, errors : ndarray, shape (data sets, parameters)

    Returns
    -------
    total, fmi : ndarray, shape (parameters,)

    Examples
    --------
    >>> total, fmi = combine(np.array([[1.0], [3.0]]), np.array([[1.0], [1.0]]))
    >>> total.tolist(), fmi.round(3).tolist()
    ([2.0], [0.855])
    """
    m = len(estimates)
    within, between = np.mean(errors**2, axis=0), np.var(estimates, axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (1 + 1 / m) * between / within
        df = (m - 1) * (1 + 1 / ratio) ** 2
        fmi = np.where(between > 0, (ratio + 2 / (df + 3)) / (ratio + 1), 0.0)
    return np.sqrt(within + (1 + 1 / m) * between), fmi


def _printed(table: pd.DataFrame) -> pd.DataFrame:
    """Return what a summary has room for: one name for each parameter, whole."""
    rows = table[[*KEYS]].to_dict("records")
    names = [flat_name(Parameter(**{str(k): v for k, v in row.items()})) for row in rows]
    found = table.drop(columns=[*KEYS, "rubin_error"])
    found.insert(0, "parameter", names)
    return found


def _joined(parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    values = np.concatenate(parts, axis=0)
    values.flags.writeable = False
    return values


def _refuse_different(first: str, one: Draws, name: str, other: Draws) -> None:
    labels = [{v.name: [list(x) for _, x in v.dims] for v in d} for d in (one, other)]
    if labels[0] != labels[1]:
        odd = next(k for k in {**labels[0], **labels[1]} if labels[0].get(k) != labels[1].get(k))
        raise SettingsError(
            f"the fits of data {first!r} and {name!r} differ in {odd!r}: its terms or levels are "
            "not the same, so that they are not two draws of one posterior"
        )
    if one.draws != other.draws:
        raise SettingsError(
            f"the fits of data {first!r} and {name!r} have {one.draws:,} and {other.draws:,} "
            "draws a chain; data sets count the same only where they have as many"
        )
