"""Methods and their options: CmdStan's names and defaults, and mistakes that are named."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

import hierglm as hg
from hierglm.engines.methods import METHODS, Laplace, Optimize, Pathfinder, Variational, method_of
from hierglm.errors import SettingsError

DEFAULTS = {
    "sample": {},
    "optimize": {"algorithm": "lbfgs", "jacobian": False, "iter": 2000, "init_alpha": 0.001,
                 "tol_obj": 1e-12, "tol_rel_obj": 1e4, "tol_grad": 1e-8, "tol_rel_grad": 1e7,
                 "tol_param": 1e-8, "history_size": 5},
    "laplace": {"algorithm": "lbfgs", "iter": 2000, "init_alpha": 0.001,
                "tol_obj": 1e-12, "tol_rel_obj": 1e4, "tol_grad": 1e-8, "tol_rel_grad": 1e7,
                "tol_param": 1e-8, "history_size": 5, "psis_resample": False},
    "pathfinder": {"init_alpha": 0.001, "tol_obj": 1e-12, "tol_rel_obj": 1e4, "tol_grad": 1e-8,
                   "tol_rel_grad": 1e7, "tol_param": 1e-8, "history_size": 5, "num_paths": 4,
                   "num_draws": 1000, "num_elbo_draws": 25, "max_lbfgs_iters": 1000,
                   "psis_resample": True},
    "variational": {"algorithm": "meanfield", "iter": 10_000, "grad_samples": 1,
                    "elbo_samples": 100, "eta": 1.0, "adapt_engaged": True, "adapt_iter": 50,
                    "tol_rel_obj": 0.01, "eval_elbo": 100, "psis_resample": False},
}  # fmt: skip
"""As `help-all` of a program compiled by CmdStan 2.33 prints them; psis_resample as in 2.35."""


@pytest.mark.parametrize("name", METHODS)
def test_defaults_are_cmdstan_s(name: str) -> None:
    made = method_of(name)
    assert {o.name: getattr(made, o.name) for o in fields(made)} == DEFAULTS[name]
    assert str(made) == name


def test_options_replace_defaults() -> None:
    made = method_of("variational", {"algorithm": "fullrank", "iter": 500})
    assert made == Variational(algorithm="fullrank", iter=500)
    assert str(made) == "variational, algorithm='fullrank', iter=500"
    assert method_of(made) is made
    assert hg.Settings(method=made).method == made


MISTAKES: list[tuple[str, dict[str, Any], str]] = [
    ("approx", {}, "a penalised fit, no fit to update"),
    ("variatonal", {}, "no method 'variatonal'; did you mean 'variational'"),
    ("laplace", {"itr": 3}, "'laplace' has no option 'itr'; did you mean 'iter'"),
    ("laplace", {"jacobian": True}, "'laplace' has no option 'jacobian'"),
    ("sample", {"adapt_delta": 0.9}, "adapt_delta and max_treedepth are arguments of fit"),
    ("variational", {"algorithm": "full"}, "algorithm must be one of 'meanfield', 'fullrank'"),
    ("variational", {"eta": 0}, "eta must be a number greater than 0, not 0"),
    ("variational", {"tol_rel_obj": -1}, "tol_rel_obj must be a number of at least 0, not -1"),
    ("variational", {"adapt_engaged": 1}, "adapt_engaged must be True or False, not 1"),
    ("variational", {"grad_samples": 0}, "grad_samples must be a whole number from 1 on, not 0"),
    ("optimize", {"iter": 1.5}, "iter must be a whole number from 1 on, not 1.5"),
    ("optimize", {"iter": True}, "iter must be a whole number from 1 on, not True"),
    ("optimize", {"tol_grad": float("nan")}, "tol_grad must be a number of at least 0, not nan"),
    ("optimize", {"tol_obj": "small"}, "tol_obj must be a number of at least 0, not 'small'"),
    ("optimize", {"algorithm": "newton", "tol_obj": 1.0}, "algorithm='newton' has no tol_obj"),
    ("laplace", {"algorithm": "bfgs", "history_size": 7}, "algorithm='bfgs' has no history_size"),
]


@pytest.mark.parametrize(("name", "options", "words"), MISTAKES)
def test_mistakes_are_named(name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words.replace("(", r"\(")):
        method_of(name, options)


def test_methods_are_checked_wherever_they_are_made() -> None:
    with pytest.raises(SettingsError, match="num_paths must be a whole number"):
        Pathfinder(num_paths=0)
    with pytest.raises(SettingsError, match="algorithm must be one of"):
        Optimize(algorithm="adam")
    with pytest.raises(SettingsError, match=r"made by hierglm\.method.*not 'laplace'"):
        hg.Settings(method="laplace")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="which has options of its own"):
        method_of(Laplace(), {"iter": 5})
