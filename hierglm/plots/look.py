"""One look for all pictures: sizes for a page, colours that everyone can tell apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hierglm.showing.width import ELLIPSIS, printable, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hierglm.plots.picture import Picture

PAGE = 7.0
"""Width in inches of a picture that fills a page between its margins."""
TALLEST = 60.0
"""Height in inches beyond which nobody scrolls."""

CHAINS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
"""Okabe and Ito (2008): distinct with any kind of colour vision."""
INK, ACCENT, TROUBLE, QUIET = "#222222", "#0072B2", "#D55E00", "#888888"

_LOOK: dict[Any, Any] = {
    "figure.facecolor": "white",
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.6,
    "lines.solid_capstyle": "butt",
    "axes.formatter.useoffset": False,
    "axes.unicode_minus": True,
    "text.usetex": False,
}

# Letters that matplotlib's own font lacks, where the machine has one of these.
_FALLBACKS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC", "PingFang SC",
    "Hiragino Sans", "Microsoft YaHei", "Arial Unicode MS", "Noto Sans Arabic", "Noto Emoji",
)  # fmt: skip


@contextmanager
def look() -> Iterator[None]:
    """Apply the look inside a ``with`` statement, and take it back afterwards."""
    import matplotlib as mpl
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    fonts = ["DejaVu Sans", *(name for name in _FALLBACKS if name in installed)]
    # Over matplotlib's defaults, so that a picture does not depend on who asks for it.
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update({**_LOOK, "font.family": fonts})
        yield


def picture(width: float, height: float) -> Picture:
    """Return an empty figure of a size in inches; its parts make room for each other."""
    from hierglm.plots.picture import Picture

    return Picture(figsize=(width, min(height, TALLEST)), layout="constrained")


def safe(label: object, room: int = 26) -> str:
    """Return a label of one line, shortened in its middle."""
    return shorten(printable(label), room)


def distinct(labels: Sequence[str], room: int = 26) -> list[str]:
    """Return labels shortened so that those that differ still do.

    Where the middle is what tells them apart (the level of ``r[county:7,floor]``), what they
    begin with in common is left out instead.

    Examples
    --------
    >>> distinct(["r[county:7,floor_measure]", "r[county:85,floor_measure]", "sigma"], 18)
    ['…7,floor_measure]', '…85,floor_measure]', 'sigma']
    """
    short = [safe(label, room) for label in labels]
    alike: dict[str, set[str]] = {}
    for label, text in zip(labels, short, strict=True):
        alike.setdefault(text, set()).add(label)
    clashing = sorted({label for some in alike.values() if len(some) > 1 for label in some})
    if not clashing:
        return short
    first, last = clashing[0], clashing[-1]
    differing = (k for k, (a, b) in enumerate(zip(first, last, strict=False)) if a != b)
    same = next(differing, len(first))
    whole = [
        ELLIPSIS + printable(label[same:]) if label.startswith(first[:same]) else text
        for label, text in zip(labels, short, strict=True)
    ]
    cut = [shorten(text, room) for text in whole]
    return cut if len(set(cut)) == len(set(labels)) else whole


def title(axes: Axes, text: str, room: int = 60) -> None:
    """Set a title as it is: a ``$`` in someone's label does not start mathematics."""
    axes.set_title(safe(text, room), parse_math=False)


def name_rows(axes: Axes, labels: list[str], size: float | None = None, room: int = 26) -> None:
    """Put labels at 0, 1, 2, ... of the vertical axis, the first on top."""
    font: dict[str, Any] = {} if size is None else {"fontsize": size}
    texts = distinct(labels, room)
    axes.set_yticks(range(len(labels)), labels=texts, parse_math=False, **font)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
