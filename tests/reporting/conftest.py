"""Fits to report on: one that was sampled, and ones whose draws are those of their priors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from hierglm.criticising.prior_draws import prior_fitted
from hierglm.reporting.document import Document
from hierglm.reporting.report import document
from hierglm.results.fitted import Fitted

Labelled = Callable[[str], Fitted]


@pytest.fixture(scope="session")
def schools() -> hg.Fit:
    """A sampled fit of the eight schools."""
    data = hg.datasets.eight_schools()
    return hg.fit("y | se(se) ~ 1 + (1 | school)", data, seed=1, draws=500, adapt_delta=0.95)


@pytest.fixture(scope="session")
def report(schools: hg.Fit) -> Document:
    """The report on it."""
    return document(schools, "Schools", "Does coaching help?")


@pytest.fixture(scope="session")
def labelled() -> Labelled:
    """Returns a fit with a label as column, category and level; its draws are the priors'."""

    def make(label: str) -> Fitted:
        r = np.random.default_rng(3)
        column = label.replace("`", "'").replace("\n", " ").replace("\r", " ")
        kind = np.array(["A", label], dtype=object)[np.arange(24) % 2]
        data = pd.DataFrame(
            {
                column: r.normal(size=24),
                "kind": pd.Categorical(kind, ["A", label]),
                "g": np.array([label, "B", "C"], dtype=object)[np.arange(24) % 3],
            }
        )
        model = hg.model(f"kind ~ `{column}` + (1 | g)", data, "bernoulli").model
        return prior_fitted(model, 40, 1)

    return make
