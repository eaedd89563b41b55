"""/stats people: who uses the bot most, where the server's settings allow it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import discord
import pytest

from botmon_cog.config import ReportsConfig, RetentionConfig
from botmon_cog.domain.models import Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reports import Period
from botmon_cog.history.people import People, Person, read_people
from botmon_cog.store.schema import UNRECORDED
from botmon_cog.store.script import Insert, Script
from botmon_cog.testing import LoopbackUser, SeenMessage
from tests.harness import Rig, cog_of, make_bot, make_config, running
from tests.history_helpers import put, use, use_elsewhere
from tests.storage_helpers import NOON, invocation
from tests.test_commands import HIDDEN, as_person
from tests.test_errors_command import said
from tests.test_history_command import replay

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WEEK = Period(name="weekly", start=NOON - 6 * DAY, end=NOON + DAY, timezone="UTC")


async def ask(rig: Rig, who: LoopbackUser | None = None, where: Any = None, **options: Any) -> SeenMessage:
    answer = await (who or rig.discord.admin).slash(where or rig.discord.channel, "stats people", **options)
    assert answer.deferred
    assert answer.message.ephemeral
    return answer.message


def unrecorded(user_id: int) -> Script[None]:
    yield Insert(UNRECORDED, [(user_id, 0)])


# -- what is counted ---------------------------------------------------------------------------------------------------


async def test_commands_that_ran_are_counted_by_person_and_day(storage) -> None:
    await storage.write(
        [
            *(invocation(user_id="10", username="anna", started_at=NOON - n * DAY) for n in range(9)),
            invocation(user_id="10", username="anna2", started_at=NOON + HOUR),
            *(invocation(user_id="11", username="bert") for _ in range(9)),
            invocation(user_id="11", outcome=Outcome.ERROR),
            invocation(user_id="12", outcome=Outcome.DENIED),
            invocation(user_id="12", kind=Kind.BUTTON),
            invocation(user_id="13", is_own=True),
            invocation(user_id=None),
            invocation(user_id="14", guild_id="2"),
            invocation(user_id="15", guild_id=None),
        ]
    )
    found = await read_people(storage.engine, "1", WEEK, 10)
    assert found == People(
        period=WEEK,
        top=(
            Person(user_id="11", username="bert", commands=10, days=1),
            Person(user_id="10", username="anna2", commands=8, days=7),
        ),
        n=2,
        commands=18,
    )
    everywhere = await read_people(storage.engine, None, WEEK, 1)
    assert (everywhere.n, everywhere.commands, len(everywhere.top)) == (4, 20, 1)


async def test_days_are_those_of_the_zone(storage) -> None:
    midnight = datetime(2026, 1, 5, tzinfo=UTC)
    await storage.write([invocation(started_at=midnight - HOUR / 2), invocation(started_at=midnight + HOUR / 2)])
    utc = Period(name="weekly", start=midnight - 2 * DAY, end=midnight + DAY, timezone="UTC")
    berlin = Period(name="weekly", start=midnight - 2 * DAY, end=midnight + DAY, timezone="Europe/Berlin")
    days = [(await read_people(storage.engine, "1", period, 1)).top[0].days for period in (utc, berlin)]
    assert days == [2, 1]


async def test_who_is_not_recorded_any_more_is_not_among_them(storage) -> None:
    await storage.write([invocation(user_id="10"), invocation(user_id="11"), invocation(user_id="of a host")])
    await storage.engine.write(unrecorded(10))
    found = await read_people(storage.engine, "1", WEEK, 5)
    assert {person.user_id for person in found.top} == {"11", "of a host"}
    assert (found.n, found.commands) == (2, 2)


async def test_several_runs_add_up(engine) -> None:
    async with engine.storage("one") as one, engine.storage("two") as two:
        await one.write([invocation(started_at=NOON + n * HOUR / 60) for n in range(3)])
        await two.write([invocation(started_at=NOON + n * HOUR / 60, username="anna") for n in range(4)])
        (person,) = (await read_people(one.engine, "1", WEEK, 5)).top
        assert (person.commands, person.username, person.days) == (7, "anna", 1)


# -- what is shown -----------------------------------------------------------------------------------------------------


async def test_the_most_active_come_first_in_a_table_that_fits_a_phone() -> None:
    async with running(make_bot()) as rig:
        await put(rig, rig.discord.guild.id, people=True)
        for n in range(20):
            for _ in range(n + 1):
                use(rig, user_id=5000 + n, username=f"somebody_with_a_very_long_name_{n}")
        message = await ask(rig)
        embed = message.embeds[0]
        assert embed["title"] == f"People · {rig.discord.guild.name}"
        (field,) = embed["fields"]
        _, header, *rows = field["value"].splitlines()
        assert embed["description"] == "**20** people used **210** commands"
        assert header.split() == ["cmds", "days"]
        assert max(map(len, rows)) <= 28
        assert rows[0].split()[-2:] == ["20", "1"]
        assert rows[-1] == "```and 5 more"
        assert [b["label"] for b in message.components[0]["components"]] == ["Today", "7 days", "30 days"]


async def test_periods_are_chosen_by_option_and_button() -> None:
    async with running(make_bot()) as rig:
        await put(rig, rig.discord.guild.id, people=True)
        use(rig, username="recent")
        use(rig, username="bygone", user_id=7, ago=10 * DAY)
        message = await ask(rig, period="30 days")
        assert "bygone" in said(message)
        assert (await rig.discord.admin.click(message, "7 days")).message is message
        assert "bygone" not in said(message)
        assert "recent" in said(message)
        await rig.discord.admin.click(message, "30 days")
        assert "bygone" in said(message)


async def test_nobody_is_a_sentence() -> None:
    async with running(make_bot()) as rig:
        await put(rig, rig.discord.guild.id, people=True)
        assert "Nobody used a command in this time" in said(await ask(rig))


async def test_rows_that_are_not_kept_so_long_are_mentioned() -> None:
    bot = make_bot()
    bot.botmon_config = make_config(retention=RetentionConfig(raw_days=14))
    async with running(bot) as rig:
        await put(rig, rig.discord.guild.id, people=True)
        use(rig)
        assert "14 days: older rows are not kept" in said(await ask(rig, period="30 days"))
        assert "not kept" not in said(await ask(rig))


# -- who may -----------------------------------------------------------------------------------------------------------

LOCAL, REFUSED, ALL = "local", "refused", "all"
MATRIX = {
    "member": (HIDDEN, HIDDEN),
    "admin": (REFUSED, LOCAL),
    "administrator": (REFUSED, LOCAL),
    "other server's admin": (HIDDEN, HIDDEN),
    "member whom the server allowed": (REFUSED, LOCAL),
    "owner": (LOCAL, LOCAL),
    "member in a DM": (REFUSED, REFUSED),
    "admin in a DM": (REFUSED, REFUSED),
    "owner in a DM": (ALL, ALL),
}
"""What each person gets where the server's settings say nothing, and where they allow it."""


