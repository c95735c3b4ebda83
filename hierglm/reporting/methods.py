"""What was done, in sentences for the methods section of a paper."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from hierglm.covariances import covariance_of
from hierglm.covariances.rr import rank
from hierglm.design.design import Grouping
from hierglm.models import Model
from hierglm.plan.forms import GroupForm
from hierglm.reporting.references import Sentence
from hierglm.results.check import check
from hierglm.results.fitted import Fitted
from hierglm.showing.numbers import rhat

_FAMILIES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "gaussian": ("Gaussian", ()),
    "student": ("Student t", ()),
    "lognormal": ("lognormal", ()),
    "gamma": ("gamma", ()),
    "beta": ("beta", ("ferrari2004",)),
    "bernoulli": ("Bernoulli", ()),
    "binomial": ("binomial", ()),
    "beta_binomial": ("beta-binomial", ()),
    "poisson": ("Poisson", ()),
    "negbinomial": ("negative binomial", ()),
    "zero_inflated_poisson": ("zero-inflated Poisson", ("lambert1992",)),
    "zero_inflated_negbinomial": ("zero-inflated negative binomial", ("lambert1992",)),
    "hurdle_poisson": ("hurdle Poisson", ("mullahy1986",)),
    "hurdle_negbinomial": ("hurdle negative binomial", ("mullahy1986",)),
    "categorical": ("categorical", ()),
    "cumulative": ("cumulative", ("mccullagh1980",)),
}
"""In words, and who is cited for it."""

_STRUCTURES: Mapping[str, str] = {
    "unstructured": "freely correlated",
    "diagonal": "uncorrelated",
    "iso": "uncorrelated, with one standard deviation",
    "cs": "with one correlation for each two (compound symmetry)",
    "ar1": "autocorrelated over time (first order)",
}

_RELATIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "cov": ("the covariance between levels was known up to scale", ()),
    "icar": ("levels followed an intrinsic conditional autoregression on a graph", ("besag1974",)),
    "car": ("levels followed a conditional autoregression on a graph", ("besag1974",)),
    "bym2": ("levels followed a graph in part (BYM2)", ("riebler2016",)),
}

_METHODS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "laplace": ("a normal approximation about its mode (Laplace)", ()),
    "pathfinder": ("normal approximations along the way to its mode (Pathfinder)", ("zhang2022",)),
    "variational": ("variational inference (ADVI)", ("kucukelbir2017",)),
    "optimize": ("its mode alone", ()),
}


def methods(fitted: Fitted) -> tuple[Sentence, ...]:
    """Return what was done, sentence by sentence, each with what it cites.

    Parameters
    ----------
    fitted : Fitted
    """
    model = fitted.plan.model
    return (
        _models(model, fitted.versions.get("hierglm", "")),
        *_groups(model),
        *_priors(model),
        *_computed(fitted),
        *_checked(fitted),
        *_estimates(fitted),
    )


def described(model: Model) -> str:
    """Return family and link of a response in words: ``"Bernoulli, logit link"``."""
    name, _ = _FAMILIES.get(model.family.name, (model.family.name, ()))
    return f"{name}, {model.family.link.name} link"


def _models(model: Model, version: str) -> Sentence:
    kind = "multilevel" if model.groups else "regression"
    names, cites = [], dict.fromkeys(("hierglm",))
    for first in model.responses:
        label = first.part.response or first.design.response.label
        names.append(f"{label} ({described(first)}, {first.design.rows:,} rows)")
        cites |= dict.fromkeys(_FAMILIES.get(first.family.name, ("", ()))[1])
        dpars = [m.part.dpar for m in model.predictors(first) if m.part.dpar]
        if dpars and not first.family.categories:
            names[-1] += f" with predictors of {_and(dpars)} too"
    several = " jointly" if len(names) > 1 else ""
    text = f"We fitted a Bayesian {kind} model of {_and(names)}{several} with hierglm {version}"
    return Sentence(text.rstrip(), tuple(cites))


def _groups(model: Model) -> Iterator[Sentence]:
    for grouping in model.groups:
        count = len(grouping.levels)
        text = f"{_effects(grouping)} varied over the {count:,} levels of {grouping.group}"
        covariance = covariance_of(grouping)
        if len(grouping.terms) > 1:
            how = _STRUCTURES.get(covariance.kind) or (
                f"as {rank(grouping)} factors with loadings in common"
            )
            text += f", {how}"
        relation, cites = _RELATIONS.get(grouping.relation.kind, ("", ()))
        if relation:
            text += f"; {relation}"
        if grouping.relation.strata:
            text += f", with a covariance for each of {len(grouping.relation.strata)} strata"
        if grouping.relation.student:
            text += ", with Student t tails"
        yield Sentence(text, cites)


def _effects(grouping: Grouping) -> str:
    slopes = [t for t in grouping.terms if t != "Intercept"]
    if not slopes:
        return "Intercepts"
    named = _and(slopes) if len(slopes) <= 4 else f"{len(slopes)} columns"
    if len(slopes) < len(grouping.terms):
        return f"Intercepts and coefficients of {named}"
    return f"Coefficients of {named}"


def _priors(model: Model) -> Iterator[Sentence]:
    sources = [a.source.partition(":")[0] for a in model.priors]
    given = [a.slot.name for a in model.priors if a.source.startswith("given")]
    but = f", but for {_and(given[:4])}" if given else ""
    if len(given) > 4:
        but += f" and {len(given) - 4} more"
    if "rstanarm" in sources:
        yield Sentence("Priors were the defaults of rstanarm", ("rstanarm",))
    elif "brms" in sources and "default" not in sources:
        yield Sentence("Priors were the defaults of brms", ("brms",))
    elif "default" in sources:
        text = "Priors were weakly informative, with scales from the data"
        yield Sentence(text + but, ("gelman2008", "brms"))
    elif given:
        yield Sentence("All priors were given")
    if any(a.prior.kind == "lkj" for a in model.priors):
        yield Sentence("Correlation matrices had LKJ priors", ("lewandowski2009",))


def _computed(fitted: Fitted) -> Iterator[Sentence]:
    s = fitted.settings
    if not fitted.sampled:
        how, cites = _METHODS.get(s.method.name, (s.method.name, ()))
        text = f"The posterior was approximated by {how}, as of Stan, with seed {s.seed}"
        yield Sentence(text, ("carpenter2017", *cites))
        return
    chains = f"{fitted.draws.chains} {'chain' if fitted.draws.chains == 1 else 'chains'}"
    text = (
        f"The posterior was sampled by the No-U-Turn sampler of Stan in {chains} of "
        f"{s.warmup:,} warmup and {fitted.draws.draws:,} kept iterations, with target acceptance "
        f"{s.adapt_delta:g} and seed {s.seed}"
    )
    yield Sentence(text, ("carpenter2017", "hoffman2014"))
    integrated = [
        g.group
        for g, choice in zip(fitted.plan.model.groups, fitted.plan.groups, strict=True)
        if choice.form is GroupForm.INTEGRATED
    ]
    if integrated:
        yield Sentence(
            f"Effects of {_and(list(dict.fromkeys(integrated)))} were integrated out exactly "
            "while sampling, and drawn from their distribution given all else afterwards"
        )


def _checked(fitted: Fitted) -> Iterator[Sentence]:
    found = check(fitted)
    if not fitted.sampled:
        if fitted.outcome is not None and np.isfinite(fitted.outcome.khat):
            text = f"Pareto's k-hat of the importance weights was {fitted.outcome.khat:.2f}"
            yield Sentence(text, ("yao2018khat",))
        return
    diverging = fitted.draws.stats.get("diverging")
    count = 0 if diverging is None else int(np.count_nonzero(diverging))
    said = f"{count:,} transitions diverged" if count else "no transition diverged"
    if np.isfinite(found.rhat) and np.isfinite(found.ess):
        text = (
            f"Rank-normalised R-hat was at most {rhat(found.rhat)}, bulk and tail effective sample "
            f"sizes were at least {found.ess:,.0f}"
        )
        yield Sentence(text, ("vehtari2021",))
        said = said.capitalize()
    yield Sentence(said, ("betancourt2017",))


def _estimates(fitted: Fitted) -> Iterator[Sentence]:
    if fitted.draws.chains * fitted.draws.draws < 2:
        return
    yield Sentence("We report posterior means with 95% equal-tailed intervals")
    text = "Posterior predictive checks compared the responses with replicated ones"
    yield Sentence(text, ("gabry2019",))


def _and(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
