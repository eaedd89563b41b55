"""A bot of 40 servers and eight processes, with eight weeks behind it: what the tests and the pictures show."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from botmon_cog.domain.inventory import ServersByShard
from botmon_cog.domain.models import Event, HealthRecord, MembershipChange
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.uptime import Run
from botmon_cog.observer.offered import Offered
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.log import Batch, RunKey
from botmon_cog.store.store import Store
from botmon_cog.testing import ManualClock
from tests.storage_helpers import invocation, membership

NOW = datetime(2026, 11, 27, 18, 40, tzinfo=UTC)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
SERVERS = (
    *("The Listening Room", "Lofi Lounge", "Nightowls", "8-bit Arcade", "Jazz & Coffee", "星空カフェ", "Vinyl Club"),
    *(f"Server {n}" for n in range(8, 41)),
)
COMMANDS = ("play", "skip", "queue", "lyrics", "volume", "clear")
QUIET = ("Bass Cave", "Karaoke Night", "Study Hall", "Rainy Day")
N_SERVERS = len(SERVERS) + len(QUIET) + 2
"""With two that came and stayed without a command."""
LEFT = (("Night Drive", 3_210, 5, 2), ("Beat Makers", 840, 12, 1), ("Tiny Responder", 31, 20, 0))
"""Name, members, when it left in days before now, commands a day until then."""


def events() -> Iterator[Event]:
    """What people did, and which servers came and left."""
    rng = random.Random(7)
    for days in range(60, -1, -1):
        yield from day(rng, days)
    for days in (41, 42, 65):
        command = "radio set" if days < 60 else "shuffle"
        yield invocation(command=command, started_at=NOW - days * DAY, guild_id="1001", guild_name=SERVERS[0])
    yield from comings()


def day(rng: random.Random, days: int) -> Iterator[Event]:
    """What people did so many days ago."""
    for rank, name in enumerate(SERVERS, start=1):
        weight = 40 / rank * (1.3 if days < 7 and rank == 2 else 1.0)
        for _ in range(round(rng.uniform(0.7, 1.3) * weight)):
            yield used(rng, name, 1_000 + rank, days)
    for n, name in enumerate(QUIET):
        if days >= 7:
            for _ in range(6 - n):
                yield used(rng, name, 2_000 + n, days)
    for n, (name, _, left, per_day) in enumerate(LEFT):
        if days > left:
            for _ in range(per_day):
                yield used(rng, name, 3_000 + n, days)


def used(rng: random.Random, name: str, guild_id: int, days: int) -> Event:
    command = rng.choices(COMMANDS, (20, 12, 8, 3, 5, 2))[0]
    outcome = Outcome.OK
    if command == "lyrics" and rng.random() < 0.3:
        outcome = Outcome.ERROR
    elif command == "clear" and rng.random() < 0.5:
        outcome = rng.choice((Outcome.REFUSED, Outcome.DENIED))
    return invocation(
        command=command,
        outcome=outcome,
        started_at=NOW - days * DAY - rng.uniform(0.1, 17) * timedelta(hours=1),
        guild_id=str(guild_id),
        guild_name=name,
        user_id=str(guild_id * 100 + int(rng.expovariate(0.2))),
    )


def comings() -> Iterator[Event]:
    """Sixteen of the servers are new, and some that came are gone again."""
    for n in range(16):
        guild_id, at = 1_040 - n, NOW - (3 + 3.4 * n) * DAY
        yield membership(guild_id=guild_id, guild_name=SERVERS[guild_id - 1_001], occurred_at=at)
    for n in range(7):
        at = NOW - (58 - 6 * n) * DAY
        brief = {"guild_id": 4_000 + n, "guild_name": f"Brief {n}", "member_count": 12}
        yield membership(occurred_at=at, **brief)
        if n < 5:
            yield membership(change=MembershipChange.LEFT, occurred_at=at + 2 * DAY, **brief)
    for n, (name, members, left, _) in enumerate(LEFT):
        at = NOW - left * DAY
        yield membership(
            change=MembershipChange.LEFT, guild_id=3_000 + n, guild_name=name, member_count=members, occurred_at=at
        )


async def fill(system: MonitoringSystem, clock: ManualClock) -> None:
    """Put all of it into a store; the clock is at `NOW` then."""
    clock.jump_wall((NOW - 40 * DAY - clock.now()).total_seconds())
    system.inventory.offered = lambda: Offered(frozenset({*COMMANDS, "shuffle", "radio set", "mix", "ban list"}), {})
    system.inventory.servers = lambda: ServersByShard(shard_count=8, servers={0: N_SERVERS - 7 * 5})
    await system.uptime.begin("9c1d", "3.12", "2.7.1", "0.1")
    await system.inventory.step()
    clock.jump_wall((NOW - clock.now()).total_seconds())
    await system.uptime.beat()
    for event in events():
        system.recorder.record(event)
    await system.flush()
    for shard_id in range(1, 8):
        is_down, is_slow = shard_id == 2, shard_id == 5
        await live(system, shard_id, NOW - (13 if is_down else 0) * MINUTE, is_slow=is_slow)


async def live(system: MonitoringSystem, shard_id: int, seen_at: datetime, *, is_slow: bool = False) -> None:
    """Another process, of five servers."""
    store = Store(system.store.engine, RunKey.new(f"eu-{shard_id}", NOW - 9 * DAY))
    await store.uptime.put_run(Run(started_at=NOW - 9 * DAY, seen_at=seen_at))
    servers = ServersByShard(shard_count=8, servers={shard_id: 5})
    await store.inventory.put(servers, await system.store.inventory.ever_seen())
    reason = Reason.of("database.slow", response_s=0.6) if is_slow else None
    check = HealthRecord(occurred_at=seen_at, status="degraded" if is_slow else "healthy", reason=reason)
    await store.log.append([Batch(run=store.run, first_seq=1, events=[check])])
