"""Default priors of families' own parameters against what brms gives them.

``get_prior(y ~ x + (1 | g), family = ...)`` of brms 2.18.0 (R 4), with responses whose median
and mad on the scale of the link are those below. brms 2.21 and later have
inv_gamma(0.4, 0.3) for the shape of a negative binomial, where 2.18 had gamma(0.01, 0.01).
"""

import numpy as np
import pandas as pd
import pytest

from hierglm.errors import PriorError
from hierglm.families import family
from hierglm.families.family import Family
from hierglm.models import specify
from hierglm.priors import distributions as prior
from tests.designs import design_of

R = np.random.default_rng(1)
D = pd.DataFrame(
    {
        "x": R.normal(size=60), "g": np.arange(60) % 6, "n": 20, "count": R.poisson(4, 60),
        # Medians and mads: 10.6 and 6.6 of one, 1.9 and 1.3 of the other's logarithm.
        "wide": np.repeat([10.6 - 6.6 / 1.4826, 10.6, 10.6 + 6.6 / 1.4826], 20),
        "positive": np.exp(np.repeat([1.9 - 1.3 / 1.4826, 1.9, 1.9 + 1.3 / 1.4826], 20)),
        "share": R.uniform(0.1, 0.9, 60), "stage": 1 + np.arange(60) % 4,
    }
)  # fmt: skip
HALF = "student_t(3, 0, 2.5)"

BRMS = {
    "student": ("wide", {"b[Intercept]": "student_t(3, 10.6, 6.6)", "nu": "gamma(2, 0.1)",
                         "sigma": "student_t(3, 0, 6.6)",
                         "sd[g:Intercept]": "student_t(3, 0, 6.6)"}),
    "lognormal": ("positive", {"b[Intercept]": "student_t(3, 1.9, 2.5)", "sigma": HALF}),
    "gamma": ("positive", {"b[Intercept]": "student_t(3, 1.9, 2.5)",
                           "shape": "gamma(0.01, 0.01)"}),
    "beta": ("share", {"b[Intercept]": HALF, "phi": "gamma(0.01, 0.01)"}),
    "beta_binomial": ("count | trials(n)", {"b[Intercept]": HALF, "phi": "gamma(0.01, 0.01)"}),
    "negbinomial": ("count", {"shape": "inv_gamma(0.4, 0.3)"}),
    "zero_inflated_poisson": ("count", {"zi": "beta(1, 1)", "sd[g:Intercept]": HALF}),
    "hurdle_poisson": ("count", {"hu": "beta(1, 1)"}),
    "zero_inflated_negbinomial": ("count", {"zi": "beta(1, 1)", "shape": "inv_gamma(0.4, 0.3)"}),
    "hurdle_negbinomial": ("count", {"hu": "beta(1, 1)", "shape": "inv_gamma(0.4, 0.3)"}),
    "cumulative": ("stage", {"b[Intercept]": HALF, "sd[g:Intercept]": HALF}),
    "binomial(probit)": ("count | trials(n)", {"b[Intercept]": HALF}),
    "binomial(cloglog)": ("count | trials(n)", {"b[Intercept]": HALF}),
}  # fmt: skip


def assigned(name: str | Family, left: str, priors=None):
    model = specify(design_of(f"{left} ~ x + (1 | g)", D), name, priors)
    return {a.slot.name: a for a in model.priors}


@pytest.mark.parametrize("name", BRMS)
def test_defaults_are_those_of_brms(name):
    left, expected = BRMS[name]
    for base in ("brms", "default"):
        found = {key: repr(a.prior) for key, a in assigned(name, left, base).items()}
        assert {key: found[key] for key in expected} == expected
    assert set(expected) >= {p.name for p in family(name).parameters}


def test_rstanarm_where_it_has_the_family():
    assert repr(assigned("gamma", "positive", "rstanarm")["shape"].prior) == "exponential(1)"
    assert repr(assigned("beta", "share", "rstanarm")["phi"].prior) == "exponential(1)"
    assert repr(assigned("negbinomial", "count", "rstanarm")["shape"].prior) == "exponential(1)"
    for name in ("student", "zero_inflated_negbinomial", "beta_binomial"):
        with pytest.raises(PriorError, match=f"rstanarm has no {name} family with"):
            assigned(name, BRMS[name][0], "rstanarm")


STANDS = [
    ("zero_inflated_poisson", {"zi": prior.beta(2, 5)}, ""),
    ("zero_inflated_poisson", {"zi": prior.normal(0.2, 0.1)}, ""),
    ("zero_inflated_poisson", {"zi": prior.gamma(1, 1)}, "cannot be the prior of zi; it takes"),
    ("negbinomial", {"shape": prior.beta(1, 1)}, "cannot be the prior of shape; it takes normal"),
    ("negbinomial", {"zi": prior.beta(1, 1)}, "no parameter 'zi'"),
]


@pytest.mark.parametrize(("name", "own", "said"), STANDS)
def test_priors_stand_for_parameters_of_their_range(name, own, said):
    if not said:
        (key,) = own
        assert assigned(name, "count", own)[key].prior == own[key]
        return
    with pytest.raises(PriorError) as error:
        assigned(name, "count", own)
    assert said in str(error.value)
