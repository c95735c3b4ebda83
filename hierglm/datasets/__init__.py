"""Real data sets that come with hierglm, as pandas data frames.

Both are from posteriordb (Magnusson, Torkar, Bürkner et al. 2024), BSD-3.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_HERE = Path(__file__).resolve().parent


def radon() -> pd.DataFrame:
    """Return radon in 919 homes of 85 counties of Minnesota (Gelman and Hill 2006).

    Columns: ``log_radon``; ``floor_measure`` (0 basement, 1 first floor); ``log_uppm``, the
    county's log uranium; ``county_idx`` (1 to 85).

    Examples
    --------
    >>> radon().shape
    (919, 4)
    """
    return _read("radon")


def eight_schools() -> pd.DataFrame:
    """Return the effects of coaching in eight schools with their errors (Rubin 1981).

    Columns: ``school``, ``y`` (estimated effect), ``se`` (its standard error).

    Examples
    --------
    >>> eight_schools().head(2)
      school   y  se
    0      A  28  15
    1      B   8  10
    """
    return _read("eight_schools")


def _read(name: str) -> pd.DataFrame:
    import pandas as pd

    return pd.read_csv(_HERE / f"{name}.csv")
