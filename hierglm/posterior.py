"""What comes out of a fit: one object over pure functions.

What only some need (pictures, files, ArviZ) is imported when asked for, so that
``import hierglm`` stays quick.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hierglm.errors import SettingsError
from hierglm.results import check, effects, text
from hierglm.results.findings import Check
from hierglm.results.fitted import Fitted
from hierglm.results.outcome import Elbo
from hierglm.results.rows import MAIN
from hierglm.results.tidy import summary as summary_table
from hierglm.results.tidy import tidy as tidy_table

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.figure import Figure

    from hierglm.adapting.adapted import Adapted
    from hierglm.comparing.elpd import Elpd
    from hierglm.comparing.repair import Repair
    from hierglm.families import Family
    from hierglm.marginal.contrasts import Kind, Pairs
    from hierglm.marginal.grid import Weights
    from hierglm.predicting.asked import Groups, Target, Unseen
    from hierglm.priors.distributions import Prior
    from hierglm.results.subspace import Subspace
    from hierglm.variance.observation import Approximation


@dataclass(frozen=True, slots=True, repr=False)
class Fit(Fitted):
    """A posterior, or what an approximate method gave for it; print it.

    Made by `hierglm.fit` and `hierglm.load`.

    Attributes
    ----------
    draws : Draws
        Every draw by name: ``fit.draws["b"].values`` has shape (chains, draws, terms).
    plan : Plan
        How each part of the model was written, and why.
    settings : Settings
        Method, chains, iterations, and the seed that gives the same numbers again.
    outcome : Outcome or None
        What another method than sampling tells of its answer; see `elbo`, `khat`, `lp`.
    engine, versions, seconds, notes
        What sampled, its versions, its time, and what was done without being asked.

    Examples
    --------
    >>> import hierglm as hg
    >>> schools = hg.datasets.eight_schools()
    >>> fit = hg.fit("y | se(se) ~ 1 + (1 | school)", schools, seed=1, adapt_delta=0.95)
    >>> fit.ranef()["level"].tolist()
    ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H']
    """

    def __str__(self) -> str:
        return text.text(self)

    def __repr__(self) -> str:
        return text.text(self)

    def _repr_html_(self) -> str:
        from hierglm.results import html

        return html.html(self)

    @property
    def formula(self) -> str:
        """The formula, as written; of several joined by semicolons."""
        return "; ".join(self.plan.model.formulas)

    @property
    def stan_code(self) -> str:
        """The Stan program that was sampled."""
        return self.program.code

    @property
    def stan_data(self) -> dict[str, Any]:
        """The program's data, by Stan name."""
        return dict(self.program.data)

    def tidy(
        self,
        effects: Sequence[str] | str = MAIN,
        conf_level: float = 0.95,
        hdi: bool = False,
        style: str = "hierglm",
    ) -> pd.DataFrame:
        """Return one row a parameter.

        Parameters
        ----------
        effects : str or sequence of str
            Of "fixed", "ran_sd", "ran_cor", "family", "ran_vals", "ran_coefs".
        conf_level : float
            Probability of the intervals.
        hdi : bool
            Shortest intervals instead of equal-tailed ones.
        style : {"hierglm", "broom", "posterior", "parameters", "brms"}
            Whose columns and names.

        Raises
        ------
        SettingsError
            For an effect, level or style that there is not.
        """
        return tidy_table(self, effects, conf_level, hdi, style)

    def summary(self, conf_level: float = 0.95, hdi: bool = False) -> pd.DataFrame:
        """Return the table of the main parameters: all but the effects of single levels."""
        return summary_table(self, conf_level, hdi)

    def fixef(self, conf_level: float = 0.95, hdi: bool = False) -> pd.DataFrame:
        """Return the common coefficients, one row each."""
        return effects.fixef(self, conf_level, hdi)

    def ranef(
        self, group: str | None = None, conf_level: float = 0.95, hdi: bool = False
    ) -> pd.DataFrame:
        """Return the levels' deviations from the common coefficients, one row a level and term.

        Parameters
        ----------
        group : str, optional
            One grouping factor; all by default.
        conf_level, hdi
            See `tidy`.
        """
        return effects.ranef(self, group, conf_level, hdi)

    def coef(
        self, group: str | None = None, conf_level: float = 0.95, hdi: bool = False
    ) -> pd.DataFrame:
        """Return the levels' own coefficients, common plus deviation, draw by draw.

        The arguments are those of `ranef`.
        """
        return effects.coef(self, group, conf_level, hdi)

    def varcorr(
        self,
        conf_level: float = 0.95,
        hdi: bool = False,
        *,
        proportions: bool = False,
        summary: bool = True,
    ) -> pd.DataFrame | xr.DataArray:
        """Return standard deviations and correlations of the group effects, then sigma.

        Parameters
        ----------
        conf_level, hdi
            See `tidy`.
        proportions : bool
            Their variances and the residual's as shares of what the predictors leave; see
            `hierglm.variance.icc.proportion_table`.
        summary : bool
            False gives the draws of the proportions; those of sds and correlations are in
            `posterior`.

        Raises
        ------
        SettingsError
            For ``summary=False`` without proportions.
        """
        if proportions:
            from hierglm.variance import icc

            if summary:
                return icc.proportion_table(self, None, None, conf_level, hdi)
            return icc.proportions(self)
        if not summary:
            raise SettingsError(
                "varcorr(summary=False) is for proportions=True; the draws of sds and correlations "
                "are in fit.posterior"
            )
        return effects.varcorr(self, conf_level, hdi)

    def icc(
        self,
        response: str | None = None,
        approximation: Approximation | None = None,
        conf_level: float = 0.95,
        hdi: bool = False,
        *,
        summary: bool = True,
    ) -> pd.DataFrame | xr.DataArray:
        """Return intraclass correlations: the shares of the variance that groups have.

        See `hierglm.variance.icc.icc` for the arguments and the formulas; ``summary=False`` gives
        the draws.
        """
        from hierglm.variance import icc

        return icc.icc(self, response, approximation, conf_level, hdi, summary=summary)

    def r2(
        self,
        response: str | None = None,
        approximation: Approximation | None = None,
        conf_level: float = 0.95,
        hdi: bool = False,
        *,
        summary: bool = True,
    ) -> pd.DataFrame | xr.DataArray:
        """Return R^2: Bayesian and Nakagawa's, conditional and marginal.

        See `hierglm.variance.r2.r2` for the arguments and the formulas; ``summary=False`` gives
        the draws.
        """
        from hierglm.variance import r2

        return r2.r2(self, response, approximation, conf_level, hdi, summary=summary)

    def hypothesis(
        self,
        *hypotheses: str,
        conf_level: float = 0.95,
        hdi: bool = False,
        seed: int | None = None,
        summary: bool = True,
    ) -> pd.DataFrame | xr.DataArray:
        """Return estimates, probabilities and evidence ratios of hypotheses about parameters.

        See `hierglm.hypotheses.hypothesis.hypothesis` for what a hypothesis may be, and for the
        columns.

        Examples
        --------
        >>> import hierglm as hg
        >>> schools = hg.datasets.eight_schools()
        >>> fit = hg.fit("y | se(se) ~ 1 + (1 | school)", schools, seed=1, adapt_delta=0.95)
        >>> fit.hypothesis("Intercept > 0", "sd[school:Intercept] = 5")["prior"].tolist()
        ['exact: student_t(3, 7.5, 11.1)', 'exact: student_t(3, 0, 11.1)']
        """
        from hierglm.hypotheses.hypothesis import hypothesis

        return hypothesis(
            self, *hypotheses, conf_level=conf_level, hdi=hdi, seed=seed, summary=summary
        )

    def covariances(self) -> dict[str, pd.DataFrame]:
        """Return the posterior mean covariance matrix of each group's effects, by group."""
        return effects.covariances(self)

    def subspace(self, group: str | None = None, threshold: float = 0.05) -> Subspace:
        """Return the directions in which levels differ, of a term ``rr(x | g, rank=d)``; print it.

        See `hierglm.results.subspace.Subspace`: the projection onto the space that the loadings
        span, principal angles about it, and how many directions have more than a share
        `threshold` of the variance.

        Parameters
        ----------
        group : str, optional
            Its grouping factor, where several have such a term.
        threshold : float
            Between 0 and 1.

        Raises
        ------
        SettingsError
            Where there is no such term, or no one such term.
        """
        from hierglm.results import subspace

        return subspace.subspace(self, group, threshold)

    def pooling(self, group: str | None = None) -> pd.DataFrame:
        """Return how much each level borrows from the others, one row a level and coefficient.

        See `hierglm.results.pooling.pooling`: no_pooling, partial_pooling and complete_pooling
        beside each other, and the pooling factor between 0 (its own rows) and 1 (the others').

        Parameters
        ----------
        group : str, optional
            One grouping factor; all by default.
        """
        from hierglm.results import pooling

        return pooling.pooling(self, group)

    def pooling_summary(self) -> pd.DataFrame:
        """Return explained variance and pooling of each level of the model, the data included.

        See `hierglm.results.pooling_summary.pooling_summary` (Gelman and Pardoe 2006).
        """
        from hierglm.results import pooling_summary

        return pooling_summary.pooling_summary(self)

    @property
    def elbo(self) -> Elbo | None:
        """The evidence lower bound with its Monte Carlo error, of an approximation that has one.

        Its `unbounded` is "" where it is a lower bound of the log marginal likelihood log p(y),
        and says why where it is not.
        """
        return self.outcome.elbo if self.outcome is not None else None

    @property
    def khat(self) -> float:
        """Pareto's k-hat of an approximation: above 0.7 it is too far; NaN for a sample."""
        return self.outcome.khat if self.outcome is not None else math.nan

    @property
    def lp(self) -> float:
        """The log density at the mode, up to a constant; NaN for other methods."""
        return self.outcome.lp if self.outcome is not None else math.nan

    def check(self) -> Check:
        """Return what looking at the draws has shown, in words with the next step; print it."""
        return check.check(self)

    def sensitivity(
        self, parameters: Sequence[str] | None = None, priors: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """Return how far each parameter's posterior leans on the priors and on the likelihood.

        Prior and likelihood are raised to powers near 1 by weighting the draws (power-scaling:
        Kallioinen et al. 2023); effects of levels count as part of the likelihood.

        Parameters
        ----------
        parameters : sequence of str, optional
            Flat names of main parameters, such as ``"sd[school:x]"``; all by default.
        priors : sequence of str, optional
            Names of the parameters whose priors are scaled; all by default.

        Returns
        -------
        DataFrame
            Columns parameter, prior, likelihood (above 0.05 it counts), and diagnosis: "prior
            and data may be in conflict", "strong prior or weak likelihood", or "".

        Raises
        ------
        SettingsError
            A name that there is not, or a fit that has a mode in place of draws.

        Examples
        --------
        >>> import hierglm as hg
        >>> schools = hg.datasets.eight_schools()
        >>> fit = hg.fit("y | se(se) ~ 1 + (1 | school)", schools, seed=1, adapt_delta=0.95)
        >>> fit.sensitivity()["parameter"].tolist()
        ['b[Intercept]', 'sd[school:Intercept]']
        """
        from hierglm.criticising import sensitivity

        return sensitivity.sensitivity(self, parameters, priors)

    def ppc(
        self,
        kind: str | None = None,
        by: str | None = None,
        statistic: str | Sequence[str] | None = None,
        *,
        response: str | None = None,
        draws: int | None = None,
        seed: int | None = None,
        conf_level: float = 0.95,
    ) -> Figure:
        """Return a posterior predictive check: the responses beside those drawn again.

        ===============  ========================================  ========================
        kind             what is compared                          for
        ===============  ========================================  ========================
        ``density``      kernel densities                          numbers (the default)
        ``ecdf``         distribution functions                    all but categories
        ``rootogram``    how often each count comes                counts (the default)
        ``calibration``  shares at each predicted probability      binary responses, shares
                         (Dimitriadis et al. 2021)                 of trials (the default)
        ``bars``         share of each category                    categories (the default)
        ``statistic``    `statistic` of all rows                   all but categories
        ``grouped``      `statistic` of each level of `by`         all but categories
        ``loo_pit``      where each row lies in what the others    all
                         predict for it
        ===============  ========================================  ========================

        Parameters
        ----------
        kind : str, optional
            See the table; by default what suits the family.
        by : str, optional
            Of ``grouped``: a grouping factor, or a column of the formula.
        statistic : str or sequence of str, optional
            Of "mean", "sd", "median", "min", "max", "zeros"; mean and sd by default, of
            ``grouped`` the mean.
        response : str, optional
            Of several responses which one.
        draws : int, optional
            How many replicates.
        seed : int, optional
            That of the fit by default.
        conf_level : float
            Probability of intervals and bands.

        Returns
        -------
        Figure
            With the numbers that it shows as a table, ``figure.data``.

        Raises
        ------
        SettingsError
            A kind that there is not, or not for this family; says which there are.

        Examples
        --------
        >>> import hierglm as hg
        >>> schools = hg.datasets.eight_schools()
        >>> fit = hg.fit("y | se(se) ~ 1 + (1 | school)", schools, seed=1, adapt_delta=0.95)
        >>> fit.ppc("statistic", statistic="max").data["observed"].tolist()
        [28.0]
        """
        from hierglm.criticising import ppc

        return ppc.ppc(
            self, kind, by, statistic, response=response, draws=draws, seed=seed,
            conf_level=conf_level,
        )  # fmt: skip

    def refit(self, **changes: Any) -> Fit:
        """Return a fit of the same model to the same data with other settings.

        Parameters
        ----------
        **changes
            Of chains, warmup, draws, seed, adapt_delta, max_treedepth, threads, progress. All
            else stays, the seed too. With nothing named, what `check` advises.

        Returns
        -------
        Fit
            Its notes tell what was changed.

        Raises
        ------
        SettingsError
            For a setting that there is not, or where nothing is named and nothing advised.

        Examples
        --------
        >>> import hierglm as hg
        >>> schools = hg.datasets.eight_schools()
        >>> fit = hg.fit("y | se(se) ~ 1 + (1 | school)", schools, seed=1)
        >>> fit.refit(draws=500).notes[-1]
        'fitted again with draws=500 (1000 before)'
        """
        from hierglm.refitting import refit

        return refit(self, **changes)

    def update(
        self,
        formula: str | Sequence[str] | None = None,
        data: Any = None,
        *,
        family: str | Family | None = None,
        priors: str | Mapping[str, Prior] | None = None,
        **options: Any,
    ) -> Fit:
        """Return a new fit with another formula, other data or priors; all else as before.

        What does not change the Stan program, such as rows and the numbers of priors, compiles
        nothing: programs are found by their content.

        Parameters
        ----------
        formula : str or sequence of str, optional
            Dots stand for the sides of the fit's own: ``". ~ . + z"``, ``"log(.) ~ . - x"``.
        data : table, optional
            By default the rows and columns that the fit used, which is all that it keeps.
        family : str or Family, optional
        priors : str or mapping, optional
            Over those that were given for this fit, as far as they still have a parameter.
        **options
            As of `hierglm.fit`. Settings stay, the seed too; warmup and adapt_delta where they
            were not "auto".

        Returns
        -------
        Fit

        Raises
        ------
        FormulaError, DataError, PriorError, SettingsError
            As `hierglm.fit`; and for a fit of several responses.

        Examples
        --------
        >>> import hierglm as hg
        >>> radon = hg.datasets.radon()
        >>> fit = hg.fit("log_radon ~ floor_measure + (1 | county_idx)", radon, seed=1)
        >>> fit.update(". ~ . - floor_measure").formula
        'log_radon ~ floor_measure + (1 | county_idx) - floor_measure'
        """
        from hierglm.updating import update

        return update(self, formula, data, family, priors, **options)

    @property
    def healthy(self) -> bool:
        """Whether the diagnostics found nothing that makes the numbers unsafe to use."""
        return check.healthy(self)

    @property
    def posterior(self) -> xr.Dataset:
        """The draws, labelled: ``fit.posterior["r_school"].sel(school="A")``."""
        from hierglm.results import arrays

        return arrays.posterior(self)

    def to_arviz(self, log_likelihood: bool = False) -> Any:
        """Return ArviZ's own container: InferenceData, or a DataTree from ArviZ 1 on.

        Parameters
        ----------
        log_likelihood : bool
            Add the log likelihood of each row, which `arviz.loo` needs.
        """
        from hierglm.results import arrays

        return arrays.to_arviz(self, log_likelihood)

    @property
    def plot(self) -> Plots:
        """Pictures: ``fit.plot.trace()``, ``.intervals()``, ``.ranef()``."""
        return Plots(self)

    def predict(
        self,
        new: Any = None,
        target: Target = "mean",
        groups: Groups = "include",
        new_levels: Unseen = "sample",
        *,
        response: str | None = None,
        summary: bool = True,
        draws: int | None = None,
        seed: int | None = None,
        conf_level: float = 0.95,
        hdi: bool = False,
    ) -> pd.DataFrame | xr.DataArray:
        """Return predictions of rows: a table beside them, or all draws.

        =============  ===================  ==========================  =====================
        family         target="linear"      target="mean"               target="response"
        =============  ===================  ==========================  =====================
        most           linear predictor,    mean of a response,         a response to come
                       offsets included     zeros included
        bernoulli      log odds, or as the  probability of a 1          0 or 1
                       link has it
        binomial,      the same of one      expected successes in the   successes in the
        beta_binomial  trial                trials of the row           trials of the row
        lognormal      mean of the log      mean of a response          a response to come
        hurdle         log mean before      mean of a response,         a response to come
                       zeros are cut off    zeros included
        cumulative     linear predictor     probability of each         a category
                       without thresholds   category
        categorical    one for each         probability of each         a category
                       category but the     category
                       first
        =============  ===================  ==========================  =====================

        Parameters
        ----------
        new : pandas, polars or pyarrow table, or mapping of columns, optional
            Without the response; by default the rows of the fit. Offsets, trials (for means and
            responses) and known errors (for responses) have to be there.
        target : {"mean", "linear", "response"}
            See the table.
        groups : {"include", "zero", "average"} or mapping of str to these
            "include" predicts for the level of each row. "zero" sets its effects to 0: a level
            in the middle of the population. "average" averages over the population of levels
            for each draw, which on a curved link is something else than "zero"; responses are
            then those of a new level in each row. Neither needs the column. A mapping such as
            ``{"school": "zero"}`` includes the factors that it does not name.
        new_levels : {"sample", "zero", "error"}
            Effects of levels that the fit does not know are drawn from the population (for one
            level, term and seed always the same), or 0, or refused.
        response : str, optional
            Of several responses which one.
        summary : bool
            Whether to return a table, or draws.
        draws : int, optional
            How many draws to use, evenly spread over all; all by default.
        seed : int, optional
            That of the fit by default: the same call gives the same numbers.
        conf_level : float
            Probability of the intervals.
        hdi : bool
            Shortest intervals instead of equal-tailed ones.

        Returns
        -------
        DataFrame
            The columns of `new`, and estimate (posterior mean), std_error (posterior sd),
            conf_low, conf_high; NaN in rows with missing values. With categories one row for
            each row and category, told by a column ``category``.
        DataArray
            With ``summary=False``: dimensions chain, draw, row (position in `new`), and
            category. Rows with missing values are left out; drawn categories are counted from
            0, their names are an attribute. Some of the draws are one chain.

        Raises
        ------
        DataError
            A column that is missing or of another type, a level of a predictor that the fit
            does not know, a row without a level that is needed.
        SettingsError
            A choice that there is not, or a term that cannot be averaged over.

        Examples
        --------
        >>> import hierglm as hg
        >>> schools = hg.datasets.eight_schools()
        >>> fit = hg.fit("y | se(se) ~ 1 + (1 | school)", schools, seed=1, adapt_delta=0.95)
        >>> fit.predict({"school": ["A", "Z"]}, "linear").columns.tolist()
        ['school', 'estimate', 'std_error', 'conf_low', 'conf_high']
        """
        from hierglm.predicting import predictions, table

        found = predictions.predictions(
            self, new, target, groups, new_levels, response=response, draws=draws, seed=seed
        )
        return table.predict(found, new, summary, conf_level, hdi)

    def loo(
        self, unit: str | None = None, repair: Repair | None = None, response: str | None = None
    ) -> Elpd:
        """Return how well each row, or each level, is predicted from all others; print it.

        Draws are weighted to leave a unit out, the largest weights smoothed by a Pareto
        distribution whose shape k-hat says whether that can be trusted (PSIS-LOO: Vehtari,
        Gelman and Gabry 2017).

        Parameters
        ----------
        unit : str, optional
            A grouping factor or column whose levels are left out as wholes: how well a new
            school would be predicted. Effects of which no other rows tell are integrated out,
            exactly for Gaussian responses, else by quadrature about their mode (one or two
            effects) or importance sampling. (With several linear predictors they are as drawn,
            which k-hat will seldom bear; `repair` then fits again.) Rows by default.
        repair : {"integrate", "refit"}, optional
            What is done where k-hat is too high. "integrate" leaves such rows out with the
            effects of their level integrated out, without another fit; "refit" then fits again
            without each unit that is still too hard.
        response : str, optional
            Of several responses which one.

        Returns
        -------
        Elpd
            ``.elpd``, ``.se``, ``.p``, ``.table()``, ``.pointwise()``, ``.check()``, ``.plot()``.

        Raises
        ------
        SettingsError
            A unit or response that there is not; repair of one of several responses; a fit that
            has a mode in place of draws.
        """
        from hierglm.comparing import loo

        return loo.loo(self, unit, repair, response)

    def waic(self, response: str | None = None) -> Elpd:
        """Return the widely applicable information criterion; `loo` is more robust.

        Parameters
        ----------
        response : str, optional
            Of several responses which one.
        """
        from hierglm.comparing import loo

        return loo.waic(self, response)

    def kfold(
        self,
        k: int = 10,
        by: str | None = None,
        stratify: str | None = None,
        seed: int | None = None,
    ) -> Elpd:
        """Return how well each row, or each level, is predicted by fits without its fold.

        Parameters
        ----------
        k : int
            Number of folds, each a fit with the settings of this one.
        by : str, optional
            A grouping factor or column whose levels are left out as wholes, their effects
            integrated out as in `loo`; rows by default.
        stratify : str, optional
            A grouping factor or column of whose levels each fold gets its share.
        seed : int, optional
            Of the folds; the fit's by default, so that fits of one seed have the same folds.

        Returns
        -------
        Elpd

        Raises
        ------
        SettingsError
            A number of folds or a column that cannot be; several responses.
        """
        from hierglm.comparing import kfold

        return kfold.kfold(self, k, by, stratify, seed)

    def influence(
        self, unit: str | None = None, response: str | None = None, each: bool = False
    ) -> pd.DataFrame:
        """Return how far the estimates move without each row or level, without fitting again.

        The arguments are those of `loo`; `each` gives a row for each unit and parameter, in
        place of the one that moves most.

        Returns
        -------
        DataFrame
            The most influential first: the unit, pareto_k, parameter, shift (of the posterior
            mean, in posterior sds), estimate (without the unit).
        """
        from hierglm.comparing import influence

        return influence.influence(self, unit, response, each)

    def effects(
        self,
        x: str,
        by: str | Sequence[str] | None = None,
        at: Mapping[str, Any] | None = None,
        target: Target = "mean",
        groups: Groups | None = None,
        new_levels: Unseen = "sample",
        *,
        points: int = 60,
        weights: Weights = "equal",
        response: str | None = None,
        summary: bool = True,
        draws: int | None = None,
        seed: int | None = None,
        conf_level: float = 0.95,
        hdi: bool = False,
    ) -> pd.DataFrame | xr.DataArray:
        """Return a target over the values of a column, the other columns at their reference.

        Numbers that are not named stand at their means, and factors (and numbers with two
        values) at all their levels, over which the target is averaged: the reference grid of
        `means`. `Plots.effects` draws the table.

        Parameters
        ----------
        x : str
            A number, over its range in the data, or a factor.
        by : str or sequence of str, optional
            Columns for whose values the effect is shown: all levels of a factor; of a number
            its mean and one sd below and above.
        at : mapping of str to values, optional
            Values of columns, `x` and `by` included; more than one make rows of their own.
        target : {"mean", "linear", "response"}
            See `predict`; of successes in trials their share.
        groups : {"include", "zero", "average"} or mapping, optional
            See `predict`. By default the factors that are named in `x`, `by` or `at` are
            included (``by="school"``: one curve a school), and the others at zero.
        new_levels, response, summary, draws, seed, conf_level, hdi
            See `predict`.
        points : int
            How many values over the range of a number.
        weights : {"equal", "proportional"}
            How levels of factors that are not named count: the same, or as often as they occur.

        Returns
        -------
        DataFrame
            One row a combination of values: columns `x`, `by`, those of `at`, estimate,
            std_error, conf_low, conf_high; with categories one row for each.
        DataArray
            With ``summary=False``: dimensions chain, draw, row and category.

        Raises
        ------
        SettingsError
            A column on which nothing depends, a value that it cannot have.

        Examples
        --------
        >>> import hierglm as hg
        >>> radon = hg.datasets.radon()
        >>> fit = hg.fit("log_radon ~ floor_measure + (1 | county_idx)", radon, seed=1)
        >>> fit.effects("floor_measure")["floor_measure"].tolist()
        [0, 1]
        """
        from hierglm.marginal import cells, effects

        found = effects.effects(
            self, x, by, at, target, groups, new_levels, points=points, weights=weights,
            response=response, draws=draws, seed=seed,
        )  # fmt: skip
        return cells.answer(found, summary=summary, conf_level=conf_level, hdi=hdi)

    def means(
        self,
        names: str | Sequence[str],
        by: str | Sequence[str] | None = None,
        at: Mapping[str, Any] | None = None,
        target: Target = "mean",
        groups: Groups | None = None,
        new_levels: Unseen = "sample",
        *,
        contrasts: bool | Pairs = False,
        kind: Kind = "difference",
        weights: Weights = "equal",
        response: str | None = None,
        summary: bool = True,
        draws: int | None = None,
        seed: int | None = None,
        conf_level: float = 0.95,
        hdi: bool = False,
    ) -> pd.DataFrame | xr.DataArray:
        """Return means over a reference grid, or contrasts of them: those of R's emmeans.

        The grid has the levels of factors, and of numbers with two values these, in all
        combinations, and other numbers at their means. With ``target="linear"`` the answers are
        emmeans' own; with "mean" the target is averaged, as after emmeans' ``regrid``.

        Parameters
        ----------
        names : str or sequence of str
            Columns whose values have a mean each.
        by : str or sequence of str, optional
            Columns within whose values the contrasts are.
        contrasts : bool or {"pairwise", "reference", "sequential"}
            Instead of means, their contrasts: all pairs (also True; "a - b" as in emmeans), each
            with the first ("b - a"), each with the one before.
        kind : {"difference", "ratio", "odds_ratio"}
            What contrasts are.
        at, target, groups, new_levels, weights, response, summary, draws, seed, conf_level, hdi
            See `effects`.

        Returns
        -------
        DataFrame
            One row a mean or contrast; see `effects`.
        DataArray
            With ``summary=False``.

        Raises
        ------
        SettingsError
            A column on which nothing depends, a value that it cannot have.

        Examples
        --------
        >>> import hierglm as hg
        >>> radon = hg.datasets.radon()
        >>> fit = hg.fit("log_radon ~ floor_measure + (1 | county_idx)", radon, seed=1)
        >>> fit.means("floor_measure", contrasts=True)["contrast"].tolist()
        ['0 - 1']
        """
        from hierglm.marginal import cells, means

        found = means.means(
            self, names, by, at, target, groups, new_levels, contrasts=contrasts, kind=kind,
            weights=weights, response=response, draws=draws, seed=seed,
        )  # fmt: skip
        return cells.answer(found, summary=summary, conf_level=conf_level, hdi=hdi)

    def slopes(
        self,
        names: str | Sequence[str],
        by: str | Sequence[str] | None = None,
        at: Mapping[str, Any] | None = None,
        target: Target = "mean",
        groups: Groups = "include",
        new_levels: Unseen = "sample",
        *,
        new: Any = None,
        average: bool = True,
        step: float = 1e-5,
        response: str | None = None,
        summary: bool = True,
        draws: int | None = None,
        seed: int | None = None,
        conf_level: float = 0.95,
        hdi: bool = False,
    ) -> pd.DataFrame | xr.DataArray:
        """Return derivatives of a target with respect to columns, averaged over rows.

        Differences over a step to both sides of each row's value: exact but for rounding where
        the target is linear in the column, else with an error of the order of the step squared.
        Where the formula cannot go beyond the data (splines), the step is to one side at the
        ends.

        Parameters
        ----------
        names : str or sequence of str
            Numbers.
        by : str or sequence of str, optional
            Columns within whose values rows are averaged.
        at : mapping of str to values, optional
            All rows get these values instead of their own, for each combination once.
        target : {"mean", "linear"}
            See `predict`; of successes in trials their share.
        groups
            See `predict`: by default rows keep the effects of their levels.
        new : table, optional
            Rows other than the fit's.
        average : bool
            Whether slopes are averaged; else there is one for each row.
        step : float
            In standard deviations of the column.
        new_levels, response, summary, draws, seed, conf_level, hdi
            See `predict`.

        Returns
        -------
        DataFrame
            Columns term (the column), those of `by` and `at` (or of the rows, with ``row``,
            their index), estimate, std_error, conf_low, conf_high.
        DataArray
            With ``summary=False``.

        Raises
        ------
        SettingsError
            A column that is no number, or on which nothing depends.

        Examples
        --------
        >>> import hierglm as hg
        >>> radon = hg.datasets.radon()
        >>> fit = hg.fit("log_radon ~ log_uppm + (1 | county_idx)", radon, seed=1)
        >>> slope, b = fit.slopes("log_uppm"), fit.fixef().query("term == 'log_uppm'")
        >>> bool(abs(slope["estimate"].item() - b["estimate"].item()) < 1e-9)
        True
        """
        from hierglm.marginal import cells, slopes

        found = slopes.slopes(
            self, names, by, at, target, groups, new_levels, new=new, average=average,
            step=step, response=response, draws=draws, seed=seed,
        )  # fmt: skip
        return cells.answer(*found, summary=summary, conf_level=conf_level, hdi=hdi)

    def comparisons(
        self,
        names: str | Sequence[str],
        values: Any = None,
        by: str | Sequence[str] | None = None,
        at: Mapping[str, Any] | None = None,
        target: Target = "mean",
        groups: Groups = "include",
        new_levels: Unseen = "sample",
        *,
        kind: Kind = "difference",
        contrasts: Pairs = "reference",
        new: Any = None,
        average: bool = True,
        response: str | None = None,
        summary: bool = True,
        draws: int | None = None,
        seed: int | None = None,
        conf_level: float = 0.95,
        hdi: bool = False,
    ) -> pd.DataFrame | xr.DataArray:
        """Return what a target would be at some values of a column compared with at others.

        All rows are given each value in turn; the comparison is that of the averages (a ratio
        is one of averages, not an average of ratios).

        Parameters
        ----------
        names : str or sequence of str
            Columns, one at a time.
        values : sequence or {"sd", "iqr"}, optional
            What is compared. By default the levels of a factor, both of two numbers, and a
            number as it is with itself plus 1; "sd" adds its standard deviation, "iqr" goes
            from its first quartile to its third.
        kind : {"difference", "ratio", "odds_ratio"}
        contrasts : {"reference", "pairwise", "sequential"}
            Each value with the first, all pairs, or each with the one before; the later is
            named first: "b - a".
        by, at, target, groups, new, average
            See `slopes`.
        new_levels, response, summary, draws, seed, conf_level, hdi
            See `predict`.

        Returns
        -------
        DataFrame
            Columns term (the column), contrast ("b - a"), and as in `slopes`.
        DataArray
            With ``summary=False``.

        Raises
        ------
        SettingsError
            A column on which nothing depends, values that it cannot have.

        Examples
        --------
        >>> import hierglm as hg
        >>> radon = hg.datasets.radon()
        >>> fit = hg.fit("log_radon ~ floor_measure + (1 | county_idx)", radon, seed=1)
        >>> fit.comparisons("floor_measure")["contrast"].tolist()
        ['1 - 0']
        """
        from hierglm.marginal import cells, comparisons

        found = comparisons.comparisons(
            self, names, values, by, at, target, groups, new_levels, kind=kind,
            contrasts=contrasts, new=new, average=average, response=response, draws=draws,
            seed=seed,
        )  # fmt: skip
        return cells.answer(*found, summary=summary, conf_level=conf_level, hdi=hdi)

    def adapt(self, new_rows: Any, seed: int | None = None) -> Adapted:
        """Return the posterior given new rows too, without fitting again; in milliseconds.

        Levels that the fit does not know get coefficients of their own, from their rows and
        the fitted population; all else moves with them, and ``adapted.khat`` says when it
        moves so far that a new fit is due.

        Parameters
        ----------
        new_rows : pandas, polars or pyarrow table, or mapping of columns
            With the response; of new levels or known ones, of one grouping factor or several.
        seed : int, optional
            That of the fit by default.

        Returns
        -------
        Adapted
            Print it; or see `Adapted.coef`, `Adapted.ranef`, `Adapted.predict`,
            `Adapted.adapt`.

        Raises
        ------
        DataError, ResponseError
            Rows that cannot be encoded as the fit's own were.
        SettingsError
            A model that cannot be adapted.

        Examples
        --------
        >>> import hierglm as hg
        >>> schools = hg.datasets.eight_schools()
        >>> fit = hg.fit("y | se(se) ~ 1 + (1 | school)", schools, seed=1, adapt_delta=0.95)
        >>> fit.adapt({"y": [20.0], "se": [5.0], "school": ["I"]}).ranef()["level"].tolist()
        ['I']
        """
        from hierglm.adapting.adapted import adapt

        return adapt(self, new_rows, seed)

    def save(self, path: str | Path) -> Path:
        """Write the fit to one file that `hierglm.load` opens anywhere, and return its path.

        Raises
        ------
        FileError
            If it cannot be written; what was at `path` before is then untouched.
        """
        from hierglm.results import store

        return store.save(self, path)


@dataclass(frozen=True, slots=True)
class Plots:
    """Pictures of a fit; each is a matplotlib figure that can be shown or saved."""

    fit: Fit

    def effects(
        self,
        x: str,
        by: str | Sequence[str] | None = None,
        at: Mapping[str, Any] | None = None,
        target: Target = "mean",
        *,
        data: bool = True,
        **kwargs: Any,
    ) -> Figure:
        """Return the table of `Fit.effects` drawn, which takes the same arguments.

        Parameters
        ----------
        x, by, at, target, **kwargs
            See `Fit.effects`.
        data : bool
            Whether the rows of the fit are shown behind, where they are on the target's scale.
        """
        from hierglm import plots
        from hierglm.marginal import effects

        table: Any = self.fit.effects(x, by, at, target, **{**kwargs, "summary": True})
        response = kwargs.get("response")
        seen = effects.observed(self.fit, list(table.columns), target, response) if data else None
        name, quantity = effects.words(self.fit.plan.model, x, target, response)
        return plots.effects(table, x, name, quantity, seen, kwargs.get("conf_level", 0.95))

    def trace(self, *args: Any, **kwargs: Any) -> Figure:
        """Return the draws of each chain in order, with their densities."""
        from hierglm import plots

        return plots.trace(self.fit, *args, **kwargs)

    def intervals(self, *args: Any, **kwargs: Any) -> Figure:
        """Return the intervals of the main parameters."""
        from hierglm import plots

        return plots.intervals(self.fit, *args, **kwargs)

    def pooling(self, *args: Any, **kwargs: Any) -> Figure:
        """Return how far each level's coefficients are drawn to the common ones."""
        from hierglm import plots

        return plots.pooling(self.fit, *args, **kwargs)

    def ranef(self, *args: Any, **kwargs: Any) -> Figure:
        """Return the effects of every level with their intervals, sorted."""
        from hierglm import plots

        return plots.ranef(self.fit, *args, **kwargs)

    def rank(self, *args: Any, **kwargs: Any) -> Figure:
        """Return the ranks of each chain's draws among all, flat where the chains agree."""
        from hierglm import plots

        return plots.rank(self.fit, *args, **kwargs)

    def correlation(self, *args: Any, **kwargs: Any) -> Figure:
        """Return the posterior correlations of the main parameters as a matrix."""
        from hierglm import plots

        return plots.correlation(self.fit, *args, **kwargs)

    def prior_posterior(self, parameters: str | Sequence[str] | None = None) -> Figure:
        """Return the densities of the main parameters before and after the data.

        See `hierglm.criticising.prior_posterior.prior_posterior`.
        """
        from hierglm.criticising import prior_posterior

        return prior_posterior.prior_posterior(self.fit, parameters)


def load(path: str | Path, functions: Mapping[str, Callable[..., Any]] | None = None) -> Fit:
    """Open a saved fit; needs no Stan and no compiler.

    Parameters
    ----------
    path : str or Path
        What `Fit.save` wrote.
    functions : mapping of str to callable
        Functions of your own that the formula calls: files hold data, never code.

    Raises
    ------
    FileError
        A file that is missing, damaged, changed, or from another version.
    """
    from hierglm.results import store

    loaded = store.load(path, functions)
    return Fit(**{f.name: getattr(loaded, f.name) for f in fields(loaded)})
