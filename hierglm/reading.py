"""Tables from files, by the ending of their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hierglm.errors import DataError, suggest

if TYPE_CHECKING:
    import pandas as pd

READERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    ".csv": ("read_csv", {}),
    ".csv.gz": ("read_csv", {}),
    ".tsv": ("read_csv", {"sep": "\t"}),
    ".parquet": ("read_parquet", {}),
    ".feather": ("read_feather", {}),
    ".dta": ("read_stata", {}),
}
"""What reads files of each ending: a function of pandas, and its options."""


@dataclass(frozen=True, slots=True)
class TableFile:
    """A table in a file, and what is made of it: what `hierglm.read_table` is asked for.

    Attributes
    ----------
    path : str or Path
    factors, levels, columns, where
        Arguments of `hierglm.read_table`.
    """

    path: str | Path
    factors: Sequence[str] = ()
    levels: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    where: str | Sequence[str] = ()


def reader_of(path: str | Path) -> tuple[str, Mapping[str, Any]]:
    """Return the function of pandas that reads a file, and its options.

    Parameters
    ----------
    path : str or Path
        It need not be there.

    Raises
    ------
    DataError
        An ending that is not known.

    Examples
    --------
    >>> reader_of("schools.parquet")
    ('read_parquet', {})
    """
    name = Path(path).name.lower()
    for ending in sorted(READERS, key=len, reverse=True):
        if name.endswith(ending):
            return READERS[ending]
    raise DataError(f"cannot read {str(path)!r}: the file types are {', '.join(READERS)}")


def read_table(path: str | Path, factors: Sequence[str] = ()) -> pd.DataFrame:
    """Return the table that a file holds.

    Parameters
    ----------
    path : str or Path
    factors : sequence of str
        Columns of numbers that are to be read as categories, in the order of the numbers.

    Raises
    ------
    DataError
        A file that is missing or cannot be read; a column that it does not have.
    """
    import pandas as pd

    function, options = reader_of(path)
    try:
        table: pd.DataFrame = getattr(pd, function)(path, **options)
    except FileNotFoundError:
        raise DataError(f"no file {str(path)!r}") from None
    except (OSError, ValueError, ImportError) as error:
        raise DataError(f"cannot read {str(path)!r}: {error}") from error
    for column in factors:
        if column not in table:
            raise DataError(
                f"factor {column!r}: no such column in {str(path)!r}"
                f"{suggest(column, map(str, table.columns))}"
            )
    return table.astype(dict.fromkeys(factors, "category"))
