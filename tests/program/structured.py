"""Oracles of covariance structures and of predictors of groups, as the others' table has them."""

import numpy as np
import pandas as pd

from hierglm.priors import distributions as prior
from tests.program.oracles import Oracle, codes, sd, simulated, spread


def _isotropic(d):
    m, s = spread(d["y"].to_numpy())
    return {
        "n": len(d), "n_tasks": 7, "x": d["x"].to_numpy(),
        "z": np.column_stack([np.ones(len(d)), d["x"], d["v"]]), "task": codes(d["g"]),
        "y": d["y"].to_numpy(), "location_alpha": m, "scale": s,
        "scale_beta": 2.5 * sd(d["y"]) / sd(d["x"]),
    }  # fmt: skip


def _compound(d):
    return {
        "n": len(d), "n_groups": 7, "x": d["x"].to_numpy(),
        "z": np.column_stack([np.ones(len(d)), d["x"], d["z"]]), "g": codes(d["g"]),
        "y": d["hit"].to_numpy(), "scale_beta": 2.5 / sd(d["x"]), "eta": 1.7,
    }  # fmt: skip


def waves() -> pd.DataFrame:
    """Return the simulated table with times of which one is missing."""
    return simulated().assign(wave=lambda d: np.array([3, 5, 7, 11])[d["school"] % 4])


def _autoregressive(d):
    m, s = spread(np.log(np.where(d["count"] == 0, 0.1, d["count"])))
    return {
        "n": len(d), "n_groups": 7, "n_times": 4, "x": d["x"].to_numpy(), "g": codes(d["g"]),
        "t": codes(d["wave"]), "time": np.array([0, 1, 2, 4]), "y": d["count"].to_numpy(),
        "location_alpha": m, "scale": s, "scale_beta": 2.5 / sd(d["x"]),
    }  # fmt: skip


def districts() -> pd.DataFrame:
    """Return pupils in classes in schools in districts, and what is known of each school."""
    return simulated(rows=90).assign(
        district=lambda d: d["school"] // 2,
        size=lambda d: np.array([0.3, -1.0, 1.5, 0.2, -0.6, 2.0])[d["school"]],
    )


def _districts(d):
    m, s = spread(d["y"].to_numpy())
    classes = d[["school", "class"]].drop_duplicates().sort_values(["school", "class"])
    columns = np.column_stack([d["x"], d["size"], d["x"] * d["size"]])
    return {
        "n": len(d), "n_districts": 3, "n_schools": 6, "n_classes": len(classes),
        "x": d["x"].to_numpy(), "w": d.groupby("school")["size"].first().to_numpy(),
        "class_of": codes(d["school"] * 10 + d["class"]),
        "school_of": classes["school"].to_numpy() + 1, "district_of": np.array([1, 1, 2, 2, 3, 3]),
        "y": d["y"].to_numpy(), "location_alpha": m, "scale": s, "mean_x": columns.mean(axis=0),
        "scale_beta": 2.5 * sd(d["y"]) / columns.std(axis=0, ddof=1),
    }  # fmt: skip


STRUCTURED = [
    Oracle("isotropic_slopes", "y ~ x + iso(x + v | g)", "gaussian", simulated, _isotropic),
    Oracle("compound_symmetry", "hit ~ x + cs(x + z | g)", "bernoulli", simulated, _compound,
           {"cor[g:cs(x + z)]": prior.lkj(1.7)}),
    Oracle("autoregressive_counts", "count ~ x + ar1(0 + wave | g)", "poisson", waves,
           _autoregressive, {"cor[g]": prior.normal(0.5, 0.4)}),
    Oracle("district_school_class",
           "y ~ x * size + (1 | district) + (x | district:school) + (1 | district:school:class)",
           "gaussian", districts, _districts),
]  # fmt: skip
