"""Publication tables: the numbers of the fits, in every format, whatever the labels."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from docx import Document
from markdown_it import MarkdownIt
from scipy.stats import lognorm

import hierglm as hg
from hierglm.errors import FileError, SettingsError
from hierglm.publishing.model_table import ModelTable
from hierglm.publishing.table import table
from hierglm.results.check import check
from hierglm.results.fitted import Fitted
from hierglm.results.multiple_imputation import mix
from hierglm.results.tidy import tidy
from hierglm.showing.width import printable, width
from tests.results.made import made
from tests.showing.hostile import LABELS, Page

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def two() -> dict[str, Fitted]:
    wide = made(terms=("Intercept", "x", "z"), varying=("Intercept", "x"), second=("a", "b"))
    return {"small": made(), "wide": wide}


def test_golden(two: dict[str, Fitted]) -> None:
    """Two models side by side; see the file to judge it."""
    shown = table(two, labels={"x": "Slope", "Intercept": "Mean"}, title="Scores")
    assert f"{shown}\n" == (GOLDEN / "table.txt").read_text(encoding="utf-8")


def test_the_numbers_are_those_of_tidy(two: dict[str, Fitted]) -> None:
    found = table(two, uncertainty="std_error", digits=4, conf_level=0.5).frame()
    intervals = table(two, digits=4, conf_level=0.5, hdi=True).frame()
    for name, fit in two.items():
        # A table goes group by group.
        expected = tidy(fit, conf_level=0.5, hdi=True).sort_values("group", kind="stable")
        expected = pd.concat(
            [expected[expected["effect"] != "family"], expected[expected["effect"] == "family"]]
        )
        rows = found.index[found["row"].ne("") & found["block"].ne("")]
        filled = [i for i in rows if found[name][i]]
        assert [found[name][i] for i in filled] == [f"{v:.4f}" for v in expected["estimate"]]
        errors = [found[name][i + 1] for i in filled]
        assert errors == [f"({v:.4f})" for v in expected["std_error"]]
        ends = zip(expected["conf_low"], expected["conf_high"], strict=True)
        assert [intervals[name][i + 1] for i in filled] == [f"[{a:.4f}, {b:.4f}]" for a, b in ends]


def test_rows_of_later_models_stand_where_they_belong(two: dict[str, Fitted]) -> None:
    shown = table(two, uncertainty="none").frame()
    assert [(b, r) for b, r in zip(shown["block"], shown["row"], strict=True) if b] == [
        ("Common effects", "Intercept"), ("Common effects", "x"), ("Common effects", "z"),
        ("Effects of school", "sd(Intercept)"), ("Effects of school", "sd(x)"),
        ("Effects of school", "cor(Intercept, x)"), ("Effects of year", "sd(Intercept)"),
        ("Family", "sigma"),
    ]  # fmt: skip
    foot = shown[shown["block"] == ""].set_index("row")
    assert foot.loc["Levels of year"].tolist()[1:] == ["", "2"]
    assert foot.loc["Distribution"].tolist()[1:] == ["gaussian (identity)"] * 2


def test_other_names_and_rows_left_out(two: dict[str, Fitted]) -> None:
    labels = {"x": "Slope", "sd(Intercept)": "Between schools", "z": None, "sigma": None}
    rows = table(two, uncertainty="none", labels=labels).frame()["row"].tolist()
    assert rows[:6] == [
        "Intercept", "Slope", "Between schools", "sd(Slope)", "cor(Intercept, Slope)",
        "Between schools",
    ]  # fmt: skip
    assert "sigma" not in rows


def test_ratios_are_means_of_exponentiated_draws(two: dict[str, Fitted]) -> None:
    shown = table(two["small"], exponentiate=True, beside=True, digits=6, uncertainty="std_error")
    b = np.exp(two["small"].draws["b"].values.reshape(-1, 2))
    cells = [f"{m:.6f} ({s:.6f})" for m, s in zip(b.mean(0), b.std(0, ddof=1), strict=True)]
    assert shown.frame()["(1)"].tolist()[:2] == cells
    assert "exponentiated" in shown.notes[0]


def texts(shown: ModelTable, format: str) -> list[list[str]]:
    """Read a table back, by other programs where there are such: labels and cells, no rules."""
    if format in ("html", "markdown"):
        page = shown.to(format)
        if format == "markdown":
            page = MarkdownIt("commonmark").enable("table").render(page)
        rows = re.findall(r"<tr[ >].*?</tr>", page, re.S)
        cells = [re.findall(r"<t[hd].*?</t[hd]>", row, re.S) for row in rows]
        return [["".join(Page(c).words).strip() for c in row] for row in cells]
    lines = [line for line in shown.to("latex").splitlines() if line.endswith(r" \\")]
    return [[_read_latex(c).strip() for c in re.split(r"(?<!\\)&", line[:-3])] for line in lines]


def _read_latex(cell: str) -> str:
    text = re.sub(r"^\\multicolumn\{\d+\}\{l\}\{\\emph\{(.*)\}\}$", r"\1", cell.strip())
    text = text.removeprefix(r"\quad ").replace("$-$", "-")
    names = {"backslash": "\\", "asciicircum": "^", "asciitilde": "~", "less": "<", "bar": "|",
             "greater": ">", "asciigrave": "`"}  # fmt: skip
    return re.sub(r"\\text([a-z]+)\{\}|\\(.)", lambda m: names.get(m[1], m[2] or ""), text)


@pytest.mark.parametrize("label", ["x", *LABELS.values()], ids=["x", *LABELS])
@pytest.mark.parametrize("format", ["html", "markdown", "latex"])
def test_every_format_says_the_same_whatever_the_labels(label: str, format: str) -> None:
    fit = made(terms=("Intercept", label), group=f"g {label}", draws=20)
    shown = table({f"M {label}": fit})
    found = texts(shown, format)
    assert next(row[1] for row in found if len(row) == 2) == printable(f"M {label}")
    expected = [
        [
            printable(row).strip(),
            cell.replace("-", "−") if format == "html" and cell[:1] in "-[" else cell,
        ]
        for row, cell in zip(*(shown.frame().iloc[:, k] for k in (1, 2)), strict=True)
    ]
    headings = {printable(title) for title in shown.frame()["block"]}
    lines = [row[:2] for row in found[1:] if row[0] not in headings or (len(row) > 1 and row[1])]
    assert [[c.strip() for c in line] for line in lines] == [
        [c.strip() for c in e] for e in expected
    ]


def test_hostile_labels_change_no_tag() -> None:
    def structure(label: str) -> list[object]:
        return Page(table(made(terms=("Intercept", label), draws=20)).to("html")).structure

    tame = structure("x")
    for label in LABELS.values():
        assert structure(label) == tame


def test_text_fits_and_aligns() -> None:
    long = made(terms=("Intercept", "学校の番号が長い説明変数です", "x" * 70), draws=20)
    lines = str(table(long)).splitlines()
    assert max(map(width, lines)) <= 80


@pytest.mark.parametrize("ending", [".txt", ".md", ".html", ".tex"])
def test_files_have_the_format_of_their_ending(
    ending: str, two: dict[str, Fitted], tmp_path: Path
) -> None:
    shown = table(two)
    names = {".txt": "text", ".md": "markdown", ".html": "html", ".tex": "latex"}
    written = shown.save(tmp_path / f"table{ending}").read_text(encoding="utf-8")
    assert shown.to(names[ending]) in written


def test_a_word_document(two: dict[str, Fitted], tmp_path: Path) -> None:
    shown = table(two, title="Scores <b>", labels={"z": "z & <w>"})
    document = Document(str(shown.save(tmp_path / "table.docx")))
    (read,) = document.tables
    rows = [[cell.text.strip() for cell in row.cells] for row in read.rows]
    lines = [row for row in rows[1:] if any(row[1:])]
    expected = [
        [row, *(cell.replace("-", "−") for cell in cells)]
        for row, *cells in shown.frame().drop(columns="block").itertuples(index=False)
    ]
    assert rows[0] == ["", "small", "wide"]
    assert lines == expected
    said = [p.text for p in document.paragraphs]
    assert (said[0], said[-1]) == ("Scores <b>", shown.notes[0])


def test_a_word_document_needs_its_extra(
    two: dict[str, Fitted], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "docx", None)
    with pytest.raises(FileError, match=r"pip install 'hierglm\[docx\]'"):
        table(two).save(tmp_path / "table.docx")
    assert list(tmp_path.iterdir()) == []


def test_errors(two: dict[str, Fitted], tmp_path: Path) -> None:
    fit = two["small"]
    for call, said in (
        (lambda: table(), "at least one fit"),
        (lambda: table({"a": 3}), "'a' is a int"),  # type: ignore[dict-item]
        (lambda: table(fit, uncertainty="intervals"), "did you mean 'interval'"),  # type: ignore[call-overload]
        (lambda: table(fit, statistics="loic"), "did you mean 'looic'"),
        (lambda: table(fit, format="latx"), "did you mean 'latex'"),  # type: ignore[call-overload]
        (lambda: table(fit, format="docx"), r"\.save\('table\.docx'\)"),  # type: ignore[call-overload]
    ):
        with pytest.raises(SettingsError, match=said):
            call()
    with pytest.raises(FileError, match=r"\.txt, \.md, \.html, \.tex, \.docx"):
        table(fit).save(tmp_path / "table.xlsx")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def schools() -> hg.Fit:
    data = hg.datasets.eight_schools()
    return hg.fit("y | se(se) ~ 1", data, seed=1, chains=2, draws=200)


def test_statistics_are_those_of_the_fit(schools: hg.Fit) -> None:
    shown = hg.table(schools, statistics=("r2", "elpd", "looic", "waic"))
    foot = dict(zip(shown.frame()["row"], shown.frame()["(1)"], strict=True))
    loo, waic, r2 = schools.loo(), schools.waic(), schools.r2()
    assert foot["ELPD (LOO)"] == f"{loo.elpd:.1f} ({loo.se:.1f})"
    assert foot["LOOIC"] == f"{-2 * loo.elpd:.1f} ({2 * loo.se:.1f})"
    assert foot["WAIC"] == f"{waic.ic:.1f} ({2 * waic.se:.1f})"
    bayesian = r2[r2["r2"] == "bayesian"].set_index("part")["estimate"]
    assert foot["R² conditional"] == f"{bayesian['conditional']:.2f}"
    assert schools.table("latex", digits=1) == hg.table(schools, digits=1).to("latex")


def test_fits_that_are_not_to_be_trusted_are_named(two: dict[str, Fitted]) -> None:
    draws = two["small"].draws
    b = draws["b"].values + np.arange(4)[:, None, None]
    variables = {**draws.variables, "b": replace(draws["b"], values=b)}
    stuck = replace(two["small"], draws=replace(draws, variables=variables))
    notes = table({"good": two["small"], "bad": stuck}).notes
    found = [note for note in notes if note.startswith(("good", "bad"))]
    assert found == [f"bad: {finding.what}." for finding in check(stuck)]
    assert found[0].startswith("bad: R-hat is above 1.01 for 2 of ")


def numbers(shown: ModelTable, name: str, row: str) -> tuple[float, float]:
    """Return the estimate of a row, and what stands below it."""
    frame = shown.frame()
    at = frame.index[frame["row"] == row][0]
    return float(frame[name][at]), float(frame[name][at + 1].strip("()"))


def test_completed_data_sets_have_rubins_errors() -> None:
    fits = {str(k): made(seed=k) for k in (1, 2, 3)}
    shown = table({"pooled": mix(fits), "one": fits["1"]}, uncertainty="std_error", digits=6)
    b = np.stack([f.draws["b"].values[..., 1].ravel() for f in fits.values()])
    for values, given in ((b, shown), (np.exp(b), None)):
        found = given or table(
            {"pooled": mix(fits)}, uncertainty="std_error", digits=6, exponentiate=True
        )
        # Rubin (1987), 3.1.5: within, and between with 1 + 1/m.
        total = values.var(axis=1, ddof=1).mean() + (4 / 3) * values.mean(axis=1).var(ddof=1)
        estimate, error = numbers(found, "pooled", "x")
        assert estimate == pytest.approx(values.mean(), abs=1e-6)
        assert error == pytest.approx(np.sqrt(total), abs=1e-6)
    assert "pooled: over 3 completed data sets; errors by Rubin's rules." in shown.notes
    foot = shown.frame().set_index("row")
    assert foot.loc["Levels of school", "pooled"] == "3"


def test_penalised_fits() -> None:
    radon = hg.datasets.radon()
    approx = hg.fit("log_radon ~ floor_measure + (1 | county_idx)", radon, method="approx")
    options = {"uncertainty": "std_error", "digits": 6}
    shown = hg.table({"approx": approx}, **options)
    for effect, row in (("fixed", "floor_measure"), ("ran_sd", "sd(Intercept)")):
        expected = approx.tidy(effect).iloc[-1]
        found = numbers(shown, "approx", row)
        assert found == pytest.approx((expected["estimate"], expected["std_error"]), abs=1e-6)
    odds = numbers(
        hg.table({"approx": approx}, exponentiate=True, **options), "approx", "floor_measure"
    )
    b = approx.fixef().set_index("term").loc["floor_measure"]
    law = lognorm(b["std_error"], scale=np.exp(b["estimate"]))
    assert odds == pytest.approx((law.mean(), law.std()), abs=1e-6)
    foot = dict(zip(shown.frame()["row"], shown.frame()["approx"], strict=True))
    assert foot["Rows"] == "919"
    assert foot["Levels of county_idx"] == "85"
    assert shown.notes[-1] == "approx: a penalised fit with normal intervals, no posterior."
    with pytest.raises(SettingsError, match="'r2' is of fits, and 'approx' is a Approximation"):
        hg.table({"approx": approx}, statistics="r2")
    with pytest.raises(SettingsError, match="an approximation has no draws"):
        hg.table({"approx": approx}, hdi=True)


def test_a_word_document_shares_the_width_by_what_columns_hold(tmp_path: Path) -> None:
    fit = made(terms=("Intercept", "a very long name of a column"), varying=("Intercept",))
    document = Document(str(table(fit, fit).save(tmp_path / "table.docx")))
    (read,) = document.tables
    widths = [column.width for column in read.columns]
    section = document.sections[0]
    room = section.page_width - section.left_margin - section.right_margin
    assert sum(widths) == pytest.approx(room, abs=3 * 635)  # twips
    assert widths[0] > widths[1] == widths[2]
    spaces = {p.paragraph_format.space_after for c in read._cells for p in c.paragraphs}
    assert spaces == {0}
