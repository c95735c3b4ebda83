"""A model that is ready to be fitted."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from os import PathLike
from typing import TYPE_CHECKING, Any

from hierglm.checkpointing.file import read_checkpoint
from hierglm.checkpointing.identity import model_identity
from hierglm.engines.choose import engine_for
from hierglm.engines.engine import Engine, Settings
from hierglm.engines.methods import Method, Optimize, Sample, method_of
from hierglm.engines.predict import Prediction, cost
from hierglm.errors import EngineMissing, SettingsError
from hierglm.models import Model
from hierglm.paths import path_of
from hierglm.plan.choose import Asked, choose
from hierglm.plan.forms import Plan
from hierglm.posterior import Fit, kind_of
from hierglm.program.fragment import Program
from hierglm.program.write import write
from hierglm.results.approximate import approximate, unlike
from hierglm.results.approximation import Approximation
from hierglm.running import run
from hierglm.sampling import FULL, SHORT, Auto
from hierglm.showing.said import Said, grid
from hierglm.showing.shown import Shown
from hierglm.simulating.methods import Simulations

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, repr=False)
class PreparedModel(Simulations, Shown):
    """A model that has been checked and written, and can be fitted.

    Made by `hierglm.model`. Its text is on `stan_code`, its plan on `plan`, its priors on
    `priors`; `fit` samples.
    """

    _plan: Plan
    _program: Program
    _engine: Engine
    _notes: tuple[str, ...]
    _asked: Asked = "auto"
    # Whether another engine may be taken for other settings.
    _auto: bool = False

    def plan(self) -> Plan:
        """Return how each part is written, and why; ``print`` it."""
        return self._plan

    @property
    def model(self) -> Model:
        """Design, family and priors."""
        return self._plan.model

    @property
    def identity(self) -> dict[str, str]:
        """What decides the posterior; checkpoints of simulated data sets know their model by it."""
        return model_identity(self._plan, self._program, self._engine)

    def of(self, model: Model) -> PreparedModel:
        """Return another model, planned and written as this one was asked to be."""
        return prepare(model, "auto" if self._auto else self._engine, self._asked)

    def priors(self) -> pd.DataFrame:
        """Return the prior of every parameter: columns parameter, prior, source."""
        return self._plan.model.prior_table()

    @property
    def stan_code(self) -> str:
        """The Stan program."""
        return self._program.code

    @property
    def stan_data(self) -> dict[str, Any]:
        """The program's data, by Stan name."""
        return dict(self._program.data)

    @property
    def data_hash(self) -> str:
        """Hash of the values that the model uses of its data; scripts know their data by it."""
        return self._plan.model.data_hash

    def fit(
        self,
        *,
        method: str | Method = "sample",
        method_options: Mapping[str, Any] | None = None,
        chains: int = 4,
        warmup: int | Auto = "auto",
        draws: int = 1000,
        seed: int | None = None,
        adapt_delta: float | Auto = "auto",
        max_treedepth: int = 10,
        threads: int | None = None,
        progress: bool | None = None,
        checkpoint: str | PathLike[str] | None = None,
        executor: Executor | None = None,
        out: str | PathLike[str] | None = None,
    ) -> Fit:
        """Return the posterior; the arguments are those of `hierglm.fit`."""
        chosen = method_of(method, method_options)
        if checkpoint is not None and not isinstance(chosen, Sample):
            raise SettingsError(f"checkpoint is for method='sample', not {chosen.name!r}")
        if executor is not None and not isinstance(chosen, Sample):
            raise SettingsError(f"executor is for method='sample', not {chosen.name!r}")
        if out is not None and not isinstance(chosen, Sample):
            raise SettingsError(
                f"out is for method='sample', not {chosen.name!r}; fit.save('draws.nc') writes it"
            )
        if out is not None and checkpoint is not None:
            raise SettingsError(
                "checkpoint and out are two files for one fit: checkpoint='run.hglm' keeps chains "
                "in memory and in the file, out='draws.nc' draws of levels in the file alone"
            )
        kept = None if checkpoint is None else read_checkpoint(checkpoint)
        file = None if out is None else path_of(out, "out")
        if seed is None and kept is not None:
            seed = kept.seed
        own = {"chains": chains, "warmup": warmup, "adapt_delta": adapt_delta,
               "max_treedepth": max_treedepth}  # fmt: skip
        settings = Settings(
            chains=chains,
            draws=draws,
            # A seed of its own for every fit, kept in the fit so that it can be repeated.
            seed=secrets.randbelow(2**31) if seed is None else seed,
            max_treedepth=max_treedepth,
            threads=threads,
            progress=progress,
            method=chosen,
        )
        if isinstance(chosen, Sample):
            ready = self._chosen(settings, warmup)
        else:
            _refuse(chosen, own)
            ready = self._suited(chosen)
            count = 1 if _mode(chosen) else draws
            settings = replace(settings, chains=1, warmup=0, draws=count)
        return run(
            kind_of(ready.model), ready._plan, ready._program, ready._engine, settings, warmup,
            adapt_delta, ready._notes, kept, executor, file,
        )  # fmt: skip

    def _suited(self, method: Method) -> PreparedModel:
        """Return the model on an engine that knows the method, in the form that suits it."""
        notes = list(self._notes)
        because = f"which has method {method.name!r}"
        if self._auto:
            notes.append(f"engine: cmdstan, {because}")
        textbook = _mode(method) and self._asked == "auto"
        if textbook:
            notes.append("plan: textbook, since the mode depends on how parameters are written")
        if not self._auto and not textbook:
            return self
        return prepare(
            self._plan.model,
            "cmdstan" if self._auto else self._engine,
            "textbook" if textbook else self._asked,
            because,
            tuple(notes),
        )

    def _chosen(self, settings: Settings, warmup: int | Auto) -> PreparedModel:
        """Return the model on the engine that "auto" takes for these settings.

        Raises
        ------
        EngineMissing
            If that is the compiled one, and there is none. The choice must not depend on what
            is installed: a script gives the same answer everywhere, or says why it cannot.
        """
        if not self._auto:
            return self
        found = predict(self._program, settings, warmup)
        notes = (*self._notes, f"engine: {found.brief}")
        if found.engine == self._engine.name:
            return replace(self, _plan=replace(self._plan, engine=str(found)), _notes=notes)
        try:
            return prepare(self._plan.model, found.engine, self._asked, str(found), notes)
        except EngineMissing as error:
            raise EngineMissing(f"engine='auto' is {found.brief}; but {error}") from None

    def approx(self) -> Approximation:
        """Return the penalised fit as an answer of its own, without sampling.

        Raises
        ------
        SettingsError
            Where there is none that can be trusted; says why.
        """
        found = approximate(self._plan)
        if found is None:
            numbers = self._plan.numbers
            why = (
                numbers.doubt or unlike(self._plan)
                if numbers is not None
                else "plan='textbook' has none"
            )
            if self._plan.parts:
                why = "of several linear predictors there is none"
            raise SettingsError(f"no penalised fit to approximate the posterior by: {why}")
        return found

    def said(self) -> Said:
        """Return what its page shows; see `hierglm.showing.said.Said`."""
        from hierglm.results.sections import folds

        _, plan, program = folds(self._plan, self.stan_code)
        priors = grid(self.priors(), title="Priors")
        head = "; ".join(self.model.formulas)
        facts = (self._facts,)
        return Said(head, facts, (priors,), notes=self._notes, folds=(plan, program), formula=True)

    def __repr__(self) -> str:
        return (
            f"hierglm model: {'; '.join(self.model.formulas)}\n{self._facts}\n\n"
            f"{self._plan}\n\n{self.priors().to_string(index=False)}"
        )

    @property
    def _facts(self) -> str:
        model = self._plan.model
        groups = "".join(f", {len(g.levels):,} levels of {g.group}" for g in model.groups)
        rows = " and ".join(f"{m.design.rows:,}" for m in model.responses)
        distribution = model.distribution.replace("(", " (")
        return f"{distribution}, {rows} rows{groups}; not fitted yet"


