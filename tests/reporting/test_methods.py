"""Sentences for a paper, their sources, comparisons, and the shell."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hierglm as hg
from hierglm.cli import main
from hierglm.criticising.prior_draws import prior_fitted
from hierglm.reporting.data_summary import category_columns, grouping_factors, numeric_columns
from hierglm.reporting.document import Document
from hierglm.reporting.markdown import set_document
from hierglm.reporting.methods import methods
from hierglm.reporting.references import REFERENCES, bibliography, cited
from tests.reporting.test_page import Report


def test_what_was_done_in_sentences(schools: hg.Fit) -> None:
    checked = schools.check()
    expected = [
        "We fitted a Bayesian multilevel model of y (Gaussian, identity link, 8 rows) with hierglm "
        f"{hg.__version__} (The hierglm founders).",
        "Intercepts varied over the 8 levels of school.",
        "Priors were weakly informative, with scales from the data (Gelman et al. 2008; Bürkner "
        "2017).",
        "The posterior was sampled by the No-U-Turn sampler of Stan in 4 chains of 300 warmup and "
        "500 kept iterations, with target acceptance 0.95 and seed 1 (Carpenter et al. 2017; "
        "Hoffman and Gelman 2014).",
        "Effects of school were integrated out exactly while sampling, and drawn from their "
        "distribution given all else afterwards.",
        f"Rank-normalised R-hat was at most {checked.rhat:.3f}, bulk and tail effective sample "
        f"sizes were at least {checked.ess:,.0f} (Vehtari et al. 2021).",
        "No transition diverged (Betancourt 2017).",
        "We report posterior means with 95% equal-tailed intervals.",
        "Posterior predictive checks compared the responses with replicated ones (Gabry et al. "
        "2019).",
    ]
    assert list(map(str, methods(schools))) == expected


def test_structures_and_families_in_sentences() -> None:
    r = np.random.default_rng(1)
    data = pd.DataFrame(
        {"count": r.poisson(2, 24), "x": r.normal(size=24), "g": np.arange(24) % 4,
         "h": np.arange(24) % 3}
    )  # fmt: skip
    priors = {"b": hg.prior.normal(0, 1), "sd[g]": hg.prior.exponential(1)}
    edges = pd.DataFrame({"one": [0, 1], "other": [1, 2]})
    model = hg.model(
        "count ~ x + (x | g) + graph(1 | h, edges=E, type='bym2')", data, "zero_inflated_poisson",
        priors=priors, data2={"E": edges},
    ).model  # fmt: skip
    said = list(map(str, methods(prior_fitted(model, 20, 1))))
    assert said[0] == (
        "We fitted a Bayesian multilevel model of count (zero-inflated Poisson, log link, 24 rows) "
        "with hierglm (The hierglm founders; Lambert 1992)."
    )
    assert said[1:5] == [
        "Intercepts and coefficients of x varied over the 4 levels of g, freely correlated.",
        "Intercepts varied over the 3 levels of h; levels followed a graph in part (BYM2) (Riebler "
        "et al. 2016).",
        "Priors were weakly informative, with scales from the data, but for b[x], sd[g:Intercept] "
        "and sd[g:x] (Gelman et al. 2008; Bürkner 2017).",
        "Correlation matrices had LKJ priors (Lewandowski et al. 2009).",
    ]


def test_sources_are_cited_once_in_order_and_as_bibtex(schools: hg.Fit) -> None:
    keys = cited(methods(schools))
    shorts = [REFERENCES[k].short for k in keys]
    assert shorts == sorted(shorts, key=str.casefold)
    assert len(set(keys)) == len(keys)
    entries = bibliography(keys)
    assert re.findall(r"^@\w+\{([^,]+),$", entries, re.M) == list(keys)
    assert REFERENCES["carpenter2017"].bibtex("carpenter2017") == (
        "@article{carpenter2017,\n"
        "  author = {Carpenter, B. and Gelman, A. and Hoffman, M. D. and Lee, D. and Goodrich, B. "
        "and Betancourt, M. and Brubaker, M. and Guo, J. and Li, P. and Riddell, A.},\n"
        "  year = {2017},\n"
        "  title = {{Stan: A probabilistic programming language}},\n"
        "  journal = {Journal of Statistical Software},\n"
        "  volume = {76},\n"
        "  number = {1},\n"
        "  pages = {1--32},\n"
        "  doi = {10.18637/jss.v076.i01}\n"
        "}"
    )
    assert REFERENCES["hoffman2014"].text == (
        "Hoffman M D, Gelman A (2014). The No-U-Turn sampler: Adaptively setting path lengths in "
        "Hamiltonian Monte Carlo. Journal of Machine Learning Research 15:1593-1623."
    )
    for reference in REFERENCES.values():
        assert reference.text.count("{") == 0
        assert reference.bibtex("k").count("{") == reference.bibtex("k").count("}")


def test_what_the_data_look_like() -> None:
    data = pd.DataFrame(
        {
            "won": [1, 2, 0, 3], "n": [3, 4, 5, 6], "x": [1.0, 2.0, 4.0, np.nan],
            "kind": ["b", "a", "a", "a"], "g": ["u", "v", "v", "v"],
        }
    )  # fmt: skip
    model = hg.model("won | trials(n) ~ x + kind + (1 | g)", data, "binomial").model
    numbers = numeric_columns(model)
    assert numbers.columns[0] == ("won", "trials of won", "n", "x")
    # The fourth row has no x, and is not used.
    assert [float(c[0]) for c in numbers.columns[1:]] == [1.0, 1.0, 0.0, 1.0, 2.0]
    assert [float(c[3]) for c in numbers.columns[1:]] == [2.33, 1.53, 1.0, 2.0, 4.0]
    (kinds,) = category_columns(model)
    assert [tuple(t.strip() for t in row) for row in kinds.rows] == [
        ("a", "2", "66.7%"), ("b", "1", "33.3%"),
    ]  # fmt: skip
    assert list(grouping_factors(model).rows) == [("g", "2", "1", "1.5", "2")]


def test_a_comparison_has_all_models_side_by_side(schools: hg.Fit, tmp_path: Path) -> None:
    common = schools.update("y | se(se) ~ 1")
    compared = hg.compare({"common": common, "schools": schools})
    text = compared.report(tmp_path / "models.html", "Two models").read_text()
    words = Report(text).words
    at = words.index("model")
    assert words[at : at + 8] == [
        "model", "elpd_diff", "se_diff", "elpd", "se", "p", "weight", "high_k",
    ]  # fmt: skip
    assert {words[at + 8], words[at + 16]} == {"common", "schools"}
    loo = schools.loo()
    assert f"{loo.elpd:.1f}" in [w.strip("\u2007") for w in words[at + 8 : at + 24]]
    # Each model's mathematics and script, one sentence on how they were compared.
    assert text.count('<mtext dir="auto">y</mtext><mi>i</mi></msub></mtd>') == 2
    assert text.count("# /// script") == 2
    assert text.count("Models were compared by their expected log predictive density") == 1
    assert text.count("<img ") == 3


def test_the_shell_writes_what_the_method_writes(
    schools: hg.Fit, report: Document, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved, out = schools.save(tmp_path / "fit.hglm"), tmp_path / "a.md"
    asked = ["--title", "Schools", "--question", "Does coaching help?"]
    assert main(["report", str(saved), "--out", str(out), *asked, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)["result"]
    assert result == {"file": str(out), "healthy": True}
    # The script in it reads the saved fit, or the file that is named.
    place = 'data = pd.read_csv("PUT THE PATH OF YOUR DATA HERE.csv")'
    head, marked, script = set_document(report).partition("# /// script")
    assert place in script
    assert out.read_text().startswith(head + marked)
    assert str(schools.reproduce(saved)) in out.read_text()
    assert main(["report", str(saved), "--out", str(out), *asked, "--data", "a.csv"]) == 0
    assert out.read_text() == head + marked + script.replace(place, 'data = pd.read_csv("a.csv")')
    assert main(["report", str(saved), "--out", str(tmp_path / "c.docx")]) == 2
    assert "the file types are .html, .md and .pdf" in capsys.readouterr().err
