"""How wide text is in a terminal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hierglm.showing.width import left, printable, shorten, width

JOINERS = {"\u200c", "\u200d"}


@given(st.text(), st.integers(1, 30))
def test_shortened_text_fits(label: str, room: int) -> None:
    shown = printable(label)
    assert all(c.isprintable() or c in JOINERS for c in shown)
    assert width(shorten(shown, room)) <= room
    assert width(left(shown, room)) == room
    if width(shown) <= room:
        assert shorten(shown, room) == shown


def test_words_that_need_joiners_stay_whole_and_overrides_of_direction_do_not() -> None:
    family, persian = "👨\u200d👩\u200d👧", "می\u200cخواهم"
    assert (printable(family), printable(persian)) == (family, persian)
    assert printable("a\u202eb\x1b[31m\n") == "a\\u202eb\\x1b[31m\\n"
