"""At every instant the roll-ups are what counting the log up to the watermarks gives, whatever happens in between."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import msgspec
from hypothesis import strategies as st
from msgspec.structs import replace

from botmon_cog.domain.models import (
    AutocompleteCalls,
    CountedCommand,
    EndReason,
    Event,
    Invocation,
    Kind,
    MetricKind,
    MetricPoint,
    MetricSample,
    MusicEvent,
    MusicEventType,
)
from botmon_cog.domain.outcome import Outcome
from botmon_cog.store.log import Batch, Log, RunKey
from botmon_cog.store.retention import raise_raw_since
from botmon_cog.store.rollup import RollUps
from botmon_cog.store.schema import LOG_TABLES
from botmon_cog.store.script import Execute, Script
from botmon_cog.store.tools.proof import differences
from botmon_cog.store.tools.rebuild import begin_rebuild
from tests.engines import AnyEngine, Engine, Storage
from tests.storage_helpers import (
    autocompletion,
    background_failure,
    counted_command,
    elsewhere,
    invocation,
    membership,
    music,
    point,
    sample,
)

T = TypeVar("T")

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
FIRST_DAY, DAYS = 20_458, 3
LOT_ROWS = 7
LOWEST, HIGHEST = (math.ceil(math.log(value_s) / math.log(51 / 49)) for value_s in (1e-4, 86_400))
OUTCOMES = list(Outcome)
COMPONENTS = {Kind.BUTTON, Kind.SELECT, Kind.MODAL}
NOT_EXECUTED = {Outcome.USER_ERROR, Outcome.DENIED, Outcome.REFUSED}
NOT_TIMED = {Outcome.CANCELLED, Outcome.CRASHED}
MUSIC = {MusicEventType.SONG_PLAYED: 0, MusicEventType.SKIP: 2, MusicEventType.PAUSE: 3}

guilds = st.sampled_from([None, 1, 2, "of a host"])
moments = st.integers(0, DAYS * 24 * 4 - 1).map(lambda quarter: MONDAY + quarter * timedelta(minutes=15))
seconds = st.none() | st.sampled_from([0.0, 0.00005, 0.1, 2.5, 90_000.0])
events = st.one_of(
    st.builds(
        invocation,
        kind=st.sampled_from([Kind.SLASH, Kind.PREFIX, Kind.LOGGED, Kind.BUTTON]),
        command=st.sampled_from(["play", "stats weekly", "🎵"]),
        outcome=st.sampled_from(Outcome),
        started_at=moments,
        duration_s=seconds,
        response_s=seconds,
        gateway_delay_s=seconds,
        guild_id=guilds,
        user_id=st.sampled_from([None, 10, 11, "somebody"]),
        is_own=st.sampled_from([False, False, False, True]),
    ),
    st.builds(
        music,
        type=st.sampled_from(MusicEventType),
        occurred_at=moments,
        guild_id=guilds.map(lambda guild: guild or 1),
        duration_s=st.sampled_from([0.0, 0.5, 1.4, 300.0, 90_000.0]),
        end_reason=st.sampled_from([None, *EndReason]),
        title=st.sampled_from([None, None, "Low Tide", "Nachtzug 🎵"]),
    ),
    st.builds(
        counted_command,
        occurred_at=moments,
        guild_id=guilds.map(lambda guild: guild or 1),
        user_id=st.sampled_from([None, 10, "somebody"]),
    ),
    st.builds(
        sample,
        name=st.sampled_from(["voice_connect", "play"]),
        occurred_at=moments,
        value=st.sampled_from([0.0, 0.1, 7.0]),
        unit=st.sampled_from(["s", "s", "MB"]),
        success=st.booleans(),
        guild_id=guilds,
    ),
    st.builds(
        autocompletion,
        command=st.sampled_from(["play", "🎵"]),
        started_at=moments,
        n=st.sampled_from([2, 3]),
        failed=st.integers(0, 2),
        durations=st.sampled_from([(), ((-5, 1), (20, 2)), ((10**9, 1),)]),
    ),
    st.builds(background_failure, started_at=moments),
    st.builds(
        point,
        name=st.sampled_from(["players", "🎵"]),
        labels=st.sampled_from(["", "region=eu"]),
        kind=st.sampled_from([MetricKind.COUNTER, MetricKind.GAUGE, MetricKind.TIMER]),
        unit=st.sampled_from(["", "s"]),
        occurred_at=moments,
        n=st.integers(1, 3),
        total=st.sampled_from([0.1, 0.2, -7.0, 1e-9, 123_456_789.000_001, 1e18]),
        lowest=st.sampled_from([None, -1e15, 0.0, 0.3]),
        highest=st.sampled_from([None, 0.3, 2.0, 1e15]),
        minutes=st.sampled_from([0, 1, 1 << 59, 7]),
        buckets=st.sampled_from([(), ((-518, 1), (20, 2)), ((20, 1),)]),
    ),
    st.builds(membership, occurred_at=moments),
    st.builds(elsewhere, received_at=moments),
)
runs, fatal_steps = st.integers(0, 1), st.none() | st.integers(0, 12)
append = st.tuples(st.just("append"), runs, fatal_steps, st.lists(events, min_size=1, max_size=12))
lot = st.tuples(st.just("lot"), runs, fatal_steps, st.none())
rebuild = st.tuples(st.just("rebuild"), runs, fatal_steps, st.none())
forgetting = st.tuples(st.just("forget"), runs, st.none(), st.integers(1, DAYS))
others = st.one_of(
    st.tuples(st.just("repeat"), runs, fatal_steps, st.integers(0, 20)),
    st.tuples(st.just("drop"), runs, st.none(), st.integers(1, 5)),
)
anything = st.lists(st.one_of(append, lot, rebuild, forgetting, others), max_size=14)
# What comes late, of days of which rows are gone already, while one rebuild after the other begins.
late = st.tuples(forgetting, st.lists(st.one_of(append, append, lot, lot, rebuild), max_size=14)).map(
    lambda drawn: [drawn[0], *drawn[1]]
)
# What a dead process left behind, which others bring when the roll-ups have passed its numbers.
leave = st.tuples(st.just("leave"), runs, st.none(), st.lists(events, min_size=1, max_size=4))
bring = st.tuples(st.just("bring"), runs, fatal_steps, st.none())
left_behind = st.lists(st.one_of(append, append, lot, lot, rebuild, leave, leave, bring), max_size=14)
actions = st.one_of(anything, late, left_behind)


class KilledError(Exception):
    """The process ends here."""


def mortal(script: Script[T], steps: int) -> Script[T]:
    """The script, until so many of its steps are done."""
    answer = None
    while True:
        try:
            step = script.send(answer)
        except StopIteration as end:
            return end.value
        answer = yield step
        steps -= 1
        if steps == 0:
            raise KilledError


class Process:
    """One run.

    Attributes:
        fatal_steps: after how many steps of its next script the process is killed; 0 is after the commit.
        events: all that it ever numbered, by their numbers.
        taken: the newest number.
        waiting: batches that nobody has acknowledged. They come first, and as repeats.
        stored: the others.
        left: batches that are numbered, and that nobody tries to append before they are brought.
    """

    def __init__(self, engine: AnyEngine, instance: str) -> None:
        self._engine = engine
        self.run = RunKey.new(instance, MONDAY)
        self.fatal_steps: int | None = None
        self.events: dict[int, Event] = {}
        self.taken = 0
        self.waiting: list[Batch] = []
        self.stored: list[Batch] = []
        self.left: list[Batch] = []
        self.log, self.rollups = Log(self), RollUps(self, LOT_ROWS)

    async def write(self, script: Script[T]) -> T:
        steps, self.fatal_steps = self.fatal_steps, None
        result = await self._engine.write(mortal(script, -1 if steps is None else steps))
        if steps == 0:
            raise KilledError
        return result

    async def read(self, script: Script[T]) -> T:
        return await self._engine.read(script)

    async def close(self) -> None:
        await self._engine.close()

    async def act(self, what: str, value: Any) -> None:
        match what:
            case "append":
                self.waiting.append(self.numbered(value))
                await self.append()
            case "leave":
                self.left.append(replace(self.numbered(value), is_repeat=True))
            case "bring":
                await self.log.append(self.left)
                self.stored += self.left
                self.left = []
            case "repeat":
                again = self.stored[value % (len(self.stored) + 1) :]
                await self.log.append([replace(batch, is_repeat=True) for batch in again])
            case "lot":
                await self.rollups.lot()
            case "rebuild":
                await self.write(begin_rebuild())
            case "drop":
                self.taken += value
            case "forget":
                await self.rollups.catch_up()
                await self.write(forget(FIRST_DAY + value))

    def numbered(self, events: list[Event]) -> Batch:
        batch = Batch(run=self.run, first_seq=self.taken + 1, events=events)
        self.events |= dict(enumerate(events, start=batch.first_seq))
        self.taken = batch.last_seq
        return batch

    async def append(self) -> None:
        while self.waiting:
            batch, self.waiting[0] = self.waiting[0], replace(self.waiting[0], is_repeat=True)
            await self.log.append([batch])
            self.stored.append(self.waiting.pop(0))


def forget(day: int) -> Script[None]:
    """Remove what is older than a day from the log, as retention does."""
    ms = day * 86_400_000
    yield from raise_raw_since(ms)
    for table in LOG_TABLES.values():
        is_counted = "seq <= (SELECT rolled_up_seq FROM @runs WHERE id = run_id)"
        yield Execute(f"DELETE FROM @{table.name} WHERE {table.moment} < :ms AND {is_counted}", {"ms": ms})  # noqa: S608


def test_roll_ups_are_what_the_log_says_at_every_instant(engine):
    engine.holds(check, st.just(engine), actions, examples=70, of_server=12, on_disk=True)


async def check(storage: Storage, engine: Engine, drawn: list[tuple[str, int, int | None, Any]]) -> None:
    processes = [Process(engine.beside(storage), name) for name in ("one", "other")]
    try:
        for what, which, steps, value in drawn:
            process = processes[which]
            process.fatal_steps = steps
            try:
                await process.act(what, value)
            except KilledError:
                await process.close()
            process.fatal_steps = None
            await check_now(storage, processes)
        for process in processes:
            await process.append()
            await process.act("bring", None)
        await processes[0].rollups.catch_up()
        found = await check_now(storage, processes)
        assert len(found) == sum(len(process.events) for process in processes), "all are counted in the end"
        for day in range(FIRST_DAY, FIRST_DAY + DAYS):
            assert await storage.engine.read(differences(day, 9)) in (None, (0, []))
    finally:
        for process in processes:
            await process.close()


async def check_now(storage: Storage, processes: list[Process]) -> list[Event]:
    """Hold all that is stored against what was said so far; returns what is counted."""
    query = "SELECT token, last_seq, rolled_up_seq, recount_seq FROM @runs"
    positions = {token: position for token, *position in await storage.rows(query)}
    marks = dict(await storage.rows("SELECT name, value FROM @marks"))
    recount_from, raw_since = int(marks.get("recount_from", 0)), int(marks.get("raw_since", 0))
    in_log: list[tuple[int, int]] = []
    counted: list[Event] = []
    found: list[tuple[int, int]] = []
    for table in LOG_TABLES.values():
        found += await storage.rows(
            f"SELECT token, seq FROM @{table.name} AS e JOIN @runs ON id = run_id WHERE e.{table.moment} >= :since",  # noqa: S608
            since=raw_since,
        )
    for process in processes:
        absent = {seq for batch in process.left for seq in range(batch.first_seq, batch.last_seq + 1)}
        absent -= {seq for token, seq in found if token == process.run.token}  # killed after it had been brought
        last, rolled_up, recount = positions.get(process.run.token, (0, 0, 0))
        assert rolled_up <= last
        for seq, event in process.events.items():
            if seq in absent:
                continue
            if seq <= last and moment_of(event) >= datetime.fromtimestamp(raw_since / 1000, UTC):
                in_log.append((process.run.token, seq))
            if seq <= (max(rolled_up, recount) if day_of(event) < recount_from else rolled_up):
                counted.append(event)
    assert sorted(found) == sorted(in_log)
    assert await stored(storage) == recounted(counted)
    return counted


async def test_a_rebuild_that_is_begun_twice_counts_late_rows_once(storage):
    late = [invocation(started_at=MONDAY)] * 20
    await storage.engine.write(forget(FIRST_DAY + 1))
    await storage.write([*late, invocation(started_at=MONDAY + timedelta(days=1))])
    once = await stored(storage)
    assert await storage.engine.write(begin_rebuild()) is True
    for _ in range(2):
        await RollUps(storage.engine, LOT_ROWS).lot()
        assert await storage.engine.write(begin_rebuild()) is False
    await storage.rollups.catch_up()
    assert await stored(storage) == once
    assert await storage.engine.write(begin_rebuild()) is True


async def test_a_rebuild_counts_what_came_late_and_was_not_counted_before(storage):
    late = [invocation(started_at=MONDAY)] * 20
    await storage.engine.write(forget(FIRST_DAY + 1))
    await storage.write(late)
    await storage.append(late)
    assert await storage.engine.write(begin_rebuild()) is True
    await storage.rollups.catch_up()
    assert await stored(storage) == recounted(late * 2)


# -- counted by hand ---------------------------------------------------------------------------------------------------


class Counts(NamedTuple):
    groups: dict[tuple[int, str | None, str], tuple[int, dict[tuple[int, int], int]]]
    """(day, guild, name) -> commands, and (part, cell or bucket) -> n. Guild None: the whole bot."""
    people: dict[tuple[int, str | None, str], set[int]]
    """(day, guild, user) -> hours, and 24 for who executed commands. Guild None: direct messages."""
    hourly: dict[tuple[int, str], list[int]]
    """(hour, guild) -> songs, playtime, skips, pauses, logged, counted."""
    titles: dict[tuple[int, str, str], int]
    """(day, guild, title) -> n."""
    metrics: dict[tuple[int, str, str, int, str], tuple[dict[int, list[Any]], dict[int, int]]]
    """(day, name, labels, kind, unit) -> by hour [n, billionths, minutes, lowest, highest], and by bucket n."""


async def stored(storage: Storage) -> Counts:
    texts = dict(await storage.rows("SELECT id, text FROM @labels"))

    def id_text(id_: int) -> str | None:
        return texts[-id_] if id_ < 0 else str(id_) if id_ else None

    groups: dict[tuple[int, str | None, str], tuple[int, dict[tuple[int, int], int]]] = {}
    for day, scope, name_id, n, data in await storage.rows("SELECT day, scope, name_id, n, data FROM @rollups"):
        version, *parts = msgspec.msgpack.decode(data)
        assert version == 1
        assert parts[-1:] != [[]]
        cells = {
            (part, of): count
            for part, flat in enumerate(parts)
            for of, count in zip(flat[::2], flat[1::2], strict=True)
        }
        assert list(cells) == sorted(cells)
        groups[day, id_text(scope), texts[name_id]] = n, cells
    people = {
        (day, id_text(guild), str(id_text(user))): {bit for bit in range(64) if hours >> bit & 1}
        for day, guild, user, hours in await storage.rows("SELECT day, guild_id, user_id, hours FROM @people")
    }
    hours = await storage.rows("SELECT * FROM @guild_hourly")
    titles = await storage.rows("SELECT day, guild_id, title, n FROM @song_titles")
    return Counts(
        groups,
        people,
        {(hour, str(id_text(guild))): counts for hour, guild, *counts in hours},
        {(day, str(id_text(guild)), title): n for day, guild, title, n in titles},
        {
            (day, texts[name], texts[labels], kind, texts[unit]): metric_of(data)
            for day, name, labels, kind, unit, data in await storage.rows("SELECT * FROM @metric_days")
        },
    )


def metric_of(data: bytes) -> tuple[dict[int, list[Any]], dict[int, int]]:
    version, hours, buckets = msgspec.msgpack.decode(data, strict=False)
    assert version == 1
    for of in hours.values():
        of[1] = int.from_bytes(of[1], "big", signed=True) if isinstance(of[1], bytes) else of[1]
    return hours, buckets


def cells_of(event: Event) -> tuple[str, list[tuple[int, int]]]:
    """The name under which an event is counted, and (part, cell or bucket) of what it counts for."""
    if type(event) is Invocation and not event.is_own:
        first = 6 if event.kind in COMPONENTS else 0
        cells = [(first, OUTCOMES.index(event.outcome) * 24 + event.started_at.hour)]
        duration_s = event.duration_s
        if event.kind in {Kind.SLASH, Kind.BUTTON} and duration_s is not None and duration_s > 900:
            duration_s = None
        times = [duration_s, event.response_s, *([] if first else [event.gateway_delay_s])]
        if event.outcome not in NOT_TIMED:
            cells += [
                (part, bucket(time_s)) for part, time_s in enumerate(times, start=first + 1) if time_s is not None
            ]
        return event.command, cells
    if type(event) is AutocompleteCalls:
        hour = event.started_at.hour
        cells = [(9, hour)] * (event.n - event.failed) + [(9, 24 + hour)] * event.failed
        for found, n in event.durations:
            cells += [(10, min(max(found, LOWEST), HIGHEST) - LOWEST)] * n
        return event.command, cells
    if type(event) is MetricSample and event.unit == "s":
        return event.name, [(part, bucket(event.value)) for part in ((4,) if event.success else (4, 5))]
    return "", []


def recounted(events: Iterable[Event]) -> Counts:
    cells: dict[tuple[int, str | None, str], Counter[tuple[int, int]]] = defaultdict(Counter)
    people: dict[tuple[int, str | None, str], set[int]] = defaultdict(set)
    hourly: dict[tuple[int, str], list[int]] = defaultdict(lambda: [0] * 6)
    titles: Counter[tuple[int, str, str]] = Counter()
    metrics: dict[Any, list[MetricPoint]] = defaultdict(list)
    for event in events:
        day, hour = day_of(event), moment_of(event).hour
        guild_id = getattr(event, "guild_id", None)
        guild = None if guild_id is None else str(guild_id)
        name, counted_for = cells_of(event)
        for scope in {None, guild} if counted_for else ():
            cells[day, scope, name].update(counted_for)
        if type(event) is CountedCommand or (
            type(event) is Invocation
            and not event.is_own
            and event.kind not in COMPONENTS
            and event.outcome not in NOT_EXECUTED
        ):
            is_logged = getattr(event, "kind", None) is Kind.LOGGED
            if event.user_id is not None:
                people[day, guild, str(event.user_id)] |= {hour} if is_logged else {hour, 24}
            if guild is not None and (is_logged or type(event) is CountedCommand):
                hourly[day * 24 + hour, guild][4 if is_logged else 5] += 1
        elif type(event) is MusicEvent:
            counts = hourly[day * 24 + hour, str(guild)]
            if event.type in MUSIC:
                counts[MUSIC[event.type]] += 1
            if event.title is not None:
                titles[day, str(guild), event.title] += 1
            counts[1] += math.floor(min(event.duration_s, 86_400) + 0.5)
        elif type(event) is MetricPoint:
            kind = list(MetricKind).index(event.kind)
            metrics[day, event.name, event.labels, kind, event.unit].append(event)
    groups = {key: (commands_of(group), dict(group)) for key, group in cells.items()}
    by_metric = {key: metric_recounted(points) for key, points in metrics.items()}
    return Counts(groups, dict(people), dict(hourly), dict(titles), by_metric)


def metric_recounted(points: list[MetricPoint]) -> tuple[dict[int, list[Any]], dict[int, int]]:
    hours: dict[int, list[Any]] = {}
    buckets: Counter[int] = Counter()
    for hour in {each.occurred_at.hour for each in points}:
        within = [each for each in points if each.occurred_at.hour == hour]
        minutes = {bit for each in within for bit in range(60) if each.minutes >> bit & 1}
        hours[hour] = [
            sum(each.n for each in within),
            sum(round(each.total * 1e9) for each in within),
            sum(1 << bit for bit in minutes),
            min((each.lowest for each in within if each.lowest is not None), default=None),
            max((each.highest for each in within if each.highest is not None), default=None),
        ]
    for each in points:
        buckets.update(dict(each.buckets))
    return hours, dict(buckets)


def commands_of(group: Mapping[tuple[int, int], int]) -> int:
    """Those that ran."""
    return sum(n for (part, cell), n in group.items() if part == 0 and OUTCOMES[cell // 24] not in NOT_EXECUTED)


def moment_of(event: Any) -> datetime:
    (moment,) = (getattr(event, name) for name in ("started_at", "occurred_at", "received_at") if hasattr(event, name))
    return moment


def day_of(event: Event) -> int:
    return FIRST_DAY + (moment_of(event) - MONDAY).days


def bucket(value_s: float) -> int:
    return math.ceil(math.log(min(max(value_s, 1e-4), 86_400)) / math.log(51 / 49)) - LOWEST
