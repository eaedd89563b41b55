"""What each component finds in a sample, and how that is said."""
# ruff: noqa: E501, RUF001 (a table is read across; the typography is meant)

from __future__ import annotations

import math
from datetime import timedelta

import msgspec
import pytest

from botmon_cog.config.metrics import METRICS
from botmon_cog.domain.samples import LoopRun
from botmon_cog.health.component import Effect
from botmon_cog.health.components import COMPONENTS, INHIBITS
from botmon_cog.health.rules import metric
from botmon_cog.health.words import recovered, trouble_of, words_of
from tests.health_samples import BLOCK, DEFAULTS, NOON, SHARD, WELL, component, judged, sample, shards

LATE = LoopRun(name="health check", last_at=NOON - timedelta(hours=2), is_late=True)
DUE = LoopRun(name="clean-up", last_at=NOON)
INSIDE = msgspec.structs.replace(BLOCK, inside="requests.sessions.send")
RESET = {"identifies_reset_s": 3 * 3600.0}
PLACE = "cogs/music.py:42 in play"

CASES = [
    # what is seen, key, severity, what is said, its detail, a part of the remedy
    ("database", {"error": "database is locked"}, "database", "critical", "the database does not answer", "database is locked", "other process"),
    ("database", {"response_time_s": None}, "database", "critical", "the database does not answer", "no reason given", "log"),
    ("database", {"refusal": "database or disk is full"}, "database", "critical", "the database accepts no rows", "database or disk is full", "disk space"),
    ("database", {"error": "attempt to write a readonly database"}, "database", "critical", "the database does not answer", "attempt to write a readonly database", "Let the bot's user"),
    ("database", {"error": "file is not a database"}, "database", "critical", "the database does not answer", "file is not a database", "Move the damaged file"),
    ("database", {"response_time_s": 0.25}, "database.slow", "warning", "the database takes 250 ms to answer", None, "another process"),
    ("gateway", {"shards": shards(1, {0: 61.0})}, "gateway", "critical", "the bot has not been connected to Discord for 1 min 1 s", None, "discordstatus"),
    ("gateway", {"shards": shards(3, {0: 600.0, 1: 90.0, 2: 120.0})}, "gateway", "critical", "none of 3 shards has been connected to Discord for 1 min 30 s", None, "restart"),
    ("gateway", {"shards": shards(3, {1: 61.0})}, "gateway.shard.1", "warning", "shard 1 has been disconnected from Discord for 1 min 1 s", None, "log"),
    ("gateway", {"shards": shards(9, {7: 61.0, 2: 300.0})}, "gateway.shard.2", "warning", "2 of 9 shards are disconnected from Discord, the longest for 5 min", "2, 7", "log"),
    ("gateway", {"shards": shards(9, {n: 70.0 + n for n in range(7)})}, "gateway.shard.6", "warning", "7 of 9 shards are disconnected from Discord, the longest for 1 min 16 s", "6, 5, 4, 3, 2, …", "log"),
    ("gateway", {"shards": shards(1, {}, usual_latency_s=1.0)}, "gateway.latency", "warning", "Discord takes 1 s to answer heartbeats", None, "network"),
    ("gateway", {"shards": (*shards(2, {}), msgspec.structs.replace(SHARD, shard_id=2, usual_latency_s=10.0))}, "gateway.latency", "critical", "Discord takes 10 s to answer heartbeats on shard 2", None, "network"),
    ("gateway", {"shards": shards(1, {}, reconnects_1h=6)}, "gateway.reconnects", "warning", "the bot reconnected to Discord 6 times in the last hour", None, "network"),
    ("gateway", {"shards": shards(2, {}, reconnects_1h=30)}, "gateway.reconnects", "critical", "shard 0 reconnected to Discord 30 times in the last hour", None, "network"),
    ("gateway", {"identifies_left": 99}, "gateway.identifies", "warning", "Discord allows only 99 more sessions", None, "crash loop"),
    ("gateway", {"identifies_left": 1} | RESET, "gateway.identifies", "warning", "Discord allows only 1 more session for 3 h", None, "rarely"),
    ("gateway", {"identifies_left": 0} | RESET, "gateway.identifies", "critical", "Discord refuses new sessions for 3 h", None, "Don't restart"),
    ("gateway", {"heartbeats_blocked_1h": 3}, "gateway.heartbeat", "warning", "discord.py could not send its heartbeat for 10 s or more, 3 times in the last hour", None, "blocks the event loop"),
    ("loop", {"blocked_s": 5.0, "worst": BLOCK}, "loop.blocked", "warning", "the event loop was blocked for 5 s in ten minutes, most by /play", PLACE, "asyncio.to_thread"),
    ("loop", {"blocked_s": 30.0, "worst": INSIDE}, "loop.blocked", "critical", "the event loop was blocked for 30 s in ten minutes, most by /play", f"{PLACE}, waiting in requests.sessions.send", "aiohttp for requests"),
    ("loop", {"blocked_s": 5.0}, "loop.blocked", "warning", "the event loop was blocked for 5 s in ten minutes", None, "to_thread"),
    ("loop", {"p99_s": 0.25}, "loop.lag", "warning", "the bot is sluggish: work waits 250 ms or more for the event loop, 1 time in 100", None, "what else runs there"),
    ("loop", {"p99_s": 2.0, "worst": BLOCK}, "loop.lag", "critical", "the bot is sluggish: /play keeps everything else waiting, for 2 s or more", PLACE, "to_thread"),
    ("rest", {"rate_limits_1h": 120}, "rest.rate_limits", "warning", "Discord rate-limited the bot 120 times in the last hour", None, "in a loop"),
    ("rest", {"rate_limits_1h": 1_200, "global_rate_limits_1h": 3}, "rest.rate_limits", "critical", "Discord rate-limited the bot 1,200 times in the last hour, 3 of them for everything", None, "blocks the machine"),
    ("rest", {"server_errors_1h": 300}, "rest.server_errors", "critical", "300 requests failed in the last hour because of Discord's own errors", "5xx", "discordstatus"),
    ("voice", {"lost": 1, "lost_s": 90.0}, "voice.lost", "warning", "1 of 2 voice connections has been down for up to 1 min 30 s", None, "join again"),
    ("voice", {"latency_s": 1.0}, "voice.latency", "warning", "a Discord voice server takes 1 s to answer", None, "region"),
    ("monitor", {"dropped": 1}, "monitor.lost", "warning", "1 row was lost since the start", None, "botmon_cog"),
    ("monitor", {"trouble": "the file was deleted or replaced"}, "monitor.trouble", "warning", "the file was deleted or replaced", None, "new file"),
    ("monitor", {"failed_lately": True}, "monitor.failures", "warning", "the monitor itself failed in the last hour", None, "botmon_cog"),
    ("monitor", {"loops": (DUE, LATE)}, "monitor.loops", "warning", "a loop of the monitor is overdue", "health check", "Reloading"),
    ("monitor", {"unreachable": ("DMs to owner 123 are closed",)}, "monitor.unreachable", "warning", "a way to the owners is closed", "DMs to owner 123 are closed", "channel_id"),
    ("monitor", {"unreachable": ("a", "b")}, "monitor.unreachable", "warning", "2 ways to the owners are closed", "a; b", "Open them"),
    ("monitor", {"broken": ("/healthz is off: no port",)}, "monitor.broken", "warning", "a feature does not work", "/healthz is off: no port", "reload"),
    ("monitor", {"spooled": 12_345}, "monitor.spool", "warning", "12,345 rows wait on disk for the database", None, "Nothing is lost"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "key", "severity", "what", "detail", "remedy"), CASES, ids=[f"{c[2]}-{n}" for n, c in enumerate(CASES)])  # fmt: skip
