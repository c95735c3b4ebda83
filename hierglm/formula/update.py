"""R's update formulas: a dot stands for what was there before."""

from __future__ import annotations

from hierglm.errors import FormulaError
from hierglm.formula.limits import MAX_LENGTH
from hierglm.formula.tokens import Token, scan


def update_formula(formula: str, before: str) -> str:
    """Return a formula with the dots replaced by the sides of another.

    Parameters
    ----------
    formula : str
        ``". ~ . + z"``; a formula without dots stays as it is.
    before : str
        The formula that was fitted.

    Raises
    ------
    FormulaError
        A formula without a tilde, which it points into; or a result that is too long.

    Examples
    --------
    >>> update_formula(". ~ . - x + z", "y ~ x + (1 | g)")
    'y ~ x + (1 | g) - x + z'
    >>> update_formula("log(y) ~ (.):w", "y ~ x + z")
    'log(y) ~ (x + z):w'
    """
    left, right = _sides(before)
    tokens = scan(formula)
    tilde = _tilde(tokens, formula)
    dots = sum(token.kind == "dot" for token in tokens)
    if len(formula) + dots * len(before) > MAX_LENGTH:
        raise FormulaError(
            f"with its {dots:,} dots written out this has more than {MAX_LENGTH:,} characters",
            formula,
        )
    out, at = [], 0
    for k, token in enumerate(tokens):
        if token.kind != "dot":
            continue
        old = left if token.start < tilde.start else right
        out += [formula[at : token.start], old if _alone(tokens, k) else f"({old})"]
        at = token.end
    return "".join([*out, formula[at:]]).strip()


def _sides(formula: str) -> tuple[str, str]:
    tilde = _tilde(scan(formula), formula)
    return formula[: tilde.start].strip(), formula[tilde.end :].strip()


def _tilde(tokens: list[Token], formula: str) -> Token:
    found = next((t for t in tokens if t.kind == "operator" and t.text == "~"), None)
    if found is None:
        raise FormulaError("a formula needs a '~', as in '. ~ . + z'", formula)
    return found


def _alone(tokens: list[Token], k: int) -> bool:
    """Tell whether sums may stand in the place of a dot without brackets."""
    before = tokens[k - 1] if k else None
    after = tokens[k + 1] if k + 1 < len(tokens) else None
    first = before is None or before.text in ("~", "+", "|", "||") or before.kind == "open"
    last = after is None or after.text in ("~", "+", "-", "|", "||") or after.kind == "close"
    return first and last
