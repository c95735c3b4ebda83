"""Kernels and their Stan bodies: the same value, and the same gradient, at every place."""

import re
import subprocess

import numpy as np
import pytest

from hierglm.engines.data import to_json
from hierglm.models import specify
from hierglm.plan.choose import choose
from hierglm.plan.forms import Ability
from hierglm.program.kernels import KERNELS, declared, header
from hierglm.program.library import stan_function
from hierglm.program.write import write
from tests.designs import design_of, schools
from tests.program import twins


@pytest.fixture(scope="module")
def evaluate(compiled, tmp_path_factory):
    """Return a function of data and point: the text that the console answers."""
    folder = tmp_path_factory.mktemp("twins")
    source, own = folder / "twins.stan", folder / "kernels.hpp"
    source.write_text(twins.program(kernels=True))
    own.write_text(header(KERNELS))
    executable = compiled(source, own)

    def run(data, at, threads=1):
        place, params, output = (folder / name for name in ("data.json", "at.json", "out.csv"))
        place.write_bytes(to_json(data))
        params.write_bytes(to_json({"params_r": at}))
        method = ["method=log_prob", f"unconstrained_params={params}", "jacobian=0"]
        files = ["data", f"file={place}", "output", f"file={output}", "sig_figs=17"]
        subprocess.run(
            [executable, *method, *files, f"num_threads={threads}"],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        return [x for x in output.read_text().splitlines() if x and x[0] not in "#l"][-1]

    return run


def numbers(text):
    return np.array([float(x) for x in text.split(",")])


def agree(evaluate, name, rows, levels, seed):
    data = {**rows, **levels, "which": twins.FUNCTIONS.index(name)}
    at = twins.point(data, seed)
    kernel, twin = (numbers(evaluate({**data, "twin": t}, at)) for t in (0, 1))
    assert np.isfinite(twin).all()
    assert np.any(twin[1:] != 0)
    np.testing.assert_allclose(kernel[0], twin[0], rtol=1e-10)
    # Slopes of sums of thousands of rows lose digits where these cancel.
    np.testing.assert_allclose(kernel, twin, rtol=1e-10, atol=1e-13 * np.abs(twin[1:]).max())


ROWS = {
    "one term": {},
    "not sorted": {"order": "any", "n": 300},
    "one row": {"n": 1, "levels": (1,)},
    "long runs": {"n": 700, "levels": (3,), "effects": (2,)},
    "three effects": {"effects": (3,)},
    "four effects": {"effects": (4,), "n": 1000},
    "several terms": {"levels": (40, 5, 3), "effects": (2, 1, 3), "n": 500},
    "levels without rows": {"levels": (5000,), "effects": (2,)},
    "no columns": {"columns": 0},
    "many columns": {"columns": 7},
    "no terms": {"levels": (), "effects": (), "columns": 3},
    "no offset": {"offset": False},
    "far": {"size": 40.0, "n": 200},
    "very far": {"size": 690.0, "n": 13, "columns": 1},
    "chunks": {"n": 20_000, "levels": (300, 7), "effects": (2, 1)},
}


@pytest.mark.cmdstan
@pytest.mark.parametrize("case", ROWS)
@pytest.mark.parametrize("name", [n for n in twins.FUNCTIONS if n.endswith("_rows")])
def test_rows(evaluate, name, case):
    rows = twins.rows(seed=len(case), **ROWS[case])
    if name == "poisson_log_rows" and case == "very far":
        rows["count"] = np.minimum(rows["count"], 1.0)  # exp(690) 10^6 is infinite
    agree(evaluate, name, rows, twins.by_level(), seed=1)


@pytest.mark.cmdstan
@pytest.mark.parametrize("size", [30.0, 700.0])
@pytest.mark.parametrize("right", [0, 1])
def test_one_row_far_out_keeps_its_digits(evaluate, size, right):
    # Alone: nothing larger hides log(1 + exp(-30)) or exp(-700), which are all there is.
    rows = twins.rows(n=1, columns=0, levels=(), effects=())
    rows |= {"hit": np.array([1]), "offset_": np.array([size if right else -size])}
    rows |= {"y": np.array([1e6]), "count": np.array([1e6])}
    for name in ("bernoulli_logit_rows", "binomial_logit_rows"):
        data = {**rows, **twins.by_level(), "which": twins.FUNCTIONS.index(name), "twin": 0}
        at = np.zeros(len(twins.point(data)))
        value, slope = numbers(evaluate(data, at))[:2] / (1 if "bern" in name else 1e6)
        tail = np.exp(-size)
        np.testing.assert_allclose(value, -np.log1p(tail) - (0 if right else size), rtol=1e-14)
        np.testing.assert_allclose(slope, (tail if right else 1) / (1 + tail), rtol=1e-14)


@pytest.mark.cmdstan
def test_known_errors(evaluate):
    for known in (0, 1):
        rows = twins.rows(seed=4, known=known, n=203, effects=(2,))
        agree(evaluate, "normal_rows", rows, twins.by_level(), seed=2)


LEVELS = {
    **{f"{q} effects": {"q": q, "levels": 70} for q in (1, 2, 3, 4, 7)},
    "one level": {"levels": 1},
    "a whole batch": {"levels": 128},
    "other effects": {"q": 3, "q_2": 2, "others": 6},
    "no coefficients": {"p": 0},
}


@pytest.mark.cmdstan
@pytest.mark.parametrize("case", LEVELS)
@pytest.mark.parametrize("name", [n for n in twins.FUNCTIONS if not n.endswith("_rows")])
def test_levels(evaluate, name, case):
    agree(evaluate, name, twins.rows(), twins.by_level(seed=len(case), **LEVELS[case]), seed=3)


@pytest.mark.cmdstan
def test_threads_change_no_digit(evaluate):
    rows = twins.rows(n=150_000, levels=(400, 9), effects=(2, 1))
    data = {**rows, **twins.by_level(), "which": 0, "twin": 0}
    at = twins.point(data)
    assert evaluate(data, at, threads=1) == evaluate(data, at, threads=2)


def kernel_program(formula="won ~ x + (x | school) + (1 | year)", family="bernoulli"):
    model = specify(design_of(formula, schools()), family, None)
    return write(choose(model, frozenset(Ability)))


def test_a_declared_program_keeps_its_lines():
    made = kernel_program()
    code, names = declared(made)
    assert names == ("level_residuals", "conditional_effects", "crossed_products",
                     "bernoulli_logit_rows")  # fmt: skip
    lines, bare = code.splitlines(), made.bare.splitlines()
    assert len(lines) == len(bare)
    inside = {n for f in made.functions for n in range(f.first, f.last + 1)}
    assert all(
        a == b for n, (a, b) in enumerate(zip(lines, bare, strict=True), 1) if n not in inside
    )
    # Nothing is defined: all that kernels call has gone with their bodies.
    assert not re.search(r"^ +return ", code, re.MULTILINE)
    for name in names:
        signature = stan_function(name).partition("*/\n")[2].partition(" {")[0]
        assert (
            signature.split() == code[code.index(signature.split("(")[0]) :].split(";")[0].split()
        )


def test_functions_stand_where_a_program_says():
    made = kernel_program()
    lines = made.bare.splitlines()
    for function in made.functions:
        text = "\n".join(x[2:] for x in lines[function.first - 1 : function.last])
        assert text == stan_function(function.name)


def test_a_program_without_functions_is_declared_as_it_is():
    model = specify(design_of("score ~ x", schools()), "gaussian", None)
    made = write(choose(model, frozenset(), "textbook"))
    assert declared(made) == (made.bare, ())


def test_a_header_holds_every_file_once():
    text = header(["conditional_effects", "integrated_density", "normal_rows"])
    assert '#include "' not in text
    for name in ("lanes", "batch", "operands", "predictor"):
        assert text.count(f"#define HIERGLM_{name.upper()}_HPP\n") == 1
    assert "hierglm::crossed_sums" not in text
    with pytest.raises(ValueError, match="no kernels: \\['packed'\\]"):
        header(["packed"])