def test_trouble_is_found_and_said_with_its_number_and_a_remedy(name, seen, key, severity, what, detail, remedy):
    (found,) = judged(name, **seen)
    _, critical = found.limits
    is_critical = critical is not None and found.value >= critical
    assert (found.key, is_critical) == (key, severity == "critical")
    words = words_of(found.reason)
    assert (words.what, words.detail) == (what, detail)
    assert remedy in str(words.remedy)
    assert found.is_shared == (name == "database")
    assert found.reason.owners_only
    assert not any(each.endswith(".") for each in (what, recovered(found.reason)))
    assert trouble_of(found.reason).meanwhile.endswith(".")


HARMLESS = [
    ("database", {"response_time_s": 0.249}),
    ("gateway", {"shards": shards(1, {0: 60.0})}),
    ("gateway", {"shards": shards(3, {0: 5.0, 1: 5.0, 2: 5.0})}),
    ("gateway", {"shards": shards(1, {}, latency_s=41.0, usual_latency_s=0.99, reconnects_1h=5)}),
    ("gateway", {"identifies_left": 100, "heartbeats_blocked_1h": 2}),
    ("gateway", {"identifies_left": None}),
    ("loop", {"p99_s": 0.249, "blocked_s": 4.9, "blocks": (BLOCK,), "worst": BLOCK}),
    ("rest", {"rate_limits_1h": 119, "server_errors_1h": 29, "late_1h": 500}),
    ("voice", {"latency_s": 0.99}),
    ("monitor", {"queued": 40_000, "failures": 3, "last_error": "ValueError: old", "loops": (DUE,)}),
    *((name, {}) for name in WELL),
]


