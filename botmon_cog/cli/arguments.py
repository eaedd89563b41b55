"""What may stand on the command line."""

from __future__ import annotations

import argparse
import math
import sys
from typing import TYPE_CHECKING, NoReturn

from botmon_cog.cli.program import program_name, version
from botmon_cog.cli.tool_arguments import add_tools, any_database
from botmon_cog.history.outcome_choices import CHOICES
from botmon_cog.installed import DISTRIBUTION

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

PERIODS = ("today", "weekly", "monthly")
OF_ALL_SERVERS = ("overview", "growth")
REPORTS = (*PERIODS, "perf", "health", *OF_ALL_SERVERS)
DEFAULT_DEMO_S = 8.0
DEFAULT_PAUSE_S = 5.0
MIN_COLUMNS, WIDEST_COLUMNS = 40, 400

_LONGEST_DEMO_S = 600.0
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 86_400.0
_LONGEST_ID = 20
_MOST_PORT = 65_535
_MOST_DAYS = 3_650
DEFAULT_ERROR_DAYS = 7
DEFAULT_HISTORY_ROWS = 50
_MOST_ROWS = 100_000


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")

    def print_help(self, file: SupportsWrite[str] | None = None) -> None:
        """On stdout unless told otherwise. Unlike argparse's, it does not keep quiet about an output that is full."""
        (file or sys.stdout).write(self.format_help())


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        sys.stdout.write(f"{DISTRIBUTION} {version()}\n")
        parser.exit()


def make_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=program_name(),
        description="botmon_cog gives a discord.py bot sight of itself: every command logged and timed, health "
        'watched, owners told. In a bot of your own it is one line: await bot.load_extension("botmon_cog").',
        epilog=f"Begin with: {program_name()} demo (it needs neither a token nor a network).",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", title="commands")
    _add_demo(commands)
    _add_run(commands)
    _add_report(commands)
    _add_errors(commands)
    _add_history(commands)
    _add_export(commands)
    add_tools(commands)
    return parser


def _add_demo(commands: argparse._SubParsersAction[_Parser]) -> None:  # pyright: ignore[reportPrivateUsage] (argparse has no public name for it)
    demo = commands.add_parser(
        "demo",
        help="see what it does, without a token: a music bot on a Discord of its own",
        description="Start a music bot with the extension on a small Discord on 127.0.0.1, let people use it, and show "
        "what an admin and the owner then see. Needs no token and no network. The history before the demo is invented; "
        "everything else is the real thing.",
    )
    demo.add_argument(
        "--seconds", type=_seconds, default=DEFAULT_DEMO_S, help="how long people use the bot (default: 8)"
    )
    demo.add_argument("--database", metavar="PATH", help="a new file to keep the data in (default: nothing is kept)")
    demo.add_argument(
        "--metrics",
        metavar="PORT",
        type=_port,
        help="serve /metrics on 127.0.0.1 as long as it runs (needs the extra prometheus)",
    )
    _add_width(demo)


def _add_run(commands: argparse._SubParsersAction[_Parser]) -> None:  # pyright: ignore[reportPrivateUsage]
    run = commands.add_parser(
        "run",
        help="run a bot that has nothing but the extension",
        description="Run a minimal bot with the extension, with the token in the environment variable DISCORD_TOKEN. "
        "The configuration is read as in any bot: from the file that BOTMON_CONFIG names, else from botmon.toml. "
        "Ctrl-C and SIGTERM end it cleanly.",
    )
    run.add_argument("--sync", action="store_true", help="register the slash commands with Discord (once is enough)")
    run.add_argument(
        "--message-content",
        action="store_true",
        help="ask for the message content intent, which must be enabled in Discord's developer portal first",
    )


def _add_report(commands: argparse._SubParsersAction[_Parser]) -> None:  # pyright: ignore[reportPrivateUsage]
    report = commands.add_parser(
        "report",
        help="read a report from a database, without a bot",
        description="Print what /stats, /perf, /health and /botmon overview answer, straight from a database. A bot "
        "may be using it meanwhile. What is new in the log is counted first, as a bot does; nothing else is written.",
    )
    report.add_argument("report", choices=REPORTS, metavar="REPORT", help=f"one of: {', '.join(REPORTS)}")
    report.add_argument("--guild", type=_guild_id, metavar="ID", help="one server's id (default: all servers)")
    report.add_argument(
        "--database", type=any_database, metavar="PATH_OR_URL", help="default: the configured one, as the bot reads it"
    )
    report.add_argument("--json", action="store_true", help="print the report as JSON and nothing else")
    report.add_argument("--watch", action="store_true", help="print it anew every few seconds, until Ctrl-C")
    report.add_argument(
        "--every", type=_pause, default=DEFAULT_PAUSE_S, metavar="SECONDS", help="between two reports (default: 5)"
    )
    _add_width(report)


def _add_errors(commands: argparse._SubParsersAction[_Parser]) -> None:  # pyright: ignore[reportPrivateUsage]
    errors = commands.add_parser(
        "errors",
        help="list what fails and why, with tracebacks",
        description="Print what /botmon errors answers, straight from a database: failures by their cause, the new and "
        "the returned ones first. With an ID, one of them with its traceback. A bot may be using it meanwhile. Nothing "
        "is written but by --resolve.",
    )
    errors.add_argument("id", nargs="?", metavar="ID", help="an error's ID, as the list shows it")
    errors.add_argument(
        "--days", type=_error_days, default=DEFAULT_ERROR_DAYS, metavar="N", help="how far to look back (default: 7)"
    )
    errors.add_argument("--server", type=_guild_id, metavar="ID", help="only what failed in one server")
    errors.add_argument("--resolve", metavar="ID", help="call an error resolved: when it fails again, it has returned")
    errors.add_argument("--json", action="store_true", help="print it as one JSON document and nothing else")
    errors.add_argument(
        "--database", type=any_database, metavar="PATH_OR_URL", help="default: the configured one, as the bot reads it"
    )
    _add_width(errors)


