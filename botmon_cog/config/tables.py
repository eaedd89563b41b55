"""One frozen struct per TOML table. `config.example.toml` describes every key with its unit and reason."""

from __future__ import annotations

from typing import Annotated, Literal, get_args, get_origin, get_type_hints

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
    "database", "gateway", "loop", "commands", "memory", "cpu", "disk", "files", "rest", "voice", "monitor"
]
"""What the verdict rests on, the gravest first: of equals, the first one's reason is told."""

Severity = Literal["warning", "critical"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


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
    weekday: Weekday = "monday"
    hour: Annotated[int, Meta(ge=0, le=23)] = 9
    people: bool = False


class PrivacyConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    log_parameters: Literal["none", "names", "all"] = "names"
    scrub_keys: tuple[str, ...] = ("password", "passwd", "token", "secret", "api_key", "apikey", "auth", "pin", "otp")
    value_max_chars: Annotated[int, Meta(ge=1, le=4_000)] = 100
    guild_grace_days: Days = 30
    song_titles: bool = False


class RecordConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ignore_users: tuple[DiscordId, ...] = ()
    ignore_guilds: tuple[DiscordId, ...] = ()
    components: bool = True
    autocomplete: bool = True
    background: bool = True
    servers: bool = True
    music: bool = True


class ThresholdsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    command_s: Positive = 2.0
    response_s: Positive = 1.0
    voice_connect_s: Positive = 5.0


class LoopConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    watch: bool = True
    blocked_ms: Annotated[int, Meta(ge=20, le=60_000)] = 200


class HealthConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of two limits the first makes a warning, the second is critical."""

    interval_s: Positive = 60.0
    watch: tuple[ComponentName, ...] = get_args(ComponentName)
    memory_percent: tuple[Percent, Percent] = (80.0, 92.0)
    memory_growth_mb_per_h: Amount = 50.0
    cpu_percent: tuple[Percent, Percent] = (80.0, 95.0)
    disk_free_mb: Amount = 1_000.0
    files_percent: tuple[Percent, Percent] = (80.0, 95.0)
    loop_lag_ms: tuple[Positive, Positive] = (250.0, 2_000.0)
    loop_blocked_s: tuple[Positive, Positive] = (5.0, 30.0)
    gateway_latency_ms: tuple[Positive, Positive] = (1_000.0, 10_000.0)
    gateway_reconnects_1h: tuple[PositiveInt, PositiveInt] = (6, 30)
    rate_limits_1h: tuple[PositiveInt, PositiveInt] = (120, 1_200)
    server_errors_1h: tuple[PositiveInt, PositiveInt] = (30, 300)
    database_slow_ms: Positive = 250.0
    database_timeout_s: Positive = 5.0
    failed_share: tuple[Share, Share] = (0.05, 0.25)
    slow_command_factor: Annotated[float, Meta(gt=1, le=1_000)] = 3.0


class RuleConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[[alerts.rule]]`: an alert of one's own. `for_s` is `for` in the file; one of `over` and `under` is set."""

    metric: Annotated[str, Meta(min_length=1, max_length=100)]
    over: float | None = None
    under: float | None = None
    for_s: Seconds = msgspec.field(default=0.0, name="for")
    severity: Severity = "warning"
    message: Annotated[str, Meta(max_length=300)] = ""


class AlertsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of two times the first is a warning's, the second that of what is critical."""

    enabled: bool = True
    hello: bool = True
    level: Severity = "warning"
    after_s: tuple[Seconds, Seconds] = (900.0, 120.0)
    recover_after_s: Seconds = 180.0
    repeat_after_s: tuple[Seconds, Seconds] = (86_400.0, 14_400.0)
    messages_per_h: Annotated[int, Meta(ge=1, le=1_000)] = 12
    dm: bool = True
    channel_id: Annotated[int, Meta(ge=0)] = 0
    webhook: str = ""
    notify: tuple[str, ...] = ()
    maintenance: tuple[str, ...] = ()
    rule: tuple[RuleConfig, ...] = ()


class ChartsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    enabled: bool = True


class HttpConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    listen: str = ""
    metrics: bool = False
    token: str = ""


class PushgatewayConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str = ""
    interval_s: Positive = 15.0


class HeartbeatConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str = ""
    interval_s: Positive = 60.0


class OtelConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    metrics: bool = False
    spans: bool = False
    endpoint: str = ""
    headers: dict[str, str] = {}
    interval_s: Annotated[float, Meta(ge=0, le=86_400)] = 0.0


class LogConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    file: str = ""
    max_mb: Annotated[int, Meta(ge=1, le=10_000)] = 10
    keep: Annotated[int, Meta(ge=1, le=1_000)] = 5


class CommandsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    health: CommandName = "health"
    stats: CommandName = "stats"
    perf: CommandName = "perf"
    botmon: CommandName = "botmon"
    privacy: CommandName = "privacy"
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
    charts: ChartsConfig = ChartsConfig()
    http: HttpConfig = HttpConfig()
    pushgateway: PushgatewayConfig = PushgatewayConfig()
    heartbeat: HeartbeatConfig = HeartbeatConfig()
    otel: OtelConfig = OtelConfig()
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
    ChartsConfig,
    HttpConfig,
    PushgatewayConfig,
    HeartbeatConfig,
    OtelConfig,
    LogConfig,
    CommandsConfig,
)

PAIRS = tuple(name for name, of in get_type_hints(HealthConfig).items() if get_origin(of) is tuple and name != "watch")
"""Keys of `[health]` with two limits: the first must be below the second."""
