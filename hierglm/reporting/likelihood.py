"""How a response is distributed, as a statistician writes it, for every family and link."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hierglm.formula.terms import Factor
from hierglm.models import Model
from hierglm.reporting.notation import (
    Cases,
    Fenced,
    Fraction,
    Leaf,
    Node,
    Row,
    Script,
    call,
    label,
    letter,
    number,
    row,
    script,
    sign,
    symbol,
    word,
    words,
)
from hierglm.reporting.symbols import (
    ROW,
    Line,
    base,
    column,
    distributed,
    equals,
    mean,
    parameter,
)

LOG, EXP, PROBABILITY = (
    Leaf("word", "log", r"\log"), Leaf("word", "exp", r"\exp"), Leaf("word", "Pr", r"\Pr"),
)  # fmt: skip
_SQUARED = number(2)


def likelihood(model: Model) -> tuple[Line, ...]:
    """Return the distribution of the rows of one response.

    Parameters
    ----------
    model : Model
        Of the response, the first of its predictors.
    """
    y = column(model.design.response.label)
    if model.family.categories:
        return _categories(model, y)
    if model.family.thresholds:
        return _thresholds(model, y)
    make = _DISTRIBUTIONS.get(model.family.name, _other)
    lines = [distributed(y, make(model))]
    levels = model.design.response.levels
    if model.family.name == "bernoulli" and levels is not None:
        chance = call(PROBABILITY, row(y, sign("="), label(levels[1])))
        lines.append(equals(mean(model), chance))
    weights = model.design.formula.response.weights
    if model.design.response.weights is not None:
        counted = column(weights.label) if weights is not None else script(letter("w"), ROW)
        density = call(letter("p"), row(y, sign("|"), words("parameters")))
        product = script(sign("prod"), ROW)
        lines.append(equals(letter("L"), row(product, script(density, sup=counted))))
    return tuple(lines)


def linked(model: Model, of: Model) -> Node:
    """Return what a linear predictor is equal to: the link of a mean or of a parameter.

    Parameters
    ----------
    model : Model
        Of the predictor.
    of : Model
        Of the first predictor of its response.
    """
    if model.part.dpar and not model.family.categories:
        return _link(model.link.name, parameter(of, model.part.dpar))
    if model.family.categories:
        category = label(model.part.dpar.removeprefix("mu"))
        return script(symbol("eta"), row(category, sign(","), ROW), _of(model))
    if model.family.thresholds:
        return mean(model)
    return _link(model.family.link.name, mean(model))


def _link(name: str, inside: Node) -> Node:
    match name:
        case "log":
            return row(LOG, inside)
        case "logit":
            return call(word("logit"), inside)
        case "probit":
            return row(script(symbol("Phi"), sup=row(sign("-"), number(1))), Fenced((inside,)))
        case "cloglog":
            failure = row(number(1), sign("-"), inside)
            return call(LOG, row(sign("-"), call(LOG, failure)))
        case "logm1":
            return call(LOG, row(inside, sign("-"), number(1)))
        case "identity":
            return inside
    return call(word(name), inside)


def _of(model: Model) -> Node | None:
    return Fenced((label(model.part.response),)) if model.part.response else None


def squared(node: Node) -> Node:
    """Return the square of a symbol, in brackets where it has a superscript already."""
    match node:
        case Script(inner, sub, None):
            return Script(inner, sub, _SQUARED)
        case Script():
            return Script(Fenced((node,)), sup=_SQUARED)
    return script(node, sup=_SQUARED)


def _variance(model: Model) -> Node:
    response, formula = model.design.response, model.design.formula.response
    residual = squared(parameter(model, "sigma"))
    if response.se is None:
        return residual
    known = script(label(_name(formula.se)), ROW, _SQUARED)
    return row(known, sign("+"), residual) if response.se_and_sigma else known


def _name(factor: Factor | None) -> str:
    return factor.label if factor is not None else ""


def _gaussian(model: Model) -> Node:
    return call(word("Normal"), mean(model), _variance(model))


def _student(model: Model) -> Node:
    t = script(word("t"), parameter(model, "nu"))
    return call(t, mean(model), squared(parameter(model, "sigma")))


def _lognormal(model: Model) -> Node:
    return call(word("LogNormal"), mean(model), squared(parameter(model, "sigma")))


def _gamma(model: Model) -> Node:
    shape = parameter(model, "shape")
    return call(word("Gamma"), shape, Fraction(shape, mean(model)))


def _shares(model: Model) -> tuple[Node, Node]:
    mu, phi = mean(model), parameter(model, "phi")
    return row(mu, phi), row(Fenced((row(number(1), sign("-"), mu),)), phi)


def _beta(model: Model) -> Node:
    return call(word("Beta"), *_shares(model))


def _bernoulli(model: Model) -> Node:
    return call(word("Bernoulli"), mean(model))


def trials(model: Model) -> Node:
    """Return the number of trials of a row: a column, a number, or successes and failures."""
    formula = model.design.formula.response
    if formula.failures is not None:
        return row(column(formula.value.label), sign("+"), column(formula.failures.label))
    if formula.trials is not None and formula.trials.kind == "number":
        return number(float(formula.trials.expr))
    return column(_name(formula.trials))


def _binomial(model: Model) -> Node:
    return call(word("Binomial"), trials(model), mean(model))


def _beta_binomial(model: Model) -> Node:
    return call(word("BetaBinomial"), trials(model), *_shares(model))


def _poisson(model: Model) -> Node:
    return call(word("Poisson"), mean(model))


def _negbinomial(model: Model) -> Node:
    return call(word("NegBinomial"), mean(model), parameter(model, "shape"))


def _beside_zero(model: Model, name: str, others: Node) -> Node:
    """Return zeros with a probability of their own beside another distribution."""
    chance = parameter(model, name)
    rest = row(number(1), sign("-"), chance)
    probability = words("with probability ")
    return Cases(((number(0), row(probability, chance)), (others, row(probability, rest))))


def above_zero(distribution: Node) -> Node:
    """Return a distribution given that what it draws is above 0: its name gets a plus."""
    match distribution:
        case Row((Script(name, sub, _), arguments)):
            return row(script(name, sub, sign("+")), arguments)
        case Row((name, arguments)):
            return row(script(name, sup=sign("+")), arguments)
    return distribution


def _zero_inflated(counts: Callable[[Model], Node]) -> Callable[[Model], Node]:
    return lambda model: _beside_zero(model, "zi", counts(model))


def _hurdle(counts: Callable[[Model], Node]) -> Callable[[Model], Node]:
    return lambda model: _beside_zero(model, "hu", above_zero(counts(model)))


def _other(model: Model) -> Node:
    """Return a family of the user's own by its name, with its parameters in order."""
    own = [parameter(model, p.name) for p in model.family.parameters]
    return call(word(model.family.name), mean(model), *own)


