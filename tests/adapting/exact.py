"""Gaussian posteriors with known variances: exact, by one dense normal distribution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hierglm.covariances import correlated_terms, sd_terms
from hierglm.design.design import Design, Grouping
from hierglm.design.encode import encode
from hierglm.design.reading import as_table
from hierglm.draws.draws import Draws, Variable
from hierglm.engines.engine import Settings
from hierglm.formula.parse import parse
from hierglm.models import specify
from hierglm.plan.choose import choose
from hierglm.posterior import Fit
from hierglm.program.write import write

Floats = NDArray[np.float64]

SIGMA, WIDE = 1.5, 3.0
"""Residual sd, and prior sd of the common coefficients."""
SDS, CORRELATION = (0.8, 0.5, 1.1), 0.4
"""Of the effects of every factor."""


@dataclass(frozen=True)
class Normal:
    """Mean and covariance of all coefficients: b, then the effects factor by factor."""

    mean: Floats
    covariance: Floats

    def draw(self, count: int, seed: int) -> Floats:
        """Return independent draws, shape (count, coefficients)."""
        z = np.random.default_rng(seed).standard_normal((count, len(self.mean)))
        return self.mean + z @ np.linalg.cholesky(self.covariance).T


def design_of(formula: str, data: pd.DataFrame) -> Design:
    """Return the design of a formula on a table."""
    table = as_table(data)
    return encode(parse(formula, table.columns), table)


def covariance(grouping: Grouping) -> Floats:
    """Return the covariance of a term's effects."""
    q, kind = len(grouping.terms), grouping.structure.kind
    sds = np.full(q, SDS[0]) if kind in ("iso", "ar1") else np.array(SDS[:q])
    apart = np.abs(np.subtract.outer(np.arange(q), np.arange(q)))
    if kind in ("unstructured", "cs"):
        apart = np.minimum(apart, 1)
    free = kind in ("unstructured", "cs", "ar1")
    return np.outer(sds, sds) * (CORRELATION**apart if free else apart == 0)


def posterior(design: Design) -> Normal:
    """Return the posterior of all coefficients given the rows of a design."""
    X = design.common.matrix
    if design.intercept:
        X = np.column_stack([np.ones(design.rows), X])
    columns, prior = [X], [WIDE**2 * np.eye(X.shape[1])]
    for g in design.groups:
        Z = np.zeros((design.rows, len(g.levels), len(g.terms)))
        Z[np.arange(design.rows), g.index] = g.effects.matrix
        columns.append(Z.reshape(design.rows, -1))
        prior.append(np.kron(np.eye(len(g.levels)), covariance(g)))
    W = np.hstack(columns)
    inverse = np.zeros((W.shape[1], W.shape[1]))
    low = 0
    for block in prior:
        high = low + len(block)
        inverse[low:high, low:high] = np.linalg.inv(block)
        low = high
    r = design.response
    counts = np.ones(design.rows) if r.weights is None else r.weights
    precision = counts / (SIGMA**2 if r.se is None else r.se**2)
    y = r.values - (0 if design.offset is None else design.offset)
    V = np.linalg.inv(inverse + W.T @ (precision[:, None] * W))
    return Normal(V @ W.T @ (precision * y), (V + V.T) / 2)


def fit_of(design: Design, theta: Floats, family: str = "gaussian") -> Fit:
    """Return a fit whose draws of all coefficients are given, shape (draws, coefficients)."""
    p = design.intercept + len(design.common.labels)
    count = len(theta)
    parts: dict[tuple[str, str, str], list[tuple[Floats, tuple[Any, ...]]]] = {}

    def add(name: str, effect: str, group: str, values: Any, labels: tuple[Any, ...]) -> None:
        shaped = np.broadcast_to(values, (count, *np.shape(values)[1:]))
        parts.setdefault((name, effect, group), []).append((shaped, labels))

    if p:
        labels = (*(("Intercept",) if design.intercept else ()), *design.common.labels)
        add("b", "fixed", "", theta[:, :p], labels)
    low = p
    for g in design.groups:
        q = len(g.terms)
        high = low + q * len(g.levels)
        sds, pairs = sd_terms(g), correlated_terms(g)
        add(f"sd_{g.group}", "ran_sd", g.group, np.array([SDS[: len(sds)]]), sds)
        if pairs:
            add(f"cor_{g.group}", "ran_cor", g.group, np.full((1, len(pairs)), CORRELATION), pairs)
        effects = theta[:, low:high].reshape(count, len(g.levels), q)
        add(f"r_{g.group}", "ran_vals", g.group, effects, g.terms)
        low = high
    variables = {}
    for (name, effect, group), some in parts.items():
        values = np.concatenate([v for v, _ in some], axis=-1)[None]
        terms = tuple(t for _, labels in some for t in labels)
        dims: tuple[Any, ...] = ((f"{group}_term" if group else "term", terms),)
        if effect == "ran_vals":
            levels = next(g.levels for g in design.groups if g.group == group)
            dims = ((group, levels), *dims)
        variables[name] = Variable(name, effect, group, values, dims)
    if family == "gaussian" and design.response.se is None:
        sigma = np.full((1, count), SIGMA)
        variables["sigma"] = Variable("sigma", "family", "", sigma, ())
    plan = choose(specify(design, family), frozenset(), "textbook")
    return Fit(
        plan=plan,
        program=write(plan),
        settings=Settings(chains=1, warmup=0, draws=count, seed=4),
        draws=Draws(variables, {"diverging": np.zeros((1, count))}),
        engine="none",
        versions={},
        seconds=0.0,
    )
