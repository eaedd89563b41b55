"""What failing commands cost: `python benchmarks/failures.py`.

The bot is that of `overhead.py`, but each of its commands raises, five functions deep, and a quiet handler of its own
takes the error. `equal`: always the same error on the same line. `different`: 1,000 kinds of errors in turn, which is
more than there are error groups for. `loop` is the CPU time of the event loop's thread per command; `grown` the memory
between the 1,000th command and the last; `groups` and `tracebacks` what the store holds of them in the end.

The variants take turns, each in a process of its own; figures are medians, the ratio is that to the bare bot of the
same round. It takes about five minutes.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from _failures import DIFFERENT, EQUAL
from _processes import run_child
from _rounds import take_turns
from _table import aligned, machine
from _variants import BARE, BOTMON, TITLES


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="(default: 3)")
    parser.add_argument("--commands", type=int, default=100_000, help="in each run (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there, too")
    return parser.parse_args()


def _table(figures: dict[str, list[Any]]) -> list[list[str]]:
    rows = [["", "loop µs", "x bare", "grown MB", "groups", "tracebacks kB"]]
    for variant, found in figures.items():
        middle = {key: statistics.median(one[key] for one in found) for key in found[0]}
        ratio = statistics.median(
            own["loop_us"] / bare["loop_us"] for own, bare in zip(found, figures[BARE], strict=True)
        )
        kept = [f"{middle[key]:.0f}" if key in middle else "-" for key in ("groups", "traceback_kb")]
        rows.append([TITLES[variant], f"{middle['loop_us']:.0f}", f"{ratio:.2f}", f"{middle['grown_mb']:.1f}", *kept])
    return rows


def main() -> None:
    arguments = _arguments()
    all_figures: dict[str, Any] = {}
    print(machine())
    for kind in (EQUAL, DIFFERENT):
        figures = take_turns(
            [BARE, BOTMON],
            arguments.rounds,
            lambda variant, kind=kind: run_child("_failures.py", variant, kind, arguments.commands),
        )
        print(f"\n{arguments.commands:,} failures, {kind}; medians of {arguments.rounds} rounds\n")
        print(aligned(_table(figures)))
        all_figures[kind] = figures
    if arguments.json:
        arguments.json.write_text(json.dumps(all_figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
