"""What the priors say of a hypothesis: the density of its value at 0, the probability above it.

- A linear form of parameters with normal priors is normal; that of one parameter has the
  parameter's own density: both are exact.
- Of other linear forms the density is the mean, over draws of all parameters but one, of that
  one's density where it makes the form 0: there is no kernel in it.
- Everything else (products, correlations, effects of levels) is drawn from the priors of the
  whole model, and has an estimated density.

The prior of an intercept is about the centred columns; its linear form says so here too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierglm.criticising.drawable import with_levels, with_stand_in
from hierglm.criticising.prior_draws import prior_fitted
from hierglm.families.parameters import BOUNDS
from hierglm.hypotheses.density import density_at
from hierglm.hypotheses.expressions import Hypothesis
from hierglm.hypotheses.parameters import Place, resolve
from hierglm.hypotheses.values import Linear, drawn
from hierglm.models import Model
from hierglm.plan.crossproducts import column_means
from hierglm.priors.distributions import Prior, normal
from hierglm.priors.laws import draw
from hierglm.priors.slots import Assigned, Role, Slot

Floats = NDArray[np.float64]

SIZE = 20_000
"""Draws from the priors."""
_LARGEST = 2**23
"""Most drawn effects of levels (64 MB)."""


@dataclass(frozen=True, slots=True)
class Belief:
    """What the priors say of the value of a hypothesis.

    Attributes
    ----------
    density : float
        At 0; NaN where there is none.
    above : float
        Probability that it is greater than 0; NaN where there is none.
    density_by, above_by : str
        How they were found, or why there are none.
    """

    density: float
    above: float
    density_by: str
    above_by: str


def _none(why: str) -> Belief:
    return Belief(np.nan, np.nan, f"none: {why}", f"none: {why}")


@dataclass(frozen=True, slots=True)
class Law:
    """The prior of a number, cut off at its bounds."""

    prior: Prior
    low: float = -np.inf
    high: float = np.inf

    @property
    def _whole(self) -> Any:
        from scipy import stats

        n = self.prior.numbers
        match self.prior.kind:
            case "normal":
                return stats.norm(n[0], n[1])
            case "student_t":
                return stats.t(n[0], n[1], n[2])
            case "cauchy":
                return stats.cauchy(n[0], n[1])
            case "exponential":
                return stats.expon(scale=1 / n[0])
            case "gamma":
                return stats.gamma(n[0], scale=1 / n[1])
            case "inv_gamma":
                return stats.invgamma(n[0], scale=n[1])
        return stats.beta(n[0], n[1])

    def density(self, x: Floats) -> Floats:
        """Return the density at some points."""
        whole = self._whole
        mass = whole.cdf(self.high) - whole.cdf(self.low)
        inside = (x >= self.low) & (x <= self.high)
        return np.asarray(np.where(inside, whole.pdf(x), 0.0) / mass)

    def above(self, x: Floats) -> Floats:
        """Return the probability of more than some points."""
        whole = self._whole
        ends = whole.sf(self.low), whole.sf(self.high)
        return np.asarray(
            (whole.sf(np.clip(x, self.low, self.high)) - ends[1]) / (ends[0] - ends[1])
        )

    def draws(self, rng: np.random.Generator, size: int) -> Floats:
        """Return draws, shape (size,)."""
        return draw(self.prior, rng, size, self.low, self.high)

    @property
    def spread(self) -> float:
        """The distance between its quartiles, the bounds not counted."""
        low, high = self._whole.ppf((0.25, 0.75))
        return float(high - low)


def belief(
    model: Model,
    hypothesis: Hypothesis,
    places: Mapping[str, Place],
    form: Linear | None,
    support: tuple[float, float],
    seed: int,
) -> Belief:
    """Return what the priors say of the value of a hypothesis.

    Parameters
    ----------
    model : Model
    hypothesis : Hypothesis
    places : mapping of str to Place
        What its names mean.
    form : Linear or None
        The same as a linear form.
    support : (float, float)
        Between which it lies.
    seed : int
        Of the draws.
    """
    laws = _laws(model)
    if form is not None:
        centred = _centred(model, form)
        if all(name in laws for name in centred.multiples):
            return _of_linear(centred, laws, seed)
    return _of_draws(model, hypothesis, places, support, seed)


def _of_linear(form: Linear, laws: Mapping[str, Law], seed: int) -> Belief:
    used = {name: laws[name] for name in form.multiples}
    flat = [name for name, law in used.items() if law.prior.kind == "flat"]
    if flat:
        return _none(f"the prior of {flat[0]} is flat")
    known = {name: law.prior.numbers[0] for name, law in used.items() if law.prior.given}
    constant = form.constant + sum(form.multiples[name] * x for name, x in known.items())
    free = [name for name in used if name not in known]
    if not free:
        return _none("all is given")
    if all(used[n].prior.kind == "normal" and np.isinf(used[n].low) for n in free):
        numbers = {n: used[n].prior.numbers for n in free}
        centre = constant + sum(form.multiples[n] * numbers[n][0] for n in free)
        scale = float(np.sqrt(sum((form.multiples[n] * numbers[n][1]) ** 2 for n in free)))
        return _with(Law(normal(centre, scale)), 1.0, np.zeros(1), "exact: normal")
    pivot = max(free, key=lambda n: abs(form.multiples[n]) * used[n].spread)
    if len(free) == 1:
        how = f"exact: {used[pivot].prior!r}"
        return _with(used[pivot], form.multiples[pivot], np.array([constant]), how)
    rng = np.random.default_rng([seed, 2])
    rest = np.full(SIZE, constant)
    for name in free:
        if name != pivot:
            rest += form.multiples[name] * used[name].draws(rng, SIZE)
    how = f"mean over {SIZE:,} draws from the priors"
    return _with(used[pivot], form.multiples[pivot], rest, how)


def _with(law: Law, multiple: float, rest: Floats, how: str) -> Belief:
    """Return density at 0 and probability above of a multiple of a number plus the rest."""
    at = -rest / multiple
    above = law.above(at) if multiple > 0 else 1 - law.above(at)
    return Belief(float(law.density(at).mean()) / abs(multiple), float(above.mean()), how, how)


def _of_draws(
    model: Model,
    hypothesis: Hypothesis,
    places: Mapping[str, Place],
    support: tuple[float, float],
    seed: int,
) -> Belief:
    flat = [a.slot.name for a in _assigned(model) if a.prior.kind == "flat"]
    model = with_levels(model, [place.parameter for place in places.values()])
    effects = sum(len(g.levels) * len(g.terms) for g in model.groups)
    size = int(np.clip(_LARGEST // max(1, effects), 1_000, SIZE))

    def value(stand_in: Prior) -> Floats:
        draws = prior_fitted(with_stand_in(model, stand_in), size, seed).draws
        return drawn(draws, hypothesis, resolve(draws, hypothesis))

    found = value(normal(0, 1))
    # What moves with that which stands for a flat prior depends on it.
    if flat and not np.array_equal(found, value(normal(1, 2)), equal_nan=True):
        return _none(f"the prior of {flat[0]} is flat")
    bad = int(np.count_nonzero(~np.isfinite(found)))
    if bad:
        return _none(f"no number in {bad:,} of {size:,} draws from the priors")
    density, how = density_at(found, 0.0, *support)
    of = f"of {size:,} draws from the priors"
    return Belief(density, float((found > 0).mean()), f"{how} {of}", f"share {of}")


def _assigned(model: Model) -> list[Assigned]:
    every = [a for m in (model, *model.parts) for a in m.priors]
    return list({a.slot.name: a for a in every}.values())


def _laws(model: Model) -> dict[str, Law]:
    """Return the laws of the parameters that have a prior of their own, by flat name."""
    thresholds = {m.part.response for m in model.responses if m.family.thresholds}
    laws: dict[str, Law] = {}
    for a in _assigned(model):
        slot = a.slot
        together = a.prior.kind in ("lkj", "decov") or slot.role == "loading"
        if not together and not (slot.role == "Intercept" and slot.response in thresholds):
            laws[slot.name] = Law(a.prior, *_bounds(slot))
    return laws


_RANGES: Mapping[Role, tuple[float, float]] = {
    "sd": (0.0, np.inf), "alpha": (0.0, 1.0), "rho": (0.0, 1.0), "df": (1.0, np.inf)
}  # fmt: skip


def _bounds(slot: Slot) -> tuple[float, float]:
    if slot.role == "scale":
        return BOUNDS[slot.support]
    if slot.role == "cor":
        return slot.low, 1.0
    return _RANGES.get(slot.role, (-np.inf, np.inf))


def _centred(model: Model, form: Linear) -> Linear:
    """Return a linear form of intercepts at the means of the columns.

    The intercept at 0 is the one there less the means times the coefficients.
    """
    multiples = dict(form.multiples)
    for m in model.parts or (model,):
        slots = {a.slot.role: a.slot.name for a in m.priors if a.slot.role == "Intercept"}
        name = slots.get("Intercept", "")
        if not name or name not in multiples or m.family.thresholds:
            continue
        labels = [a.slot.name for a in m.priors if a.slot.role == "b"]
        for label, mean in zip(labels, column_means(m.design), strict=True):
            multiples[label] = multiples.get(label, 0.0) - multiples[name] * float(mean)
    return Linear(form.constant, {n: k for n, k in multiples.items() if k != 0})
