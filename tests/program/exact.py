"""The same posterior at the same place: points of a planned program and of the textbook's.

Everything here is written from the formulas, with dense matrices and loops over levels, and
shares nothing with the programs but their data.
"""

from dataclasses import dataclass

import numpy as np

from hierglm.models import specify
from hierglm.plan.choose import choose
from hierglm.plan.forms import Ability, CommonForm, GroupForm, ResponseForm
from hierglm.program.write import write
from tests.designs import design_of

ALL = frozenset(Ability) - {Ability.KERNELS}


def pair(formula, data, family="gaussian", priors=None, plan="auto", abilities=ALL):
    """Return planned and textbook program with their plans."""
    model = specify(design_of(formula, data), family, priors)
    plans = [choose(model, abilities, name) for name in (plan, "textbook")]
    return plans, [write(p) for p in plans]


@dataclass
class Place:
    """A value of every parameter, effects u among them, in the words of the model."""

    b: np.ndarray
    sigma: float
    scales: dict
    sds: list
    factors: list
    u: list


def place(plan, seed):
    """Return a random place, not far from where the posterior is."""
    r = np.random.default_rng(seed)
    design = plan.model.design
    p = len(design.common.labels) + design.intercept
    b = r.normal(0, 0.5, p)
    b = np.where(np.isnan(plan.model.given), b, plan.model.given)
    ordered = {}
    if plan.model.family.thresholds:
        # The intercept is minus the thresholds' mean, weighted by the rows on both sides.
        count = np.bincount(design.response.values.astype(int), plan_weights(design)) + 0.5
        middle = (count[1:] + count[:-1]) / (count[1:] + count[:-1]).sum()
        ordered["Intercept"] = np.sort(r.normal(0, 1, len(middle)))
        b[0] = -middle @ ordered["Intercept"]
    sigma = float(np.exp(r.normal(0, 0.3))) if "sigma" in plan.model.scales else 1.0
    if "sigma" in plan.model.priors.given:
        (sigma,) = plan.model.priors.scale("sigma").numbers
    sds, factors, u, scales = [], [], [], {}
    for k, g in enumerate(design.groups):
        q = len(g.terms)
        if g.structure.kind == "rr":
            # Loadings in units of the columns; every rotation of the factors is the same place.
            U = r.normal(0, 0.7, (q, rank_of(g)))
            sds.append(np.linalg.norm(U, axis=1))
            factors.append(U)
            u.append(r.normal(0, 1, (len(g.levels), U.shape[1])) @ U.T)
            continue
        if g.relation.varying:
            sd, L, own, sizes = varying(plan, k, r)
            scales |= own
            sds.append(sd)
            factors.append(sizes[:, None, None] * sd[:, :, None] * L)
            z = r.normal(0, 1, (len(g.levels), q))
            u.append(np.einsum("jab,jb->ja", factors[-1], z))
            continue
        count = 1 if g.structure.kind in ("iso", "ar1") else q
        L = np.eye(q)
        if g.structure.kind in ("cs", "ar1"):
            (cor,) = plan.model.priors.of("cor", k)
            rho = cor.numbers[0] if cor.kind == "constant" else r.uniform(-0.9 / (q - 1), 0.9)
            if cor.kind != "constant":
                scales[f"rho_{k + 1}"] = rho
            L = np.linalg.cholesky(one_correlation(g, rho))
        if g.correlated and q > 1:
            raw = np.tril(r.normal(0, 0.4, (q, q)), -1) + np.eye(q)
            L = raw / np.linalg.norm(raw, axis=1, keepdims=True)
        if plan.model.priors.of("sd", k)[0].kind == "decov":
            tau, pi = float(np.exp(r.normal(0, 0.3))), r.dirichlet(np.full(count, 5.0))
            scales[f"tau_{k + 1}"] = tau
            if count > 1:
                scales[f"pi_{k + 1}"] = pi
            sd = (sigma if "sigma" in plan.model.scales else 1) * tau * np.sqrt(count * pi)
        else:
            sd = np.exp(r.normal(-0.3, 0.4, count))
            priors = plan.model.priors.of("sd", k)
            sd = np.array([p.numbers[0] if p.given else x for p, x in zip(priors, sd, strict=True)])
            free = np.array([not p.given for p in priors])
            if free.any():
                name = f"sd_{k + 1}" if free.all() else f"sd_{k + 1}_free"
                scales[name] = sd[free] if count > 1 else sd[0]
        if g.correlated and q > 1:
            scales[f"L_{k + 1}"] = L
        sds.append(sd)
        factors.append(np.broadcast_to(sd, q)[:, None] * L)
        u.append(r.normal(0, 1, (len(g.levels), q)) @ factors[-1].T)
    scales |= {
        p.name: float(p.link.invert(np.array(r.normal(0, 0.5))))
        for p in plan.model.parameters
        if p.name != "sigma" and not plan.model.priors.scale(p.name).given
    }
    return Place(b, sigma, scales | ordered, sds, factors, u)


def plan_weights(design):
    """Return the weights of the rows."""
    given = design.response.weights
    return np.ones(design.rows) if given is None else given


