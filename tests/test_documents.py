"""The README and the vignettes: every Python block runs, in order, as a reader would type it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "vignettes").glob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_code_blocks_run(document, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", document.read_text(encoding="utf-8"), re.S | re.M)
    assert blocks
    names: dict[str, object] = {"__name__": document.stem}
    for block in blocks:
        exec(compile(block, document.name, "exec"), names)
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