def kind_of(message: SeenMessage) -> str:
    text = json.dumps(dict(message.body))
    if "zoe" in text:
        return ALL
    return LOCAL if "anna" in text else REFUSED


@pytest.mark.parametrize("person", MATRIX)
@pytest.mark.parametrize("is_allowed", [False, True])
async def test_who_gets_what(person: str, is_allowed: bool) -> None:
    async with running(make_bot()) as rig:
        use(rig)
        use_elsewhere(rig)
        if is_allowed:
            await put(rig, rig.discord.guild.id, people=True)
        who: LoopbackUser = await as_person(rig, person)
        where = who.dm_channel if "DM" in person else rig.discord.channel
        expected = MATRIX[person][is_allowed]
        if expected == HIDDEN:
            with pytest.raises(PermissionError):
                await ask(rig, who, where)
        else:
            assert kind_of(await ask(rig, who, where)) == expected


async def test_the_configuration_allows_it_where_a_server_does_not_say() -> None:
    bot = make_bot()
    bot.botmon_config = make_config(reports=ReportsConfig(people=True))
    async with running(bot) as rig:
        use(rig)
        assert kind_of(await ask(rig)) == LOCAL
        await put(rig, rig.discord.guild.id, people=False)
        message = await ask(rig)
        assert message.embeds[0]["title"] == "Not shown here"
        assert "under `/stats settings`" in said(message)


async def test_replayed_buttons_show_nobody_more_than_the_command() -> None:
    async with running(make_bot()) as rig:
        use(rig)
        use_elsewhere(rig)
        ids = ("botmon:people:7 days:here", "botmon:people:7 days:all")
        message = await replay(rig, rig.discord.channel, *ids)
        before = dict(message.body)

        async def kinds(who: LoopbackUser) -> list[str]:
            found: list[str] = []
            for custom_id in ids:
                answer = await who.click(message, custom_id)
                assert answer.message.ephemeral
                assert answer.message is not message
                found.append(kind_of(answer.message))
            return found

        assert await kinds(rig.discord.user) == [REFUSED, REFUSED]
        assert await kinds(rig.discord.admin) == [REFUSED, REFUSED]
        assert await kinds(rig.discord.owner) == [LOCAL, ALL]
        await put(rig, rig.discord.guild.id, people=True)
        assert await kinds(rig.discord.admin) == [LOCAL, REFUSED]
        assert await kinds(rig.discord.user) == [REFUSED, REFUSED]
        rig.discord.admin.set_permissions(rig.discord.guild, discord.Permissions(view_channel=True))
        assert await kinds(rig.discord.admin) == [REFUSED, REFUSED]
        assert dict(message.body) == before
        assert cog_of(rig.bot).system.failures.n == 0