@pytest.mark.parametrize(("name", "seen"), HARMLESS, ids=str)
def test_what_is_inside_its_limits_is_well(name, seen):
    assert judged(name, **seen) == []


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_is_no_number_can_not_be_told(value):
    seen = sample("loop", p99_s=value)
    lag = next(each for each in component("loop").judge(seen, DEFAULTS) if each.key == "loop.lag")
    assert lag.value is None
    assert not component("loop").is_known(seen)
    assert component("loop").is_known(WELL["loop"])


def test_what_has_nothing_to_say_yet_is_not_known():
    assert not component("gateway").is_known(sample("gateway", shards=()))
    assert not component("database").is_known(sample("database", response_time_s=math.nan))


def test_a_lost_connection_counts_from_its_loss():
    for down, lasted_s in [({0: 61.0, 1: 300.0}, 300.0), ({0: 61.0, 1: 300.0, 2: 90.0}, 61.0), ({1: math.inf}, 1e9)]:
        (found,) = judged("gateway", shards=shards(3, down))
        assert (found.lasted_s, found.is_certain) == (lasted_s, True)


def test_the_connection_that_is_back_is_named():
    (one,), (several,) = (judged("gateway", shards=shards(9, down)) for down in ({4: 99.0}, {4: 99.0, 5: 70.0}))
    assert recovered(one.reason) == "shard 4 is connected"
    assert recovered(several.reason) == "every shard is connected"


def test_the_gravest_of_the_monitor_comes_first():
    grave = {"dropped": 2, "trouble": "damaged", "failed_lately": True, "spooled": 9, "loops": (LATE, LATE)}
    found = judged("monitor", **grave, unreachable=("a", "b"), broken=("c",))
    parts = [each.key.removeprefix("monitor.") for each in found]
    assert parts == ["lost", "trouble", "failures", "loops", "unreachable", "broken", "spool"]
    assert {each.limits[1] for each in found} == {None}, "never more than a warning"


@pytest.mark.parametrize(
    ("name", "seen", "effect"),
    [
        ("gateway", {"shards": shards(1, {0: 61.0})}, Effect.AWAY),
        ("gateway", {"shards": shards(3, {1: 61.0})}, Effect.NONE),  # who can ask is not behind that shard
        ("gateway", {"shards": shards(1, {}, usual_latency_s=2.0)}, Effect.SLOW),
        ("loop", {"blocked_s": 9.0, "worst": BLOCK}, Effect.SLOW),
        ("rest", {"rate_limits_1h": 500}, Effect.SLOW),
        ("database", {"error": "gone"}, Effect.NONE),
        ("voice", {"lost": 1, "lost_s": 99.0}, Effect.NONE),
        ("monitor", {"dropped": 1}, Effect.NONE),
    ],
)
def test_people_notice_what_slows_or_stops_the_bot(name, seen, effect):
    (found,) = judged(name, **seen)
    assert trouble_of(found.reason).effect is effect


# -- what holds of all of them -----------------------------------------------------------------------------------------


