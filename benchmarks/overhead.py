"""What a slash command costs, with and without botmon_cog: `python benchmarks/overhead.py`.

The path is discord.py's own, from `parse_interaction_create(payload)` over the command tree and the callback to the
end of `interaction.response.send_message`. Only `aiohttp.ClientSession` is replaced, the lowest thing that discord.py
calls: no socket is opened. What reading the gateway, HTTP, TLS and TCP cost a real bot comes on top, for every variant
alike.

In the figures, per command:
  CPU          of the whole process (`time.process_time`): the event loop, every thread, and at the end writing what is
               still queued.
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
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from _child import PACING, SATURATED, STEADY
from _load import RATE
from _rounds import ChildFailedError, run_rounds, summary
from _table import machine, table
from _variants import INSTALL, is_installed

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
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure of every round there, too")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 2:
        raise argparse.ArgumentTypeError("must be 2 or more")
    return number


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    arguments = _arguments()
    mode = SATURATED if arguments.saturated else STEADY
    n = arguments.commands or _COMMANDS[mode]
    variants = [variant for variant in INSTALL if is_installed(variant)]
    missing = [variant for variant in INSTALL if variant not in variants]
    if mode == STEADY:
        variants.append(PACING)
    try:
        figures = run_rounds(variants, mode, n, arguments.rounds, _tell)
    except ChildFailedError as error:
        _tell(f"failed: {error}")
        return 1
    medians = summary(figures)
    load = f"{RATE:.0f} commands/s" if mode == STEADY else "back to back"
    print(f"{machine()}\n{load}, {n} commands per run, medians of {arguments.rounds} rounds\n")
    print(table(medians, missing))
    if arguments.json:
        found = {"machine": machine(), "load": load, "commands": n, "medians": medians, "rounds": figures}
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
