"""The boards, panel by panel: what each asks, and of which metrics. make_boards.py makes JSON of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

BOT = 'job=~"$job", instance=~"$instance"'
"""Which bots: what is chosen at the top of a board."""
FAULTS, RATED = 'outcome=~"error|late|unanswered"', 'outcome=~"ok|error|late|unanswered"'
"""The bot's own faults, and what can be one."""
RATE = "$__rate_interval"

Kind = Literal["graph", "stacked", "number", "table", "heat"]
Steps = Sequence[tuple[float, str]]
"""From which value on which colour."""


class Panel(NamedTuple):
    """One panel.

    Attributes:
        question: what it answers.
        queries: (PromQL, legend).
        unit: as Grafana calls it; "short" for plain counts.
        steps: colours by value, and lines in a graph.
    """

    title: str
    question: str
    queries: Sequence[tuple[str, str]]
    unit: str = "short"
    kind: Kind = "graph"
    steps: Steps = ()
    width: int = 12


class Board(NamedTuple):
    uid: str
    title: str
    panels: Sequence[Panel]


def quantile(q: float, name: str, by: str = "") -> str:
    return f"histogram_quantile({q}, sum by (le{by and ', ' + by}) (rate({name}_bucket{{{BOT}}}[{RATE}])))"


def ratio(by: str = "") -> str:
    """The share of faults. Nothing was used: no share, not 0."""
    of = f"sum by ({by})" if by else "sum"
    rate = f"{of} (rate(botmon_invocations_total{{{BOT}, %s}}[{RATE}]))"
    return f"{rate % FAULTS} / ({rate % RATED} > 0)"


def rate(name: str, by: str = "", where: str = "") -> str:
    of = f"sum by ({by})" if by else "sum"
    return f"{of} (rate({name}{{{BOT}{where and ', ' + where}}}[{RATE}]))"


def within(name: str, by: str = "", where: str = "") -> str:
    """How often within the time that is shown."""
    of = f"sum by ({by})" if by else "sum"
    return f"{of} (increase({name}{{{BOT}{where and ', ' + where}}}[$__range]))"


CALLS = "botmon_invocations_total"
DURATION, RESPONSE = "botmon_command_duration_seconds", "botmon_command_first_response_seconds"
DELAY, LAG = "botmon_gateway_delay_seconds", "botmon_event_loop_lag_seconds"
_GOOD, _WARNING, _BAD = "green", "orange", "red"
_SHARE: Steps = ((0, _GOOD), (0.05, _WARNING), (0.25, _BAD))
_VERDICT: Steps = ((0, _GOOD), (1, _WARNING), (2, _BAD))
_UP: Steps = ((0, _BAD), (1, _GOOD))
_NONE_IS_GOOD: Steps = ((0, _GOOD), (1, _BAD))

