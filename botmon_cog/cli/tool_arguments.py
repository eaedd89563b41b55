"""What may stand behind the commands that work on a database."""

from __future__ import annotations

import argparse
from typing import Any
from urllib.parse import urlsplit

from botmon_cog.database_url import IN_MEMORY, check_url, is_postgres, sqlite_path
from botmon_cog.errors import ConfigError

TOOLS = ("check", "config", "doctor", "rebuild", "copy", "prune", "vacuum", "erase", "forget")
"""Each in a module of its own, of the same name."""

_MOST_DAYS = 36_500


def add_tools(commands: argparse._SubParsersAction[Any]) -> None:  # pyright: ignore[reportPrivateUsage] (argparse has no public name for it)
    _add_check(commands)
    _add_config(commands)
    _add_doctor(commands)
    _add_rebuild(commands)
    _add_copy(commands)
    _add_prune(commands)
    _add_vacuum(commands)
    _add_erase(commands)
    _add_forget(commands)


def _add_check(commands: argparse._SubParsersAction[Any]) -> None:  # pyright: ignore[reportPrivateUsage]
    check = commands.add_parser(
        "check",
        help="check the set-up, and say how to fix what is wrong",
        description="Look at the configuration, the versions, the extras and the database; with a token in the "
        "environment variable DISCORD_TOKEN also at what Discord knows of the bot, which does not go online for that. "
        "Nothing is changed. `/botmon check` in Discord looks at what only the bot can see. Exits with 2 if "
        "something is wrong.",
    )
    _add_database(check)
    check.add_argument("--json", action="store_true", help="print the findings as JSON and nothing else")


def _add_config(commands: argparse._SubParsersAction[Any]) -> None:  # pyright: ignore[reportPrivateUsage] (argparse has no public name for it)
    commands.add_parser(
        "config",
        help="print a configuration file with every setting, its default and its reason",
        description="Print a configuration file with every setting, its default, unit and reason. None is needed; to "
        "begin with all of them: config > botmon.toml",
    )


def _add_doctor(commands: argparse._SubParsersAction[Any]) -> None:  # pyright: ignore[reportPrivateUsage]
    doctor = commands.add_parser(
        "doctor",
        help="prove that a database is sound and its numbers are right",
        description="Count the roll-ups, which all reports read, again from the log and compare them with what is "
        "stored; check the file; show what is in it. The database is only read, and a bot may be using it. Exits with "
        "1 if anything is wrong.",
    )
    _add_database(doctor)
    doctor.add_argument("--thorough", action="store_true", help="check every index, in files above 1 GiB as well")
    doctor.add_argument("--json", action="store_true", help="print the findings as JSON and nothing else")


def _add_rebuild(commands: argparse._SubParsersAction[Any]) -> None:  # pyright: ignore[reportPrivateUsage]
    rebuild = commands.add_parser(
        "rebuild",
        help="count the roll-ups again from the log",
        description="Clear the roll-ups of all days that are completely in the log, and count them again. A bot may be "
        "writing meanwhile. If this is interrupted, the bot, the next report, or the same command goes on with it.",
    )
    _add_database(rebuild)


def _add_copy(commands: argparse._SubParsersAction[Any]) -> None:  # pyright: ignore[reportPrivateUsage]
    copy = commands.add_parser(
        "copy",
        help="move a whole history to another database",
        description="Copy everything from one database to an empty one, of either engine, and compare the two. The "
        "source is only read. If this is interrupted, the same command goes on from there. Stop the bot first: what it "
        "writes meanwhile is not copied.",
    )
    url = "a file's path, sqlite:///… or postgresql://…"
    copy.add_argument("--from", dest="source", type=any_database, required=True, metavar="PATH_OR_URL", help=url)
    copy.add_argument("--to", dest="target", type=any_database, required=True, metavar="PATH_OR_URL", help=url)


