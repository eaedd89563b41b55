"""What it costs that Prometheus scrapes a busy bot: `python benchmarks/scraping.py`.

The bot and its load are those of `overhead.py`: 200 slash commands a second, on a SQLite file. /metrics is asked for by
a process of its own, at once and then every 15 s; what that one costs is not in the figures. The variants take turns,
each in a process of its own. `x botmon` is the median over the rounds of the ratio to the bot that nobody scrapes, of
the same round; "botmon again" is that bot a second time, so that one sees how much is chance.

It takes about ten minutes; `--rounds 3` four.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

from _child import STEADY
from _load import RATE
from _processes import ChildFailedError
from _rounds import run_variant, take_turns
from _table import aligned, machine
from _variants import BOTMON, BOTMON_AGAIN, BOTMON_SCRAPED, SCRAPE_EVERY_S, TITLES, missing

_COMMANDS = round(RATE * SCRAPE_EVERY_S * 1.5)
_COLUMNS = {"cpu_us": "CPU µs", "loop_us": "loop µs"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="how often each variant runs (default: 7)")
    parser.add_argument("--commands", type=int, default=_COMMANDS, help=f"per run (default: {_COMMANDS})")
    arguments = parser.parse_args()
    if why := missing(BOTMON_SCRAPED):
        print(f"{TITLES[BOTMON_SCRAPED]}: {why}")
        return 1
    variants = (BOTMON, BOTMON_AGAIN, BOTMON_SCRAPED)
    try:
        figures = take_turns(
            variants, arguments.rounds, lambda variant: run_variant(variant, STEADY, arguments.commands, None)
        )
    except ChildFailedError as error:
        print(error)
        return 1
    rows = [["per slash command", *(cell for title in _COLUMNS.values() for cell in (title, "x botmon", "from", "to"))]]
    for variant, own in figures.items():
        row = [TITLES[variant]]
        for key in _COLUMNS:
            ratios = [f[key] / b[key] for f, b in zip(own, figures[BOTMON], strict=True)]
            row.append(format(statistics.median(f[key] for f in own), ".0f"))
            row += [format(of(ratios), ".3f") for of in (statistics.median, min, max)]
        rows.append(row)
    print(f"{machine()}\n{RATE:.0f} commands/s, {arguments.commands} per run, {arguments.rounds} rounds\n")
    print(aligned(rows))
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    sys.exit(main())
