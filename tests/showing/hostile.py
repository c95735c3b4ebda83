"""Labels that a page must show as they are, and what is left of a page without its words."""

from __future__ import annotations

from html.parser import HTMLParser

LABELS = {
    "script": "<script>alert('1')</script>",
    "quotes": "\"'`&quot;",
    "entity": "&lt;b&gt;&#60;",
    "emoji": "👨\u200d👩\u200d👧 🙂",
    "right to left": "مدرسة الشمال",
    "override": "a\u202eb",
    "newline": "a\nb\r\tc",
    "escape": "\x1b[31mred",
    "attribute": '" onclick="x" style="display:none',
    "comment": "<!-- --> ]]> </td></table>",
    "pipes": "a|b \\| *c* _d_ [e](f) $x$ ~~g~~ # h",
    "tex": r"100% & x_1 \input{/etc/passwd} {} ~ ^ #",
}


class Page(HTMLParser):
    """A page taken apart: its tags with their attributes, and its words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.structure: list[object] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.structure.append((tag, attrs))
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.structure.append(tag)
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")
