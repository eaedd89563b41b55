"""Everything that is exported, each family declared once: what it is, and how it is read. Writers and docs follow."""

from __future__ import annotations

from dataclasses import dataclass

from botmon_cog.domain.exposed import Family, FamilyKind, Series
from botmon_cog.domain.models import BackgroundKind, MusicEventType
from botmon_cog.exporters import series
from botmon_cog.exporters.readings import Readings


@dataclass(frozen=True, slots=True)
class Declared:
    """One family.

    Attributes:
        name: without `botmon_` and `_total`; ends with the unit if it has one.
        labels: the names of its labels, in the order in which `read` has the values.
        goes_on: whether it goes on over restarts of the process; counters that do not begin at 0.
    """

    name: str
    kind: FamilyKind
    what: str
    read: series.Read
    labels: tuple[str, ...] = ()
    unit: str = ""
    goes_on: bool = False

    @property
    def full_name(self) -> str:
        return f"botmon_{self.name}"

    def family(self, readings: Readings) -> Family:
        found = [Series(labels, value) for labels, value in self.read(readings) if value is not None]
        return Family(self.full_name, self.kind, self.what, self.unit, self.labels, found)


_COUNTER, _GAUGE, _HISTOGRAM = FamilyKind.COUNTER, FamilyKind.GAUGE, FamilyKind.HISTOGRAM
_S, _BYTES = "seconds", "bytes"

