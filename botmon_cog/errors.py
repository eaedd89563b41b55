"""What this package raises. Everything derives from `BotMonError`; each message says what to do."""

from __future__ import annotations


class BotMonError(Exception):
    """The base of every error raised by this package."""


class ConfigError(BotMonError):
    """The configuration holds a key or a value that can't be used.

    Attributes:
        source: where it stands, a file's path or the name of an environment variable.
        key: the dotted key (`storage.linger_ms`), or None where the file as a whole can't be read.
    """

    def __init__(self, source: str, key: str | None, problem: str) -> None:
        self.source = source
        self.key = key
        super().__init__(f"{source}: {key}: {problem}" if key else f"{source}: {problem}")


class StorageError(BotMonError):
    """The database can't be opened, read or written."""


class SpoolError(StorageError):
    """The spool can't be opened, read or written."""


class ConflictError(StorageError):
    """A row was to be stored whose key is there already. Nothing was stored."""


class NotOursError(StorageError):
    """What stands where the store should be belongs to somebody else. It was left as it is."""


class SchemaTooNewError(StorageError):
    """The database was upgraded by a newer version of this package than the one running."""


class MissingExtraError(BotMonError):
    """A feature was asked for whose optional dependency is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        self.extra = extra
        super().__init__(f"{feature} needs an optional dependency: pip install 'botmon-cog[{extra}]'")
