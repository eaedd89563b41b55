"""Error groups go with the last of their failures, and so do the notes on them; a store keeps only so many."""

from __future__ import annotations

from datetime import datetime
from secrets import token_hex

import pytest

from botmon_cog.domain.models import Event
from botmon_cog.store import retention
from botmon_cog.store.cleaner import Cleaner
from botmon_cog.store.log import Batch, RunKey
from tests.engines import Storage, dump
from tests.retention_helpers import DAY, FOR_EVER, MIDNIGHT, MS, believe, check, make_cleaner
from tests.storage_helpers import EVER, NOON, background_failure, invocation
from tests.test_store_errors import LYRICS, PLAY, failed, group


async def filled(storage: Storage, *events: Event) -> Storage:
    """With a row of today, and cleaned up regularly."""
    await storage.write([*events, invocation()])
    await believe(storage, NOON)
    return storage


async def groups(storage: Storage) -> list[int]:
    return [fingerprint for (fingerprint,) in await storage.rows("SELECT fingerprint FROM @error_groups ORDER BY 1")]


async def marks(storage: Storage) -> list[int]:
    return [fingerprint for (fingerprint,) in await storage.rows("SELECT fingerprint FROM @error_marks ORDER BY 1")]


async def cleaned(storage: Storage, **keep: int) -> dict[str, int]:
    """What went, as the preview said beforehand."""
    cleaner = make_cleaner(storage, NOON, **keep)
    before = await dump(storage)
    told = {cut.aged.table.name: n for cut, n in await cleaner.preview() if n}
    assert await dump(storage) == before
    removed = dict(await cleaner.clean())
    assert removed.items() >= told.items()
    assert removed.keys() - told.keys() <= {"error_marks", "runs"}, "what goes with others"
    return removed


@pytest.mark.parametrize("failure", [failed, background_failure])
async def test_a_group_goes_with_its_last_failure(storage, failure):
    first, last = MIDNIGHT - 200 * DAY, MIDNIGHT - 50 * DAY
    await filled(
        storage,
        group(1, first_at=first), *(failure(fingerprint=1, started_at=at) for at in (first, last - MS)),
        group(2, first_at=first), failure(fingerprint=2, started_at=first), failure(fingerprint=2, started_at=last),
        group(3, first_at=last), failure(fingerprint=3, started_at=last),
    )  # fmt: skip
    removed = await cleaned(storage, raw_days=50, health_days=50)
    assert removed["error_groups"] == 1
    assert await groups(storage) == [2, 3]
    assert [each.n for each in await storage.errors.counts(EVER, NOON)] == [1, 1]


async def test_a_group_outlives_its_failures_no_longer_than_the_longer_of_both_keys(storage):
    old = MIDNIGHT - 40 * DAY
    await filled(
        storage,
        group(1, first_at=old), background_failure(fingerprint=1, started_at=old),
        group(2, first_at=MIDNIGHT - 100 * DAY), background_failure(fingerprint=2, started_at=MIDNIGHT - 100 * DAY),
    )  # fmt: skip
    await cleaned(storage, raw_days=90, health_days=30)
    assert await groups(storage) == [1]
    details = await storage.errors.details(1, EVER, NOON)
    assert details is not None
    assert (details.counts.n, details.counts.last_at) == (0, old)


async def test_without_a_limit_a_group_stays(storage):
    old = MIDNIGHT - 1_000 * DAY
    await filled(storage, group(first_at=old))
    assert await cleaned(storage, raw_days=0, health_days=30) == {}
    assert await cleaned(storage, **FOR_EVER) == {}
    assert await cleaned(storage, raw_days=90, health_days=30) == {"error_groups": 1}


