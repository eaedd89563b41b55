"""What a slash command costs, with and without botmon_cog: `python benchmarks/overhead.py`.

The path is discord.py's own, from `parse_interaction_create(payload)` over the command tree and the callback to the
end of `interaction.response.send_message`. Only `aiohttp.ClientSession` is replaced, the lowest thing that discord.py
calls: no socket is opened. What reading the gateway, HTTP, TLS and TCP cost a real bot comes on top, for every variant
alike.

In the figures, per command:
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

It takes about seven minutes, with `--saturated` three. `--profile` instead looks, in one run per database, which of
our functions each thread is in (half a minute); what waits for the GIL or for the server counts there too, and looking
makes the run slower.
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import ExitStack
from pathlib import Path

import _servers
from _child import PACING, SATURATED, STEADY
from _load import RATE
from _processes import ChildFailedError, tell
from _profile import profile_rows
from _rounds import run_variant, summary, take_turns
from _servers import Server
from _table import aligned, machine, table
from _variants import BOTMON, BOTMON_POSTGRES, INSTALL, TITLES, missing

_COMMANDS = {STEADY: 800, SATURATED: 10_000}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=_positive, default=7, help="how often each variant runs (default: 7)")
    parser.add_argument(
        "--commands",
        type=_positive,
        help=f"commands per run (default: {_COMMANDS[STEADY]}, with --saturated {_COMMANDS[SATURATED]})",
    )
    parser.add_argument("--saturated", action="store_true", help="back to back instead of 200 commands a second")
    parser.add_argument("--profile", action="store_true", help="where our share goes, instead of what it is")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure of every round there, too")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 2:
        raise argparse.ArgumentTypeError("must be 2 or more")
    return number


def _figures(arguments: argparse.Namespace, mode: str, n: int, server: Server | None) -> None:
    absent = {variant: why for variant in INSTALL if (why := missing(variant)) is not None}
    variants = [variant for variant in INSTALL if variant not in absent]
    if mode == STEADY:
        variants.append(PACING)
    figures = take_turns(variants, arguments.rounds, lambda variant: run_variant(variant, mode, n, server))
    medians = summary(figures)
    load = f"{RATE:.0f} commands/s" if mode == STEADY else "back to back"
    print(f"{machine()}\n{load}, {n} commands per run, medians of {arguments.rounds} rounds\n")
    print(table(medians, absent))
    if arguments.json:
        found = {"machine": machine(), "load": load, "commands": n, "medians": medians, "rounds": figures}
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def _profiles(arguments: argparse.Namespace, mode: str, n: int, server: Server | None) -> None:
    found = {
        variant: run_variant(variant, mode, n, server, "--profile")
        for variant in (BOTMON, BOTMON_POSTGRES)
        if missing(variant) is None
    }
    print(machine())
    for variant, profile in found.items():
        print(f"\n{TITLES[variant]}, {n} commands, one each {profile['wall_us']:.0f} µs\n")
        print(aligned(profile_rows(profile["threads"], profile["looks"], profile["wall_us"]), texts=2))
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine()} | found, indent=2) + "\n", encoding="utf-8")


def main() -> int:
    arguments = _arguments()
    mode = SATURATED if arguments.saturated else STEADY
    n = arguments.commands or _COMMANDS[mode]
    show = _profiles if arguments.profile else _figures
    try:
        with ExitStack() as stack:
            server = stack.enter_context(_servers.postgres()) if missing(BOTMON_POSTGRES) is None else None
            show(arguments, mode, n, server)
    except ChildFailedError as error:
        tell(f"failed: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
