"""Every error that hierglm raises on purpose, in one tree.

::

    HierglmError
    |-- FormulaError        the text of a formula; carries a caret into it
    |   `-- HypothesisError     that of a hypothesis
    |-- DataError           the table: a missing column, a wrong type, no rows left
    |   `-- ResponseError   the response is outside its family's support
    |-- PriorError          a prior's name, kind or numbers
    |-- SettingsError       an argument of fit(), model() or Settings
    |-- EngineError         Stan could not do what was asked
    |   |-- EngineMissing   an engine that is not installed, and how to get it
    |   |-- CompileError    a program that does not compile; names the term at fault
    |   |-- SamplingError   a chain that could not start or did not finish
    |   `-- WorkerError     workers of an executor that died again and again
    |-- AnalysisError       an analysis file; names the key
    `-- FileError           a saved fit that cannot be written or read
        `-- CheckpointError     a file that holds another run than the one to go on with

Each message says where, what was found, and what would do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

_LONGEST_NAME = 200
_LONGEST_LINE = 160
"""Characters of a name, and of the line with the caret, that a message shows."""
_LONGEST_MESSAGE, _END = 2_900, 900
"""Characters of a message, and of its end where the middle is left out."""


class HierglmError(Exception):
    """Base of all of hierglm's own errors; catch this one to catch them all.

    Of a message that is very long, as labels in it may be, the middle is left out.

    Examples
    --------
    >>> len(str(HierglmError(f"no column {'x' * 10_000!r}; there are 'y', 'z'")))
    2903
    """

    def __str__(self) -> str:
        text = super().__str__()
        if len(text) <= _LONGEST_MESSAGE:
            return text
        return f"{text[: _LONGEST_MESSAGE - _END]}...{text[-_END:]}"


class FormulaError(HierglmError):
    """The formula cannot be read; the message points into its text.

    Parameters
    ----------
    message : str
        What was found and what would do.
    source : str
        The whole formula, as the user wrote it.
    start, end : int, optional
        Half-open range of the offending characters in `source`.

    Examples
    --------
    >>> print(FormulaError("a side of '|' is empty", "y ~ (x | )", 7, 8))
    a side of '|' is empty
      y ~ (x | )
             ^
    """

    def __init__(
        self, message: str, source: str, start: int | None = None, end: int | None = None
    ) -> None:
        self.message, self.source, self.start, self.end = message, source, start, end
        super().__init__(message + _caret(source, start, end))

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.message, self.source, self.start, self.end)


class HypothesisError(FormulaError):
    """A hypothesis that cannot be read, or names no parameter; the message points into it."""


class DataError(HierglmError):
    """The table does not hold what the formula asks for."""


class ResponseError(DataError):
    """The response lies outside the support of its family."""


class PriorError(HierglmError):
    """A prior that matches no parameter, or that cannot stand for it."""


class SettingsError(HierglmError):
    """An argument outside its range; says which and what it got."""


class AnalysisError(HierglmError):
    """An analysis file that cannot be run; names the key at fault.

    Parameters
    ----------
    key : str
        Where in the file, such as ``"models.counties.family"``; "" for the file as a whole.
    message : str
        What was found and what would do.

    Examples
    --------
    >>> print(AnalysisError("models.a.famly", "no such key; did you mean 'family'?"))
    models.a.famly: no such key; did you mean 'family'?
    """

    def __init__(self, key: str, message: str) -> None:
        self.key, self.message = key, message
        super().__init__(f"{key}: {message}" if key else message)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.key, self.message)


class EngineError(HierglmError):
    """Stan could not do what was asked."""


class EngineMissing(EngineError):
    """An engine that is not installed here; says how to get it."""


class CompileError(EngineError):
    """A program that Stan's compiler refuses; names the term that wrote the line."""


class SamplingError(EngineError):
    """A chain could not start, died, or was stopped."""


class WorkerError(EngineError):
    """Workers of an executor died, more often than work is begun again; names the unit."""


class FileError(HierglmError):
    """A saved fit that cannot be written or read."""


class CheckpointError(FileError):
    """A checkpoint of another run: another model, other data or settings; says what differs."""


def suggest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"``, or a list of what there is, for a name not found.

    Examples
    --------
    >>> suggest("scool", ["school", "x"])
    "; did you mean 'school'?"
    >>> suggest("q", ["school", "x"])
    "; there are 'school', 'x'"
    """
    names = [str(k) for k in known]
    # Comparing takes a time that grows with both lengths.
    short = [n for n in names if len(n) <= _LONGEST_NAME] if len(name) <= _LONGEST_NAME else []
    close = get_close_matches(name, short, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    if not names:
        return "; there are none"
    return f"; there are {first_of([clipped(repr(n)) for n in names], 12)}"


def first_of(names: Sequence[str], most: int) -> str:
    """Return names for a message: of many, the first, and how many more there are.

    Examples
    --------
    >>> first_of(["a", "b", "c", "d"], 2)
    'a, b and 2 more'
    """
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def clipped(text: str) -> str:
    """Return a text for a message: of a long one, its beginning.

    Examples
    --------
    >>> clipped("x" * 1000)[-5:]
    'xx...'
    """
    return text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 3] + "..."


def _plain(text: str) -> str:
    """Return text with blanks for what a terminal would obey, in as many characters."""
    return "".join(c if c.isprintable() else " " for c in text)


def _caret(source: str, start: int | None, end: int | None) -> str:
    if start is None:
        return f"\n  {_plain(clipped(source))}"
    stop = max(end if end is not None else start + 1, start + 1)
    # The formula may run over several lines: show the one that holds the start.
    first = source.rfind("\n", 0, start) + 1
    last = source.find("\n", start)
    last = len(source) if last < 0 else last
    # Of a long line, what is around the start.
    left = max(first, start - _LONGEST_LINE // 2)
    right = min(last, left + _LONGEST_LINE)
    line = _plain(source[left:right])
    before, after = "... " if left > first else "", " ..." if right < last else ""
    carets = "^" * (min(stop, max(right, start + 1)) - start)
    return f"\n  {before}{line}{after}\n  {' ' * (start - left + len(before))}{carets}"
