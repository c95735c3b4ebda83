"""A whole report for every family and structure: nothing is left out of any of them."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

import hierglm as hg
from hierglm.criticising.prior_draws import prior_fitted
from hierglm.plots import picture
from hierglm.reporting.document import Paragraph, Picture, Table
from hierglm.reporting.page import set_page
from hierglm.reporting.report import document
from tests.reporting.test_mathematics import CHILDREN, DATA, FAMILIES, GIVEN, STRUCTURES
from tests.reporting.test_page import Report

MODELS = [
    *FAMILIES,
    ("mood ~ x + (1 | g)", "categorical"),
    *((f"y ~ 1 + {term}", "gaussian") for term in STRUCTURES),
]
SECTIONS = [
    "diagnostics", "model", "data", "priors", "estimates", "checks", "computation", "methods",
    "session", "reproduce",
]  # fmt: skip


@pytest.mark.slow
# Draws from wide priors have means beyond all numbers.
@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.parametrize(("formula", "family"), MODELS, ids=" ".join)
def test_nothing_is_left_out(formula: str, family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = (b"png", {"width": 700, "height": 100})
    monkeypatch.setattr(picture.Picture, "_repr_png_", lambda self: drawn)
    model = hg.model(formula, DATA, family, data2=GIVEN).model
    found = document(prior_fitted(model, 40, 1))
    assert [s.name for s in found.sections] == SECTIONS
    blocks = {s.name: s.blocks for s in found.sections}
    missing = [b.text for s in blocks.values() for b in s if isinstance(b, Paragraph)]
    assert not [text for text in missing if text.startswith("No picture")]
    pictures = {name: sum(isinstance(b, Picture) for b in s) for name, s in blocks.items()}
    factors = len({g.group for g in model.groups})
    assert pictures == dict.fromkeys(SECTIONS, 0) | {
        "diagnostics": 1, "priors": 1, "checks": 1, "estimates": 1 + factors,
    }  # fmt: skip
    # Every parameter with a prior is in the table of priors, in the user's words.
    (priors, *_) = (b for b in blocks["priors"] if isinstance(b, Table))
    assert list(priors.grids[0].columns[0]) == [a.slot.name for a in model.priors]
    page = set_page(found)
    assert len(Report(page).words) > 100
    for formula_ in re.findall(r"<math.*?</math>", page, re.S):
        for element in ElementTree.fromstring(formula_).iter():
            assert len(element) == CHILDREN.get(element.tag, len(element))