FAMILIES: tuple[Declared, ...] = (
    # -- what people did -----------------------------------------------------------------------------------------------
    Declared(
        "invocations",
        _COUNTER,
        "Commands, buttons, selects and modals that ended.",
        series.of_totals(series.invocations),
        ("command", "kind", "outcome"),
        goes_on=True,
    ),
    Declared(
        "command_duration_seconds",
        _HISTOGRAM,
        "From received to finished.",
        series.of_totals(lambda totals: series.timings(totals.durations)),
        ("command",),
        _S,
        goes_on=True,
    ),
    Declared(
        "command_first_response_seconds",
        _HISTOGRAM,
        "From received to the first response that Discord accepted; Discord gives up at 3 s.",
        series.of_totals(lambda totals: series.timings(totals.responses)),
        ("command",),
        _S,
        goes_on=True,
    ),
    Declared(
        "gateway_delay_seconds",
        _HISTOGRAM,
        "From made at Discord to received by the bot.",
        series.of_totals(lambda totals: [((), totals.delays.distribution)]),
        unit=_S,
        goes_on=True,
    ),
    Declared(
        "autocompletions",
        _COUNTER,
        "Completed options, by whether they failed.",
        series.of_totals(series.completions),
        ("command", "result"),
        goes_on=True,
    ),
    Declared(
        "background_failures",
        _COUNTER,
        "Exceptions in listeners, loops, tasks, completions and in the monitor itself.",
        series.of_totals(lambda totals: (((kind.value,), totals.background[kind]) for kind in BackgroundKind)),
        ("kind",),
        goes_on=True,
    ),
    Declared(
        "music_events",
        _COUNTER,
        "Songs played, skips and pauses.",
        series.of_totals(
            lambda totals: (
                ((kind.value,), totals.music[kind]) for kind in MusicEventType if kind is not MusicEventType.PLAYTIME
            )
        ),
        ("type",),
        goes_on=True,
    ),
    Declared(
        "guilds", _GAUGE, "Servers of this process.", series.by_label(lambda readings: readings.guilds), ("shard",)
    ),
    Declared(
        "people_today",
        _GAUGE,
        "People who used the bot today (UTC), over all processes on one database.",
        series.one(lambda readings: readings.people_today),
    ),
    # -- the event loop ------------------------------------------------------------------------------------------------
    Declared(
        "event_loop_lag_seconds",
        _HISTOGRAM,
        "How late the event loop ran what was due, measured four times a second.",
        series.one(series.loop_lag),
        unit=_S,
    ),
    Declared(
        "event_loop_blocks",
        _COUNTER,
        "How often something kept the event loop from running for longer than [loop] blocked_ms.",
        series.one(lambda readings: None if readings.loop is None else readings.loop.blocks),
    ),
    Declared(
        "event_loop_blocked_seconds",
        _COUNTER,
        "For how long in total.",
        series.one(lambda readings: None if readings.loop is None else readings.loop.blocked_s),
        unit=_S,
    ),
    # -- Discord -------------------------------------------------------------------------------------------------------
    Declared(
        "gateway_connected",
        _GAUGE,
        "Whether the shard is connected: 1 or 0.",
        series.shards(series.connected),
        ("shard",),
    ),
    Declared(
        "gateway_latency_seconds",
        _GAUGE,
        "What Discord took to answer the newest heartbeat.",
        series.shards(series.latencies),
        ("shard",),
        _S,
    ),
    Declared(
        "gateway_reconnects",
        _COUNTER,
        "How often the shard's connection came back.",
        series.by_label(lambda readings: readings.reconnects),
        ("shard",),
    ),
    Declared(
        "gateway_events",
        _COUNTER,
        "Events received from Discord, by its name of them.",
        series.by_label(series.gateway_events),
        ("type",),
    ),
    Declared(
        "gateway_identifies_left",
        _GAUGE,
        "How many sessions may still be begun today; at 0 the bot can't reconnect.",
        series.one(lambda readings: None if readings.gateway is None else readings.gateway.identifies_left),
    ),
    Declared(
        "rest_rate_limits",
        _COUNTER,
        "Requests that Discord held back (429).",
        series.one(lambda readings: None if readings.rest is None else readings.rest.rate_limits),
    ),
    Declared(
        "rest_server_errors",
        _COUNTER,
        "Requests that failed by Discord's own fault (5xx) and reached the bot's code.",
        series.one(lambda readings: None if readings.rest is None else readings.rest.server_errors),
    ),
    # -- the process ---------------------------------------------------------------------------------------------------
    Declared(
        "log_records",
        _COUNTER,
        "Records that were logged in this process, by level.",
        series.by_label(lambda readings: readings.log_records),
        ("level",),
    ),
    Declared(
        "process_resident_memory_bytes", _GAUGE, "Memory of this process.", series.checked(series.resident), unit=_BYTES
    ),
    Declared(
        "process_cpu_seconds",
        _COUNTER,
        "Processor time that this process has used.",
        series.one(lambda readings: readings.processor_s),
        unit=_S,
    ),
    Declared(
        "process_open_files", _GAUGE, "Files and sockets that this process has open.", series.checked(series.open_files)
    ),
    Declared(
        "process_start_time_seconds",
        _GAUGE,
        "When this process began, in seconds since 1970.",
        series.one(lambda readings: readings.began_at_s),
        unit=_S,
    ),
    # -- the monitor ---------------------------------------------------------------------------------------------------
    Declared(
        "verdict",
        _GAUGE,
        "The last health check's: 0 healthy, 1 degraded, 2 unhealthy.",
        series.one(series.verdict),
    ),
    Declared(
        "component_status",
        _GAUGE,
        "What the last health check found: 0 healthy, 1 warning, 2 critical.",
        series.components,
        ("component",),
    ),
    Declared(
        "store_up", _GAUGE, "Whether the store takes rows: 1 or 0.", series.one(lambda r: float(not r.is_store_away))
    ),
    Declared(
        "store_response_seconds",
        _GAUGE,
        "What the database took to answer the last health check.",
        series.checked(lambda report: series.database(report, "response_time_s")),
        unit=_S,
    ),
    Declared(
        "store_size_bytes",
        _GAUGE,
        "What the database takes.",
        series.checked(lambda report: series.database(report, "size_bytes")),
        unit=_BYTES,
    ),
    Declared(
        "store_disk_free_bytes",
        _GAUGE,
        "What is left on the store's disk.",
        series.checked(series.disk_free),
        unit=_BYTES,
    ),
    Declared(
        "store_write_failures", _COUNTER, "Writes to the store that failed.", series.one(lambda r: r.write_failures)
    ),
    Declared("queue_rows", _GAUGE, "Rows in memory that wait for the store.", series.one(lambda r: r.queued)),
    Declared("spool_rows", _GAUGE, "Rows on disk that wait for the store.", series.one(lambda r: r.spooled)),
    Declared("spool_bytes", _GAUGE, "What they take.", series.one(lambda r: r.spool_bytes), unit=_BYTES),
    Declared("dropped_rows", _COUNTER, "Rows that were lost.", series.one(lambda r: r.dropped)),
    Declared("own_failures", _COUNTER, "Exceptions in the monitor's own code.", series.one(lambda r: r.own_failures)),
    Declared(
        "build_info",
        _GAUGE,
        "Always 1; what runs here, in the labels. process: [instance]. release: the bot's own version.",
        lambda readings: [(readings.versions, 1.0)] if readings.versions else [],
        ("process", "version", "discord_py", "python", "release"),
    ),
)


def gather(readings: Readings) -> list[Family]:
    """Every family that has a series, the host's own last. For a thread: it takes milliseconds."""
    families = [declared.family(readings) for declared in FAMILIES]
    return [*(family for family in families if family.series), *readings.custom]
