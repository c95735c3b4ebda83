"""`hierglm.table`: several fits side by side, for a paper."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, TypedDict, TypeVar, Unpack, overload

from hierglm.errors import SettingsError, suggest
from hierglm.publishing.estimates import Estimate, Key, Model, estimates
from hierglm.publishing.model_table import Block, Line, ModelTable
from hierglm.publishing.statistics import STATISTICS, facts, statistics_of
from hierglm.results.approximation import Approximation
from hierglm.results.check import check
from hierglm.results.fitted import Fitted
from hierglm.results.multiple_imputation import Imputed
from hierglm.results.rows import MAIN
from hierglm.showing.numbers import fixed

Uncertainty = Literal["interval", "std_error", "none"]
Format = Literal["text", "markdown", "html", "latex"]

Name = TypeVar("Name", bound=Hashable)
_UNCERTAINTIES = ("interval", "std_error", "none")


class Options(TypedDict, total=False):
    """What `table` can be asked for."""

    effects: Sequence[str] | str
    uncertainty: Uncertainty
    beside: bool
    statistics: Sequence[str] | str
    labels: Mapping[str, str | None] | None
    conf_level: float
    hdi: bool
    exponentiate: bool
    digits: int | None
    title: str


@overload
def table(
    *fits: Model | Mapping[str, Model], format: None = None, **options: Unpack[Options]
) -> ModelTable: ...


@overload
def table(
    *fits: Model | Mapping[str, Model], format: Format, **options: Unpack[Options]
) -> str: ...


def table(
    *fits: Model | Mapping[str, Model],
    effects: Sequence[str] | str = MAIN,
    uncertainty: Uncertainty = "interval",
    beside: bool = False,
    statistics: Sequence[str] | str = (),
    labels: Mapping[str, str | None] | None = None,
    conf_level: float = 0.95,
    hdi: bool = False,
    exponentiate: bool = False,
    digits: int | None = None,
    title: str = "",
    format: Format | None = None,
) -> ModelTable | str:
    """Return a table for a paper: estimates of several fits side by side, no stars.

    Parameters
    ----------
    *fits : Fit, or one mapping of names to fits
        Columns from left to right; without names they are (1), (2), ... ``fits.pooled()`` of
        completed data sets and penalised fits (``method="approx"``) may stand among them; a note
        says which they are.
    effects : str or sequence of str
        Kinds of parameters, see `Fit.tidy`.
    uncertainty : {"interval", "std_error", "none"}
        What stands with an estimate: ``[low, high]``, or the posterior sd in brackets.
    beside : bool
        Beside the estimate instead of below it.
    statistics : str or sequence of str
        Of whole models, beside the numbers of rows and levels: "r2" (Gelman et al. 2019), "elpd",
        "looic", "waic"; they take time.
    labels : mapping of str to str or None
        Other names of terms, and of rows (``"sd(x)"``); None leaves them out.
    conf_level, hdi
        See `Fit.tidy`.
    exponentiate : bool
        Common effects as exp(b): odds ratios, rate ratios.
    digits : int, optional
        Decimals of all estimates; by default as many as each is worth (its sd to two significant
        digits).
    title : str
        The caption.
    format : {"text", "markdown", "html", "latex"}, optional
        Text of that format instead of a `ModelTable`, which prints itself, shows itself in
        notebooks, and has ``.to(format)`` and ``.save("table.tex")`` (or .docx, .html, .md, .txt).

    Returns
    -------
    ModelTable or str

    Raises
    ------
    SettingsError
        No fit, something that is none, or an argument that is not among those above.

    Examples
    --------
    >>> import hierglm as hg
    >>> schools = hg.datasets.eight_schools()
    >>> fit = hg.fit("y | se(se) ~ 1 + (1 | school)", schools, seed=1, adapt_delta=0.95)
    >>> shown = hg.table({"Schools": fit}, labels={"Intercept": "Mean effect"}, digits=0)
    >>> shown.frame()["row"].tolist()[:2]
    ['Mean effect', '']
    """
    named = _named(fits)
    if uncertainty not in _UNCERTAINTIES:
        raise SettingsError(
            f"no uncertainty {uncertainty!r}{suggest(str(uncertainty), _UNCERTAINTIES)}"
        )
    wanted = (statistics,) if isinstance(statistics, str) else tuple(statistics)
    for name in wanted:
        if name not in STATISTICS:
            raise SettingsError(f"no statistic {name!r}{suggest(str(name), STATISTICS)}")
    for name, fit in named.items():
        if wanted and not isinstance(fit, Fitted):
            raise SettingsError(
                f"statistics: {wanted[0]!r} is of fits, and {name!r} is a {type(fit).__name__}"
            )
    found = [estimates(fit, effects, conf_level, hdi, exponentiate) for fit in named.values()]
    blocks = _blocks(found, labels or {}, uncertainty, beside, digits)
    foot, remarks = _foot(named, wanted)
    intervals = f"{conf_level:.0%} {'highest density ' if hdi else ''}intervals"
    notes = (_legend(uncertainty, intervals, exponentiate), *_doubts(named), *remarks)
    out = ModelTable(tuple(named), blocks, foot, notes, title)
    return out if format is None else out.to(format)


def _named(fits: Sequence[Model | Mapping[str, Model]]) -> dict[str, Model]:
    named: dict[str, Model] = {}
    if len(fits) == 1 and isinstance(fits[0], Mapping):
        named = {str(name): fit for name, fit in fits[0].items()}
    else:
        named = {f"({k})": fit for k, fit in enumerate(fits, 1)}  # type: ignore[misc]
    if not named:
        raise SettingsError("table() needs at least one fit")
    for name, fit in named.items():
        if not isinstance(fit, Model):
            raise SettingsError(
                "table() takes fits, or one mapping of names to fits (or to pooled and penalised "
                f"ones); {name!r} is a {type(fit).__name__}"
            )
    return named


def _blocks(
    found: Sequence[Mapping[Key, Estimate]],
    labels: Mapping[str, str | None],
    uncertainty: Uncertainty,
    beside: bool,
    digits: int | None,
) -> tuple[Block, ...]:
    by_title: dict[str, list[Line]] = {}
    for key in _order(found):
        title, label = key
        cells = [one.get(key) for one in found]
        first = next(cell for cell in cells if cell is not None)
        # A row of its own name, else its terms, of which none may be left out.
        if any(labels.get(name, name) is None for name in (label, *first.terms)):
            continue
        shown = labels.get(label) or first.label(labels)
        by_title.setdefault(title, []).extend(_lines(shown, cells, uncertainty, beside, digits))
    return tuple(Block(title, tuple(lines)) for title, lines in by_title.items())


def _order(found: Sequence[Mapping[Key, Estimate]]) -> list[Key]:
    """Return all parameters block by block."""
    order = _merged(found)
    titles = list(dict.fromkeys(title for title, _ in order))
    # What all models have at the end stays there.
    titles.sort(key=lambda title: title == "Family")
    return sorted(order, key=lambda key: titles.index(key[0]))


def _merged(found: Sequence[Iterable[Name]]) -> list[Name]:
    """Return all names, those that only later models have behind what they follow there."""
    order: list[Name] = []
    for one in found:
        place = 0
        for name in one:
            if name in order:
                place = order.index(name) + 1
            else:
                order.insert(place, name)
                place += 1
    return order


def _lines(
    label: str,
    cells: Sequence[Estimate | None],
    uncertainty: Uncertainty,
    beside: bool,
    digits: int | None,
) -> Iterator[Line]:
    pairs = [("", "") if c is None else _texts(c, uncertainty, digits) for c in cells]
    if uncertainty == "none":
        yield label, tuple(value for value, _ in pairs)
    elif beside:
        yield label, tuple(f"{value} {around}".strip() for value, around in pairs)
    else:
        yield label, tuple(value for value, _ in pairs)
        yield "", tuple(around for _, around in pairs)


def _texts(cell: Estimate, uncertainty: Uncertainty, digits: int | None) -> tuple[str, str]:
    decimals = cell.decimals if digits is None else digits
    numbers = (cell.value, cell.std_error, cell.low, cell.high)
    value, error, low, high = (fixed([x], [decimals])[0].strip() for x in numbers)
    return value, f"({error})" if uncertainty == "std_error" else f"[{low}, {high}]"


def _foot(named: Mapping[str, Model], wanted: Sequence[str]) -> tuple[Block, list[str]]:
    columns = [facts(fit) for fit in named.values()]
    remarks: list[str] = []
    for (name, fit), column in zip(named.items(), columns, strict=True):
        if not isinstance(fit, Fitted):
            continue
        for statistic in wanted:
            numbers, doubts = statistics_of(fit, statistic)
            column |= numbers
            remarks += [f"{name}: {doubt}" for doubt in doubts]
    labels = _merged(columns)
    lines = [(label, tuple(column.get(label, "") for column in columns)) for label in labels]
    return Block("", tuple(lines)), remarks


def _legend(uncertainty: Uncertainty, intervals: str, exponentiate: bool) -> str:
    around = {
        "interval": f", {intervals} in brackets",
        "std_error": ", posterior standard deviations in brackets",
        "none": "",
    }[uncertainty]
    ratios = "; common effects are exponentiated" if exponentiate else ""
    return f"Posterior means{around}{ratios}."


def _doubts(named: Mapping[str, Model]) -> Iterator[str]:
    """Say of which fits the numbers are no posterior, or not to be trusted."""
    for name, fit in named.items():
        if isinstance(fit, Approximation):
            yield f"{name}: a penalised fit with normal intervals, no posterior."
        elif isinstance(fit, Imputed):
            yield f"{name}: over {len(fit.fits)} completed data sets; errors by Rubin's rules."
            for of, one in fit.fits.items():
                yield from _problems(f"{name}, data {of}", one)
        elif not fit.sampled:
            yield f"{name}: an approximation by {fit.settings.method.name}."
        else:
            yield from _problems(name, fit)


def _problems(name: str, fit: Fitted) -> Iterator[str]:
    for finding in check(fit).problems:
        yield f"{name}: {finding.what}."
