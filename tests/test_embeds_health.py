"""`/health` for owners: the first line answers, then the cause, what is not fine, and the rest in a row; the numbers;
and the history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import discord
import pytest

from botmon_cog.cog import embeds
from botmon_cog.domain.alerts.cause import Cause, Change, CommonError, Times
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.reports import ComponentHealth, HealthMoment, HealthReport, Problem
from botmon_cog.domain.reports.fleet import FleetHealth, ProcessHealth
from botmon_cog.domain.samples import GatewaySample, Sample, ShardSample
from botmon_cog.domain.uptime import Gap, Uptime
from botmon_cog.health.components.database import Database, DatabaseSample
from botmon_cog.health.components.gateway import Gateway
from botmon_cog.health.components.memory import Memory, MemorySample
from botmon_cog.health.components.monitor import Monitor, MonitorSample

NOW = datetime(2026, 11, 23, 21, 4, 30, tzinfo=UTC)
AWAY = Reason.of("database.away", said="database is locked")
FULL = Reason.of("memory.full", used_percent=83.0, used_bytes=7 * 2**30, limit_bytes=2**33)
SAMPLES: dict[str, Sample] = {
    "database": DatabaseSample(response_time_s=0.0009, size_bytes=14_700_000),
    "gateway": GatewaySample(shards=(ShardSample(shard_id=0, is_connected=True, latency_s=0.041),)),
    "memory": MemorySample(process_bytes=2**28, used_bytes=2**28, limit_bytes=2**33),
    "monitor": MonitorSample(),
}
COMPONENTS: dict[str, Any] = {kind.name: object.__new__(kind) for kind in (Database, Gateway, Memory, Monitor)}
"""To tell their numbers they need nothing that they are made with."""


def ago(**passed: float) -> datetime:
    return NOW - timedelta(**passed)


def stamp(when: datetime, style: str) -> str:
    return f"<t:{int(when.timestamp())}:{style}>"


def rule(message: str) -> Reason:
    return Reason.of("rule.broken", metric="players", value=9.0, side="over", limit=5.0, message=message)


def problem(key: str, reason: Reason, severity: Any = "critical") -> Problem:
    return Problem(key=key, severity=severity, reason=reason, since=ago(minutes=10))


def made_report(status: str = "healthy", *problems: Problem, **parts: Any) -> HealthReport:
    components = {name: ComponentHealth(status="healthy", sample=sample) for name, sample in SAMPLES.items()}
    for each in problems:
        name = each.key.partition(".")[0]
        components[name] = ComponentHealth(status=each.severity, problems=(each,), sample=SAMPLES.get(name))
    usual = {"uptime_s": 1_062_000.0, "watched_s": 1_062_000.0, "checked_at": ago(seconds=4)}
    components |= parts.pop("components", {})
    return HealthReport(overall_status=status, components=components, **(usual | parts))


def glance(**parts: Any) -> embeds.Glance:
    return embeds.Glance(**({"calm_since": ago(days=6, hours=3), "instance": "main"} | parts))


def moment(hours_ago: float, status: str, reason: Reason | None = None) -> HealthMoment:
    return HealthMoment(occurred_at=ago(hours=hours_ago), status=status, reason=reason)


def uptime(hours: float, up_share: float | None, *gaps: Gap, watched_h: float | None = None) -> Uptime:
    watched_s = (hours if watched_h is None else watched_h) * 3600
    return Uptime(hours=hours, up_share=up_share, watched_s=watched_s, gaps=gaps)


ERROR = CommonError(
    error_id="7kq2m9xa",
    ended="failed",
    error_type="ValueError",
    message="API key wrong",
    file="cogs/lyrics.py",
    line=31,
    function="fetch",
    n=25,
    people=7,
    servers=3,
)


def drawn(report: HealthReport, past: Any = (), **parts: Any) -> discord.Embed:
    return embeds.health(report, COMPONENTS, glance(**parts), past, NOW)


def shown(words: str | None) -> str:
    """What keeps a line together is a space to the reader."""
    return (words or "").replace("\u00a0", " ")


def lines_of(report: HealthReport, past: Any = (), **parts: Any) -> list[str]:
    return shown(drawn(report, past, **parts).description).splitlines()


def values(embed: discord.Embed) -> dict[str | None, str]:
    return {field.name: shown(field.value) for field in embed.fields}


# -- at a glance -------------------------------------------------------------------------------------------------------


def test_healthy_bot_takes_one_sentence_and_a_row():
    embed = drawn(made_report(), [moment(1, "healthy")])
    assert (embed.title, embed.colour) == ("🟢 Healthy", embeds.GREEN)
    lines = shown(embed.description).splitlines()
    assert lines[:2] == ["Everything answers. Nothing has needed attention for **6 days**.", ""]
    assert lines[2].startswith("up 12 d 7 h · ")
    assert "ping 41 ms" in lines[2]
    assert len(lines) == 3


def test_row_breaks_only_between_its_items():
    row = (drawn(made_report()).description or "").splitlines()[-1]
    parts = row.split(" ")
    assert all(part.endswith("\u00a0·") for part in parts[:-1])
    assert "ping\u00a041\u00a0ms\u00a0·" in parts


def test_fresh_start_claims_nothing_but_what_was_watched():
    fresh = made_report(watched_s=12.0, uptime_s=14.0)
    seconds = (uptime(24, 1.0, watched_h=14 / 3600),)
    lines = lines_of(fresh, uptimes=seconds)
    assert lines[0] == "Watching for **12 s**: nothing is wrong so far."
    assert "%" not in "\n".join(line for line in lines if "uptime" in line)
    assert "Everything answers" not in "\n".join(lines)


def test_share_of_uptime_needs_an_hour_and_something_to_add():
    known = (uptime(24, 0.999), uptime(168, 0.9974), uptime(720, 0.9974, watched_h=168))
    assert lines_of(made_report(), uptimes=known)[-1] == "uptime 24 h 99.9 % · 7 d 99.7 %"
    assert "uptime" not in lines_of(made_report(), uptimes=(uptime(24, 1.0, watched_h=0.99),))[-1]
    assert lines_of(made_report(), uptimes=(uptime(24, 1.0, watched_h=1),))[-1] == "uptime 24 h 100 %"


def test_what_is_watched_below_the_limits_is_not_waved_through():
    watched = ComponentHealth(status="healthy", watched=(rule("/lyrics failed 3 of 3"),))
    lines = lines_of(made_report(components={"commands": watched}))
    assert "👀 /lyrics failed 3 of 3" in lines
    assert "Everything answers" not in "\n".join(lines)


def test_unhealthy_bot_names_the_cause_what_it_means_and_what_to_do():
    waiting = ComponentHealth(status="healthy", sample=MonitorSample(queued=214))
    report = made_report("unhealthy", problem("database", AWAY), components={"monitor": waiting})
    embed = drawn(report)
    assert (embed.title, embed.colour) == ("🔴 Unhealthy: the database does not answer", embeds.RED)
    lines = shown(embed.description).splitlines()
    assert lines[0] == f"`database is locked`, since {stamp(ago(minutes=10), 'R')}"
    assert lines[1] == "Commands run on. 214 rows wait, none is lost."
    assert lines[2].startswith("**What to do:** Stop the other process")
    assert "database" not in lines[-1], "what is not fine has had its line"
    assert embed.footer.text == "checked 4 s ago · 214 waiting"


def test_what_else_is_not_well_gets_its_line_the_gravest_first():
    unread = ComponentHealth(status="unknown", unread=rule("the processor time can't be read"))
    report = made_report(
        "unhealthy",
        problem("database", AWAY),
        problem("memory", FULL, "warning"),
        components={"cpu": unread},
        rules=(problem("rule.players", rule("more than 200 players"), "critical"),),
    )
    lines = lines_of(report)
    first = lines.index("🔴 More than 200 players")
    assert lines[first + 1].startswith("🟡 The bot uses 83 % of this machine's memory")
    assert lines[first + 2] == "⚪ The processor time can't be read"
    assert lines[first - 1] == lines[first + 3] == ""


def test_many_problems_are_cut_to_a_few_lines():
    rules = tuple(problem(f"rule.{n}", rule(f"number {n} is too high"), "warning") for n in range(20))
    lines = lines_of(made_report(rules=rules))
    assert lines[0] == "Everything answers."
    assert lines[7:9] == ["🟡 Number 5 is too high", "and 14 more"]


def test_reason_too_long_for_the_headline_stands_under_it_in_full():
    words = "every hundredth callback waits " + "very " * 15 + "long for the event loop"
    embed = drawn(made_report("degraded", problem("loop", rule(words), "warning")))
    assert (embed.title or "").endswith("…")
    assert (embed.description or "").startswith(f"E{words[1:]}, since {stamp(ago(minutes=10), 'R')}\n")


def test_cause_stands_under_the_verdict():
    report = made_report("unhealthy", problem("commands.failing.lyrics", rule("/lyrics fails")))
    change = Change(
        restarted_at=ago(minutes=30), version_before="3f2a", version="9c1d", faults_before=4, calls_before=1000
    )
    lines = lines_of(report, cause=Cause(error=ERROR, change=change), errors_command="/botmon errors")
    assert lines[0].startswith(f"Since {stamp(ago(minutes=10), 'R')}. ")
    restarted = stamp(ago(minutes=30), "t")
    assert lines[1:4] == [
        "`ValueError: API key wrong` · 25x · `cogs/lyrics.py:31 in fetch`",
        f"Hits 7 people in 3 servers. Before it: restarted {restarted}, version 3f2a → 9c1d; until then 0.4 % failed.",
        "**What to do:** `/botmon errors id:7kq2m9xa` has the traceback.",
    ]
    unchanged = lines_of(report, cause=Cause(error=ERROR, change=Change()))
    assert unchanged[2] == "Hits 7 people in 3 servers. No restart and no new version before it."
    times = Times(response_s=0.3, duration_s=4.1)
    slow = lines_of(report, cause=Cause(times=times, change=Change()))
    assert "Its first answer comes after **0.3 s**, all is done after **4.1 s** (p95)." in slow
    assert {"Its cause is not known yet.", "What changed before it is not known."} < {*lines_of(report, cause=Cause())}


def test_before_the_first_check_nothing_is_claimed():
    report = made_report("unknown", components={name: ComponentHealth(status="unknown") for name in SAMPLES})
    embed = drawn(report)
    assert (embed.title, embed.colour) == ("⚪ Not known yet", embeds.NEUTRAL)
    assert "just started" in (embed.description or "")


def test_each_mark_is_the_worst_of_its_two_hours_and_has_its_own_shape():
    past = [moment(23.5, "healthy"), moment(3, "unhealthy", AWAY), moment(2.5, "healthy"), moment(1, "degraded")]
    strip = values(drawn(made_report(), past))["Last 24 h"].splitlines()
    assert strip[0] == "🟩" + "⬛" * 9 + "🔴🔶"
    assert strip[1].startswith(f"-# {stamp(ago(hours=24), 't')} ·")
    assert f"· {stamp(ago(hours=12), 't')} ·" in strip[1]
    assert strip[1].endswith("· now")
    assert strip[2] == f"🟡 last at {stamp(ago(hours=1), 't')}"


def test_owner_sees_what_the_monitor_itself_takes():
    own = ComponentHealth(status="healthy", sample=MonitorSample(cpu_percent=0.8, held_bytes=3 << 20))
    embed = drawn(made_report(components={"monitor": own}))
    assert embed.footer.text == (
        "checked 4 s ago · nothing waiting · botmon itself: threads 0.8 % of a core, data 3 MiB"
    )
    assert "itself" not in (drawn(made_report()).footer.text or "")


def test_commands_of_one_server_are_called_here():
    assert "22 commands in 1 h here · 2 failed (9.1 %)" in lines_of(made_report(), scope="X", commands_1h=(22, 2))[-1]


# -- several processes -------------------------------------------------------------------------------------------------


def fleet(**statuses: str) -> FleetHealth:
    return FleetHealth.of(
        [
            ProcessHealth(
                instance=instance,
                started_at=ago(days=1),
                seen_at=NOW,
                status=status,
                reason=AWAY if status != "healthy" else None,
                checked_at=ago(seconds=30),
            )
            for instance, status in statuses.items()
        ]
    )


def test_verdict_of_several_processes_is_the_worst_ones():
    embed = drawn(made_report(), fleet=fleet(main="healthy", eu2="unhealthy", us1="healthy"))
    assert (embed.title, embed.colour) == ("🔴 Unhealthy (eu2): the database does not answer", embeds.RED)
    lines = shown(embed.description).splitlines()
    assert lines[0].startswith("`database is locked`, checked ")
    assert "2 of 3 processes are well, this one is healthy." in lines
    assert "Everything answers" not in "\n".join(lines)


def test_process_that_is_as_bad_as_this_one_is_named_beside_it():
    report = made_report("unhealthy", problem("memory", FULL))
    lines = lines_of(report, fleet=fleet(aaa="unhealthy", main="unhealthy", us1="healthy"))
    assert "1 of 3 processes are well; 🔴 aaa: The database does not answer: `database is locked`" in lines


def test_one_process_is_no_fleet():
    assert "processes" not in "\n".join(lines_of(made_report(), fleet=fleet(main="healthy")))
    assert "2 of 2 processes are well." in lines_of(made_report(), fleet=fleet(main="healthy", b="healthy"))


# -- in numbers --------------------------------------------------------------------------------------------------------


def test_details_show_every_component_in_numbers():
    unread = ComponentHealth(status="unknown", unread=rule("the processor time can't be read"))
    parts = {"memory": ComponentHealth(status="unknown"), "cpu": unread}
    report = made_report(components=parts, rules=(problem("rule.1", rule("too many"), "warning"),))
    found = values(
        embeds.health_details(report, COMPONENTS, glance(scope="The Room", commands_1h=(3, 0)), NOW),
    )
    assert found["🟢 Database"] == "answers in 0.9 ms, 14 MiB on disk"
    assert found["🟢 Gateway"].startswith("41 ms")
    assert found["⚪ Memory"] == "not known yet"
    assert found["⚪ cpu"] == "The processor time can't be read"
    assert found["Rules"] == "🟡 Too many"
    assert found["Uptime"] == "up 12 d 7 h"
    assert found["In The Room"] == "3 commands in 1 h here, 0 failed"


def test_details_name_every_process():
    found = values(embeds.health_details(made_report(), {}, glance(fleet=fleet(main="healthy", b="degraded")), NOW))
    assert found["Processes"].splitlines() == ["🟡 b: The database does not answer: `database is locked`", "🟢 main"]


# -- history -----------------------------------------------------------------------------------------------------------


def history(*moments: HealthMoment, uptimes: Any = (), zone: Any = UTC) -> discord.Embed:
    return embeds.health_history(embeds.changes_for_owners(moments), uptimes, NOW, zone)


def full(percent: float) -> Reason:
    return Reason.of("memory.full", used_percent=percent, used_bytes=7 * 2**30, limit_bytes=2**33)


def test_repeated_incidents_are_grouped_whatever_their_numbers():
    embed = history(
        moment(160, "healthy"),
        moment(30, "unhealthy", AWAY),
        moment(29.5, "healthy"),
        moment(5, "degraded", full(83.0)),
        moment(4.9, "healthy"),
        moment(3, "degraded", full(84.2)),
        moment(2.9, "degraded", rule("/play is slow")),
        moment(2.8, "healthy"),
    )
    assert (embed.title, embed.footer.text) == ("Health, last 7 days", "times in UTC")
    lines = shown(embed.description).splitlines()
    assert lines[:3] == [
        "**1x** unhealthy (30 min in all), **2x** degraded (18 min in all)",
        "🟩🟩🟩🟩🟩🔴🔶 Tue to Mon",
        "",
    ]
    assert lines[3] == "🔶 **Mon 18:10**, 6 min: /play is slow"
    assert lines[4].startswith(
        "🔶 **2x**, 12 min in all, last **Mon 18:04**: The bot uses 84 % of this machine's memory"
    )
    assert lines[5] == "🔴 **Sun 15:04**, 30 min: The database does not answer: `database is locked`"
    assert len(lines) == 6


def test_same_words_of_two_troubles_are_not_one():
    embed = history(
        moment(9, "degraded", Reason.of("gateway.latency", latency_s=3.0)),
        moment(8, "healthy"),
        moment(7, "degraded", rule("Discord takes 3 s to answer heartbeats")),
        moment(6, "healthy"),
    )
    lines = shown(embed.description).splitlines()[3:]
    assert [line.partition(": ")[2] for line in lines] == ["Discord takes 3 s to answer heartbeats"] * 2


def test_trouble_that_lasts_and_times_of_another_zone():
    embed = history(moment(1, "unhealthy", AWAY), zone=ZoneInfo("Asia/Tokyo"))
    assert shown(embed.description).splitlines()[-1].startswith("🔴 **Tue 05:04**, 1 h until now: ")
    assert embed.footer.text == "times in Asia/Tokyo"


def test_incident_ends_where_the_bot_was_gone():
    gap = Gap(kind="crash", began_at=ago(hours=9), ended_at=ago(hours=1))
    embed = history(moment(10, "unhealthy", AWAY), moment(1, "healthy"), uptimes=(uptime(720, 0.98, gap),))
    assert "🔴 **Mon 11:04**, 1 h: " in shown(embed.description)


def test_gaps_are_named_the_longest_first():
    gaps = [
        Gap(kind=kind, began_at=ago(hours=20 * (n + 1)), ended_at=ago(hours=20 * (n + 1)) + timedelta(minutes=30 - n))
        for n, kind in enumerate(["crash", "stop", "gateway", "unwatched", "stop", "stop", "stop", "stop"])
    ]
    embed = history(moment(1, "healthy"), uptimes=(uptime(24, 0.99), uptime(720, 0.999, *gaps)))
    assert values(embed)["Uptime"].splitlines() == [
        "24 h 99 % · 30 d 99.9 %",
        "Mon 01:04, crashed for 30 min",
        "Sun 05:04, stopped for 29 min",
        "Sat 09:04, without the gateway for 28 min",
        "Fri 13:04, not watched for 27 min",
        "Thu 17:04, stopped for 26 min",
        "and 3 shorter ones",
    ]
    assert "Nothing needed attention." in (embed.description or "")


def test_crash_names_what_ran():
    gap = Gap(kind="crash", began_at=ago(hours=9), ended_at=ago(hours=1), running=("/convert", "*play*"))
    embed = history(moment(1, "healthy"), uptimes=(uptime(720, 0.98, gap),))
    assert values(embed)["Uptime"].splitlines()[1] == "Mon 12:04, crashed for 8 h, while /convert and \\*play\\* ran"


def test_long_list_says_how_many_more():
    moments = [moment(150 - n, "degraded", rule(f"trouble {n}")) for n in range(30)]
    lines = shown(history(*moments, moment(100, "healthy")).description).splitlines()
    assert lines[0].startswith("**1x** degraded"), "it went on for another reason"
    assert len(lines) == 16
    assert lines[-1] == "and 18 more"


def test_date_stands_where_a_weekday_might_be_last_weeks():
    assert "**17 Nov 03:04**" in shown(history(moment(162, "unhealthy", AWAY), moment(161, "healthy")).description)


def test_nothing_on_record_says_what_will_be():
    embed = history()
    assert (embed.description or "").startswith("No history yet.")
    assert values(embed) == {"Uptime": "Not known yet: it takes an hour of watching."}
    calm = history(moment(100, "healthy"), uptimes=(uptime(24, 1.0), uptime(168, 1.0)))
    assert calm.footer.text is None
    assert values(calm)["Uptime"].splitlines() == ["24 h 100 % · 7 d 100 %", "no gap in 7 d"]


@pytest.mark.parametrize("status", ["healthy", "unknown", "?"])
def test_only_trouble_is_an_incident(status: str):
    assert "Nothing needed attention." in (history(moment(5, status)).description or "")
