r"""The mathematics of every family and structure, beside what was written by hand.

Blanks do not count. The data are such that priors have round numbers: 16 rows, y of 0, 1, ...,
whose median is 7.5 and whose median absolute deviation, 1.4826 * 4, is 5.9 when rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from hierglm import prior
from hierglm.covariances import COVARIANCES
from hierglm.design.encode import encode
from hierglm.design.reading import as_table
from hierglm.families import FAMILIES as EVERY
from hierglm.families import LINKED
from hierglm.formula.parse import parse
from hierglm.models import Model, specify
from hierglm.parts import part, specify_parts
from hierglm.reporting.latex import latex_line, to_latex
from hierglm.reporting.mathematics import Mathematics, mathematics
from hierglm.reporting.mathml import mathml_block
from hierglm.reporting.notation import label, number

N = 16
DATA = pd.DataFrame(
    {
        "y": np.arange(N, dtype=float),
        "x": np.arange(N) % 4 - 1.5,
        "z": np.arange(N) // 8 - 0.5,
        "count": np.arange(N) % 5,
        "won": np.arange(N) % 2,
        "n": 3,
        "share": np.linspace(0.1, 0.9, N),
        "positive": 1.0 + np.arange(N),
        "s": 1.0,
        "w": 2.0,
        "answer": np.array(["no", "yes"])[np.arange(N) % 2],
        "mood": pd.Categorical(
            np.array(["bad", "fair", "good"])[np.arange(N) % 3],
            ["bad", "fair", "good"],
            ordered=True,
        ),
        "g": np.array(list("ABCD"))[np.arange(N) % 4],
        "h": np.array(list("ABCD"))[np.arange(N) // 4],
        "f": np.array(["p", "q"])[np.arange(N) % 2],
        "t": np.arange(N) // 4,
    }
)
LEVELS = list("ABCD")
GIVEN = {
    "A": pd.DataFrame(np.eye(4) + 0.1, LEVELS, LEVELS),
    "E": pd.DataFrame({"one": ["A", "B", "C"], "other": ["B", "C", "D"]}),
}
PLAIN: dict[str, Any] = {
    "Intercept": prior.normal(0, 1), "b": prior.normal(0, 1), "sd": prior.exponential(1),
    "sigma": prior.exponential(1),
}  # fmt: skip


def model(formula: str, family: str = "gaussian", priors: Any = None) -> Model:
    table = as_table(DATA)
    return specify(encode(parse(formula, table.columns), table, data2=GIVEN), family, priors)


def lines(found: Mathematics, block: int) -> list[str]:
    return [r"\\".join(latex_line(line)).replace(" ", "") for line in found.blocks[block].lines]


def by_hand(*written: str) -> list[str]:
    return [text.replace(" ", "") for text in written]


MU = r"\mu_{i} &= \beta_{0} + \beta_{1} \, \text{x}_{i}"
FAMILIES = {
    ("y ~ x", "gaussian"): [
        r"\text{y}_{i} &\sim \operatorname{Normal}(\mu_{i}, \sigma^{2})", MU,
    ],
    ("y | se(s) ~ x", "gaussian"): [
        r"\text{y}_{i} &\sim \operatorname{Normal}(\mu_{i}, \text{s}_{i}^{2})", MU,
    ],
    ("y | se(s, sigma=TRUE) ~ x", "gaussian"): [
        r"\text{y}_{i} &\sim \operatorname{Normal}(\mu_{i}, \text{s}_{i}^{2} + \sigma^{2})", MU,
    ],
    ("y | weights(w) ~ x", "gaussian"): [
        r"\text{y}_{i} &\sim \operatorname{Normal}(\mu_{i}, \sigma^{2})",
        r"L &= \prod_{i} p(\text{y}_{i} \mid \text{parameters})^{\text{w}_{i}}", MU,
    ],
    ("y ~ x", "student"): [r"\text{y}_{i} &\sim \operatorname{t}_{\nu}(\mu_{i}, \sigma^{2})", MU],
    ("positive ~ x", "lognormal"): [
        r"\text{positive}_{i} &\sim \operatorname{LogNormal}(\mu_{i}, \sigma^{2})", MU,
    ],
    ("positive ~ x", "gamma"): [
        r"\text{positive}_{i} &\sim \operatorname{Gamma}"
        r"\left( \alpha, \frac{\alpha}{\mu_{i}} \right)", r"\log " + MU,
    ],
    ("share ~ x", "beta"): [
        r"\text{share}_{i} &\sim \operatorname{Beta}(\mu_{i} \phi, (1 - \mu_{i}) \phi)",
        r"\operatorname{logit}(\mu_{i}) &= \beta_{0} + \beta_{1} \, \text{x}_{i}",
    ],
    ("won ~ x", "bernoulli"): [
        r"\text{won}_{i} &\sim \operatorname{Bernoulli}(p_{i})",
        r"\operatorname{logit}(p_{i}) &= \beta_{0} + \beta_{1} \, \text{x}_{i}",
    ],
    ("answer ~ x", "bernoulli(probit)"): [
        r"\text{answer}_{i} &\sim \operatorname{Bernoulli}(p_{i})",
        r"p_{i} &= \Pr(\text{answer}_{i} = \text{yes})",
        r"\Phi^{-1}(p_{i}) &= \beta_{0} + \beta_{1} \, \text{x}_{i}",
    ],
    ("won | trials(n) ~ x", "binomial(cloglog)"): [
        r"\text{won}_{i} &\sim \operatorname{Binomial}(\text{n}_{i}, p_{i})",
        r"\log(- \log(1 - p_{i})) &= \beta_{0} + \beta_{1} \, \text{x}_{i}",
    ],
    ("won | trials(5) ~ 1", "binomial"): [
        r"\text{won}_{i} &\sim \operatorname{Binomial}(5, p_{i})",
        r"\operatorname{logit}(p_{i}) &= \beta_{0}",
    ],
    ("cbind(won, n) ~ 1", "binomial"): [
        r"\text{won}_{i} &\sim \operatorname{Binomial}(\text{won}_{i} + \text{n}_{i}, p_{i})",
        r"\operatorname{logit}(p_{i}) &= \beta_{0}",
    ],
    ("won | trials(n) ~ 1", "beta_binomial"): [
        r"\text{won}_{i} &\sim \operatorname{BetaBinomial}"
        r"(\text{n}_{i}, \mu_{i} \phi, (1 - \mu_{i}) \phi)",
        r"\operatorname{logit}(\mu_{i}) &= \beta_{0}",
    ],
    ("count ~ x + offset(s)", "poisson"): [
        r"\text{count}_{i} &\sim \operatorname{Poisson}(\mu_{i})",
        r"\log " + MU + r"+ \text{s}_{i}",
    ],
    ("count ~ x", "negbinomial"): [
        r"\text{count}_{i} &\sim \operatorname{NegBinomial}(\mu_{i}, \phi)", r"\log " + MU,
    ],
    ("count ~ x", "zero_inflated_poisson"): [
        r"\text{count}_{i} &\sim \begin{cases} 0 & \text{with probability } \pi \\ "
        r"\operatorname{Poisson}(\mu_{i}) & \text{with probability } 1 - \pi \end{cases}",
        r"\log " + MU,
    ],
    ("count ~ x", "zero_inflated_negbinomial"): [
        r"\text{count}_{i} &\sim \begin{cases} 0 & \text{with probability } \pi \\ "
        r"\operatorname{NegBinomial}(\mu_{i}, \phi) & \text{with probability } 1 - \pi \end{cases}",
        r"\log " + MU,
    ],
    ("count ~ x", "hurdle_poisson"): [
        r"\text{count}_{i} &\sim \begin{cases} 0 & \text{with probability } \pi \\ "
        r"\operatorname{Poisson}^{+}(\mu_{i}) & \text{with probability } 1 - \pi \end{cases}",
        r"\log " + MU,
    ],
    ("count ~ x", "hurdle_negbinomial"): [
        r"\text{count}_{i} &\sim \begin{cases} 0 & \text{with probability } \pi \\ "
        r"\operatorname{NegBinomial}^{+}(\mu_{i}, \phi) & \text{with probability } 1 - \pi "
        r"\end{cases}", r"\log " + MU,
    ],
    ("mood ~ x", "cumulative"): [
        r"\operatorname{logit}(\Pr(\text{mood}_{i} \le k)) &= \theta_{k} - \eta_{i}"
        r" && \text{k = 1, …, 2}",
        r"\eta_{i} &= \beta_{1} \, \text{x}_{i}",
    ],
    ("mood ~ 1", "cumulative(probit)"): [
        r"\Phi^{-1}(\Pr(\text{mood}_{i} \le k)) &= \theta_{k} && \text{k = 1, …, 2}",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("formula", "family"), FAMILIES, ids=" ".join)
def test_families(formula: str, family: str) -> None:
    found = mathematics(model(formula, family))
    assert lines(found, 0) == by_hand(*FAMILIES[formula, family])


def test_every_family_and_link_is_written_by_hand_above() -> None:
    written = {family.partition("(")[0] for _, family in FAMILIES}
    assert written | {"categorical"} == set(EVERY)
    links = {f.link.name for f in LINKED}
    assert links == {"identity", "log", "logit", "probit", "cloglog"}
    kinds = {s.partition("(")[0] for s in STRUCTURES} - {""}
    assert kinds | {"unstructured", "diagonal"} == {*COVARIANCES, "graph"}


J4 = r" && \text{j = 1, …, 4}"
SIGMA = r"\boldsymbol{\Sigma}_{u}"
NORMAL2 = rf"(u_{{0, j}}, u_{{1, j}}) &\sim \operatorname{{Normal}}(\mathbf{{0}}, {SIGMA}){J4}"
FREE = [
    rf"{SIGMA} &= \mathbf{{D}}_{{u}} \mathbf{{R}}_{{u}} \mathbf{{D}}_{{u}}",
    r"\mathbf{D}_{u} &= \operatorname{diag}(\sigma_{u, 0}, \sigma_{u, 1})",
]
BOTH = r"u_{0, \text{g}[i]} + u_{1, \text{g}[i]} \, \text{x}_{i}"
FIELD = r"\sum_{j \sim l} w_{j, l} \, "
ZERO = r" &= 0 && \text{over each connected part of the graph}"
STRUCTURES: dict[str, tuple[str, Sequence[str]]] = {
    "(1 | g)": (
        r"u_{\text{g}[i]}", [rf"u_{{j}} &\sim \operatorname{{Normal}}(0, \sigma_{{u}}^{{2}}){J4}"],
    ),
    "(0 + x | g)": (
        r"u_{\text{g}[i]} \, \text{x}_{i}",
        [rf"u_{{j}} &\sim \operatorname{{Normal}}(0, \sigma_{{u}}^{{2}}){J4}"],
    ),
    "(x | g)": (BOTH, [NORMAL2, *FREE]),
    "(x || g)": (
        BOTH,
        [NORMAL2, SIGMA + r" &= \operatorname{diag}(\sigma_{u, 0}^{2}, \sigma_{u, 1}^{2})"],
    ),
    "iso(x | g)": (BOTH, [NORMAL2, rf"{SIGMA} &= \sigma_{{u}}^{{2}} \, \mathbf{{I}}_{{2}}"]),
    "cs(x | g)": (
        BOTH, [NORMAL2, *FREE, r"(\mathbf{R}_{u})_{s, t} &= \rho_{u} && \text{for all s ≠ t}"],
    ),
    "ar1(0 + t | g)": (
        r"u_{\text{t}[i], \text{g}[i]}",
        [
            r"(u_{1, j}, \dots, u_{4, j}) &\sim "
            rf"\operatorname{{Normal}}(\mathbf{{0}}, {SIGMA}){J4}",
            rf"({SIGMA})_{{s, t}} &= "
            r"\sigma_{u}^{2} \, \rho_{u}^{|s - t|} && \text{at times s and t}",
        ],
    ),
    "rr(x + z + s | g, rank=2)": (
        r"\mathbf{z}_{u, i}^{\top} \mathbf{u}_{\text{g}[i]}",
        [
            r"(u_{0, j}, \dots, u_{3, j}) &= \boldsymbol{\Lambda}_{u} \mathbf{f}_{j}" + J4,
            r"\mathbf{f}_{j} &\sim \operatorname{Normal}(\mathbf{0}, \mathbf{I}_{2})",
        ],
    ),
    "(1 | gr(g, cov=A))": (
        r"u_{\text{g}[i]}",
        [
            r"(u_{1}, \dots, u_{4}) &\sim "
            r"\operatorname{Normal}(\mathbf{0}, \sigma_{u}^{2} \, \mathbf{A})"
        ],
    ),
    "(x | gr(g, cov=A))": (
        BOTH,
        [
            r"(\mathbf{u}_{1}, \dots, \mathbf{u}_{4}) &\sim "
            rf"\operatorname{{Normal}}(\mathbf{{0}}, \mathbf{{A}} \otimes {SIGMA})",
            r"\mathbf{u}_{j} &= (u_{0, j}, u_{1, j})", *FREE,
        ],
    ),
    "(x | gr(g, dist='student'))": (
        BOTH,
        [
            r"(u_{0, j}, u_{1, j}) &\sim "
            rf"\operatorname{{t}}_{{\nu_{{u}}}}(\mathbf{{0}}, {SIGMA}){J4}",
            *FREE,
        ],
    ),
    "(1 | gr(g, cov=A, dist='student'))": (
        r"u_{\text{g}[i]}",
        [
            r"u_{j} &= \sqrt{\frac{\nu_{u}}{\omega_{j}}} \, \sigma_{u} \, e_{j}" + J4,
            r"(e_{1}, \dots, e_{4}) &\sim \operatorname{Normal}(\mathbf{0}, \mathbf{A})",
            r"\omega_{j} &\sim \chi_{\nu_{u}}^{2}",
        ],
    ),
    "(1 | gr(g, by=f))": (
        r"u_{\text{g}[i]}",
        [rf"u_{{j}} &\sim \operatorname{{Normal}}(0, \sigma_{{u, s[j]}}^{{2}}){J4}"],
    ),
    "(x | gr(g, by=f))": (
        BOTH,
        [
            r"(u_{0, j}, u_{1, j}) &\sim "
            r"\operatorname{Normal}(\mathbf{0}, \boldsymbol{\Sigma}_{u, s[j]})" + J4,
            r"\boldsymbol{\Sigma}_{u, s} &= \mathbf{D}_{u, s} \mathbf{R}_{u, s} \mathbf{D}_{u, s}"
            r" && \text{s = 1, …, 2}",
            r"\mathbf{D}_{u, s} &= \operatorname{diag}(\sigma_{u, 0, s}, \sigma_{u, 1, s})",
        ],
    ),
    "graph(1 | g, edges=E, type='icar')": (
        r"u_{\text{g}[i]}",
        [
            r"p(u_{1}, \dots, u_{4}) &\propto \exp \left( - \frac{1}{2 \, \sigma_{u}^{2}}"
            + FIELD + r"(u_{j} - u_{l})^{2} \right)", r"\sum_{j} u_{j}" + ZERO,
        ],
    ),
    "graph(1 | g, edges=E, type='car')": (
        r"u_{\text{g}[i]}",
        [
            r"(u_{1}, \dots, u_{4}) &\sim \operatorname{Normal}(\mathbf{0}, "
            r"\sigma_{u}^{2} \, (\mathbf{D} - \alpha_{u} \, \mathbf{W})^{-1})"
        ],
    ),
    "graph(1 | g, edges=E, type='bym2')": (
        r"u_{\text{g}[i]}",
        [
            r"u_{j} &= \sigma_{u} \left( \sqrt{1 - \rho_{u}} \, e_{u, j}"
            r" + \sqrt{\rho_{u}} \, g_{u, j} \right)" + J4,
            r"e_{u, j} &\sim \operatorname{Normal}(0, 1)",
            r"p(g_{u, 1}, \dots, g_{u, 4}) &\propto \exp \left( - \frac{1}{2 \, c}"
            + FIELD + r"(g_{u, j} - g_{u, l})^{2} \right)", r"\sum_{j} g_{u, j}" + ZERO,
        ],
    ),
    "(1 | mm(g, h))": (
        r"\frac{1}{2} \, u_{\text{g}[i]} + \frac{1}{2} \, u_{\text{h}[i]}",
        [rf"u_{{j}} &\sim \operatorname{{Normal}}(0, \sigma_{{u}}^{{2}}){J4}"],
    ),
    "(1 | mm(g, h, weights=cbind(s, w)))": (
        r"w_{1, i} \, u_{\text{g}[i]} + w_{2, i} \, u_{\text{h}[i]}",
        [rf"u_{{j}} &\sim \operatorname{{Normal}}(0, \sigma_{{u}}^{{2}}){J4}"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("term", STRUCTURES)
def test_structures(term: str) -> None:
    found = mathematics(model(f"y ~ 1 + {term}"))
    effect, expected = STRUCTURES[term]
    assert lines(found, 0)[1] == by_hand(r"\mu_{i} &= \beta_{0} + " + effect)[0]
    assert lines(found, 1) == by_hand(*expected)


def test_several_factors_have_letters_of_their_own() -> None:
    found = mathematics(model("y ~ 1 + (1 | g) + (1 | h) + (1 | g:h)"))
    effects = r"u_{\text{g}[i]} + v_{\text{h}[i]} + w_{\text{g:h}[i]}"
    assert lines(found, 0)[1] == by_hand(rf"\mu_{{i}} &= \beta_{{0}} + {effects}")[0]
    expected = r"w_{j} &\sim \operatorname{Normal}(0, \sigma_{w}^{2}) && \text{j = 1, …, 16}"
    assert lines(found, 3) == by_hand(expected)


SHORT = {k: PLAIN[k] for k in ("Intercept", "sigma")}
AT_MEANS = r"\beta_{0} + \beta_{1} \, \overline{\text{x}}"
PRIORS = {
    "default": (
        "y ~ x + (x | g)", "gaussian", None,
        [
            # sd(y) = sqrt(N (N + 1) / 12), that of x sqrt(20 / 15): 2.5 * 4.761 / 1.155.
            AT_MEANS + r" &\sim \operatorname{t}_{3}(7.5, 5.9^{2})",
            r"\beta_{1} &\sim \operatorname{Normal}(0, 10.31^{2})",
            r"\sigma_{u, 0}, \sigma_{u, 1} &\sim \operatorname{t}_{3}^{+}(0, 5.9^{2})",
            r"\mathbf{R}_{u} &\sim \operatorname{LKJ}(1)",
            r"\sigma &\sim \operatorname{t}_{3}^{+}(0, 5.9^{2})",
        ],
    ),
    "brms": (
        "y ~ x + (1 | g)", "gaussian", "brms",
        [
            AT_MEANS + r" &\sim \operatorname{t}_{3}(7.5, 5.9^{2})",
            r"p(\beta_{1}) &\propto 1",
            r"\sigma_{u} &\sim \operatorname{t}_{3}^{+}(0, 5.9^{2})",
            r"\sigma &\sim \operatorname{t}_{3}^{+}(0, 5.9^{2})",
        ],
    ),
    "rstanarm": (
        "y ~ 1 + (x | g)", "gaussian", "rstanarm",
        [
            r"\beta_{0} &\sim \operatorname{Normal}(7.5, 11.9^{2})",
            r"\sigma_{u, k} &= \sigma \, \tau_{u} \, \sqrt{2 \, \pi_{u, k}}",
            r"(\pi_{u, 1}, \dots, \pi_{u, 2}) &\sim \operatorname{Dirichlet}(1)",
            r"\tau_{u} &\sim \operatorname{Gamma}(1, 1)",
            r"\mathbf{R}_{u} &\sim \operatorname{LKJ}(1)",
            r"\sigma &\sim \operatorname{Exponential}(0.21)",
        ],
    ),
    "given": (
        "y ~ x + z + cs(x | g)", "gaussian",
        PLAIN | {"b[z]": prior.constant(-0.5), "sd": prior.normal(0, 2), "cor": prior.lkj(3),
                 "sigma": prior.inv_gamma(2, 1)},
        [
            r"\beta_{0} + \beta_{1} \, \overline{\text{x}} + \beta_{2} \, \overline{\text{z}}"
            r" &\sim \operatorname{Normal}(0, 1^{2})",
            r"\beta_{1} &\sim \operatorname{Normal}(0, 1^{2})",
            r"\beta_{2} &= -0.5 && \text{given}",
            r"\sigma_{u, 0}, \sigma_{u, 1} &\sim \operatorname{Normal}^{+}(0, 2^{2})",
            r"p(\rho_{u}) &\propto |\mathbf{R}_{u}|^{2} && \text{between -1 and 1}",
            r"\sigma &\sim \operatorname{InvGamma}(2, 1)",
        ],
    ),
    "thresholds": (
        "mood ~ x", "cumulative", {"Intercept": prior.cauchy(0, 2), "b": prior.student_t(4, 0, 1)},
        [
            r"\theta_{k} - \beta_{1} \, \overline{\text{x}} &\sim \operatorname{Cauchy}(0, 2)"
            r" && \text{k = 1, …, 2}",
            r"\beta_{1} &\sim \operatorname{t}_{4}(0, 1^{2})",
        ],
    ),
    "student": (
        "y ~ 1", "student", {"Intercept": prior.flat(), "sigma": prior.cauchy(0, 1)},
        [
            r"p(\beta_{0}) &\propto 1",
            r"\sigma &\sim \operatorname{Cauchy}^{+}(0, 1)",
            r"\nu &\sim \operatorname{Gamma}(2, 0.1) && \text{above 1}",
        ],
    ),
    "zero_inflated": (
        "count ~ 1", "zero_inflated_negbinomial", {"Intercept": prior.normal(0, 1)},
        [
            r"\beta_{0} &\sim \operatorname{Normal}(0, 1^{2})",
            r"\phi &\sim \operatorname{InvGamma}(0.4, 0.3)",
            r"\pi &\sim \operatorname{Beta}(1, 1)",
        ],
    ),
    "loadings": (
        "y ~ 1 + rr(x + z + s | g, rank=2)", "gaussian",
        SHORT | {"loading": prior.student_t(3, 0, 2)},
        [
            r"\beta_{0} &\sim \operatorname{Normal}(0, 1^{2})",
            r"\boldsymbol{\Lambda}_{u} &= \mathbf{S}_{u} \mathbf{A}_{u}",
            r"\operatorname{vec}(\mathbf{A}_{u}) &\sim "
            r"\operatorname{t}_{3}(\mathbf{0}, 2^{2} \, \mathbf{I})",
            r"\sigma &\sim \operatorname{Exponential}(1)",
        ],
    ),
    "shrunk": (
        # Gupta and Nagar (2000): exponent (df + q + d - 1) / 2 of a q x d matrix, 4 x 4 here.
        "y ~ 1 + rr(x + z + s | g, rank='auto')", "gaussian",
        SHORT | {"loading": prior.student_t(2, 0, 3)},
        [
            r"\beta_{0} &\sim \operatorname{Normal}(0, 1^{2})",
            r"\boldsymbol{\Lambda}_{u} &= \mathbf{S}_{u} \mathbf{A}_{u}",
            r"p(\mathbf{A}_{u}) &\propto \operatorname{det} \left( \mathbf{I}_{4} + "
            r"\frac{\mathbf{A}_{u}^{\top} \mathbf{A}_{u}}{2 \, 3^{2}} \right)^{-\frac{9}{2}}",
            r"\sigma &\sim \operatorname{Exponential}(1)",
        ],
    ),
    "fields": (
        "y ~ 1 + graph(1 | g, edges=E, type='bym2') + graph(0 + x | g, edges=E, type='car')",
        "gaussian", {k: v for k, v in PLAIN.items() if k != "b"},
        [
            r"\beta_{0} &\sim \operatorname{Normal}(0, 1^{2})",
            r"\sigma_{u} &\sim \operatorname{Exponential}(1)",
            r"\rho_{u} &\sim \operatorname{Beta}(0.5, 0.5)",
            r"\sigma_{v} &\sim \operatorname{Exponential}(1)",
            r"\alpha_{v} &\sim \operatorname{Beta}(1, 1)",
            r"\sigma &\sim \operatorname{Exponential}(1)",
        ],
    ),
    "strata": (
        "y ~ 1 + (1 | gr(g, by=f, dist='student'))", "gaussian",
        {k: v for k, v in PLAIN.items() if k != "b"},
        [
            r"\beta_{0} &\sim \operatorname{Normal}(0, 1^{2})",
            r"\sigma_{u, \text{fp}}, \sigma_{u, \text{fq}} &\sim \operatorname{Exponential}(1)",
            r"\nu_{u} &\sim \operatorname{Gamma}(2, 0.1) && \text{above 1}",
            r"\sigma &\sim \operatorname{Exponential}(1)",
        ],
    ),
    "autocorrelation": (
        "y ~ 1 + ar1(0 + t | g)", "gaussian", {k: v for k, v in PLAIN.items() if k != "b"},
        [
            r"\beta_{0} &\sim \operatorname{Normal}(0, 1^{2})",
            r"\sigma_{u} &\sim \operatorname{Exponential}(1)",
            r"\rho_{u} &\sim \operatorname{Uniform}(-1, 1)",
            r"\sigma &\sim \operatorname{Exponential}(1)",
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PRIORS)
def test_priors(name: str) -> None:
    formula, family, priors, expected = PRIORS[name]
    assert lines(mathematics(model(formula, family, priors)), -1) == by_hand(*expected)


def test_many_columns_are_a_sum() -> None:
    columns = [f"c{k}" for k in range(1, 13)]
    r = np.random.default_rng(1)
    data = pd.DataFrame({"y": r.normal(size=20)} | {c: r.normal(size=20) for c in columns})
    table = as_table(data)
    design = encode(parse(f"y ~ {' + '.join(columns)}", table.columns), table)
    found = mathematics(specify(design, "gaussian", None))
    total = r"\sum_{k = 1}^{12} \beta_{k} \, x_{k, i}"
    assert lines(found, 0)[1] == by_hand(rf"\mu_{{i}} &= \beta_{{0}} + {total}")[0]
    intercept, slopes, _ = lines(found, -1)
    assert intercept.startswith(
        by_hand(r"\beta_{0} + \sum_{k = 1}^{12} \beta_{k} \, \overline{x}_{k} &\sim")[0]
    )
    assert (
        slopes
        == by_hand(
            r"\beta_{k} &\sim \operatorname{Normal}(0, s_{k}^{2})"
            r" && \text{k = 1, …, 12; each s is in the table of priors}"
        )[0]
    )
    meanings = {to_latex(node): text for node, text in found.meanings}
    named = ", ".join(f"{k} c{k}" for k in range(1, 13))
    assert meanings["x_{k, i}"] == f"columns: {named}"


def test_categories() -> None:
    found = mathematics(specify_parts([part("mood ~ x", "categorical")], DATA))
    beta = [
        rf"\eta_{{\text{{{c}}}, i}} &= "
        rf"\beta_{{0}}^{{(\text{{{c}}})}} + \beta_{{1}}^{{(\text{{{c}}})}} \, \text{{x}}_{{i}}"
        for c in ("fair", "good")
    ]
    assert lines(found, 0) == by_hand(
        r"\Pr(\text{mood}_{i} = k) &= "
        r"\frac{\exp(\eta_{k, i})}{\sum_{l} \exp(\eta_{l, i})}",
        r"\eta_{\text{bad}, i} &= 0",
        *beta,
    )


PARAMETERS = {
    ("student", "nu"): r"\log(\nu_{i} - 1)",
    ("student", "sigma"): r"\log \sigma_{i}",
    ("zero_inflated_poisson", "zi"): r"\operatorname{logit}(\pi_{i})",
    ("hurdle_poisson", "hu"): r"\operatorname{logit}(\pi_{i})",
    ("gamma", "shape"): r"\log \alpha_{i}",
    ("negbinomial", "shape"): r"\log \phi_{i}",
    ("beta", "phi"): r"\log \phi_{i}",
}


@pytest.mark.parametrize(("family", "name"), PARAMETERS)
def test_parameters_with_a_formula_of_their_own(family: str, name: str) -> None:
    response = {"gamma": "positive", "beta": "share", "student": "y"}.get(family, "count")
    found = mathematics(specify_parts([part([f"{response} ~ 1", f"{name} ~ x"], family)], DATA))
    symbol = PARAMETERS[family, name].rpartition("\\")[2].partition("_")[0]
    beta = [rf"\beta_{{{k}}}^{{(\{symbol})}}" for k in range(2)]
    expected = rf"{PARAMETERS[family, name]} &= {beta[0]} + {beta[1]} \, \text{{x}}_{{i}}"
    assert lines(found, 0)[-1] == by_hand(expected)[0]
    assert by_hand(rf"\{symbol}_{{i}}")[0] in lines(found, 0)[0]


def test_several_predictors_and_responses() -> None:
    parts = [
        part(["y ~ x + (1 |s| g)", "sigma ~ 1 + (1 |s| g)"]),
        part("won ~ 1 + (x |s| g)", "bernoulli", weight=2.0),
    ]
    found = mathematics(specify_parts(parts, DATA))
    y, won = r"^{(\text{y})}", r"^{(\text{won})}"
    assert lines(found, 0) == by_hand(
        rf"\text{{y}}_{{i}} &\sim \operatorname{{Normal}}(\mu_{{i}}{y}, (\sigma_{{i}}{y})^{{2}})",
        rf"\mu_{{i}}{y} &= \beta_{{0}}{y} + \beta_{{1}}{y} \, \text{{x}}_{{i}}"
        r" + u_{1, \text{g}[i]}",
        rf"\log \sigma_{{i}}{y} &= \beta_{{0}}^{{(\text{{y}}, \sigma)}} + u_{{2, \text{{g}}[i]}}",
    )
    assert lines(found, 1) == by_hand(
        rf"\text{{won}}_{{i}} &\sim \operatorname{{Bernoulli}}(p_{{i}}{won})",
        rf"\operatorname{{logit}}(p_{{i}}{won}) &= \beta_{{0}}{won}"
        r" + u_{3, \text{g}[i]} + u_{4, \text{g}[i]} \, \text{x}_{i}",
    )
    spelled = r"(u_{1, j}, \dots, u_{4, j})"
    assert (
        lines(found, 2)[0]
        == by_hand(rf"{spelled} &\sim \operatorname{{Normal}}(\mathbf{{0}}, {SIGMA}){J4}")[0]
    )
    meanings = [(to_latex(node), text) for node, text in found.meanings]
    assert (r"\text{won}", "its log likelihood counts 2 times") in meanings


def test_labels_are_text_and_numbers_are_exact_or_short() -> None:
    assert to_latex(label(r"50%_{of} \alpha $x$ <b>")) == (
        r"\text{50\%\_\{of\} \textbackslash{}alpha \$x\$ \textless{}b\textgreater{}}"
    )
    assert to_latex(label("`a|b` ~^#&\n")) == (
        r"\text{\textasciigrave{}a\textbar{}b\textasciigrave{} "
        r"\textasciitilde{}\textasciicircum{}\#\&\textbackslash{}n}"
    )
    assert to_latex(label("a" * 99)) == "\\text{" + "a" * 15 + "…" + "a" * 14 + "}"
    shown = [to_latex(number(x)) for x in (0, -3, 1234567, 0.123456, -1e-7, 2.5e12)]
    assert shown == [
        "0", "-3", "1234567", "0.1235", r"-10^{-7}", r"2.5 \times 10^{12}",
    ]  # fmt: skip


CHILDREN = {"msub": 2, "msup": 2, "msubsup": 3, "munder": 2, "munderover": 3, "mover": 2,
            "mfrac": 2}  # fmt: skip


@pytest.mark.parametrize("term", STRUCTURES)
@pytest.mark.parametrize("family", ["gaussian", "student"])
def test_mathml_is_well_formed(term: str, family: str) -> None:
    found = mathematics(model(f"y ~ 1 + {term}", family))
    for block in found.blocks:
        tree = ElementTree.fromstring(mathml_block(block))
        for element in tree.iter():
            assert len(element) == CHILDREN.get(element.tag, len(element)), element.tag
            assert element.tag != "mi" or element.text
