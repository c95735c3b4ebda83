"""Fits of any model with draws that are given, or plain random numbers; nothing is sampled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from hierglm.design.encode import encode
from hierglm.design.reading import as_table
from hierglm.draws.draws import assemble
from hierglm.engines.engine import Settings
from hierglm.formula.parse import parse
from hierglm.models import specify
from hierglm.parts import ResponsePart, specify_parts
from hierglm.plan.choose import choose
from hierglm.program.write import write
from hierglm.results.fitted import Fitted
from tests.results.made import stats

CHAINS, DRAWS = 2, 15


def given_fit(
    formula: str | Sequence[ResponsePart],
    data: pd.DataFrame,
    family: str = "gaussian",
    values: Mapping[str, Any] | None = None,
    priors: Any = None,
    data2: Mapping[str, Any] | None = None,
    chains: int = CHAINS,
    draws: int = DRAWS,
) -> Fitted:
    """Return a fit whose variables have the given values in every draw.

    Those that are not given lie between 0 and 1, as sds, probabilities and correlations may.
    """
    if isinstance(formula, str):
        table = as_table(data)
        design = encode(parse(formula, table.columns), table, data2=data2)
        model = specify(design, family, priors)
    else:
        model = specify_parts(formula, data, priors, data2=data2)
    plan = choose(model, frozenset(), "textbook")
    program = write(plan)
    rng = np.random.default_rng(1)
    outputs, arrays = [], {}
    for k, out in enumerate(program.outputs):
        shape = (chains, draws, *(len(labels) for _, labels in out.dims))
        outputs.append(replace(out, pick=None, stan=str(k)))
        arrays[str(k)] = 0.1 + 0.8 * rng.random(shape)
    found = assemble(outputs, arrays, stats(chains, draws))
    known = dict(values or {})
    variables = {
        name: replace(v, values=np.broadcast_to(np.asarray(known.pop(name)), v.values.shape))
        if name in known
        else v
        for name, v in found.variables.items()
    }
    assert not known, (known, list(variables))
    return Fitted(
        plan=replace(plan, numbers=None),
        program=program,
        settings=Settings(chains=chains, draws=draws, seed=5, progress=False),
        draws=replace(found, variables=variables),
        engine="embedded",
        versions={"hierglm": "0.1.0"},
        seconds=1.0,
    )
