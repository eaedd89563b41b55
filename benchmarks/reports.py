"""How long a report takes, the longer the history: `python benchmarks/reports.py`.

A history has as much activity every week, 50,000 commands of 500 servers (the k-th with 1/k of the first one's), 40
commands, 20 users a server: the more rows, the longer ago it began. All of it is written through the product: appended
to the log in batches, and rolled up. That is over before the clock starts.

  weekly       `statistics.report`: the last 7 days and the 7 before, as `/stats weekly` shows them
  performance  `performance.report` over 7 days and the 7 before, as `/perf` shows it
  health       `health.get_full_health_report`, as `/health` shows it

of a server in the middle, of the largest one (15 % of all commands), and of all of them. From the call to the finished
report, in a process that does nothing else; the time of each of 200 calls. The sizes take turns, four times 50 calls in
a new process each, after 10 that do not count.

For each size a database is built: 5,000,000 rows take about 3 minutes and 3 GB on SQLite, 10 minutes on PostgreSQL.
SQLite files stay in the folder that `--keep` names, for the next time. All sizes take about 10 minutes on SQLite and
20 on PostgreSQL; `--sizes 10000,100000,1000000` a quarter of that.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import _servers
from _history import Plan
from _processes import ChildFailedError, run_child, tell
from _reports import ALL, HEALTH, LARGEST, MIDDLE
from _rounds import take_turns
from _servers import Server
from _table import aligned, machine

SQLITE, POSTGRES = "sqlite", "postgres"
_TITLES = {SQLITE: "SQLite", POSTGRES: "PostgreSQL"}
_SCOPES = {MIDDLE: "a server in the middle", LARGEST: "the largest server", ALL: "all servers"}
_AIM_MS = 10
_ROUNDS = 4

Times = dict[str, list[float]]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,100000,1000000,5000000", help="rows (default: %(default)s)")
    parser.add_argument("--engines", default=f"{SQLITE},{POSTGRES}", help="which databases (default: both)")
    parser.add_argument("--week", type=int, default=50_000, help="commands a week (default: %(default)s)")
    parser.add_argument("--calls", type=int, default=200, help="of each report (default: %(default)s, at least 8)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where SQLite files are kept for the next time")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there, too")
    return parser.parse_args()


def _plan(rows: int, per_week: int) -> Plan:
    return Plan(rows=rows if rows < per_week else rows // per_week * per_week, per_week=per_week)


def _run(what: str, url: str, plan: Plan, calls: int) -> Any:
    return run_child("_reports.py", what, url, plan.rows, plan.per_week, calls)


def _built(url: str, plan: Plan, title: str) -> None:
    tell(f"{title}: building {plan.rows:,} rows")
    tell(f"  in {_run('build', url, plan, 0)['build_s']:.0f} s")


@contextmanager
def _sqlite(plan: Plan, folder: Path) -> Iterator[str]:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{plan.name}.db"
    if not path.exists():
        unfinished = path.with_suffix(".part.db")
        unfinished.unlink(missing_ok=True)
        _built(str(unfinished), plan, _TITLES[SQLITE])
        unfinished.rename(path)
    yield str(path)


@contextmanager
def _postgres(plan: Plan, server: Server) -> Iterator[str]:
    url = server.create_database()
    try:
        _built(url, plan, _TITLES[POSTGRES])
        yield url
    finally:
        server.drop_database(url)


def _measured(arguments: argparse.Namespace, engines: list[str], plans: list[Plan]) -> dict[str, dict[int, Times]]:
    found: dict[str, dict[int, Times]] = {}
    per_round = max(arguments.calls // _ROUNDS, 1)
    with ExitStack() as stack:
        folder = arguments.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(_servers.postgres()) if POSTGRES in engines else None
        for engine in engines:
            with ExitStack() as databases:
                urls = {
                    plan: databases.enter_context(
                        _sqlite(plan, folder) if server is None or engine == SQLITE else _postgres(plan, server)
                    )
                    for plan in plans
                }
                taken = take_turns(
                    plans,
                    _ROUNDS,
                    lambda plan, urls=urls: _run("measure", urls[plan], plan, per_round),
                    lambda plan, engine=engine: f"{_TITLES[engine]}, {plan.rows:,} rows",
                )
            found[engine] = {plan.rows: _pooled(rounds) for plan, rounds in taken.items()}
    return found


def _pooled(rounds: list[Times]) -> Times:
    return {name: [ms for one in rounds for ms in one[name]] for name in rounds[0]}


def _table(by_size: dict[int, Times]) -> list[list[str]]:
    rows = [["", "", *(f"{size:,}" for size in by_size)]]
    for name in next(iter(by_size.values())):
        report, scope = name.split()
        rows.append(
            [
                report,
                "" if report == HEALTH else _SCOPES[scope],
                *(_quantiles(times[name]) for times in by_size.values()),
            ]
        )
    return rows


def _quantiles(times_ms: list[float]) -> str:
    cuts = statistics.quantiles(times_ms, n=100)
    return f"{cuts[49]:.1f} / {cuts[98]:.1f}"


def main() -> int:
    arguments = _arguments()
    engines = arguments.engines.split(",")
    if POSTGRES in engines and (lacking := _servers.missing()):
        tell(f"PostgreSQL: {lacking}")
        engines.remove(POSTGRES)
    plans = [_plan(int(rows), arguments.week) for rows in arguments.sizes.split(",")]
    try:
        found = _measured(arguments, engines, plans)
    except ChildFailedError as error:
        tell(f"failed: {error}")
        return 1
    print(
        f"{machine()}\np50 / p99 in ms of {arguments.calls} calls, {arguments.week:,} commands a week, by rows in all"
    )
    print(f"aim: at most {_AIM_MS} ms on SQLite at 5,000,000, and flat from 1,000,000 on")
    for engine, by_size in found.items():
        print(f"\n{_TITLES[engine]}\n")
        print(aligned(_table(by_size), texts=2))
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine()} | found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
