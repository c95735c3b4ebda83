"""What comes out of a fit: one object over pure functions.

What only some need (pictures, files, ArviZ) is imported when asked for, so that
``import hierglm`` stays quick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hierglm.posterior.criticism import Criticism
from hierglm.posterior.marginals import Marginals
from hierglm.posterior.pictures import Plots
from hierglm.posterior.predictions import Predictions
from hierglm.posterior.quantities import Quantities
from hierglm.posterior.tables import Tables
from hierglm.results import text

if TYPE_CHECKING:
    from hierglm.families import Family
    from hierglm.priors.distributions import Prior


@dataclass(frozen=True, slots=True, repr=False)
class Fit(Tables, Quantities, Predictions, Marginals, Criticism):
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

    def __str__(self) -> str:
        return text.text(self)

    def __repr__(self) -> str:
        return text.text(self)

    def _repr_html_(self) -> str:
        from hierglm.results import html

        return html.html(self)

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
        formula: str | Sequence[str] | None = None,
        data: Any = None,
        *,
        family: str | Family | None = None,
        priors: str | Mapping[str, Prior] | None = None,
        **options: Any,
    ) -> Fit:
        """Return a new fit with another formula, other data or priors; all else as before.

        What does not change the Stan program, such as rows and the numbers of priors, compiles
        nothing: programs are found by their content.

        Parameters
        ----------
        formula : str or sequence of str, optional
            Dots stand for the sides of the fit's own: ``". ~ . + z"``, ``"log(.) ~ . - x"``.
        data : table, optional
            By default the rows and columns that the fit used, which is all that it keeps.
        family : str or Family, optional
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
            As `hierglm.fit`; and for a fit of several responses.

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

    @property
    def plot(self) -> Plots:
        """Pictures: ``fit.plot.trace()``, ``.intervals()``, ``.ranef()``."""
        return Plots(self)

    def save(self, path: str | Path) -> Path:
        """Write the fit to one file that `hierglm.load` opens anywhere, and return its path.

        Raises
        ------
        FileError
            If it cannot be written; what was at `path` before is then untouched.
        """
        from hierglm.results import store

        return store.save(self, path)


def load(path: str | Path, functions: Mapping[str, Callable[..., Any]] | None = None) -> Fit:
    """Open a saved fit; needs no Stan and no compiler.

    Parameters
    ----------
    path : str or Path
        What `Fit.save` wrote.
    functions : mapping of str to callable
        Functions of your own that the formula calls: files hold data, never code.

    Raises
    ------
    FileError
        A file that is missing, damaged, changed, or from another version.
    """
    from hierglm.results import store

    loaded = store.load(path, functions)
    return Fit(**{f.name: getattr(loaded, f.name) for f in fields(loaded)})
