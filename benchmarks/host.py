"""How long a bot waits for its own database while botmon reads it and writes to it: `python benchmarks/host.py`.

The bot, a process of its own, reads and writes `audit_logs` and `bot_stats` as bots do that were written for the old
module: a connection per call, in journal mode `delete`. Its reader reads the newest rows of a server every 10 ms, its
writer commits a row and an UPSERT every 20 ms. Each of their calls is timed, from opening the connection to its end.

  alone          nobody else uses the file
  first reading  botmon reads the `--rows` old rows that are in it
  mirror         botmon mirrors `--rate` commands a second into it, observed and logged ones, and as many songs

The aim is that no call takes 100 ms longer than alone. A disk whose commits take long makes all of them long.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from _host import ALONE, FIRST_READING, MIRROR, build
from _processes import ChildFailedError, run_child, tell
from _table import aligned, machine

_TITLES = {ALONE: "alone", FIRST_READING: "first reading", MIRROR: "mirror"}
_AIM_MS = 100


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=400_000, help="old rows in the file (default: %(default)s)")
    parser.add_argument("--rate", type=int, default=50, help="mirrored rows a second (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=20.0, help="alone and of the mirror (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there, too")
    return parser.parse_args()


def _table(found: dict[str, Any]) -> str:
    rows = [["the bot's calls", "n", "reads: median ms", "99 %", "worst", "writes: median ms", "99 %", "worst"]]
    for situation, title in _TITLES.items():
        reads, writes = found[situation]["reads"], found[situation]["writes"]
        cells = [f"{own[key]:.1f}" for own in (reads, writes) for key in ("median_ms", "p99_ms", "worst_ms")]
        rows.append([title, f"{reads['n'] + writes['n']:,}", *cells])
    return aligned(rows)


def main() -> int:
    arguments = _arguments()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bot.db"
        tell(f"building {arguments.rows:,} rows")
        build(path, arguments.rows)
        try:
            for situation, title in _TITLES.items():
                tell(title)
                found[situation] = run_child("_host.py", situation, path, arguments.seconds, arguments.rate)
        except ChildFailedError as error:
            tell(f"failed: {error}")
            return 1
    reading, mirror = found[FIRST_READING], found[MIRROR]
    print(f"{machine()}\naim: no call takes {_AIM_MS} ms longer than alone\n\n{_table(found)}\n")
    print(f"read {reading['read']:,} rows in {reading['took_s']:.0f} s; mirrored {mirror['mirrored']:,} rows")
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine()} | found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
