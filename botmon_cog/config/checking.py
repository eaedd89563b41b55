"""What no type can tell: whether what is named can be, and whether the values fit together."""

from __future__ import annotations

import ipaddress
import math
import os
import re
from urllib.parse import urlsplit

from botmon_cog.config.metrics import rule_keys, unknown_metric
from botmon_cog.config.tables import PAIRS, AlertsConfig, CommandsConfig, Config, RuleConfig
from botmon_cog.database_url import IN_MEMORY, check_url, is_postgres, sqlite_path
from botmon_cog.errors import ConfigError
from botmon_cog.maintenance import parse_window
from botmon_cog.timezones import find_zone

AUTO = "auto"
"""As `[http] listen`: the port that whoever runs the bot has chosen for it."""

_MOST_PORT = 65_535
_FILLED_IN = ("ping_ms", "status", "message")
"""What a heartbeat's URL may ask for, in braces."""


def check(config: Config, source: str) -> None:
    """Hold the values against each other and against the world.

    Raises:
        ConfigError: something can't be; it names the key and what is allowed, and never a URL that may hold a secret.
    """
    check_url(config.storage.url, source, "storage.url")
    check_host(config, source)
    find_zone(config.reports.timezone, source=source)
    _check_health(config, source)
    _check_addresses(config, source)
    _check_alerts(config.alerts, source)
    _check_names(config.commands, source)


def check_host(config: Config, source: str) -> None:
    """Refuse a `[host] database` that names no SQLite file, or the store itself.

    Raises:
        ConfigError: it can't be the host's database. The message does not repeat it: it may hold a password.
    """
    named, url = config.host.database, config.storage.url
    if not named:
        return
    if is_postgres(named) or (path := _file_of(named)) is None:
        raise ConfigError(
            source,
            "host.database",
            "this is not a SQLite file. Allowed: the path of your bot's own database, such as data/bot.db, "
            "or an empty string for none",
        )
    if not is_postgres(url) and path == _file_of(url):
        raise ConfigError(
            source,
            "host.database",
            "is the file in storage.url too. Allowed: your bot's own database; botmon_cog keeps its data elsewhere",
        )


def _file_of(url: str) -> str | None:
    """The absolute path that a URL names; None if it names no file."""
    try:
        path = sqlite_path(url)
    except ConfigError:
        return None
    # Not `Path.expanduser`, which raises where there is no home.
    return None if path == IN_MEMORY else os.path.abspath(os.path.expanduser(os.path.expandvars(path)))  # noqa: PTH100, PTH111


def _check_health(config: Config, source: str) -> None:
    for key in PAIRS:
        warning, critical = getattr(config.health, key)
        if warning >= critical:
            raise ConfigError(source, f"health.{key}", f"{warning!r} must be below the critical limit, {critical!r}")


def _check_addresses(config: Config, source: str) -> None:
    if config.http.listen not in {"", AUTO}:
        split_address(config.http.listen, source)
    if config.http.metrics and not config.http.listen:
        raise ConfigError(source, "http.metrics", "is true, but http.listen is empty. Allowed: name an address there")
    for key, url in (
        ("heartbeat.url", config.heartbeat.url),
        ("alerts.webhook", config.alerts.webhook),
        ("pushgateway.url", config.pushgateway.url),
        ("otel.endpoint", config.otel.endpoint),
    ):
        if url and not _is_web_address(url):
            raise ConfigError(
                source, key, "this text can't be used. Allowed: a URL that begins with https:// or http://"
            )
    if any(name not in _FILLED_IN for name in re.findall(r"\{(.*?)\}", config.heartbeat.url)):
        allowed = ", ".join(f"{{{name}}}" for name in _FILLED_IN)
        raise ConfigError(source, "heartbeat.url", f"holds a placeholder that is not known. Allowed: {allowed}")
    if any("://" not in url for url in config.alerts.notify):
        raise ConfigError(
            source,
            "alerts.notify",
            "one of these can't be used. Allowed: URLs as Apprise takes them, such as ntfy://topic",
        )


def _check_alerts(alerts: AlertsConfig, source: str) -> None:
    for position, text in enumerate(alerts.maintenance, 1):
        parse_window(text, source, f"alerts.maintenance[{position}]")
    for position, rule in enumerate(alerts.rule, 1):
        _check_rule(rule, source, f"alerts.rule[{position}]")
    first: dict[str, int] = {}
    for position, key in enumerate(rule_keys(alerts.rule), 1):
        if key in first:
            raise ConfigError(
                source, f"alerts.rule[{position}]", f"has the metric and the limit of alerts.rule[{first[key]}]"
            )
        first[key] = position


def _check_rule(rule: RuleConfig, source: str, key: str) -> None:
    if problem := unknown_metric(rule.metric):
        raise ConfigError(source, f"{key}.metric", problem)
    if (rule.over is None) == (rule.under is None):
        raise ConfigError(source, key, "needs exactly one of over and under")
    for name, limit in (("over", rule.over), ("under", rule.under)):
        if limit is not None and not math.isfinite(limit):
            raise ConfigError(source, f"{key}.{name}", f"{limit!r} can't be used. Allowed: a finite number")


def split_address(address: str, source: str = "the configuration") -> tuple[str, int]:
    """(host, port) of `127.0.0.1:8081`, `[::1]:8081` or `localhost:8081`. Port 0 lets the machine choose one.

    Raises:
        ConfigError: it is no such address.
    """
    host, colon, port = address.rpartition(":")
    name = host.removeprefix("[").removesuffix("]")
    if colon and name and port.isdecimal() and int(port) <= _MOST_PORT and (":" not in name or _is_ipv6(name)):
        return name, int(port)
    raise ConfigError(
        source,
        "http.listen",
        f"{address!r} can't be used. Allowed: an address and a port, such as '127.0.0.1:8081', or '{AUTO}'",
    )


def is_loopback(host: str) -> bool:
    """Whether nobody can reach that address from another machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_ipv6(name: str) -> bool:
    try:
        return isinstance(ipaddress.ip_address(name), ipaddress.IPv6Address)
    except ValueError:
        return False


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _check_names(commands: CommandsConfig, source: str) -> None:
    taken: dict[str, str] = {}
    for key in CommandsConfig.__struct_fields__:
        name = getattr(commands, key)
        if name and name in taken:
            raise ConfigError(
                source,
                f"commands.{key}",
                f"{name!r} is the name of commands.{taken[name]} too. Allowed: a name that no other command has, "
                "or an empty string to leave the command out",
            )
        taken[name] = key
