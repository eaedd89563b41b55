"""`[log] file`: what this package logs, in a rotating file, besides wherever the bot logs to."""

from __future__ import annotations

import logging
import os
import sys
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botmon_cog.config import LogConfig

_log = logging.getLogger(__name__)

_FORMAT = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"
_DATES = "%Y-%m-%d %H:%M:%S"
_BYTES_PER_MB = 1_000_000
_USERS = "botmon_users"
"""The attribute by which a handler of ours is known, also to the copy of this module that a reload makes."""


class LogFile:
    """A rotating file for the logger `botmon_cog`. Levels, propagation and other handlers stay as they are."""

    def __init__(self, config: LogConfig) -> None:
        """Nothing is opened before `attach`."""
        self._config = config
        self._logger = logging.getLogger(__package__)
        self._handler: RotatingFileHandler | None = None

    def attach(self) -> None:
        """Begin to write; the file is made with its first line. Does nothing if no file is configured, or called again.

        Several systems in one process may name one file: each line is in it once. A folder that can't be made is
        logged as a warning.
        """
        if self._handler is not None or not self._config.file:
            return
        # Not `Path.expanduser`, which raises where there is no home.
        path = os.path.abspath(os.path.expanduser(os.path.expandvars(self._config.file)))  # noqa: PTH100, PTH111
        handler = self._attached(path)
        if handler is None:
            try:
                os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
            except OSError as error:
                _log.warning(_problem(path, error))
                return
            handler = _Handler(path, self._config)
            self._logger.addHandler(handler)
        setattr(handler, _USERS, getattr(handler, _USERS) + 1)
        self._handler = handler

    def detach(self) -> None:
        """Stop writing, and close the file once nobody else uses it. May be called without `attach`, and again."""
        handler, self._handler = self._handler, None
        if handler is None:
            return
        setattr(handler, _USERS, getattr(handler, _USERS) - 1)
        if not getattr(handler, _USERS):
            self._logger.removeHandler(handler)
            handler.close()

    def _attached(self, path: str) -> RotatingFileHandler | None:
        """The handler of another system that writes to the same file."""
        for handler in self._logger.handlers:
            if isinstance(handler, RotatingFileHandler) and hasattr(handler, _USERS) and handler.baseFilename == path:
                return handler
        return None


class _Handler(RotatingFileHandler):
    """Says once that the file can't be written, and goes on trying: a full disk may have room again."""

    def __init__(self, path: str, config: LogConfig) -> None:
        super().__init__(
            path, maxBytes=config.max_mb * _BYTES_PER_MB, backupCount=config.keep, encoding="utf-8", delay=True
        )
        self.setFormatter(logging.Formatter(_FORMAT, _DATES))
        self.botmon_users = 0
        self._is_closed = self._has_complained = False

    def emit(self, record: logging.LogRecord) -> None:
        if not self._is_closed:  # a thread that was about to log would open the file again
            super().emit(record)

    def close(self) -> None:
        self._is_closed = True
        super().close()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._has_complained:
            self._has_complained = True
            _log.warning(_problem(self.baseFilename, error))


def _problem(path: str, error: OSError) -> str:
    return f"can't write to the log file {path} ([log] file): {error.strerror or error}; logging goes on without it"
