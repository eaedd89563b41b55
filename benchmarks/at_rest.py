"""What botmon_cog costs a bot that has nothing to do: `python benchmarks/at_rest.py`.

The bot is that of `overhead.py`, without a connection and without commands being run. The figures are shares of one
core: of the process (`time.process_time`) and of the event loop's thread alone (`time.thread_time`).

  bare          the bot alone
  lag meter     and the timer that measures how late the event loop runs, without the rest of the extension
  loop watch    the lag meter and the watchdog's thread, without the rest
  without       the whole extension with `[loop] watch = false`, its health checked every `--interval` seconds
  botmon        the whole extension

  more than bare  the median over the rounds of the difference to the bare bot of the same round

The last line is what one check of the health costs, the row that it leaves included, and what that is at the default
of one a minute.

The variants take turns, each in a process of its own. It takes about ten minutes; `--seconds 5 --rounds 3` two.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any

from _at_rest import BARE, BOTMON, CHECKS, INSTALL, METER, WATCH, WITHOUT_WATCH
from _processes import ChildFailedError, run_child, tell
from _rounds import take_turns
from _table import aligned, machine

from botmon_cog.config import HealthConfig

_TITLES = {
    BARE: "bare",
    METER: "lag meter alone",
    WATCH: "loop watch alone",
    WITHOUT_WATCH: "botmon without loop watch",
    BOTMON: "botmon",
}
_METER_AIM_PERCENT, _AIM_PERCENT = 0.1, 0.5


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each variant runs (default: 5)")
    parser.add_argument("--seconds", type=float, default=20.0, help="for which each is watched (default: 20)")
    parser.add_argument("--interval", type=float, default=10.0, help="[health] interval_s meanwhile (default: 10)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there, too")
    return parser.parse_args()


def _table(figures: dict[str, list[Any]]) -> str:
    rows = [["at rest", "CPU %", "more than bare", "loop %", "more than bare"]]
    for variant in INSTALL:
        row = [_TITLES[variant]]
        for key in ("cpu_percent", "loop_percent"):
            own, bare = ([found[key] for found in figures[name]] for name in (variant, BARE))
            more = statistics.median(mine - its for mine, its in zip(own, bare, strict=True))
            row += [f"{statistics.median(own):.3f}", f"{more:.3f}"]
        rows.append(row)
    return aligned(rows)


def _checks_line(found: list[Any]) -> str:
    check_ms, loop_ms = (statistics.median(own[key] for own in found) for key in ("check_ms", "check_loop_ms"))
    every_s = HealthConfig().interval_s
    return (
        f"a check of the health: {check_ms:.1f} ms, {loop_ms:.1f} ms of it on the event loop; "
        f"every {every_s:g} s: {check_ms / every_s / 10:.3f} %"
    )


def main() -> int:
    arguments = _arguments()
    try:
        figures = take_turns(
            [*INSTALL, CHECKS],
            arguments.rounds,
            lambda variant: run_child("_at_rest.py", variant, arguments.seconds, arguments.interval),
        )
    except ChildFailedError as error:
        tell(f"failed: {error}")
        return 1
    print(
        f"{machine()}\n{arguments.seconds:g} s at rest, [health] interval_s = {arguments.interval:g}, medians of "
        f"{arguments.rounds} rounds; aims: lag meter {_METER_AIM_PERCENT} %, all {_AIM_PERCENT} % more than bare\n"
    )
    print(f"{_table(figures)}\n\n{_checks_line(figures[CHECKS])}")
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine()} | figures, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
