"""Several fits of the same data, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hierglm.comparing.elpd import Elpd, standard_error
from hierglm.comparing.loo import loo
from hierglm.comparing.stacking import stacking_weights
from hierglm.errors import DataError, SettingsError
from hierglm.results.fitted import Fitted
from hierglm.showing.said import Said, grid
from hierglm.showing.shown import Shown

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

SMALL = 4.0
"""A difference in elpd below which its standard error says little, and which matters little
(Sivula, Magnusson, Matamoros and Vehtari 2025)."""
_FEW = 100
"""Units below which the standard error of a difference is too small (the same)."""


@dataclass(frozen=True, slots=True, repr=False)
class Comparison(Shown):
    """Fits in the order of their expected log predictive density; print it.

    Made by `hierglm.compare`.

    Attributes
    ----------
    table : DataFrame
        One row a model, the best first: model, elpd_diff (to the best), se_diff, elpd, se,
        p, weight (stacking), high_k (units that were too hard to leave out).
    elpds : mapping of str to Elpd
        What is compared, by model, in the same order.
    fits : mapping of str to Fitted
        The models, where they were given as fits.
    """

    table: pd.DataFrame
    elpds: Mapping[str, Elpd]
    fits: Mapping[str, Fitted] = field(default_factory=dict)

    def plot(self) -> Figure:
        """Return the differences to the best model with their standard errors as a picture."""
        from hierglm.plots.comparison import comparison

        return comparison(self.table)

    def report(
        self,
        path: str | Path,
        title: str = "",
        question: str = "",
        data: Mapping[str, Any] | None = None,
    ) -> Path:
        """Write a report on all models to one file, and return its path.

        How they predict, their diagnostics, each model in mathematics, estimates side by side,
        sentences for a paper with their sources, and the code. See `Fit.report`.

        Parameters
        ----------
        path : str or Path
            Ends in ``.html``, ``.md`` or ``.pdf``.
        title : str
        question : str
            What the comparison is to answer.
        data : mapping of str to path, optional
            By the name of a model, where the script that makes it again reads its data; see
            `Fit.reproduce`.

        Raises
        ------
        SettingsError, FileError
            Another ending; a file that cannot be written.
        """
        from hierglm.reporting.comparison import comparison_report

        return comparison_report(self, path, title, question, data)

    @property
    def lines(self) -> tuple[str, ...]:
        """What the table says, in words."""
        out = []
        best = self.table["model"].iloc[0]
        columns = (self.table[name].tolist()[1:] for name in ("model", "elpd_diff", "se_diff"))
        for name, gap, error in zip(*columns, strict=True):
            out.append(f"{name}: {_difference(-gap, error, best)}")
        first = next(iter(self.elpds.values()))
        if 1 < len(first.units) < _FEW and len(self.table) > 1:
            out.append(
                f"With {len(first.units)} {first.units.noun} the standard errors are likely too "
                f"small (fewer than {_FEW})."
            )
        for name, found in self.elpds.items():
            out += [f"{name}: {finding}" for finding in found.check()]
        return tuple(out)

    def said(self) -> Said:
        """Return the table and what it says; see `hierglm.showing.said.Said`."""
        formats = dict.fromkeys(("elpd_diff", "se_diff", "elpd", "se", "p"), ".1f")
        shown = grid(self.table, formats=formats | {"weight": ".2f"})
        first = next(iter(self.elpds.values()))
        head = f"{first.method} of {len(first.units):,} {first.units.noun}, the best model first"
        healthy = all(found.healthy for found in self.elpds.values())
        return Said(head, grids=(shown,), words=self.lines, healthy=healthy)


def compare(
    *models: Fitted | Elpd | Mapping[str, Fitted | Elpd], unit: str | None = None
) -> Comparison:
    """Return fits of the same data in the order of how well they predict what they do not know.

    Parameters
    ----------
    *models : Fit, Elpd, or one mapping of names to these
        At least two. Fits are compared by `Fit.loo`; ``a.kfold(10)`` and the like as they are.
    unit : str, optional
        What is left out of fits: a grouping factor or column; rows by default.

    Returns
    -------
    Comparison
        ``.table`` has elpd_diff, se_diff, and stacking weights; print it.

    Raises
    ------
    DataError
        Fits of different data.
    SettingsError
        Fewer than two models; different ways of leaving units out.

    Examples
    --------
    >>> import hierglm as hg
    >>> schools = hg.datasets.eight_schools()
    >>> one = hg.fit("y | se(se) ~ 1", schools, seed=1)
    >>> two = hg.fit("y | se(se) ~ 1 + (1 | school)", schools, seed=1, adapt_delta=0.95)
    >>> hg.compare({"pooled": one, "partly": two}).table["model"].tolist()
    ['pooled', 'partly']
    """
    import pandas as pd

    named = _named(models)
    found = {name: one if isinstance(one, Elpd) else loo(one, unit) for name, one in named.items()}
    if unit is not None and any(isinstance(one, Elpd) for one in named.values()):
        raise SettingsError(
            f"unit={unit!r} is for fits; what is compared here has been left out already"
        )
    _refuse_different(found)
    order = sorted(found, key=lambda name: -found[name].elpd)
    pointwise = np.column_stack([found[name].elpd_i for name in order])
    gaps = pointwise - pointwise[:, :1]
    errors = [0.0, *(standard_error(gap) for gap in gaps.T[1:])]
    table = pd.DataFrame(
        {
            "model": order,
            "elpd_diff": gaps.sum(axis=0),
            "se_diff": errors,
            "elpd": [found[name].elpd for name in order],
            "se": [found[name].se for name in order],
            "p": [found[name].p for name in order],
            "weight": stacking_weights(pointwise),
            "high_k": [int(found[name].high.sum()) for name in order],
        }
    )
    fits = {name: one for name in order if isinstance(one := named[name], Fitted)}
    return Comparison(table, {name: found[name] for name in order}, fits)


def _named(
    models: tuple[Fitted | Elpd | Mapping[str, Fitted | Elpd], ...],
) -> dict[str, Fitted | Elpd]:
    if len(models) == 1 and isinstance(models[0], Mapping):
        named = {str(name): one for name, one in models[0].items()}
    else:
        named = {}
        for one in models:
            name = _name(one)
            number = 1 + sum(other == name or other.startswith(f"{name} #") for other in named)
            named[name if number == 1 else f"{name} #{number}"] = one  # type: ignore[assignment]
    for name, one in named.items():
        if not isinstance(one, Fitted | Elpd):
            raise SettingsError(
                "compare() takes fits, what their loo(), waic() or kfold() gave, or one mapping "
                f"of names to these; {name!r} is a {type(one).__name__}"
            )
    if len(named) < 2:
        raise SettingsError(f"compare() needs at least two models, not {len(named)}")
    return named


def _name(one: object) -> str:
    if isinstance(one, Elpd):
        return one.model
    return "; ".join(one.plan.model.formulas) if isinstance(one, Fitted) else repr(one)


def _refuse_different(found: Mapping[str, Elpd]) -> None:
    first, *others = found
    one = found[first]
    for name in others:
        two = found[name]
        if one.method != two.method:
            raise SettingsError(
                f"{first!r} has {one.method}, {name!r} {two.method}; compare the same of all"
            )
        if one.units.name != two.units.name:
            raise SettingsError(
                f"{first!r} leaves out {one.units.name!r}, {name!r} {two.units.name!r}; "
                "compare the same units of all"
            )
        if len(one.units) != len(two.units):
            raise DataError(
                f"{first!r} has {len(one.units):,} {one.units.noun}, {name!r} {len(two.units):,}; "
                "fit all to the same rows (leave out those where any model's columns are missing)"
            )
        if one.data != two.data or list(one.units.labels) != list(two.units.labels):
            raise DataError(
                f"{first!r} and {name!r} have different responses (values, trials, weights or "
                "their order), so that their densities cannot be compared; fit both to the same "
                "response, untransformed: log(y) with family='lognormal'"
            )
        if one.folds is not None and not np.array_equal(one.folds, two.folds):  # type: ignore[arg-type]
            raise SettingsError(
                f"{first!r} and {name!r} have different folds; give kfold() the same seed"
            )


def _difference(gap: float, error: float, best: str) -> str:
    size = f"{gap:.1f} below {best} (standard error {error:.1f})"
    if gap < SMALL:
        return f"{size}, a small difference: take either."
    if gap < 2 * error:
        return f"{size}, less than two standard errors: the data do not decide."
    return f"{size}: predicts worse."
