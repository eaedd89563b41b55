"""How many commands a second can be stored: `python benchmarks/ingest.py`.

botmon_cog: `recorder.record(event)` for each of them until all are committed and rolled up, through the writer's queue,
transactions of the given size. At the end there must be as many rows as events, and as many counted in the roll-ups.

The log alone: the same without the roll-ups.

The engine alone: the same rows, made beforehand, into the same table with the same index, transactions of the same
size: `sqlite3.executemany` (WAL, synchronous = NORMAL, as botmon_cog has it), and for PostgreSQL asyncpg's COPY, on a
local server with fsync.

The events: 500 servers, the k-th with 1/k of the first one's commands, 40 commands, 20 users a server, over 4 hours,
lognormal times; made before the clock starts, as is everything else but recording and writing. Each measurement is a
process of its own, and all take turns, round by round; figures are medians, a share the median of the shares of the
same round.

It takes about ten minutes. `--profile` shows instead in which functions botmon_cog spends the time at 1,000 (half a
minute).
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
from _ingest import BOTMON, ENGINE, LOG, POSTGRES, SQLITE
from _processes import ChildFailedError, run_child, tell
from _profile import profile_rows
from _rounds import take_turns
from _servers import Server, database
from _table import aligned, machine

_ROWS = {1: 5_000, 100: 50_000, 1_000: 200_000}
"""By rows per transaction."""
_TITLES = {SQLITE: "SQLite", POSTGRES: "PostgreSQL"}
_LIMITS = {SQLITE: "executemany", POSTGRES: "COPY"}
_AIM = 0.5

Key = tuple[str, int, str]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (default: 5)")
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of rows per run (default: 1)")
    parser.add_argument("--engines", default=f"{SQLITE},{POSTGRES}", help="which databases (default: both)")
    parser.add_argument("--profile", action="store_true", help="where botmon_cog spends the time, instead")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure of every round there, too")
    return parser.parse_args()


def _measure(key: Key, n: int, server: Server | None, *more: str) -> Any:
    engine, batch, path = key
    with database(server if engine == POSTGRES else None) as env:
        return run_child("_ingest.py", path, engine, batch, n, *more, env=env)


def _table(figures: dict[Key, list[dict[str, float]]]) -> list[list[str]]:
    rows = [
        [
            "rows/s",
            "rows per transaction",
            "the engine alone",
            "log alone",
            "share",
            "botmon_cog",
            "share",
            "CPU µs",
            "",
        ]
    ]
    for engine, batch in dict.fromkeys((engine, batch) for engine, batch, _ in figures):
        limit, log, ours = (figures[engine, batch, path] for path in (ENGINE, LOG, BOTMON))
        rows.append(
            [
                f"{_TITLES[engine]} (limit: {_LIMITS[engine]})",
                f"{batch:,}",
                _per_s(limit),
                _per_s(log),
                _share(log, limit),
                _per_s(ours),
                _share(ours, limit),
                f"{statistics.median(f['cpu_us'] for f in ours):.0f}",
                f"  aim: {_AIM:.0%}" if batch == max(_ROWS) else "",
            ]
        )
    return rows


def _per_s(found: list[dict[str, float]]) -> str:
    return f"{statistics.median(f['per_s'] for f in found):,.0f}"


def _share(found: list[dict[str, float]], limit: list[dict[str, float]]) -> str:
    return f"{statistics.median(a['per_s'] / b['per_s'] for a, b in zip(found, limit, strict=True)):.0%}"


def _figures(arguments: argparse.Namespace, engines: list[str], server: Server | None) -> dict[str, Any]:
    keys = [(engine, batch, path) for engine in engines for batch in _ROWS for path in (BOTMON, LOG, ENGINE)]
    figures = take_turns(
        keys,
        arguments.rounds,
        lambda key: _measure(key, int(_ROWS[key[1]] * arguments.scale), server),
        lambda key: f"{key[0]}, {key[1]} rows per transaction, {key[2]}",
    )
    print(f"medians of {arguments.rounds} rounds; botmon_cog: the log and all roll-ups; CPU: of botmon_cog, a row\n")
    print(aligned(_table(figures)))
    print("The CPU is that of botmon_cog's process; what a PostgreSQL server does in its own processes is not in it.")
    return {" ".join(map(str, key)): found for key, found in figures.items()}


def _profiles(arguments: argparse.Namespace, engines: list[str], server: Server | None) -> dict[str, Any]:
    batch = max(_ROWS)
    found: dict[str, Any] = {}
    for engine in engines:
        profile = _measure((engine, batch, BOTMON), int(_ROWS[batch] * arguments.scale), server, "--profile")
        found[engine] = profile
        print(f"\n{_TITLES[engine]}, {batch:,} rows per transaction, {profile['wall_us']:.0f} µs a row\n")
        print(aligned(profile_rows(profile["threads"], profile["looks"], profile["wall_us"]), texts=2))
    return found


def main() -> int:
    arguments = _arguments()
    engines = arguments.engines.split(",")
    if POSTGRES in engines and (lacking := _servers.missing()):
        tell(f"PostgreSQL: {lacking}")
        engines.remove(POSTGRES)
    show = _profiles if arguments.profile else _figures
    try:
        with ExitStack() as stack:
            server = stack.enter_context(_servers.postgres()) if POSTGRES in engines else None
            print(machine())
            found = show(arguments, engines, server)
    except ChildFailedError as error:
        tell(f"failed: {error}")
        return 1
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine()} | found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
