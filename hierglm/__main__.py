"""The shell's door, as ``hierglm`` and as ``python -m hierglm``.

It is ready for Ctrl-C before it imports anything else, so that an interrupt in the first
moments ends as all others do: ``hierglm: stopped``, exit code 130.
"""

import signal
import sys


def main() -> int:
    """Run the shell with the arguments of the process and return its exit code."""
    early: list[int] = []
    # Where interrupts are ignored, as in the background of a script, they stay so.
    heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heeded:
        # An exception would come out of the imports as whatever they make of it.
        signal.signal(signal.SIGINT, lambda number, frame: early.append(number))
    from hierglm.cli import main as shell

    code = shell(early=early)
    if heeded:
        # All is said: what interrupts Python's own end may end it at once.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    return code


if __name__ == "__main__":
    sys.exit(main())
