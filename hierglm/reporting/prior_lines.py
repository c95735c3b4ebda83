"""Priors with their numbers, as lines of mathematics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from hierglm.covariances import covariance_of, sd_terms
from hierglm.covariances.rr import is_auto, rank
from hierglm.models import Model
from hierglm.priors.distributions import Prior
from hierglm.priors.slots import Assigned, Slot
from hierglm.reporting.likelihood import above_zero
from hierglm.reporting.notation import (
    Bar,
    Fenced,
    Fraction,
    Node,
    Root,
    Row,
    bold,
    call,
    label,
    letter,
    listed,
    number,
    row,
    script,
    sign,
    symbol,
    word,
)
from hierglm.reporting.symbols import (
    FEW,
    SPELLED,
    Effects,
    Line,
    coefficient,
    column_mean,
    distributed,
    equals,
    parameter,
    tag,
)

K = letter("k")


def law(prior: Prior) -> Node:
    """Return a prior distribution with its numbers.

    Parameters
    ----------
    prior : Prior
        Of one number; a positive parameter's is given that it is positive, see `above_zero`.
    """
    n = [number(x) for x in prior.numbers]
    match prior.kind:
        case "normal":
            return call(word("Normal"), n[0], script(n[1], sup=number(2)))
        case "student_t":
            return call(script(word("t"), n[0]), n[1], script(n[2], sup=number(2)))
        case "cauchy":
            return call(word("Cauchy"), *n)
        case "exponential":
            return call(word("Exponential"), *n)
        case "gamma":
            return call(word("Gamma"), *n)
        case "inv_gamma":
            return call(word("InvGamma"), *n)
        case "beta":
            return call(word("Beta"), *n)
    return call(word("LKJ"), *n)


_REAL = ("normal", "student_t", "cauchy")


def prior_lines(whole: Model, effects: Sequence[Effects]) -> tuple[Line, ...]:
    """Return the priors of all parameters: of coefficients, of group terms, of families.

    Parameters
    ----------
    whole : Model
    effects : sequence of Effects
        The symbols of its group terms.
    """
    lines: list[Line] = []
    for model in whole.parts or (whole,):
        lines += _common(model)
    for k, own in enumerate(effects):
        lines += _group(whole, own, k)
    for model in whole.responses:
        lines += _family(model)
    return tuple(lines)


def _family(model: Model) -> Iterator[Line]:
    for a in model.priors:
        if a.slot.role == "scale":
            note = "above 1" if a.slot.support == "above_one" and not a.prior.given else ""
            yield _line(parameter(model, a.slot.term), a.prior, a.slot.support, note)


def _line(left: Node, prior: Prior, support: str = "", note: str = "") -> Line:
    """Return the prior of one number, or of several that are alike."""
    if prior.kind == "constant":
        return equals(left, number(prior.numbers[0]), note="given")
    if prior.kind == "flat":
        return Line(call(letter("p"), left), sign("prop"), (number(1),), note)
    found = law(prior)
    if support == "positive" and prior.kind in _REAL:
        found = above_zero(found)
    return distributed(left, found, note)


def _common(model: Model) -> Iterator[Line]:
    of, labels = tag(model.part, model.family), model.design.common.labels
    for prior in model.priors.of("Intercept"):
        thresholds = model.family.thresholds
        left = script(symbol("theta"), K, of) if thresholds else coefficient(0, of)
        if labels:
            minus = sign("-") if thresholds else sign("+")
            left = row(left, *_at_means(model, of, minus))
        note = f"k = 1, …, {len(model.design.response.levels or ()) - 1}" if thresholds else ""
        yield _line(left, prior, note=note)
    slopes = [a for a in model.priors if a.slot.role == "b"]
    together = _many([a.prior for a in slopes], of) if len(slopes) > SPELLED else None
    if together is not None:
        yield together
        return
    for prior, some in groupby(slopes, lambda a: a.prior):
        places = [a.slot.number + 1 for a in some]
        yield _line(_several([coefficient(k, of) for k in places]), prior)


def _several(symbols: Sequence[Node]) -> Node:
    if len(symbols) > FEW:
        return row(symbols[0], sign(","), sign("..."), sign(","), symbols[-1])
    return listed(symbols)


def _at_means(model: Model, of: Node | None, plus: Node) -> Iterator[Node]:
    """Yield what makes an intercept that at the means of the columns."""
    count = len(model.design.common.labels)
    if count > FEW:
        total = script(sign("sum"), row(K, sign("="), number(1)), number(count))
        x = script(symbol("beta"), K, of)
        yield from (plus, total, x, sign("*"), script(Bar(letter("x")), K))
        return
    for k in range(1, count + 1):
        yield from (plus, coefficient(k, of), sign("*"), column_mean(model, k))


def _many(priors: Sequence[Prior], of: Node | None) -> Line | None:
    """Return the priors of many coefficients as one line, where they differ in scale at most."""
    first = priors[0]
    beta, note = script(symbol("beta"), K, of), f"k = 1, …, {len(priors)}"
    if set(priors) == {first}:
        return _line(beta, first, note=note)
    if first.kind not in _REAL or len({(p.kind, p.numbers[:-1]) for p in priors}) > 1:
        return None
    scale = script(letter("s"), K, None if first.kind == "cauchy" else number(2))
    match law(first):
        case Row((name, Fenced((centre, _)))):
            note = f"{note}; each s is in the table of priors"
            return distributed(beta, call(name, centre, scale), note)
    return None


def _group(whole: Model, own: Effects, place: int) -> Iterator[Line]:
    grouping = own.grouping
    mine = [a for a in whole.priors if a.slot.number == place and a.slot.group == grouping.group
            and a.slot.role not in ("Intercept", "b", "scale")]  # fmt: skip
    sds = [a for a in mine if a.slot.role == "sd"]
    if sds and sds[0].prior.kind == "decov":
        yield from _decov(whole, own, sds[0].prior)
    else:
        for prior, some in groupby(sds, lambda a: a.prior):
            yield _line(_several([_sd(own, a.slot) for a in some]), prior, "positive")
    for a in mine:
        if a.slot.role != "sd":
            yield from _other(own, a)


def _sd(own: Effects, slot: Slot) -> Node:
    """Return the symbol of the sd that a prior is about."""
    names = sd_terms(own.grouping)
    place = names.index(slot.term)
    strata = own.grouping.relation.strata
    if not strata:
        return own.sd(place)
    stratum, k = divmod(place, len(names) // len(strata))
    return own.sd(k, label(strata[stratum]))


def _decov(whole: Model, own: Effects, prior: Prior) -> Iterator[Line]:
    """Yield rstanarm's prior of all sds of a term."""
    _, concentration, shape, scale = prior.numbers
    count, tau = len(own.numbers), own.of(symbol("tau"))
    residual = [symbol("sigma"), sign("*")] if "sigma" in whole.scales else []
    if count == 1:
        yield equals(own.sd(0), row(*residual, tau))
    else:
        share = own.of(symbol("pi"), None, K)
        root = Root(row(number(count), sign("*"), share))
        sd = script(symbol("sigma"), own.subscript(K))
        yield equals(sd, row(*residual, tau, sign("*"), root))
        shares = Fenced((own.of(symbol("pi"), None, number(1)), sign("..."),
                         own.of(symbol("pi"), None, number(count))))  # fmt: skip
        yield distributed(shares, call(word("Dirichlet"), number(concentration)))
    yield distributed(tau, call(word("Gamma"), number(shape), number(1 / scale)))


