"""The columns that a response depends on: what values they have, and which stand for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from hierglm.design.groups import as_integers, code, uncoded
from hierglm.design.table import Column
from hierglm.errors import SettingsError, suggest
from hierglm.formula.terms import Factor, Formula
from hierglm.models import Model

if TYPE_CHECKING:
    import pandas as pd

FEW = 20
"""A column of numbers with more values than this does not divide rows into cells."""


@dataclass(frozen=True, slots=True)
class Predictor:
    """A column that predictions read, as it was when the model was fitted.

    Attributes
    ----------
    name : str
    column : Column
        Its values in the rows of the fit.
    role : {"predictor", "group", "trials", "failures"}
        What it is for; a column that does several things has the first of these.
    coded : bool
        Whether the formula makes levels of it, as ``factor(x)`` does.
    """

    name: str
    column: Column
    role: str
    coded: bool = False

    @property
    def numeric(self) -> bool:
        """Whether it is a quantity, and not a division into levels."""
        return self.column.kind == "number" and not self.coded and self.role != "group"

    @property
    def levels(self) -> tuple[Any, ...]:
        """Its values in order: levels as declared, numbers ascending."""
        return tuple(code(self.name, self.column).levels.tolist())

    @property
    def discrete(self) -> bool:
        """Whether a reference grid has all its values: levels, or two numbers at most."""
        return not self.numeric or len(np.unique(self.column.values)) <= 2

    @property
    def mean(self) -> float:
        """The mean of a quantity over the rows of the fit."""
        return float(self.column.values.mean())

    @property
    def spread(self) -> float:
        """The standard deviation of a quantity over the rows of the fit."""
        values = self.column.values
        return float(values.std(ddof=1)) if len(values) > 1 else 0.0

    def reference(self) -> tuple[Any, ...]:
        """Return the values at which a reference grid has it."""
        if self.role in ("trials", "failures"):
            return (float(self.role == "trials"),)
        return self.levels if self.discrete else (self.mean,)

    def divisions(self) -> tuple[Any, ...]:
        """Return some values that show how something else depends on it."""
        if self.discrete:
            return self.levels
        return (self.mean - self.spread, self.mean, self.mean + self.spread)

    def checked(self, values: Any) -> tuple[Any, ...]:
        """Return the values that someone gave for the column, as a sequence.

        Raises
        ------
        SettingsError
            None, or one that the column cannot have.
        """
        if isinstance(values, str) or np.ndim(values) == 0:
            values = (values,)
        given = tuple(v.item() if isinstance(v, np.generic) else v for v in values)
        if not given:
            raise SettingsError(f"no values for {self.name!r}")
        if self.numeric:
            for value in given:
                number = isinstance(value, int | float) and not isinstance(value, bool)
                # Whole numbers may be too large for floats, and even to be shown.
                if number and (abs(value) >= 2**1023 or not isfinite(value)):
                    raise SettingsError(f"{self.name!r} cannot be infinite, nor that large")
                if not number:
                    raise SettingsError(f"{self.name!r} holds numbers, and cannot be {value!r}")
        elif self.role != "group":
            levels = self.levels
            for value in given:
                if value not in levels:
                    raise SettingsError(
                        f"{self.name!r} has no level {value!r}{suggest(str(value), levels)}"
                    )
        return given

    def series(self, values: Sequence[Any]) -> Any:
        """Return values of the column as pandas has them, levels in their order."""
        import pandas as pd

        if self.column.kind == "boolean":
            return np.asarray(values, dtype=bool)
        if self.numeric:
            numbers = np.asarray(values, dtype=np.float64)
            return as_integers(numbers) if self.column.whole else numbers
        if self.column.kind != "category":
            return np.asarray(values)
        return pd.Categorical(list(values), categories=list(dict.fromkeys([*self.levels, *values])))


def predictors_of(model: Model, response: Model) -> dict[str, Predictor]:
    """Return the columns that predictions of a response may read, in the order written.

    Parameters
    ----------
    model, response : Model
        The whole, and the response of it.
    """
    found: dict[str, Predictor] = {}
    for m in model.predictors(response):
        roles = _roles(m.design.formula)
        coded = _coded(m.design.formula)
        for name, role in roles.items():
            old = found.get(name)
            if old is None or (old.role != "predictor" and role == "predictor"):
                column = m.design.table.column(name)
                found[name] = Predictor(name, column, role, name in coded)
    return found


def known(name: object, predictors: Mapping[str, Predictor]) -> Predictor:
    """Return a column by its name.

    Raises
    ------
    SettingsError
        If predictions do not depend on it.
    """
    if not isinstance(name, str) or name not in predictors:
        raise SettingsError(
            f"the model does not depend on a column {name!r}{suggest(str(name), predictors)}"
        )
    return predictors[name]


def names_of(names: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return one name, several or none as a sequence."""
    if names is None:
        return ()
    if isinstance(names, str):
        return (names,)
    if not isinstance(names, Iterable):
        raise SettingsError(f"columns are told by their names, not by {names!r}")
    return tuple(names)


