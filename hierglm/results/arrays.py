"""The draws as labelled arrays: xarray, and ArviZ's containers. Only this module knows ArviZ.

Nothing of ArviZ 1.x is imported: its container is xarray's own DataTree.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hierglm.draws.draws import Draws, Variable
from hierglm.draws.stored import InFile, StoredVariable
from hierglm.errors import SettingsError
from hierglm.results.fitted import Fitted
from hierglm.results.pointwise import log_likelihood as pointwise

if TYPE_CHECKING:
    import xarray as xr


def posterior(fitted: Fitted, labels_only: Collection[str] = ()) -> xr.Dataset:
    """Return the draws with their labels; those that are in a file are read when looked at.

    Parameters
    ----------
    fitted : Fitted
    labels_only : collection of str
        Variables whose draws are left out.

    Returns
    -------
    Dataset
        Dimensions chain, draw, and term; for a group ``school``: school (its levels),
        school_term, school_pair (``"Intercept,x"``). A dimension whose name is taken gets
        ``_level`` at its end.
    """
    import xarray as xr

    variables: dict[str, Any] = {}
    coords: dict[str, Any] = chain_coordinates(fitted.draws)
    names = dimensions(fitted.draws)
    for variable in fitted.draws:
        dims = names[variable.name]
        if variable.name not in labels_only:
            variables[clean(variable.name)] = _lazily(variable, dims)
        for dim, (_, labels) in zip(dims[2:], variable.dims, strict=True):
            coords[dim] = _coordinate(labels)
    return xr.Dataset(variables, coords, attrs=_attributes(fitted))


def sample_stats(fitted: Fitted) -> xr.Dataset:
    """Return the sampler's statistics, dimensions chain and draw."""
    import xarray as xr

    stats = {k: (("chain", "draw"), v) for k, v in fitted.draws.stats.items()}
    return xr.Dataset(stats, chain_coordinates(fitted.draws), attrs=_attributes(fitted))


def _lazily(variable: Variable, dims: tuple[str, ...]) -> Any:
    if not isinstance(variable, StoredVariable) or not isinstance(variable.read, InFile):
        return dims, variable.values
    import xarray as xr

    variable.read.check()
    group, name = variable.read.dataset.rsplit("/", 1)
    opened = xr.open_dataset(variable.read.path, group=group, engine="h5netcdf", cache=False)
    return opened[name].variable


def to_arviz(fitted: Fitted, log_likelihood: bool = False) -> Any:
    """Return the fit as ArviZ knows it: InferenceData, or a DataTree from ArviZ 1 on.

    Parameters
    ----------
    fitted : Fitted
    log_likelihood : bool
        Add the log likelihood of each row, which ``arviz.loo`` needs. It takes
        8 bytes x draws x rows of memory.

    Returns
    -------
    InferenceData or DataTree
        Groups posterior, sample_stats, observed_data, and log_likelihood if asked for.

    Raises
    ------
    SettingsError
        If ArviZ is not installed, or finds no folder that it can write in.
    """
    import xarray as xr

    new = _arviz_version() >= 1
    chains = chain_coordinates(fitted.draws)
    observed, likelihoods, rows = _responses(fitted, log_likelihood)
    groups = {
        "posterior": posterior(fitted),
        "sample_stats": sample_stats(fitted),
        "observed_data": xr.Dataset(observed, rows),
    }
    if log_likelihood:
        groups["log_likelihood"] = xr.Dataset(likelihoods, chains | rows)
    if new:
        return xr.DataTree.from_dict(groups)
    return _inference_data()(**groups)


def _inference_data() -> Any:
    with warnings.catch_warnings():
        # Once a day ArviZ 0.2x announces the next one, which is served by other means.
        warnings.filterwarnings("ignore", "\\s*ArviZ is undergoing", FutureWarning)
        try:
            from arviz import InferenceData
        except OSError as error:
            raise SettingsError(
                f"ArviZ cannot write in its cache folder when it is imported: {error}; set "
                "XDG_CACHE_HOME to a folder that can be written, or use fit.posterior"
            ) from error
    return InferenceData


def _responses(
    fitted: Fitted, log_likelihood: bool
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return responses, the log likelihoods of their rows if wanted, and the rows, by name."""
    observed: dict[str, Any] = {}
    likelihoods: dict[str, Any] = {}
    rows: dict[str, Any] = {}
    for model in fitted.plan.model.responses:
        row = f"row{model.part.rows}"
        # Groups of a DataTree, and NetCDF, read "/" as a path.
        label = clean(model.part.response or model.design.response.label)
        observed[label] = ((row,), model.design.response.values)
        rows[row] = model.design.kept
        if log_likelihood:
            likelihoods[label] = (("chain", "draw", row), pointwise(fitted, model))
    return observed, likelihoods, rows


def _arviz_version() -> int:
    try:
        return int(version("arviz").split(".")[0])
    except PackageNotFoundError:
        raise SettingsError("to_arviz() needs ArviZ: pip install arviz") from None


def chain_coordinates(draws: Draws) -> dict[str, Any]:
    """Return the labels of chains and draws."""
    return {"chain": np.arange(draws.chains), "draw": np.arange(draws.draws)}


def dimensions(draws: Draws) -> dict[str, tuple[str, ...]]:
    """Return the names of the dimensions of each variable, free of collisions.

    A group may be called "draw", or "b", or "x_term" beside a group "x".
    """
    taken: dict[str, Sequence[Any] | None] = dict.fromkeys(("chain", "draw", "row"))
    taken.update(dict.fromkeys(v.name for v in draws))
    found: dict[str, tuple[str, ...]] = {}
    for variable in draws:
        own = ["chain", "draw"]
        for name, labels in variable.dims:
            name = clean(name)
            while name in taken and not _same(taken[name], labels):
                name += "_level"
            taken[name] = labels
            own.append(name)
        found[variable.name] = tuple(own)
    return found


def clean(name: str) -> str:
    """Return a name that may stand in ArviZ's containers and is not that of the rows."""
    return "response" if name == "row" else name.replace("/", "_over_")


def _same(one: Sequence[Any] | None, other: Sequence[Any]) -> bool:
    return one is not None and len(one) == len(other) and list(one) == list(other)


def _coordinate(labels: Sequence[Any]) -> NDArray[Any]:
    """Return labels as an array: pairs joined by commas, text as text, others as they are."""
    if len(labels) and isinstance(labels[0], tuple):
        return np.array([",".join(map(str, pair)) for pair in labels])
    array = np.asarray(labels)
    return array.astype(str) if array.dtype.kind in "OTU" else array


def _attributes(fitted: Fitted) -> Mapping[str, str]:
    return {
        "formula": "; ".join(fitted.plan.model.formulas),
        "family": fitted.plan.model.distribution,
        "inference_library": f"hierglm ({fitted.engine})",
        "inference_library_version": fitted.versions.get("hierglm", ""),
        "seed": str(fitted.settings.seed),
    }
