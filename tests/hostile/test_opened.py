"""What an opened file says is shown, and never compiled or run."""

from __future__ import annotations

import json
from pathlib import Path

import hierglm as hg
from hierglm.results.archive import read_archive, write_archive

HOSTILE = 'functions {\n#include "/etc/passwd"\n}\nmodel {\n  reject("run");\n}\n'


def test_the_program_of_a_file_is_not_what_is_fitted_again(tmp_path: Path) -> None:
    data = {"y": [1.0, 2.5, 2.0, 4.5, 3.0, 5.5, 4.0, 7.0], "x": list(range(8))}
    fit = hg.fit(
        "y ~ x", data, engine="embedded", chains=1, warmup=100, draws=50, seed=1, progress=False
    )
    path = fit.save(tmp_path / "fit.hglm")
    members = read_archive(path)
    said = json.loads(members["fit.json"])
    program = next(value for key, value in said["fit"]["map"] if key == "program")
    program["fields"] |= {"code": HOSTILE, "bare": HOSTILE}
    members["fit.json"] = json.dumps(said).encode()
    write_archive(path, list(members.items()))

    opened = hg.load(path)
    assert opened.stan_code == HOSTILE
    again = opened.refit(seed=2, progress=False)
    assert again.stan_code == fit.stan_code
    same = opened.refit(seed=1, progress=False)
    assert same.tidy().equals(fit.tidy())
