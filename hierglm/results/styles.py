"""The table in the columns and names of the packages that people come from.

Followed, to the letter of their columns: broom.mixed 0.2 (``tidy`` of a brms fit), posterior
1.x (``summarise_draws``), easystats' parameters as its own tests want it since group levels
have a table of their own, 2025 (``model_parameters`` of a brms fit, ``effects = "all"`` and
``"grouplevel"``), brms 2.x (``summary``). Treatment contrasts are named as R names them:
``period[T.2]`` becomes ``period2``. Other labels stay as the user wrote them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hierglm.draws.diagnostics import diagnose
from hierglm.draws.draws import Variable
from hierglm.names import parse_qualified
from hierglm.results.estimates import intervals, mean, quantiles, spread
from hierglm.results.rows import labels, measure, table

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Style = Callable[[Sequence[Variable], float, bool, bool], "pd.DataFrame"]


def broom(
    variables: Sequence[Variable], level: float, hdi: bool, sampled: bool = True
) -> pd.DataFrame:
    """Return effect, component, group, (level,) term, estimate, std.error, conf.low, conf.high.

    Of several responses the first column says which; the component is "cond", or a parameter
    that has a linear predictor of its own.
    """
    import pandas as pd

    found = labels(variables)
    rows = [_broom_row(*row) for row in _rows(found, "effect", "group", "term", "term2")]
    effect, group, term = zip(*rows, strict=True) if rows else ((), (), ())
    columns: dict[str, Any] = {
        "effect": effect,
        "component": np.where(found["dpar"] == "", "cond", found["dpar"]),
        "group": group,
        "level": found["level"],
        "term": term,
        "estimate": measure(variables, mean)[0],
        "std.error": measure(variables, spread)[0],
    }
    ends = measure(variables, lambda x: intervals(x, level, hdi), rows=2)
    columns["conf.low"], columns["conf.high"] = ends
    if not any(v.effect in ("ran_vals", "ran_coefs") for v in variables):
        del columns["level"]
    return pd.DataFrame(_responses(found) | columns)


def posterior(
    variables: Sequence[Variable], level: float, hdi: bool, sampled: bool = True
) -> pd.DataFrame:
    """Return variable, mean, median, sd, mad, q5, q95, rhat, ess_bulk, ess_tail."""
    import pandas as pd

    q = measure(variables, lambda x: quantiles(x, (0.5, 0.05, 0.95)), rows=3)
    return pd.DataFrame(
        {
            "variable": brms_names(variables),
            "mean": measure(variables, mean)[0],
            "median": q[0],
            "sd": measure(variables, spread)[0],
            "mad": measure(variables, _mad)[0],
            "q5": q[1],
            "q95": q[2],
            **_diagnostics(
                variables, sampled, rhat="rhat", ess_bulk="ess_bulk", ess_tail="ess_tail"
            ),
        }
    )


def parameters(
    variables: Sequence[Variable], level: float, hdi: bool, sampled: bool = True
) -> pd.DataFrame:
    """Return Parameter, Effects, Component, Median, CI, CI_low, CI_high, pd, Rhat, ESS, Group.

    For effects of single levels alone: Group, Level, Parameter, Median, CI, CI_low,
    CI_high, pd, Component, Effects. Of several responses the last column says which.
    """
    import pandas as pd

    found = labels(variables)
    ends = measure(variables, lambda x: intervals(x, level, hdi), rows=2)
    levels = bool(variables) and all(v.effect == "ran_vals" for v in variables)
    kind = found["effect"]
    frame = pd.DataFrame(
        {
            "Group": found["group"],
            "Level": found["level"],
            "Parameter": [_r(t) for t in found["term"]] if levels else brms_names(variables),
            "Effects": np.where(np.isin(kind, ["fixed", "family"]), "fixed", "random"),
            "Component": np.where(
                kind == "family",
                found["term"],
                np.where(found["dpar"] == "", "conditional", found["dpar"]),
            ),
            "Median": measure(variables, lambda x: quantiles(x, (0.5,)))[0],
            "CI": level,
            "CI_low": ends[0],
            "CI_high": ends[1],
            "pd": measure(variables, _direction)[0],
            **_diagnostics(variables, sampled, rhat="Rhat", ess_bulk="ESS"),
        }
    )
    of = _responses(found, "Response")
    frame = frame.assign(**of)
    middle = ["Median", "CI", "CI_low", "CI_high", "pd"]
    if levels:
        return frame[["Group", "Level", "Parameter", *middle, "Component", "Effects", *of]]
    return frame[["Parameter", "Effects", "Component", *middle, "Rhat", "ESS", "Group", *of]]


def brms(
    variables: Sequence[Variable], level: float, hdi: bool, sampled: bool = True
) -> pd.DataFrame:
    """Return variable, Estimate, Est.Error, l-95% CI, u-95% CI, Rhat, Bulk_ESS, Tail_ESS."""
    import pandas as pd

    percent = f"{100 * level:g}% CI"
    ends = measure(variables, lambda x: intervals(x, level, hdi), rows=2)
    return pd.DataFrame(
        {
            "variable": brms_names(variables),
            "Estimate": measure(variables, mean)[0],
            "Est.Error": measure(variables, spread)[0],
            f"l-{percent}": ends[0],
            f"u-{percent}": ends[1],
            **_diagnostics(
                variables, sampled, rhat="Rhat", ess_bulk="Bulk_ESS", ess_tail="Tail_ESS"
            ),
        }
    )


STYLES: Mapping[str, Style] = {
    "hierglm": table,
    "broom": broom,
    "posterior": posterior,
    "parameters": parameters,
    "brms": brms,
}
"""What `tidy` can write, by name."""


def brms_names(variables: Sequence[Variable]) -> list[str]:
    """Return ``b_x``, ``sd_g__x``, ``cor_g__Intercept__x``, ``r_g[A,x]``, ``sigma``.

    Blanks in levels become dots, as in brms. Of several linear predictors ``b_sigma_x``,
    ``sd_g__score_x``, ``cor_g__score_Intercept__passed_Intercept``, ``r_g__score[A,x]``,
    ``sigma_score``; blanks and the like in names of responses are left out.
    """
    found = labels(variables)
    names = ("effect", "group", "level", "term", "term2", "response", "dpar")
    return [_brms_name(*row) for row in _rows(found, *names)]


def _brms_name(
    effect: str, group: str, level: object, term: str, term2: str, response: str, dpar: str
) -> str:
    of = _brms_predictor(response, dpar)
    match effect:
        case "fixed":
            return f"b_{of}{_r(term)}"
        case "ran_sd":
            return f"sd_{group}__{of}{_r(term)}"
        case "ran_loading":
            return f"loading_{group}__{of}{_r(term)}__{term2}"
        case "ran_df":
            return f"df_{group}"
        case "ran_alpha" | "ran_rho":
            return f"{'car' if effect == 'ran_alpha' else 'rhocar'}_{group}__{of}{_r(term)}"
        case "ran_cor":
            one, two = _brms_term(term, of), _brms_term(term2, of)
            return f"cor_{group}__{one}" + (f"__{two}" if term2 else "")
        case "ran_vals" | "ran_coefs":
            kind = "r" if effect == "ran_vals" else "coef"
            dotted = re.sub(r"[ \t\r\n]", ".", str(level))
            predictor = f"__{of[:-1]}" if of else ""
            return f"{kind}_{group}{predictor}[{dotted},{_r(term)}]"
        case _:
            return f"{term}_{of[:-1]}" if of else term


def _brms_predictor(response: str, dpar: str) -> str:
    """Return ``"sigma_score_"``, what brms puts in front of a term."""
    return "".join(re.sub(r"[^A-Za-z0-9]", "", name) + "_" for name in (dpar, response) if name)


def _brms_term(term: str, of: str) -> str:
    """Return a term of a correlation; that between two predictors says which it is on."""
    if of or "@" not in term:
        return of + _r(term)
    own, response, dpar = parse_qualified(term)
    return _brms_predictor(response, dpar) + _r(own)


def _responses(found: Mapping[str, NDArray[Any]], name: str = "response") -> dict[str, Any]:
    """Return the column of responses, where there are several."""
    return {name: found["response"]} if any(found["response"]) else {}


def _broom_row(effect: str, group: str, term: str, term2: str) -> tuple[str, str | None, str]:
    one, two = ("(Intercept)" if t == "Intercept" else _brms_term(t, "") for t in (term, term2))
    match effect:
        case "ran_sd":
            return "ran_pars", group, f"sd__{one}"
        case "ran_cor":
            return "ran_pars", group, f"cor__{one}.{two}" if two else f"cor__{one}"
        case "ran_loading":
            return "ran_pars", group, f"loading__{one}.{term2}"
        case "family":
            # broom.mixed calls the residual sd so; other parameters it does not show.
            sigma = term == "sigma"
            return "ran_pars", "Residual" if sigma else None, "sd__Observation" if sigma else term
        case "fixed":
            return effect, None, one
        case _:
            return effect, group, one


def _r(term: str) -> str:
    """Return a term as R names it, where it is a treatment contrast."""
    return re.sub(r"\[T\.([^\[\]]*)\]", r"\1", term)


def _rows(found: Mapping[str, NDArray[Any]], *names: str) -> list[tuple[Any, ...]]:
    return list(zip(*(found[name] for name in names), strict=True))


def _diagnostics(variables: Sequence[Variable], sampled: bool, **names: str) -> dict[str, Floats]:
    if not sampled:
        nothing = np.full(len(labels(variables)["term"]), np.nan)
        return dict.fromkeys(names.values(), nothing)
    found = [diagnose(v.values) for v in variables]
    return {
        theirs: np.concatenate([getattr(d, ours).ravel() for d in found] or [np.empty(0)])
        for ours, theirs in names.items()
    }


def _mad(values: Floats) -> Floats:
    """Return R's ``mad``: 1.4826 times the median distance from the median."""
    out: Floats = 1.4826 * np.median(np.abs(values - np.median(values, axis=0)), axis=0)
    return out


def _direction(values: Floats) -> Floats:
    """Return the probability of direction (Makowski et al. 2019): share of the larger side."""
    larger: Floats = np.maximum((values > 0).mean(axis=0), (values < 0).mean(axis=0))
    return larger
