"""Formulas come from files too: nothing but listed functions of columns is ever evaluated."""

import time

import numpy as np
import pytest

from hierglm.design.encode import encode
from hierglm.design.table import as_table
from hierglm.errors import DataError, FormulaError
from hierglm.formula.parse import parse

# SENTINEL stands for a file that does not exist, `touch` for a function that must not run.
ATTACKS = [
    "y ~ open('SENTINEL', 'w')",
    "y ~ I(open('SENTINEL', 'w'))",
    "y ~ {open('SENTINEL', 'w')}",
    "y ~ eval(\"open('SENTINEL', 'w')\")",
    "y ~ exec(\"open('SENTINEL', 'w')\")",
    "y ~ compile('1', 'SENTINEL', 'eval')",
    "y ~ __import__('os').system('touch SENTINEL')",
    "y ~ I(__import__('os').system('touch SENTINEL'))",
    "y ~ {__import__('os').system('touch SENTINEL')}",
    "y ~ getattr(x, 'tofile')('SENTINEL')",
    "y ~ np.save('SENTINEL', x)",
    "y ~ np.lib.npyio.save('SENTINEL', x)",
    "y ~ np.random.seed(1)",
    "y ~ x.to_csv('SENTINEL')",
    "y ~ I(x.to_csv('SENTINEL'))",
    "y ~ {x.tofile('SENTINEL')}",
    "y ~ I((x).tofile('SENTINEL'))",
    "y ~ I(x.values)",
    "y ~ I(x.__class__)",
    "y ~ I((x).__class__)",
    "y ~ I(().__class__.__bases__[0].__subclasses__())",
    "y ~ C(x, contr.treatment.__init__)",
    "y ~ I(__builtins__)",
    "y ~ I(touch(x)[0])",
    "y ~ I((lambda: touch(x))())",
    "y ~ I([touch(x) for q in z])",
    "y ~ I({touch(q) for q in z})",
    "y ~ I({q: touch(q) for q in z})",
    "y ~ I((touch(q) for q in z))",
    "y ~ I(f'{touch(x)}')",
    "y ~ I((q := touch(x)))",
    "y ~ I(touch(x) if x else touch(z))",
    "y ~ log(*touch(x))",
    "y ~ log(**touch(x))",
    "y ~ I({**touch(x)})",
    "y ~ I(await touch(x))",
    "y ~ I((yield touch(x)))",
    "y ~ I({touch(x)})",
    "y ~ touch(x)(z)",
    "y ~ I(touch(x)(z))",
    "y ~ I(touch(x) @ z)",
    "y ~ I(touch(x) is z)",
    "y ~ I(touch(x) in z)",
    "y ~ I(touch(x) << 99999999)",
    "y ~ I(touch(b'x'))",
    "y ~ I(touch(...))",
    "y ~ I(touch(1j))",
    "y ~ log(touch(x), out=x)",
    "y ~ np.log(touch(x), out=x)",
    "y ~ np.log(touch(x), where=x)",
    "y ~ scale(touch(x), _state={})",
    "y ~ hashed(touch(x), levels=9, hash_func=open)",
    "y ~ I('{0.__class__}'.format(touch(x)))",
    "y ~ I(''.join(touch(x)))",
    "y ~ I('%s' % 'a')",
    "y ~ I('a' * 999999999)",
    "y ~ C(x, levels=c('a', 'b') * 999999999)",
    "y ~ bs(x, df=10**9)",
    "y ~ bs(x, df=1000000000)",
    "y ~ bs(x, df=1e9)",
    "y ~ bs(x, 999999 + 999999)",
    "y ~ poly(x, 10**9)",
    "y ~ hashed(x, levels=10**9)",
    "y ~ {x; z}",
    "y ~ {import os}",
    "y ~ touch(x); import os",
    "y ~ touch(x)\x00",
    "y ~ I(x\x00)",
    "y ~ exit()",
    "y ~ breakpoint()",
    "y ~ globals()",
    "y ~ (open('SENTINEL', 'w') | g)",
    "y ~ (1 | open('SENTINEL', 'w'))",
    "y ~ offset(open('SENTINEL', 'w'))",
    "y | trials(open('SENTINEL', 'w')) ~ x",
    "y | se(open('SENTINEL', 'w')) ~ x",
    "cbind(open('SENTINEL', 'w'), y) ~ x",
    "open('SENTINEL', 'w') ~ x",
    # Short texts that stand for long work.
    "y ~ " + "(" * 5_000 + "x" + ")" * 5_000,
    "y ~ I(" + "(" * 5_000 + "x" + ")" * 5_000 + ")",
    "y ~ I(" + "-" * 5_000 + "x)",
    "y ~ I(" + "+".join(["x"] * 5_000) + ")",
    "y ~ I(" + "~" * 15_000 + "x)",
    "y ~ " + "x" * 200_000,
    "y ~ " + "x + " * 50_000 + "x",
    "y ~ (a+b+c+d+e+f+g+h+i+j+k+l)^12 * (m+n+o+p+q+r+s+t)^8",
    "y ~ " + "*".join(f"x{i}" for i in range(30)),
    "y ~ " + ":".join(f"x{i}" for i in range(30)),
]


@pytest.mark.parametrize("text", ATTACKS, ids=[a[:50] for a in ATTACKS])
def test_refused_before_anything_is_evaluated(text, tmp_path):
    sentinel = tmp_path / "sentinel"
    touched = []
    x = np.arange(1.0, 7)
    table = as_table({"y": x, "x": x, "z": x, "g": list("aabbcc")})
    functions = {"touch": lambda x: touched.append(x) or x}
    started = time.process_time()
    with pytest.raises(FormulaError) as caught:
        _design(text.replace("SENTINEL", str(sentinel)), table, functions)
    assert not touched
    assert not sentinel.exists()
    # A bound on the work, not on the speed: what is not refused runs for hours.
    assert time.process_time() - started < 5
    assert len(str(caught.value)) < 250_000
    np.testing.assert_array_equal(x, np.arange(1.0, 7))


def _design(text, table, functions):
    return encode(parse(text, table.columns, functions), table, functions=functions)


@pytest.mark.parametrize(
    "expression",
    [
        "I(x > 1) + I(x * 9**9**9**9)",
        "I(x + 9**9**9**9)",
        "{x + 9**9**9**9}",
        "I(x - (9**9)**(9**9)**9)",
        "I(x + I(9)**I(9)**I(9)**I(9))",
        "I(x + (TRUE + TRUE)**((TRUE + TRUE)**((TRUE + TRUE)**((TRUE + TRUE)**(9 + 9)))))",
        "log(9**9**9**9, x)",
        "I(x > 9**9**9**9)",
    ],
)
def test_towers_of_powers_overflow_instead_of_running_for_hours(expression):
    table = as_table({"y": [1.0, 2.0, 4.0], "x": [1.0, 2.0, 3.0]})
    with pytest.raises(DataError, match="cannot evaluate"):
        encode(parse(f"y ~ {expression}"), table)


def test_a_column_never_hides_a_function_nor_a_function_a_column():
    table = {"y": [1.0, 2, 4], "log": [1.0, 10, 100], "np": [1.0, 2, 3], "I": [3.0, 1, 2]}
    formula = parse("y ~ log(log) + np.log10(log) + I(np + I) + log")
    made = encode(formula, as_table(table)).common
    log = np.array(table["log"])
    assert made.labels == ("log(log)", "np.log10(log)", "I(np + I)", "log")
    expected = np.column_stack([np.log(log), np.log10(log), [4.0, 3, 5], log])
    np.testing.assert_array_equal(made.matrix, expected)
