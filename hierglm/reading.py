"""Tables from files, by the ending of their names."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hierglm.errors import DataError, clipped, suggest
from hierglm.paths import path_of

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
    name = path_of(path, "data").name.lower()
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
        A file that is missing or cannot be read; a column that it does not have, or has twice;
        codes such as 12 and 012 that would be one number.
    """
    import pandas as pd

    function, options = reader_of(path)
    try:
        table: pd.DataFrame = getattr(pd, function)(path, **options)
        if function == "read_csv":
            _refuse_twice(path, options)
            _refuse_merged(path, options, table)
    except DataError:
        raise
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


def _refuse_twice(path: str | Path, options: Mapping[str, Any]) -> None:
    """Refuse two columns of a name: pandas calls the second "x.1"."""
    import pandas as pd

    first = pd.read_csv(path, header=None, nrows=1, dtype=str, **options)
    names = [str(name) for name in first.iloc[0].dropna()]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{str(path)!r} has two columns {clipped(repr(twice))}: rename one of them")


def _refuse_merged(path: str | Path, options: Mapping[str, Any], table: pd.DataFrame) -> None:
    """Refuse columns of digits of which two are one number, and would be one level of a group."""
    import pandas as pd

    numbers = [str(name) for name in table.select_dtypes("number")]
    if not numbers or not _pads(path):
        return
    texts = pd.read_csv(path, usecols=numbers, dtype=str, **options)
    for name in numbers:
        seen: dict[str, str] = {}
        for text in sorted(texts[name].dropna().str.strip().unique()):
            if not re.fullmatch("[0-9]+", text):
                continue
            first = seen.setdefault(text.lstrip("0"), text)
            if first != text:
                raise DataError(
                    f"column {clipped(repr(name))} of {str(path)!r} has {first!r} and {text!r}, "
                    "which are one number: put a letter before them, or in Python read it by "
                    f"pandas.read_csv(..., dtype={{{clipped(repr(name))}: str}})"
                )


def _pads(path: str | Path) -> bool:
    """Tell whether a value of a text file may be a number with zeros before it."""
    opened = gzip.open if str(path).lower().endswith(".gz") else open
    with opened(path, "rb") as file:
        before = b""
        while block := file.read(2**22):
            if _PADDED.search(before + block):
                return True
            before = block[-8:]
    return False


_PADDED = re.compile(rb"[,\t\n\r\"] *0[0-9]")
