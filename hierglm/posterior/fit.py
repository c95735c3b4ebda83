"""What comes out of a fit: one object over pure functions.

What only some need (pictures, files, ArviZ) is imported when asked for, so that
``import hierglm`` stays quick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hierglm.paths import path_of
from hierglm.posterior.changes import Changes
from hierglm.posterior.criticism import Criticism
from hierglm.posterior.documents import Documents
from hierglm.posterior.marginals import Marginals
from hierglm.posterior.pictures import Plots
from hierglm.posterior.predictions import Predictions
from hierglm.posterior.quantities import Quantities
from hierglm.posterior.tables import Tables
from hierglm.results import text
from hierglm.showing.said import Said
from hierglm.showing.shown import Shown, pages

if TYPE_CHECKING:
    import pandas as pd

    from hierglm.design.given import Given
    from hierglm.families import Family
    from hierglm.priors.distributions import Prior


@dataclass(frozen=True, slots=True, repr=False)
class Fit(Shown, Tables, Quantities, Predictions, Marginals, Changes, Criticism, Documents):
    """A posterior, or what an approximate method gave for it; print it.

    Made by `hierglm.fit` and `hierglm.load`.

    Attributes
    ----------
    draws : Draws
        Every draw by name: ``fit.draws["b"].values`` has shape (chains, draws, terms).
    plan : Plan
        How each part of the model was written, and why.
    settings : Settings
        Method, chains, iterations, and the seed that gives the same numbers again.
    outcome : Outcome or None
        What another method than sampling tells of its answer; see `elbo`, `khat`, `lp`.
    engine, versions, seconds, notes
        What sampled, its versions, its time, and what was done without being asked.

    Examples
    --------
    >>> import hierglm as hg
    >>> schools = hg.datasets.eight_schools()
    >>> fit = hg.fit("y | se(se) ~ 1 + (1 | school)", schools, seed=1, adapt_delta=0.95)
    >>> fit.ranef()["level"].tolist()
    ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H']
    """

    def said(self) -> Said:
        """Return what its page shows; see `hierglm.showing.said.Said`."""
        from hierglm.results.sections import folds, summarise

        return summarise(self).said(folds(self.plan, self.stan_code))

    def __repr__(self) -> str:
        return text.text(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from hierglm.results.sections import folds, summarise

        summary = summarise(self)
        said = summary.said(folds(self.plan, self.stan_code))
        return {"text/plain": text.lay_out(summary), **pages(said)}

    def refit(self, **changes: Any) -> Fit:
        """Return a fit of the same model to the same data with other settings.

        Parameters
        ----------
        **changes
            Of chains, warmup, draws, seed, adapt_delta, max_treedepth, threads, progress. All
            else stays, the seed too. With nothing named, what `check` advises.

        Returns
        -------
        Fit
            Its notes tell what was changed.

        Raises
        ------
        SettingsError
            For a setting that there is not, or where nothing is named and nothing advised.

        Examples
        --------
        >>> import hierglm as hg
        >>> schools = hg.datasets.eight_schools()
        >>> fit = hg.fit("y | se(se) ~ 1 + (1 | school)", schools, seed=1)
        >>> fit.refit(draws=500).notes[-1]
        'fitted again with draws=500 (1000 before)'
        """
        from hierglm.refitting import refit

        return refit(self, **changes)

    def update(
        self,
        formula: str | Sequence[str] | Mapping[str, str | Sequence[str]] | None = None,
        data: Any = None,
        *,
        family: str | Family | Mapping[str, str | Family] | None = None,
        priors: str | Mapping[str, Prior] | None = None,
        **options: Any,
    ) -> Fit:
        """Return a new fit with another formula, other data or priors; all else as before.

        What does not change the Stan program, such as rows and the numbers of priors, compiles
        nothing: programs are found by their content.

        Parameters
        ----------
        formula : str or sequence of str, optional
            Dots stand for the sides of the fit's own: ``". ~ . + z"``, ``"log(.) ~ . - x"``. Of
            several responses by response: ``{"score": ". ~ . + z"}``; others stay.
        data : table, optional
            By default the rows and columns that the fit used, which is all that it keeps. Of
            several responses one table for all, or by response.
        family : str or Family, optional
            Of several responses by response.
        priors : str or mapping, optional
            Over those that were given for this fit, as far as they still have a parameter.
        **options
            As of `hierglm.fit`. Settings stay, the seed too; warmup and adapt_delta where they
            were not "auto".

        Returns
        -------
        Fit

        Raises
        ------
        FormulaError, DataError, PriorError, SettingsError
            As `hierglm.fit`; and where something must be given by response, and is not.

        Examples
        --------
        >>> import hierglm as hg
        >>> radon = hg.datasets.radon()
        >>> fit = hg.fit("log_radon ~ floor_measure + (1 | county_idx)", radon, seed=1)
        >>> fit.update(". ~ . - floor_measure").formula
        'log_radon ~ floor_measure + (1 | county_idx) - floor_measure'
        """
        from hierglm.updating import update

        return update(self, formula, data, family, priors, **options)

    def data(self, response: str | None = None) -> pd.DataFrame:
        """Return the rows and columns of the data that the fit used, as it read them.

        Parameters
        ----------
        response : str, optional
            Of several responses which one.

        Raises
        ------
        SettingsError
            A response that there is not, or none where there are several.
        """
        from hierglm.predicting.asked import chosen_response

        model = self.plan.model
        return model.table(chosen_response(model, response)).to_frame()

    @property
    def data2(self) -> dict[str, Given]:
        """Matrices and graphs between levels that the formula wants beside the data, by name."""
        return self.plan.model.given_beside

    @property
    def data_hash(self) -> str:
        """Hash of the values that the fit used of its data; see `reproduce`."""
        return self.plan.model.data_hash

    @property
    def plot(self) -> Plots:
        """Pictures: ``fit.plot.trace()``, ``.intervals()``, ``.ranef()``."""
        return Plots(self)

    def save(self, path: str | Path) -> Path:
        """Write the fit to one file that `hierglm.load` opens anywhere, and return its path.

        Parameters
        ----------
        path : str or Path
            Such as ``"radon.hglm"``. Where it ends in ``.nc`` the file is NetCDF, which ArviZ and
            xarray read too: effects of levels are written part by part, and read from it when
            they are wanted.

        Raises
        ------
        FileError
            If it cannot be written; what was at `path` before is then untouched.
        """
        from hierglm.results import netcdf, store

        path = path_of(path, "path")
        if path.suffix.lower() != netcdf.ENDING:
            return store.save(self, path)
        netcdf.write(self, path)
        return path


def load(
    path: str | Path,
    functions: Mapping[str, Callable[..., Any]] | None = None,
    max_bytes: int = 2**32,
) -> Fit:
    """Open a saved fit; needs no Stan and no compiler, and runs nothing that the file holds.

    Parameters
    ----------
    path : str or Path
        What `Fit.save` wrote, or ``hierglm.fit(..., out="draws.nc")``. Effects of levels stay in a
        NetCDF file, and are read when they are wanted.
    functions : mapping of str to callable
        Functions of your own that the formula calls: files hold data, never code.
    max_bytes : int
        A larger file is refused before it is read (4 GiB); take less for files of strangers.

    Raises
    ------
    FileError
        A file that is missing, damaged, changed, or from another version.
    """
    from hierglm.posterior.streamed import kind_of
    from hierglm.results import netcdf, store

    path = path_of(path, "path")
    read = netcdf.load if netcdf.is_netcdf(path) else store.load
    loaded = read(path, functions, max_bytes)
    kind = kind_of(loaded.plan.model)
    return kind(**{f.name: getattr(loaded, f.name) for f in fields(loaded)})
