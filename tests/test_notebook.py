"""In a real notebook kernel: what a cell shows, the progress bar, pictures, a thread."""

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

FIT = """
import hierglm as hg
formula = "log_radon ~ floor_measure + (1 | county_idx)"
fit = hg.fit(formula, hg.datasets.radon(), seed=1, chains=2, warmup=200, draws=200)
fit
"""
THREAD = """
from concurrent.futures import ThreadPoolExecutor
settings = dict(seed=1, chains=2, warmup=200, draws=200, progress=False)
with ThreadPoolExecutor(2) as pool:
    fits = list(pool.map(lambda _: hg.fit(formula, hg.datasets.radon(), **settings), range(2)))
print([f.tidy().equals(fit.tidy()) for f in fits])
"""


# Jupyter's own machinery warns of its own accord; that is not ours to fail on.
@pytest.mark.filterwarnings("default")
def test_cells_show_what_a_reader_expects():
    cells = [FIT, "fit.plot.intervals()", THREAD, "hg.model(formula, hg.datasets.radon())"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    here = {"metadata": {"path": str(Path(__file__).resolve().parents[1])}}
    client = nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", resources=here)
    client.execute()
    fit, picture, thread, model = (cell["outputs"] for cell in notebook["cells"])
    (shown,) = [o for o in fit if o["output_type"] == "execute_result"]
    assert "<table" in shown["data"]["text/html"]
    assert "<script" not in shown["data"]["text/html"]
    assert "floor_measure" in shown["data"]["text/plain"]
    bar = "".join(o["text"] for o in fit if o["output_type"] == "stream")
    assert "2 chains: warmup" in bar
    assert "image/png" in picture[-1]["data"]
    assert thread[-1]["text"].strip() == "[True, True]"
    assert "not fitted yet" in model[-1]["data"]["text/plain"]
