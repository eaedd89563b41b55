"""Which commands exist now, and how many servers the bot is in: over all processes, on both engines."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import discord
from discord import app_commands
from discord.ext import commands
from hypothesis import given
from hypothesis import strategies as st

import botmon_cog
from botmon_cog.domain.inventory import (
    MOST_COMMANDS,
    CommandNames,
    ServersByShard,
    all_servers,
    first_seen,
    united_names,
)
from botmon_cog.domain.uptime import Run
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.inventory import Inventory
from botmon_cog.observer.offered import Offered, offered_commands, servers_by_shard
from botmon_cog.testing import LoopbackDiscord, ManualClock
from tests.engines import Storage
from tests.harness import EXTENSION, cog_of, make_bot, make_config, running
from tests.storage_helpers import NOON, invocation

DAY = timedelta(days=1)
LIVELY = timedelta(minutes=5)


# -- what a bot offers -------------------------------------------------------------------------------------------------


async def _menu(interaction: discord.Interaction, message: discord.Message) -> None:
    pass


def slash(name: str) -> app_commands.Command:
    async def callback(interaction: discord.Interaction) -> None:
        pass

    return app_commands.Command(name=name, description="x", callback=callback)


def prefix(name: str, kind: type[commands.Command] = commands.Command, **options: object) -> commands.Command:
    async def callback(context: commands.Context) -> None:
        await context.send("done")

    return kind(callback, name=name, **options)


def test_slash_commands_menus_and_prefix_commands_are_offered_by_their_full_names():
    bot = make_bot()
    group = app_commands.Group(name="radio", description="x")
    group.add_command(slash("set"))
    bot.tree.add_command(group)
    bot.tree.add_command(slash("play"))
    bot.tree.add_command(app_commands.ContextMenu(name="Play this", callback=_menu))
    bot.add_command(prefix("np"))
    assert offered_commands(bot) == Offered(frozenset({"radio set", "play", "Play this", "np"}), {})


def test_commands_of_one_server_are_offered_only_there():
    bot = make_bot()
    bot.tree.add_command(slash("play"))
    bot.tree.add_command(slash("play"), guild=discord.Object(5))
    bot.tree.add_command(slash("beta"), guild=discord.Object(5))
    bot.tree.add_command(app_commands.ContextMenu(name="Ban", callback=_menu), guild=discord.Object(6))
    offered = offered_commands(bot)
    assert offered.in_servers == {5: {"beta"}, 6: {"Ban"}}
    assert offered.of(5) == {"play", "beta"}
    assert offered.of(7) == {"play"}
    assert offered.of(None) == {"play", "beta", "Ban"}


def test_what_nobody_can_be_expected_to_use_is_left_out():
    bot = make_bot()
    bot.add_command(prefix("secret", hidden=True))
    bot.add_command(prefix("off", enabled=False))
    hidden = prefix("jsk", commands.Group, hidden=True, invoke_without_command=True)
    hidden.add_command(prefix("py"))
    bot.add_command(hidden)
    namespace = prefix("config", commands.Group)
    namespace.add_command(prefix("set"))
    bot.add_command(namespace)
    bot.add_command(botmon_cog.ignore(prefix("spy")))
    bot.tree.add_command(botmon_cog.ignore(slash("spying")))
    bot.help_command = commands.DefaultHelpCommand()
    assert offered_commands(bot).everywhere == {"config set"}
    bot.add_command(prefix("tag", commands.Group, invoke_without_command=True))
    assert "tag" in offered_commands(bot).everywhere


async def test_a_hybrid_group_is_its_fallback_as_in_the_log():
    bot = make_bot()
    bot.add_command(prefix("tag", commands.HybridGroup, fallback="get", description="x"))
    bot.add_command(prefix("poll", commands.HybridGroup, description="x"))
    async with running(bot) as rig:
        assert offered_commands(bot).everywhere == {"tag get"}
        await rig.discord.user.slash(rig.discord.channel, "tag get")
        await rig.discord.user.send(rig.discord.channel, "!tag")
        await rig.discord.settled()
        assert {row.command for row in await rig.rows()} == {"tag get"}


async def test_ours_are_not_among_them():
    bot = make_bot()
    async with running(bot):
        assert bot.tree.get_command("stats") is not None
        assert offered_commands(bot).everywhere == frozenset()


# -- which exist now ---------------------------------------------------------------------------------------------------


def inventory(storage: Storage, clock: ManualClock, *names: str) -> Inventory:
    """Of a process that offers these commands; change `offers` for others."""
    made = Inventory(storage.inventory, clock, Failures(clock), LIVELY, 5.0)
    made.servers = lambda: None
    offer(made, *names)
    return made


def offer(kept: Inventory, *names: str) -> None:
    kept.offered = lambda: Offered(frozenset(names), {})


async def lives(storage: Storage, now: datetime, **fields: object) -> None:
    await storage.uptime.put_run(Run(started_at=NOON, seen_at=now, **fields))


async def test_what_any_running_process_has_exists(engine):
    clock = ManualClock(NOON)
    async with engine.storage("old") as old, engine.storage("new") as new, engine.storage("cli") as reader:
        of_old, of_new = inventory(old, clock, "play", "shuffle"), inventory(new, clock, "play", "mix")
        for storage, kept in ((old, of_old), (new, of_new)):
            await lives(storage, NOON)
            await kept.step()
        seen_by = Inventory(reader.inventory, clock, Failures(clock), LIVELY, 5.0)
        assert set(await seen_by.commands(None)) == {"play", "shuffle", "mix"}
        await lives(old, NOON, ended_at=NOON, ending="stopped")
        assert set(await seen_by.commands(None)) == {"play", "mix"}, "the old name went with the old process"
        await lives(new, NOON, ended_at=NOON, ending="stopped")
        assert await seen_by.commands(None), "a bot that is stopped has the commands that it had last"


async def test_nothing_exists_as_long_as_nobody_has_told(engine):
    clock = ManualClock(NOON)
    async with engine.storage() as storage:
        await lives(storage, NOON)
        assert await Inventory(storage.inventory, clock, Failures(clock), LIVELY, 5.0).commands(None) is None


async def test_since_when_one_exists_is_known_over_restarts_and_reloads(engine):
    clock = ManualClock(NOON)
    async with engine.storage() as first, engine.storage() as second:
        await lives(first, NOON)
        await inventory(first, clock, "play", "radio").step()
        await clock.advance(86_400)
        await lives(first, NOON, ended_at=NOON, ending="stopped")
        await second.uptime.put_run(Run(started_at=NOON + DAY, seen_at=NOON + DAY))
        kept = inventory(second, clock, "play", "radio", "mix")
        assert await kept.commands(None) == {"play": NOON, "radio": NOON, "mix": NOON + DAY}
        await clock.advance(60)
        offer(kept, "play", "mix")
        assert await kept.commands("5") == {"play": NOON, "mix": NOON + DAY}
        offer(kept, "play", "mix", "radio")
        assert (await kept.commands(None))["radio"] == NOON, "its extension was only reloaded"


async def test_is_written_only_when_it_has_changed(engine):
    clock = ManualClock(NOON)
    async with engine.storage() as storage:
        kept = inventory(storage, clock, "play")
        await kept.step()
        assert await storage.inventory.commands(NOON) is None, "nothing is kept of the run yet"
        await lives(storage, NOON)
        await kept.step()
        writes = storage.engine.write
        storage.engine.write = None
        await kept.step()
        storage.engine.write = writes
        assert kept.failures.n == 0


names = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 9), max_size=4)
sets = st.builds(CommandNames, everywhere=names, in_servers=st.dictionaries(st.integers(1, 3), names, max_size=3))


@given(st.lists(sets, max_size=4), st.permutations(range(4)))
def test_who_tells_first_makes_no_difference(found, order):
    assert united_names(found) == united_names([found[n] for n in order if n < len(found)])


def test_a_bot_with_endless_commands_keeps_those_of_all_servers():
    many = {guild: [f"c{n}" for n in range(100)] for guild in range(1, MOST_COMMANDS // 100 + 2)}
    found = first_seen(["play"], many, CommandNames(), 7)
    assert found == CommandNames(everywhere={"play": 7})


# -- "Worth a look" ----------------------------------------------------------------------------------------------------


async def test_renamed_and_removed_commands_vanish_and_unused_ones_appear():
    bot = make_bot()
    for name in ("play", "mix", "quiet"):
        bot.tree.add_command(slash(name))
    async with running(bot) as rig:
        system, now = cog_of(bot).system, rig.clock.now()
        guild_id = str(rig.discord.guild.id)
        for command, days in (("play", 1), ("shuffle", 50), ("mix", 50), ("play", 60)):
            system.recorder.record(invocation(command=command, started_at=now - days * DAY, guild_id=guild_id))

        async def unused(guild: str | None = guild_id) -> tuple[str, ...]:
            return (await system.statistics.report(guild, system.statistics.period("weekly"))).unused_commands

        assert await unused() == ("mix",), "`shuffle` is gone; `quiet` is not known for long enough to say anything"
        await rig.clock.advance(31 * 86_400)
        assert await unused() == ("mix", "play", "quiet")
        assert await unused(None) == ("mix", "play", "quiet")
        bot.tree.remove_command("quiet")
        assert await unused() == ("mix", "play")
        assert await unused("999") == (), "nothing ever ran there"


async def test_a_server_is_not_told_of_commands_that_it_does_not_have():
    bot = make_bot()
    bot.tree.add_command(slash("play"))
    async with running(bot) as rig:
        bot.tree.add_command(slash("beta"), guild=discord.Object(5))
        system, now = cog_of(bot).system, rig.clock.now()
        for guild_id in ("5", "6"):
            system.recorder.record(invocation(command="play", started_at=now, guild_id=guild_id))
        await system.inventory.step()
        await rig.clock.advance(31 * 86_400)
        for guild_id in ("5", "6"):
            system.recorder.record(invocation(command="play", started_at=rig.clock.now(), guild_id=guild_id))
        week = system.statistics.period("weekly")
        assert (await system.statistics.report("5", week)).unused_commands == ("beta",)
        assert (await system.statistics.report("6", week)).unused_commands == ()


# -- servers -----------------------------------------------------------------------------------------------------------


def shards(of: int, **servers: int) -> ServersByShard:
    return ServersByShard(shard_count=of, servers={int(name[1:]): n for name, n in servers.items()})


def test_each_shard_counts_once_as_the_newest_process_has_it():
    assert all_servers([]) is None
    assert all_servers([shards(1, s0=3)]) == 3
    assert all_servers([shards(2, s0=3)]) is None, "one shard has not told yet"
    assert all_servers([shards(2, s0=3), shards(2, s1=4)]) == 7
    assert all_servers([shards(2, s0=3, s1=4), shards(2, s0=30, s1=40)]) == 7, "a deploy"
    assert all_servers([shards(4, s0=1, s1=1, s2=2, s3=3), shards(2, s0=3, s1=4)]) == 7, "sharded anew"


@asynccontextmanager
async def two_processes(loopback: LoopbackDiscord, url: str, **tables: object):
    """Two processes of one bot, each with one of two shards, on one store."""
    async with AsyncExitStack() as stack:
        bots = []
        for shard_id in (0, 1):
            bot = make_bot(shard_id=shard_id, shard_count=2)
            bot.botmon_config = make_config(url, instance=f"eu-{shard_id}", **tables)
            bot.botmon_clock = loopback.clock
            await stack.enter_async_context(loopback.running(bot))
            await bot.load_extension(EXTENSION)
            stack.push_async_callback(bot.unload_extension, EXTENSION)
            bots.append(bot)
        yield bots


async def test_servers_of_two_processes_on_one_store_add_up(tmp_path: Path):
    clock = ManualClock(datetime.now(UTC))
    async with LoopbackDiscord(clock=clock, shards=2) as loopback:
        for n in range(7):
            loopback.add_guild(f"Guild {n}", shard_id=n % 3 % 2)
        n = len(loopback.world.guilds)
        async with two_processes(loopback, str(tmp_path / "botmon.db")) as bots:
            for bot in bots:
                await cog_of(bot).system.inventory.step()
                assert len(bot.guilds) < n
            for bot in bots:
                system = cog_of(bot).system
                found = await system.store.fleet.recent(clock.now() - DAY)
                assert all_servers(each.servers for each in found) == n
                assert {each.instance: each.servers.total for each in found} == {
                    f"eu-{bot.shard_id}": len(bot.guilds) for bot in bots
                }


async def test_servers_are_counted_by_the_shards_that_a_process_has():
    for kind in (commands.AutoShardedBot, commands.Bot):
        bot = make_bot(kind)
        assert servers_by_shard(bot) is None
        async with running(bot, shards=3 if kind is commands.AutoShardedBot else 1) as rig:
            found = servers_by_shard(bot)
            assert (found.shard_count, sorted(found.servers)) == (bot.shard_count or 1, list(range(found.shard_count)))
            assert found.total == len(rig.discord.world.guilds)
