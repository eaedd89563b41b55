"""`/health`: the first line answers, then what is not fine, then the rest in a row; the details; and the history."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from botmon_cog.cog import embeds
from botmon_cog.domain.reports import CpuHealth, MonitorHealth, RestHealth
from botmon_cog.domain.samples import Block, LoopRun, LoopSample, RestSample, SlowCommand
from botmon_cog.domain.uptime import Gap, Uptime
from tests.health_helpers import (
    AWAY,
    BLOCKED,
    FAILING,
    HEALTHY,
    LOCKED,
    NOW,
    STOP_IT,
    ago,
    gateway,
    glance,
    health_report,
    moment,
    problem,
    shard,
    shown,
    stamp,
    troubled,
    values,
)

ROW = (
    "up 12 d 7 h · ping 41 ms · 164 MiB · CPU 1.2 % · loop 2 ms · database 0.9 ms · 318 commands in 1 h here · 0 failed"
)
MEMORY = "the bot uses 83 % of this machine's memory"


def uptime(hours: float, up_share: float | None, *gaps: Gap, watched_h: float | None = None) -> Uptime:
    watched_s = (hours if watched_h is None else watched_h) * 3600
    return Uptime(hours=hours, up_share=up_share, watched_s=watched_s, gaps=gaps)


def lines_of(report: Any, past: Any = (), **parts: Any) -> list[str]:
    return shown(embeds.health(report, glance(**parts), past, NOW).description).splitlines()


# -- at a glance -------------------------------------------------------------------------------------------------------


def test_a_healthy_bot_takes_one_sentence_and_a_row():
    embed = embeds.health(health_report(), glance(), [moment(1, "healthy")], NOW)
    assert embed.title == "🟢 Healthy"
    assert shown(embed.description).splitlines() == [
        "Everything answers. Nothing has needed attention for **6 days**.",
        "",
        ROW,
    ]
    assert embed.colour == embeds.GREEN
    assert values(embed) == {"Last 24 h": "⬛" * 11 + "🟩"}
    assert embed.footer.text == "checked 4 s ago · nothing waiting"


def test_the_row_breaks_only_between_its_items():
    row = (embeds.health(health_report(), glance(), [], NOW).description or "").splitlines()[-1]
    assert [shown(part) for part in row.split(" ")] == [
        *(f"{item} ·" for item in ROW.split(" · ")[:-1]),
        ROW.rsplit(" · ", maxsplit=1)[-1],
    ]


def test_uptime_is_told_of_each_period_that_adds_something():
    known = (uptime(24, 0.999), uptime(168, 0.9974), uptime(720, 0.9974, watched_h=168))
    assert lines_of(health_report(), uptimes=known)[-1] == "uptime 24 h 99.9 % · 7 d 99.7 %"
    assert lines_of(health_report(), uptimes=(uptime(24, None, watched_h=0),))[-1] == ROW


def test_an_unhealthy_bot_names_the_reason_what_to_do_and_what_happens_meanwhile():
    embed = embeds.health(AWAY, glance(), [], NOW)
    assert embed.title == "🔴 Unhealthy: the database does not answer"
    assert embed.colour == embeds.RED
    assert shown(embed.description).splitlines()[:4] == [
        f"`database is locked`, since {stamp(ago(minutes=10), 'R')}",
        f"**What to do:** {STOP_IT}",
        "Commands run on; 214 rows wait, none is lost.",
        "",
    ]
    assert "database" not in shown(embed.description).splitlines()[-1], "what is not fine has had its line"
    assert embed.footer.text == "checked 4 s ago · 214 waiting"


def test_what_blocks_the_loop_is_named_with_its_line():
    embed = embeds.health(
        health_report("degraded", BLOCKED, loop=troubled("loop", BLOCKED, "warning")), glance(), [], NOW
    )
    assert embed.title == "🟡 Degraded: the event loop was blocked for 4.2 s in ten minutes, most by /play"
    where = "`cogs/music.py:42 in play, waiting in requests.sessions.send`"
    assert shown(embed.description).splitlines()[0] == f"{where}, since {stamp(ago(minutes=10), 'R')}"


def test_a_reason_too_long_for_the_headline_stands_under_it_in_full():
    reason = (
        "every hundredth callback waits 12 s or more for the event loop, which a task of a very long name blocked most"
    )
    embed = embeds.health(health_report("degraded", reason), glance(), [moment(3, "degraded")], NOW)
    assert (embed.title or "").endswith("…")
    assert (embed.description or "").startswith(f"E{reason[1:]}, since {stamp(ago(hours=3), 'R')}\n")


def test_trouble_without_a_problem_is_dated_from_the_first_verdict_of_its_run():
    past = [moment(9, "degraded"), moment(8, "healthy"), moment(3, "degraded"), moment(0, "unhealthy")]
    first = lines_of(health_report("degraded", "the database takes 1.4 s to answer"), past)[0]
    assert first == f"Since {stamp(ago(hours=3), 'R')}"


def test_the_count_stands_beside_the_rate():
    report = health_report("unhealthy", FAILING, error_rate=troubled("error_rate", FAILING))
    embed = embeds.health(report, glance(commands_1h=250, faults_1h=77), [], NOW)
    assert embed.title == "🔴 Unhealthy: 31 % of the last hour's commands failed"
    assert (embed.description or "").startswith("77 of 250, since ")
    assert "250 commands in 1 h here · 77 failed (31 %)" in shown(embed.description)
    everywhere = shown(embeds.health(report, glance(scope=None), [], NOW).description)
    assert "commands in 1 h" not in everywhere, "the line above has said it"


def test_what_else_is_not_well_gets_its_line_the_gravest_first():
    report = replace(
        AWAY,
        memory=troubled("memory", MEMORY, "warning"),
        error_rate=troubled("error_rate", FAILING),
        cpu=CpuHealth(status="unknown", reason="the processor time of this process can't be read"),
        rules=(problem("rule.players", "more than 200 players", "warning"),),
    )
    lines = lines_of(report)
    assert lines[4:8] == [
        "🔴 31 % of the last hour's commands failed (77 of 250)",
        "🟡 The bot uses 83 % of this machine's memory",
        "🟡 More than 200 players",
        "⚪ The processor time of this process can't be read",
    ]
    assert lines[3] == lines[8] == ""


def test_many_problems_are_cut_to_a_few_lines():
    rules = tuple(problem(f"rule.{n}", f"number {n} is too high", "warning") for n in range(20))
    lines = lines_of(health_report(rules=rules))
    assert lines[0] == "Everything answers."
    assert lines[7:9] == ["🟡 Number 5 is too high", "and 14 more"]


def test_before_the_first_check_nothing_is_claimed():
    unknown = {name: type(component)(status="unknown") for name, component in HEALTHY.items()}
    embed = embeds.health(health_report("unknown", **unknown), glance(commands_1h=0, calm_since=None), [], NOW)
    assert (embed.title, embed.colour) == ("⚪ Not known yet", embeds.NEUTRAL)
    assert "just started" in (embed.description or "")
    assert shown(embed.description).endswith("\n\nup 12 d 7 h · 0 commands in 1 h here")


def test_each_square_is_the_worst_of_its_two_hours():
    past = [
        moment(23.5, "healthy"),
        moment(3, "unhealthy", LOCKED),
        moment(2.5, "healthy"),
        moment(1, "degraded", "slow"),
    ]
    strip = values(embeds.health(health_report(), glance(), past, NOW))["Last 24 h"]
    assert strip.splitlines() == ["🟩" + "⬛" * 9 + "🟥🟨", f"🟡 last at {stamp(ago(hours=1), 't')}: Slow"]


def test_shards_are_counted_and_the_slowest_is_told():
    row = lines_of(health_report(gateway=gateway(shard(0), shard(1, 0.9), shard(2, None, is_connected=False))))[-1]
    assert "ping 900 ms · 2/3 shards" in row


def test_all_servers_are_not_called_here():
    assert "318 commands in 1 h · 0 failed" in lines_of(health_report(), scope=None)[-1]


def test_rows_on_disk_wait_too():
    away = replace(AWAY, monitor=MonitorHealth(status="healthy", queued=12, spooled=12_345))
    assert "Commands run on; 12,357 rows wait, 12,345 of them on disk, none is lost." in lines_of(away)


# -- in numbers --------------------------------------------------------------------------------------------------------


def details(**parts: Any) -> dict[str | None, str]:
    return values(embeds.health_details(health_report(**parts), glance(), NOW))


def test_details_show_every_component_in_numbers():
    assert details() == {
        "🟢 Database": "answers in 0.9 ms, 14 MiB on disk",
        "🟢 Gateway": "41 ms\n0 reconnects in 1 h",
        "🟢 Event loop": "late by p50 0.4 ms, p99 2 ms, at most 12 ms",
        "🟢 Commands, last hour": "318, 0 failed (0 %)",
        "🟢 Commands against last week": "none is much slower",
        "🟢 Memory": "164 MiB, 3.1 % of the machine's 8 GiB, 1.2 GiB virtual",
        "🟢 Processor": "1.2 % of a core, whole machine 11 %, 23 threads",
        "🟢 Open files": "87 of at most 1,024",
        "🟢 Discord's API": "2 rate limits, 0 errors of Discord's, 0 too late, in 1 h",
        "🟢 Monitor": "0 rows wait, 0 lost, 0 failures of its own",
        "Uptime": "up 12 d 7 h",
        "In The Listening Room": "318 commands in 1 h here, 0 failed",
    }


def test_what_nobody_watches_is_left_out_and_what_is_not_measured_says_so():
    unknown = {name: type(component)(status="unknown") for name, component in HEALTHY.items()}
    found = details(**unknown | {"rest": RestHealth()})
    assert "⚪ Discord's API" not in found
    assert {found[f"⚪ {name}"] for name in ("Database", "Gateway", "Commands against last week", "Processor")} == {
        "not known yet"
    }


def test_those_who_blocked_the_loop_are_ranked():
    blocks = [
        Block(who=f"/play{n}", where=f"cogs/music.py:{n} in play", n=9 - n, total_s=9.0 - n, longest_s=1.0, last_at=NOW)
        for n in range(7)
    ]
    blocks[0] = replace(blocks[0], inside="requests.sessions.send")
    loop = troubled("loop", BLOCKED, "warning", sample=LoopSample(p99_s=0.3, blocked_s=4.2, blocks=tuple(blocks)))
    lines = details(loop=loop)["🟡 Event loop"].splitlines()
    assert lines[:4] == [
        "late by p99 300 ms",
        "blocked for 4.2 s in ten minutes",
        "Who blocked it, last hour:",
        "**/play0** 9x, 9 s: `cogs/music.py:0 in play`, waiting in `requests.sessions.send`",
    ]
    assert lines[-1] == "and 2 more"


def test_few_shards_are_named_and_of_many_the_worst():
    few = details(gateway=gateway(shard(0), shard(1, None)))
    assert few["🟢 Gateway"].splitlines()[0] == "#0 41 ms, #1 connected"
    shards = [shard(n, 0.03 + n / 1000, reconnects_1h=n == 3) for n in range(16)]
    shards[3] = replace(shards[3], is_connected=False, down_s=190.0)
    many = details(gateway=gateway(*shards, heartbeats_blocked_1h=2, identifies_left=812, identifies_total=1000))
    assert many["🟢 Gateway"].splitlines() == [
        "15 of 16 shards connected; the worst: #3 **down for 3 min 10 s**, #15 45 ms, #14 44 ms, #13 43 ms",
        "1 reconnect in 1 h, heartbeat blocked 2x, 812 of 1,000 logins left today",
    ]


def test_details_have_the_uptime_in_full():
    found = embeds.health_details(health_report(), glance(uptimes=(uptime(24, 0.999), uptime(168, 1.0))), NOW)
    assert values(found)["Uptime"] == "up 12 d 7 h\n24 h 99.9 % · 7 d 100 %"


def test_rules_have_their_place_in_the_details():
    rules = tuple(problem(f"rule.{n}", f"number {n} is too high", "warning") for n in range(7))
    assert details(rules=rules)["Rules"].splitlines()[-2:] == ["🟡 Number 4 is too high", "and 2 more"]


def test_details_of_what_is_not_well():
    monitor = MonitorHealth(
        status="warning",
        queued=12,
        spooled=12_345,
        spool_bytes=5_000_000,
        dropped=3,
        failures=1,
        last_error="`x`",
        cpu_percent=0.08,
        loops=(LoopRun(name="checks", last_at=ago(seconds=12)), LoopRun(name="upkeep", last_at=None, is_late=True)),
        unreachable=("DMs to owner 1 are closed",),
        broken=("/healthz and /readyz are off: can't listen on 127.0.0.1:8081 (Address already in use)",),
    )
    slow = SlowCommand(command="play", p95_s=4.1, usual_s=0.9, n=312)
    found = details(
        monitor=monitor,
        database=troubled("database", LOCKED),
        commands=troubled("commands", "/play is slow (p95 4.1 s, last week 0.9 s)", "warning", slow=(slow,)),
        memory=replace(HEALTHY["memory"], is_contained=True, growth_bytes_per_h=62_000_000.0),
        error_rate=replace(HEALTHY["error_rate"], error_rate=None, errors=2, total=9, late=1, unanswered=1),
        rest=RestHealth(status="healthy", sample=RestSample(rate_limits_1h=1, global_rate_limits_1h=1, late_1h=4)),
    )
    assert found["🟡 Monitor"].splitlines() == [
        "12,357 rows wait, 12,345 of them on disk (4.8 MiB), 3 lost, 1 failure of its own, CPU 0.1 %",
        "last run: checks 12 s ago, upkeep not yet (**late**)",
        "closed: DMs to owner 1 are closed",
        "/healthz and /readyz are off: `can't listen on 127.0.0.1:8081 (Address already in use)`",
        "last error: `ˋxˋ`",  # noqa: RUF001
    ]
    assert found["🔴 Database"] == "no answer"
    assert found["🟡 Commands against last week"] == "**/play** p95 4.1 s, last week 0.9 s, 312 calls"
    assert found["🟢 Memory"].endswith("of the container's 8 GiB, 1.2 GiB virtual, grows by 59 MiB an hour")
    assert found["🟢 Commands, last hour"] == "9, 2 failed, too few for a rate, 1 too late, 1 never answered"
    assert found["🟢 Discord's API"] == "1 rate limit (1 global), 0 errors of Discord's, 4 too late, in 1 h"


# -- history -----------------------------------------------------------------------------------------------------------


def history(*changes: Any, uptimes: Any = (), zone: Any = None) -> Any:
    return embeds.health_history(changes, uptimes, NOW, *([zone] if zone else []))


def test_a_week_of_incidents_newest_first():
    embed = history(
        moment(160, "healthy"),
        moment(30, "unhealthy", LOCKED),
        moment(29.5, "healthy"),
        moment(5, "degraded", MEMORY),
        moment(4.5, "degraded", MEMORY.replace("83", "84.2")),
        moment(4, "degraded", FAILING),
        moment(2, "healthy"),
    )
    assert (embed.title, embed.footer.text) == ("Health, last 7 days", "times in UTC")
    assert shown(embed.description).splitlines() == [
        "**1x** unhealthy (30 min in all), **1x** degraded (3 h in all)",
        "🟩🟩🟩🟩🟩🟥🟨 Tue to Mon",
        "",
        "🟡 **Mon 16:04**, 3 h: The bot uses 83 % of this machine's memory, and 1 more",
        "🔴 **Sun 15:04**, 30 min: The database does not answer: `database is locked`",
    ]


def test_trouble_that_lasts_and_times_of_another_zone():
    embed = history(moment(1, "unhealthy", LOCKED), zone=ZoneInfo("Asia/Tokyo"))
    assert shown(embed.description).splitlines()[-1].startswith("🔴 **Tue 05:04**, 1 h until now: ")
    assert embed.footer.text == "times in Asia/Tokyo"


def test_an_incident_ends_where_the_bot_was_gone():
    gap = Gap(kind="crash", began_at=ago(hours=9), ended_at=ago(hours=1))
    embed = history(moment(10, "unhealthy", LOCKED), moment(1, "healthy"), uptimes=(uptime(720, 0.98, gap),))
    assert "🔴 **Mon 11:04**, 1 h: " in shown(embed.description)


def test_the_gaps_are_named_the_longest_first():
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
    many = Gap(kind="crash", began_at=ago(hours=20), ended_at=ago(hours=15), running=("/a", "/b", "/c", "/d", "/e"))
    embed = history(moment(1, "healthy"), uptimes=(uptime(720, 0.98, gap, many),))
    assert values(embed)["Uptime"].splitlines()[1:] == [
        "Mon 12:04, crashed for 8 h, while /convert and \\*play\\* ran",
        "Mon 01:04, crashed for 5 h, while /a, /b, /c and 2 more ran",
    ]


def test_a_long_list_says_how_many_more():
    changes = [moment(150 - n, "degraded" if n % 2 else "healthy", "slow" if n % 2 else None) for n in range(60)]
    lines = shown(history(*changes).description).splitlines()
    assert len(lines) == 16
    assert lines[-1] == "and 18 before"


def test_a_date_stands_where_a_weekday_might_be_last_weeks():
    assert "**17 Nov 03:04**" in shown(history(moment(162, "unhealthy", LOCKED), moment(161, "healthy")).description)


def test_nothing_on_record_says_what_will_be():
    embed = history()
    assert (embed.description or "").startswith("No verdict is on record yet.")
    assert values(embed) == {"Uptime": "Not known yet: it is counted from the first start on."}
    calm = history(moment(100, "healthy"), uptimes=(uptime(24, 1.0), uptime(168, 1.0)))
    assert calm.footer.text is None
    assert values(calm)["Uptime"].splitlines() == ["24 h 100 % · 7 d 100 %", "no gap in 7 d"]


@pytest.mark.parametrize("status", ["healthy", "unknown", "?"])
def test_only_trouble_is_an_incident(status: str):
    assert "Nothing needed attention." in (history(moment(5, status)).description or "")
