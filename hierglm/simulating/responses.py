"""A model with responses of its own making in the place of those that it was given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from hierglm.checkpointing.answers import Answers, open_answers, perform_kept
from hierglm.criticising.prior_draws import prior_fitted
from hierglm.draws.draws import Draws
from hierglm.engines.engine import chosen_count
from hierglm.engines.progress import unit_bar
from hierglm.errors import ResponseError, SettingsError
from hierglm.models import Model
from hierglm.predicting.predictions import predictions
from hierglm.priors.assign import settle
from hierglm.priors.distributions import constant
from hierglm.priors.slots import Priors
from hierglm.results.approximation import Approximation
from hierglm.results.fitted import Fitted

Floats = NDArray[np.float64]
Answer = TypeVar("Answer")

_UNDECISIVE = {"progress", "threads"}
"""Options of fits that decide nothing of their draws."""


class Fittable(Protocol):
    """What is fitted: a `hierglm.prepared.PreparedModel`, which stands above this package."""

    @property
    def model(self) -> Model:
        """Design, family and priors."""

    @property
    def of(self) -> Callable[[Model], Any]:
        """Returns another model, planned and written as this one was asked to be."""

    @property
    def fit(self) -> Callable[..., Fitted]:
        """Returns the posterior."""

    @property
    def approx(self) -> Callable[[], Approximation]:
        """Returns the penalised fit."""

    @property
    def identity(self) -> Mapping[str, str]:
        """What the model, its program and its engine are known by."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """One data set: what it was drawn from, and the model of it.

    Attributes
    ----------
    truth : Fitted
        The model with its simulated responses, and the parameters as a single draw.
    seed : int
        With which it is fitted.
    """

    truth: Fitted
    seed: int

    @property
    def model(self) -> Model:
        """The model of the simulated responses; priors are those of the model before."""
        return self.truth.plan.model


def simulate(
    model: Model, n: int, seed: int, truth: Mapping[str, float] | None = None
) -> Iterator[Simulated | str]:
    """Yield data sets whose parameters are drawn from the priors, but for those that are given.

    In the place of a data set that its family does not have, such as one with a number that
    rounds to the end of its range, stands what is wrong with it.

    Predictors, levels, trials and weights are those of the model.

    Parameters
    ----------
    model : Model
    n : int
        How many.
    seed : int
        The same seed gives the same data sets.
    truth : mapping of str to float, optional
        Values of parameters, by the names that priors have: ``{"b[x]": 0.3, "sigma": 1}``;
        ``"Intercept"`` is that at the means of the columns, as its prior is.

    Raises
    ------
    PriorError
        A name that is no parameter, a value that it cannot have, a flat prior of one that is
        not given.
    """
    n = chosen_count("n, the number of data sets,", n)
    drawn = prior_fitted(given(model, truth or {}), n, seed)
    responses: list[Floats] = []
    # Wide priors on a logarithm have infinite means; such data sets are refused one by one.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for each in model.responses:
            found = predictions(drawn, None, "response", response=each.part.response or None)
            values = np.empty((int(n), each.design.rows))
            for at, block in found.blocks():
                values[:, at] = block
            responses.append(values)
    for number in range(int(n)):
        try:
            made = with_responses(model, [y[number] for y in responses])
        except ResponseError as error:
            yield str(error)
            continue
        plan = replace(drawn.plan, model=made)
        one = replace(drawn, plan=plan, draws=_one(drawn.draws, number))
        yield Simulated(one, int(np.random.default_rng([seed, 2, number]).integers(2**31)))


def given(model: Model, truth: Mapping[str, float]) -> Model:
    """Return a model some of whose parameters are known."""
    known = {name: constant(value) for name, value in truth.items()}
    priors = settle(list(model.priors), known)
    by_name = {a.slot.name: a for a in priors}

    def own(m: Model) -> Model:
        return replace(m, priors=Priors(tuple(by_name[a.slot.name] for a in m.priors)))

    return replace(model, priors=priors, parts=tuple(own(m) for m in model.parts))


def with_responses(model: Model, values: list[Floats]) -> Model:
    """Return a model of other responses.

    Parameters
    ----------
    model : Model
    values : list of ndarray, shape (rows,)
        One for each of ``model.responses``; categories are their places.

    Raises
    ------
    ResponseError
        A response that the family does not have: numbers too large or too small for a float.
    """
    by_name = {
        m.part.response: replace(m.design.response, values=_read_only(y))
        for m, y in zip(model.responses, values, strict=True)
    }

    def other(m: Model) -> Model:
        response = by_name[m.part.response]
        m.family.check(response)
        return replace(m, design=replace(m.design, response=response))

    if not model.parts:
        return other(model)
    parts = tuple(other(m) for m in model.parts)
    return replace(model, design=parts[0].design, parts=parts)


def each(
    task: Callable[[Simulated | str], Answer],
    data: Iterator[Simulated | str],
    n: int,
    executor: Executor | None,
    progress: bool | None,
    answers: Answers | None = None,
) -> list[Answer]:
    """Return what a task gives for each of n data sets, here or where an executor sends them.

    What `answers` keep is not done again.
    """
    # What is no number is told by `simulate`.
    with unit_bar(n if isinstance(n, int | np.integer) else 0, "data set", progress) as told:
        return list(perform_kept(answers, task, data, executor, "data set", told))


def open_run(
    checkpoint: str | PathLike[str] | None,
    kind: type[Any],
    prepared: Fittable,
    facts: Mapping[str, str],
    options: Mapping[str, Any],
    given: int | None,
    seed: int,
) -> tuple[Answers | None, int]:
    """Return where the answers of a run's data sets are kept, and its seed.

    Parameters
    ----------
    checkpoint : path or None
        A folder; None keeps nothing.
    kind : type
        The dataclass that an answer is; its name says what is done.
    prepared : Fittable
    facts, options : mapping
        What decides the answers beside the model and the seed; options are of fits.
    given, seed
        See `hierglm.checkpointing.folder.open_folder`.
    """
    if checkpoint is None:
        return None, seed
    shown = {name: str(x) for name, x in options.items() if name not in _UNDECISIVE}
    known = {**prepared.identity, **facts, **shown}
    task = f"data sets {kind.__name__.lower()}"
    answers = open_answers(checkpoint, kind, task, known, given, seed)
    return answers, answers.seed


def _one(draws: Draws, number: int) -> Draws:
    """Return a single draw of the one chain."""
    at = slice(number, number + 1)
    variables = {v.name: replace(v, values=v.values[:, at]) for v in draws}
    return replace(
        draws, variables=variables, stats={name: x[:, at] for name, x in draws.stats.items()}
    )


def _read_only(values: Floats) -> Floats:
    values = values.copy()
    values.flags.writeable = False
    return values


def refuse_methods(name: str, options: Mapping[str, Any]) -> None:
    """Refuse methods that do not sample where posteriors are what is looked at."""
    if options.get("method", "sample") != "sample":
        raise SettingsError(
            f"{name}() looks at posteriors, method='sample'; found {options['method']!r}"
        )


def settings(options: Mapping[str, Any], executor: Executor | None) -> dict[str, Any]:
    """Return the options of fits, whose bar is that of all; they share an executor's processors."""
    own = {"threads": 1} if executor is not None else {}
    return own | dict(options) | {"progress": False}
