"""Who works on which monitoring system: one per database, shared, and the extension's while that is loaded."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

import botmon_cog
from botmon_cog import Config, MonitoringSystem
from botmon_cog.config import HostConfig, StorageConfig
from botmon_cog.domain.models import Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.host.making import make
from botmon_cog.original import systems
from botmon_cog.store.history import HistoryFilter
from botmon_cog.testing import ManualClock
from tests.harness import EXTENSION, cog_of, make_bot, running

NOW = ManualClock().now()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
async def leases() -> AsyncIterator[list[systems.Lease]]:
    made: list[systems.Lease] = []
    yield made
    for lease in made:
        await lease.close()


def logged(command: str) -> Invocation:
    return Invocation(kind=Kind.LOGGED, command=command, outcome=Outcome.OK, started_at=NOW, guild_id=1)


async def commands_of(system: MonitoringSystem) -> list[str]:
    await system.catch_up()
    return [row.command for row in await system.store.history.find(HistoryFilter())]


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    ours = [record for record in caplog.records if record.name.startswith("botmon_cog")]
    return [record.getMessage() for record in ours if record.levelno == logging.WARNING]


# -- without the extension ---------------------------------------------------------------------------------------------


async def test_all_who_name_one_database_share_a_system(
    folder: Path, leases: list[systems.Lease], monkeypatch: pytest.MonkeyPatch
) -> None:
    same = ("bot.db", folder / "bot.db", f"sqlite:///{folder / 'bot.db'}", "./bot.db", "~/bot.db")
    monkeypatch.setenv("HOME", str(folder))
    leases += map(systems.system_for, same)
    assert len({id(lease.system) for lease in leases}) == 1
    leases.append(systems.system_for("other.db"))
    assert leases[-1].system is not leases[0].system


async def test_a_system_closes_with_its_last_user(folder: Path) -> None:
    first, second = systems.system_for("bot.db"), systems.system_for("bot.db")
    system = first.system
    system.recorder.record(logged("play"))
    await first.close()
    await first.close()
    system.recorder.record(logged("skip"))
    assert second.system is system
    await second.close()
    system.recorder.record(logged("lost"))
    assert system.writer.dropped == 1, "it is closed"
    third = systems.system_for("bot.db")
    assert third.system is not system
    assert sorted(await commands_of(third.system)) == ["play", "skip"]
    await third.close()


async def test_the_store_lies_beside_the_database_unless_one_is_configured(leases: list[systems.Lease]) -> None:
    leases.append(systems.system_for("data/bot.db"))
    assert leases[-1].system.config.storage.url.endswith("data/bot.botmon.db")
    assert leases[-1].system.config.host.database.endswith("data/bot.db")
    config = Config(storage=StorageConfig(url="kept.db"))
    leases.append(systems.system_for("data/second.db", config=config))
    assert leases[-1].system.config.storage.url == "kept.db"


async def test_the_configured_database_of_the_host_counts_where_none_is_named(leases: list[systems.Lease]) -> None:
    leases.append(systems.system_for(config=Config(host=HostConfig(database="data/bot.db"))))
    config = leases[0].system.config
    assert (config.host.database, config.storage.url) == ("data/bot.db", "data/bot.botmon.db")


@pytest.mark.parametrize("db", [5, object(), b"bot.db", ["bot.db"]])
def test_what_names_no_database_is_refused_at_once(db: object) -> None:
    with pytest.raises(TypeError, match=type(db).__name__):
        systems.system_for(db)


# -- with it -----------------------------------------------------------------------------------------------------------


def make_plain_bot():
    """With the default store, in the test's folder."""
    bot = make_bot()
    bot.botmon_config = replace(bot.botmon_config, storage=StorageConfig(linger_ms=0))
    return bot