def _add_prune(commands: argparse._SubParsersAction[Any]) -> None:  # pyright: ignore[reportPrivateUsage]
    prune = commands.add_parser(
        "prune",
        help="remove what is too old from a database",
        description="Remove what is older than [retention] says, as the extension does by itself once per interval_s. "
        "A bot may be using the database meanwhile. Days are those of UTC, and 0 keeps for ever.",
    )
    _add_database(prune)
    for name, what in (
        ("raw", "single rows: commands, music events, measured operations"),
        ("people", "who used the bot on which day; never less than single rows"),
        ("rollup", "counts and latencies of each day; never less than single rows"),
        ("health", "health checks, messages about alerts, gateway outages"),
    ):
        prune.add_argument(f"--{name}-days", type=_days, metavar="N", help=f"{what} (default: as configured)")
    prune.add_argument("--dry-run", action="store_true", help="say what would go, and change nothing")


def _add_vacuum(commands: argparse._SubParsersAction[Any]) -> None:  # pyright: ignore[reportPrivateUsage]
    vacuum = commands.add_parser(
        "vacuum",
        help="give what is free in a database back to the file system",
        description="Make a SQLite file as small as what it holds, in small steps, beside a running bot. On PostgreSQL "
        "this is VACUUM (ANALYZE) of our tables, which the server also does by itself.",
    )
    _add_database(vacuum)


def _add_erase(commands: argparse._SubParsersAction[Any]) -> None:  # pyright: ignore[reportPrivateUsage]
    erase = commands.add_parser(
        "erase",
        help="erase what is stored about a person or a server",
        description="Take a person, or a server, out of everything: the database, what waits beside it, and the rows "
        "mirrored into your bot's own database. All counts stay, without them. Nothing is erased without --yes. A bot "
        "may be using the database meanwhile.",
    )
    _add_database(erase)
    whom = erase.add_mutually_exclusive_group(required=True)
    whom.add_argument("--user", type=_discord_id, metavar="ID", help="a person's ID")
    whom.add_argument("--guild", type=_discord_id, metavar="ID", help="a server's ID")
    how = erase.add_mutually_exclusive_group()
    how.add_argument("--yes", action="store_true", help="erase it")
    how.add_argument("--dry-run", action="store_true", help="say what would be erased, as without --yes")


def _discord_id(given: str) -> int:
    if not (given.isascii() and given.isdecimal() and 0 < int(given[:20]) < 1 << 63):
        raise argparse.ArgumentTypeError(f"{given!r} is not an ID. Allowed: a number such as 712345678901234567")
    return int(given)


def _add_forget(commands: argparse._SubParsersAction[Any]) -> None:  # pyright: ignore[reportPrivateUsage]
    forget = commands.add_parser(
        "forget",
        help="show what is left after uninstalling, and remove it on request",
        description="Show what the extension has made and uninstalling leaves behind: its database, what waits beside "
        "it, and with a token in the environment variable DISCORD_TOKEN its commands at Discord. Nothing is removed "
        "without --yes, and nothing of your bot's ever is.",
    )
    _add_database(forget)
    forget.add_argument("--yes", action="store_true", help="remove it; stop the bot first")


def _add_database(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--database", type=any_database, metavar="PATH_OR_URL", help="default: the configured one, as the bot reads it"
    )


def any_database(given: str) -> str:
    """A database of either engine; the message never repeats what was given."""
    try:
        check_url(given, "the command line", None)
        if not is_postgres(given):
            path = sqlite_path(given)
            if path == IN_MEMORY:
                raise argparse.ArgumentTypeError(
                    "a database in memory is always empty here. Allowed: a file, or a server"
                )
            return path
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix(f"{error.source}: ")) from error
    if not _is_clear(given):
        raise argparse.ArgumentTypeError(
            "the URL can't be read. In a password, the characters @ : / ? # % are written as %40 %3A %2F %3F %23 %25"
        )
    return given


def _is_clear(url: str) -> bool:
    """Whether no part of a password would be taken for something that may be shown."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.fragment or "@" in parts.path + parts.query:
        return False
    hosts = parts.netloc.rpartition("@")[2].split(",")
    ports = [host.rpartition("]")[2].partition(":")[2] for host in hosts]
    return all(not port or (port.isascii() and port.isdecimal()) for port in ports)


def _days(given: str) -> int:
    if not (given.isascii() and given.isdecimal() and int(given[:9]) <= _MOST_DAYS):
        raise argparse.ArgumentTypeError(
            f"{given!r} can't be used. Allowed: a whole number from 0, for ever, to {_MOST_DAYS}"
        )
    return int(given)