def _mode(method: Method) -> bool:
    return isinstance(method, Optimize)


def _refuse(method: Method, given: Mapping[str, Any]) -> None:
    """Refuse what only sampling knows, rather than leave it unused."""
    defaults = {"chains": 4, "warmup": "auto", "adapt_delta": "auto", "max_treedepth": 10}
    for name, value in given.items():
        if value != defaults[name]:
            raise SettingsError(
                f"{name} is for method='sample'; method {method.name!r} takes draws, seed, "
                "threads and its own method_options"
            )


def prepare(
    model: Model,
    engine: str | Engine,
    asked: Asked = "auto",
    because: str = "as asked",
    notes: tuple[str, ...] = (),
) -> PreparedModel:
    """Return a model that is planned and written for an engine.

    Parameters
    ----------
    model : Model
    engine : "auto", "embedded", "cmdstan" or Engine
        "auto" is written for the embedded engine; `PreparedModel.fit` takes another where that
        is predicted to be better.
    asked : "auto", "textbook" or mapping
        The plan, see `hierglm.plan.choose.choose`.
    because : str
        Why this engine.
    notes : tuple of str
        What was done to the data.
    """
    chosen = engine_for("embedded" if engine == "auto" else engine)
    plan = choose(model, chosen.abilities, asked)
    program = write(plan)
    auto = engine == "auto"
    why = str(predict(program, Settings(), "auto")) if auto else f"{chosen.name}, {because}"
    return PreparedModel(replace(plan, engine=why), program, chosen, notes, asked, auto)


def predict(program: Program, settings: Settings, warmup: int | Auto) -> Prediction:
    """Return what sampling a program costs, as the embedded engine would get it."""
    if warmup == "auto":
        warmup = SHORT if program.led else FULL
    warmup = Settings(warmup=warmup).warmup
    return Prediction(cost(program), settings.chains * (warmup + settings.draws))