async def test_extension_joins_what_the_host_made_before(caplog: pytest.LogCaptureFixture) -> None:
    lease = systems.system_for("data/bot.db")
    before = lease.system
    before.recorder.record(logged("before"))
    bot = make_plain_bot()
    async with running(bot) as rig:
        system = cog_of(bot).system
        assert lease.system is system is not before
        assert system.config.storage.url.endswith("data/bot.botmon.db")
        assert system.host is not None
        lease.system.recorder.record(logged("after"))
        assert sorted(await commands_of(system)) == ["after", "before"]
        await bot.unload_extension(EXTENSION)
        assert lease.system is not system
        lease.system.recorder.record(logged("without"))
        assert sorted(await commands_of(lease.system)) == ["after", "before", "without"]
        await bot.load_extension(EXTENSION)
        assert sorted(await commands_of(lease.system)) == ["after", "before", "without"]
        assert rig.bot is bot
    await lease.close()
    assert warnings_of(caplog) == []


async def test_host_joins_the_extension_that_is_loaded(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    bot = make_plain_bot()
    async with running(bot):
        system = cog_of(bot).system
        lease = systems.system_for("data/bot.db")
        assert lease.system is system
        assert system.host is not None
        assert system.host.path == folder / "data" / "bot.db"
        lease.system.recorder.record(logged("play"))
        assert await commands_of(system) == ["play"]
        store = system.store.engine.description
        await bot.unload_extension(EXTENSION)
        lease.system.recorder.record(logged("skip"))
        assert sorted(await commands_of(lease.system)) == ["play", "skip"]
        assert Path(lease.system.store.engine.description).name == Path(store).name
    await lease.close()
    assert warnings_of(caplog) == []


async def test_two_stores_are_said_once(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    lease = systems.system_for("data/bot.db")
    lease.system.recorder.record(logged("lost from sight"))
    await lease.close()
    bot = make_plain_bot()
    bot.botmon_config = replace(bot.botmon_config, storage=StorageConfig(url="elsewhere.db"))
    async with running(bot):
        leases = [systems.system_for("data/bot.db") for _ in range(3)]
        assert {lease.system for lease in leases} == {cog_of(bot).system}
        (said,) = warnings_of(caplog)
        assert "elsewhere.db" in said
        assert "bot.botmon.db" in said
        assert await commands_of(leases[0].system) == []
    for lease in leases:
        await lease.close()


async def test_passwords_are_not_said(caplog: pytest.LogCaptureFixture) -> None:
    bot = make_plain_bot()
    async with running(bot):
        lease = systems.system_for("postgresql://bot:hunter2@127.0.0.1:1/bot")
        assert "PostgreSQL 127.0.0.1:1/bot" in warnings_of(caplog)[0]
        assert "hunter2" not in caplog.text
        await lease.close()


async def test_history_of_the_old_module_is_hinted_at(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "data").mkdir()
    await make(folder / "data" / "bot.db")
    hint = '[host] database = "data/bot.db"'
    caplog.set_level(logging.INFO, "botmon_cog")
    bot = make_plain_bot()
    async with running(bot) as rig:
        said = [record for record in caplog.records if hint in record.getMessage()]
        assert [record.levelno for record in said] == [logging.INFO]
        shown = await rig.discord.owner.slash(rig.discord.owner.dm_channel, "health", view="details")
        assert hint in msgspec.json.encode(shown.message.embeds).decode().replace(chr(92), "")
        assert (await cog_of(bot).system.health.report()).components["monitor"].status == "healthy"
        other = await rig.discord.admin.slash(rig.discord.channel, "health", view="details")
        assert "data/bot.db" not in msgspec.json.encode(other.message.embeds).decode()
    bot = make_plain_bot()
    bot.botmon_config = replace(bot.botmon_config, host=HostConfig(database="data/bot.db"))
    caplog.clear()
    async with running(bot):
        assert hint not in caplog.text
        system = cog_of(bot).system
        assert system.host is not None
        assert system.config.storage.url == StorageConfig().url, "what the extension stored so far stays in sight"


async def test_of_finds_the_extensions_system() -> None:
    bot = make_bot()
    async with running(bot, load=False):
        with pytest.raises(LookupError, match="load_extension"):
            botmon_cog.of(bot)
        await bot.load_extension(EXTENSION)
        assert botmon_cog.of(bot) is cog_of(bot).system
