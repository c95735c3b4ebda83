"""How the files of this folder were made: see README.md.

python record.py PATH/TO/prophet_model.bin
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent

DATA = {
    "T": 4,
    "K": 1,
    "t": [0.0, 0.3, 0.7, 1.0],
    "cap": [1.0, 1.0, 1.0, 1.0],
    "y": [0.4, 0.9, 1.1, 1.8],
    "S": 2,
    "t_change": [0.25, 0.5],
    "X": [[0.5], [-0.5], [0.25], [0.0]],
    "sigmas": [1.0],
    "tau": 0.5,
    "trend_indicator": 0,
    "s_a": [1.0],
    "s_m": [0.0],
}

RUNS = {
    "diag": "sig_figs=17 method=sample num_samples=20 num_warmup=100 num_chains=2",
    "dense": "method=sample num_samples=20 num_warmup=200 algorithm=hmc metric=dense_e",
    "unit": "method=sample num_samples=10 num_warmup=50 algorithm=hmc metric=unit_e",
    "thin": "sig_figs=9 method=sample num_samples=21 num_warmup=100 thin=4",
    "warmup": "method=sample num_samples=15 num_warmup=20 save_warmup=1 thin=2",
    "cold": "method=sample num_samples=10 num_warmup=0 adapt engaged=0",
}


def main(exe: str) -> None:
    data = HERE / "data.json"
    data.write_text(json.dumps(DATA))
    for name, text in RUNS.items():
        words = text.split()
        at = words.index("method=sample")
        output = ["data", "file=data.json", "output", f"file={name}.csv", *words[:at]]
        said = subprocess.run(
            [exe, "random", "seed=1", *output, *words[at:]],
            cwd=HERE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
        ).stdout
        if name == "diag":
            (HERE / "console.txt").write_text(said)
    data.unlink()


if __name__ == "__main__":
    main(sys.argv[1])
