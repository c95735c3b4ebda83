"""The check of an expression's syntax tree against what a formula may hold."""

from __future__ import annotations

import ast

from hierglm.errors import FormulaError
from hierglm.formula.arithmetic import flag, logical
from hierglm.formula.functions import (
    BASES,
    BASIS_ARGUMENTS,
    CONTR,
    CONTRASTS,
    ELEMENTWISE,
    ENCODINGS,
    MAX_BASIS,
    NUMPY,
    NUMPY_CONSTANTS,
)
from hierglm.formula.rewrite import (
    Rewritten,
    column_identifier,
    function_identifier,
    levels_identifier,
    unknown_function,
)

MAX_NESTING = 100
_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
_COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
_CONTAINERS = (ast.List, ast.Tuple, ast.Dict)
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
        """Let numbers, text, true, false and none pass."""
        if node.value is None or isinstance(node.value, str | int | float | bool):
            return node
        raise self._refuse(f"{node.value!r} is not allowed in a formula", node)

    def visit_List(self, node: ast.List) -> ast.AST:
        """Check what a list holds."""
        node.elts = [self.visit(item) for item in node.elts]
        return node

    def visit_Tuple(self, node: ast.Tuple) -> ast.AST:
        """Check what a tuple holds."""
        node.elts = [self.visit(item) for item in node.elts]
        return node

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        """Check what a dictionary of contrasts holds."""
        if any(key is None for key in node.keys):
            raise self._refuse(f"'**' in front of a value is not allowed; {_ALLOWED}", node)
        node.keys = [self.visit(key) for key in node.keys if key is not None]
        node.values = [self.visit(value) for value in node.values]
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
        node.operand = self.visit(node.operand)
        if isinstance(node.op, ast.Not | ast.Invert):
            return flag(ast.Compare(node.operand, [ast.Eq()], [ast.Constant(0)]))
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """Let arithmetic pass, and read ``&`` and ``|`` as logic on numbers."""
        if isinstance(node.op, ast.BitAnd | ast.BitOr):
            return logical(
                isinstance(node.op, ast.BitAnd), [self.visit(node.left), self.visit(node.right)]
            )
        if not isinstance(node.op, _ARITHMETIC):
            raise self._refuse("this operator is not allowed in a formula", node)
        self._check_operand(node.left)
        self._check_operand(node.right)
        node.left, node.right = self.visit(node.left), self.visit(node.right)
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        """Read ``and`` and ``or`` row by row."""
        return logical(isinstance(node.op, ast.And), [self.visit(v) for v in node.values])

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
        node.left = self.visit(node.left)
        node.comparators = [self.visit(node.comparators[0])]
        return flag(node)

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        """Check an argument given by name."""
        if node.arg is None:
            raise self._refuse(f"'**' in front of an argument is not allowed; {_ALLOWED}", node)
        if node.arg.startswith("_"):
            raise self._refuse(f"argument {node.arg!r} is not allowed in a formula", node)
        node.value = self.visit(node.value)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Let calls of listed functions pass, with arguments that they take."""
        target = node.func
        if isinstance(target, ast.Attribute):
            self._check_attribute_call(target, node)
        elif not isinstance(target, ast.Name):
            raise self._refuse(f"only a function's name can be called; {_ALLOWED}", target)
        elif target.id == "Q":
            return self._quoted(node)
        elif target.id == "c":
            self._no_keywords(node)
            return ast.List([self.visit(a) for a in node.args], ast.Load())
        elif target.id not in self._callable:
            self._check_named_call(target, node)
        node.args = [self.visit(argument) for argument in node.args]
        if isinstance(target, ast.Name) and target.id == "C":
            node.args[:1] = [self._levels(argument) for argument in node.args[:1]]
        node.keywords = [self.visit(argument) for argument in node.keywords]
        return node

    def _levels(self, node: ast.expr) -> ast.expr:
        """Mark a column whose values are read as levels."""
        if not isinstance(node, ast.Name) or node.id not in self._source.columns:
            return node
        return ast.Name(levels_identifier(self._source.columns[node.id]), ast.Load())

    def _check_named_call(self, target: ast.Name, node: ast.Call) -> None:
        if target.id in ELEMENTWISE:
            self._check_arguments(target.id, ELEMENTWISE[target.id], node)
        elif target.id == "I":
            self._check_arguments("I", 1, node)
        elif target.id in ENCODINGS:
            self._check_encoding(target.id, node)
        elif target.id not in CONTRASTS:
            start, end = self._span(target)
            name = self._text[start:end]
            raise unknown_function(name, self._functions, self._text, start, end)

    def _check_attribute_call(self, target: ast.Attribute, node: ast.Call) -> None:
        owner = target.value.id if isinstance(target.value, ast.Name) else ""
        if owner == "contr" and target.attr in CONTR:
            return
        if owner != "np" or target.attr not in NUMPY:
            self.visit_Attribute(ast.copy_location(ast.Attribute(target, target.attr), target))
        self._check_arguments(f"np.{target.attr}", NUMPY[target.attr], node)

    def _check_arguments(self, name: str, most: int, node: ast.Call) -> None:
        self._no_keywords(node)
        if not 1 <= len(node.args) <= most:
            wanted = "one argument" if most == 1 else f"one to {most} arguments"
            raise self._refuse(f"{name}(...) takes {wanted}, not {len(node.args)}", node)

    def _check_encoding(self, name: str, node: ast.Call) -> None:
        if not node.args:
            raise self._refuse(f"the first argument of {name}(...) is missing", node)
        if name not in BASES:
            return
        for size in (
            *node.args[1:],
            *(k.value for k in node.keywords if k.arg in BASIS_ARGUMENTS),
        ):
            if isinstance(size, ast.Name | ast.BinOp | ast.UnaryOp | ast.BoolOp | ast.Compare):
                raise self._refuse("give the size of a basis as a number", size)
            value = size.value if isinstance(size, ast.Constant) else None
            if isinstance(value, int | float) and not value <= MAX_BASIS:
                raise self._refuse(f"a basis may have {MAX_BASIS} columns at most", size)

    def _check_operand(self, node: ast.AST) -> None:
        """Refuse ``"a" * 10**9`` and the like: text and lists have no arithmetic."""
        if any(isinstance(n, ast.Name) and n.id in self._source.columns for n in ast.walk(node)):
            return
        for part in ast.walk(node):
            text = isinstance(part, ast.Constant) and isinstance(part.value, str)
            vector = isinstance(part, ast.Call) and getattr(part.func, "id", "") == "c"
            if text or vector or isinstance(part, _CONTAINERS):
                raise self._refuse("text and lists have no arithmetic in a formula", part)

    def _no_keywords(self, node: ast.Call) -> None:
        if node.keywords:
            given = node.keywords[0].arg
            what = f"argument '{given}'" if given else "'**'"
            raise self._refuse(f"{what} is not known here", node)

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
