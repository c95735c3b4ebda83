"""What looking at a fit has shown, in words with the next step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from hierglm.showing import numbers
from hierglm.showing.said import Said
from hierglm.showing.shown import Shown

Severity = Literal["problem", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    Attributes
    ----------
    kind : str
        "divergences", "treedepth", "ebfmi", "rhat", "ess", "not finite", "stuck", "chains",
        "died", "separation"; of other methods than sampling "khat", "convergence".
    severity : {"problem", "warning", "note"}
        A problem makes the numbers unreliable; a warning makes them slow to come by.
    what : str
        What was found, with its number.
    advice : str
        The next step.
    remedy : mapping of str to int or float
        Settings with which ``fit.refit(...)`` takes that step, where there are such.
    """

    kind: str
    severity: Severity
    what: str
    advice: str
    remedy: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.what}. {self.advice}"


@dataclass(frozen=True, slots=True, repr=False)
class Check(Shown):
    """What looking at the chains has shown; prints itself, iterates over its findings.

    Attributes
    ----------
    findings : tuple of Finding
        Empty if all is well.
    rhat, ess : float
        Largest R-hat and smallest effective sample size (bulk or tail) seen.
    mcse : float
        Largest Monte Carlo standard error of a posterior mean seen, in posterior sds.
    looked_at, effects : int
        Effects of single levels whose chains were compared, and how many there are.
    first : str
        What is said before all, of methods other than sampling; or "".
    """

    findings: tuple[Finding, ...]
    rhat: float
    ess: float
    looked_at: int
    effects: int
    first: str = ""
    mcse: float = np.nan

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    @property
    def healthy(self) -> bool:
        """Whether there is no problem."""
        return not self.problems

    @property
    def remedy(self) -> dict[str, float]:
        """Settings that all findings together advise; ``fit.refit()`` takes them."""
        found: dict[str, float] = {}
        for finding in self:
            for name, value in finding.remedy.items():
                found[name] = max(value, found.get(name, value))
        return found

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The findings that make the numbers unreliable."""
        return tuple(f for f in self.findings if f.severity == "problem")

    def said(self) -> Said:
        """Return its sentences; see `hierglm.showing.said.Said`."""
        count = len(self.findings)
        head = "no findings" if not count else f"{count} finding{'' if count == 1 else 's'}"
        return Said(f"check: {head}", words=self._all, healthy=self.healthy)

    def __repr__(self) -> str:
        return "\n".join(self._all)

    @property
    def _all(self) -> tuple[str, ...]:
        """The lines, and how precise means are."""
        if self.first or np.isnan(self.mcse):
            return self.lines
        precise = f"Monte Carlo errors of means are at most {self.mcse:.2g} posterior sds."
        return (*self.lines, precise)

    @property
    def lines(self) -> tuple[str, ...]:
        """One sentence a finding, or one that says that all is well."""
        if self.first:
            return (self.first, *map(str, self.findings))
        scope = ""
        if self.looked_at < self.effects:
            scope = f", {self.looked_at:,} of {self.effects:,} level effects looked at"
        if not self.problems:
            rhat = "" if np.isnan(self.rhat) else f", R-hat at most {numbers.rhat(self.rhat)}"
            least = "" if np.isnan(self.ess) else f"{int(self.ess):,}"
            ess = least and f", effective sample size at least {least}"
            good = f"No divergences{rhat}{ess}{scope}."
            return (good, *map(str, self.findings))
        lines = tuple(map(str, self.findings))
        return (*lines, f"({scope[2:]})") if scope else lines