def test_components_have_names_words_and_metrics_of_their_own():
    assert [kind.name for kind in COMPONENTS] == list(WELL)
    assert len({kind.title for kind in COMPONENTS}) == len(COMPONENTS)
    for kind in COMPONENTS:
        assert all(what.startswith(f"{kind.name}.") for what in {each.name for each in kind.troubles})
    patterns = [pattern for key, others in INHIBITS.items() for pattern in (key, *others)]
    assert {pattern.partition(".")[0] for pattern in patterns} <= WELL.keys()
    for name in METRICS.keys() - {"uptime_s"}:
        value = metric(name, WELL)
        assert isinstance(value, int | float) or name == "memory.growth_mb_per_h", name


def test_numbers_are_shown_of_every_component():
    for name, seen in WELL.items():
        lines = list(component(name).numbers(seen, NOON))
        assert all(lines), name
        assert lines, name


def test_the_row_under_the_verdict_has_a_few_words():
    assert list(component("gateway").brief(WELL["gateway"])) == ["ping 50 ms"]
    several = sample("gateway", shards=shards(3, {1: 9.0}, latency_s=0.2))
    assert list(component("gateway").brief(several)) == ["ping 200 ms", "2/3 shards"]
    assert list(component("voice").brief(sample("voice", connections=4))) == ["4 voice connections"]
    assert list(component("voice").brief(sample("voice", connections=0))) == []
    assert list(component("database").brief(WELL["database"])) == ["database 2 ms"]
    assert list(component("database").brief(sample("database", response_time_s=None))) == []
    assert list(component("loop").brief(WELL["loop"])) == ["loop 10 ms"]


@pytest.mark.parametrize(
    ("name", "seen", "lines"),
    [
        ("database", {"size_bytes": None, "response_time_s": None}, ["no answer"]),
        ("database", {}, ["answers in 2 ms, 977 KiB on disk"]),
        ("gateway", {"identifies_left": 3}, ["50 ms", "0 reconnects in 1 h, 3 of 1,000 logins left today"]),
        ("gateway", {"shards": shards(2, {1: 61.0}, reconnects_1h=1), "identifies_left": None, "heartbeats_blocked_1h": 2}, ["#0 50 ms, #1 **down for 1 min 1 s**", "2 reconnects in 1 h, heartbeat blocked 2x"]),
        ("gateway", {"shards": shards(9, {3: 61.0}), "identifies_left": None}, ["8 of 9 shards connected; the worst: #3 **down for 1 min 1 s**, #0 50 ms, #1 50 ms, #2 50 ms", "0 reconnects in 1 h"]),
        ("loop", {"blocked_s": 4.0, "blocks": (INSIDE,)}, ["late by p50 1 ms, p99 10 ms, at most 30 ms", "blocked for 4 s in ten minutes", "What blocked it, last hour:", "**/play** 3x, 4 s: `cogs/music.py:42 in play`, waiting in `requests.sessions.send`"]),
        ("loop", {"p50_s": None, "p99_s": None, "max_s": None, "blocks": (BLOCK,) * 6}, ["What blocked it, last hour:", *["**/play** 3x, 4 s: `cogs/music.py:42 in play`"] * 5, "and 1 more"]),
        ("rest", {"global_rate_limits_1h": 1}, ["2 rate limits (1 global), 0 errors of Discord's, 0 too late, in 1 h"]),
        ("voice", {"lost": 1, "lost_s": 75.0}, ["2 connections, slowest 40 ms, **1 down for up to 1 min 15 s**"]),
        ("monitor", {"spooled": 2, "spool_bytes": 2048, "failures": 1, "cpu_percent": 0.4, "last_error": "ValueError: `x`"}, ["5 rows not saved yet, 2 of them on disk (2 KiB), none lost, 1 failure of its own, its threads use 0.4 % of a core", "last error: `ValueError: ˋxˋ`"]),
        ("monitor", {"loops": (LATE,), "unreachable": ("DMs @all",), "broken": ("http is off",), "hints": ('to have it read: [host] database = "a_b"',)}, ["3 rows not saved yet, none lost, 0 failures of its own", "last run: health check 2 h ago (**overdue**)", "closed: DMs @\u200ball", "http is off", 'To have it read: `[host] database = "a_b"`']),
    ],
)  # fmt: skip
def test_numbers_as_the_owners_read_them(name, seen, lines):
    assert list(component(name).numbers(sample(name, **seen), NOON)) == lines
