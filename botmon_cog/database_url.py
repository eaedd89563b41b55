"""What `[storage] url` may name: a SQLite file, or a PostgreSQL server."""

from __future__ import annotations

import re

from botmon_cog.errors import ConfigError

IN_MEMORY = ":memory:"

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):(.*)", re.IGNORECASE | re.DOTALL)  # of two letters at least: C:\ is a path
_URLS = (
    "a path (data/botmon.db), sqlite:///relative/path, sqlite:////absolute/path, :memory:, "
    "or postgresql://user@host/database"
)
_POSTGRES = frozenset({"postgresql", "postgres"})


def is_postgres(url: str) -> bool:
    """Whether the URL names a PostgreSQL server."""
    match = _SCHEME.fullmatch(url)
    return match is not None and match[1].lower() in _POSTGRES


def sqlite_path(url: str) -> str:
    """The file that a `[storage] url` names, or `:memory:`.

    Raises:
        ConfigError: it names something else. The message does not repeat the URL: it may hold a password.
    """
    return _path_of(url, "the configuration", "storage.url")


def described(url: str) -> str:
    """What the URL names, for people: never a password, also of one whose password should have been encoded."""
    if not is_postgres(url):
        return url
    address = url.partition("://")[2]
    place, _, options = address.partition("?")
    server, _, database = ("" if "@" in options else place.rpartition("@")[2]).partition("/")
    return f"PostgreSQL {server or 'server'}/{database}".rstrip("/")


def check_url(url: str, source: str, key: str | None) -> None:
    """Refuse what names no database.

    Args:
        url: as it was given.
        source: where it stands, for the message.
        key: likewise, None where `source` holds nothing else.

    Raises:
        ConfigError: it can't be used. The message does not repeat the URL: it may hold a password.
    """
    if not is_postgres(url):
        _path_of(url, source, key)
    elif not url.partition(":")[2].startswith("//") or "\0" in url:
        raise ConfigError(source, key, f"'postgresql:' takes two slashes and a server. Allowed: {_URLS}")


def _path_of(url: str, source: str, key: str | None) -> str:
    match = _SCHEME.fullmatch(url)
    if match is None:
        if "\0" in url or not url.strip():
            raise ConfigError(source, key, f"is empty or holds a NUL character. Allowed: {_URLS}")
        return url
    scheme, rest = match[1].lower(), match[2]
    if scheme != "sqlite":
        raise ConfigError(source, key, f"'{scheme}:…' is not supported. Allowed: {_URLS}")
    if rest == "//":
        return IN_MEMORY
    path = rest.removeprefix("///")
    if path == rest or not path.strip() or "?" in path or "\0" in path:
        raise ConfigError(source, key, f"'sqlite:' takes three slashes and a path, without options. Allowed: {_URLS}")
    return path
