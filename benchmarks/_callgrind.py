"""Instructions per slash command, by valgrind's callgrind: the same on any machine, whatever else it does."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from os import cpu_count
from pathlib import Path
from typing import NamedTuple

import _instructions
from _processes import ChildFailedError, child_environment, tell

from botmon_cog.store.rollup import LOT_ROWS

_FEW, _MANY = 500, 1_500
"""Commands of the two runs whose difference counts: what both take is starting and warming up."""
_TIMEOUT_S = 3_600
_TOTAL = re.compile(r"^summary: (\d+)", re.MULTILINE)


class Run(NamedTuple):
    """What `_instructions.py` is asked for."""

    variant: str
    commands: int
    batch: int
    is_rolled_up: bool


class Case(NamedTuple):
    """What is found by two runs.

    Attributes:
        batch: commands that are written at once; 0 if none is.
        is_rolled_up: whether all of them are, in the end.
        most: commands of the longer run.
    """

    title: str
    variant: str = _instructions.BOTMON
    batch: int = 0
    is_rolled_up: bool = False
    most: int = _MANY

    def run(self, n: int) -> Run:
        return Run(self.variant, n, self.batch, self.is_rolled_up)


CASES = (
    Case("bare", _instructions.BARE),
    Case("our part on the event loop, nothing written"),
    Case("and the log, 20 a batch", batch=20),
    Case("and the log, 20 a batch, and the roll-ups", batch=20, is_rolled_up=True),
    Case(f"the same, the roll-ups in lots of {LOT_ROWS:,}", batch=20, is_rolled_up=True, most=LOT_ROWS + _FEW),
    Case("and the log, 200 a batch", batch=200),
    Case("and the log, 200 a batch, and the roll-ups", batch=200, is_rolled_up=True),
)


def missing() -> str | None:
    """What is lacking, for people; None if nothing is."""
    return None if shutil.which("valgrind") else "left out, valgrind is not installed (apt install valgrind)"


def instructions_per_command(cases: Sequence[Case] = CASES) -> Mapping[Case, float]:
    """Instructions of the whole process, all threads, per command.

    Raises:
        ChildFailedError: a run failed, or left another number of rows than of commands.
    """
    runs = sorted({case.run(n) for case in cases for n in (_FEW, case.most)}, key=lambda run: -run.commands)
    with ThreadPoolExecutor(cpu_count()) as pool:
        counts = dict(zip(runs, pool.map(_counted, runs), strict=True))
    return {case: (counts[case.run(case.most)] - counts[case.run(_FEW)]) / (case.most - _FEW) for case in cases}


def _counted(run: Run) -> int:
    words = [run.variant, str(run.commands), str(run.batch), str(int(run.is_rolled_up))]
    tell(f"callgrind: {' '.join(words)}")
    with tempfile.TemporaryDirectory() as folder:
        counts = Path(folder) / "callgrind.out"
        valgrind = ["valgrind", "--tool=callgrind", "--instr-atstart=yes", f"--callgrind-out-file={counts}"]
        done = subprocess.run(
            [*valgrind, sys.executable, str(Path(_instructions.__file__).resolve()), *words],
            cwd=folder,
            env=child_environment() | {"PYTHONHASHSEED": "0"},
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        found = _TOTAL.search(counts.read_text(encoding="utf-8")) if counts.exists() else None
        if done.returncode or found is None:
            raise ChildFailedError(f"_instructions.py {' '.join(words)}: {done.stderr.strip()[-2000:]}")
        if run.batch:
            _check(run, Path(folder) / _instructions.DATABASE)
    return int(found[1])


def _check(run: Run, database: Path) -> None:
    """Raises ChildFailedError unless there is a row for each command, and each is rolled up if it should be."""
    with closing(sqlite3.connect(database)) as db:
        (rows,) = db.execute("SELECT COUNT(*) FROM invocations").fetchone()
        (rolled_up,) = db.execute("SELECT COALESCE(SUM(n), 0) FROM rollups WHERE scope = 0").fetchone()
    if (rows, rolled_up) != (run.commands, run.commands if run.is_rolled_up else 0):
        raise ChildFailedError(f"{run.commands} commands left {rows} rows, and {rolled_up} counted in the roll-ups")
