"""CmdStan's methods besides sampling, each with its options under CmdStan's names.

What all methods share (seed, number of draws, threads) stands in
`hierglm.engines.engine.Settings`. Sources: CmdStan User's Guide, "Optimization", "Variational
Inference using Pathfinder" (Zhang et al. 2022), "Variational Inference using ADVI" (Kucukelbir
et al. 2017), "Laplace sampling".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import numpy as np

from hierglm.errors import SettingsError, suggest


@dataclass(frozen=True, slots=True)
class Method:
    """One of CmdStan's methods; its options are checked when it is made.

    Raises
    ------
    SettingsError
        For an option outside its range; says which, and what would do.
    """

    name: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for option in fields(self):
            _check(self.name, option.name, getattr(self, option.name), option.metadata)

    def __str__(self) -> str:
        """Return the name, and the options that are not the defaults."""
        own = [o.name for o in fields(self) if getattr(self, o.name) != o.default]
        return self.name + "".join(f", {name}={getattr(self, name)!r}" for name in own)


def _option(default: Any, **rules: Any) -> Any:
    return field(default=default, metadata={"default": default, **rules})


@dataclass(frozen=True, slots=True)
class Sample(Method):
    """Hamiltonian Monte Carlo: the posterior itself. Its settings stand in `Settings`."""

    name: ClassVar[str] = "sample"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuasiNewton(Method):
    """What the methods that climb to a mode have in common.

    Attributes
    ----------
    init_alpha : float
        Length of the first step of a line search.
    tol_obj, tol_rel_obj : float
        Change of the objective at which it stops: absolute, and in units of its rounding.
    tol_grad, tol_rel_grad : float
        Likewise of the gradient.
    tol_param : float
        Likewise of the parameters.
    history_size : int
        How many steps L-BFGS remembers.
    """

    init_alpha: float = _option(0.001, above=0)
    tol_obj: float = _option(1e-12)
    tol_rel_obj: float = _option(1e4)
    tol_grad: float = _option(1e-8)
    tol_rel_grad: float = _option(1e7)
    tol_param: float = _option(1e-8)
    history_size: int = _option(5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Climb(QuasiNewton):
    """The choice of an optimiser.

    Attributes
    ----------
    algorithm : {"lbfgs", "bfgs", "newton"}
        "newton" has no options; "bfgs" remembers every step.
    iter : int
        Most iterations.
    """

    algorithm: str = _option("lbfgs", one_of=("lbfgs", "bfgs", "newton"))
    iter: int = _option(2000)

    def __post_init__(self) -> None:
        # Explicit, since slots give the decorated class another identity.
        Method.__post_init__(self)
        useless = {"bfgs": ("history_size",), "newton": QuasiNewton.__annotations__}
        for name in useless.get(self.algorithm, ()):
            if getattr(self, name) != QuasiNewton.__dataclass_fields__[name].default:
                raise SettingsError(
                    f"method {self.name!r}: algorithm={self.algorithm!r} has no {name}; "
                    "algorithm='lbfgs' has"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimize(Climb):
    """The mode of the density.

    Attributes
    ----------
    jacobian : bool
        Whether the density is that of the unconstrained parameters, such as log sigma; CmdStan's
        default is False, which gives the penalised maximum likelihood estimate.
    """

    name: ClassVar[str] = "optimize"
    jacobian: bool = _option(False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Laplace(Climb):
    """Draws from the normal distribution with the curvature of the log density at its mode.

    Attributes
    ----------
    psis_resample : bool
        Whether the draws are drawn again with Pareto-smoothed importance weights.
    """

    name: ClassVar[str] = "laplace"
    psis_resample: bool = _option(False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pathfinder(QuasiNewton):
    """Draws from normal distributions along the way to modes, from several starts.

    Attributes
    ----------
    num_paths : int
        How many starts.
    num_draws : int
        Draws of each path; of all of them as many as `Settings.draws` says are taken.
    num_elbo_draws : int
        Draws by which the best normal distribution of a path is found.
    max_lbfgs_iters : int
        Most iterations of a path.
    psis_resample : bool
        Whether draws are taken with Pareto-smoothed importance weights (as in CmdStan,
        True); otherwise every path counts the same.
    """

    name: ClassVar[str] = "pathfinder"
    num_paths: int = _option(4)
    num_draws: int = _option(1000)
    num_elbo_draws: int = _option(25)
    max_lbfgs_iters: int = _option(1000)
    psis_resample: bool = _option(True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variational(Method):
    """Draws from the normal distribution of the largest ELBO (ADVI).

    Attributes
    ----------
    algorithm : {"meanfield", "fullrank"}
        Whether parameters are independent in it.
    iter : int
        Most iterations.
    grad_samples, elbo_samples : int
        Draws for a gradient, and for a value of the ELBO.
    eta : float
        Step size, tried out if `adapt_engaged`, in `adapt_iter` iterations each.
    tol_rel_obj : float
        Relative change of the ELBO at which it stops.
    eval_elbo : int
        Iterations between two values of the ELBO.
    psis_resample : bool
        Whether the draws are drawn again with Pareto-smoothed importance weights.
    """

    name: ClassVar[str] = "variational"
    algorithm: str = _option("meanfield", one_of=("meanfield", "fullrank"))
    iter: int = _option(10_000)
    grad_samples: int = _option(1)
    elbo_samples: int = _option(100)
    eta: float = _option(1.0, above=0)
    adapt_engaged: bool = _option(True)
    adapt_iter: int = _option(50)
    tol_rel_obj: float = _option(0.01)
    eval_elbo: int = _option(100)
    psis_resample: bool = _option(False)


METHODS: Mapping[str, type[Method]] = {
    kind.name: kind for kind in (Sample, Optimize, Pathfinder, Variational, Laplace)
}
"""What the user may type."""


def method_of(name: str | Method, options: Mapping[str, Any] | None = None) -> Method:
    """Return the method of this name, with these options in place of its defaults.

    Parameters
    ----------
    name : {"sample", "optimize", "pathfinder", "variational", "laplace"} or Method
    options : mapping, optional
        By CmdStan's names; not beside a `Method`, which has its own.

    Raises
    ------
    SettingsError
        For a method or an option that there is not.

    Examples
    --------
    >>> method_of("variational", {"algorithm": "fullrank"}).iter
    10000
    """
    if isinstance(name, Method):
        if options:
            raise SettingsError(f"method_options beside {name!r}, which has options of its own")
        return name
    if name == "approx":
        raise SettingsError(
            "method 'approx' is a penalised fit, no fit to update or sample: "
            "hg.fit(..., method='approx') and model.approx() return it"
        )
    if name not in METHODS:
        raise SettingsError(f"no method {name!r}{suggest(str(name), (*METHODS, 'approx'))}")
    kind = METHODS[name]
    known = [option.name for option in fields(kind)]
    for option in options or {}:
        if not known:
            raise SettingsError(
                f"method {name!r} has no option {option!r}: warmup, draws, adapt_delta and "
                "max_treedepth are arguments of fit"
            )
        if option not in known:
            raise SettingsError(
                f"method {name!r} has no option {option!r}{suggest(str(option), known)}"
            )
    return kind(**(options or {}))


def _check(method: str, name: str, value: Any, rules: Mapping[str, Any]) -> None:
    default, wants = rules["default"], ""
    if "one_of" in rules:
        if value not in rules["one_of"]:
            wants = "one of " + ", ".join(map(repr, rules["one_of"]))
    elif isinstance(default, bool):
        wants = "" if isinstance(value, bool) else "True or False"
    elif isinstance(default, int):
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        wants = "" if whole and 1 <= value < 2**31 else "a whole number from 1 on"
    else:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        least = "above" in rules
        good = number and math.isfinite(value) and (value > 0 if least else value >= 0)
        wants = "" if good else f"a number {'greater than' if least else 'of at least'} 0"
    if wants:
        raise SettingsError(f"method {method!r}: {name} must be {wants}, not {value!r}")
