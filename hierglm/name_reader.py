"""Flat names of parameters, read from the left to the right."""

from __future__ import annotations

from typing import NoReturn

from hierglm.errors import SettingsError

_OPEN, _CLOSE = "([{", ")]}"


class NameReader:
    """A place in a flat name that moves to the right."""

    def __init__(self, text: str) -> None:
        self.text, self.place = text, 0

    @property
    def done(self) -> bool:
        """Whether nothing is left to read."""
        return self.place == len(self.text)

    def at(self, text: str) -> bool:
        """Tell whether a text starts here."""
        return self.text.startswith(text, self.place)

    def skip(self, text: str) -> None:
        """Stand behind a text that must start here."""
        if not self.at(text):
            self.fail()
        self.place += len(text)

    def until(self, stops: str) -> str:
        """Return the label that starts here, and stand behind it."""
        if self.at("`"):
            return self._quoted()
        stop = label_end(self.text, self.place, stops)
        if not self.place < stop <= len(self.text):
            self.fail()
        label, self.place = self.text[self.place : stop], stop
        return label

    def predictor(self) -> tuple[str, str]:
        """Return response and parameter, which end a name; "" where they are not there."""
        response = dpar = ""
        if not self.done:
            self.skip("@")
            response = "" if self.at(".") else self.until(".")
            if self.at("."):
                self.skip(".")
                dpar = self.until("")
        if not self.done:
            self.fail()
        return response, dpar

    def _quoted(self) -> str:
        label, self.place = "", self.place + 1
        while True:
            stop = self.text.find("`", self.place)
            if stop < 0:
                self.fail()
            label += self.text[self.place : stop]
            self.place = stop + 1
            if not self.at("`"):
                return label
            label, self.place = label + "`", self.place + 1

    def fail(self) -> NoReturn:
        """Raise `SettingsError`, which says where reading came to an end."""
        where = f" (at character {self.place + 1})" if self.place < len(self.text) else ""
        raise SettingsError(
            f"{self.text!r} is not the name of a parameter{where}; names look like b[x], "
            "sd[school:x], cor[school:Intercept,x], r[school:A,x], coef[school:A,x], sigma"
        )


def label_end(text: str, start: int, stops: str) -> int:
    """Return where a bare label ends: at a stop outside brackets, or a bracket too many.

    A label with an open bracket never ends before the text does, plus one.
    """
    depth = 0
    for i in range(start, len(text)):
        if text[i] in _OPEN:
            depth += 1
        elif text[i] in _CLOSE:
            depth -= 1
            if depth < 0:
                return i
        elif depth == 0 and text[i] in stops:
            return i
    return len(text) if depth == 0 else len(text) + 1
