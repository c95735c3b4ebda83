"""Flat names of parameters (draft; replaced by the grammar)."""


def group_name(kind: str, group: str) -> str:
    """``sd[school]``."""
    return f"{kind}[{group}]"


def flat_name(kind: str, term: str, group: str = "") -> str:
    """``b[x]``, ``sd[school:x]``."""
    return f"{kind}[{group}:{term}]" if group else f"{kind}[{term}]"
