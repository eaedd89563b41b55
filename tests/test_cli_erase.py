"""`erase`: a person or a server taken out of a store from the command line."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from botmon_cog.privacy.requests import Requests
from botmon_cog.store.log import Batch, RunKey
from botmon_cog.store.queue.spool import Spool
from botmon_cog.testing import ManualClock
from tests.engines import Engine, dump
from tests.host_helpers import PLAIN, HostDb, kept
from tests.privacy_helpers import ANNA, CLUB, CLUB_NAME, NAME, fill, naming, of
from tests.storage_helpers import NOON
from tests.tool_helpers import call, is_sound, refused


def filled(engine: Engine) -> None:
    async def work() -> None:
        async with engine.storage() as storage:
            await fill(storage)

    asyncio.run(work())


def named(engine: Engine, *words: object) -> list[str]:
    async def work() -> list[str]:
        async with engine.storage("look") as storage:
            return await naming(storage, *words, besides=["erasures", "departures"])

    return asyncio.run(work())


def all_of(engine: Engine) -> object:
    async def work() -> object:
        async with engine.storage("look") as storage:
            return await dump(storage)

    return asyncio.run(work())


@pytest.mark.parametrize("argv", [(), ("--dry-run",)])
def test_without_yes_says_what_would_go_and_changes_nothing(
    engine: Engine, capsys: pytest.CaptureFixture[str], argv: tuple[str, ...]
) -> None:
    filled(engine)
    before = all_of(engine)
    code, out = call(capsys, "erase", "--user", ANNA, "--database", engine.url, *argv)
    assert code == 0
    lines = [line.strip() for line in out.splitlines()]
    assert lines[:2] == ["32 commands and buttons", "16 music events"]
    assert f"erase --user {ANNA} --database … --yes" in lines[-1]
    assert all_of(engine) == before


def test_person_is_in_no_table_afterwards(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    filled(engine)
    code, out = call(capsys, "erase", "--user", ANNA, "--database", engine.url, "--yes")
    assert code == 0
    assert "32 commands and buttons" in out
    assert f"Nothing names user {ANNA} any more. All counts stay." in out
    assert named(engine, ANNA, NAME) == []
    assert is_sound(engine)
    capsys.readouterr()
    code, out = call(capsys, "erase", "--user", ANNA, "--database", engine.url)
    assert (code, out.strip()) == (0, f"Nothing is stored of user {ANNA}.")


def test_server_is_in_no_table_afterwards(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    filled(engine)
    code, out = call(capsys, "erase", "--guild", CLUB, "--database", engine.url, "--yes")
    assert code == 0
    assert f"Nothing names server {CLUB} any more" in out
    assert named(engine, CLUB, CLUB_NAME) == []
    assert is_sound(engine)


def test_what_waits_beside_a_store_and_what_was_mirrored_goes_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine, host = Engine.of(str(tmp_path / "botmon.db")), HostDb(tmp_path / "bot.db", PLAIN)
    file = tmp_path / "botmon.toml"
    file.write_text(f'[storage]\nurl = "{engine.url}"\n[host]\ndatabase = "{host.path}"\n')
    monkeypatch.setenv("BOTMON_CONFIG", str(file))

    async def work() -> None:
        async with engine.storage() as storage, kept(storage, host.path, ManualClock(NOON.replace(hour=14))) as keeper:
            await keeper.sync()
            await storage.append([of(ANNA, duration_s=0.5)])
            await keeper.sync()
        spool = Spool(lambda: tmp_path / "botmon-9.spool.db", max_bytes=1_000_000, clock=ManualClock(NOON))
        await spool.add(Batch(run=RunKey.new("other", NOON), first_seq=1, events=[of(ANNA)]))
        await spool.close()

    asyncio.run(work())
    files = [tmp_path / "botmon-9.spool.db", host.path]
    before = [path.read_bytes() for path in files]
    code, out = call(capsys, "erase", "--user", ANNA)
    assert "1 row mirrored into your bot's database" in out
    assert "1 row that waits on disk" in out
    assert [path.read_bytes() for path in files] == before
    code, out = call(capsys, "erase", "--user", ANNA, "--yes")
    assert code == 0
    assert "1 row mirrored into your bot's database" in out
    assert "1 row that waits on disk" in out
    assert host.logs("user_id") == [""]
    assert NAME.encode() not in (tmp_path / "botmon-9.spool.db").read_bytes()


def test_erasing_is_looked_after_once_more_by_a_bot(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """What other processes had not written yet is found by the second pass, which a running bot makes."""
    filled(engine)
    call(capsys, "erase", "--user", ANNA, "--database", engine.url, "--yes")

    async def due() -> list[int]:
        async with engine.storage("bot") as storage:
            return await Requests(storage.engine).claim_erasures(NOON.replace(year=2100))

    assert asyncio.run(due()) == [ANNA]


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("--user", "anna"), "'anna' is not an ID"),
        ((), "one of the arguments --user --guild is required"),
        (("--user", "1", "--guild", "2"), "not allowed with argument"),
        (("--user", "1", "--yes", "--dry-run"), "not allowed with argument"),
    ],
)
def test_wrong_input_gets_one_sentence(capsys: pytest.CaptureFixture[str], argv: tuple[str, ...], says: str) -> None:
    assert says in refused(capsys, "erase", *argv, code=2)


def test_missing_database_is_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(capsys, "erase", "--user", "1", "--yes", "--database", tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()
