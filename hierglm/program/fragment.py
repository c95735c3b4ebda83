"""The pieces that a Stan program is assembled from, and the program itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray


class Block(Enum):
    """The blocks of a Stan program, in the order in which Stan wants them."""

    DATA = "data"
    TRANSFORMED_DATA = "transformed data"
    PARAMETERS = "parameters"
    TRANSFORMED_PARAMETERS = "transformed parameters"
    MODEL = "model"
    GENERATED = "generated quantities"


@dataclass(frozen=True, slots=True)
class Declare:
    """One declaration; in the data block it carries its datum.

    Attributes
    ----------
    block : Block
        Where it stands.
    type : str
        Stan type without sizes: ``"vector"``, ``"matrix"``, ``"int"``, ``"real"``,
        ``"array[] int"``, ``"array[,] vector"``, ``"cholesky_factor_corr"``, ``"simplex"`` ...
    name : str
        Stan name.
    dims : tuple of str
        Sizes, each the name of an ``int`` of the data block, a number, a product of these
        (``"J_1 * M_1"``) or one more (``"J_1 + 1"``).
    bounds : str
        ``"lower=0"`` and the like, without the brackets.
    value : ndarray, int, float or None
        The datum; required in the data block and only there.
    expr : str
        Right-hand side of a definition (transformed blocks).
    note : str
        What it is, in the user's words; becomes a comment.
    """

    block: Block
    type: str
    name: str
    dims: tuple[str, ...] = ()
    bounds: str = ""
    value: Any = None
    expr: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a block, with an optional comment behind it."""

    block: Block
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """A quantity that the engine hands back, and what its entries are called.

    Attributes
    ----------
    stan : str
        Stan name to read.
    variable : str
        Name in the draws: ``"b"``, ``"sd_school"``, ``"cor_school"``, ``"r_school"``,
        ``"sigma"``. Outputs of one variable are joined along their last dimension.
    effect : {"fixed", "ran_sd", "ran_cor", "ran_vals", "family"}
        What kind of parameter it is.
    group : str
        Name of the grouping factor, or "".
    dims : tuple of (str, sequence)
        Name and labels of each dimension; for a correlation the labels of its one
        dimension are pairs of terms.
    pick : tuple of ndarray or None
        Index arrays into the Stan value, where only some entries are wanted.
    value : ndarray or None
        What it is, where it is a datum: then no engine hands it back.
    response, dpar : str
        Which of several linear predictors it belongs to.
    term : str
        Of a family's parameter its name, where that is not the variable's.
    """

    stan: str
    variable: str
    effect: str
    group: str = ""
    dims: tuple[tuple[str, Any], ...] = ()
    pick: tuple[NDArray[np.int64], ...] | None = None
    value: NDArray[np.float64] | None = None
    response: str = ""
    dpar: str = ""
    term: str = ""


@dataclass(frozen=True, slots=True)
class Fragment:
    """What one part of the model contributes to the program.

    Attributes
    ----------
    origin : str
        Where it comes from, in the user's words: ``"group 1: (x | school)"``.
    declares : tuple of Declare
        Its declarations.
    statements : tuple of Statement
        Its statements.
    predictor : str
        What it adds to the linear predictor, a Stan expression, or "".
    uses : tuple of str
        Stan functions from the library that it calls; what these call comes along.
    outputs : tuple of Output
        What comes back from it.
    """

    origin: str
    declares: tuple[Declare, ...] = ()
    statements: tuple[Statement, ...] = ()
    predictor: str = ""
    uses: tuple[str, ...] = ()
    outputs: tuple[Output, ...] = ()


Support = Literal["real", "positive", "bounded", "simplex", "ordered", "correlation"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a parameter is likely to be.

    Attributes
    ----------
    value : ndarray or float
        On the parameter's own scale, in its own shape.
    spread : ndarray, shape (unconstrained elements,)
        Rough posterior sd of each element on Stan's unconstrained scale.
    support : str
        What values it may have; "correlation" is the Cholesky factor of such a matrix.
    unit : ndarray or float
        Of a real parameter, its multiplier: what 1 on the unconstrained scale is on its own.
    bounds : tuple of float
        Of a bounded parameter, between which it lies.
    """

    value: Any
    spread: NDArray[np.float64]
    support: Support = "real"
    unit: Any = 1.0
    bounds: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Function:
    """A library function that a program defines.

    Attributes
    ----------
    name : str
        Its name, in the library too.
    first, last : int
        Its lines, counted from 1, comment included.
    called : bool
        Whether a statement of the program calls it; else other functions alone do.
    """

    name: str
    first: int
    last: int
    called: bool


@dataclass(frozen=True, slots=True)
class Program:
    """A Stan program with its data and the meaning of its parts.

    Attributes
    ----------
    code : str
        The program, with comments in the user's words.
    bare : str
        The same lines without what came from the user: what an engine compiles, so
        that one compiled program serves every data set of the same shape. Of several
        responses, letters and digits of their names stand in those of the program.
    data : mapping of str to ndarray, int or float
        Stan data, checked against the declarations.
    origins : tuple of str
        For each line of the program, the part of the model that wrote it.
    outputs : tuple of Output
        What to read back.
    start : mapping of str to Place
        Where each parameter is likely to be, by Stan name in the order declared; empty
        where nothing is known. It decides how soon chains arrive, never where.
    led : bool
        Whether that is about a penalised fit, so that a short warmup will do.
    functions : tuple of Function
        The library functions that it defines, in their order.
    """

    code: str
    bare: str
    data: Mapping[str, Any]
    origins: tuple[str, ...] = field(repr=False)
    outputs: tuple[Output, ...] = field(repr=False)
    start: Mapping[str, Place] = field(default_factory=dict, repr=False)
    led: bool = False
    functions: tuple[Function, ...] = field(default=(), repr=False)

    @property
    def read(self) -> tuple[str, ...]:
        """Stan names of what is to be read back, each once."""
        return tuple(dict.fromkeys(out.stan for out in self.outputs if out.value is None))

    def origin(self, line: int) -> str:
        """Return the part of the model that wrote a line (counted from 1)."""
        return self.origins[line - 1] if 0 < line <= len(self.origins) else ""
