"""Whether the numbers can be relied upon, and how well the model does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hierglm.results import check
from hierglm.results.findings import Check
from hierglm.results.fitted import Fitted
from hierglm.results.outcome import Elbo

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from os import PathLike

    import pandas as pd
    from matplotlib.figure import Figure

    from hierglm.comparing.elpd import Elpd
    from hierglm.comparing.repair import Repair
    from hierglm.criticising.statistics import Given


class Criticism(Fitted):
    """Whether the numbers can be relied upon, and how well the model does."""

    __slots__ = ()

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

    @property
    def healthy(self) -> bool:
        """Whether the diagnostics found nothing that makes the numbers unsafe to use."""
        return check.healthy(self)

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
        statistic: Given = None,
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
        statistic : str, callable, or sequence or mapping of these, optional
            Of "mean", "sd", "median", "min", "max", "zeros"; mean and sd by default, of
            ``grouped`` the mean. Or functions of the responses of one data set that return a
            number, ``statistic={"range": np.ptp}``.
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

    def loo(
        self,
        unit: str | None = None,
        repair: Repair | None = None,
        response: str | None = None,
        executor: Executor | None = None,
        progress: bool | None = None,
        checkpoint: str | PathLike[str] | None = None,
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
        repair : {"integrate", "moment_match", "refit"}, optional
            What is done where k-hat is too high. "integrate" leaves such rows out with the
            effects of their level integrated out, without another fit. For each unit that is
            still too hard "moment_match" then moves the draws to where the posterior without it
            is (Paananen et al. 2021; of one linear predictor), and "refit" fits again.
        response : str, optional
            Of several responses which one.
        executor, progress, checkpoint
            Where "refit" fits, whether it shows a bar, and what keeps its fits; as of `kfold`.

        Returns
        -------
        Elpd
            ``.elpd``, ``.se``, ``.p``, ``.table()``, ``.pointwise()``, ``.check()``, ``.plot()``.

        Raises
        ------
        SettingsError
            A unit or response that there is not; moment matching of several linear predictors;
            a fit that has a mode in place of draws.
        CheckpointError, PriorError
            Of "refit", as of `kfold`.
        """
        from hierglm.comparing import loo

        return loo.loo(self, unit, repair, response, executor, progress, checkpoint)

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
        response: str | None = None,
        executor: Executor | None = None,
        progress: bool | None = None,
        checkpoint: str | PathLike[str] | None = None,
    ) -> Elpd:
        """Return how well each row, or each level, is predicted by fits without its fold.

        Parameters
        ----------
        k : int
            Number of folds, each a fit with the settings of this one. What the diagnostics of
            these fits find is told by the answer's `check`.
        by : str, optional
            A grouping factor or column whose levels are left out as wholes, their effects
            integrated out as in `loo`; rows by default.
        stratify : str, optional
            A grouping factor or column of whose levels each fold gets its share.
        seed : int, optional
            Of the folds; the fit's by default, so that fits of one seed have the same folds.
        response : str, optional
            Of several responses the one whose rows are left out; the others' stay. Without it
            the levels of `by` are left out of all responses at once.
        executor : concurrent.futures.Executor, optional
            Where folds are fitted, several at a time; the numbers are the same.
        progress : bool, optional
            A bar of the folds; by default in a terminal and in a notebook.
        checkpoint : path, optional
            A folder, such as ``"folds"``, that keeps what is wanted of each fold as soon as it
            is fitted. After a crash the same call goes on from there, to the same numbers.

        Returns
        -------
        Elpd

        Raises
        ------
        CheckpointError
            The folder is of another fit, other folds or settings; says what differs.
        SettingsError
            A number of folds or a column that cannot be.
        PriorError
            A flat prior of which too few rows would tell without some fold; before any is fitted.
        """
        from hierglm.comparing import kfold

        return kfold.kfold(self, k, by, stratify, seed, response, executor, progress, checkpoint)

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