async def test_notes_go_with_their_group_and_not_before(storage):
    old = MIDNIGHT - 100 * DAY
    await filled(
        storage,
        group(1, first_at=old), failed(1, started_at=old),
        group(2, first_at=old), failed(2, started_at=old),
        group(3, first_at=old), failed(3),
        failed(4, started_at=NOON - DAY),  # without a row of its own
    )  # fmt: skip
    for fingerprint in (1, 3, 4):
        await storage.errors.resolve(fingerprint, old, "1")
    await storage.errors.mute(2, NOON + DAY, "1")
    await cleaned(storage)
    assert (await groups(storage), await marks(storage)) == ([3], [2, 3, 4]), "a mute lasts as long as it was given"
    assert await make_cleaner(storage, NOON + 3 * DAY).clean() == {}
    await storage.write([check(NOON + 2 * DAY)])
    assert await make_cleaner(storage, NOON + 2 * DAY).clean() == {"error_marks": 1}
    assert await marks(storage) == [3, 4]


async def test_of_too_many_groups_those_that_failed_least_lately_go(storage, monkeypatch):
    """The limit is part of the statement; here it is 3."""
    monkeypatch.setattr(retention, "_SURPLUS_GROUPS", retention._surplus_groups(3))

    def at(days: int) -> datetime:
        return NOON - days * DAY

    await filled(
        storage,
        group(1, first_at=at(9)), failed(1, started_at=at(9)), failed(1, started_at=at(1)),
        group(2, first_at=at(5)), failed(2, started_at=at(5)),
        group(3, first_at=at(8)), background_failure(fingerprint=3, started_at=at(2)),
        group(4, first_at=at(4)),
        group(5, first_at=at(6)), failed(5, started_at=at(6)),
    )  # fmt: skip
    assert await cleaned(storage) == {"error_groups": 2}
    assert await groups(storage) == [1, 3, 4]
    found = {each.fingerprint: each for each in await storage.errors.counts(EVER, NOON)}
    assert (found[5].what, found[5].file) == ("lyrics", None), "it is told from its failure"
    assert await cleaned(storage) == {}


async def test_a_store_keeps_5_000_groups(storage):
    await filled(storage, *(group(n, first_at=NOON - n * MS) for n in range(1, retention.MOST_GROUPS + 11)))
    assert await cleaned(storage) == {"error_groups": 10}
    assert await groups(storage) == [*range(1, retention.MOST_GROUPS + 1)]


async def test_the_run_that_brought_a_group_goes_before_it(storage):
    old = MIDNIGHT - 100 * DAY
    first = RunKey.new("test", old)
    await storage.log.append([Batch(run=first, first_seq=1, events=[group(first_at=old), failed(started_at=old)])])
    await filled(storage, failed())
    assert await cleaned(storage) == {"invocations": 1, "runs": 1}
    details = await storage.errors.details(LYRICS, EVER, NOON)
    assert details is not None
    assert (details.counts.first_at, details.counts.first_version) == (old, "9c1d")


async def test_the_cap_takes_groups_with_the_last_of_their_failures(storage):
    days = [NOON - n * DAY for n in range(20, 0, -1)]
    events = [group(n, first_at=day, traceback=token_hex(1_500)) for n, day in enumerate(days, 1)]
    failures = [failed(n, started_at=day, details=token_hex(1_500)) for n, day in enumerate(days, 1) for _ in range(20)]
    await filled(storage, *events, *failures, group(PLAY + 100, first_at=days[0]), failed(PLAY + 100))
    cleaner = make_cleaner(storage, disk_cap_mb=1)
    assert await cleaner.excess_bytes()
    removed = await cleaner.clean()
    assert not await cleaner.excess_bytes()
    gone = removed["error_groups"]
    assert 0 < gone < 20
    assert await groups(storage) == [*range(gone + 1, 21), PLAY + 100]
    assert removed["invocations"] == gone * 20


async def test_what_goes_is_named(storage, caplog):
    await filled(storage, group(first_at=MIDNIGHT - 100 * DAY))
    await storage.errors.resolve(LYRICS, MIDNIGHT - 100 * DAY, "1")
    with caplog.at_level("INFO", Cleaner.__module__):
        await make_cleaner(storage).clean()
    (said,) = caplog.messages
    assert said.endswith(": 1 error group, 1 note on an error group")
