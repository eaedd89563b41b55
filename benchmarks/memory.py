"""How much memory botmon_cog takes, and whether that grows: `python benchmarks/memory.py`.

The bot and its commands are those of `overhead.py`, back to back, with what waits written after every 1,000 of them.
The resident memory of the process is read after a garbage collection and after giving what the allocator keeps back to
the system (`malloc_trim`, glibc); the last column has it as it was before both.

  loaded     the extension is loaded and its database open; no command was run
  more than  the difference to the bare bot of the same round

The variants take turns, each in a process of its own; figures are medians. Then the bare bot and botmon_cog on SQLite
run a million commands, once; the run fails unless there is a row for each of them. It takes about eight minutes, nearly
all of that for the million; `--commands 200000` does with a fifth.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import _servers
from _processes import ChildFailedError, run_child, tell
from _rounds import take_turns
from _servers import Server, database
from _table import aligned, machine
from _variants import BARE, BOTMON, BOTMON_POSTGRES, ON_POSTGRES, TITLES, missing

_LOADED_AIM_MB, _GROWTH_AIM_MB = 10, 1
_EARLIER = 100_000


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="of loading (default: 5)")
    parser.add_argument("--commands", type=int, default=1_000_000, help="in the long run (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there, too")
    return parser.parse_args()


def _measure(variant: str, points: list[int], server: Server | None) -> Any:
    with database(server if variant in ON_POSTGRES else None) as env:
        return run_child("_memory.py", variant, ",".join(map(str, points)), env=env)


def _loaded_table(figures: dict[str, list[Any]]) -> list[list[str]]:
    rows = [["loaded", "MB", "more than bare", "as it was"]]
    for variant, found in figures.items():
        more = statistics.median(
            own[0]["rss_mb"] - bare[0]["rss_mb"] for own, bare in zip(found, figures[BARE], strict=True)
        )
        mb, as_it_was = (statistics.median(own[0][key] for own in found) for key in ("rss_mb", "as_it_is_mb"))
        rows.append([TITLES[variant], f"{mb:.1f}", f"{more:.1f}", f"{as_it_was:.1f}"])
    return rows


def _long_table(figures: dict[str, Any], points: list[int]) -> list[list[str]]:
    rows = [["after commands", *(f"{point:,}" for point in points), "grown by, MB", "as it was at the end"]]
    for variant, found in figures.items():
        grown = found[-1]["rss_mb"] - found[0]["rss_mb"]
        cells = [f"{at['rss_mb']:.1f}" for at in found]
        rows.append([TITLES[variant], *cells, f"{grown:.1f}", f"{found[-1]['as_it_is_mb']:.1f}"])
    return rows


def _run(arguments: argparse.Namespace) -> dict[str, Any]:
    earlier = min(_EARLIER, arguments.commands // 10)
    points = [earlier, arguments.commands // 2, arguments.commands]
    absent = missing(BOTMON_POSTGRES)
    variants = [BARE, BOTMON] if absent else [BARE, BOTMON, BOTMON_POSTGRES]
    with ExitStack() as stack:
        server = None if absent else stack.enter_context(_servers.postgres())
        loaded = take_turns(variants, arguments.rounds, lambda variant: _measure(variant, [0], server))
    print(f"{machine()}\nmedians of {arguments.rounds} rounds; aim: at most {_LOADED_AIM_MB} MB more than bare\n")
    print(aligned(_loaded_table(loaded)))
    if absent:
        print(f"{TITLES[BOTMON_POSTGRES]}: {absent}")
    long: dict[str, Any] = {}
    for variant in (BARE, BOTMON):
        tell(f"{arguments.commands:,} commands: {variant}")
        long[variant] = _measure(variant, points, None)
    print(f"\none run each; aim: at most {_GROWTH_AIM_MB} MB more growth than the bare bot's\n")
    print(aligned(_long_table(long, points)))
    return {"loaded": loaded, "points": points, "long": long}


def main() -> int:
    arguments = _arguments()
    try:
        found = _run(arguments)
    except ChildFailedError as error:
        tell(f"failed: {error}")
        return 1
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine()} | found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
