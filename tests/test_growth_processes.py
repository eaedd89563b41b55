"""The processes of a bot as its owners see them: who is there, since when, with which shards, servers and versions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from botmon_cog.domain.inventory import ServersByShard
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.reports.fleet import ProcessHealth, Versions
from botmon_cog.growth.processes import all_processes
from botmon_cog.growth.processes_embed import processes_embed
from botmon_cog.growth.values import Process, Processes
from tests.test_embeds_limits import any_report, assert_shows, made, moments, names, numbers, some

NOW = datetime(2026, 11, 27, 18, 40, tzinfo=UTC)
STARTED = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
LIVELY = timedelta(minutes=5)
OURS = Versions(host="1.4.2", botmon="0.1.0", discord_py="2.7.1", python="3.11.9")

shards = st.sampled_from([(), (0,), (0, 1, 2, 5), tuple(range(0, 2_000, 2)), tuple(range(2_000))])
versions = made(Versions, host=st.none() | names, botmon=st.none() | names)
fleets = made(
    Processes,
    processes=some(
        made(
            Process,
            instance=names,
            status=st.sampled_from(["healthy", "degraded", "unhealthy", "unknown"]),
            seen_at=moments,
            state=st.sampled_from(["running", "silent", "stopped"]),
            servers=st.none() | numbers,
            started_at=moments,
            shard_ids=shards,
            versions=versions,
        )
    ).map(lambda found: tuple(found or ())),
    servers=st.none() | numbers,
    shard_count=st.none() | numbers,
    nobodys=shards,
)


@any_report
@given(fleets)
def test_processes_fit_whatever_they_hold(fleet):
    assert_shows(processes_embed(fleet, NOW))


def process(instance: str, *shard_ids: int, **fields: object) -> ProcessHealth:
    servers = ServersByShard(shard_count=8, servers=dict.fromkeys(shard_ids, 1_250)) if shard_ids else None
    told = {"started_at": STARTED, "seen_at": NOW, "status": "healthy", "servers": servers, "versions": OURS}
    return ProcessHealth(instance=instance, **told | fields)


def shown(*recent: ProcessHealth) -> tuple[list[str], str | None]:
    embed = processes_embed(all_processes(recent, NOW, LIVELY), NOW)
    return (embed.description or "").splitlines(), embed.footer.text


def test_each_process_says_its_shards_servers_and_start_and_the_versions_stand_once() -> None:
    since = f"since <t:{int(STARTED.timestamp())}:f>"
    assert shown(process("a", 0, 1, 2, 3), process("b", 4, 5, 7, 6)) == (
        [
            "**2** processes · **8** shards · **10,000** servers",
            "",
            "🟢 **a** · shards 0 to 3 · 5,000 servers",
            f"-# {since}",
            "",
            "🟢 **b** · shards 4 to 7 · 5,000 servers",
            f"-# {since}",
        ],
        "1.4.2 · botmon 0.1.0 · discord.py 2.7.1 · Python 3.11.9",
    )


def test_what_one_has_otherwise_stands_with_it() -> None:
    old = Versions(host="1.4.1", botmon="0.1.0", discord_py="2.7.1", python="3.11.9")
    lines, footer = shown(process("a", 0, 2, 4), process("b", 1, 3, 5, 6, 7), process("c", versions=old))
    assert "🟢 **a** · shards 0, 2 and 4 · 3,750 servers" in lines
    assert lines[-1].endswith(" · 1.4.1 · botmon 0.1.0 · discord.py 2.7.1 · Python 3.11.9")
    assert footer is not None
    assert footer.startswith("1.4.2")


def test_one_that_is_gone_and_its_shards_come_first_and_so_does_why_one_is_not_well() -> None:
    reason = Reason.of("database.away", said="disk I/O error")
    lines, _ = shown(
        process("a", 0, 1, 2, 3, status="unhealthy", reason=reason),
        process("b", 4, 5, 6, 7, seen_at=NOW - timedelta(hours=3)),
    )
    assert lines[:5] == [
        "**1** process · **8** shards · **10,000** servers",
        "🔴 shards 4 to 7 have no process",
        "",
        "🔴 **b** · shards 4 to 7 · 5,000 servers",
        "-# down 3 h",
    ]
    assert lines[-1].startswith("-# the database does not answer")


def test_before_anybody_was_ready_there_is_a_process_and_no_more() -> None:
    lines, footer = shown(process("main", status="unknown", versions=Versions()))
    assert lines[:3] == ["**1** process", "", "⚪ **main**"]
    assert footer is None
