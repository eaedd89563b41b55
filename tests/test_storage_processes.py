"""Four processes that write into one database at once, on both engines: every sum is right."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

from botmon_cog import Config, MonitoringSystem
from botmon_cog.config import StorageConfig
from botmon_cog.domain.histogram import Histogram
from botmon_cog.domain.models import Invocation, Kind, Outcome
from tests.child import Child, Talk
from tests.engines import all_differences, table
from tests.storage_helpers import EVER

PROCESSES = 4
EACH = 25_000
START = datetime(2026, 1, 5, 3, tzinfo=UTC)
SPAN_S = 30 * 3600
GUILDS = (None, "1", "2", "3", "4", "5", "6")
COMMANDS = ("play", "skip", "queue add", "stats weekly", "🎵")
OUTCOMES = tuple(Outcome)
OUTLASTING_S = 120.0


def invocations(process: int) -> Iterator[Invocation]:
    """What one of them records: the same at each run; guilds, users, commands and hours are those of the others too."""
    for n in range(EACH):
        k = n * PROCESSES + process
        yield Invocation(
            event_id=f"{process}-{n}",
            kind=Kind.SLASH,
            command=COMMANDS[k * 7 % 31 % len(COMMANDS)],
            outcome=OUTCOMES[k * 11 % 37 % len(OUTCOMES)],
            started_at=START + timedelta(seconds=k * 7_919 % SPAN_S),
            duration_s=0.001 * (1 + k * 13 % 5_003),
            response_s=None if k % 3 else 0.05,
            guild_id=GUILDS[k * 5 % 23 % len(GUILDS)],
            guild_name="Home",
            user_id=str(k * 3 % 1_201),
        )


async def record(talk: Talk, url: str, process: int) -> None:
    settings = StorageConfig(url=url, busy_timeout_s=OUTLASTING_S, close_timeout_s=OUTLASTING_S)
    async with MonitoringSystem(Config(instance=f"process {process}", storage=settings)) as system:
        talk.send("ready")
        await talk.receive()
        for event in invocations(process):
            system.recorder.record(event)
        await system.flush()
        talk.send({"dropped": system.writer.dropped, "queued": system.writer.queued})


async def test_four_processes_count_every_invocation_once(engine):
    with ExitStack() as stack:
        children = [stack.enter_context(Child(record, engine.url, n)) for n in range(PROCESSES)]
        for child in children:
            assert child.receive() == "ready"
        for child in children:
            child.send("go")
        for child in children:
            assert child.receive(OUTLASTING_S) == {"dropped": 0, "queued": 0}
        for child in children:
            assert child.wait() == 0
    everything = [event for process in range(PROCESSES) for event in invocations(process)]
    async with engine.storage() as storage:
        by_instance = "SELECT instance, COUNT(*), COUNT(DISTINCT event_id) FROM audit_logs GROUP BY instance ORDER BY 1"
        assert await table(storage, by_instance) == [(f"process {n}", EACH, EACH) for n in range(PROCESSES)]
        assert await all_differences(storage) == []
        for guild_id in (None, *GUILDS[1:]):
            of_one = [event for event in everything if guild_id in (None, event.guild_id)]
            commands = Counter(event.command for event in of_one)
            outcomes = Counter((event.command, event.outcome) for event in of_one)
            found = await storage.command_counts(guild_id, EVER)
            assert {counts.command: counts.n for counts in found} == commands
            for counts in found:
                for outcome in Outcome:
                    assert counts[outcome.value] == outcomes[counts.command, outcome]
            assert await storage.unique_users(guild_id, EVER) == len({event.user_id for event in of_one})
            assert sum(hour.n for hour in await storage.hour_counts(guild_id, EVER)) == len(of_one)
        assert dict(await storage.guilds(10)) == Counter(e.guild_id for e in everything if e.guild_id)
        latencies = await storage.latencies(None, EVER)
        for command in COMMANDS:
            of_command = [event for event in everything if event.command == command]
            times = Histogram.of(event.duration_s for event in of_command if event.duration_s is not None)
            assert latencies[command, "duration"].counts == times.counts
        statistics = "SELECT guild_id, date, commands_executed, unique_users FROM bot_stats ORDER BY guild_id, date"
        assert await table(storage, statistics) == by_day(everything)


def by_day(events: list[Invocation]) -> list[tuple[str, str, int, int]]:
    users: dict[tuple[str, str], list[str | None]] = defaultdict(list)
    for event in events:
        if event.guild_id is not None:
            users[event.guild_id, f"{event.started_at:%Y-%m-%d}"].append(event.user_id)
    return sorted((*key, len(of_day), len(set(of_day))) for key, of_day in users.items())
