"""Pages of families and structures, made from the records that the programs are made from.

The mathematics, priors and programs on them are those of a small model of each kind: what the
package says of itself cannot come to differ from what it does.
"""

from __future__ import annotations

from argparse import _SubParsersAction
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd

import hierglm as hg
from docs.structures import STRUCTURES, Structure
from hierglm.families import FAMILIES, LINKED
from hierglm.families.family import Family
from hierglm.families.parameters import BOUNDS
from hierglm.reporting.mathematics import mathematics
from hierglm.reporting.mathml import mathml_block, to_mathml

ROWS = 24
DATA = pd.DataFrame(
    {
        "y": np.linspace(0.5, 12.0, ROWS),
        "share": np.linspace(0.04, 0.96, ROWS),
        "count": np.arange(ROWS) % 5,
        "won": np.arange(ROWS) % 2,
        "n": 4,
        "answer": np.array(["no", "perhaps", "yes"])[np.arange(ROWS) % 3],
        "mood": pd.Categorical(
            np.array(["bad", "fair", "good"])[np.arange(ROWS) % 3], ["bad", "fair", "good"], True
        ),
        "x": np.arange(ROWS) % 4 - 1.5,
        "z": np.arange(ROWS) // 8 - 1.0,
        "w": np.arange(ROWS) % 3 - 1.0,
        "g": np.array(list("ABCD"))[np.arange(ROWS) % 4],
        "h": np.array(list("ABCD"))[np.arange(ROWS) // 6],
        "f": np.array(["p", "q"])[np.arange(ROWS) % 2],
        "t": np.arange(ROWS) // 4,
    }
)
GIVEN = {
    "A": pd.DataFrame(np.eye(4) + 0.2, list("ABCD"), list("ABCD")),
    "E": pd.DataFrame({"one": ["A", "B", "C"], "other": ["B", "C", "D"]}),
}
RESPONSES: Mapping[str, str] = {
    "beta": "share", "bernoulli": "won", "binomial": "count | trials(n)",
    "beta_binomial": "count | trials(n)", "categorical": "answer", "cumulative": "mood",
}  # fmt: skip
"""Of families that take neither numbers nor counts."""


def write_records(folder: Path) -> None:
    """Write a page for each family, structure and command, and the lists of them.

    Parameters
    ----------
    folder : Path
        Pages go to its folders ``families``, ``structures`` and ``shell``. A page that is there
        as it would be written is left alone: a second build reads only what changed.
    """
    families = {name: family_page(one) for name, one in FAMILIES.items()}
    _write(folder / "families", "Families", families)
    structures = {name: structure_page(one) for name, one in STRUCTURES.items()}
    _write(folder / "structures", "Structures of group terms", structures)
    _write(folder / "shell", "The shell", shell_pages())


def family_page(family: Family) -> str:
    """Return the page of one family, in Markdown."""
    title = f"# `{family.name}`"
    links = [one.link.name for one in LINKED if one.name == family.name]
    said = f"Links: {', '.join(f'`{name}`' for name in links)}, the first unless asked for."
    whole = family.stan.response != "vector" or family.stan.by_row
    response = RESPONSES.get(family.name, "count" if whole else "y")
    parts = [title, said if len(links) > 1 else f"Link: `{links[0]}`."]
    if family.parameters:
        parts.append(_parameters(family))
    parts += _example(f"{response} ~ x + (1 | g)", family.name)
    return "\n\n".join(parts) + "\n"


def structure_page(structure: Structure) -> str:
    """Return the page of one structure, in Markdown."""
    parts = [f"# {structure.title}", structure.meaning]
    parts += _example(f"y ~ 1 + {structure.term}", "gaussian")
    return "\n\n".join(parts) + "\n"


def shell_pages() -> dict[str, str]:
    """Return a page for each command of the shell: what its ``--help`` says."""
    from hierglm.cli import parser

    (commands,) = (a for a in parser()._actions if isinstance(a, _SubParsersAction))
    return {
        name: f"# `hierglm {name}`\n\n```text\n{one.format_help().rstrip()}\n```\n"
        for name, one in commands.choices.items()
    }


def _parameters(family: Family) -> str:
    lines = ["## Parameters", "", "| name | what it is | between | link of a formula of its own |"]
    lines.append("|---|---|---|---|")
    for one in family.parameters:
        low, high = BOUNDS[one.support]
        lines.append(f"| `{one.name}` | {one.note} | {low:g} and {high:g} | `{one.link.name}` |")
    return "\n".join(lines)


def _example(formula: str, family: str) -> Iterator[str]:
    """Yield the sections that every page has: a model of this kind, whole."""
    used = {name: value for name, value in GIVEN.items() if f"={name}" in formula}
    model = hg.model(formula, DATA, family, data2=used)
    call = f'hg.fit("{formula}", data, family="{family}"'
    given = ", ".join(f'"{name}": {name}' for name in used)
    more = f", data2={{{given}}}" if used else ""
    yield f"## A model\n\n```python3\n{call}{more})\n```"
    found = mathematics(model.model)
    for block in found.blocks:
        yield _raw(f'<div class="formula">{mathml_block(block)}</div>')
    meanings = "".join(
        f"<li><math>{to_mathml(node)}</math>: {escape(text)}</li>" for node, text in found.meanings
    )
    if meanings:
        yield _raw(f"<ul>{meanings}</ul>")
    yield "## Priors"
    yield _table(model.priors())
    textbook = hg.model(formula, DATA, family, plan="textbook", data2=used)
    yield "## The program"
    yield "As a person would write it; `fit.plan` says what the planner does better:"
    yield f"```stan\n{textbook.stan_code.rstrip()}\n```"


def _table(frame: pd.DataFrame) -> str:
    rows = [list(frame.columns), ["---"] * len(frame.columns)]
    for row in frame.astype(str).to_numpy():
        rows.append([f"`{cell}`" if k < 2 else cell for k, cell in enumerate(row)])
    return "\n".join("| " + " | ".join(x.replace("|", r"\|") for x in row) + " |" for row in rows)


def _raw(html: str) -> str:
    return f"```{{raw}} html\n{html}\n```"


def _write(folder: Path, title: str, pages: Mapping[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    listed = "\n".join(pages)
    index = f"# {title}\n\n```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n"
    for name, text in {**pages, "index": index}.items():
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
