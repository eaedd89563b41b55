"""How large the database grows: `python benchmarks/size.py`.

Some days of activity are written through the product, appended and rolled up minute by minute as it does, and the
pages of each table counted (SQLite's `dbstat`). A day's growth is the size after all days less that after the first, so
what a file takes at the beginning is not in it.

The activity, which is what all figures stand and fall with: a server runs about 6 commands a day in the middle (a
lognormal distribution with sigma 1.5, so 18 on average and more than 100 in one of 33 servers), 40 commands of which
the k-th is used 1/k as often as the first, 20 users, more in the afternoon than at night, lognormal times.

  rollups      counts by hour and histograms of three times, per day, server and command: kept for ever by default, here
               365 days
  people       who used the bot in which hours of a day: kept for `[retention] people_days`
  invocations  single rows with their index: kept for `[retention] raw_days`

It takes about two minutes, nearly all of that for 5,000 servers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import sqlite3
import sys
import tempfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

import _root  # noqa: F401 (finds botmon_cog)
from _activity import Activity
from _history import make_store
from _processes import tell
from _table import aligned, machine

from botmon_cog.config import Config
from botmon_cog.store.log import Batch
from botmon_cog.store.schema import INVOCATIONS, PEOPLE, ROLLUP_TABLES, ROLLUPS

_START = datetime(2026, 1, 5, tzinfo=UTC)
_MEDIAN, _SIGMA = 6, 1.5
_DAYS_A_YEAR = 365
_MB = 1_000_000
_ROLLUPS_AIM_MB, _ROLLUPS_AIM_GUILDS = 2_000, 5_000
_PER_TABLE = """
SELECT objects.tbl_name, SUM(pages.pgsize) FROM dbstat AS pages
JOIN sqlite_master AS objects ON objects.name = pages.name GROUP BY objects.tbl_name
"""

Sizes = dict[str, float]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--guilds", default="10,500,5000", help="numbers of servers (default: %(default)s)")
    parser.add_argument("--days", type=int, default=3, help="that are written, 2 or more (default: 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there, too")
    return parser.parse_args()


def _shares(guilds: int) -> list[float]:
    """Commands a day of each, to the mean of the distribution however few they are."""
    chance = random.Random(7)
    drawn = [chance.lognormvariate(0, _SIGMA) for _ in range(guilds)]
    mean = _MEDIAN * math.exp(_SIGMA**2 / 2)
    return [share * mean * guilds / sum(drawn) for share in drawn]


async def _write(path: Path, activity: Activity, per_day: int, days: int) -> list[Sizes]:
    """The bytes of each table after each day."""
    found: list[Sizes] = []
    store = make_store(str(path), _START)
    first_seq = 1
    for day in range(days):
        events = activity.events(per_day, _START + timedelta(days=day), 24)
        for _, minute in groupby(events, lambda event: event.started_at.replace(second=0, microsecond=0)):
            batch = Batch(run=store.run, first_seq=first_seq, events=list(minute))
            await store.log.append([batch])
            await store.rollups.catch_up()
            first_seq += len(batch.events)
        await store.engine.close()
        found.append(_sizes(path))
    return found


def _sizes(path: Path) -> Sizes:
    with closing(sqlite3.connect(path)) as db:
        try:
            return dict(db.execute(_PER_TABLE).fetchall())
        except sqlite3.OperationalError:
            return _sizes_by_copying(db)


def _sizes_by_copying(db: sqlite3.Connection) -> Sizes:
    """Where this SQLite was built without `dbstat`: what each table alone takes, without the gaps between its rows."""
    found: Sizes = {}
    for table in (INVOCATIONS, *ROLLUP_TABLES):
        with closing(sqlite3.connect(":memory:")) as other:
            made = "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY type DESC"
            for (statement,) in db.execute(made, (table.name,)).fetchall():
                other.execute(statement)
            rows = db.execute(f"SELECT * FROM {table.name}")  # noqa: S608 (our own names)
            marks = ", ".join("?" * len(rows.description))
            other.executemany(f"INSERT INTO {table.name} VALUES ({marks})", rows)  # noqa: S608 (our own names)
            found[table.name] = other.execute(
                "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
            ).fetchone()[0]
    return found


def _grown(found: list[Sizes]) -> Sizes:
    """Bytes a day."""
    return {name: (size - found[0].get(name, 0)) / (len(found) - 1) for name, size in found[-1].items()}


def _measure(guilds: int, days: int) -> Sizes:
    shares = _shares(guilds)
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(_write(Path(folder) / "botmon.db", Activity(shares), round(sum(shares)), days))
    return _grown(found) | {"commands": sum(shares)}


def _columns(found: dict[int, Sizes]) -> list[list[str]]:
    kept = Config().retention
    rollups = tuple(table.name for table in ROLLUP_TABLES)
    lines: list[tuple[str, int, tuple[str, ...]]] = [
        (ROLLUPS.name, kept.rollup_days or _DAYS_A_YEAR, (ROLLUPS.name,)),
        (PEOPLE.name, kept.people_days or _DAYS_A_YEAR, (PEOPLE.name,)),
        ("all roll-ups, a year", _DAYS_A_YEAR, rollups),
        (INVOCATIONS.name, kept.raw_days or _DAYS_A_YEAR, (INVOCATIONS.name,)),
    ]
    rows = [["MB", "days", *(f"{guilds:,} servers" for guilds in found)]]
    rows.append(["commands a day", "", *(f"{sizes['commands']:,.0f}" for sizes in found.values())])
    for title, days, names in lines:
        cells = [f"{sum(sizes.get(name, 0) for name in names) * days / _MB:,.1f}" for sizes in found.values()]
        rows.append([title, str(days), *cells])
    return rows


def main() -> int:
    arguments = _arguments()
    found: dict[int, Sizes] = {}
    for guilds in map(int, arguments.guilds.split(",")):
        tell(f"{guilds:,} servers, {arguments.days} days")
        found[guilds] = _measure(guilds, max(arguments.days, 2))
    print(f"{machine()}\nfrom {arguments.days} days of activity, of which the first does not count")
    print(f"aim: at most {_ROLLUPS_AIM_MB:,} MB of roll-ups a year of {_ROLLUPS_AIM_GUILDS:,} servers\n")
    print(aligned(_columns(found)))
    if arguments.json:
        arguments.json.write_text(
            json.dumps({"machine": machine(), "bytes a day": found}, indent=2) + "\n", encoding="utf-8"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
