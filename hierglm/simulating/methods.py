"""What a model says before it is fitted: methods over data drawn from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from hierglm.results.rows import MAIN

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from os import PathLike

    import pandas as pd
    import xarray as xr

    from hierglm.predicting.asked import Target
    from hierglm.simulating.calibrate import Calibration
    from hierglm.simulating.recover import Recovery
    from hierglm.simulating.responses import Fittable


class Simulations:
    """Methods of a model that can be fitted, over data drawn from it."""

    __slots__ = ()

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
            self._fittable.model, draws, seed, target, new, response=response
        )

    def calibrate(
        self,
        n: int = 200,
        *,
        draws: int = 250,
        seed: int | None = None,
        executor: Executor | None = None,
        checkpoint: str | PathLike[str] | None = None,
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
        checkpoint : path, optional
            A folder, such as ``"ranks"``, that keeps what each data set gave. After a crash the
            same call goes on from there, to the same ranks, and with the seed that it has taken.
        **options
            chains, warmup, adapt_delta, ... as of `fit`.

        Raises
        ------
        CheckpointError
            The folder is of another model or other settings; says what differs.
        PriorError
            A prior is flat, so that nothing can be drawn from it.
        """
        from hierglm.simulating import calibrate

        return calibrate.calibrate(self._fittable, n, draws, seed, executor, checkpoint, **options)

    def recover(
        self,
        truth: Mapping[str, float] | None = None,
        n: int = 20,
        *,
        effects: Sequence[str] | str = MAIN,
        conf_level: float = 0.95,
        seed: int | None = None,
        executor: Executor | None = None,
        checkpoint: str | PathLike[str] | None = None,
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
        checkpoint : path, optional
            A folder that keeps the estimates of each data set, as of `calibrate`.
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

        return recover.recover(
            self._fittable, truth, n, seed, executor, effects, conf_level, checkpoint, **options
        )

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
        checkpoint: str | PathLike[str] | None = None,
        **options: Any,
    ) -> pd.DataFrame:
        """Return how often effects of a given size are found, by simulation.

        The rows of the study are those of the model: predictors, levels, trials. Their number
        is varied by other tables. Before there are responses let any possible ones stand in
        their column, and name priors and all other parameters (`truth`): default priors and the
        penalised fit would look at them.

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
        conf_level, seed, executor, checkpoint
            See `recover`.
        **options
            As of `fit`; ``method="approx"`` is quick, and takes sds as known in its intervals.

        Returns
        -------
        DataFrame
            One row an effect: columns parameter, value, datasets, failures, troubles (fits that
            are not to be trusted), power, power_mcse, precision and precision_mcse (with
            `width`), coverage, mean_estimate, mean_width; among what was found wrong_sign and
            exaggeration (Gelman and Carlin 2014). Its ``attrs`` have the seed, and failures and
            troubles in words.

        Raises
        ------
        SettingsError
            A name that is no parameter; no penalised fit to take other values from.
        """
        from hierglm.simulating import power

        return power.power(
            self._fittable, effect, n, truth, others, width, seed, executor, conf_level, checkpoint,
            **options,
        )  # fmt: skip

    @property
    def _fittable(self) -> Fittable:
        return cast("Fittable", self)
