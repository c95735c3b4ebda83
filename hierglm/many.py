"""Many fits in one call: of completed data sets, of formulas, of responses."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hierglm.checkpointing.folder import open_folder
from hierglm.design.table import Table
from hierglm.engines.engine import chosen_seed
from hierglm.engines.progress import unit_bar
from hierglm.errors import HierglmError, SettingsError, suggest
from hierglm.executing import perform
from hierglm.fitting import fit
from hierglm.formula.update import update_formula
from hierglm.parts import ResponsePart
from hierglm.posterior import Fit
from hierglm.results.multiple_imputation import Imputed, mix
from hierglm.results.rows import MAIN
from hierglm.showing.said import Said, grid
from hierglm.showing.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

By = Literal["data", "formula", "response"]


@dataclass(frozen=True, slots=True, repr=False)
class Fits(Shown, Mapping[str, Fit]):
    """Fits by name, as a mapping; print it, or see `tidy` and `pooled`.

    Attributes
    ----------
    fits : mapping of str to Fit
    by : {"data", "formula", "response"}
        What differs between them.
    """

    fits: Mapping[str, Fit]
    by: By

    def __getitem__(self, name: str) -> Fit:
        if name not in self.fits:
            raise SettingsError(f"no fit {name!r}{suggest(str(name), self.fits)}")
        return self.fits[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.fits)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self.fits)

    def __len__(self) -> int:
        return len(self.fits)

    def tidy(
        self, effects: Sequence[str] | str = MAIN, conf_level: float = 0.95, hdi: bool = False
    ) -> pd.DataFrame:
        """Return the tables of all fits below each other.

        Parameters
        ----------
        effects, conf_level, hdi
            See `Fit.tidy`.

        Returns
        -------
        DataFrame
            A column named by what differs, "data", "formula" or "response"; then as `Fit.tidy`
            (whose own column response is that of joint models, and is left out beside this one).
        """
        import pandas as pd

        tables = []
        for name, one in self.fits.items():
            own = one.tidy(effects, conf_level, hdi).drop(columns=self.by, errors="ignore")
            own.insert(0, self.by, name)
            tables.append(own)
        return pd.concat(tables, ignore_index=True)

    def pooled(self) -> Imputed:
        """Return the posterior over several completed data sets: multiple imputation.

        See `hierglm.results.multiple_imputation.Imputed`.

        Raises
        ------
        SettingsError
            Of fits that differ in something else, or in their parameters.
        """
        if self.by != "data":
            raise SettingsError(
                f"pooled() is of one model of several data sets; these fits differ in {self.by}"
            )
        return mix(self.fits)

    def said(self) -> Said:
        """Return a row a fit; see `hierglm.showing.said.Said`."""
        import pandas as pd

        rows = [
            (
                name, sum(m.design.rows for m in one.plan.model.responses), one.seconds,
                "healthy" if one.healthy else "see its check()",
            )
            for name, one in self.fits.items()
        ]  # fmt: skip
        frame = pd.DataFrame(rows, columns=[self.by, "rows", "seconds", "state"])
        healthy = all(one.healthy for one in self.fits.values())
        grids = (grid(frame, formats={"rows": ",", "seconds": ".1f"}),)
        return Said(f"{len(self)} fits by {self.by}", grids=grids, healthy=healthy)


def fit_many(
    formula: Any,
    data: Any,
    family: Any = "gaussian",
    *,
    responses: Sequence[str] | None = None,
    seed: int | None = None,
    executor: Executor | None = None,
    checkpoint: str | PathLike[str] | None = None,
    **options: Any,
) -> Fits:
    """Fit one model to several data sets, several formulas to one, or several responses.

    Parameters
    ----------
    formula : str, sequence of str, or mapping of str to formula
        Several are separate models, named as written or by their keys.
    data : table, sequence of tables, or mapping of str to tables
        Several are completed data sets, as of multiple imputation.
    family : str or Family
    responses : sequence of str, optional
        As a formula would have them; each takes the place of the dot in ``". ~ x + (1 | g)"``.
    seed : int, optional
        Each fit gets one of its own from it: the same call, the same numbers.
    executor : concurrent.futures.Executor, optional
        Where models are fitted, several at a time; the numbers are the same.
    checkpoint : path, optional
        A folder, such as ``"runs"``, with a checkpoint of each fit (`hierglm.fit`). The same call
        goes on from there after a crash, with the draws that it would have had, and the seed too
        where none is given: fits that are complete are read, chains that are complete are kept.
    **options
        As of `hierglm.fit`.

    Returns
    -------
    Fits
        A mapping of `Fit`, with `Fits.tidy` over all, and `Fits.pooled` of data sets.

    Raises
    ------
    SettingsError
        Not exactly one thing of which there are several; two of one name.
    CheckpointError
        The folder is of other fits, data or settings; says what differs.
    HierglmError
        What one of the fits cannot do; a note says which.

    Examples
    --------
    >>> import hierglm as hg
    >>> radon = hg.datasets.radon()
    >>> formulas = {"no slope": "log_radon ~ 1", "slope": "log_radon ~ floor_measure"}
    >>> fits = hg.fit_many(formulas, radon, seed=1)
    >>> fits.tidy("fixed")[["formula", "term"]].values.tolist()
    [['no slope', 'Intercept'], ['slope', 'Intercept'], ['slope', 'floor_measure']]
    """
    by, asked = _asked(formula, data, responses)
    if options.get("method") == "approx":
        raise SettingsError("fit_many() gives posteriors; for method='approx' call hg.fit on each")
    given, seed = seed, chosen_seed(seed, secrets.randbelow(2**31))
    files: list[Path | None] = [None] * len(asked)
    if checkpoint is not None:
        folder = open_folder(checkpoint, "fit_many", {"fits": list(asked)}, given, seed)
        seed = folder.seed
        files = [folder.file(number, ".hglm") for number in range(1, len(asked) + 1)]
    seeds = np.random.default_rng(seed).integers(2**31, size=len(asked)).tolist()
    # Fits on an executor share its processors, and one bar; others have bars of their own.
    shown = False if executor is None else options.get("progress")
    if executor is not None:
        options = {"threads": 1} | options | {"progress": False}
    # A table that all have goes to each worker once.
    shared = None if by == "data" else data
    calls = (
        (one, table if by == "data" else None, own, file)
        for (one, table), own, file in zip(asked.values(), seeds, files, strict=True)
    )
    fits: dict[str, Fit] = {}
    with unit_bar(len(asked), "fit", shown) as told:
        done = perform(partial(_fit, shared, family, options), calls, executor, "fit", told)
        for name in asked:
            try:
                fits[name] = next(done)
            except HierglmError as error:
                error.add_note(f"in the fit of {by} {name!r}")
                raise
    return Fits(fits, by)


def _fit(
    shared: Any, family: Any, options: Mapping[str, Any], call: tuple[Any, Any, int, Path | None]
) -> Fit:
    formula, table, seed, file = call
    data = shared if table is None else table
    found: Fit = fit(formula, data, family, seed=seed, checkpoint=file, **options)
    return found


def _asked(
    formula: Any, data: Any, responses: Sequence[str] | None
) -> tuple[By, dict[str, tuple[Any, Any]]]:
    """Return what differs, and formula and table of each fit by name."""
    formulas, tables = _formulas(formula), _tables(data)
    several = [
        name
        for name, found in (("formula", formulas), ("data", tables), ("responses", responses))
        if found is not None
    ]
    if len(several) != 1:
        raise SettingsError(
            "fit_many() varies one of formula, data and responses; found several in "
            f"{' and '.join(several) or 'none of them: call hg.fit'}"
        )
    if formulas is not None:
        return "formula", {name: (one, data) for name, one in formulas.items()}
    if tables is not None:
        return "data", {name: (formula, table) for name, table in tables.items()}
    if isinstance(responses, str) or not responses:
        raise SettingsError(f"responses must be a list of names, not {responses!r}")
    names = [str(name) for name in responses]
    _refuse_twice(names)
    written = {name: update_formula(formula, f"{name} ~ 1") for name in names}
    if len(set(written.values())) < len(names):
        raise SettingsError(
            "with responses= the formula has a dot in their place, as in '. ~ x'; "
            f"found {formula!r}"
        )
    return "response", {name: (one, data) for name, one in written.items()}


def _formulas(formula: Any) -> dict[str, Any] | None:
    if isinstance(formula, str):
        return None
    if isinstance(formula, Mapping):
        return {str(name): one for name, one in formula.items()}
    found = list(formula)
    if any(not isinstance(one, str) or isinstance(one, ResponsePart) for one in found):
        raise SettingsError("give models of several formulas or parts by name: {'name': [...]}")
    _refuse_twice(found)
    return {one: one for one in found}


def _tables(data: Any) -> dict[str, Any] | None:
    if isinstance(data, Mapping) and data and all(_is_table(x) for x in data.values()):
        return {str(name): table for name, table in data.items()}
    if isinstance(data, list | tuple):
        return {str(k): table for k, table in enumerate(data, start=1)}
    return None


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping | Table) or any(
        hasattr(value, name) for name in ("columns", "column_names")
    )


def _refuse_twice(names: Sequence[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SettingsError(f"fit_many() has {twice!r} twice")
