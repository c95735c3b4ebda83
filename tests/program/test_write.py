"""The text of programs: what people read, what is compiled, and what must never get in."""

from pathlib import Path

import numpy as np
import pytest

from hierglm.models import specify
from hierglm.plan.choose import choose
from hierglm.plan.forms import Ability
from hierglm.priors import distributions as prior
from hierglm.program.fragment import Block, Declare, Fragment, Statement
from hierglm.program.render import render
from hierglm.program.write import write
from hierglm.version import __version__
from tests.designs import design_of, schools

GOLDEN = Path(__file__).parent / "golden"
ALL = frozenset(Ability) - {Ability.KERNELS}

PROGRAMS = {
    "gaussian_slopes": ("score ~ x + (x | school)", "gaussian", None),
    "bernoulli_crossed": ("won ~ x + (1 | school) + (0 + x | year)", "bernoulli", None),
    "binomial_rstanarm": ("won | trials(played) ~ x + (x || school)", "binomial", "rstanarm"),
    "gaussian_integrated": ("score ~ x + (x | school)", "gaussian", None, None, "auto"),
    "gaussian_nested": ("score ~ x + (x | school/year)", "gaussian", None, None, "auto"),
    "gaussian_crossed": (
        "score ~ x + (1 | school:year) + (1 | floor) + (1 | school)",
        "gaussian",
        None,
        "crossed",
        "auto",
    ),
    "bernoulli_conditional": (
        "won ~ x + (x | school) + (1 | year)",
        "bernoulli",
        None,
        None,
        "auto",
    ),
    "binomial_gathered": (
        "won | trials(played) ~ 1 + (1 | school)",
        "binomial",
        None,
        None,
        "auto",
    ),
    "bernoulli_kernel": (
        "won ~ x + (x | school) + (1 | year)",
        "bernoulli",
        None,
        None,
        "auto",
        frozenset(Ability),
    ),
    "poisson_weighted": (
        "count | weights(x + 9) ~ x + floor + offset(log_time)",
        "poisson",
        {"b[x]": prior.cauchy(0, 1)},
    ),
}


def program(formula, family="gaussian", priors=None, data=None, plan="textbook", abilities=ALL):
    if isinstance(data, str):
        data = schools().assign(floor=lambda d: d["played"] % 3)
    design = design_of(formula, schools() if data is None else data)
    return write(choose(specify(design, family, priors), abilities, plan))


@pytest.mark.parametrize("name", PROGRAMS)
def test_golden_programs(name):
    # After a change on purpose: write .code to the file, read it, and commit both.
    text = program(*PROGRAMS[name]).code.replace(__version__, "VERSION")
    assert text == (GOLDEN / f"{name}.stan").read_text(encoding="utf-8")


@pytest.mark.parametrize("plan", ["textbook", "auto"])
def test_one_program_serves_every_data_set_of_the_same_shape(plan):
    first = program("score ~ x + (x | school)", plan=plan)
    long = "a rather long name for a grouping factor that nobody would want to type " * 3
    other = schools(rows=90, seed=8).rename(columns={"school": long, "x": "temperature"})
    other["score"] *= 1e5
    second = program(f"score ~ temperature + (temperature | `{long}`)", data=other, plan=plan)
    assert first.bare == second.bare
    assert first.code != second.code


def test_no_number_of_the_data_or_the_priors_is_in_the_text():
    text = program("score ~ x + (x | school)", priors={"b": prior.normal(0.123, 4.567)}).code
    assert "0.123" not in text
    assert "4.567" not in text


def test_lines_know_their_origin():
    made = program("score ~ x + (x | school)")
    lines = made.bare.splitlines()
    assert len(made.origins) == len(lines) == len(made.code.splitlines())
    assert (
        made.origin(1 + lines.index("  cholesky_factor_corr[M_1] L_1;")) == "group 1: (x | school)"
    )
    assert made.origin(1 + lines.index("  y ~ normal_id_glm(Xc, mu, b, sigma);")) == (
        "likelihood: gaussian(identity)"
    )
    assert made.origin(0) == made.origin(10_000) == ""


HOSTILE = ["x\n}", "*/ }", "// }", "#include <x>", 'q"q', "naïve ☃", "x\u2028}", "data", "real"]


@pytest.mark.parametrize("name", HOSTILE)
def test_labels_never_leave_their_comment(name):
    data = schools().rename(columns={"x": name})
    made = program(f"score ~ `{name}` + (`{name}` | school)", data=data)
    plain = program("score ~ x + (x | school)")
    assert made.bare == plain.bare
    assert len(made.code.splitlines()) == len(plain.code.splitlines())
    assert [line.split("//")[0].rstrip() for line in made.code.splitlines()] == (
        [line.split("//")[0].rstrip() for line in plain.code.splitlines()]
    )


def test_data_match_the_design():
    d = schools()
    data = program("won | trials(played) ~ x + (1 | school)", "binomial").data
    assert (data["N"], data["K"], data["J_1"]) == (40, 1, 4)
    np.testing.assert_array_equal(data["trials"], d["played"])
    np.testing.assert_array_equal(data["group_1"], d["school"].map("ABCD".index) + 1)
    assert data["y"].dtype == np.int64


DATUM = "declared .* but has shape"


@pytest.mark.parametrize(
    ("declares", "said"),
    [
        ((Declare(Block.DATA, "vector", "v", ("3",), value=np.zeros(2)),), DATUM),
        ((Declare(Block.DATA, "matrix", "m", ("2", "3"), value=np.zeros((3, 2))),), DATUM),
        ((Declare(Block.DATA, "int", "n", value=1.0),), "must hold integers"),
        ((Declare(Block.PARAMETERS, "real", "a"), Declare(Block.PARAMETERS, "real", "a")), "twice"),
    ],
)
def test_render_refuses_data_that_do_not_fit(declares, said):
    with pytest.raises(ValueError, match=said):
        render((), [Fragment("test", declares)])


def test_layout():
    made = render(
        ("title",),
        [
            Fragment(
                "first part",
                (
                    Declare(Block.DATA, "int", "n", bounds="lower=0", value=2, note="how many"),
                    Declare(Block.DATA, "array[] int", "k", ("n",), "lower=1", np.array([1, 2])),
                ),
                (Statement(Block.MODEL, "for (i in 1:n) {\n  target += k[i];\n}"),),
            ),
            Fragment("second part", (Declare(Block.PARAMETERS, "vector", "v", ("n",)),)),
        ],
    )
    assert (
        made.code
        == """\
// title
data {
  // first part
  int<lower=0> n;  // how many
  array[n] int<lower=1> k;
}
parameters {
  // second part
  vector[n] v;
}
model {
  // first part
  for (i in 1:n) {
    target += k[i];
  }
}
"""
    )
