"""One frozen struct per TOML table. `config.example.toml` describes every key with its unit and reason."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Positive = Annotated[float, Meta(gt=0, le=86_400)]
Seconds = Annotated[float, Meta(ge=0, le=2_592_000)]
PositiveInt = Annotated[int, Meta(ge=1, le=10_000_000)]
Checks = Annotated[int, Meta(ge=1, le=1_000)]
Percent = Annotated[float, Meta(gt=0, le=100)]
Share = Annotated[float, Meta(gt=0, le=1)]
Amount = Annotated[float, Meta(gt=0, le=1e12)]
CommandName = Annotated[str, Meta(pattern=r"\A([-_a-z0-9]{1,32})?\Z")]
SchemaName = Annotated[str, Meta(pattern=r"\A[a-z_][a-z0-9_]{0,62}\Z")]
Days = Annotated[int, Meta(ge=0, le=36_500)]
DiscordId = Annotated[int, Meta(ge=1)]

ComponentName = Literal[
    "database", "gateway", "loop", "error_rate", "commands", "memory", "cpu", "files", "rest", "monitor"
]
"""What the verdict rests on, the gravest first: of equals, the first one's reason is told."""

Severity = Literal["warning", "critical"]


class StorageConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str = "data/botmon.db"
    postgres_schema: SchemaName = "botmon"
    linger_ms: Annotated[int, Meta(ge=0, le=10_000)] = 100
    batch_max: PositiveInt = 1_000
    queue_max: PositiveInt = 50_000
    spool: str = ""
    spool_max_mb: Annotated[int, Meta(ge=0, le=10_000_000)] = 256
    spool_after_s: Positive = 5.0
    busy_timeout_s: Positive = 5.0
    connect_timeout_s: Positive = 5.0
    command_timeout_s: Positive = 30.0
    close_timeout_s: Positive = 5.0


class HostConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    database: str = ""
    mirror: bool = True
    sigterm: bool = True


class ReleaseConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Annotated[str, Meta(max_length=64)] = ""


class RetentionConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    raw_days: Days = 90
    people_days: Days = 400
    rollup_days: Days = 0
    health_days: Days = 30
    disk_cap_mb: Annotated[int, Meta(ge=0, le=10_000_000)] = 2_000
    interval_s: Positive = 3_600.0


class ReportsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    timezone: str = "UTC"


class PrivacyConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    log_parameters: Literal["none", "names", "all"] = "names"
    scrub_keys: tuple[str, ...] = ("password", "passwd", "token", "secret", "api_key", "apikey", "auth", "pin", "otp")
    value_max_chars: Annotated[int, Meta(ge=1, le=4_000)] = 100


class RecordConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ignore_users: tuple[DiscordId, ...] = ()
    ignore_guilds: tuple[DiscordId, ...] = ()
    components: bool = True
    autocomplete: bool = True
    background: bool = True
    servers: bool = True


class ThresholdsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    command_s: Positive = 2.0
    response_s: Positive = 1.0
    voice_connect_s: Positive = 5.0


class LoopConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    watch: bool = True
    blocked_ms: Annotated[int, Meta(ge=20, le=60_000)] = 200


class HealthConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    interval_s: Positive = 60.0
    watch: tuple[ComponentName, ...] = (
        "database", "gateway", "loop", "error_rate", "commands", "memory", "cpu", "files", "rest", "monitor"
    )  # fmt: skip
    checks_to_enter: Checks = 3
    checks_window: Checks = 5
    checks_to_leave: Checks = 3
    leave_share: Share = 0.9
    memory_warning_percent: Percent = 80.0
    memory_critical_percent: Percent = 92.0
    memory_growth_warning_mb_per_h: Amount = 50.0
    cpu_warning_percent: Percent = 80.0
    cpu_critical_percent: Percent = 95.0
    files_warning_percent: Percent = 80.0
    files_critical_percent: Percent = 95.0
    loop_lag_warning_ms: Positive = 250.0
    loop_lag_critical_ms: Positive = 2_000.0
    loop_blocked_warning_s: Positive = 5.0
    loop_blocked_critical_s: Positive = 30.0
    gateway_down_s: Positive = 60.0
    gateway_latency_warning_ms: Positive = 1_000.0
    gateway_latency_critical_ms: Positive = 10_000.0
    gateway_reconnects_warning: PositiveInt = 6
    gateway_reconnects_critical: PositiveInt = 30
    gateway_identifies_left_warning: PositiveInt = 100
    rate_limits_warning: PositiveInt = 120
    rate_limits_critical: PositiveInt = 1_200
    server_errors_warning: PositiveInt = 30
    server_errors_critical: PositiveInt = 300
    database_slow_ms: Positive = 250.0
    database_timeout_s: Positive = 5.0
    error_rate_warning: Share = 0.05
    error_rate_critical: Share = 0.25
    error_rate_min_commands: PositiveInt = 20
    slow_command_factor: Annotated[float, Meta(gt=1, le=1_000)] = 3.0
    slow_command_min_s: Positive = 1.0
    slow_command_min_commands: PositiveInt = 20


class RuleConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[[alerts.rule]]`: an alert of one's own. `for_s` is `for` in the file; one of `over` and `under` is set."""

    metric: Annotated[str, Meta(min_length=1, max_length=100)]
    over: float | None = None
    under: float | None = None
    for_s: Seconds = msgspec.field(default=0.0, name="for")
    severity: Severity = "warning"
    message: Annotated[str, Meta(max_length=300)] = ""


class AlertsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    enabled: bool = True
    hello: bool = True
    level: Severity = "warning"
    critical_after_s: Seconds = 120.0
    warning_after_s: Seconds = 900.0
    recover_after_s: Seconds = 180.0
    flap_window_s: Seconds = 3_600.0
    repeat_after_s: Seconds = 14_400.0
    warning_repeat_after_s: Seconds = 86_400.0
    messages_per_h: Annotated[int, Meta(ge=1, le=1_000)] = 12
    dm: bool = True
    channel_id: Annotated[int, Meta(ge=0)] = 0
    webhook: str = ""
    notify: tuple[str, ...] = ()
    maintenance: tuple[str, ...] = ()
    rule: tuple[RuleConfig, ...] = ()


class HttpConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    listen: str = ""


class HeartbeatConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str = ""
    interval_s: Positive = 60.0


class LogConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    file: str = ""
    max_mb: Annotated[int, Meta(ge=1, le=10_000)] = 10
    keep: Annotated[int, Meta(ge=1, le=1_000)] = 5


class CommandsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    health: CommandName = "health"
    stats: CommandName = "stats"
    perf: CommandName = "perf"
    botmon: CommandName = "botmon"
    prefix: bool = False


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that can be set. `Config()` is the default; `msgspec.structs.replace` makes variants."""

    instance: Annotated[str, Meta(min_length=1, max_length=64)] = "main"
    storage: StorageConfig = StorageConfig()
    host: HostConfig = HostConfig()
    release: ReleaseConfig = ReleaseConfig()
    retention: RetentionConfig = RetentionConfig()
    reports: ReportsConfig = ReportsConfig()
    privacy: PrivacyConfig = PrivacyConfig()
    record: RecordConfig = RecordConfig()
    thresholds: ThresholdsConfig = ThresholdsConfig()
    loop: LoopConfig = LoopConfig()
    health: HealthConfig = HealthConfig()
    alerts: AlertsConfig = AlertsConfig()
    http: HttpConfig = HttpConfig()
    heartbeat: HeartbeatConfig = HeartbeatConfig()
    log: LogConfig = LogConfig()
    commands: CommandsConfig = CommandsConfig()


TABLES = (
    StorageConfig,
    HostConfig,
    ReleaseConfig,
    RetentionConfig,
    ReportsConfig,
    PrivacyConfig,
    RecordConfig,
    ThresholdsConfig,
    LoopConfig,
    HealthConfig,
    AlertsConfig,
    RuleConfig,
    HttpConfig,
    HeartbeatConfig,
    LogConfig,
    CommandsConfig,
)

BELOW = (
    ("memory_warning_percent", "memory_critical_percent"),
    ("cpu_warning_percent", "cpu_critical_percent"),
    ("files_warning_percent", "files_critical_percent"),
    ("loop_lag_warning_ms", "loop_lag_critical_ms"),
    ("loop_blocked_warning_s", "loop_blocked_critical_s"),
    ("gateway_latency_warning_ms", "gateway_latency_critical_ms"),
    ("gateway_reconnects_warning", "gateway_reconnects_critical"),
    ("rate_limits_warning", "rate_limits_critical"),
    ("server_errors_warning", "server_errors_critical"),
    ("error_rate_warning", "error_rate_critical"),
)
"""Keys of `[health]`: the first must be below the second."""
