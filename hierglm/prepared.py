"""A model that is ready to be fitted."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from hierglm.approximating import approximate as approximated
from hierglm.draws.integrated import with_effects
from hierglm.engines.choose import engine_for
from hierglm.engines.engine import Engine, Settings
from hierglm.engines.methods import Method, Optimize, Sample, method_of
from hierglm.engines.predict import Prediction, cost
from hierglm.errors import EngineMissing, SettingsError
from hierglm.models import Model
from hierglm.plan.choose import Asked, choose
from hierglm.plan.forms import Plan
from hierglm.posterior import Fit
from hierglm.program.fragment import Program
from hierglm.program.write import write
from hierglm.refitting import here, versions
from hierglm.results.approximation import Approximation, approximate
from hierglm.results.fitted import effects_seed
from hierglm.results.outcome import Outcome
from hierglm.results.rows import MAIN
from hierglm.sampling import FULL, SHORT, Auto, Sampled, sample
from hierglm.showing.said import Said, grid
from hierglm.showing.shown import Shown

if TYPE_CHECKING:
    from concurrent.futures import Executor

    import pandas as pd
    import xarray as xr

    from hierglm.predicting.asked import Target
    from hierglm.simulating.calibrate import Calibration
    from hierglm.simulating.recover import Recovery


@dataclass(frozen=True, slots=True, repr=False)
class PreparedModel(Shown):
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
    ) -> Fit:
        """Return the posterior; the arguments are those of `hierglm.fit`."""
        chosen = method_of(method, method_options)
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
        start = time.monotonic()
        if not isinstance(chosen, Sample):
            _refuse(chosen, own)
            few = replace(settings, chains=1, warmup=0, draws=1 if _mode(chosen) else draws)
            return self._suited(chosen)._approximated(few, start)
        ready = self._chosen(settings, warmup)
        found = sample(ready._plan, ready._program, ready._engine, settings, warmup, adapt_delta)
        lost = [f"chain {k} died: {' '.join(why.split())}" for k, why in found.draws.lost.items()]
        return ready._result(found, (*found.notes, *lost), start)

    def prior_predict(
        self,
        draws: int = 1000,
        seed: int | None = None,
        target: Target = "response",
        new: Any = None,
        *,
        response: str | None = None,
    ) -> xr.DataArray:
        """Return predictions given parameters drawn from their priors: no data, no sampler.

        Do the priors allow what is possible, and little else? Default priors are scaled by the
        data, so that far the response has been looked at.

        Parameters
        ----------
        draws : int
            How many.
        seed : int, optional
            One of its own by default, kept in the result's attribute ``seed``.
        target : {"response", "mean", "linear"}
            See `hierglm.posterior.Fit.predict`.
        new : table, optional
            Rows to predict; those of the model by default.
        response : str, optional
            Of several responses which one.

        Returns
        -------
        DataArray
            Dimensions chain (one), draw, row, and category where there is one.

        Raises
        ------
        PriorError
            Where a prior is flat; names it.

        Examples
        --------
        >>> import hierglm as hg
        >>> schools = hg.datasets.eight_schools()
        >>> model = hg.model("y | se(se) ~ 1 + (1 | school)", schools)
        >>> dict(model.prior_predict(draws=500, seed=1).sizes)
        {'chain': 1, 'draw': 500, 'row': 8}
        """
        from hierglm.criticising import prior_predict

        return prior_predict.prior_predict(
            self._plan.model, draws, seed, target, new, response=response
        )

    def _approximated(self, settings: Settings, start: float) -> Fit:
        found = approximated(self._plan, self._program, self._engine, settings)
        done = Sampled(self._plan, self._program, settings, found.draws)
        return self._result(done, (), start, found.outcome)

    def _result(
        self, found: Sampled, notes: tuple[str, ...], start: float, outcome: Outcome | None = None
    ) -> Fit:
        return Fit(
            # The sums and rows have done their work; what is needed of them is in the program.
            plan=replace(found.plan, numbers=None),
            program=found.program,
            settings=found.settings,
            draws=with_effects(found.plan, found.draws, effects_seed(found.settings)),
            engine=self._engine.name,
            versions=versions(self._engine),
            seconds=time.monotonic() - start,
            notes=(*self._notes, *notes),
            approx=approximate(self._plan),
            outcome=outcome,
            **here(),
        )

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
                numbers.doubt or "its covariances have full rank, those of rr(...) not"
                if numbers is not None
                else "plan='textbook' has none"
            )
            if self._plan.parts:
                why = "of several linear predictors there is none"
            raise SettingsError(f"no penalised fit to approximate the posterior by: {why}")
        return found

    def calibrate(
        self,
        n: int = 200,
        *,
        draws: int = 250,
        seed: int | None = None,
        executor: Executor | None = None,
        **options: Any,
    ) -> Calibration:
        """Return whether the model's posteriors are right: simulation-based calibration.

        Parameters are drawn from the priors, responses from these, and the model is fitted to
        each data set; the ranks of the true values among draws of their posteriors are uniform
        where all is right. Print the answer, or see its `table()` and `plot()`.

        Parameters
        ----------
        n : int
            Number of data sets.
        draws : int
            A chain, at first; more where draws are not independent enough.
        seed : int, optional
            The same seed gives the same ranks.
        executor : concurrent.futures.Executor, optional
            Where data sets are fitted, several at a time; a process pool pickles the model.
        **options
            chains, warmup, adapt_delta, ... as of `fit`.

        Raises
        ------
        PriorError
            A prior is flat, so that nothing can be drawn from it.
        """
        from hierglm.simulating import calibrate

        return calibrate.calibrate(self, n, draws, seed, executor, **options)

    def recover(
        self,
        truth: Mapping[str, float] | None = None,
        n: int = 20,
        *,
        effects: Sequence[str] | str = MAIN,
        conf_level: float = 0.95,
        seed: int | None = None,
        executor: Executor | None = None,
        **options: Any,
    ) -> Recovery:
        """Return estimates from simulated data beside the values that these were made with.

        Print the answer, or see its `estimates`, `table()` (bias, error, coverage) and `plot()`.

        Parameters
        ----------
        truth : mapping of str to float, optional
            Values of parameters by the names in `priors`, ``{"b[x]": 0.3, "sigma": 1}``; the
            Intercept is that at the means of the columns. Others are drawn from their priors,
            for each data set anew.
        n : int
            Number of data sets.
        effects : str or sequence of str
            Of which kinds of parameters; "ran_vals" are the effects of levels.
        conf_level : float
            Probability of the intervals.
        seed : int, optional
            The same seed gives the same numbers.
        executor : concurrent.futures.Executor, optional
            Where data sets are fitted, several at a time.
        **options
            As of `fit`; ``method="approx"`` takes the penalised fit, in milliseconds: a first
            look, at another method's estimates.

        Raises
        ------
        PriorError
            A name that is no parameter, a value that it cannot have, a flat prior of one that
            is not given.
        """
        from hierglm.simulating import recover

        return recover.recover(self, truth, n, seed, executor, effects, conf_level, **options)

    def power(
        self,
        effect: Mapping[str, float],
        n: int = 100,
        *,
        truth: Mapping[str, float] | None = None,
        others: Literal["fit", "prior"] = "fit",
        width: float | None = None,
        conf_level: float = 0.95,
        seed: int | None = None,
        executor: Executor | None = None,
        **options: Any,
    ) -> pd.DataFrame:
        """Return how often effects of a given size are found, by simulation.

        The rows of the study are those of the model: predictors, levels, trials. Their number
        is varied by other tables.

        Parameters
        ----------
        effect : mapping of str to float
            ``{"x": 0.3}``, of which the interval is to exclude 0; on the scale of the linear
            predictor.
        n : int
            Number of data sets; power has a Monte Carlo error of at most ``0.5 / sqrt(n)``.
        truth : mapping of str to float, optional
            Values of other parameters, as of `recover`.
        others : {"fit", "prior"}
            Where the rest comes from: the penalised fit of the model's own responses (pilot
            data), or the priors, for each data set anew. Correlations are always drawn.
        width : float, optional
            Also count intervals that are narrower than this.
        conf_level, seed, executor
            See `recover`.
        **options
            As of `fit`; ``method="approx"`` is quick, and takes sds as known in its intervals.

        Returns
        -------
        DataFrame
            One row an effect: columns parameter, value, datasets, failures, power, power_mcse,
            precision and precision_mcse (with `width`), coverage, mean_estimate, mean_width;
            among what was found wrong_sign and exaggeration (Gelman and Carlin 2014).

        Raises
        ------
        SettingsError
            A name that is no parameter; no penalised fit to take other values from.
        """
        from hierglm.simulating import power

        return power.power(
            self, effect, n, truth, others, width, seed, executor, conf_level, **options
        )

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
        warmup = SHORT if program.start else FULL
    return Prediction(cost(program), settings.chains * (warmup + settings.draws))
