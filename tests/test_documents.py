"""The README and the vignettes: every Python block runs, in order, as a reader would type it."""

import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
COMPILED = ROOT / "vignettes" / "marginalisation.md"
"""Some of its blocks need a compiler."""
DOCUMENTS = {ROOT / "README.md", *(ROOT / "vignettes").glob("*.md")} - {COMPILED}


def run(document):
    """Run a document's blocks and return their names."""
    blocks = re.findall(r"^```python\n(.*?)^```", document.read_text(encoding="utf-8"), re.S | re.M)
    assert blocks
    names: dict[str, object] = {"__name__": document.stem}
    for block in blocks:
        exec(compile(block, document.name, "exec"), names)
    return names


@pytest.mark.parametrize("document", sorted(DOCUMENTS), ids=lambda p: p.name)
def test_code_blocks_run(document, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = run(document)
    printed = capsys.readouterr().out
    assert "log_radon ~" in printed
    if document.name == "first_fit.md":
        low, high = map(float, re.search(r"\((-\d\.\d\d) to (-\d\.\d\d)\)", printed).groups())
        assert low < -0.65 < high
    if document.name == "few_shot.md":
        curve = names["curve"]
        assert (abs(curve["adapted"] - curve["new fit"]) < 0.005).all()
        assert (curve["adapted"] < curve["no pooling"]).all()
        assert (curve["khat"] < 0.5).all()
        assert "above 0.70. Fit again with all rows." in printed
        assert (tmp_path / "few_shot.png").stat().st_size > 10_000


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
    assert (tmp_path / "marginalisation.png").stat().st_size > 10_000


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