def _add_history(commands: argparse._SubParsersAction[_Parser]) -> None:  # pyright: ignore[reportPrivateUsage]
    history = commands.add_parser(
        "history",
        help="list who used what, and how it ended",
        description="Print what /stats history answers, straight from a database: the last uses of commands, buttons "
        "and forms, the newest first. A bot may be using it meanwhile; nothing is written.",
    )
    history.add_argument("--command", dest="used", metavar="NAME", help="only this one, by its full name")
    history.add_argument("--outcome", choices=tuple(CHOICES), help="only what ended so; failed: any fault of the bot")
    history.add_argument("--user", type=_user_id, metavar="ID", help="only what one person used")
    history.add_argument("--since", metavar="WHEN", help="such as '2 h', '3 d', yesterday, 2026-11-20")
    history.add_argument("--guild", type=_guild_id, metavar="ID", help="one server's id (default: all servers)")
    history.add_argument(
        "--limit", type=_rows, default=DEFAULT_HISTORY_ROWS, metavar="N", help="how many at the most (default: 50)"
    )
    history.add_argument("--json", action="store_true", help="print it as one JSON document and nothing else")
    history.add_argument(
        "--database", type=any_database, metavar="PATH_OR_URL", help="default: the configured one, as the bot reads it"
    )
    _add_width(history)


def _add_export(commands: argparse._SubParsersAction[_Parser]) -> None:  # pyright: ignore[reportPrivateUsage]
    export = commands.add_parser(
        "export",
        help="write rows or sums to a file, for spreadsheets and programs",
        description="Write every use of a command, with time, person and outcome, or the sums for each command, as CSV "
        "that a spreadsheet opens, or as JSON Lines. A bot may be using the database meanwhile. Nothing in it is "
        "changed. Times are those of [reports] timezone, or of the server.",
    )
    export.add_argument(
        "--what", choices=("rows", "commands"), default="rows", help="every single use, or sums (default: rows)"
    )
    export.add_argument("--format", choices=("csv", "jsonl"), default="csv", help="default: csv")
    export.add_argument("--period", choices=PERIODS, help="which days (default: weekly, the last seven)")
    export.add_argument(
        "--since", metavar="WHEN", help="from then on: 2026-11-20, '2026-11-20 14:30', '3 d', yesterday"
    )
    export.add_argument("--until", metavar="WHEN", help="up to then, likewise (default: now)")
    export.add_argument("--guild", type=_guild_id, metavar="ID", help="one server's id (default: all servers)")
    export.add_argument("-o", "--output", metavar="FILE", help="a file (default: the standard output)")
    export.add_argument("--force", action="store_true", help="replace that file if it is there")
    export.add_argument(
        "--database", type=any_database, metavar="PATH_OR_URL", help="default: the configured one, as the bot reads it"
    )


def _add_width(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--width", type=_columns, metavar="COLUMNS", help="how wide to draw (default: the terminal, at most 100)"
    )


def _number(given: str) -> float:
    try:
        return float(given)
    except ValueError:
        return math.nan


def _pause(given: str) -> float:
    seconds = _number(given)
    if not _SHORTEST_PAUSE_S <= seconds <= _LONGEST_PAUSE_S:
        raise argparse.ArgumentTypeError(
            f"{given!r} can't be used. Allowed: a number from {_SHORTEST_PAUSE_S:g} to {_LONGEST_PAUSE_S:.0f}"
        )
    return seconds


def _seconds(given: str) -> float:
    seconds = _number(given)
    if not 0 < seconds <= _LONGEST_DEMO_S:
        raise argparse.ArgumentTypeError(
            f"{given!r} can't be used. Allowed: a number above 0 up to {_LONGEST_DEMO_S:.0f}"
        )
    return seconds


def _port(given: str) -> int:
    if not (given.isdecimal() and int(given[:9]) <= _MOST_PORT):
        raise argparse.ArgumentTypeError(f"{given!r} can't be used. Allowed: a port, 0 for any that is free")
    return int(given)


def _columns(given: str) -> int:
    if not (given.isdecimal() and MIN_COLUMNS <= int(given[:9]) <= WIDEST_COLUMNS):
        raise argparse.ArgumentTypeError(
            f"{given!r} can't be used. Allowed: a whole number from {MIN_COLUMNS} to {WIDEST_COLUMNS}"
        )
    return int(given)


def _guild_id(given: str) -> str:
    if not (given.isascii() and given.isdecimal() and len(given) <= _LONGEST_ID):
        raise argparse.ArgumentTypeError(
            f"{given!r} is not a server ID, which is a number such as 123456789012345678; "
            "report weekly lists the busiest ones"
        )
    return given


def _user_id(given: str) -> str:
    if not (given.isascii() and given.isdecimal() and len(given) <= _LONGEST_ID):
        raise argparse.ArgumentTypeError(f"{given!r} is not a user ID, which is a number such as 123456789012345678")
    return given


def _rows(given: str) -> int:
    if not (given.isascii() and given.isdecimal() and 1 <= int(given[:9]) <= _MOST_ROWS):
        raise argparse.ArgumentTypeError(f"{given!r} can't be used. Allowed: a whole number from 1 to {_MOST_ROWS}")
    return int(given)


def _error_days(given: str) -> int:
    if not (given.isascii() and given.isdecimal() and 1 <= int(given[:9]) <= _MOST_DAYS):
        raise argparse.ArgumentTypeError(f"{given!r} can't be used. Allowed: a whole number from 1 to {_MOST_DAYS}")
    return int(given)
