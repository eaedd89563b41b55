"""`python -m botmon_cog`, and the scripts `botmon` and `botmon-cog`."""

from __future__ import annotations

import sys
from typing import NoReturn

from botmon_cog.cli import quiet
from botmon_cog.cli.main import main

__all__ = ["main", "run_program"]


def run_program() -> NoReturn:
    """Run the command that the process was started with, and end the process with its exit code."""
    try:
        code = main()
        quiet.leave_at_once()  # what is left is Python's own end
    except KeyboardInterrupt:
        code = quiet.INTERRUPTED
    sys.exit(code)


if __name__ == "__main__":
    run_program()
