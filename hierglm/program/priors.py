"""Prior statements, and their numbers as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hierglm.priors.distributions import KINDS, Prior
from hierglm.program.fragment import Block, Declare, Statement


@dataclass(frozen=True, slots=True)
class PriorText:
    """What the priors of one Stan parameter add to a program."""

    declares: tuple[Declare, ...] = ()
    statements: tuple[Statement, ...] = ()


def scalar_prior(name: str, prior: Prior) -> PriorText:
    """Return the prior of a scalar parameter.

    Parameters
    ----------
    name : str
        Its Stan name.
    prior : Prior
        A flat one adds nothing, nor does a constant.
    """
    if prior.kind in ("flat", "constant"):
        return PriorText()
    declares = [
        Declare(
            Block.DATA,
            "real",
            f"prior_{name}_{argument}",
            bounds="lower=0" if argument in KINDS[prior.kind].positive else "",
            value=number,
        )
        for argument, number in zip(KINDS[prior.kind].arguments, prior.numbers, strict=True)
    ]
    call = f"{prior.kind}({', '.join(d.name for d in declares)})"
    return PriorText(tuple(declares), (Statement(Block.MODEL, f"{name} ~ {call};"),))


def vector_prior(name: str, size: str, priors: Sequence[Prior]) -> PriorText:
    """Return the priors of a vector parameter, vectorised by kind.

    Parameters
    ----------
    name, size : str
        Stan names of the vector and of its length.
    priors : sequence of Prior
        One for each element.
    """
    kinds = dict.fromkeys(p.kind for p in priors if p.kind not in ("flat", "constant"))
    whole = len({p.kind for p in priors}) == 1
    declares: list[Declare] = []
    statements: list[Statement] = []
    for kind in kinds:
        at = [i for i, p in enumerate(priors) if p.kind == kind]
        stem = f"prior_{name}" if whole else f"prior_{name}_{kind}"
        length, target = size, name
        if not whole:
            length, target = f"{stem}_size", f"{name}[{stem}_at]"
            declares += _places(stem, size, at)
        numbers = _numbers(stem, kind, length, [priors[i] for i in at])
        declares += numbers
        call = f"{kind}({', '.join(d.name for d in numbers)})"
        statements.append(Statement(Block.MODEL, f"{target} ~ {call};"))
    return PriorText(tuple(declares), tuple(statements))


def _places(stem: str, size: str, at: list[int]) -> list[Declare]:
    length = f"{stem}_size"
    where = np.array(at, dtype=np.int64) + 1
    return [
        Declare(Block.DATA, "int", length, bounds="lower=0", value=len(at)),
        Declare(
            Block.DATA,
            "array[] int",
            f"{stem}_at",
            (length,),
            f"lower=1, upper={size}",
            value=where,
        ),
    ]


def _numbers(stem: str, kind: str, length: str, priors: list[Prior]) -> list[Declare]:
    return [
        Declare(
            Block.DATA,
            "vector",
            f"{stem}_{argument}",
            (length,),
            "lower=0" if argument in KINDS[kind].positive else "",
            value=np.array([p.numbers[i] for p in priors]),
        )
        for i, argument in enumerate(KINDS[kind].arguments)
    ]
