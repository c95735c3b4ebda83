"""What the fake CmdStan's makefile runs: checks the program by stanli, then makes a fake."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


def main(source: Path, target: Path) -> None:
    sys.path.insert(0, str(Path(__file__).parents[2]))
    import stanli

    from tests.engines.fake_cmdstan import make_executable

    try:
        stanli.stan_to_mir(source.read_text())
    except RuntimeError as error:
        sys.exit(str(error).replace("'string'", f"'{source.name}'"))
    # The source may lie in a folder for temporary files.
    kept = target.with_suffix(".kept.stan")
    shutil.copy(source, kept)
    # The folder will be renamed, so the script looks beside itself.
    make_executable(target, f'$(dirname "$0")/{kept.name}')


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
