"""From the command line to an exit code: 0 done, 1 it failed, 2 wrong input, 130 interrupted."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from botmon_cog.cli import output, quiet
from botmon_cog.cli.arguments import make_parser
from botmon_cog.cli.program import program_name
from botmon_cog.cli.tool_arguments import TOOLS

FAILED = 1
WRONG_INPUT = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; `argv` None means the process's own arguments. Errors become a sentence on stderr."""
    try:
        quiet.raise_again()
        output.prepare()
        code = _run(sys.argv[1:] if argv is None else argv)
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt:
        return quiet.INTERRUPTED
    except OSError as error:
        trouble = output.trouble_of(error)
        if trouble is None:
            raise
        output.abandon()
        _complain(trouble)
        return FAILED
    return code


def _run(argv: Sequence[str]) -> int:
    # discord.py forgets a package's modules when it unloads an extension. In a process where that happened, the
    # commands below are imported anew, with error classes of their own.
    from botmon_cog.errors import BotMonError, ConfigError  # noqa: PLC0415

    try:
        return _dispatch(argv)
    except SystemExit as stop:  # argparse, once it has said what it had to say
        return stop.code if isinstance(stop.code, int) else FAILED
    except BotMonError as error:
        _complain(str(error))
        return WRONG_INPUT if isinstance(error, ConfigError) else FAILED


def _dispatch(argv: Sequence[str]) -> int:
    if sys.stdout is None and argv[:1] != ["run"]:  # closed when the process started; a bot needs none
        _complain("there is no standard output to write to")
        return FAILED
    parser = make_parser()
    if not argv:
        parser.print_help()
        return 0
    arguments = parser.parse_args(argv)
    # Each command is imported when it is run: `report` needs no Discord of its own, and `run` no reports.
    if arguments.command == "run":
        from botmon_cog.cli import run  # noqa: PLC0415

        return run.run(is_syncing=arguments.sync, has_message_content=arguments.message_content)
    if arguments.command in {"errors", "history", "export", *TOOLS}:
        return importlib.import_module(f"botmon_cog.cli.{arguments.command}").run(arguments)
    if arguments.command == "demo":
        from botmon_cog.cli.demo import command  # noqa: PLC0415

        return command.run(arguments)
    from botmon_cog.cli import report  # noqa: PLC0415

    return report.run(arguments)


def _complain(sentence: str) -> None:
    output.complain(f"{program_name()}: {sentence}")