OVERVIEW = Board(
    "botmon-overview",
    "Bot: overview",
    (
        Panel("Verdict", "Is the bot well? 0 healthy, 1 degraded, 2 unhealthy.", [(f"max(botmon_verdict{{{BOT}}})", "")],
              kind="number", steps=_VERDICT, width=4),
        Panel("Commands", "How much was it used in the time shown?", [(within(CALLS), "")], kind="number", width=4),
        Panel("Faults", "Which share of commands failed by the bot's fault?",
              [(f"{within(CALLS, where=FAULTS)} / ({within(CALLS, where=RATED)} > 0)", "")], "percentunit", "number", _SHARE, 4),
        Panel("People today", "How many people used it today (UTC)?", [(f"max(botmon_people_today{{{BOT}}})", "")],
              kind="number", width=4),
        Panel("Servers", "In how many servers is it?", [(f"sum(botmon_guilds{{{BOT}}})", "")], kind="number", width=4),
        Panel("Shards connected", "Is every shard connected?", [(f"avg(botmon_gateway_connected{{{BOT}}})", "")],
              "percentunit", "number", ((0, _BAD), (1, _GOOD)), 4),
        Panel("Commands by outcome", "How do commands end, and when did that change?",
              [(f"{rate(CALLS, 'outcome')} > 0", "{{outcome}}")], "reqps", "stacked"),
        Panel("First response", "How long do people wait until something happens? Discord gives up at 3 s.",
              [(quantile(0.5, RESPONSE), "half of them"), (quantile(0.95, RESPONSE), "p95"), (quantile(0.99, RESPONSE), "p99")],
              "s", steps=((0, _GOOD), (1, _WARNING), (3, _BAD))),
        Panel("Components", "Which part of the bot is not well? 0 healthy, 1 warning, 2 critical.",
              [(f"max by (component) (botmon_component_status{{{BOT}}})", "{{component}}")], steps=_VERDICT),
        Panel("Memory", "Does it need more and more memory?",
              [(f"botmon_process_resident_memory_bytes{{{BOT}}}", "{{instance}}")], "bytes"),
    ),
)  # fmt: skip
COMMANDS = Board(
    "botmon-commands",
    "Bot: commands",
    (
        Panel("Most used", "Which commands do people use most in the time shown?",
              [(f"topk(25, {within(CALLS, 'command, kind')})", "")], kind="table"),
        Panel("Slowest", "Which commands take longest (p95 of the time shown)?",
              [(f"topk(25, histogram_quantile(0.95, {within(DURATION + '_bucket', 'command, le')}))", "")], "s", "table"),
        Panel("Use over time", "When is each command used?",
              [(f"topk(10, {rate(CALLS, 'command')})", "{{command}}")], "reqps", "stacked"),
        Panel("By kind", "Do people use slash commands, prefix commands, menus or buttons?",
              [(rate(CALLS, "kind"), "{{kind}}")], "reqps", "stacked"),
        Panel("p95 duration", "Which command became slower, and when?",
              [(f"topk(10, {quantile(0.95, DURATION, 'command')})", "{{command}}")], "s", steps=((0, _GOOD), (2, _WARNING))),
        Panel("p95 first response", "Which command lets people wait?",
              [(f"topk(10, {quantile(0.95, RESPONSE, 'command')})", "{{command}}")], "s",
              steps=((0, _GOOD), (1, _WARNING), (3, _BAD))),
        Panel("Completions", "How much is completed while people type, and does that fail?",
              [(rate("botmon_autocompletions_total", "result"), "{{result}}")], "reqps"),
        Panel("Music", "How many songs are played, skipped and paused?",
              [(rate("botmon_music_events_total", "type"), "{{type}}")], "reqps"),
    ),
)  # fmt: skip
ERRORS = Board(
    "botmon-errors",
    "Bot: errors and latency",
    (
        Panel("Share of faults", "Did the bot begin to fail, and when?", [(ratio(), "of all commands")],
              "percentunit", steps=_SHARE),
        Panel("Share of faults by command", "Which command fails?", [(f"topk(10, {ratio('command')})", "{{command}}")],
              "percentunit", steps=_SHARE),
        Panel("Faults in the time shown", "Which commands failed most, and how?",
              [(f"topk(25, {within(CALLS, 'command, outcome', FAULTS)})", "")], kind="table"),
        Panel("What people did wrong or may not", "Do people use it wrongly, or lack permissions?",
              [(rate(CALLS, "outcome", 'outcome=~"user_error|denied|refused|ok"'), "{{outcome}}")], "reqps"),
        Panel("Durations", "How are durations spread over time?",
              [(f"sum by (le) (increase({DURATION}_bucket{{{BOT}}}[{RATE}]))", "{{le}}")], "s", "heat"),
        Panel("Answered in time", "Which share gets its first response within 1 s, and within 3 s?",
              [(f'sum (rate({RESPONSE}_bucket{{{BOT}, le="{le}"}}[{RATE}])) / sum (rate({RESPONSE}_count{{{BOT}}}[{RATE}]))',
                f"within {le} s") for le in ("1.0", "3.0")], "percentunit"),
        Panel("Failures in the background", "Do listeners, loops or tasks fail?",
              [(rate("botmon_background_failures_total", "kind"), "{{kind}}")], "reqps"),
        Panel("Log records", "Is more logged than usual, and how bad is it?",
              [(rate("botmon_log_records_total", "level"), "{{level}}")], "reqps", "stacked"),
    ),
)  # fmt: skip
GATEWAY = Board(
    "botmon-gateway",
    "Bot: gateway and loop",
    (
        Panel("Shards", "Which shard is not connected?",
              [(f"botmon_gateway_connected{{{BOT}}}", "{{instance}} shard {{shard}}")], steps=_UP),
        Panel("Latency", "How fast does Discord answer each shard's heartbeats?",
              [(f"botmon_gateway_latency_seconds{{{BOT}}}", "{{instance}} shard {{shard}}")], "s",
              steps=((0, _GOOD), (1, _WARNING))),
        Panel("Reconnects", "Which shard comes and goes, in the time shown?",
              [(within("botmon_gateway_reconnects_total", "instance, shard"), "")], kind="table"),
        Panel("Sessions left", "How often may it still connect anew today?",
              [(f"botmon_gateway_identifies_left{{{BOT}}}", "{{instance}}")]),
        Panel("Events", "What does Discord send, and did that change?",
              [(f"topk(12, {rate('botmon_gateway_events_total', 'type')})", "{{type}}")], "reqps", "stacked"),
        Panel("Gateway delay", "How old are commands already when they reach the bot?",
              [(quantile(0.5, DELAY), "half of them"), (quantile(0.99, DELAY), "p99")], "s"),
        Panel("Event loop lag", "How late does everything run, because something keeps the event loop busy?",
              [(quantile(0.5, LAG, "instance"), "{{instance}} half of the time"), (quantile(0.99, LAG, "instance"), "{{instance}} p99")],
              "s", steps=((0, _GOOD), (0.25, _WARNING), (2, _BAD))),
        Panel("Blocked", "Which share of the time was the event loop blocked?",
              [(f"rate(botmon_event_loop_blocked_seconds_total{{{BOT}}}[{RATE}])", "{{instance}}")], "percentunit",
              steps=((0, _GOOD), (0.01, _WARNING), (0.05, _BAD))),
        Panel("Blocks", "How often was it blocked?", [(rate("botmon_event_loop_blocks_total", "instance"), "{{instance}}")], "cps"),
        Panel("Discord's REST interface", "Does Discord hold requests back, or fail?",
              [(rate("botmon_rest_rate_limits_total"), "held back (429)"), (rate("botmon_rest_server_errors_total"), "failed (5xx)")],
              "reqps"),
    ),
)  # fmt: skip
FLEET = Board(
    "botmon-fleet",
    "Bot: fleet",
    (
        Panel("Processes", "What runs where, in which version?", [(f"botmon_build_info{{{BOT}}}", "")], kind="table", width=24),
        Panel("Verdicts", "Which process is not well? 0 healthy, 1 degraded, 2 unhealthy.",
              [(f"botmon_verdict{{{BOT}}}", "{{instance}}")], steps=_VERDICT),
        Panel("Running for", "Which process started lately?",
              [(f"time() - botmon_process_start_time_seconds{{{BOT}}}", "{{instance}}")], "s"),
        Panel("Commands", "Is the work spread evenly?", [(rate(CALLS, "instance"), "{{instance}}")], "reqps", "stacked"),
        Panel("Servers", "How many servers does each process have?",
              [(f"sum by (instance) (botmon_guilds{{{BOT}}})", "{{instance}}")]),
        Panel("Processor", "Which process needs most of a core?",
              [(f"rate(botmon_process_cpu_seconds_total{{{BOT}}}[{RATE}])", "{{instance}}")], "percentunit",
              steps=((0, _GOOD), (0.8, _WARNING), (0.95, _BAD))),
        Panel("Memory", "Which process needs most memory?",
              [(f"botmon_process_resident_memory_bytes{{{BOT}}}", "{{instance}}")], "bytes"),
        Panel("Open files", "Does one of them leak files or sockets?",
              [(f"botmon_process_open_files{{{BOT}}}", "{{instance}}")]),
        Panel("Store", "Does the database take rows, and how fast does it answer?",
              [(f"botmon_store_up{{{BOT}}}", "{{instance}} takes rows"),
               (f"botmon_store_response_seconds{{{BOT}}}", "{{instance}} answers in s")]),
        Panel("Rows that wait", "Do rows pile up in memory or on disk?",
              [(f"botmon_queue_rows{{{BOT}}}", "{{instance}} in memory"), (f"botmon_spool_rows{{{BOT}}}", "{{instance}} on disk")]),
        Panel("Rows lost", "Was anything lost, or did a write fail, in the time shown?",
              [(within("botmon_dropped_rows_total"), "rows lost"), (within("botmon_store_write_failures_total"), "failed writes"),
               (within("botmon_own_failures_total"), "failures of the monitor")], kind="number", steps=_NONE_IS_GOOD),
        Panel("Disk", "How much does the database take, and how much is left?",
              [(f"botmon_store_size_bytes{{{BOT}}}", "{{instance}} takes"), (f"botmon_store_disk_free_bytes{{{BOT}}}", "{{instance}} left"),
               (f"botmon_spool_bytes{{{BOT}}}", "{{instance}} waits on disk")], "bytes"),
    ),
)  # fmt: skip
BOARDS = (OVERVIEW, COMMANDS, ERRORS, GATEWAY, FLEET)
