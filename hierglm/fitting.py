"""The straight line from a formula and a table to a posterior; nothing is decided here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from os import PathLike
from typing import Any, Literal, TypedDict, Unpack, overload

from hierglm.engines.engine import Engine
from hierglm.engines.methods import Method
from hierglm.errors import SettingsError
from hierglm.families import Family
from hierglm.modelling import Formula, Functions, Priors, model
from hierglm.parts import ResponsePart
from hierglm.posterior import Fit
from hierglm.results.approximation import Approximation
from hierglm.sampling import Auto


def joint(parts: Sequence[ResponsePart], data: Any = None, **options: Any) -> Fit:
    """Fit several responses together, whose group effects may share a covariance.

    Parameters
    ----------
    parts : sequence of `hierglm.part`
        One a response, each with its own rows, family and weight.
    data : table, optional
        Of the parts that have none of their own.
    **options
        Those of `hierglm.fit`.

    Returns
    -------
    Fit

    Examples
    --------
    >>> import hierglm as hg
    >>> data = {"score": [1.0, 3.0, 2.0, 5.0], "passed": [0, 1, 0, 1], "school": list("aabb")}
    >>> parts = [hg.part("score ~ 1 + (1 |s| school)"),
    ...          hg.part("passed ~ 1 + (1 |s| school)", "bernoulli")]
    >>> hg.model(parts, data).priors()["parameter"].tolist()[-3:]
    ['sd[school:Intercept]@score', 'sd[school:Intercept]@passed', 'cor[school]']
    """
    found = [p for p in parts if isinstance(p, ResponsePart)]
    if isinstance(parts, str) or not found or len(found) < len(parts):
        raise SettingsError("hg.joint takes parts: hg.joint([hg.part('y ~ x'), ...], data)")
    fitted: Fit = fit(found, data, **options)
    return fitted


class _Options(TypedDict, total=False):
    priors: Priors
    plan: str | Mapping[str, str]
    engine: str | Engine
    missing: Literal["drop", "error"]
    functions: Functions | None
    data2: Mapping[str, Any] | None
    weights: Mapping[Any, Any] | None
    method_options: Mapping[str, Any] | None
    chains: int
    warmup: int | Auto
    draws: int
    seed: int | None
    adapt_delta: float | Auto
    max_treedepth: int
    threads: int | None
    progress: bool | None
    checkpoint: str | PathLike[str] | None
    executor: Executor | None
    out: str | PathLike[str] | None


@overload
def fit(
    formula: Formula,
    data: Any,
    family: str | Family = ...,
    *,
    method: Literal["sample", "optimize", "pathfinder", "variational", "laplace"] | Method = ...,
    **options: Unpack[_Options],
) -> Fit: ...


@overload
def fit(
    formula: Formula,
    data: Any,
    family: str | Family = ...,
    *,
    method: Literal["approx"],
    **options: Unpack[_Options],
) -> Approximation: ...


def fit(
    formula: Formula,
    data: Any,
    family: str | Family = "gaussian",
    *,
    priors: Priors = None,
    plan: str | Mapping[str, str] = "auto",
    engine: str | Engine = "auto",
    missing: Literal["drop", "error"] = "drop",
    functions: Functions | None = None,
    data2: Mapping[str, Any] | None = None,
    weights: Mapping[Any, Any] | None = None,
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
) -> Fit | Approximation:
    """Fit a hierarchical generalised linear model and return its posterior.

    Parameters
    ----------
    formula : str or sequence
        ``"score ~ x + (x | school)"``. Left of ``~``: the response, with
        ``| trials(n)``, ``| weights(w)``, ``| se(s)``, joined by ``+``, or
        ``cbind(successes, failures)``. Right: common terms, ``offset(...)``, and group
        terms ``(x | g)``, ``(x || g)``, ``(1 | a/b)``, ``(1 | a:b)``. The effects of a level
        may have fewer sds and correlations: ``iso(x | g)`` one sd for all and no
        correlations, ``cs(x | g)`` one correlation for each two, ``ar1(0 + t | g)`` one sd,
        and correlations rho^|s - t| between times s and t (whole numbers, where gaps count,
        or the levels of a category in order), ``rr(x1 + x2 + x3 | g, rank=2)`` loadings on
        two factors (``rank="auto"`` as many as matter); ``(1 |s| g) + (0 + x |s| g)``, with
        one id, is ``(x | g)``. Levels may be related:
        ``(1 | gr(g, cov=A))`` by a known covariance, ``graph(x | g, edges=E, type="icar")``
        (or "car", "bym2") by a graph; have covariances by stratum, ``(x | gr(g, by=f))``; or
        outliers among them, ``(x | gr(g, dist="student"))``; and rows may belong to several,
        ``(1 | mm(g1, g2, weights=cbind(w1, w2)))``. Of several formulas
        the further ones are of parameters of the family: ``["y ~ x", "sigma ~ z + (1 | g)"]``;
        of several responses see `hierglm.joint`.
    data : pandas, polars or pyarrow table, or mapping of columns
        One row an observation; never changed. Or a table that is read in batches and never held
        whole: the path of a Parquet file or folder, a pyarrow dataset, a Polars LazyFrame, a
        DuckDB relation, a Dask DataFrame. Of Gaussian responses sums are kept, of Bernoulli,
        binomial and Poisson ones equal rows are counted; the posterior is that of all rows.
    family : str or Family
        Of numbers "gaussian", "student"; positive ones "lognormal", "gamma"; ones between 0
        and 1 "beta". Of 0 and 1 "bernoulli"; successes out of trials "binomial",
        "beta_binomial". Of counts "poisson", "negbinomial", and each of these with
        ``zero_inflated_`` or ``hurdle_`` before it. Of categories "categorical"; in an order (or
        numbered from 1) "cumulative". Links other than the usual one stand in brackets,
        "bernoulli(probit)", or see `hierglm.family`.
    priors : "default", "brms", "rstanarm" or mapping
        A whole set, or priors by name: ``{"b": hg.prior.normal(0, 1), "sd[school]": ...}``.
        ``hg.prior.constant(0.5)`` gives a parameter in place of estimating it.
    plan : {"auto", "textbook"} or mapping
        How the program is written; the posterior is the same. "textbook" writes what a
        person would; "auto" does better where it can, and ``print(fit.plan)`` says why.
        Parts of it may be asked for: ``{"(1 | h)": "standardised"}`` (or "conditional",
        "integrated"), ``{"response": "rows"}``.
    engine : {"auto", "embedded", "cmdstan"} or Engine
        What samples. "auto" is "embedded", which needs no compiler, unless a fit is predicted
        to take minutes there and less than half of that compiled; the prediction looks at the
        model and the settings alone, and stands in ``fit.plan``.
    missing : {"drop", "error"}
        What to do with rows that have missing values.
    functions : mapping of str to callable
        Functions of your own that the formula may call, by name.
    data2 : mapping of str to matrix or graph, optional
        What the formula wants beside the table, by name. A covariance matrix A: a DataFrame
        with levels as index and columns, or an array in the order of the levels. Edges E: a
        table of two columns of levels (and a third of weights), an adjacency matrix (DataFrame,
        array or sparse), or a networkx graph.
    weights : mapping, optional
        Weights of whole levels, ``{"taskA": 2.0}``, or ``{"school": {"A": 2.0}}`` where there
        are several grouping factors; other levels weigh 1. They multiply the log likelihoods
        of their rows, in every response, and weights of rows, ``y | weights(w)``.
    method : {"sample", "approx", "optimize", "pathfinder", "variational", "laplace"} or Method
        "sample" gives the posterior. "approx" returns the penalised fit that chains would start
        about, in milliseconds: an `Approximation`, not a posterior. The others are CmdStan's
        and need engine "cmdstan", which "auto" then takes: the mode, or draws of a normal
        approximation with ``fit.khat`` (how far it is) and ``fit.elbo``.
    method_options : mapping, optional
        Options of CmdStan's method by CmdStan's names, such as ``{"algorithm": "fullrank"}``;
        see `hierglm.engines.methods`.
    chains, draws : int
        Number of chains, and iterations a chain after warmup; of an approximation all draws.
    warmup : int or "auto"
        Iterations a chain before that. "auto" takes 300 where chains start about a
        penalised fit, and 1,000 elsewhere or where 300 turned out too few; a note says so.
    seed : int, optional
        The same call with the same seed and the same versions gives the same numbers.
        Without one, a new seed is taken and kept in ``fit.settings.seed``.
    adapt_delta : float or "auto"
        Target acceptance probability; raise it against divergences. "auto" is 0.65 where
        chains start about a penalised fit by which all sds are known well, and 0.8 elsewhere.
    max_treedepth : int
        Longest trajectory is ``2**max_treedepth`` steps.
    threads : int, optional
        Threads in all, for chains and within them; all processors by default.
    progress : bool, optional
        A bar; by default in a terminal and in a notebook.
    checkpoint : path, optional
        A file, such as ``"run.hglm"``, in which each chain is kept as soon as it is complete.
        The same call goes on from there after a crash, with the draws that it would have had,
        and the seed too where none is given. After the run it is the saved fit, for
        `hierglm.load`, and the same call returns it at once.
    executor : concurrent.futures.Executor, optional
        Where chains run, each with the draws that it would have here: processes, or
        ``client.get_executor()`` of Dask for other machines. A chain whose worker died runs
        again.
    out : path, optional
        A NetCDF file, ``"draws.nc"``, for effects of more levels than memory holds: their draws
        go to the disk as they come, and stay there. Tables, predictions and ``fit.posterior``
        (xarray) read what they want of it; `hierglm.load`, ArviZ and xarray open it. While the
        fit is made it takes two to three times the room of these draws.

    Returns
    -------
    Fit or Approximation
        Print it; or see `Fit.tidy`, `Fit.ranef`, `Fit.posterior`, `Fit.plot`.

    Raises
    ------
    FormulaError, DataError, PriorError, SettingsError
        Your input, before anything is compiled.
    CheckpointError
        The checkpoint is of another model, data or settings; says what differs.
    EngineError
        Stan could not compile or sample.

    Examples
    --------
    >>> import hierglm as hg
    >>> schools = hg.datasets.eight_schools()
    >>> fit = hg.fit("y | se(se) ~ 1 + (1 | school)", schools, seed=1, adapt_delta=0.95)
    >>> fit.tidy()[["effect", "term"]].values.tolist()
    [['fixed', 'Intercept'], ['ran_sd', 'Intercept']]
    """
    prepared = model(
        formula,
        data,
        family,
        priors=priors,
        plan=plan,
        engine=engine,
        missing=missing,
        functions=functions,
        data2=data2,
        weights=weights,
    )
    if method == "approx":
        if method_options:
            raise SettingsError("method 'approx' has no options")
        if checkpoint is not None:
            raise SettingsError("checkpoint is for method='sample', not 'approx'")
        if executor is not None:
            raise SettingsError("executor is for method='sample', not 'approx'")
        if out is not None:
            raise SettingsError("out is for method='sample', not 'approx'")
        return prepared.approx()
    return prepared.fit(
        method=method,
        method_options=method_options,
        chains=chains,
        warmup=warmup,
        draws=draws,
        seed=seed,
        adapt_delta=adapt_delta,
        max_treedepth=max_treedepth,
        threads=threads,
        progress=progress,
        checkpoint=checkpoint,
        executor=executor,
        out=out,
    )
