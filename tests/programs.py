"""Programs of the system that some tests start by themselves."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest


def program(name: str, package: str) -> Path:
    """One of them. Where it is missing the test is skipped, in CI it fails."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        missing = f"{name} is not there: apt-get install {package}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    return Path(found)
