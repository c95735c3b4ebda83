"""Formulas come from files too: nothing but listed functions of columns is ever evaluated."""

import time
from contextlib import suppress

import numpy as np
import pytest

from hierglm.design.encode import encode
from hierglm.design.reading import as_table
from hierglm.errors import DataError, FormulaError, HierglmError
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
    # Lists and text that repeat themselves; numbers without end.
    "y ~ I((x, 'a') * 999999999)",
    "y ~ I([x] * 999999999)",
    "y ~ I(I([x]) * 999999999)",
    "y ~ I(touch([x]) * c(x, x))",
    "y ~ I(np.where(x > 0) * 999999999)",
    "y ~ I((np.where(x > 0, 'a', 'b') + np.where(x > 0, 'a', 'b')) * 999999999)",
    "y ~ I(x * " + "9" * 400 + ")",
    "y ~ I(x * " + "9" * 5_000 + ")",
    "y ~ x^" + "9" * 5_000,
    "y ~ (1 + x)^²",
    "y ~ ٣:x",
    "y ~ rr(x | g, rank=²)",
    "y ~ rr(x | g, rank=" + "9" * 400 + ")",
    "y ~ I(x**1000000)",
    "y ~ I(x^-1001)",
    "y ~ {x**(1000000)}",
    "y ~ I(1/z^1e6)",
    "y ~ (I(x**1000000) | g)",
    "y ~ offset(x^1000000)",
    "I(y^1000000) ~ x",
    "y ~ round(x, 2147483647)",
    "y ~ np.round(x, -2147483647)",
    "y ~ round(x, z)",
    # One value a row times a matrix of one column is a matrix of rows x rows.
    "y ~ I(poly(x, 1) * x)",
    "y ~ I(x + scale(poly(x, 1, raw=TRUE)))",
    "y ~ I(x * touch(poly(x, 1)))",
    "y ~ log(poly(x, 1))",
    "y ~ bs(x, knots=x)",
    "y ~ bs(x, knots=Q('x'))",
    "y ~ bs(x, knots=[touch(x)])",
    "y ~ bs(x, knots=c(" + ",".join("1" * 5_000) + "))",
    "y ~ bs(x, df=700, degree=600)",
    "y ~ cr(x, df=9, lower_bound=x)",
    "y ~ hashed(x, 9, x)",
    # Options that formulaic has and formulas have not.
    "y ~ scale(touch(x), ＿state={})",
    "y ~ scale(touch(x), \uff3fstate={})",
    "y ~ hashed(x, levels=9, hash_func=touch)",
    "y ~ C(x, _context=z)",
    # Names that become others when Python reads them (NFKC).
    "y ~ ｏｐｅｎ(x)",
    "y ~ ｅｖａｌ('touch(x)')",
    "y ~ 𝒈𝒆𝒕𝒂𝒕𝒕𝒓(x, 'tofile')",
    "y ~ I(x.\uff3f\uff3fclass__)",
    "y ~ I((x).\uff3f_class__)",
    "y ~ I(x + '\ud800')",
    "y ~ C(g, levels='''é\n\né''', q + w!!)",
    # Short texts that stand for long work.
    "y ~ " + " + ".join(["((a+b+c+d+e+f+h+i)^6 | g)"] * 400),
    "y ~ " + " + ".join(f"(1 | g{i})" for i in range(300)),
    "y ~ (1 | mm(" + ",".join(["g"] * 1_000) + "))",
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
    assert len(str(caught.value)) < 2_000
    np.testing.assert_array_equal(x, np.arange(1.0, 7))


def _design(text, table, functions):
    return encode(parse(text, table.columns, functions), table, functions=functions)


def test_text_in_quotes_never_reaches_what_formulaic_evaluates():
    """It pastes an encoding's text between double quotes, to be read as Python again."""
    texts = ["it's", 'say "a"', "back\\\\slash", "`x`", "é", "\\x41", "", " ", "_5f_"]
    quoted = [f'"{t}"' if "'" in t else f"'{t}'" for t in texts]
    formula = parse(f"y ~ C(g, levels=c({', '.join(quoted)}))")
    assert not set(formula.common[1].factors[0].expr) & set("'\"`\\")
    meant = [t.replace("\\\\", "\\").replace("\\x41", "A") for t in texts]
    table = as_table({"y": np.arange(9.0), "g": meant})
    made = encode(formula, table).common.matrix
    np.testing.assert_array_equal(made, np.eye(9)[:, 1:])


def test_text_that_closes_formulaics_quotes_is_only_text(tmp_path):
    run = f"open({str(tmp_path / 'ran')!r}, 'w')".replace("'", "\\'")
    table = as_table({"y": [1.0, 2.0], "g": ["a", "b"]})
    for payload in (f'"+{run}+"', f'", {run}) #', f'"] or {run} #', f"`{run}`"):
        with suppress(HierglmError):
            encode(parse(f"y ~ C(g, levels=c('a', 'b', '{payload}', {payload!r}))"), table)
    assert list(tmp_path.iterdir()) == []


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
        "I(x * 10**400)",
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
