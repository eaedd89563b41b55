"""The configuration: one frozen struct per TOML table, and where it is read from.

`config.example.toml` describes every key with its unit and reason; a test holds the two together.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args, get_origin

import msgspec
from msgspec import Meta

from botmon_cog.database_url import check_url
from botmon_cog.errors import ConfigError
from botmon_cog.timezones import find_zone

DEFAULT_FILE = "botmon.toml"
ENV_FILE = "BOTMON_CONFIG"
ENV_STORAGE_URL = "BOTMON_STORAGE_URL"

Positive = Annotated[float, Meta(gt=0, le=86_400)]
PositiveInt = Annotated[int, Meta(ge=1, le=10_000_000)]
Percent = Annotated[float, Meta(gt=0, le=100)]
Share = Annotated[float, Meta(gt=0, le=1)]
CommandName = Annotated[str, Meta(pattern=r"\A([-_a-z0-9]{1,32})?\Z")]
SchemaName = Annotated[str, Meta(pattern=r"\A[a-z_][a-z0-9_]{0,62}\Z")]
Days = Annotated[int, Meta(ge=0, le=36_500)]


class StorageConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str = "data/botmon.db"
    postgres_schema: SchemaName = "public"
    linger_ms: Annotated[int, Meta(ge=0, le=10_000)] = 100
    batch_max: PositiveInt = 1_000
    queue_max: PositiveInt = 50_000
    spool_folder: str = ""
    spool_max_mb: Annotated[int, Meta(ge=0, le=10_000_000)] = 256
    spool_after_s: Positive = 5.0
    busy_timeout_s: Positive = 5.0
    connect_timeout_s: Positive = 5.0
    command_timeout_s: Positive = 30.0
    close_timeout_s: Positive = 5.0


class RetentionConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    raw_days: Days = 90
    hourly_days: Days = 400
    daily_days: Days = 0
    health_days: Days = 30
    disk_cap_mb: Annotated[int, Meta(ge=0, le=10_000_000)] = 2_000
    interval_s: Positive = 3_600.0


class ReportsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    timezone: str = "UTC"


class PrivacyConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    log_parameters: Literal["none", "names", "all"] = "names"
    scrub_keys: tuple[str, ...] = ("password", "passwd", "token", "secret", "api_key", "apikey", "auth", "pin", "otp")
    value_max_chars: Annotated[int, Meta(ge=1, le=4_000)] = 100


class ThresholdsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    command_s: Positive = 2.0
    response_s: Positive = 1.0
    voice_connect_s: Positive = 5.0


class HealthConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    interval_s: Positive = 60.0
    checks_to_change: PositiveInt = 3
    memory_warning_percent: Percent = 80.0
    memory_critical_percent: Percent = 92.0
    cpu_warning_percent: Percent = 80.0
    cpu_critical_percent: Percent = 95.0
    database_slow_ms: Positive = 250.0
    database_timeout_s: Positive = 5.0
    error_rate_warning: Share = 0.05
    error_rate_critical: Share = 0.25
    error_rate_min_commands: PositiveInt = 20


class AlertsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    enabled: bool = True
    channel_id: Annotated[int, Meta(ge=0)] = 0


class CommandsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    health: CommandName = "health"
    stats: CommandName = "stats"
    perf: CommandName = "perf"


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that can be set. `Config()` is the default; `msgspec.structs.replace` makes variants."""

    instance: Annotated[str, Meta(min_length=1, max_length=64)] = "main"
    storage: StorageConfig = StorageConfig()
    retention: RetentionConfig = RetentionConfig()
    reports: ReportsConfig = ReportsConfig()
    privacy: PrivacyConfig = PrivacyConfig()
    thresholds: ThresholdsConfig = ThresholdsConfig()
    health: HealthConfig = HealthConfig()
    alerts: AlertsConfig = AlertsConfig()
    commands: CommandsConfig = CommandsConfig()


_TABLES = (
    StorageConfig,
    RetentionConfig,
    ReportsConfig,
    PrivacyConfig,
    ThresholdsConfig,
    HealthConfig,
    AlertsConfig,
    CommandsConfig,
)
_FIELDS: dict[type[msgspec.Struct], dict[str, Any]] = {
    struct: {field.name: field.type for field in msgspec.structs.fields(struct)} for struct in (Config, *_TABLES)
}
"""Key -> type. Looked up now: unloading the extension takes this module out of `sys.modules`, where msgspec looks."""

_BELOW = (
    ("memory_warning_percent", "memory_critical_percent"),
    ("cpu_warning_percent", "cpu_critical_percent"),
    ("error_rate_warning", "error_rate_critical"),
)
"""Keys of `[health]`: the first must be below the second."""


