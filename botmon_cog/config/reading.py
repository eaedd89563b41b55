"""Where the configuration is read from, and what is said of a key or a value that can't be used."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, cast, get_args, get_origin

import msgspec
from msgspec import Meta

from botmon_cog.config.checking import check, check_host
from botmon_cog.config.tables import TABLES, CommandName, Config, DiscordId, SchemaName
from botmon_cog.database_url import check_url
from botmon_cog.errors import ConfigError

DEFAULT_FILE = "botmon.toml"
ENV_FILE = "BOTMON_CONFIG"
ENV_STORAGE_URL = "BOTMON_STORAGE_URL"
ENV_HTTP_TOKEN = "BOTMON_HTTP_TOKEN"  # noqa: S105 (the variable's name)

_SECRETS = frozenset({"http.token", "otel.headers"})
_FIELDS = {
    struct: {field.encode_name: field for field in msgspec.structs.fields(struct)}
    for struct in cast("tuple[type[msgspec.Struct], ...]", (Config, *TABLES))
}
"""By key. Looked up now: unloading takes this module out of `sys.modules`, where msgspec looks."""


def load_config(env: Mapping[str, str] = os.environ, directory: Path | None = None) -> Config:
    """Read the file that `BOTMON_CONFIG` names, else `botmon.toml` in `directory`, else take the defaults.

    `BOTMON_STORAGE_URL` overrides `[storage] url` either way, and `BOTMON_HTTP_TOKEN` `[http] token`. A variable
    that is empty counts as not set. `directory` defaults to the working directory.

    Raises:
        ConfigError: a file that was named is missing or is not TOML; a key or a value in it is wrong.
    """
    named = env.get(ENV_FILE)
    path = Path(named) if named else (directory or Path.cwd()) / DEFAULT_FILE
    config = read_config(path) if named or os.path.lexists(path) else Config()
    if url := env.get(ENV_STORAGE_URL):
        check_url(url, ENV_STORAGE_URL, None)
        config = msgspec.structs.replace(config, storage=msgspec.structs.replace(config.storage, url=url))
        check_host(config, ENV_STORAGE_URL)
    if token := env.get(ENV_HTTP_TOKEN):
        config = msgspec.structs.replace(config, http=msgspec.structs.replace(config.http, token=token))
    return config


def read_config(path: Path) -> Config:
    """Read one TOML file.

    Raises:
        ConfigError: it is missing, not TOML, or holds a wrong key or value.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some editors begin a file with a BOM
    except OSError as error:
        raise ConfigError(str(path), None, f"can't be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), None, f"is not valid TOML: {error}") from error
    config: Config = _convert(Config, table, str(path), "")
    check(config, str(path))
    return config


def as_config(given: object, source: str) -> Config:
    """Take what a host set as its configuration.

    A `Config` made before the extension was reloaded is of a class that no longer exists, so it is taken by its values.

    Raises:
        ConfigError: it is not a `Config`, or holds a wrong value. `source` says where it was set.
    """
    if not isinstance(given, msgspec.Struct) or type(given).__name__ != Config.__name__:
        raise ConfigError(source, None, f"must be a botmon_cog.Config, got {type(given).__name__}")
    config: Config = _convert(Config, msgspec.to_builtins(given), source, "")
    check(config, source)
    return config


def _convert(struct: type[msgspec.Struct], table: Mapping[str, Any], source: str, prefix: str) -> Any:
    """Build a struct field by field, so that an error can name the key, the value and what is allowed."""
    fields = _FIELDS[struct]
    values: dict[str, Any] = {}
    for name, value in table.items():
        key = prefix + name
        if name not in fields:
            raise ConfigError(source, key, _unknown(name, list(fields)))
        attribute, expected = fields[name].name, fields[name].type
        if _is_table(expected):
            values[attribute] = _convert(expected, _as_table(value, source, key), source, key + ".")
        elif listed := _listed_table(expected):
            values[attribute] = tuple(
                _convert(listed, _as_table(one, source, key), source, f"{key}[{position}].")
                for position, one in enumerate(_as_list(value, source, key), 1)
            )
        else:
            try:
                values[attribute] = msgspec.convert(value, expected)
            except msgspec.ValidationError as error:
                raise ConfigError(
                    source, key, f"{_shown(value, key)} can't be used. Allowed: {_allowed(expected)}"
                ) from error
    for name, field in fields.items():
        if field.required and field.name not in values:
            raise ConfigError(source, prefix + name, "is missing")
    return struct(**values)


def _is_table(expected: Any) -> bool:
    return isinstance(expected, type) and issubclass(expected, msgspec.Struct)


def _listed_table(expected: Any) -> type[msgspec.Struct] | None:
    """The table of a list of tables."""
    of = get_args(expected)[0] if get_origin(expected) is tuple else None
    return of if _is_table(of) else None


def _as_table(value: object, source: str, key: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(source, key, f"{_shown(value)} can't be used. Allowed: a table, [{key}] above its keys")
    return cast("dict[str, Any]", value)


def _as_list(value: object, source: str, key: str) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise ConfigError(source, key, f"{_shown(value)} can't be used. Allowed: [[{key}]] above each one's keys")
    return list(cast("list[Any]", value))


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"there is no such key.{hint} Allowed here: {', '.join(known)}"


def _shown(value: object, key: str = "") -> str:
    """A wrong value as the message repeats it; what may be a URL with a password in it is named by its type only."""
    text = repr(value)
    return f"this {type(value).__name__}" if "://" in text or key in _SECRETS else text


_NAMES: dict[Any, str] = {
    bool: "true or false",
    str: "a text",
    int: "a whole number",
    float: "a number",
    dict[str, str]: "a table of texts",
}


def _allowed(expected: Any) -> str:
    if get_origin(expected) is Literal:
        return ", ".join(repr(choice) for choice in get_args(expected))
    if expected is SchemaName:
        return "up to 63 of a-z, 0-9 and _, not beginning with a digit"
    if expected is CommandName:
        return "up to 32 of a-z, 0-9, - and _, or an empty string to leave the command out"
    if get_origin(expected) is tuple:
        of, rest = get_args(expected)
        return f"a list of {_listed(of)}" if rest is Ellipsis else f"[warning, critical], each {_allowed(of)}"
    if get_origin(expected) is UnionType:
        return _allowed(get_args(expected)[0])
    base, *metas = get_args(expected) if get_origin(expected) is Annotated else (expected,)
    return _NAMES[base] + "".join(map(_bounds, metas))


def _listed(of: Any) -> str:
    if get_origin(of) is Literal:
        return ", ".join(repr(choice) for choice in get_args(of))
    return "IDs, such as [81384788765712384]" if of is DiscordId else "texts"


def _bounds(meta: Meta) -> str:
    if meta.max_length is not None:
        return f" of {meta.min_length or 0} to {meta.max_length} characters"
    low = f" above {meta.gt}" if meta.gt is not None else f" from {meta.ge}" if meta.ge is not None else ""
    return low + (f" up to {meta.le}" if meta.le is not None else "")
