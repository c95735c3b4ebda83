"""The check of an expression's syntax tree against what a formula may hold."""

from __future__ import annotations

import ast

from hierglm.errors import FormulaError
from hierglm.formula.arguments import check_numbers, check_options, refuse_keywords
from hierglm.formula.arithmetic import exponent, flag, logical
from hierglm.formula.functions import (
    BASES,
    CONTR,
    CONTRASTS,
    ELEMENTWISE,
    ENCODINGS,
    NUMPY,
    NUMPY_CONSTANTS,
)
from hierglm.formula.limits import MAX_EXPONENT, MAX_NESTING
from hierglm.formula.rewrite import (
    Rewritten,
    column_identifier,
    function_identifier,
    levels_identifier,
    text_identifier,
    unknown_function,
)

_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
_COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
_CONTAINERS = (ast.List, ast.Tuple, ast.Dict)
_EXACT = 2**63
"""From here on whole numbers become floats: NumPy would compute with ever longer ones."""
_REFUSED = {
    ast.Lambda: "a lambda",
    ast.Subscript: "a subscript",
    ast.Slice: "a subscript",
    ast.ListComp: "a comprehension",
    ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension",
    ast.GeneratorExp: "a comprehension",
    ast.JoinedStr: "an f-string",
    ast.NamedExpr: "':='",
    ast.Starred: "'*' in front of an argument",
    ast.IfExp: "'if' and 'else'",
    ast.Await: "'await'",
    ast.Yield: "'yield'",
    ast.YieldFrom: "'yield'",
    ast.Set: "a set",
    **dict.fromkeys(_CONTAINERS, "a list that is no option of a call"),
}
_ALLOWED = "allowed are columns, numbers, arithmetic, comparisons, and calls of known functions"


