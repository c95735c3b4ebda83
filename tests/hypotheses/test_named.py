"""``fit["..."]``: one parameter's draws by its name, and the names that notebooks complete."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

import hierglm as hg
from hierglm.draws.parameters import by_name
from hierglm.errors import SettingsError
from tests.results.made import made
from tests.showing.hostile import LABELS


def fit_of(label: str) -> hg.Fit:
    found = made(terms=("Intercept", label), levels=[label, "B"], group=f"g {label}", draws=5)
    return hg.Fit(**{f.name: getattr(found, f.name) for f in fields(found)})


@pytest.mark.parametrize("label", ["x", *LABELS.values()], ids=["x", *LABELS])
def test_every_completed_name_gives_its_draws(label: str) -> None:
    fit = fit_of(label)
    draws = by_name(fit.draws)
    # A common coefficient may be named by its label alone.
    assert set(fit._ipython_key_completions_()) == set(draws)
    for name, values in draws.items():
        found = fit[name]
        assert found.dims == ("chain", "draw")
        assert found.name == name
        np.testing.assert_array_equal(found.values.ravel(), values)


def test_short_names_and_coefficients_of_levels() -> None:
    fit = fit_of("x")
    np.testing.assert_array_equal(fit["x"], fit["b[x]"])
    np.testing.assert_allclose(fit["coef[g x:B,x]"], fit["x"] + fit["r[g x:B,x]"])


def test_a_name_that_is_none() -> None:
    fit = fit_of("x")
    with pytest.raises(SettingsError, match=r"no parameter 'sgma'; did you mean 'sigma'"):
        fit["sgma"]
    with pytest.raises(TypeError, match="not iterable"):
        iter(fit)  # type: ignore[call-overload]
    assert fit.draws._ipython_key_completions_() == list(fit.draws.variables)