def varying(plan, k, r):
    """Return sds (J, q), correlation factors (J, q, q), parameters and sizes (J,) of levels."""
    g = plan.model.design.groups[k]
    q, levels, strata = len(g.terms), len(g.levels), len(g.relation.strata)
    at = g.relation.stratum if strata else np.zeros(levels, dtype=int)
    one = g.structure.kind in ("iso", "ar1")
    sd = np.exp(r.normal(-0.3, 0.4, (strata or 1, 1 if one else q)))
    scales = {f"sd_{k + 1}": sd.reshape(-1) if sd.size > 1 else sd.item()}
    L = np.array([np.eye(q)] * (strata or 1))
    if g.structure.kind == "ar1":
        scales[f"rho_{k + 1}"] = rho = r.uniform(-0.9, 0.9)
        L[0] = np.linalg.cholesky(one_correlation(g, rho))
    elif g.correlated and q > 1:
        L = np.tril(r.normal(0, 0.4, L.shape), -1) + np.eye(q)
        L = L / np.linalg.norm(L, axis=2, keepdims=True)
        scales[f"L_{k + 1}"] = L if strata else L[0]
    sizes = np.ones(levels)
    if g.relation.student:
        if not plan.model.priors.of("df", k)[0].given:
            scales[f"df_{k + 1}"] = 1 + r.gamma(2, 3)
        scales[f"log_weight_{k + 1}"] = log_weight = r.normal(-0.5, 1, levels)
        sizes = np.exp(-log_weight / 2)
    return np.broadcast_to(sd, (strata or 1, q))[at], L[at], scales, sizes


def one_correlation(grouping, rho, step=1):
    """Return the correlation matrix of compound symmetry, or of a first-order autoregression."""
    q = len(grouping.terms)
    C = np.eye(q)
    for i in range(q):
        for j in range(q):
            if grouping.structure.kind == "cs" and i != j:
                C[i, j] = rho
            elif grouping.structure.kind == "ar1":
                # The times stand in the labels: "h[10]".
                one, other = (int(grouping.terms[n].split("[")[1][:-1]) for n in (i, j))
                C[i, j] = rho ** (abs(one - other) / step)
    return C


def flat(value):
    return np.asarray(value).flatten(order="F").tolist() if np.ndim(value) else value


def common_values(plan, at):
    design = plan.model.design
    if plan.common.form is CommonForm.WHITENED:
        data = write(plan).data
        free = np.isnan(plan.model.given)
        return {"b_std": np.linalg.solve(data["W"][free], (at.b - data["b_centre"])[free])}
    values = {}
    given = ~np.isnan(plan.model.given)
    if design.intercept and not given[0]:
        values["Intercept"] = float(at.b[0])
    slopes, known = at.b[int(design.intercept) :], given[int(design.intercept) :]
    if not known.all():
        values["b_free" if known.any() else "b"] = slopes[~known]
    return values


def values_of(plan, program, at, without=()):
    """Return parameters of a program at a place, and minus the log Jacobian of its effects.

    Effects of the terms in `without` are at 0 in their standardised form.
    """
    values = {**common_values(plan, at), **at.scales}  # of thresholds the latter's intercept
    if "sigma" in plan.model.scales and "sigma" not in plan.model.priors.given:
        values["sigma"] = at.sigma
    if "log_gap_mode" in program.data:
        values["log_gap"] = np.log(np.diff(values.pop("Intercept")))
    for name in list(values):
        whole = name.removesuffix("_free")
        if f"log_{whole}_mode" in program.data:
            values[f"log_{whole}"] = np.log(values.pop(name))
    volume = 0.0
    for k, choice in enumerate(plan.groups):
        n, S = k + 1, at.factors[k]
        if plan.model.design.groups[k].structure.kind == "rr":
            S, loadings, rotations = low_rank(program, n, S)
            values |= loadings
            volume -= rotations
        if S.ndim == 3:
            z = np.linalg.solve(S, at.u[k][:, :, None])[:, :, 0].T
        else:
            z = np.linalg.lstsq(S, at.u[k].T, rcond=None)[0]  # standardised, (q, J)
        if k in without:
            z = np.zeros_like(z)
        if choice.form is GroupForm.STANDARDISED:
            values[f"z_{n}"] = z if f"M_{n}" in program.data else z[0]
        elif choice.form is GroupForm.CONDITIONAL:
            values[f"z_{n}"], more = conditional_z(plan, program, at, k, z, S)
            volume += more
    return {name: flat(v) for name, v in values.items()}, volume


def rank_of(grouping):
    given = grouping.structure.option("rank")
    return len(grouping.terms) if given == "auto" else int(given)


