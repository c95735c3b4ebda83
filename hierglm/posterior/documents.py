"""What is written about a fit: the script that makes it again, and its report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hierglm.results.fitted import Fitted

if TYPE_CHECKING:
    from hierglm.reproducing import Script
    from hierglm.reproducing.data import Paths


class Documents(Fitted):
    """What is written about a fit."""

    __slots__ = ()

    def reproduce(
        self, data: Paths = None, data2: Mapping[str, str | Path] | None = None
    ) -> Script:
        """Return the Python script that makes this fit again; print it.

        Versions (as inline metadata, PEP 723), settings and the seed are pinned, nothing is left
        to be chosen. The script stops where the data have another hash than the fit's. Code of
        yours (functions, families), paths among the options of an engine, and programs compiled
        before are to be put in: it stops there, and says which.

        Parameters
        ----------
        data : path, or mapping of str to path, optional
            Where the script is to read the data: a table, or the saved fit (``"fit.hglm"``),
            which holds what it used. Where responses have tables of their own one for each, by
            name. By default a place to be filled in.
        data2 : mapping of str to path, optional
            Likewise CSV files of the matrices and edges that the formula wants.

        Raises
        ------
        DataError, SettingsError
            A file type that cannot be read; a name that there is not.

        Examples
        --------
        >>> import hierglm as hg
        >>> schools = hg.datasets.eight_schools()
        >>> fit = hg.fit("y | se(se) ~ 1 + (1 | school)", schools, seed=1, adapt_delta=0.95)
        >>> "seed=1," in fit.reproduce("schools.csv")
        True
        """
        from hierglm.reproducing import reproduce

        return reproduce(self, data, data2)

    def report(
        self,
        path: str | Path,
        title: str = "",
        question: str = "",
        data: Paths = None,
        data2: Mapping[str, str | Path] | None = None,
    ) -> Path:
        """Write a report to one file that holds all it shows, and return its path.

        Diagnostics first; the model in mathematics; data, priors and why, estimates, posterior
        predictive checks; plan and program; sentences for a paper with their sources (BibTeX); the
        session and the code that makes the fit again. The same fit gives the same bytes
        (PDF aside, in which browsers write the time).

        Parameters
        ----------
        path : str or Path
            ``.html``: without scripts or anything to fetch, light or dark, and good to print.
            ``.md``: formulas stay LaTeX. ``.pdf``: the first printed on A4 by a browser of the
            Chromium family, where there is one.
        title : str
            By default the names of the responses.
        question : str
            What the model is to answer, in words; stands below the title.
        data, data2 : path, or mapping of str to path, optional
            Where the script at its end reads the data, see `reproduce`.

        Raises
        ------
        SettingsError, FileError
            Another ending; a file that cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> import hierglm as hg
        >>> schools = hg.datasets.eight_schools()
        >>> fit = hg.fit("y | se(se) ~ 1 + (1 | school)", schools, seed=1, adapt_delta=0.95)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     fit.report(Path(folder) / "schools.html", question="Does coaching help?").name
        'schools.html'
        """
        from hierglm.reporting.report import report

        return report(self, path, title, question, data, data2)
