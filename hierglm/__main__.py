"""Run the shell as ``python -m hierglm``."""

import sys

from hierglm.cli import main

sys.exit(main())
