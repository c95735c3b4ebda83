"""Models whose levels are related, and the programs that a person wrote for them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

LEVELS = list("abcdefg")
EDGES = pd.DataFrame({"one": list("abcae"), "other": list("bcadf")})
"""A triangle a, b, c with d hanging on a; e and f; g an island."""


def adjacency():
    W = np.zeros((7, 7))
    for one, other in EDGES.itertuples(index=False):
        W[LEVELS.index(one), LEVELS.index(other)] = W[LEVELS.index(other), LEVELS.index(one)] = 1
    return W


def covariance(seed=2, levels=LEVELS):
    """Return a covariance matrix, its levels in another order than the data's."""
    B = np.random.default_rng(seed).normal(size=(len(levels), 2 * len(levels)))
    names = list(levels)[::-1]
    return pd.DataFrame(B @ B.T / 10, index=names, columns=names)


def rows(n=50, seed=4):
    """Return a table in which every level has rows."""
    r = np.random.default_rng(seed)
    g = np.array(LEVELS)[np.concatenate([np.arange(7), r.integers(0, 7, n - 7)])]
    return pd.DataFrame(
        {
            "x": r.normal(1, 2, n), "g": g, "h": np.array(LEVELS)[r.integers(0, 7, n)],
            "k": r.integers(0, 4, n), "f": np.where(np.isin(g, list("abc")), "lo", "hi"),
            "w": r.uniform(0.2, 1, n), "v": r.uniform(0.2, 1, n),
            "y": r.normal(3, 2, n), "hit": r.integers(0, 2, n), "count": r.poisson(2, n),
            "j": r.integers(0, 4, n),
        }
    )  # fmt: skip


def scaled_field():
    """Return the covariance of the scaled intrinsic field, by generalised inverses."""
    W, Q = adjacency(), np.zeros((7, 7))
    for part in (LEVELS[:4], LEVELS[4:6]):
        at = np.ix_([LEVELS.index(x) for x in part], [LEVELS.index(x) for x in part])
        S = np.linalg.pinv(np.diag(W[at].sum(axis=1)) - W[at])
        Q[at] = S / np.exp(np.mean(np.log(np.diag(S))))
    Q[6, 6] = 1
    return Q


def data2():
    return {"A": covariance(), "E": EDGES, "B": covariance(levels=[*LEVELS, "i", "j"])}


def _plain(d):
    return {
        "n": len(d), "J": 7, "x": d["x"].to_numpy(), "y": d["hit"].to_numpy(),
        "g": 1 + np.array([LEVELS.index(x) for x in d["g"]]),
    }  # fmt: skip


def _icar(d):
    codes = {x: i + 1 for i, x in enumerate(LEVELS)}
    ends = {c: np.array([codes[x] for x in EDGES[c]]) for c in EDGES}
    return {
        **_plain(d), "E": len(EDGES), "first": ends["one"], "second": ends["other"],
        "islands": 1, "island": np.array([7]), "rank": 5,
    }  # fmt: skip


def _members(d):
    g = np.array([[LEVELS.index(x) + 1 for x in d[c]] for c in ("g", "h")]).T
    return {**_plain(d), "g": g, "w": d[["w", "v"]].to_numpy()}


def _strata(d):
    return {**_plain(d), "F": 2, "f": np.array([2, 2, 2, 1, 1, 1, 1])}


@dataclass(frozen=True)
class Case:
    """A formula of ours, and the parameters of the hand-written program in its words."""

    formula: str
    data: Callable
    parameters: Callable
    effects: str = "u"


def _cov(values, u):
    return {"tau": values["sd_1"], "L": values["L_1"], "u": u}


HAND = {
    "related_slopes": Case(
        "hit ~ x + (x | gr(g, cov=A))",
        lambda d: {**_plain(d), "A": covariance().loc[LEVELS, LEVELS].to_numpy()}, _cov),
    "student_slopes": Case(
        "hit ~ x + (x | gr(g, dist='student'))", _plain,
        lambda v, u: {**_cov(v, u), "nu": v["df_1"],
                      "w": 1 / (v["df_1"] * np.exp(v["log_weight_1"]))}),
    "strata_slopes": Case(
        "hit ~ x + (x | gr(g, by=f))", _strata,
        lambda v, u: {"tau": np.reshape(v["sd_1"], (2, 2)), "L": v["L_1"], "u": u}),
    "proper_car": Case(
        "hit ~ x + graph(1 | g, edges=E, type='car')", lambda d: {**_plain(d), "W": adjacency()},
        lambda v, u: {"tau": v["sd_1"], "rho": v["alpha_1"][0], "u": u[:, 0]}),
    "bym2": Case(
        "hit ~ x + graph(1 | g, edges=E, type='bym2')",
        lambda d: {**_plain(d), "Q": scaled_field()},
        lambda v, u: {"tau": v["sd_1"], "rho": v["rho_1"][0], "u": u[:, 0]}),
    "icar": Case(
        "hit ~ x + graph(1 | g, edges=E)", _icar,
        lambda v, u: {"tau": v["sd_1"], "u": u[:, 0]}),
    "memberships": Case(
        "hit ~ x + (x | mm(g, h, weights=cbind(w, v)))", _members, _cov),
}  # fmt: skip
