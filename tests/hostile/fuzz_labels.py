"""Labels of any kind: the same program, the same page but for its words, and back from a file."""

from __future__ import annotations

import tempfile
from dataclasses import fields
from functools import cache
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from hierglm.draws.parameters import by_name
from hierglm.errors import DataError
from hierglm.names import EFFECTS, flat_name, parse_name
from hierglm.posterior import Fit, load
from hierglm.results.archive import read_archive
from hierglm.showing.width import printable
from tests.hostile.guard import check_message, guarded
from tests.results.test_store import _fitted
from tests.showing.hostile import LABELS, Page

WORDS = [
    *LABELS.values(),
    *("}", ";}", "*/", "// ", "data {", "model", "for", "vector", "y_1", "sigma", "lp__", "__"),
    *("#include </etc/passwd>", "\\", '"', "'", "`", "``", "", " ", "\n", "\r\n", "\x00", "\ud800"),
    *("${x}", "$(touch x)", "%s", "{0}", "{", "../../x", "CON", "a/b", "-rf", "a:b", "a,b", "[x]"),
    *("x" * 10_000, "🙂", "e\u0301", "\u2028", "\ufeff", "(", "Intercept", "1", "nan", "None"),
]
LABEL = st.one_of(
    st.sampled_from(WORDS),
    st.lists(st.sampled_from(WORDS), min_size=2, max_size=4).map("".join),
    st.text(max_size=20),
)
STRATEGY = st.tuples(LABEL, LABEL, LABEL).map(list)
PLAIN = ["x", "b", "c"]


@cache
def folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="hierglm-fuzz-"))


def fitted(labels: list[str]) -> Fit:
    """Return a fit with a label for a column, a level of a category, and a level of a group."""
    column, level, school = labels
    r = np.random.default_rng(2)
    kinds = np.array([f"a{level}", level], dtype=object)
    schools = np.array([f"a{school}", school, f"{school}z"], dtype=object)
    rows = np.arange(36)
    table = {
        "y": r.normal(size=36),
        column: r.normal(size=36),
        "kind": kinds[rows % 2],
        "g": schools[rows % 3],
    }
    made = _fitted("y ~ . + (1 | g)", "gaussian", table)
    return Fit(**{f.name: getattr(made, f.name) for f in fields(made)})


@cache
def plain() -> tuple[Fit, Page, tuple[str, ...]]:
    fit = fitted(PLAIN)
    path = fit.save(folder() / "plain.hglm")
    load(path)
    fit.tidy(effects=EFFECTS), repr(fit)
    return fit, Page(fit._repr_html_()), tuple(read_archive(path))


def check(labels: list[str]) -> None:
    """Take labels through program, text, page, table, names and file."""
    column, _, school = labels
    if column in ("y", "kind", "g"):
        return
    usual, page, members = plain()
    path = folder() / "labelled.hglm"
    with guarded(allowed=".hglm"):
        try:
            fit = fitted(labels)
        except DataError as error:
            # No text that pandas can hold, or the name of another column of the model.
            if "half a character" not in str(error) and column != "Intercept":
                raise
            check_message(error)
            return
        _check_program(fit, usual)
        # Two joiners make words of several scripts, and many emoji, what they are.
        assert all(c.isprintable() or c in "\n\u200c\u200d" for c in repr(fit))
        found = Page(fit._repr_html_())
        assert found.structure == page.structure
        assert not column or printable(column) in found.words
        table = fit.tidy(effects=EFFECTS)
    assert column in table["term"].tolist()
    levels = table.loc[table["effect"] == "ran_vals", "level"].tolist()
    assert sorted(levels) == sorted([f"a{school}", school, f"{school}z"])
    for name in by_name(fit.draws):
        assert flat_name(parse_name(name)) == name
    fit.save(path)
    back = load(path)
    assert tuple(read_archive(path)) == members
    assert back.plan.model.design.common.labels == fit.plan.model.design.common.labels
    assert back.plan.model.design.groups[0].levels.tolist() == levels
    assert list(back.draws.variables) == list(fit.draws.variables)


def _check_program(fit: Fit, usual: Fit) -> None:
    """Labels stand in comments, each on its own line, and nowhere else."""
    assert fit.program.bare == usual.program.bare
    assert list(fit.program.data) == list(usual.program.data)
    code, bare = fit.program.code.split("\n"), fit.program.bare.split("\n")
    for line, without in zip(code, bare, strict=True):
        rest = line.removeprefix(without).strip()
        assert line.startswith(without)
        assert not rest or rest.startswith("// ")
        assert line.isprintable()
