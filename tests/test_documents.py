"""The README and the vignettes: every Python block runs, in order, as a reader would type it."""

import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
COMPILED = ROOT / "vignettes" / "marginalisation.md"
"""Some of its blocks need a compiler."""
PHRASES = ROOT / "vignettes" / "phrase_book.md"
RUN = {
    path
    for path in (ROOT / "README.md", *(ROOT / "vignettes").glob("*.md"))
    if "\n```python\n" in path.read_text(encoding="utf-8")
} - {COMPILED, PHRASES}
QUICK = {"README.md", "cite.md", "first_fit.md", "few_shot.md", "predictions.md"}
"""The others are run before a release, and whenever the site is built."""
DOCUMENTS = [
    pytest.param(path, marks=() if path.name in QUICK else pytest.mark.slow, id=path.name)
    for path in sorted(RUN)
]


def run(document):
    """Run a document's blocks and return their names."""
    blocks = re.findall(r"^```python\n(.*?)^```", document.read_text(encoding="utf-8"), re.S | re.M)
    assert blocks
    names: dict[str, object] = {"__name__": document.stem}
    for block in blocks:
        exec(compile(block, document.name, "exec"), names)
    return names


@pytest.mark.parametrize("document", DOCUMENTS)
def test_code_blocks_run(document, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = run(document)
    printed = capsys.readouterr().out
    if document.name == "first_fit.md":
        assert "log_radon ~" in printed
        low, high = map(float, re.search(r"\((-\d\.\d\d) to (-\d\.\d\d)\)", printed).groups())
        assert low < -0.65 < high
    if document.name == "few_shot.md":
        curve = names["curve"]
        assert (abs(curve["adapted"] - curve["new fit"]) < 0.005).all()
        assert (curve["adapted"] < curve["no pooling"]).all()
        assert (curve["khat"] < 0.5).all()
        assert "above 0.70. Fit again with all rows." in printed
    if document.name == "predictions.md":
        # One home is known less well than the mean of such homes, and an unknown county less well
        # than one in the middle; the effect is that of the summary in the README.
        asked = {name: table["std_error"].mean() for name, table in names["asked"].items()}
        assert asked["county 70"] < asked["any county"]
        assert asked["middle of the counties"] < asked["any county"]
        means = names["fit"].predict(names["homes"])
        assert (means["std_error"] < asked["county 70"] / 5).all()
        assert float(means["estimate"].diff().iloc[1]) == pytest.approx(-0.663, abs=0.01)
    if document.name == "plan.md":
        assert names["together"]["difference / error"].abs().max() < 4
    if document.name == "priors.md":
        careful = names["careful"].priors().set_index("parameter")["prior"]
        assert careful["b[floor_measure]"] == "normal(-0.5, 0.25)"
    if document.name == "diagnostics.md":
        assert not names["bad"].healthy
        assert names["better"].healthy
        assert names["fit"].healthy


def ours(text):
    """Return the calls of the phrase book's middle column."""
    for line in text.splitlines():
        cells = re.split(r"(?<!\\)\|", line.strip("|"))
        if len(cells) == 3 and cells[1].strip().startswith("`"):
            yield cells[1].strip().strip("`").replace(r"\|", "|")


def test_calls_of_the_phrase_book_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = run(PHRASES)
    calls = list(ours(PHRASES.read_text(encoding="utf-8")))
    assert len(calls) > 40
    for call in calls:
        exec(compile(call, call, "exec"), names)
    assert names["fit"].formula == names["formula"]


@pytest.mark.slow
@pytest.mark.cmdstan
def test_three_ways_to_integrate_effects_out(toolchain, tmp_path, monkeypatch):
    # hg.fit finds the toolchain in the cache folder, where the fixture has put it.
    monkeypatch.chdir(tmp_path)
    names = run(COMPILED)
    table = names["table"].set_index(["way", "parameter"])
    exact, columns = table.loc["quadrature"], ["mean", "sd"]
    for way in ("integrated", "HMC"):
        fit, _ = names["fits"][way]
        ess = fit.tidy(effects=["ran_sd", "family"])["ess_bulk"].to_numpy()
        # Five standard errors of a mean, and of an sd under tails no heavier than a normal's.
        bound = 5 * exact["sd"].to_numpy() / np.sqrt(ess)
        gap = (table.loc[way, columns] - exact[columns]).abs().to_numpy()
        assert (gap < bound[:, None]).all()
    for way in ("fullrank", "meanfield", "laplace"):
        fit, _ = names["fits"][way]
        assert float(fit.elbo) < names["evidence"] + 4 * fit.elbo.error
        assert fit.khat > 0.7
    # No normal distribution has the shape of a posterior that reaches down to no sd at all.
    sd = table.xs("sd(floor_measure)", level="parameter")["sd"]
    assert sd["meanfield"] < sd["fullrank"] < 0.8 * sd["quadrature"]
    bounds = {way: float(fit.elbo) for way, (fit, _) in names["fits"].items() if fit.elbo}
    assert bounds["laplace"] < names["evidence"] - 100
    assert min(bounds["fullrank"], bounds["meanfield"]) > names["evidence"] - 8
    assert len(names["figure"].axes) == 2


def test_the_readme_has_the_two_commands():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "\npip install . && hierglm demo\n" in text
    assert '\npip install ".[test]" && pytest\n' in text


def test_the_summary_in_the_readme_is_what_the_code_prints(capsys):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    code = re.search(r"^```python\n(.*?)^```", text, re.S | re.M)
    shown = re.search(r"^```text\n(.*?)^```", text, re.S | re.M)
    assert code
    assert shown
    exec(compile(code[1], "README.md", "exec"), {})
    # Time and versions are those of the machine that runs this. Another build of LAPACK rounds
    # the crossproducts differently in the last bit, and chains then part: words must be
    # equal, and estimates within five Monte Carlo standard errors of some 3,000 draws.
    printed, expected = (
        [line.split() for line in lines.splitlines() if not line.startswith("embedded")]
        for lines in (capsys.readouterr().out, shown[1])
    )
    number = re.compile(r"-?\d[\d.,]*")
    for ours, theirs in zip(printed, expected, strict=True):
        assert [number.sub("#", w) for w in ours] == [number.sub("#", w) for w in theirs]
        if len(theirs) == 8 and number.fullmatch(theirs[1]):
            estimate, std_error = float(theirs[1]), float(theirs[2])
            assert float(ours[1]) == pytest.approx(estimate, abs=5 * std_error / 3000**0.5 + 0.001)
            assert float(ours[2]) == pytest.approx(std_error, rel=0.1)
