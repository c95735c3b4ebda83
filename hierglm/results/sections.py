"""What a summary says, before it is set as text or as HTML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hierglm.draws.draws import Variable
from hierglm.models import Model
from hierglm.names import VARIATION, qualified
from hierglm.plan.forms import Plan
from hierglm.results.check import check
from hierglm.results.fitted import PACKAGES, Fitted
from hierglm.results.rows import NUMBERS, select, table
from hierglm.showing.numbers import ess, fixed, places, rhat
from hierglm.showing.said import Fold, Grid, Said, grid

if TYPE_CHECKING:
    import pandas as pd

Label = tuple[str, tuple[str, ...]]

LONGEST = 15
"""Rows of one table; a longer one says where to read the rest."""


@dataclass(frozen=True, slots=True)
class Section:
    """One table of a summary.

    Attributes
    ----------
    title : str
        What it is about.
    labels : tuple of (str, tuple of str)
        One a row: "sd", "cor" or "", and one or two terms.
    columns : tuple of tuple of str
        One for each of `names`: the rows' numbers as texts of one width.
    more : str
        Where to read the rows left out, or "".
    names : tuple of str
        Heads of the columns.
    """

    title: str
    labels: tuple[Label, ...]
    columns: tuple[tuple[str, ...], ...]
    more: str = ""
    names: tuple[str, ...] = NUMBERS


@dataclass(frozen=True, slots=True)
class Summary:
    """All that a summary says.

    Attributes
    ----------
    formula : str
        As the user wrote it.
    facts : tuple of str
        Data, engine and settings, plan; one line each.
    sections : tuple of Section
        The tables.
    legend : str
        What the columns are.
    healthy : bool
        Whether the diagnostics passed.
    diagnostics, notes : tuple of str
        Sentences.
    """

    formula: str
    facts: tuple[str, ...]
    sections: tuple[Section, ...]
    legend: str
    healthy: bool
    diagnostics: tuple[str, ...]
    notes: tuple[str, ...]

    def said(self, folds: tuple[Fold, ...] = ()) -> Said:
        """Return the same as pages set it, with parts to unfold."""
        return Said(
            self.formula, self.facts, tuple(map(_grid, self.sections)), self.legend,
            self.diagnostics, self.healthy, self.notes, folds, formula=True,
        )  # fmt: skip


def summarise(fitted: Fitted) -> Summary:
    """Return what the summary of a fit says.

    Parameters
    ----------
    fitted : Fitted
    """
    draws, columns = fitted.draws, _columns(fitted)
    levels = _level_counts(fitted)
    sections = [
        *_common(fitted, columns),
        *(
            _section(
                f"Effects of {group}, {count:,} {_levels(count)}",
                select(draws, VARIATION, group),
                "fit.varcorr()",
                columns,
            )
            for group, count in levels.items()
        ),
        _section("Family", select(draws, "family"), "fit.tidy('family')", columns),
    ]
    checked = check(fitted)
    return Summary(
        # A formula may run over several lines.
        formula="; ".join(" ".join(f.split()) for f in fitted.plan.model.formulas),
        facts=(_data(fitted), _sampling(fitted), f"plan {fitted.plan.line}"),
        sections=tuple(s for s in sections if s.labels),
        legend=_LEGENDS[len(columns)],
        healthy=checked.healthy,
        diagnostics=checked.lines,
        notes=fitted.notes,
    )


def _common(fitted: Fitted, columns: tuple[str, ...]) -> Iterator[Section]:
    """Yield the common effects, a section for each linear predictor."""
    for variable in select(fitted.draws, "fixed"):
        own = ".".join(name for name in (variable.response, variable.dpar) if name)
        title = f"Common effects on {own}" if own else "Common effects"
        yield _section(title, [variable], "fit.fixef()", columns, own=True)


def _level_counts(fitted: Fitted) -> dict[str, int]:
    """Return how many levels each grouping factor has: two terms of one group are one factor."""
    counts: dict[str, int] = {}
    for g in fitted.plan.model.groups:
        counts[g.group] = max(len(g.levels), counts.get(g.group, 0))
    return counts


def _columns(fitted: Fitted) -> tuple[str, ...]:
    """Return the columns that mean something: of a mode the estimates alone."""
    if fitted.sampled:
        return NUMBERS
    return NUMBERS[:4] if fitted.draws.draws > 1 else NUMBERS[:1]


_LEGENDS = {
    len(NUMBERS): "estimate, std_error: posterior mean and sd; conf_low, conf_high: 95% interval",
    4: "estimate, std_error: mean, sd; conf_low, conf_high: 95% of the approximation",
    1: "estimate: mode",
}
"""By number of columns."""


def _section(
    title: str,
    variables: Sequence[Variable],
    more: str,
    columns: tuple[str, ...],
    own: bool = False,
) -> Section:
    """Return one table; of several predictors each row says which, unless the title does."""
    frame = table(variables, sampled=columns == NUMBERS)
    if own:
        frame = frame.assign(response="", dpar="")
    ess = frame["ess_bulk"] if columns == NUMBERS else [np.inf] * len(frame)
    worth = [places(s, e) for s, e in zip(frame["std_error"], ess, strict=True)]
    return _lay_out(title, frame, worth, more, columns)


def spelled(label: Label) -> str:
    """Return the label of a row as text: ``cor(Intercept, x)``."""
    kind, terms = label
    return f"{kind}({', '.join(terms)})" if kind else terms[0]


def _grid(section: Section) -> Grid:
    labels = tuple(map(spelled, section.labels))
    numeric = (False, *(True for _ in section.names))
    columns = (labels, *section.columns)
    return Grid(("", *section.names), columns, numeric, section.title, section.more)


def approximate_section(title: str, frame: pd.DataFrame, more: str) -> Section:
    """Return the section of estimates that no draws stand behind."""
    worth = [places(s, np.inf) for s in frame["std_error"]]
    return _lay_out(title, frame, worth, more, NUMBERS[:4])


def _lay_out(
    title: str, frame: pd.DataFrame, decimals: Sequence[int], more: str, names: tuple[str, ...]
) -> Section:
    count = len(frame)
    if count > LONGEST:
        frame, decimals = frame.iloc[:LONGEST], decimals[:LONGEST]
    columns = []
    for name in names:
        values = frame[name].to_numpy(dtype=np.float64)
        if name == "rhat":
            columns.append(tuple(map(rhat, values)))
        elif name.startswith("ess"):
            columns.append(tuple(map(ess, values)))
        else:
            columns.append(tuple(fixed(values.tolist(), decimals)))
    keys = ("effect", "term", "term2", "response", "dpar")
    rows = zip(*(frame[key] for key in keys), strict=True)
    rest = f"{count - LONGEST:,} more: {more}" if count > LONGEST else ""
    return Section(title, tuple(row_label(*row) for row in rows), tuple(columns), rest, names)


def row_label(effect: str, term: str, term2: str, response: str, dpar: str) -> Label:
    """Return what a row of a table is called: its kind, where it has one, and one or two terms."""
    if response or dpar:
        term = qualified(term, response, dpar)
        term2 = qualified(term2, response, dpar) if term2 else ""
    match effect:
        case "ran_sd":
            return "sd", (term,)
        case "ran_alpha" | "ran_rho" | "ran_df":
            return effect.removeprefix("ran_"), (term,)
        case "ran_cor":
            return "cor", (term, term2) if term2 else (term,)
        case _:
            return "", (term,)


def folds(plan: Plan, stan_code: str) -> tuple[Fold, ...]:
    """Return the long parts of a model's page: priors, plan, program."""
    return (
        Fold("Priors", grid(plan.model.prior_table())),
        Fold("Plan", *plan.said().grids),
        Fold("Stan program", stan_code),
    )


