"""/botmon overview: drawn within Discord's limits, for the owners alone, by command and by press of old buttons."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import discord
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from botmon_cog.domain.models import MembershipChange
from botmon_cog.errors import StorageError
from botmon_cog.growth import gather
from botmon_cog.growth.embeds import growth_embed, overview_embed
from botmon_cog.growth.values import (
    Growth,
    Loss,
    Overview,
    Process,
    Retained,
    ServerUse,
    UnusedCommand,
    Week,
)
from botmon_cog.testing import LoopbackDiscord, LoopbackUser, ManualClock, SeenMessage
from tests.harness import EXTENSION, Rig, cog_of, make_bot, make_config, running
from tests.storage_helpers import invocation, membership
from tests.test_commands import let_everybody_in
from tests.test_embeds import EMPTY, statistics_report
from tests.test_embeds_limits import (
    NOW,
    any_report,
    assert_shows,
    made,
    maybe_moments,
    maybe_names,
    moments,
    names,
    numbers,
    some,
    statistics_reports,
)
from tests.test_errors_command import labels, said
from tests.test_errors_permissions import strangers
from tests.test_export import table
from tests.test_inventory import two_processes

DAY = timedelta(days=1)
LABELS = ["7 days", "30 days", "Growth", "Processes", "Errors", "Export"]
BUTTONS = ("botmon:growth:7", "botmon:growth:30", "botmon:growth:weeks", "botmon:growth:processes")


# -- within Discord's limits -------------------------------------------------------------------------------------------


maybe_numbers = st.none() | numbers
ids = st.integers(1, 2**63).map(str)
uses = made(ServerUse, guild_id=ids, name=maybe_names, n=numbers, previous_n=numbers)
overviews = made(
    Overview,
    statistics=statistics_reports(),
    servers=maybe_numbers,
    came=numbers,
    left=numbers,
    processes=some(
        made(
            Process,
            instance=names,
            status=st.sampled_from(["healthy", "degraded", "unhealthy", "unknown"]),
            seen_at=moments,
            state=st.sampled_from(["running", "silent", "stopped"]),
            servers=maybe_numbers,
            started_at=moments,
        )
    ).map(lambda found: tuple(found or ())),
    busiest=st.lists(uses, max_size=5).map(tuple),
    quiet=some(uses).map(lambda found: tuple(found or ())),
    unused=some(made(UnusedCommand, command=names, last_used=maybe_moments)).map(lambda found: tuple(found or ())),
)
growths = made(
    Growth,
    period=statistics_reports().map(lambda report: report.period),
    servers=maybe_numbers,
    came=numbers,
    left=numbers,
    weeks=st.lists(
        made(Week, first_day=moments.map(lambda m: m.date()), came=numbers, left=numbers, servers=maybe_numbers),
        min_size=1,
        max_size=8,
    ).map(tuple),
    retained=st.lists(made(Retained, days=st.sampled_from([1, 7, 30]), n=numbers, of=numbers), max_size=3).map(tuple),
    losses=st.lists(
        made(
            Loss,
            guild_id=ids,
            name=maybe_names,
            members=maybe_numbers,
            left_at=moments,
            n=numbers,
            last_used=maybe_moments.map(lambda m: m and m.date()),
            last_commands=st.lists(names, max_size=2).map(tuple),
        ),
        max_size=3,
    ).map(tuple),
    lost=numbers,
)


@any_report
@given(overviews)
def test_overview_fits_whatever_it_holds(overview):
    assert_shows(overview_embed(overview, NOW))


@any_report
@given(growths)
def test_growth_fits_whatever_it_holds(growth):
    assert_shows(growth_embed(growth))


def overview(**fields: object) -> Overview:
    told = {"servers": 5, "came": 0, "left": 0} | dict.fromkeys(("processes", "busiest", "quiet", "unused"), ())
    return Overview(statistics=fields.pop("statistics", statistics_report(guild_id=None)), **told | fields)


@pytest.mark.parametrize(
    ("servers", "came", "left", "line"),
    [
        (5012, 61, 23, "**5,012** servers  ▲ 38 (61 came, 23 left)"),
        (5, 1, 4, "**5** servers  ▼ 3 (1 came, 4 left)"),
        (5, 2, 2, "**5** servers  = (2 came, 2 left)"),
        (1, 0, 0, "**1** server"),
        (None, 2, 0, "2 came, 0 left"),
    ],
)
def test_servers_and_how_many_came_and_left(servers, came, left, line):
    embed = overview_embed(overview(servers=servers, came=came, left=left), NOW)
    assert line in (embed.description or "").splitlines()


def test_one_process_that_is_well_takes_no_line():
    one = Process(instance="main", status="healthy", seen_at=NOW, started_at=NOW, state="running", servers=5)
    assert "Processes" not in str(overview_embed(overview(processes=(one,)), NOW).to_dict())
    away = msgspec.structs.replace(one, seen_at=NOW - timedelta(hours=3), state="silent")
    assert "🔴 main  5  down 3 h" in str(overview_embed(overview(processes=(away,)), NOW).to_dict())


def test_empty_overview_says_what_will_appear():
    embed = overview_embed(
        overview(statistics=statistics_report(guild_id=None, **EMPTY | {"previous_commands": 0}), servers=3), NOW
    )
    assert "**3** servers" in embed.description
    assert "appear here as soon as" in embed.description
    assert embed.fields == []


# -- in Discord --------------------------------------------------------------------------------------------------------


def fill(rig: Rig) -> None:
    record, now = cog_of(rig.bot).system.recorder.record, rig.clock.now()
    for guild_id, name, days in ((11, "Secret Garden", 1), (12, "Hidden Cellar", 9)):
        for _ in range(30):
            record(invocation(guild_id=str(guild_id), guild_name=name, started_at=now - days * DAY))
    lost = {"guild_id": 13, "guild_name": "Lost Valley", "member_count": 77}
    record(membership(occurred_at=now - 20 * DAY, **lost))
    record(membership(change=MembershipChange.LEFT, occurred_at=now - 2 * DAY, **lost))


async def open_overview(rig: Rig, who: LoopbackUser, where: object = None, **options: str) -> SeenMessage:
    answer = await who.slash(where or who.dm_channel, "botmon overview", **options)
    assert answer.message.ephemeral
    return answer.message


def pressed(message: SeenMessage) -> list[str]:
    items = [item for row in message.components for item in row["components"]]
    return [item["label"] for item in items if item["style"] == discord.ButtonStyle.primary.value]


async def test_an_owner_moves_between_the_views_in_one_message():
    async with running(make_bot()) as rig:
        owner = rig.discord.owner
        fill(rig)
        let_everybody_in(rig)
        for where in (None, rig.discord.channel):
            message = await open_overview(rig, owner, where)
            assert labels(message) == LABELS
            assert pressed(message) == ["7 days"]
            assert "1. Secret Garden · 30" in said(message)
            assert "Hidden Cellar (30)" in said(message)
            assert (await owner.click(message, "Growth")).message is message
            assert pressed(message) == ["Growth"]
            assert "Lost Valley" in said(message)
            assert "77 members" in said(message)
            await owner.click(message, "30 days")
            assert pressed(message) == ["30 days"]
            assert "All servers, last 30 days" in message.embeds[0]["title"]
            await owner.click(message, "Errors")
            assert "No errors, last 30 days" in said(message)
        assert "last 30 days" in (await open_overview(rig, owner, period="30 days")).embeds[0]["title"]
        assert cog_of(rig.bot).system.failures.n == 0


@pytest.mark.parametrize(("view", "name"), [("7 days", "weekly"), ("30 days", "monthly"), ("Growth", "monthly")])
async def test_an_owner_exports_the_commands_of_all_servers(view: str, name: str):
    async with running(make_bot()) as rig:
        owner = rig.discord.owner
        fill(rig)
        message = await open_overview(rig, owner)
        await owner.click(message, view)
        answer = await owner.click(message, "Export")
        assert answer.message.ephemeral
        (attachment,) = answer.message.attachments
        assert attachment.filename.startswith(f"commands-{name}-")
        (line,) = table(attachment.bytes)
        assert line["used"] == ("30" if name == "weekly" else "60")


async def test_servers_of_the_bot_are_counted():
    async with running(make_bot()) as rig:
        n = len(rig.discord.world.guilds)
        assert f"**{n}** server" in said(await open_overview(rig, rig.discord.owner))


async def test_two_processes_on_one_store_tell_the_same_of_all_servers(tmp_path):
    clock = ManualClock(datetime.now(UTC))
    async with LoopbackDiscord(clock=clock, shards=2) as loopback:
        there = [loopback.add_guild(f"Guild {n}", shard_id=n % 2) for n in range(5)]
        before = len(loopback.world.guilds)
        async with two_processes(loopback, str(tmp_path / "botmon.db")) as bots:
            there[0].remove_bot()
            for n in range(2):
                loopback.add_guild(f"New {n}", shard_id=1)
            await loopback.settled()
            for bot in bots:
                await cog_of(bot).system.inventory.step()
                await cog_of(bot).system.flush()
            told = set()
            for bot in bots:
                found = await gather.overview(cog_of(bot).system, "weekly")
                assert (found.servers, found.came, found.left) == (before + 1, 2, 1)
                assert sum(each.servers for each in found.processes) == before + 1
                assert [each.state for each in found.processes] == ["running", "running"]
                told.add(str(growth_embed(await gather.growth(cog_of(bot).system)).to_dict()))
            assert len(told) == 1


async def post(rig: Rig, where: discord.abc.Messageable) -> None:
    view = discord.ui.View(timeout=None)
    for custom_id in BUTTONS:
        view.add_item(discord.ui.Button(label=custom_id, custom_id=custom_id))
    view.stop()
    await where.send("buttons", view=view)


@pytest.mark.parametrize("team", [False, True])
async def test_nobody_else_gets_an_answer_by_command_or_by_press(team: bool):
    async with running(make_bot(), team=team) as rig:
        fill(rig)
        let_everybody_in(rig)
        await post(rig, rig.bot.get_channel(rig.discord.channel.id))
        public = await rig.discord.channel.next_message()
        for person in await strangers(rig):
            if person.name == "other_admin":
                may = discord.Permissions(view_channel=True, use_application_commands=True)
                person.set_permissions(rig.discord.guild, may)
            asked = await open_overview(rig, person, rig.discord.channel)
            assert asked.embeds[0]["title"] == "For the bot's owners"
            assert asked.components == []
            assert "Secret" not in json.dumps(dict(asked.body))
            for custom_id in BUTTONS:
                answer = await person.click(public, custom_id)
                assert answer.message.ephemeral
                assert "Only the bot's owners" in said(answer.message)
                assert "Secret" not in json.dumps(dict(answer.message.body))


async def test_nobody_else_gets_an_answer_in_direct_messages():
    async with running(make_bot()) as rig:
        fill(rig)
        for person in (rig.discord.admin, rig.discord.user):
            assert (await open_overview(rig, person)).embeds[0]["title"] == "For the bot's owners"
            dm = await rig.bot.get_user(person.id).create_dm()
            await post(rig, dm)
            message = await person.next_dm()
            for custom_id in BUTTONS:
                answer = await person.click(message, custom_id)
                assert "Only the bot's owners" in said(answer.message)
                assert "Secret" not in json.dumps(dict(answer.message.body))


async def test_whether_somebody_is_an_owner_is_asked_at_each_press():
    async with running(make_bot()) as rig:
        fill(rig)
        owner = rig.discord.owner
        message = await open_overview(rig, owner)
        rig.bot.owner_id = rig.discord.admin.id
        answer = await owner.click(message, "Growth")
        assert answer.message is not message
        assert "Lost Valley" not in json.dumps(dict(answer.message.body))
        assert pressed(message) == ["7 days"]


async def test_an_owners_press_shows_nothing_in_a_message_that_others_see():
    async with running(make_bot()) as rig:
        fill(rig)
        await post(rig, rig.bot.get_channel(rig.discord.channel.id))
        public = await rig.discord.channel.next_message()
        before = dict(public.body)
        for custom_id in BUTTONS:
            answer = await rig.discord.owner.click(public, custom_id)
            assert answer.message is not public
            assert answer.message.ephemeral
        assert dict(public.body) == before


async def test_old_buttons_answer_after_a_restart(tmp_path):
    bot = make_bot()
    bot.botmon_config = make_config(str(tmp_path / "botmon.db"))
    async with running(bot) as rig:
        fill(rig)
        message = await open_overview(rig, rig.discord.owner)
        await bot.reload_extension(EXTENSION)
        await rig.discord.owner.click(message, "Growth")
        assert "Lost Valley" in said(message)


async def test_a_database_that_is_away_is_a_sentence_and_the_buttons_stay(monkeypatch):
    async with running(make_bot()) as rig:
        owner, system = rig.discord.owner, cog_of(rig.bot).system
        message = await open_overview(rig, owner)

        async def away() -> None:
            raise StorageError("no answer")

        monkeypatch.setattr(system.recorder, "catch_up", away)
        await owner.click(message, "Growth")
        assert "The database does not answer" in message.embeds[0]["title"]
        assert labels(message) == LABELS
