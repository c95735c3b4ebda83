"""Related levels as they are given, good and bad."""

import networkx
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from hierglm.design.encode import encode, encode_new
from hierglm.design.graphs import intrinsic, mixed, proper, scaling_factor
from hierglm.design.reading import as_table
from hierglm.errors import DataError, FormulaError
from hierglm.formula.parse import parse

ROWS = pd.DataFrame(
    {
        "y": np.arange(8.0), "x": np.arange(8.0) % 3, "g": list("abcdabcd"), "h": list("bcdabcde"),
        "n": [1, 2, 3, 4] * 2, "f": list("uuvvuuvv"), "w": [1.0, 2, 3, 1, 1, 1, 1, 0],
        "v": [3.0, 2, 1, 1, 1, 1, 1, 0],
    }
)  # fmt: skip
A = pd.DataFrame(np.eye(4) + 0.5, index=list("dcba"), columns=list("dcba"))
E = pd.DataFrame({"one": list("abc"), "two": list("bcd")})


def design_of(formula, **data2):
    table = as_table(ROWS)
    return encode(parse(f"y ~ {formula}", table.columns), table, data2=data2)


def relation(formula, **data2):
    return design_of(formula, **data2).groups[0].relation


def chain(size):
    return np.diag(np.ones(size - 1), 1) + np.diag(np.ones(size - 1), -1)


def test_a_covariance_is_found_by_its_labels():
    order = list("bdac")
    given = pd.DataFrame(np.arange(16.0).reshape(4, 4), index=order, columns=order)
    given = given + given.T + 99 * np.eye(4)
    factor = relation("(1 | gr(g, cov=A))", A=given.sample(frac=1, random_state=1)).factor
    np.testing.assert_allclose(factor @ factor.T, given.loc[list("abcd"), list("abcd")])
    np.testing.assert_allclose(
        relation("(1 | gr(g, cov=A))", A=given.loc[list("abcd"), list("abcd")].to_numpy()).factor,
        factor,
    )


def test_levels_that_only_the_matrix_has_stand_behind_those_of_the_data():
    names = list("ezdcba")
    B = np.random.default_rng(1).normal(size=(6, 6))
    given = pd.DataFrame(B @ B.T, index=names, columns=names)
    (group,) = design_of("(1 | gr(g, cov=A))", A=given).groups
    assert group.levels.tolist() == ["a", "b", "c", "d", "e", "z"]
    factor = group.relation.factor
    order = group.levels.tolist()
    np.testing.assert_allclose(factor @ factor.T, given.loc[order, order])
    ages = pd.DataFrame(np.eye(5), index=range(1, 6), columns=range(1, 6))
    levels = design_of("(1 | gr(n, cov=A))", A=ages).groups[0].levels
    assert (levels.tolist(), levels.dtype) == ([1, 2, 3, 4, 5], np.int64)


def test_what_is_given_is_not_changed():
    before, edges = A.copy(), E.copy()
    design_of("(1 | gr(g, cov=A))", A=A)
    design_of("graph(1 | g, edges=E)", E=E)
    pd.testing.assert_frame_equal(A, before)
    pd.testing.assert_frame_equal(E, edges)


GRAPHS = {
    "table": E,
    "twice": pd.concat([E, E[["two", "one"]].set_axis(["one", "two"], axis=1)]),
    "weighted": E.assign(weight=1.0),
    "mapping": {"one": list("abc"), "two": list("bcd")},
    "pairs": [("a", "b"), ("b", "c"), ("c", "d")],
    "array": chain(4),
    "sparse": sparse.csr_array(chain(4)),
    "frame": pd.DataFrame(chain(4), index=list("abcd"), columns=list("abcd")).loc[list("dbca")],
    "networkx": networkx.path_graph(4),
}
GRAPHS["networkx"] = networkx.relabel_nodes(GRAPHS["networkx"], dict(enumerate("abcd")))


@pytest.mark.parametrize("given", GRAPHS)
def test_every_way_to_give_a_graph_is_the_same_graph(given):
    found = relation("graph(1 | g, edges=E)", E=GRAPHS[given]).factor
    laplacian = np.diag(chain(4).sum(axis=0)) - chain(4)
    np.testing.assert_allclose(found @ found.T, np.linalg.pinv(laplacian), atol=1e-12)


def test_levels_that_a_graph_lists_need_no_rows():
    graph = networkx.Graph([("a", "b"), ("b", "e")])
    graph.add_nodes_from("cdf")
    (group,) = design_of("graph(1 | g, edges=E)", E=graph).groups
    assert group.levels.tolist() == ["a", "b", "c", "d", "e", "f"]
    covariance = group.relation.factor @ group.relation.factor.T
    # c, d and f are islands.
    np.testing.assert_allclose(covariance[np.ix_([2, 3, 5], [2, 3, 5])], np.eye(3))


