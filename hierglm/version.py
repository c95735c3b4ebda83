"""The one place where hierglm's version is written."""

__version__ = "0.1.0"
