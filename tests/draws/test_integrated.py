"""Effects drawn afterwards have the exact normal posterior given the other parameters."""

import numpy as np
import pytest

from hierglm.draws import integrated
from hierglm.draws.draws import Draws, Variable
from hierglm.draws.integrated import with_effects, without_effects
from hierglm.models import specify
from hierglm.plan.choose import choose
from hierglm.plan.forms import Ability, GroupForm
from tests.designs import design_of
from tests.program.exact import one_correlation
from tests.program.oracles import simulated

SIGMA = 2.0


def repeated(plan, count, seed=0):
    """Return draws that all are the same point, and that point."""
    design, r = plan.model.design, np.random.default_rng(seed)
    b = np.linspace(0.5, 1.5, design.intercept + len(design.common.labels))
    found = {"sigma": Variable("sigma", "family", "", np.full((2, count // 2), SIGMA), ())}
    covariances, fixed, parts = [], {}, {}

    def add(name, effect, group, point, labels):
        parts.setdefault((name, effect, group), []).append((point, labels))

    for k, g in enumerate(design.groups):
        q = len(g.terms)
        if g.relation.varying:
            covariances.append(varying(g, r, add))
            continue
        one = g.structure.kind in ("iso", "ar1") and q > 1
        sd, correlation = r.uniform(0.5, 1.5, 1 if one else q), np.eye(q)
        add(f"sd_{g.group}", "ran_sd", g.group, sd, g.terms[: len(sd)])
        sd = np.broadcast_to(sd, q)
        if g.structure.kind in ("cs", "ar1"):
            rho = r.uniform(-0.3, 0.8)
            correlation = one_correlation(g, rho)
            add(f"cor_{g.group}", "ran_cor", g.group, np.array([rho]), (0,))
        if g.correlated and q > 1:
            half = np.eye(q) + np.tril(r.normal(0, 0.5, (q, q)), -1)
            half /= np.linalg.norm(half, axis=1, keepdims=True)
            correlation = half @ half.T
            pairs = correlation[np.triu_indices(q, 1)]
            add(f"cor_{g.group}", "ran_cor", g.group, pairs, tuple(range(len(pairs))))
        covariances.append(sd[:, None] * correlation * sd)
        if plan.groups[k].form is not GroupForm.INTEGRATED:
            fixed[k] = r.normal(size=(len(g.levels), q))
            add(f"r_{g.group}", "ran_vals", g.group, fixed[k], g.terms)
    if len(b):
        add("b", "fixed", "", b, tuple(map(str, b)))
    for (name, effect, group), some in parts.items():
        point = np.concatenate([p for p, _ in some], axis=-1)
        labels = tuple(x for _, names in some for x in names)
        values = np.broadcast_to(point, (2, count // 2, *point.shape))
        found[name] = Variable(name, effect, group, values, (("term", labels),))
    return Draws(found, {"diverging": np.zeros((2, count // 2))}), b, covariances, fixed


def varying(g, r, add):
    """Return the covariance of each level's effects, having added its parts."""
    q, strata = len(g.terms), len(g.relation.strata) or 1
    sd = r.uniform(0.5, 1.5, (strata, q))
    add(f"sd_{g.group}", "ran_sd", g.group, sd.reshape(-1), tuple(range(sd.size)))
    half = np.eye(q) + np.tril(r.normal(0, 0.5, (strata, q, q)), -1)
    half /= np.linalg.norm(half, axis=2, keepdims=True)
    correlation = half @ half.swapaxes(1, 2)
    if q > 1:
        pairs = np.concatenate([c[np.triu_indices(q, 1)] for c in correlation])
        add(f"cor_{g.group}", "ran_cor", g.group, pairs, tuple(range(len(pairs))))
    weights = np.ones(len(g.levels))
    if g.relation.student:
        weights = r.chisquare(3, len(g.levels)) / 3
        add(f"weight_{g.group}", "ran_weight", g.group, weights[:, None], (0,))
    own = sd[:, :, None] * correlation * sd[:, None, :]
    at = g.relation.stratum if g.relation.strata else np.zeros(len(g.levels), dtype=int)
    return own[at] / weights[:, None, None]


def exact(plan, b, covariances, fixed):
    """Return mean and covariance of all integrated effects, from one dense joint normal."""
    design = plan.model.design
    X = design.common.matrix
    if design.intercept:
        X = np.column_stack([np.ones(design.rows), X])
    e = design.response.values - X @ b - (0 if design.offset is None else design.offset)
    Z, prior = [], []
    for k, g in enumerate(design.groups):
        levels, q = len(g.levels), len(g.terms)
        columns = np.zeros((design.rows, levels, q))
        columns[np.arange(design.rows), g.index] = g.effects.matrix
        columns = columns.reshape(design.rows, -1)
        if k in fixed:
            e = e - columns @ fixed[k].reshape(-1)
            continue
        Z.append(columns)
        prior += list(np.broadcast_to(covariances[k], (levels, q, q)))
    Z = np.hstack(Z)
    covariance = np.zeros((Z.shape[1], Z.shape[1]))
    low = 0
    for block in prior:
        covariance[low : low + len(block), low : low + len(block)] = block
        low += len(block)
    weights = np.ones(design.rows) if design.response.weights is None else design.response.weights
    noise = np.diag(SIGMA**2 / weights)
    gain = covariance @ Z.T @ np.linalg.inv(Z @ covariance @ Z.T + noise)
    return gain @ e, covariance - gain @ Z @ covariance


FORMULAS = [
    "y ~ x + (1 | g)",
    "y ~ x + z + offset(v) + (x | g)",
    "y | weights(w) ~ 0 + x + (x || g)",
    "y ~ 0 + (x + z | h)",
    "y ~ x + (1 | school/class)",
    "y ~ x + (x | school) + (z + v | school:class)",
    "y ~ x + (0 + half | school/class)",
    "y ~ x + (1 | school) + (x || school:class) + (1 | school:class:h)",
    "y ~ x + (x | g) + (0 + z | g)",
    "y ~ x + (x | g) + (z | h)",
    "y ~ x + (1 | h) + (x | school/class)",
    "y ~ x + iso(x + z | g)",
    "y ~ x + ar1(0 + h | g)",
    "y ~ x + (1 | g) + iso(0 + x + z | g) + (0 + v | g)",
    "y ~ x + iso(x | school) + cs(x + z | school:class)",
    "y ~ x + cs(x + z | g) + ar1(0 + h | g) + (0 + v | g)",
    "y ~ x + (1 | gr(school, by=area))",
    "y ~ x + (x | gr(g, dist='student'))",
    "y ~ x + (1 | gr(g, dist='student')) + (0 + x | gr(g, dist='student'))",
    "y ~ x + (x | gr(school, by=area)) + (z | gr(room, by=area, dist='student')) + (1 | room:h)",
]


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("block", [2**22, 2**18])
def test_mean_and_covariance(formula, block, monkeypatch):
    # Small blocks cut the levels into parts, which must not change what is drawn from.
    monkeypatch.setattr(integrated, "_BLOCK", block)
    plan = choose(specify(design_of(formula, simulated())), frozenset(Ability))
    design, count = plan.model.design, 40_000
    draws, b, covariances, fixed = repeated(plan, count)
    late = with_effects(plan, draws, seed=3)
    effects, low = [], {}
    for k, g in enumerate(design.groups):
        if k not in fixed:
            at = low.get(g.group, 0)
            low[g.group] = at + len(g.terms)
            values = late[f"r_{g.group}"].values[..., at : at + len(g.terms)]
            effects.append(values.reshape(count, -1))
    effects = np.hstack(effects)
    mean, covariance = exact(plan, b, covariances, fixed)
    sd = np.sqrt(np.diag(covariance))
    # Five standard errors of a mean of independent normal draws; of a covariance likewise.
    np.testing.assert_array_less(np.abs(effects.mean(axis=0) - mean), 5 * sd / np.sqrt(count))
    error = np.sqrt((np.outer(sd, sd) ** 2 + covariance**2) / count)
    np.testing.assert_array_less(np.abs(np.cov(effects.T) - covariance), 5.5 * error)


def test_effects_are_drawn_when_read_and_always_the_same():
    plan = choose(specify(design_of("y ~ x + (x | g)", simulated())), frozenset(Ability))
    sampled = repeated(plan, 10)[0]
    draws = with_effects(plan, sampled, seed=1)
    late = draws["r_g"]
    assert not late._done
    assert late.values.shape == (2, 5, 7, 2)
    assert not late.values.flags.writeable
    np.testing.assert_array_equal(late.values, with_effects(plan, sampled, seed=1)["r_g"].values)
    assert not np.array_equal(late.values, with_effects(plan, sampled, seed=2)["r_g"].values)
    assert list(without_effects(draws).variables) == list(sampled.variables)


@pytest.mark.parametrize(
    "formula", ["y ~ x + (x | g)", "y ~ x + (1 | school) + (x | school:class)"]
)
def test_parts_are_the_values_and_nothing_is_kept(formula, monkeypatch):
    monkeypatch.setattr(integrated, "_BLOCK", 30)
    monkeypatch.setattr(integrated, "_KEPT", 0)
    plan = choose(specify(design_of(formula, simulated())), frozenset(Ability))
    sampled = repeated(plan, 10)[0]
    for name in [v.name for v in with_effects(plan, sampled, seed=1) if v.effect == "ran_vals"]:
        late = with_effects(plan, sampled, seed=1)[name]
        parts = list(late.parts())
        assert len(parts) > 1
        assert not late._done
        levels = np.concatenate([at for at, _ in parts])
        assert sorted(levels) == list(range(len(late.dims[0][1])))
        together = np.empty_like(late.values)
        for at, values in parts:
            together[:, :, at] = values
        np.testing.assert_array_equal(together, late.values)
