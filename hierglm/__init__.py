"""hierglm: formulas to the fastest exact Stan program for hierarchical GLMs.

>>> import hierglm as hg
>>> hg.model("log_radon ~ floor_measure + (1 | county_idx)", hg.datasets.radon()).plan().name
'auto'
"""

from hierglm.version import __version__

# As typing has it, which would be most of the time of this import.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hierglm import datasets, errors
    from hierglm.analysing.tables import read_table
    from hierglm.comparing.compare import compare
    from hierglm.engines import methods as method
    from hierglm.engines.cmdstan import CmdStanEngine
    from hierglm.engines.engine import Settings
    from hierglm.errors import HierglmError
    from hierglm.families import Family, family
    from hierglm.fitting import fit, joint
    from hierglm.many import fit_many
    from hierglm.modelling import model
    from hierglm.parts import part
    from hierglm.posterior import Fit, load
    from hierglm.prepared import PreparedModel
    from hierglm.priors import distributions as prior
    from hierglm.publishing.table import table
    from hierglm.results.approximation import Approximation

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
    "read_table",
    "table",
]

_WHERE = {
    "Approximation": "hierglm.results.approximation",
    "CmdStanEngine": "hierglm.engines.cmdstan",
    "Family": "hierglm.families",
    "Fit": "hierglm.posterior",
    "HierglmError": "hierglm.errors",
    "PreparedModel": "hierglm.prepared",
    "Settings": "hierglm.engines.engine",
    "compare": "hierglm.comparing.compare",
    "family": "hierglm.families",
    "fit": "hierglm.fitting",
    "fit_many": "hierglm.many",
    "joint": "hierglm.fitting",
    "load": "hierglm.posterior",
    "model": "hierglm.modelling",
    "part": "hierglm.parts",
    "read_table": "hierglm.analysing.tables",
    "table": "hierglm.publishing.table",
}
"""The module of each public name: loaded when the name is first used, not before."""

_MODULES = {
    "datasets": "hierglm.datasets",
    "errors": "hierglm.errors",
    "method": "hierglm.engines.methods",
    "prior": "hierglm.priors.distributions",
}
"""Public names that are modules themselves."""


def __getattr__(name: str) -> "Any":
    from importlib import import_module

    if name in _WHERE:
        found = getattr(import_module(_WHERE[name]), name)
    elif name in _MODULES:
        found = import_module(_MODULES[name])
    else:
        raise AttributeError(f"module 'hierglm' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
