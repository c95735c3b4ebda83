"""What objects that print themselves have in common."""

from __future__ import annotations

from typing import Any

from hierglm.showing.said import Said


class Shown:
    """An object that says what it is: as text, and in notebooks as HTML and Markdown.

    One method, `said`, says it; how it is set does not depend on what it is.
    """

    __slots__ = ()

    def said(self) -> Said:
        """Return what is shown, as sentences and tables of texts: `hierglm.showing.said.Said`."""
        raise NotImplementedError

    def __repr__(self) -> str:
        from hierglm.showing.text import set_text

        return set_text(self.said())

    def __str__(self) -> str:
        return repr(self)

    def _repr_html_(self) -> str:
        from hierglm.showing.html import set_html

        return set_html(self.said())

    def _repr_markdown_(self) -> str:
        from hierglm.showing.markdown import set_markdown

        return set_markdown(self.said())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        # Both at once: what is said may take a second of diagnostics.
        return pages(self.said())


def pages(said: Said) -> dict[str, str]:
    """Return what an object says in the formats that notebooks choose from, by media type."""
    from hierglm.showing.html import set_html
    from hierglm.showing.markdown import set_markdown

    return {"text/html": set_html(said), "text/markdown": set_markdown(said)}