def _other(own: Effects, a: Assigned) -> Iterator[Line]:
    """Yield the prior of what a group term has beside its sds."""
    grouping, role, prior = own.grouping, a.slot.role, a.prior
    covariance = covariance_of(grouping)
    if role == "cor" and covariance.free:
        stratum = letter("s") if grouping.relation.strata else None
        yield distributed(own.of(bold("R"), None, stratum), law(prior))
    elif role == "cor":
        rho = own.of(symbol("rho"))
        low = a.slot.low
        note = "" if prior.given else f"between {low:.4g} and 1"
        if prior.kind == "lkj" and prior.numbers[0] != 1:
            determinant = Fenced((own.of(bold("R")),), ("|", "|"))
            power = number(prior.numbers[0] - 1)
            yield Line(
                call(letter("p"), rho), sign("prop"), (script(determinant, sup=power),), note
            )
        elif prior.kind in ("lkj", "flat"):
            yield distributed(rho, call(word("Uniform"), number(low), number(1)))
        else:
            yield _line(rho, prior, note=note)
    elif role == "loading":
        yield from _loadings(own, prior)
    elif role == "df":
        yield _line(own.of(symbol("nu")), prior, note="" if prior.given else "above 1")
    else:
        terms = grouping.terms
        k = terms.index(a.slot.term) if a.slot.term in terms else 0
        yield _line(own.of(symbol(role), k), prior)


def _loadings(own: Effects, prior: Prior) -> Iterator[Line]:
    """Yield the prior of loadings, which are those of columns of size 1, all together."""
    A, Lambda = own.of(bold("A")), own.of(bold("Lambda"))
    yield equals(Lambda, row(own.of(bold("S")), A))
    scale = number(prior.numbers[-1])
    if prior.kind == "normal":
        entry = script(Fenced((A,)), row(K, letter("l")))
        yield distributed(entry, call(word("Normal"), number(0), script(scale, sup=number(2))))
    elif not is_auto(own.grouping):
        spread = row(script(scale, sup=number(2)), sign("*"), bold("I"))
        t = script(word("t"), number(prior.numbers[0]))
        yield distributed(call(word("vec"), A), call(t, bold("0"), spread))
    else:
        df, d, q = prior.numbers[0], rank(own.grouping), len(own.grouping.terms)
        product = row(own.of(bold("A"), sup=sign("T")), A)
        squared = script(scale, sup=number(2))
        under = squared if df == 1 else row(number(df), sign("*"), squared)
        inside = row(script(bold("I"), number(d)), sign("+"), Fraction(product, under))
        power = Fraction(number(df + q + d - 1), number(2))
        determinant = call(word("det"), inside)
        yield Line(call(letter("p"), A), sign("prop"),
                   (script(determinant, sup=row(sign("-"), power)),))  # fmt: skip


def prior_meanings(whole: Model, effects: Sequence[Effects]) -> Iterator[tuple[Node, str]]:
    """Yield what symbols of priors mean that no other line has."""
    if any(m.design.intercept and m.design.common.labels for m in whole.parts or (whole,)):
        yield Bar(letter("x")), "mean of a column over the rows"
    for own in effects:
        if covariance_of(own.grouping).low_rank:
            text = "diagonal matrix of one over the root mean square of each column"
            yield own.of(bold("S")), text