_DISTRIBUTIONS: Mapping[str, Callable[[Model], Node]] = {
    "gaussian": _gaussian, "student": _student, "lognormal": _lognormal, "gamma": _gamma,
    "beta": _beta, "bernoulli": _bernoulli, "binomial": _binomial,
    "beta_binomial": _beta_binomial, "poisson": _poisson, "negbinomial": _negbinomial,
    "zero_inflated_poisson": _zero_inflated(_poisson),
    "zero_inflated_negbinomial": _zero_inflated(_negbinomial),
    "hurdle_poisson": _hurdle(_poisson), "hurdle_negbinomial": _hurdle(_negbinomial),
}  # fmt: skip


def _categories(model: Model, y: Node) -> tuple[Line, ...]:
    k, other = letter("k"), letter("l")
    of = _of(model)

    def eta(category: Node) -> Node:
        return script(symbol("eta"), row(category, sign(","), ROW), of)

    chance = call(PROBABILITY, row(y, sign("="), k))
    total = row(script(sign("sum"), other), call(EXP, eta(other)))
    levels = model.design.response.levels or ("",)
    return (
        equals(chance, Fraction(call(EXP, eta(k)), total)),
        equals(eta(label(levels[0])), number(0)),
    )


def _thresholds(model: Model, y: Node) -> tuple[Line, ...]:
    levels = model.design.response.levels or ()
    k = letter("k")
    chance = call(PROBABILITY, row(y, sign("<="), k))
    threshold = script(symbol("theta"), k, _of(model))
    right = row(threshold, sign("-"), mean(model)) if has_terms(model) else threshold
    left = (
        call(word("logit"), chance)
        if model.family.link.name == "logit"
        else row(script(symbol("Phi"), sup=row(sign("-"), number(1))), Fenced((chance,)))
    )
    return (equals(left, right, note=f"k = 1, …, {len(levels) - 1}"),)


def has_terms(model: Model) -> bool:
    """Tell whether an ordered response has a predictor beside its thresholds."""
    d = model.design
    return bool(d.common.labels or d.groups or d.formula.offsets)


def meanings(model: Model) -> tuple[tuple[Node, str], ...]:
    """Return what the symbols of a response's family are, in words."""
    own = []
    for p in model.family.parameters:
        if p.name in model.scales or p.name in model.part.modelled:
            own.append(
                (base(p.name, model.family), f"{p.name}: {p.note.removeprefix(p.name + ': ')}")
            )
    return tuple(own)
