"""`python -m botmon_cog`, and the console script `botmon`."""

from __future__ import annotations

import sys

from botmon_cog.cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
