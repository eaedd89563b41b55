"""What charts cost the bot: `python benchmarks/charts.py`. Needs the extra `charts`.

A bot with the extension stands still. In each round its event loop's lag is measured for as long as ten charts take:
without any, beside ten charts in a row with the start of the process that draws them, and without any again. The lag is
how late a timer comes that is due every 5 ms; its p99 beside the charts is to differ from that without by less than the
two without differ from each other. The bot's memory is that of its own process, before the first chart and after all.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any

from _processes import ChildFailedError, run_child, tell
from _table import aligned, machine

_QUIET, _CHARTS, _AGAIN = "quiet", "charts", "quiet again"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="of all three (default: %(default)s)")
    parser.add_argument("--charts", type=int, default=10, help="in a row (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there, too")
    return parser.parse_args()


def _table(found: dict[str, Any]) -> list[list[str]]:
    rows = [["the loop's lag, ms", "p50", "p99", "at most", "p99 from", "to"]]
    titles = {_QUIET: "without charts", _CHARTS: "beside charts", _AGAIN: "without again"}
    for key, title in titles.items():
        medians = [statistics.median(lag[of] for lag in found[key]) for of in ("p50", "p99", "max")]
        p99 = [lag["p99"] for lag in found[key]]
        rows.append([title, *(f"{value:.2f}" for value in (*medians, min(p99), max(p99)))])
    return rows


def _verdict(found: dict[str, Any]) -> str:
    """Pair by pair, since the machine differs from round to round."""
    pairs = list(zip(*([lag["p99"] for lag in found[key]] for key in (_QUIET, _CHARTS, _AGAIN)), strict=True))
    more = statistics.median(charts - (quiet + again) / 2 for quiet, charts, again in pairs)
    noise = statistics.median(abs(quiet - again) for quiet, _, again in pairs)
    took_s = statistics.median(found["took_s"])
    return (
        f"p99 beside charts minus without: {more:+.2f} ms; the two without differ by {noise:.2f} ms\n"
        f"ten charts with the start of the process: {took_s:.1f} s; that process: {found['worker_mb']:.0f} MB\n"
        f"the bot's memory: {found['before_mb']:.1f} MB before, {found['after_mb']:.1f} MB after"
    )


def main() -> int:
    arguments = _arguments()
    try:
        found = run_child("_charts.py", arguments.rounds, arguments.charts)
    except ChildFailedError as error:
        tell(f"failed: {error}")
        return 1
    print(f"{machine()}\n{arguments.rounds} rounds of {arguments.charts} charts, medians\n")
    print(aligned(_table(found)))
    print(f"\n{_verdict(found)}")
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine()} | found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