def test_an_intrinsic_density_is_that_of_pairwise_differences():
    r = np.random.default_rng(3)
    W = np.zeros((7, 7))
    for i, j in [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5)]:
        W[i, j] = W[j, i] = r.uniform(0.5, 2)
    F = intrinsic(W)
    assert F.shape == (7, 5)  # an island, and one less for each of the others
    np.testing.assert_allclose(F[:3].sum(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(F[3:6].sum(axis=0), 0, atol=1e-12)
    z = r.normal(size=5)
    u = F @ z
    differences = sum(W[i, j] * (u[i] - u[j]) ** 2 for i in range(7) for j in range(i))
    assert differences + u[6] ** 2 == pytest.approx(z @ z)


@pytest.mark.parametrize("size", [2, 3, 10])
def test_the_scale_of_a_chain_is_that_of_the_closed_form(size):
    # A random walk about its mean: G = C C' / with C the centred sums; Sorbye and Rue (2014).
    sums = np.tril(np.ones((size, size - 1)), -1)
    centred = sums - sums.mean(axis=0)
    variances = np.diag(centred @ centred.T)
    assert scaling_factor(chain(size)) == pytest.approx(np.exp(np.mean(np.log(variances))))


def test_a_mixed_field_has_variances_of_geometric_mean_1_in_each_component():
    W = np.zeros((8, 8))
    W[:4, :4], W[4:7, 4:7] = chain(4), 1 - np.eye(3)
    vectors, variances = mixed(W)
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(8), atol=1e-12)
    marginal = np.diag(vectors * variances @ vectors.T)
    for part in (slice(0, 4), slice(4, 7), slice(7, 8)):
        assert np.mean(np.log(marginal[part])) == pytest.approx(0)


def test_a_proper_field_has_its_precision():
    W = np.zeros((5, 5))
    W[:4, :4] = chain(4)
    factor, values = proper(W)
    covariance = factor / (1 - 0.7 * values) @ factor.T
    precision = np.diag([1, 2, 2, 1, 1]) - 0.7 * W
    np.testing.assert_allclose(np.linalg.inv(covariance), precision, atol=1e-12)


def test_memberships():
    (group,) = design_of("(1 | mm(g, h, weights=cbind(w + 1, v + 1)))").groups
    assert group.levels.tolist() == list("abcde")
    assert group.relation.members.tolist() == [[0, 1, 2, 3] * 2, [1, 2, 3, 0, 1, 2, 3, 4]]
    w, v = ROWS["w"] + 1, ROWS["v"] + 1
    np.testing.assert_allclose(group.relation.shares, [w / (w + v), v / (w + v)])
    np.testing.assert_array_equal(relation("(1 | mm(g, h))").shares, np.full((2, 8), 0.5))
    raw = relation("(1 | mm(g, h, weights=cbind(w, v), scale=FALSE))").shares
    np.testing.assert_array_equal(raw, ROWS[["w", "v"]].T)


def test_new_rows_have_the_memberships_of_the_fit():
    design = design_of("(1 | mm(g, h))")
    new = encode_new(design, as_table({"g": ["e", "q"], "h": ["a", "b"]}))
    assert new.groups[0].relation.members.tolist() == [[4, -1], [0, 1]]
    assert new.groups[0].levels.tolist() == list("abcde")


def test_strata_are_found_for_every_level():
    found = relation("(x | gr(g, by=f))")
    assert (found.strata, found.stratum.tolist()) == (("fu", "fv"), [0, 0, 1, 1])


def _but(frame, **changed):
    out = frame.astype(float)
    for place, value in changed.items():
        out.loc[place[0], place[1]] = value
    return out


TWINS = pd.DataFrame(np.eye(4), index=list("abcd"), columns=list("abcd"))
TWINS.loc["a", "b"] = TWINS.loc["b", "a"] = 1.0
FAR = _but(TWINS, ab=2.0, ba=2.0)

BAD = {
    "matrix missing": ("(1 | gr(g, cov=A))", {}, "data2 has no 'A': data2={'A': ...}"),
    "matrix misspelt": ("(1 | gr(g, cov=Ab))", {"A": A}, "data2 has no 'Ab'; did you mean 'A'?"),
    "level missing": (
        "(1 | gr(g, cov=A))", {"A": A.drop(index="b", columns="b")},
        "level 'b' of g is not in data2['A']"),
    "levels of another type": (
        "(1 | gr(n, cov=A))", {"A": A}, "level 1 of n is not in data2['A']; there are 'd', 'c'"),
    "size": ("(1 | gr(g, cov=A))", {"A": np.eye(3)},
             "data2['A'] is 3 x 3, but g has 4 levels; pass a DataFrame"),
    "not square": ("(1 | gr(g, cov=A))", {"A": np.ones((4, 3))},
                   "data2['A'] must be a square matrix; its shape is (4, 3)"),
    "not symmetric": ("(1 | gr(g, cov=A))", {"A": _but(A, ab=0.7)},
                      "data2['A'] is not symmetric: "),
    "singular": ("(1 | gr(g, cov=A))", {"A": TWINS},
                 "one eigenvalue is not greater than 0, the smallest 0 (the largest 2)"),
    "indefinite": ("(1 | gr(g, cov=A))", {"A": FAR},
                   "one eigenvalue is not greater than 0, the smallest -1 (the largest 3)"),
    "label twice": ("(1 | gr(g, cov=A))", {"A": A.rename(index={"a": "b"}, columns={"a": "b"})},
                    "data2['A'] has the level 'b' twice"),
    "other columns": ("(1 | gr(g, cov=A))", {"A": A.rename(columns={"a": "z"})},
                      "the rows and columns of data2['A'] must be the same levels"),
    "missing value": ("(1 | gr(g, cov=A))", {"A": _but(A, ab=np.nan)},
                      "data2['A'] holds values that are missing or infinite"),
    "text": ("(1 | gr(g, cov=A))", {"A": [["a"]]}, "data2['A'] must hold numbers; found list"),
    "edges for a matrix": ("graph(1 | g, edges=E) + (1 | gr(h, cov=E))", {"E": E},
                           "must be the same levels"),
    "unknown level": ("graph(1 | g, edges=E)", {"E": [("a", "bb")]},
                      "data2['E'] has an edge to 'bb', which is no level of g; did you mean 'b'?"),
    "three columns": ("graph(1 | g, edges=E)", {"E": E.assign(w=1.0, z=1.0)},
                      "data2['E'] must have two columns of levels, and perhaps a third"),
    "negative weight": ("graph(1 | g, edges=E)", {"E": E.assign(w=[1.0, -1, 1])},
                        "the weights of edges must be greater than 0; data2['E'] has -1"),
    "two weights": ("graph(1 | g, edges=E)", {"E": [("a", "b", 1.0), ("b", "a", 2.0)]},
                    "data2['E'] has two weights for the edge of 'b' and 'a': 1 and 2"),
    "loop": ("graph(1 | g, edges=E)", {"E": [("a", "a")]},
             "data2['E'] has an edge from 'a' to itself"),
    "loop in a matrix": ("graph(1 | g, edges=E)", {"E": np.eye(4)}, "has an edge from 1 to itself"),
    "directed": ("graph(1 | g, edges=E)", {"E": networkx.DiGraph([("a", "b")])},
                 "data2['E'] is a directed graph; pass E.to_undirected()"),
    "no graph": ("graph(1 | g, edges=E)", {"E": 3}, "data2['E'] must be a table of edges"),
    "no node": ("graph(1 | g, edges=E)", {"E": networkx.Graph([("a", "b"), ("c", "e")])},
                "level 'd' of g is not in data2['E']"),
    "no edges": ("graph(1 | g)", {}, "a graph needs its edges: graph(... | g, edges=E)"),
    "no type": ("graph(1 | g, edges=E, type='cra')", {"E": E},
                "graph(...) has no type 'cra'; did you mean 'car'?"),
    "dist": ("(1 | gr(g, dist='cauchy'))", {},
             "dist must be 'gaussian' or 'student', not 'cauchy'"),
    "not constant": ("(1 | gr(g, by=h))", {},
                     "'h' must be constant within the levels of g; level 'd' has 'a' and 'e'"),
    "by without rows": (
        "(1 | gr(g, cov=A, by=f))", {"A": pd.DataFrame(np.eye(5), list("abcde"), list("abcde"))},
        "level 'e' of g has no rows, so that its 'f' is not known"),
    "by and cs": ("cs(x | gr(g, by=f))", {}, "cs(...) cannot have by="),
    "weights of members": ("(1 | mm(g, h, weights=w))", {},
                           "mm(...) has 2 members and 1 column of weights"),
    "weights all 0": ("(1 | mm(g, h, weights=cbind(w, v)))", {},
                      "must not be negative, nor all 0, to be scaled to sum to 1; row 8 has 0, 0"),
    "members of two types": ("(1 | mm(g, n))", {}, "the members of mm(g, n) are text and numbers"),
    "shared": ("(1 |s| gr(g, by=f))", {}, "terms that share |s| have independent levels"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_said(case):
    formula, data2, message = BAD[case]
    with pytest.raises((DataError, FormulaError)) as caught:
        design_of(formula, **data2)
    assert message in str(caught.value)


def test_new_levels_of_a_known_covariance_are_refused():
    design = design_of("(1 | gr(g, cov=A))", A=A)
    with pytest.raises(DataError, match="g has the new level 'q', and"):
        encode_new(design, as_table({"g": ["a", "q"]}), extend=True)
