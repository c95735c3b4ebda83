"""Separated responses are said to be so, and only these; flat priors are refused there."""

import numpy as np
import pytest
from scipy.optimize import linprog

import hierglm as hg
from hierglm.errors import PriorError
from hierglm.families.separation import direction


def certified(A, E):
    """Tell whether nothing separates: A'w + E'v = 0 with every w positive (Stiemke 1915)."""
    both = np.concatenate([A, E]).T
    bounds = [(1, None)] * len(A) + [(None, None)] * len(E)
    found = linprog(np.zeros(len(bounds)), A_eq=both, b_eq=np.zeros(len(both)), bounds=bounds)
    return found.status == 0


def test_a_direction_is_found_where_no_certificate_says_that_there_is_none():
    r = np.random.default_rng(4)
    seen = {True: 0, False: 0}
    for _ in range(150):
        rows, p = int(r.integers(3, 14)), int(r.integers(1, 5))
        # Small whole numbers: often on a common plane, often twice.
        A, E = (
            r.integers(-2, 3, (rows, p)) * 1.0,
            r.integers(-1, 2, (int(r.integers(0, 3)), p)) * 1.0,
        )
        if r.random() < 0.3:
            A[:, 0] = np.abs(A[:, 0])
        units = 10.0 ** r.integers(-40, 40, p)
        found = direction(A * units, E * units)
        assert (found is None) == certified(A, E)
        seen[found is None] += 1
        if found is not None:
            d = found * units
            assert (A @ d).min() > -1e-6 * (A @ d).max()
            np.testing.assert_allclose(E @ d, 0, atol=1e-9 * (A @ d).max())
    assert min(seen.values()) > 40


X = np.array([-3.0, -2, -1, 0, 1, 2, 3, 4])
Z = np.array([1.0, -1, 1, 1, -1, 1, -1, -1])
G = list("aabbaabb")
SAID = {
    "completely": ("y ~ x + z", "bernoulli", {"y": X > 0.5}, "'x'"),
    "with rows on the border": (
        "y ~ x", "bernoulli", {"x": X.clip(0, 1), "y": X > 1}, "'x'"),
    "not": ("y ~ x", "bernoulli", {"y": [0, 1, 0, 1, 0, 1, 0, 1]}, ""),
    "by two columns together": (
        "y ~ x + z", "bernoulli", {"y": X + 2.5 * Z > 0.4}, "'x' and 'z'"),
    "by a level": (
        "y ~ kind", "bernoulli", {"kind": list("aaabbbcc"), "y": [0, 1, 1, 0, 1, 0, 1, 1]},
        "'kind[T.c]'"),
    "by the intercept": ("y ~ x", "bernoulli", {"y": X > -9}, "the intercept"),
    "trials": (
        "y | trials(m) ~ x", "binomial", {"y": 3 * (X > 0), "m": [3] * 8}, "'x'"),
    "trials, one of them between": (
        "y | trials(m) ~ x", "binomial", {"y": 3 * (X > 0) + 1 * (X == 1), "m": [5] * 8}, ""),
    "trials of 0 and weights of 0 say nothing": (
        "y | trials(m) + weights(w) ~ x", "binomial",
        {"y": [0, 0, 0, 0, 5, 0, 5, 5], "m": [5, 5, 5, 5, 5, 0, 5, 5], "w": [1.0] * 8},
        "'x'"),
    "counts": ("y ~ z", "poisson", {"y": (Z > 0) * (X + 4)}, "'z'"),
    "counts with a column that varies among positive ones": (
        "y ~ x", "negbinomial", {"y": (X > 0) * 2}, ""),
    "zeros of two kinds": (
        "y ~ z", "zero_inflated_poisson", {"y": (Z > 0) * (X + 4)}, "'z'"),
    "categories in order": (
        "y ~ x + z", "cumulative", {"y": [1, 1, 1, 2, 2, 2, 3, 3]}, "'x'"),
    "categories that overlap": ("y ~ x + z", "cumulative", {"y": [1, 2, 1, 2, 1, 3, 2, 3]}, ""),
    "in a model of group effects": (
        "y ~ x + (1 | g)", "bernoulli", {"y": X > 0.5, "g": G}, "'x'"),
    "a group's levels, whose sd has a prior": (
        "y ~ z + (1 | g)", "bernoulli", {"y": [0, 0, 0, 1, 0, 0, 1, 1], "g": G}, ""),
}  # fmt: skip


@pytest.mark.parametrize("case", SAID)
def test_the_columns_that_separate_are_named(case):
    formula, family, columns, words = SAID[case]
    data = {"x": X, "z": Z, **{k: np.asarray(v) for k, v in columns.items()}}
    if data["y"].dtype == bool:
        data["y"] = data["y"].astype(int)
    said = [n for n in hg.model(formula, data, family).model.design.notes if "separated" in n]
    assert len(said) == bool(words)
    assert not said or f"is separated by {words}: the likelihood" in said[0]


def test_flat_priors_are_refused_where_they_leave_nothing_proper():
    data = {"x": X, "z": Z, "y": (X > 0.5).astype(int)}
    with pytest.raises(
        PriorError, match=r"'y' is separated by 'x', and the prior of b\[x\] is flat"
    ):
        hg.model("y ~ x + z", data, "bernoulli", priors="brms")
    parts = [hg.part("y ~ x", "bernoulli"), hg.part("z ~ 1")]
    with pytest.raises(PriorError, match=r"b\[x\]@y is flat"):
        hg.model(parts, data, priors="brms")
    # A proper prior of what separates is enough; the other stays flat.
    model = hg.model("y ~ x + z", data, "bernoulli",
                     priors={"b[x]": hg.prior.normal(0, 2.5), "b[z]": hg.prior.flat()})  # fmt: skip
    assert [n for n in model.model.design.notes if "separated by 'x'" in n]
    # Together with the intercept, whose prior is proper: improper are flat priors of both.
    both = {"x": X - 10, "y": (X > 3.5).astype(int)}
    model = hg.model("y ~ x", both, "bernoulli", priors="brms")
    assert [n for n in model.model.design.notes if "separated by 'x'" in n]
    with pytest.raises(PriorError, match=r"b\[x\] is flat"):
        hg.model("y ~ x", both, "bernoulli",
                 priors={"b": hg.prior.flat(), "Intercept": hg.prior.flat()})  # fmt: skip


def test_notes_on_groups_and_responses_of_several_formulas():
    r = np.random.default_rng(1)
    data = {"y": r.normal(size=12), "k": np.full(12, 3.0), "h": np.arange(12), "one": ["a"] * 12,
            "won": (np.arange(12) > 5).astype(int), "x": np.arange(12.0)}  # fmt: skip
    parts = [
        hg.part(["y ~ 1 + (1 | h)", "sigma ~ (1 | one)"]),
        hg.part("k ~ 1"),
        hg.part("won ~ x", "bernoulli"),
    ]
    notes = hg.model(parts, data)._notes
    assert [n for n in notes if n.startswith("y: group 'h' has one row a level")]
    assert [n for n in notes if n.startswith("y: group 'one' has one level")]
    assert [n for n in notes if n.startswith("k: response 'k' is the same in every row")]
    assert [n for n in notes if n.startswith("won: response 'won' is separated by 'x'")]
