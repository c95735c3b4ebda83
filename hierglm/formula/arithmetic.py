"""What arithmetic, comparisons and ``and`` in an expression become."""

from __future__ import annotations

import ast


class FloatArithmetic(ast.NodeTransformer):
    """Whole numbers among themselves become floats: ``9**9**9`` must not run for hours."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """Turn the integers of an operation that reads no column into floats."""
        if any(isinstance(part, ast.Name) for part in _operand_names(node)):
            return self.generic_visit(node)
        for part in ast.walk(node):
            if isinstance(part, ast.Constant) and isinstance(part.value, int):
                part.value = float(part.value)
        return node


def _operand_names(node: ast.AST) -> list[ast.Name]:
    called = {id(n.func) for n in ast.walk(node) if isinstance(n, ast.Call)}
    owners = {id(n.value) for n in ast.walk(node) if isinstance(n, ast.Attribute)}
    return [
        n
        for n in ast.walk(node)
        if isinstance(n, ast.Name) and id(n) not in called and id(n) not in owners
    ]


def exponent(node: ast.BinOp) -> float:
    """Return the size of an exponent that is a number, 0 of one that is not."""
    power = node.right.operand if isinstance(node.right, ast.UnaryOp) else node.right
    if not isinstance(node.op, ast.Pow) or not isinstance(power, ast.Constant):
        return 0.0
    return float(power.value) if isinstance(power.value, int | float) else 0.0


def flag(test: ast.expr) -> ast.expr:
    """Return a test as 0 and 1, so that two of them can be added as in R."""
    return ast.BinOp(test, ast.Mult(), ast.Constant(1.0))


def logical(both: bool, values: list[ast.expr]) -> ast.expr:
    """Return ``and`` (or ``or``) of values row by row; anything but 0 counts as true."""
    tests = [ast.Compare(value, [ast.NotEq()], [ast.Constant(0)]) for value in values]
    joined: ast.expr = tests[0]
    for test in tests[1:]:
        joined = ast.BinOp(joined, ast.BitAnd() if both else ast.BitOr(), test)
    return flag(joined)
