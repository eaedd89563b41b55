"""What a slash command costs, with and without botmon_cog: `python benchmarks/overhead.py`.

Times, exact counts, and stalls of the event loop, one after the other; `--only` picks one of them.

The path is discord.py's own, from `parse_interaction_create(payload)` over the command tree and the callback to the
end of `interaction.response.send_message`. Only `aiohttp.ClientSession` is replaced, the lowest thing that discord.py
calls: no socket is opened. What reading the gateway, HTTP, TLS and TCP cost a real bot comes on top, for every variant
alike.

Times, per command:
  CPU          of the bot's whole process (`time.process_time`): the event loop, every thread, and at the end writing
               what is still queued. What a PostgreSQL server does in its own processes is not in it.
  loop         of the event loop's thread alone (`time.thread_time`).
  to callback  from `parse_interaction_create` to the first line of the callback; what arrives in one burst is parsed
               before the first of it runs, as with a real gateway.
  x bare       the median over the rounds of the ratio to the bare bot of the same round.

The steady load is 200 commands a second in bursts of 1 to 8, one every 5 to 35 ms; Discord answers within 30 to 150 ms,
and answers come in with the next burst. Waking up for the bursts is in the figures of all variants alike; the last line
of the table is what that costs alone. `--saturated` runs eight commands at a time, back to back, and each is answered
at once.

Every variant runs once per round in a fresh interpreter. The run fails where the number of rows in the database is
not the number of commands. Starting up, the warm-up, and whatever happens once a minute or less often are not in it.

They take about seven minutes, with `--saturated` three. `--profile` instead looks, in one run per database, which of
our functions each thread is in (half a minute); what waits for the GIL or for the server counts there too, and looking
makes the run slower.

Exact counts, which neither depend on the machine nor on what else it does:
  instructions  of the whole process, all threads, by valgrind's callgrind: those of 1,500 commands less those of 500,
                per command. Commands come one by one and are answered at once; what waits is written after every 20 (or
                200) of them, and all of it rolled up in the end: 1,000 rows in one lot. Once more with as many rows in
                a lot as in a bot that is as busy as this (10,500 commands less 500). What comes by the clock is left
                out. That takes about ten minutes.
  bytecodes     that the extension runs on the event loop's thread, up to the writer's queue.

Stalls: how late a callback runs that is due every 5 ms, at 200 commands a second: the worst, and the 99.9th percentile.
Once with 10,000 rows being rolled up meanwhile. That takes about four minutes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import _callgrind
import _servers
import _stalls
from _bytecodes import mean_bytecodes
from _child import PACING, SATURATED, STEADY
from _load import RATE
from _processes import ChildFailedError, run_child, tell
from _profile import profile_rows
from _rounds import run_variant, summary, take_turns
from _servers import Server
from _table import aligned, machine, table
from _variants import BOTMON, BOTMON_POSTGRES, INSTALL, SCRAPING, TITLES, missing

_COMMANDS = {STEADY: 800, SATURATED: 10_000}
_TIMES, _COUNTS, _STALLS = "times", "counts", "stalls"
_INSTRUCTIONS_AIM, _BYTECODES_AIM = 1.20, 450
_COUNTED_COMMANDS = 600
_STALLS_S = 10.0
_STALLS_TITLES = {
    _stalls.BARE: "bare",
    "again": "bare again (the noise)",
    _stalls.BOTMON: "botmon (SQLite file)",
    _stalls.LOT: "botmon, rolling up 10,000 rows",
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=_positive, default=7, help="how often each variant runs (default: 7)")
    parser.add_argument(
        "--commands",
        type=_positive,
        help=f"commands per run (default: {_COMMANDS[STEADY]}, with --saturated {_COMMANDS[SATURATED]})",
    )
    parser.add_argument("--saturated", action="store_true", help="back to back instead of 200 commands a second")
    parser.add_argument("--only", choices=(_TIMES, _COUNTS, _STALLS), help="of the three (default: all)")
    parser.add_argument("--profile", action="store_true", help="where our share goes, instead of what it is")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure of every round there, too")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 2:
        raise argparse.ArgumentTypeError("must be 2 or more")
    return number


def _times(arguments: argparse.Namespace) -> dict[str, Any]:
    mode = SATURATED if arguments.saturated else STEADY
    n = arguments.commands or _COMMANDS[mode]
    with ExitStack() as stack:
        server = stack.enter_context(_servers.postgres()) if missing(BOTMON_POSTGRES) is None else None
        return (_profiles if arguments.profile else _figures)(arguments, mode, n, server)


def _figures(arguments: argparse.Namespace, mode: str, n: int, server: Server | None) -> dict[str, Any]:
    absent = {variant: why for variant in INSTALL if (why := missing(variant)) is not None}
    variants = [variant for variant in INSTALL if variant not in absent and variant not in SCRAPING]
    if mode == STEADY:
        variants.append(PACING)
    figures = take_turns(variants, arguments.rounds, lambda variant: run_variant(variant, mode, n, server))
    medians = summary(figures)
    load = f"{RATE:.0f} commands/s" if mode == STEADY else "back to back"
    print(f"{load}, {n} commands per run, medians of {arguments.rounds} rounds\n")
    print(table(medians, absent))
    return {"load": load, "commands": n, "medians": medians, "rounds": figures}


def _profiles(_: argparse.Namespace, mode: str, n: int, server: Server | None) -> dict[str, Any]:
    found = {
        variant: run_variant(variant, mode, n, server, "--profile")
        for variant in (BOTMON, BOTMON_POSTGRES)
        if missing(variant) is None
    }
    for variant, profile in found.items():
        print(f"\n{TITLES[variant]}, {n} commands, one each {profile['wall_us']:.0f} µs\n")
        print(aligned(profile_rows(profile["threads"], profile["looks"], profile["wall_us"]), texts=2))
    return found


def _counts(_: argparse.Namespace) -> dict[str, Any]:
    bytecodes = mean_bytecodes(_COUNTED_COMMANDS)
    print(f"\nbytecodes of the extension on the event loop, per command: {bytecodes:.0f} (aim: {_BYTECODES_AIM})")
    if why := _callgrind.missing():
        print(f"instructions: {why}")
        return {"bytecodes": bytecodes}
    found = _callgrind.instructions_per_command()
    print(f"\naim: at most {_INSTRUCTIONS_AIM:.2f} x bare at 20 a batch, rolled up\n")
    print(aligned(_instructions_table(found)))
    return {"bytecodes": bytecodes, "instructions": {case.title: n for case, n in found.items()}}


def _instructions_table(found: Mapping[_callgrind.Case, float]) -> list[list[str]]:
    bare = found[_callgrind.CASES[0]]
    rows = [["instructions per command, all threads", "thousand", "more than bare", "x bare"]]
    for case, n in found.items():
        rows.append([case.title, f"{n / 1e3:.0f}", f"{(n - bare) / 1e3:.0f}", f"{n / bare:.2f}"])
    return rows


def _stall_figures(arguments: argparse.Namespace) -> dict[str, Any]:
    figures = take_turns(
        list(_STALLS_TITLES),
        arguments.rounds,
        lambda variant: run_child("_stalls.py", _stalls.BARE if variant == "again" else variant, _STALLS_S),
    )
    print(f"\n{RATE:.0f} commands/s for {_STALLS_S:g} s, a callback due every 5 ms, {arguments.rounds} rounds\n")
    rows = [["late by, ms", "p99, median", "p99.9, median", "worst, median", "worst of all"]]
    for variant, found in figures.items():
        row = [f"{statistics.median(f[key] for f in found):.1f}" for key in ("p99_ms", "p999_ms", "worst_ms")]
        rows.append([_STALLS_TITLES[variant], *row, f"{max(f['worst_ms'] for f in found):.1f}"])
    print(aligned(rows))
    print(f"a roll-up of 10,000 rows took {statistics.median(f['lot_ms'] for f in figures[_stalls.LOT]):.0f} ms")
    return figures


_PARTS = {_TIMES: _times, _COUNTS: _counts, _STALLS: _stall_figures}


def main() -> int:
    arguments = _arguments()
    parts = [_TIMES] if arguments.profile else [arguments.only] if arguments.only else list(_PARTS)
    print(machine())
    try:
        found = {part: _PARTS[part](arguments) for part in parts}
    except ChildFailedError as error:
        tell(f"failed: {error}")
        return 1
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine()} | found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