class Checker(ast.NodeTransformer):
    """Lets pass only what is listed, and gives R's meaning to comparisons and ``and``.

    Attributes
    ----------
    read : list of str
        The columns met so far.
    """

    def __init__(self, text: str, source: Rewritten, functions: frozenset[str]) -> None:
        self._text, self._source = text, source
        self._skipped = len(source.code) - len(source.code.lstrip())
        self._functions = functions
        self._callable = {function_identifier(f): f for f in functions}
        self._computing = 0
        self.read: list[str] = []

    def check_depth(self, tree: ast.AST) -> None:
        """Refuse trees that would exhaust Python's stack when they are walked."""
        todo: list[tuple[ast.AST, int]] = [(tree, 0)]
        while todo:
            node, depth = todo.pop()
            if depth > MAX_NESTING:
                start, end = self._source.places[0], self._source.places[-1]
                raise FormulaError(
                    f"this expression nests deeper than {MAX_NESTING}", self._text, start, end
                )
            todo.extend((child, depth + 1) for child in ast.iter_child_nodes(node))

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Refuse every node that no other method lets pass."""
        found = _REFUSED.get(type(node), f"'{type(node).__name__}'")
        raise self._refuse(f"{found} is not allowed in a formula; {_ALLOWED}", node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """Let columns and contrasts pass."""
        if node.id in CONTRASTS and node.id not in self._source.columns:
            return node
        if node.id not in self._source.columns:
            raise self._refuse(f"{node.id!r} cannot stand here; {_ALLOWED}", node)
        self.read.append(self._source.columns[node.id])
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """Let numbers, true, false and none pass; text only where `_or_text` lets it stand."""
        if isinstance(node.value, str):
            raise self._refuse(
                "text in quotes can be compared with, as in x == 'a', or be an option", node
            )
        if not (node.value is None or isinstance(node.value, int | float)):
            raise self._refuse(f"{str(node.value)[:40]!r} is not allowed in a formula", node)
        if isinstance(node.value, int) and abs(node.value) >= _EXACT:
            try:
                node.value = float(node.value)
            except OverflowError:
                raise self._refuse("this number is too large", node) from None
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Let ``np.pi`` and ``contr.sum`` pass, and no other attribute."""
        owner = node.value.id if isinstance(node.value, ast.Name) else ""
        if owner == "np" and node.attr in NUMPY_CONSTANTS:
            return node
        if owner == "contr" and node.attr in CONTR:
            return node
        raise self._refuse(
            f"'.{node.attr}' is not allowed in a formula: no attributes and no methods; "
            "a column with a dot in its name goes in `backticks` when it follows a bracket",
            node,
        )

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        """Let signs pass, and read ``not`` as R reads ``!``."""
        node.operand = self._operand(node.operand)
        if isinstance(node.op, ast.Not | ast.Invert):
            return flag(ast.Compare(node.operand, [ast.Eq()], [ast.Constant(0)]))
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """Let arithmetic pass, and read ``&`` and ``|`` as logic on numbers."""
        if isinstance(node.op, ast.BitAnd | ast.BitOr):
            sides = [self._operand(node.left), self._operand(node.right)]
            return logical(isinstance(node.op, ast.BitAnd), sides)
        if not isinstance(node.op, _ARITHMETIC):
            raise self._refuse("this operator is not allowed in a formula", node)
        self._check_operand(node.left)
        self._check_operand(node.right)
        node.left, node.right = self._operand(node.left), self._operand(node.right)
        if exponent(node) > MAX_EXPONENT:
            raise self._refuse(f"exponents are from -{MAX_EXPONENT:,} to {MAX_EXPONENT:,}", node)
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        """Read ``and`` and ``or`` row by row."""
        return logical(isinstance(node.op, ast.And), [self._operand(v) for v in node.values])

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """Let one comparison pass; its result is 0 or 1."""
        if not all(isinstance(op, _COMPARISONS) for op in node.ops):
            raise self._refuse("only <, <=, >, >=, == and != compare in a formula", node)
        if len(node.ops) > 1:
            raise self._refuse(
                "compare two things at a time: write '(a < b) & (b < c)', with the brackets", node
            )
        if isinstance(node.left, _CONTAINERS) or isinstance(node.comparators[0], _CONTAINERS):
            raise self._refuse("a list cannot be compared in a formula", node)
        node.left = self._operand(node.left, text=True)
        node.comparators = [self._operand(node.comparators[0], text=True)]
        return flag(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Let calls of listed functions pass, with arguments that they take."""
        target = node.func
        if any(k.arg is None for k in node.keywords):
            raise self._refuse(f"'**' in front of an argument is not allowed; {_ALLOWED}", node)
        if isinstance(target, ast.Attribute):
            return self._attribute_call(target, node)
        if not isinstance(target, ast.Name):
            raise self._refuse(f"only a function's name can be called; {_ALLOWED}", target)
        if target.id == "Q":
            return self._quoted(node)
        if target.id in self._callable:
            return self._own_call(node)
        if target.id in ELEMENTWISE:
            return self._of_numbers(target.id, ELEMENTWISE[target.id], node)
        if target.id in ENCODINGS:
            return self._encoding(target.id, node)
        if target.id in CONTRASTS:
            return self._contrasts(target.id, CONTRASTS[target.id], node)
        if target.id == "c":
            raise self._refuse("c(...) can only be an option, as in bs(x, knots=c(1, 2))", node)
        start, end = self._span(target)
        raise unknown_function(self._text[start:end], self._functions, self._text, start, end)

    def _attribute_call(self, target: ast.Attribute, node: ast.Call) -> ast.AST:
        owner = target.value.id if isinstance(target.value, ast.Name) else ""
        if owner == "contr" and target.attr in CONTR:
            return self._contrasts(f"contr.{target.attr}", CONTR[target.attr], node)
        if owner != "np" or target.attr not in NUMPY:
            self.visit_Attribute(ast.copy_location(ast.Attribute(target, target.attr), target))
        return self._of_numbers(f"np.{target.attr}", NUMPY[target.attr], node)

    def _of_numbers(self, name: str, takes: tuple[int, int], node: ast.Call) -> ast.AST:
        check_numbers(name, takes, node, self._refuse)
        # np.where(x > 0, 'a', 'b') makes categories, which nothing can be computed from.
        text = name == "np.where" and not self._computing
        first, *others = node.args
        node.args = [self._operand(first), *(self._operand(a, text) for a in others)]
        return node

    def _encoding(self, name: str, node: ast.Call) -> ast.AST:
        if name in BASES and self._computing:
            raise self._refuse(
                f"{name}(...) makes several columns: it can be a term, but not part of a sum", node
            )
        columns = self._source.columns
        check_options(name, ENCODINGS[name], node, columns, self._refuse)
        first, *options = node.args
        first = self.visit(first)
        first = self._levels(first) if name == "C" else first
        node.args = [first, *map(self._or_text, options)]
        return self._with_options(node)

    def _contrasts(self, name: str, takes: tuple[str, ...], node: ast.Call) -> ast.AST:
        check_options(name, takes, node, self._source.columns, self._refuse, first=0)
        node.args = [self._or_text(a) for a in node.args]
        return self._with_options(node)

    def _own_call(self, node: ast.Call) -> ast.AST:
        for keyword in node.keywords:
            if keyword.arg is not None and keyword.arg.startswith("_"):
                raise self._refuse(f"argument {keyword.arg!r} is not allowed in a formula", keyword)
        node.args = [self._or_text(a) for a in node.args]
        return self._with_options(node)

    def _with_options(self, node: ast.Call) -> ast.AST:
        for keyword in node.keywords:
            keyword.value = self._or_text(keyword.value)
        return node

    def _operand(self, node: ast.expr, text: bool = False) -> ast.expr:
        """Check what is computed with."""
        self._computing += 1
        checked: ast.expr = self._or_text(node, lists=False) if text else self.visit(node)
        self._computing -= 1
        return checked

    def _or_text(self, node: ast.expr, lists: bool = True) -> ast.expr:
        """Check an option, or what may be text as well; text goes on under a name."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return ast.Name(text_identifier(node.value), ast.Load())
        if not lists:
            return self._visited(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "c":
            refuse_keywords(node, self._refuse)
            return ast.List([self._or_text(a) for a in node.args], ast.Load())
        if isinstance(node, ast.List | ast.Tuple):
            node.elts = [self._or_text(item) for item in node.elts]
            return node
        if isinstance(node, ast.Dict):
            if any(key is None for key in node.keys):
                raise self._refuse(f"'**' in front of a value is not allowed; {_ALLOWED}", node)
            node.keys = [self._or_text(key) for key in node.keys if key is not None]
            node.values = [self._or_text(value) for value in node.values]
            return node
        return self._visited(node)

    def _visited(self, node: ast.expr) -> ast.expr:
        checked: ast.expr = self.visit(node)
        return checked

    def _levels(self, node: ast.expr) -> ast.expr:
        """Mark a column whose values are read as levels."""
        if not isinstance(node, ast.Name) or node.id not in self._source.columns:
            return node
        return ast.Name(levels_identifier(self._source.columns[node.id]), ast.Load())

    def _check_operand(self, node: ast.AST) -> None:
        """Refuse ``"a" * 10**9`` and the like: text and lists have no arithmetic."""
        text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        vector = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "c"
        if text or vector or isinstance(node, _CONTAINERS):
            raise self._refuse("text and lists have no arithmetic in a formula", node)

    def _quoted(self, node: ast.Call) -> ast.AST:
        """Read patsy's ``Q("my column")`` as the column itself."""
        name = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
        if not isinstance(name, str) or len(node.args) != 1 or node.keywords:
            raise self._refuse("Q(...) takes one column name in quotes", node)
        self.read.append(name)
        return ast.Name(column_identifier(name), ast.Load())

    def _refuse(self, message: str, node: ast.AST) -> FormulaError:
        return FormulaError(message, self._text, *self._span(node))

    def _span(self, node: ast.AST) -> tuple[int, int]:
        line = self._source.code.strip().encode()
        first = getattr(node, "col_offset", 0)
        last = getattr(node, "end_col_offset", None) or len(line)
        places, skip = self._source.places, self._skipped
        # Python counts bytes of UTF-8, and we count characters.
        start = places[min(skip + len(line[:first].decode()), len(places) - 1)]
        end = places[min(skip + len(line[:last].decode()) - 1, len(places) - 2)] + 1
        return start, max(end, start + 1)
