"""Whole sets of default priors: ours, those of brms, those of rstanarm."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hierglm.errors import PriorError
from hierglm.families.family import Family
from hierglm.priors.distributions import (
    Prior,
    beta,
    decov,
    exponential,
    flat,
    gamma,
    lkj,
    normal,
    student_t,
)
from hierglm.priors.scales import Scales
from hierglm.priors.slots import Role, Slot


def _default(slot: Slot, s: Scales, family: Family) -> tuple[Prior, str]:
    if slot.role == "b":
        sd_x = float(s.sd_x[slot.number])
        text = f"default: normal(0, 2.5 s_y / s_x), s_y = {s.sd_y:.4g}, s_x = {sd_x:.4g}"
        return normal(0, 2.5 * s.sd_y / sd_x), text
    prior, source = _brms(slot, s, family)
    return prior, source.replace("brms", "default", 1)


def _brms(slot: Slot, s: Scales, family: Family) -> tuple[Prior, str]:
    on = "response" if family.link.name == "identity" else f"{family.link.name} scale"
    if slot.role == "Intercept":
        return student_t(3, s.centre, s.spread), f"brms: student_t(3, m, s) on the {on}"
    if slot.role == "b":
        return flat(), "brms: flat"
    if slot.role == "cor":
        return lkj(1), "brms: lkj(1)"
    if slot.role in OF_LEVELS:
        return OF_LEVELS[slot.role]
    if slot.role == "loading":
        return _loading(slot, s)
    own = _own_default(slot, family)
    if own is not None:
        return own, f"brms: {own!r}"
    return student_t(3, 0, s.spread), f"brms: half student_t(3, 0, s) on the {on}"


def _rstanarm(slot: Slot, s: Scales, family: Family) -> tuple[Prior, str]:
    if slot.role == "Intercept" and family.thresholds:
        raise PriorError(
            f"rstanarm's priors of {family.name} models are about R^2, not thresholds; use "
            "priors='default' or 'brms'"
        )
    if slot.role == "Intercept":
        return normal(s.mean_y, 2.5 * s.sd_y), "rstanarm: normal(m_y, 2.5 s_y)"
    if slot.role == "b":
        sd_x = float(s.sd_x[slot.number])
        return normal(0, 2.5 * s.sd_y / sd_x), "rstanarm: normal(0, 2.5 s_y / s_x)"
    if slot.role == "cor":
        return lkj(1), "rstanarm: decov, lkj(regularization)"
    if slot.role == "sd":
        return decov(), "rstanarm: decov, relative to the residual sd"
    if slot.role == "loading":
        return _loading(slot, s)
    if slot.role in OF_LEVELS:
        return OF_LEVELS[slot.role]
    own = next(p.rstanarm for p in family.parameters if p.name == slot.term)
    if own is None:
        raise PriorError(
            f"rstanarm has no {family.name} family with {slot.name}, so priors='rstanarm' has no "
            "prior for it; use priors='default' or 'brms'"
        )
    if own == "scaled":
        return exponential(1 / s.sd_y), "rstanarm: exponential(1 / s_y)"
    return own, f"rstanarm: {own!r}"


def _loading(slot: Slot, s: Scales) -> tuple[Prior, str]:
    """Return the prior of loadings, in every set; of a rank that is found, a tenth as wide."""
    if slot.shrunk:
        return student_t(1, 0, s.spread / 10), "default: matrix student_t(1, 0, s / 10)"
    return student_t(3, 0, s.spread), "default: student_t(3, 0, s), all loadings together"


OF_LEVELS: Mapping[Role, tuple[Prior, str]] = {
    "alpha": (beta(1, 1), "brms: uniform"),
    "rho": (beta(0.5, 0.5), "Morris et al. (2019): beta(1/2, 1/2)"),
    "df": (gamma(2, 0.1), "brms: gamma(2, 0.1)"),
}
"""Of parameters that say how levels are related, in every set."""


def _own_default(slot: Slot, family: Family) -> Prior | None:
    """Return the default prior of a family's parameter that does not depend on the data."""
    if slot.role != "scale":
        return None
    default = next(p.default for p in family.parameters if p.name == slot.term)
    return None if default == "scaled" else default


SETS: Mapping[str, Callable[[Slot, Scales, Family], tuple[Prior, str]]] = {
    "default": _default,
    "brms": _brms,
    "rstanarm": _rstanarm,
}
