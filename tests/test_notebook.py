"""In a real notebook kernel: what cells show, the progress bar, completion, pictures, threads."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest

import hierglm as hg
from hierglm.posterior.pictures import Plots
from tests.showing.hostile import Page

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

START = """
import hierglm as hg
radon = hg.datasets.radon()
formula = "log_radon ~ floor_measure + (1 | county_idx)"
settings = dict(seed=1, chains=2, warmup=200, draws=200)
"""
FIT = """
fit = hg.fit(formula, radon, **settings)
fit
"""
THINGS = """
from IPython.display import display
model = hg.model(formula, radon)
common = hg.fit("log_radon ~ floor_measure", radon, **settings, progress=False)
imputed = hg.fit_many("log_radon ~ log_uppm", [radon, radon], **settings, progress=False)
things = dict(
    model=model, plan=fit.plan, check=fit.check(), loo=fit.loo(), approx=fit.approx,
    comparison=hg.compare({"common": common, "<script>": fit}),
    table=hg.table(common, fit, title="<script>"), fits=imputed, imputed=imputed.pooled(),
    adapted=fit.adapt(radon.head(3).assign(county_idx=86)),
    recovery=model.recover({"b[floor_measure]": -0.5}, n=2, method="approx", seed=1),
)
for thing in things.values():
    display(thing)
print(list(things))
"""
THREADS = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(2) as pool:
    fits = list(pool.map(lambda _: hg.fit(formula, radon, **settings), range(2)))
print([f.tidy().equals(fit.tidy()) for f in fits])
"""
COMPLETE = """
kernel = get_ipython().kernel
draws = fit.posterior
codes = ['hg.ta', 'hg.prior.no', 'fit.tab', 'fit.plot.int', 'fit["s', 'fit["sd[c',
         'fit["sd[county_idx:', 'fit["r[county_idx:84', 'fit.draws["s', 'draws["s', 'imputed["']
found = {code: kernel.do_complete(code, len(code))["matches"] for code in codes}
# A property is not evaluated by a key of the keyboard, unless the user has said so.
get_ipython().Completer.evaluation = "unsafe"
print(found | {'fit.posterior["s': kernel.do_complete('fit.posterior["s', 16)["matches"]})
"""
CELLS = (START, FIT, THINGS, "fit.plot.intervals()", THREADS, COMPLETE)


class Client(nbclient.NotebookClient):  # type: ignore[misc]
    """Runs a notebook, and keeps what the kernel says of outputs that are written over."""

    updates: list[dict[str, str]]

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        if msg["msg_type"] == "update_display_data":
            self.updates.append(msg["content"]["data"])
        return super().process_message(msg, cell, cell_index)


@pytest.fixture(scope="module")
def run() -> Client:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in CELLS])
    here = {"metadata": {"path": str(Path(__file__).resolve().parents[1])}}
    client = Client(notebook, timeout=120, kernel_name="python3", resources=here)
    client.updates = []
    client.execute()
    return client


# Jupyter's own machinery warns of its own accord; that is not ours to fail on.
pytestmark = pytest.mark.filterwarnings("default")


def outputs(run: Client, source: str) -> list[Any]:
    return run.nb["cells"][CELLS.index(source)]["outputs"]


def test_a_fit_and_its_bar(run: Client) -> None:
    bar, shown = outputs(run, FIT)
    # One output, written over and emptied at the end; nothing on stderr.
    assert bar["output_type"] == "display_data"
    assert bar["data"] == {"text/plain": "", "text/html": ""}
    said = " ".join(data["text/plain"] for data in run.updates)
    assert "2 chains: " in said
    assert any("<progress" in data["text/html"] for data in run.updates)
    assert shown["output_type"] == "execute_result"
    assert "floor_measure" in Page(shown["data"]["text/html"]).words
    assert "floor_measure" in shown["data"]["text/plain"]


def test_everything_has_a_page_and_a_text(run: Client) -> None:
    # The bar of the simulated data sets, emptied at the end.
    bar, *shown, last = outputs(run, THINGS)
    assert bar["data"] == {"text/plain": "", "text/html": ""}
    names = ast.literal_eval(last["text"])
    assert len(names) == len(shown)
    for name, output in zip(names, shown, strict=True):
        data = output["data"]
        assert {"text/plain", "text/html", "text/markdown"} <= set(data), name
        page = Page(data["text/html"])
        assert {"script", "style", "img", "link"}.isdisjoint(
            entry[0] for entry in page.structure if isinstance(entry, tuple)
        )
        assert "<hierglm" not in data["text/plain"]
    assert "<script>" in Page(shown[names.index("comparison")]["data"]["text/html"]).words
    assert "not fitted yet" in shown[0]["data"]["text/plain"]


def test_a_picture(run: Client) -> None:
    assert "image/png" in outputs(run, "fit.plot.intervals()")[-1]["data"]


def test_threads_of_a_notebook(run: Client) -> None:
    *bars, said = outputs(run, THREADS)
    assert said["text"].strip() == "[True, True]"
    # Two at a time have a bar each, one after the other the same.
    assert 1 <= len(bars) <= 2
    assert {bar["data"]["text/plain"] for bar in bars} == {""}


def test_names_are_completed(run: Client) -> None:
    (said,) = outputs(run, COMPLETE)
    found = ast.literal_eval(said["text"])
    # What a front end puts in place of the last word typed.
    assert found == {
        "hg.ta": ["table"],
        "hg.prior.no": ["normal"],
        "fit.tab": ["table"],
        "fit.plot.int": ["intervals"],
        'fit["s': ["sd[county_idx:Intercept]", "sigma"],
        'fit["sd[c': ["county_idx:Intercept]"],
        'fit["sd[county_idx:': ["Intercept]"],
        'fit["r[county_idx:84': ["84,Intercept]"],
        'fit.draws["s': ["sd_county_idx", "sigma"],
        'draws["s': ["sd_county_idx", "sigma"],
        'imputed["': ["1", "2"],
        'fit.posterior["s': ["sd_county_idx", "sigma"],
    }


@pytest.mark.parametrize("kind", [hg.Fit, Plots, hg.PreparedModel])
def test_what_a_question_mark_shows_names_every_argument(kind: type) -> None:
    for name, method in inspect.getmembers(kind, inspect.isfunction):
        if name.startswith("_"):
            continue
        signature = inspect.signature(method)
        loose = [p for p in signature.parameters.values() if p.kind is p.VAR_POSITIONAL]
        assert all(p.name != "args" for p in loose), name
        assert (inspect.getdoc(method) or "").split("\n")[0].endswith("."), name