def load_config(env: Mapping[str, str] = os.environ, directory: Path | None = None) -> Config:
    """Read the file that `BOTMON_CONFIG` names, else `botmon.toml` in `directory`, else take the defaults.

    `BOTMON_STORAGE_URL` overrides `[storage] url` either way. A variable that is empty counts as not set. `directory`
    defaults to the working directory.

    Raises:
        ConfigError: a file that was named is missing or is not TOML; a key or a value in it is wrong.
    """
    named = env.get(ENV_FILE)
    path = Path(named) if named else (directory or Path.cwd()) / DEFAULT_FILE
    config = read_config(path) if named or os.path.lexists(path) else Config()
    if url := env.get(ENV_STORAGE_URL):
        check_url(url, ENV_STORAGE_URL, None)
        config = msgspec.structs.replace(config, storage=msgspec.structs.replace(config.storage, url=url))
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
    _check(config, str(path))
    return config


def _check(config: Config, source: str) -> None:
    """What no type can tell: whether the database and the time zone can be, and whether the values fit together."""
    check_url(config.storage.url, source, "storage.url")
    find_zone(config.reports.timezone, source=source)
    for lower, upper in _BELOW:
        low, high = getattr(config.health, lower), getattr(config.health, upper)
        if low >= high:
            raise ConfigError(source, f"health.{lower}", f"{low!r} must be below {upper}, which is {high!r}")
    taken: dict[str, str] = {}
    for key in CommandsConfig.__struct_fields__:
        name = getattr(config.commands, key)
        if name and name in taken:
            raise ConfigError(
                source,
                f"commands.{key}",
                f"{name!r} is the name of commands.{taken[name]} too. Allowed: a name that no other command has, "
                "or an empty string to leave the command out",
            )
        taken[name] = key


def as_config(given: object, source: str) -> Config:
    """Take what a host set as its configuration.

    A `Config` made before the extension was reloaded is of a class that no longer exists, so it is taken by its values.

    Raises:
        ConfigError: it is not a `Config`, or holds a wrong value. `source` says where it was set.
    """
    if not isinstance(given, msgspec.Struct) or type(given).__name__ != Config.__name__:
        raise ConfigError(source, None, f"must be a botmon_cog.Config, got {type(given).__name__}")
    return _convert(Config, msgspec.to_builtins(given), source, "")


def _convert(struct: type[msgspec.Struct], table: Mapping[str, Any], source: str, prefix: str) -> Any:
    """Build a struct field by field, so that an error can name the key, the value and what is allowed."""
    fields = _FIELDS[struct]
    values: dict[str, Any] = {}
    for name, value in table.items():
        key = prefix + name
        if name not in fields:
            raise ConfigError(source, key, _unknown(name, list(fields)))
        expected = fields[name]
        if _is_table(expected):
            if not isinstance(value, dict):
                raise ConfigError(
                    source, key, f"{_shown(value)} can't be used. Allowed: a table, [{key}] above its keys"
                )
            values[name] = _convert(expected, cast("dict[str, Any]", value), source, key + ".")
            continue
        try:
            values[name] = msgspec.convert(value, expected)
        except msgspec.ValidationError as error:
            raise ConfigError(source, key, f"{_shown(value)} can't be used. Allowed: {_allowed(expected)}") from error
    return struct(**values)


def _is_table(expected: Any) -> bool:
    return isinstance(expected, type) and issubclass(expected, msgspec.Struct)


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"there is no such key.{hint} Allowed here: {', '.join(known)}"


def _shown(value: object) -> str:
    """A wrong value as the message repeats it; what may be a URL with a password in it is named by its type only."""
    text = repr(value)
    return f"this {type(value).__name__}" if "://" in text else text


_NAMES: dict[Any, str] = {bool: "true or false", str: "a text", int: "a whole number", float: "a number"}


def _allowed(expected: Any) -> str:
    if get_origin(expected) is Literal:
        return ", ".join(repr(choice) for choice in get_args(expected))
    if expected is SchemaName:
        return "up to 63 of a-z, 0-9 and _, not beginning with a digit"
    if expected is CommandName:
        return "up to 32 of a-z, 0-9, - and _, or an empty string to leave the command out"
    base, *metas = get_args(expected) if get_origin(expected) is Annotated else (expected,)
    return _NAMES.get(base, "a list of texts") + "".join(map(_bounds, metas))


def _bounds(meta: Meta) -> str:
    if meta.max_length is not None:
        return f" of {meta.min_length or 0} to {meta.max_length} characters"
    low = f" above {meta.gt}" if meta.gt is not None else f" from {meta.ge}" if meta.ge is not None else ""
    return low + (f" up to {meta.le}" if meta.le is not None else "")
