"""A store in which somebody is everywhere, and what is asked of it once they are erased."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from msgspec.structs import replace

from botmon_cog.domain.alerts import Mute
from botmon_cog.domain.models import Event, Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.settings import Settings
from botmon_cog.store.host.sources import make_source
from botmon_cog.store.log import RunKey
from botmon_cog.store.schema import ALL_TABLES, HOST_WAITING
from botmon_cog.store.script import Insert, Script
from botmon_cog.store.tools.proof import differences, provable_days
from botmon_cog.testing import ManualClock
from tests.engines import Storage
from tests.storage_helpers import (
    NOON,
    alert,
    background_failure,
    counted_command,
    elsewhere,
    error_group,
    host_day,
    invocation,
    membership,
    message,
    music,
    sample,
)

ANNA, BEN = 712_345_678_901_234_567, 712_345_678_901_234_568
CLUB, OTHER = 812_345_678_901_234_567, 812_345_678_901_234_568
NAME, CLUB_NAME = "anna.lind", "Chess Club"
DAY = timedelta(days=1)


class QuickClock(ManualClock):
    """Nobody is kept waiting for a moment that is left to others."""

    async def sleep(self, delay_s: float) -> None:
        del delay_s
        await asyncio.sleep(0)


def of(user: int, guild: int | None = CLUB, **fields: object) -> Invocation:
    names = {ANNA: NAME, BEN: "ben"}
    places = {CLUB: CLUB_NAME, OTHER: "Other", None: None}
    told = {"guild_id": guild, "guild_name": places[guild], "user_id": user, "username": names[user]}
    return invocation(**told | {"channel_id": 55_555_555_555_555_555} | fields)


def life() -> list[Event]:
    """Days of two people in two servers and in direct messages."""
    found: list[Event] = []
    for day in range(4):
        at = NOON + day * DAY
        for n, user in enumerate((ANNA, BEN, ANNA)):
            moment = at + timedelta(minutes=n)
            found += [
                of(user, started_at=moment, duration_s=0.2, parameters=f'{{"by": "{user}"}}'),
                of(user, OTHER, started_at=moment, kind=Kind.PREFIX, discord_id=900 + n, details=f"by {user}"),
                of(user, None, started_at=moment, outcome=Outcome.DENIED),
                of(user, started_at=moment, kind=Kind.BUTTON, command="next"),
                music(occurred_at=moment, guild_id=CLUB, user_id=user, duration_s=61.4, title="Club Anthem"),
                music(occurred_at=moment, guild_id=OTHER, user_id=user, duration_s=10.0),
                counted_command(occurred_at=moment, guild_id=CLUB, user_id=user),
                sample(occurred_at=moment, guild_id=CLUB, user_id=user),
            ]
        found += [
            of(BEN, started_at=at, parameters=f'{{"member":{ANNA},"why":"spam"}}', details=f"muted {ANNA}"),
            of(
                BEN,
                started_at=at,
                command="lyrics",
                outcome=Outcome.ERROR,
                error_type="ValueError",
                error_message=f"{NAME} has no songs",
                fingerprint=7,
            ),
            background_failure(started_at=at, error_message=f"can't greet {NAME} ({ANNA}) of {CLUB_NAME}"),
        ]
    found += [
        error_group(7, error_message=f"{NAME} has no songs", traceback=f"…\nfor user {ANNA} in {CLUB}"),
        membership(guild_id=CLUB, guild_name=CLUB_NAME),
        membership(guild_id=OTHER, guild_name="Other"),
    ]
    aside = elsewhere(discord_id=99, received_at=NOON + 4 * DAY)
    found.append(replace(aside, invocation=of(ANNA, started_at=NOON + 4 * DAY, discord_id=99)))
    return found


async def fill(storage: Storage) -> None:
    """All tables that may name somebody."""
    await storage.write(life())
    await storage.alerts.keep_alerts(
        [alert(held_back=f"{NAME} has no songs")], [], [message(result=f"DM to owner {ANNA}")]
    )
    await storage.alerts.put_mute(Mute(scope="", key="memory", until=NOON, by=str(ANNA), made_at=NOON))
    await storage.errors.resolve(7, NOON, str(ANNA))
    await storage.settings.put(CLUB, Settings(report_by=ANNA, log_by=BEN, hour=7), str(ANNA), NOON)
    run = RunKey.new("host", NOON)
    source = await storage.engine.write(make_source("bot.db", run, storage.run.token, 0))
    await storage.engine.write(_wait(source.source_id))
    await storage.engine.write(host_day(NOON, str(CLUB), source_id=source.source_id, songs=3))


def _wait(source_id: int) -> Script[None]:
    import msgspec  # noqa: PLC0415

    waiting = msgspec.json.encode(of(ANNA, kind=Kind.LOGGED)).decode()
    yield Insert(HOST_WAITING, [(source_id, 1, waiting)])


async def naming(storage: Storage, *words: object, besides: Sequence[str] = ()) -> list[str]:
    """The tables that hold any of these words, but for some."""
    found: list[str] = []
    for table in ALL_TABLES:
        rows = await storage.rows(f"SELECT * FROM @{table.name}")  # noqa: S608
        if table.name not in besides and any(str(word) in repr(row) for row in rows for word in words):
            found.append(table.name)
    return found


async def sums(storage: Storage) -> dict[str, object]:
    """What all reports of the whole bot rest on."""
    return {
        "rollups": await storage.rows("SELECT day, name_id, n, data FROM @rollups WHERE scope = 0 ORDER BY 1, 2"),
        "music": await storage.rows(
            "SELECT hour, SUM(songs), SUM(playtime_s), SUM(skips), SUM(logged), SUM(counted) FROM @guild_hourly "
            "GROUP BY hour ORDER BY hour"
        ),
        "rows": await storage.rows(
            "SELECT run_id, seq, kind, command_id, outcome, started_ms, duration_us, fingerprint FROM @invocations "
            "ORDER BY run_id, seq"
        ),
    }


async def wrong(storage: Storage) -> list[object]:
    """What `doctor` would find in the roll-ups."""
    found: list[object] = []
    for day in await storage.engine.read(provable_days()):
        proved = await storage.engine.read(differences(day, 10))
        found += proved[1] if proved is not None else []
    return found
