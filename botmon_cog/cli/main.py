"""From the command line to an exit code: 0 done, 1 it failed, 2 wrong input, 130 interrupted."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from botmon_cog.cli.arguments import make_parser

FAILED = 1
WRONG_INPUT = 2
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; `argv` None means the process's own arguments. Errors become a sentence on stderr."""
    _let_output_replace()
    try:
        code = _run(argv)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has seen enough; what is buffered must not be tried again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return code


def _run(argv: Sequence[str] | None) -> int:
    # discord.py forgets a package's modules when it unloads an extension. In a process where that happened, the
    # commands below are imported anew, with error classes of their own.
    from botmon_cog.errors import BotMonError, ConfigError  # noqa: PLC0415

    try:
        return _dispatch(argv)
    except SystemExit as stop:  # argparse, once it has said what it had to say
        return stop.code if isinstance(stop.code, int) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BotMonError as error:
        sys.stderr.write(f"botmon: {error}\n")
        return WRONG_INPUT if isinstance(error, ConfigError) else FAILED


def _dispatch(argv: Sequence[str] | None) -> int:
    arguments = make_parser().parse_args(argv)
    # Each command is imported when it is run: `run` needs no rich, and `report` no Discord of its own.
    if arguments.command == "run":
        from botmon_cog.cli import run  # noqa: PLC0415

        return run.run(is_syncing=arguments.sync, has_message_content=arguments.message_content)
    if arguments.command == "report":
        from botmon_cog.cli import report  # noqa: PLC0415

        return report.run(arguments)
    if arguments.command == "prune":
        from botmon_cog.cli import prune  # noqa: PLC0415

        return prune.run(arguments)
    if arguments.command == "vacuum":
        from botmon_cog.cli import vacuum  # noqa: PLC0415

        return vacuum.run(arguments)
    from botmon_cog.cli.demo import command  # noqa: PLC0415

    return command.run(arguments)


def _let_output_replace() -> None:
    """Where the output can't show a character, show a question mark rather than fail."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
