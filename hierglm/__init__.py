"""hierglm: formulas to the fastest exact Stan program for hierarchical GLMs.

>>> import hierglm as hg
>>> hg.model("log_radon ~ floor_measure + (1 | county_idx)", hg.datasets.radon()).plan().name
'auto'
"""

from typing import TYPE_CHECKING, Any

from hierglm import datasets, errors
from hierglm.engines import methods as method
from hierglm.engines.engine import Settings
from hierglm.errors import HierglmError
from hierglm.families import Family, family
from hierglm.fit import fit, joint, model
from hierglm.joint import part
from hierglm.posterior import Fit, load
from hierglm.prepared import PreparedModel
from hierglm.priors import distributions as prior
from hierglm.results.approximation import Approximation
from hierglm.version import __version__

if TYPE_CHECKING:
    from hierglm.comparing.compare import compare
    from hierglm.engines.cmdstan import CmdStanEngine
    from hierglm.many import fit_many

__all__ = [
    "Approximation",
    "CmdStanEngine",
    "Family",
    "Fit",
    "HierglmError",
    "PreparedModel",
    "Settings",
    "__version__",
    "compare",
    "datasets",
    "errors",
    "family",
    "fit",
    "fit_many",
    "joint",
    "load",
    "method",
    "model",
    "part",
    "prior",
]


def __getattr__(name: str) -> Any:
    if name == "CmdStanEngine":  # not everybody's, so not in everybody's import
        from hierglm.engines.cmdstan import CmdStanEngine

        return CmdStanEngine
    if name == "compare":
        from hierglm.comparing.compare import compare

        return compare
    if name == "fit_many":
        from hierglm.many import fit_many

        return fit_many
    raise AttributeError(f"module 'hierglm' has no attribute {name!r}")