def _data(fitted: Fitted) -> str:
    groups = [f"{n:,} {_levels(n)} of {name}" for name, n in _level_counts(fitted).items()]
    responses = "; ".join(map(_response, fitted.plan.model.responses))
    return ", ".join([responses, *groups])


def _response(model: Model) -> str:
    design = model.design
    before = f"{model.part.response}: " if model.part.response else ""
    text = f"{before}{repr(model.family).replace('(', ' (', 1)}, {design.rows:,} rows"
    dropped = design.total - design.rows
    return text + (f" ({dropped:,} of {design.total:,} dropped)" if dropped else "")


def _levels(count: int) -> str:
    return "level" if count == 1 else "levels"


def _sampling(fitted: Fitted) -> str:
    s = fitted.settings
    used = [f"{k} {v}" for k, v in fitted.versions.items() if k not in ("python", *PACKAGES)]
    engine = fitted.engine + (f" ({', '.join(used)})" if used else "")
    if not fitted.sampled:
        draws = "" if fitted.draws.draws == 1 else f"{fitted.draws.draws:,} draws, "
        return f"{engine}: {s.method}, {draws}seed {s.seed}, {_duration(fitted.seconds)}"
    chains = f"{s.chains} {'chain' if s.chains == 1 else 'chains'}"
    return (
        f"{engine}: {chains} x ({s.warmup:,} warmup + {s.draws:,} draws), "
        f"seed {s.seed}, {_duration(fitted.seconds)}"
    )


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
