"""What a run is known by, so that only the same run goes on from its chains."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from hierglm.engines.engine import Engine, Settings
from hierglm.models import Model
from hierglm.plan.forms import Plan
from hierglm.program.fragment import Program

DIGITS = 8
"""Decimal places to which numbers of a program's data count, relative to the largest beside
them: sums of matrices end otherwise where another number of threads made them."""


def identity(
    plan: Plan,
    program: Program,
    engine: Engine,
    settings: Settings,
    warmup: int | str,
    adapt_delta: float | str,
) -> dict[str, str]:
    """Return all that decides the draws of a run, by what a user would call it.

    Threads and progress decide nothing, nor does the machine.

    Parameters
    ----------
    plan : Plan
    program : Program
        The plan's.
    engine : Engine
    settings : Settings
    warmup, adapt_delta
        As asked, "auto" among them.

    Returns
    -------
    dict of str to str
        Each is short enough to be shown; long ones are hashes.
    """
    return {
        **model_identity(plan, program, engine),
        "chains": str(settings.chains),
        "warmup": str(warmup),
        "draws": str(settings.draws),
        "adapt_delta": str(adapt_delta),
        "max_treedepth": str(settings.max_treedepth),
        "seed": str(settings.seed),
    }


def model_identity(plan: Plan, program: Program, engine: Engine) -> dict[str, str]:
    """Return what decides the posterior and how an engine sees it; see `identity`."""
    model = plan.model
    versions = ", ".join(f"{name} {number}" for name, number in engine.versions().items())
    return {
        "formula": "; ".join(model.formulas),
        "family": model.distribution,
        "priors": "; ".join(f"{a.slot.name} ~ {a.prior!r}" for a in _priors(model)),
        "data": model.data_hash,
        "values of the design": data_hash(program.data),
        "program": text_hash(program.bare),
        "engine": f"{engine.name} ({versions})",
    }


def text_hash(text: str) -> str:
    """Return 32 hexadecimal digits that tell one text from another."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def data_hash(data: Mapping[str, Any]) -> str:
    """Return 32 hexadecimal digits that tell one program's data from another's.

    Parameters
    ----------
    data : mapping of str to number or array
        By Stan name; floats count to `DIGITS` places.

    Examples
    --------
    >>> data_hash({"x": [1.0, 2.0]}) == data_hash({"x": [1.0 + 1e-15, 2.0]})
    True
    >>> data_hash({"x": [1.0, 2.0]}) == data_hash({"x": [1.0, 2.1]})
    False
    """
    found = hashlib.blake2b(digest_size=16)
    for name in sorted(data):
        values = np.asarray(data[name])
        found.update(repr((name, values.shape)).encode())
        if values.dtype.kind == "f" and values.size:
            largest = float(np.abs(values).max()) or 1.0
            found.update(f"{largest:.{DIGITS}g}".encode())
            # Adding 0 makes -0 what it equals.
            values = np.round(values / largest, DIGITS) + 0.0
        found.update(np.ascontiguousarray(values).tobytes())
    return found.hexdigest()


def _priors(model: Model) -> list[Any]:
    return [assigned for part in model.parts or (model,) for assigned in part.priors]