def low_rank(program, n, U):
    """Return loadings as a program has them, U U' the same, and its parameters.

    Third is the log volume of their rotations, where the program stands for all of them: dU is
    prod L[k, k]^(d - k) dL dQ (Muirhead 1982, theorem 2.1.13).
    """
    if f"unit_{n}" in program.data:
        return U, {f"load_{n}": U / program.data[f"unit_{n}"][:, None]}, 0.0
    basis = program.data[f"basis_{n}"]
    # A = L Q with L zero above its diagonal, from the QR decomposition of the transpose.
    L = np.linalg.qr(np.linalg.solve(basis, U).T)[1].T
    L = L * np.sign(np.diag(L))
    d, diagonal = L.shape[1], np.diag(L)
    values = {f"below_{n}": np.array([L[h, k] for k in range(d) for h in range(k + 1, len(L))])}
    rotations = sum((d - 1 - k) * np.log(diagonal[k]) for k in range(d))
    if f"log_diagonal_{n}_mode" in program.data:
        # The Jacobian of the logarithms is with them.
        values[f"log_diagonal_{n}"] = np.log(diagonal)
        return basis @ L, values, rotations + np.log(diagonal).sum()
    values[f"diagonal_{n}"] = diagonal
    return basis @ L, values, rotations


def conditional_z(plan, program, at, k, z, factor):
    """Return z of effects about their conditional means, and the sum of log |C_j|."""
    data, n = program.data, k + 1
    levels, q = at.u[k].shape
    gaussian = plan.response.form is ResponseForm.CROSSPRODUCTS
    sigma = at.sigma if gaussian else 1.0
    scales = np.broadcast_to(factor / sigma, (levels, *factor.shape[-2:]))
    e = np.array(data[f"c_{n}"], dtype=float)
    if f"B_{n}" in data:
        e = e - np.array(data[f"B_{n}"]) @ (at.b - data["b_centre"])
    for m, u in enumerate(at.u):
        if f"F_{n}_{m + 1}" in data:
            e = e - product(data, f"F_{n}_{m + 1}", u, levels)
    if f"shares_{n}" in data:
        return _related(data, n, scales, e, at.u[k], sigma)
    out, volume = np.empty_like(z), 0.0
    for j, S in enumerate(scales):
        A = np.zeros((q, q))
        A[np.tril_indices(q)] = np.array(data[f"A_{n}"])[:, j]
        A = A + np.tril(A, -1).T
        C = np.linalg.cholesky(np.eye(len(z)) + S.T @ A @ S)
        w = np.linalg.solve(C, S.T @ e[:, j])
        # u = S s, C' s = w + sigma z, and sigma S is the covariance's factor.
        out[:, j] = (C.T @ (sigma * z[:, j]) - w) / sigma
        volume += np.log(np.diag(C)).sum()
    return out, volume


def _related(data, n, scales, e, u, sigma):
    """Return `conditional_z` of levels that depend on each other and differ in covariance."""
    R, shares = np.array(data[f"rotation_{n}"]), np.array(data[f"shares_{n}"])
    x = np.linalg.solve(R, np.linalg.solve(scales, u[:, :, None])[:, :, 0])
    v = R.T @ np.einsum("jab,aj->jb", scales, e)
    out, volume = np.empty_like(x.T), 0.0
    for m, mean in enumerate(np.einsum("mj,jab->mab", shares, scales)):
        A = np.zeros_like(mean)
        A[np.tril_indices(len(A))] = np.array(data[f"A_{n}"])[:, m]
        A = A + np.tril(A, -1).T
        C = np.linalg.cholesky(np.eye(len(A)) + mean.T @ A @ mean)
        out[:, m] = (C.T @ x[m] - np.linalg.solve(C, v[m])) / sigma
        volume += np.log(np.diag(C)).sum()
    return out, volume


def product(data, name, u, levels):
    """Return F u of each effect and level, whichever way F is written."""
    F = np.array(data[name])
    if f"{name}_ends" in data:
        out = np.zeros((F.shape[0], levels))
        ends, at = np.array(data[f"{name}_ends"]) - 1, np.array(data[f"{name}_at"]) - 1
        for j in range(levels):
            for i in range(ends[j], ends[j + 1]):
                out[:, j] += F[:, :, i] @ u[at[i]]
        return out
    if f"{name}_at" in data:
        at = np.array(data[f"{name}_at"]) - 1
        return np.stack([F[:, :, j] @ u[at[j]] for j in range(levels)], axis=1)
    return F @ u.flatten(order="F")


def integral(textbook, values, start, names):
    """Return log of the integral of exp(textbook) over the named effects, a normal density.

    Exact: the log density is quadratic in them, so that value, gradient and Hessian at one
    point are all there is.
    """
    if not names:
        return textbook(start)[0]
    where = []
    for name in names:
        moved = dict(values, **{name: (np.asarray(values[name]) + 1.0).tolist()})
        where += np.flatnonzero(textbook.unconstrain(moved) - start).tolist()
    value, gradient = textbook(start)
    first = gradient[where]
    hessian = np.empty((len(where), len(where)))
    for i, at in enumerate(where):
        step = np.zeros(len(start))
        step[at] = 1.0
        hessian[i] = first - textbook(start + step)[1][where]
    sign, determinant = np.linalg.slogdet(hessian)
    assert sign > 0
    return value + 0.5 * first @ np.linalg.solve(hessian, first) - 0.5 * determinant
