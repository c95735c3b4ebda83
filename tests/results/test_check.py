"""What is wrong with the chains is said in words, with the next step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hierglm.draws.draws import Draws
from hierglm.results import check as module
from hierglm.results.check import check, healthy
from hierglm.results.fitted import Fitted
from hierglm.showing import numbers
from tests.results.made import made

GOOD = made()


def _stat(name: str, change: Callable[[Any], Any]) -> Fitted:
    stats = {**GOOD.draws.stats}
    stats[name] = change(np.array(stats[name]))
    return replace(GOOD, draws=Draws(GOOD.draws.variables, stats))


def _values(name: str, change: Callable[[Any], Any], fit: Fitted = GOOD) -> Fitted:
    variables = dict(fit.draws.variables)
    variables[name] = replace(variables[name], values=change(variables[name].values.copy()))
    return replace(fit, draws=Draws(variables, fit.draws.stats))


def _diverge(x: Any) -> Any:
    x[1, :7] = True
    return x


def _shift(x: Any) -> Any:
    x[0] += 3 * x.std(axis=(0, 1))
    return x


def _slow(x: Any) -> Any:
    return np.repeat(x[:, ::50], 50, axis=1)


def _put(place: Any, value: float) -> Callable[[Any], Any]:
    def change(x: Any) -> Any:
        x[place] = value
        return x

    return change


TROUBLES = [
    ("divergences", _stat("diverging", _diverge), "7 of 1,000 draws diverged. Fit again: "
     "fit.refit(adapt_delta=0.95)."),
    ("treedepth", _stat("tree_depth", lambda x: x * 0 + 10), "1,000 of 1,000 draws reached "
     "max_treedepth=10. Slow, not wrong; if it matters, fit.refit(max_treedepth=12)."),
    ("ebfmi", _stat("energy", lambda x: x.cumsum(axis=1)), "E-BFMI is below 0.3 in 4 of 4"),
    ("rhat", _values("sd_school", _shift), "R-hat is above 1.01 for 2 of 12 parameters, worst "
     "sd[school:"),
    ("rhat", _values("r_school", lambda x: _shift(x)), "R-hat is above 1.01 for 6 of 12"),
    ("ess", _values("sigma", _slow), "The effective sample size is below 400 for 1 of 12 "
     "parameters, worst sigma"),
    ("not finite", _values("b", _put((2, 5, 1), np.nan)), "not finite for 1 of 12 parameters, "
     "such as b[x]"),
    ("died", replace(GOOD, draws=replace(GOOD.draws, lost={3: "was killed"})), "Chain 3 of 5 died. "
     "What a chain does not survive may be part of the posterior: see the notes."),
    ("stuck", _values("sigma", lambda x: x * 0 + 2), "The chains never moved for 1 of 12 "
     "parameters, such as sigma"),
]  # fmt: skip


def test_good_chains_have_no_findings() -> None:
    found = check(GOOD)
    assert found.findings == ()
    assert healthy(GOOD)
    assert str(found).startswith("No divergences, R-hat at most 1.0")
    assert len(found) == 0


@pytest.mark.parametrize(("kind", "fit", "words"), TROUBLES)
def test_each_trouble_is_found_and_named(kind: str, fit: Fitted, words: str) -> None:
    found = {f.kind: f for f in check(fit)}
    assert kind in found
    assert words in str(found[kind])
    assert str(found[kind]).endswith(".")
    assert healthy(fit) == (found[kind].severity != "problem")


def test_numbers_are_those_of_the_table() -> None:
    """R-hat is never rounded down there, effective draws never up."""
    bad = np.array([False, True])
    high = module._worst(bad, np.array([1.2, 1.0101]), ["a", "b"], numbers.rhat)
    low = module._worst(bad, -np.array([900, 297.6]), ["a", "b"], numbers.ess)
    assert high == "1 of 2 parameters, worst b with 1.011"
    assert low == "1 of 2 parameters, worst b with 297"


def test_only_treedepth_is_not_a_problem() -> None:
    severities = {k: next(f for f in check(fit) if f.kind == k).severity for k, fit, _ in TROUBLES}
    assert [k for k, s in severities.items() if s != "problem"] == ["treedepth"]


@pytest.mark.parametrize(
    ("delta", "advice"), [(0.8, "adapt_delta=0.95"), (0.95, "=0.99"), (0.999, "tighten their")]
)
def test_advice_goes_on_from_the_settings(delta: float, advice: str) -> None:
    fit = _stat("diverging", _diverge)
    fit = replace(fit, settings=replace(fit.settings, adapt_delta=delta))
    assert advice in str(check(fit))


def test_divergences_are_placed_where_they_are() -> None:
    fit = made()
    sd = fit.draws["sd_school"].values[:, :, 1]
    low = sd < np.quantile(sd, 0.02)
    fit = replace(fit, draws=Draws(fit.draws.variables, {**fit.draws.stats, "diverging": low}))
    (found,) = check(fit)
    inside, outside = np.median(sd[low]), np.median(sd[~low])
    where = f"sd[school:x] is small (median {inside:.3g}, elsewhere {outside:.3g})"
    assert found.what == f"20 of 1,000 draws diverged, most where {where}"
    assert found.remedy == {"adapt_delta": 0.95}


def test_divergences_anywhere_are_not_placed() -> None:
    anywhere = np.random.default_rng(5).random((4, 250)) < 0.05
    (found,) = check(_stat("diverging", lambda x: anywhere))
    assert found.what == f"{anywhere.sum()} of 1,000 draws diverged"


def test_remedies_of_all_findings_go_together() -> None:
    fit = _values("sd_school", _shift, _stat("diverging", _diverge))
    found = check(fit)
    assert {f.kind for f in found} == {"divergences", "rhat", "ess"}
    draws = max(f.remedy["draws"] for f in found if "draws" in f.remedy)
    assert found.remedy == {"adapt_delta": 0.95, "warmup": 1000, "draws": draws}
    assert check(GOOD).remedy == {}


def test_monte_carlo_error_is_that_of_independent_draws() -> None:
    # 1,000 independent draws: one part in sqrt(1000) of an sd, for the worst of 12 a bit more.
    assert 1 / np.sqrt(1000) < check(GOOD).mcse < 1.25 / np.sqrt(1000)
    said = f"Monte Carlo errors of means are at most {check(GOOD).mcse:.2g} posterior sds."
    assert str(check(GOOD)).splitlines()[-1] == said
    few = check(made(draws=2))
    assert np.isnan(few.mcse)
    assert "Monte Carlo" not in str(few)


def test_one_chain_is_noted_but_not_a_problem() -> None:
    fit = made(chains=1, draws=1000)
    assert [f.kind for f in check(fit)] == ["chains"]
    assert healthy(fit)
    assert "R-hat" not in str(check(fit))


def test_many_effects_are_sampled_with_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EFFECTS_LOOKED_AT", 20)
    fit = made(levels=range(50), second=range(40), draws=250)
    found = check(fit)
    assert (found.looked_at, found.effects) == (20, 140)
    assert "20 of 140 level effects looked at" in str(found)
    assert check(fit) == found
    bad = _values("r_school", _shift, fit)
    assert not healthy(bad)


def test_too_few_draws_and_no_common_effects() -> None:
    assert str(check(made(draws=2, chains=2)))
    assert healthy(made(terms=("Intercept",), varying=("Intercept",)))
