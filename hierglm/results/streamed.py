"""Effects of many levels, written to a file part by part: no more is held than one part."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from hierglm.draws.draws import Variable
from hierglm.errors import FileError, SettingsError
from hierglm.paths import path_of
from hierglm.results.effects import coef, known_group, ranef
from hierglm.results.fitted import Fitted
from hierglm.results.rows import select, table
from hierglm.writing import replacing

if TYPE_CHECKING:
    import pandas as pd

_ROWS = 2**16
"""Most levels of one part: a row group of Parquet."""
_NUMBERS = 2**24
"""Most draws of one part (128 MB)."""


class Writer(Protocol):
    """Appends rows to a file that is open."""

    def __call__(self, rows: pd.DataFrame) -> None:
        """Write the next rows, of the columns of the first."""


def effects(
    fitted: Fitted,
    effect: str,
    group: str | None,
    conf_level: float,
    hdi: bool,
    out: str | Path | None,
    draws: bool,
) -> pd.DataFrame | Path:
    """Return the table of effects of levels, or the path of the file that it was written to.

    The arguments are those of `stream`; without `out` the table is in memory.

    Raises
    ------
    SettingsError
        For a group that is not in the model; draws without a file.
    """
    known_group(fitted, group)
    if out is not None:
        return stream(fitted, effect, out, group, conf_level, hdi, draws)
    if draws:
        raise SettingsError(
            "draws=True is for a file, out='effects.parquet'; draws in memory are in fit.posterior"
        )
    return (ranef if effect == "ran_vals" else coef)(fitted, group, conf_level, hdi)


def stream(
    fitted: Fitted,
    effect: str,
    out: str | Path,
    group: str | None = None,
    conf_level: float = 0.95,
    hdi: bool = False,
    draws: bool = False,
) -> Path:
    """Write the table of the effects or coefficients of levels, one part of the levels at a time.

    Effects that were integrated out are drawn as they are written, and not kept: a million
    levels take the memory of some thousands. The numbers are those of the table in memory.

    Parameters
    ----------
    fitted : Fitted
    effect : {"ran_vals", "ran_coefs"}
        Deviations of levels, or their own coefficients.
    out : str or Path
        Ends in ``.parquet`` (a row group for each part) or ``.csv``. What is there is replaced
        once all is written.
    group : str, optional
        Only this grouping factor's. Of several whose levels are of different types, these are
        written as text.
    conf_level, hdi
        See `hierglm.results.tidy.tidy`.
    draws : bool
        A column "draws" at the end: a list of all draws of the parameter, chains one behind
        the other; Parquet only. The file's metadata have their numbers, ``hierglm.chains`` and
        ``hierglm.draws``.

    Returns
    -------
    Path
        Of the file. Rows are in the order of the table in memory, but for levels within levels
        (``a/b``), whose rows are beside those of what they are in.

    Raises
    ------
    FileError
        An ending that is not among these, a path that cannot be written, pyarrow missing.
    SettingsError
        Draws in a file that cannot have lists; a model without effects of levels.

    Examples
    --------
    >>> import hierglm as hg, pandas as pd, tempfile
    >>> fit = hg.fit("log_radon ~ 1 + (1 | county_idx)", hg.datasets.radon(), chains=1,
    ...              draws=50, seed=1, progress=False)
    >>> file = fit.ranef(out=f"{tempfile.mkdtemp()}/effects.csv")
    >>> pd.read_csv(file)["estimate"].equals(fit.ranef()["estimate"])
    True
    """
    file = path_of(out, "out")
    ending = file.suffix.lower()
    if ending not in _OPEN:
        raise FileError(f"cannot write {str(out)!r}: out= ends in one of {', '.join(_OPEN)}")
    if draws and ending != ".parquet":
        raise SettingsError(
            f"draws=True writes a list in each row, which {ending} does not have: "
            "out='effects.parquet'"
        )
    variables = select(fitted.draws, effect, group)
    if not variables:
        raise SettingsError("out=: the model has no effects of levels to write")
    same = _one_type(variables)
    sizes = {"chains": fitted.draws.chains, "draws": fitted.draws.draws}
    with replacing(out) as beside, _OPEN[ending](beside, sizes if draws else {}) as write:
        for part in _parts(variables):
            rows = table([part], conf_level, hdi, fitted.sampled)
            if not same:
                rows["level"] = rows["level"].astype(str)
            if draws:
                flat = part.values.reshape(-1, len(rows)).T
                rows["draws"] = list(np.ascontiguousarray(flat))
            write(rows)
    return file


def _parts(variables: list[Variable]) -> Iterator[Variable]:
    """Yield variables of some of the levels each, which together are all."""
    for v in variables:
        (group, levels), terms = v.dims
        for at, values in v.parts():
            size = values.shape[0] * values.shape[1] * values.shape[3]
            step = max(1, min(_ROWS, _NUMBERS // size))
            for low in range(0, len(at), step):
                own = [levels[i] for i in at[low : low + step]]
                yield Variable(
                    v.name, v.effect, v.group, values[:, :, low : low + step],
                    ((group, own), terms), v.response, v.dpar, v.term,
                )  # fmt: skip


def _one_type(variables: list[Variable]) -> bool:
    """Tell whether levels of all groups have one type; a column of a file has one."""
    kinds = {np.asarray(v.dims[0][1]).dtype.kind for v in variables}
    return len(kinds - {"O", "U"}) + bool(kinds & {"O", "U"}) == 1


@contextmanager
def _csv(path: Path, sizes: dict[str, int]) -> Iterator[Writer]:
    with path.open("w", encoding="utf-8", newline="") as file:
        yield lambda rows: rows.to_csv(file, index=False, header=file.tell() == 0)


@contextmanager
def _parquet(path: Path, sizes: dict[str, int]) -> Iterator[Writer]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise FileError("a .parquet file needs pyarrow: pip install pyarrow") from None
    made: list[Any] = []

    def write(rows: pd.DataFrame) -> None:
        if not made:
            schema = pa.Schema.from_pandas(rows, preserve_index=False)
            sizes_text = {f"hierglm.{name}": str(size) for name, size in sizes.items()}
            schema = schema.with_metadata({**(schema.metadata or {}), **sizes_text})
            made.append(pq.ParquetWriter(path, schema))
        made[0].write_table(pa.Table.from_pandas(rows, made[0].schema, preserve_index=False))

    try:
        yield write
    finally:
        for writer in made:
            writer.close()


_OPEN = {".parquet": _parquet, ".csv": _csv}