def values_at(at: object) -> dict[str, Any]:
    """Return the values of columns that someone gave as ``at=``.

    Raises
    ------
    SettingsError
        What is no mapping.
    """
    if at is None:
        return {}
    if not isinstance(at, Mapping):
        raise SettingsError(f"at= has values by column, such as at={{'x': [0, 1]}}, not {at!r}")
    return dict(at)


def fitted_rows(predictors: Mapping[str, Predictor], rows: Any) -> pd.DataFrame:
    """Return the rows of the fit, of which only what predictions read.

    Parameters
    ----------
    predictors : mapping of str to Predictor
    rows : ndarray of int
        Their positions in the caller's table, for the index.
    """
    import pandas as pd

    columns: dict[str, Any] = {}
    for name, p in predictors.items():
        column = p.column
        if column.kind == "category" and column.levels is not None:
            kept = pd.CategoricalDtype(list(column.levels))
            columns[name] = pd.Categorical.from_codes(column.values, dtype=kept)
        else:
            values = as_integers(column.values) if column.whole else column.values
            columns[name] = values.astype(bool) if column.kind == "boolean" else values
    return pd.DataFrame(columns, index=rows)


def _roles(formula: Formula) -> dict[str, str]:
    """Return what each column of a formula is for; the response is for nothing here."""
    r = formula.response
    predictors = [n for t in formula.common for n in t.names]
    predictors += [n for f in formula.offsets for n in f.names]
    predictors += [n for g in formula.groups for n in g.unplaced_names]
    groups = [n for g in formula.groups for n in g.names]
    counted = (r.value, r.failures) if r.failures is not None else (r.trials,)
    trials = [n for f in counted if f is not None for n in f.names]
    # One trial: of cbind(y, n - y) with n = 1 and y = 1, of cbind(y, m) with m = 0.
    plain = r.failures is not None and r.failures.kind == "name"
    failures = [n for n in trials if plain and r.failures is not None and n in r.failures.names]
    errors = list(r.se.names) if r.se is not None else []
    every = {"predictor": predictors + errors, "group": groups, "failures": failures,
             "trials": trials}  # fmt: skip
    roles: dict[str, str] = {}
    for role, names in every.items():
        for name in names:
            roles.setdefault(name, role)
    return {name: roles[name] for name in formula.names if name in roles}


def _coded(formula: Formula) -> set[str]:
    """Return the columns that a formula makes levels of, whatever they hold."""
    terms = [*formula.common, *(t for g in formula.groups for t in g.effects)]
    factors: list[Factor] = [f for t in terms for f in t.factors if f.kind == "call"]
    return {f.names[0] for f in factors if uncoded(f) != f and uncoded(f).kind == "name"}
