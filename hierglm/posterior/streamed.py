"""A fit whose rows were read in batches: what needs them says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hierglm.errors import DataError
from hierglm.models import Model
from hierglm.posterior.fit import Fit
from hierglm.posterior.pictures import Plots

_NEEDED = {
    "loo": "fit a sample in memory for cross-validation",
    "waic": "fit a sample in memory for cross-validation",
    "kfold": "fit a sample in memory for cross-validation",
    "influence": "fit a sample in memory for cross-validation",
    "ppc": "fit a sample in memory, or compare fit.predict(sample) with its responses",
    "sensitivity": "fit a sample in memory",
    "pooling": "fit.ranef() and fit.coef() have the levels",
    "pooling_summary": "fit.varcorr() has the sds",
    "icc": "fit.varcorr(proportions=True) has the shares of variance",
    "r2": "fit.varcorr() has the sds",
    "effects": "fit.predict(grid) has means at rows of your own",
    "means": "fit.predict(grid) has means at rows of your own",
    "slopes": "fit.predict(grid) has means at rows of your own",
    "comparisons": "fit.predict(grid) has means at rows of your own",
    "update": "call hg.fit again",
    "refit": "call hg.fit again",
    "data": "read the source",
    "to_arviz": "fit.posterior has the draws",
}
"""Methods that read rows, and what to do instead."""


class StreamedPlots(Plots):
    """Pictures of a fit without its rows."""

    __slots__ = ()

    def pooling(self, group: str | None = None, term: str | None = None) -> Any:
        """Raise `DataError`: how far levels are drawn is told by their rows."""
        raise _without_rows(self.fit, "plot.pooling()", "fit.plot.ranef() shows the levels")

    def prior_posterior(self, parameters: str | Sequence[str] | None = None) -> Any:
        """Raise `DataError`: priors are drawn from by a program of rows."""
        raise _without_rows(
            self.fit, "plot.prior_posterior()", "fit.plot.intervals(), and hg.model(...).priors()"
        )


@dataclass(frozen=True, slots=True, repr=False)
class StreamedFit(Fit):
    """A fit of rows that were read in batches and not kept.

    Tables, group effects, draws, pictures of them, predictions of new rows, files and checkpoints
    are as of every `Fit`; methods that read the rows of the fit raise `DataError`, which says what
    would do.
    """

    def predict(self, new: Any = None, *args: Any, **options: Any) -> Any:
        """Return predictions of new rows; see `Fit.predict`."""
        if new is None:
            raise _without_rows(self, "predict()", "fit.predict(batch) predicts a table of rows")
        return Fit.predict(self, new, *args, **options)

    @property
    def plot(self) -> Plots:
        """Pictures of the draws; those that show rows raise `DataError`."""
        return StreamedPlots(self)

    @property
    def data_hash(self) -> str:
        """Raise `DataError`: the hash is of the rows."""
        raise _without_rows(self, "data_hash", "tell the source by its files")


def kind_of(model: Model) -> type[Fit]:
    """Return what a fit of a model is: a `StreamedFit` where the rows are not there."""
    return Fit if model.design.reduced is None else StreamedFit


def _refusing(name: str, instead: str) -> Callable[..., Any]:
    def refuse(self: Fit, *args: Any, **options: Any) -> Any:
        raise _without_rows(self, f"{name}(...)", instead)

    refuse.__name__, refuse.__doc__ = name, f"Raise `DataError`: {instead}."
    return refuse


def _without_rows(fit: Fit, what: str, instead: str) -> DataError:
    reduced = fit.plan.model.design.reduced
    where = "" if reduced is None else f" of {reduced.source}"
    return DataError(
        f"fit.{what} needs the rows{where}, which were read in batches and not kept: {instead}"
    )


for _name, _instead in _NEEDED.items():
    setattr(StreamedFit, _name, _refusing(_name, _instead))
