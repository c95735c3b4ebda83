"""Text that LaTeX sets as it is."""

from __future__ import annotations

from collections.abc import Mapping

_ESCAPED: Mapping[str, str] = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "%": r"\%", "#": r"\#",
    "&": r"\&", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    # Where a reader of Markdown knows no mathematics, these would be markup.
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "`": r"\textasciigrave{}",
}  # fmt: skip


def escape_latex(text: str) -> str:
    r"""Return a text as LaTeX sets it, inside ``\text`` or outside of mathematics.

    Examples
    --------
    >>> escape_latex("50%_of")
    '50\\%\\_of'
    """
    return "".join(_ESCAPED.get(c, c) for c in text)
