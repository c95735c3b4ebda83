"""A bar in a notebook: one output of its own that is written over, and emptied at the end.

The kernel's display protocol needs no widgets, no scripts and no event loop of ours, and works
from any thread: Jupyter, VS Code and Colab all know it. A bar on stderr would stay in the
notebook that is saved, on a red ground.
"""

from __future__ import annotations

import sys
import time
from typing import Any

_EVERY = 0.1
"""Seconds between two pictures: more would only load the connection."""
_TELLING = 0.05
"""Share of the iterations from which on the time that is left can be told."""

_IDLE: list[tuple[int, Any]] = []
"""Outputs of bars that are done, with the numbers of their cells: the next fit of a cell takes one
over, so that twenty fits leave one gap and not twenty."""


def kernel_shell() -> Any:
    """Return IPython's shell where a kernel runs this, else None; never imports IPython."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    # Colab's, Spyder's and others' shells are kinds of this one.
    kinds = [kind.__name__ for kind in type(shell).__mro__]
    return shell if "ZMQInteractiveShell" in kinds else None


class NotebookBar:
    """Shows how far sampling is, in the cell that started it.

    Parameters
    ----------
    total : int
        Iterations of all chains.
    words : str
        What is said first.
    """

    def __init__(self, total: int, words: str) -> None:
        self._total, self._words, self._done = total, words, 0
        self._start = self._last = time.monotonic()
        self._cell = kernel_shell().execution_count
        self._handle = self._output()

    def say(self, words: str) -> None:
        """Show other words at once."""
        self._words = words
        self._show()

    def reach(self, done: int, words: str) -> None:
        """Show how many iterations are done, if there has been time to look since."""
        self._done, self._words = done, words
        if time.monotonic() - self._last >= _EVERY:
            self._show()

    def close(self) -> None:
        """Leave the output empty: the fit says what was done."""
        self._handle.update({"text/plain": "", "text/html": ""}, raw=True)
        _IDLE.append((self._cell, self._handle))

    def _output(self) -> Any:
        from IPython.display import display

        while _IDLE:
            cell, handle = _IDLE.pop()
            if cell == self._cell:
                handle.update(self._bundle(), raw=True)
                return handle
        return display(self._bundle(), raw=True, display_id=True)

    def _show(self) -> None:
        self._last = time.monotonic()
        self._handle.update(self._bundle(), raw=True)

    def _bundle(self) -> dict[str, str]:
        words, share = self._words, self._done / self._total
        if self._done:
            words += f" {share:.0%}"
        if share >= _TELLING:
            words += f", {(time.monotonic() - self._start) * (1 / share - 1):.0f} s left"
        bar = f'<progress max="{self._total}" value="{self._done}" style="width:16em"></progress>'
        return {"text/plain": words, "text/html": f'<div class="hierglm">{bar} {words}</div>'}
