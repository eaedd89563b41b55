"""/stats history: who used what, asked for with filters, turned page by page, by those who may."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import discord
import pytest

from botmon_cog.domain.models import Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.errors import StorageError
from botmon_cog.history.outcome_choices import CHOICES
from botmon_cog.history.state import StaleStateError, decode, encode_all
from botmon_cog.history.values import Asked, Cursor, RowKey
from botmon_cog.store.alerts import execute
from botmon_cog.testing import LoopbackChannel, LoopbackUser, SeenMessage
from tests.harness import EXTENSION, Rig, cog_of, make_bot, make_config, running, until
from tests.history_helpers import put, use, use_elsewhere
from tests.storage_helpers import invocation
from tests.test_commands import ADMIN, HIDDEN, as_person
from tests.test_errors_command import said

GRAVE = "\N{MODIFIER LETTER GRAVE ACCENT}"
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


async def ask(
    rig: Rig, who: LoopbackUser | None = None, where: LoopbackChannel | None = None, **options: Any
) -> SeenMessage:
    answer = await (who or rig.discord.admin).slash(where or rig.discord.channel, "stats history", **options)
    assert answer.deferred
    assert answer.message.ephemeral
    return answer.message


def owner_is_here(rig: Rig) -> None:
    """Discord offers the command to those alone who may manage the server."""
    rig.discord.owner.set_permissions(rig.discord.guild, discord.Permissions.all())


def text_lines(message: SeenMessage) -> list[str]:
    return [line for field in message.embeds[0].get("fields", ()) for line in field["value"].splitlines()]


def lines(message: SeenMessage) -> list[str]:
    """Those that are uses, without their times."""
    return [line.split("` ", 1)[1] for line in text_lines(message) if line.startswith("`")]


def buttons(message: SeenMessage) -> dict[str, dict[str, Any]]:
    return {item["label"]: item for row in message.components for item in row["components"]}


def enabled(message: SeenMessage) -> list[str]:
    return [label for label, item in buttons(message).items() if not item.get("disabled")]


# -- what is shown -----------------------------------------------------------------------------------------------------


async def test_each_use_is_a_line_with_how_it_ended() -> None:
    async with running(make_bot()) as rig:
        use(rig, "play", ago=7 * MINUTE)
        use(
            rig, "lyrics", ago=6 * MINUTE, outcome=Outcome.ERROR, error_type="ValueError", error_message="API key wrong"
        )
        use(rig, "ban", ago=5 * MINUTE, outcome=Outcome.DENIED, username="carl")
        use(rig, "purge", ago=4 * MINUTE, outcome=Outcome.REFUSED, lacks="Manage Messages")
        use(rig, "skip", ago=3 * MINUTE, kind=Kind.BUTTON)
        use(rig, "roll", ago=2 * MINUTE, kind=Kind.PREFIX, user_id=None, username=None)
        use(rig, "slow", ago=MINUTE, outcome=Outcome.UNANSWERED)
        message = await ask(rig)
        assert lines(message) == [
            "⌛ **/slow** anna · no answer",
            "**roll** someone · 0.9 s",
            "button `skip` anna · 0.9 s",
            "⛔ **/purge** anna · the bot lacks *Manage Messages*",
            "🚫 **/ban** carl · not allowed",
            "❌ **/lyrics** anna · failed",
            "**/play** anna · 0.9 s",
        ]
        assert message.embeds[0]["title"] == f"History · {rig.discord.guild.name}"
        assert "the owner is told of what fails" in said(message)
        assert "ValueError" not in json.dumps(dict(message.body)), "why is the owners' business"
        assert enabled(message) == ["Refresh"]


async def test_owners_read_why_and_what_was_given() -> None:
    async with running(make_bot()) as rig:
        owner_is_here(rig)
        use(
            rig,
            "lyrics",
            outcome=Outcome.ERROR,
            error_type="ValueError",
            error_message="API key wrong",
            parameters='{"song": "Low `Tide`"}',
        )
        use(rig, "play", parameters='["song"]')
        message = await ask(rig, rig.discord.owner)
        assert "`ValueError: API key wrong` · `" in said(message)
        assert f"`song: Low {GRAVE}Tide{GRAVE}`" in said(message)
        assert said(message).count("-# ") == 1, "names of options alone say nothing"
        admins = await ask(rig)
        assert "Tide" not in json.dumps(dict(admins.body)), "what people typed is no admin's business"
        assert "owner" not in said(message), "who reads it knows"


async def test_owners_in_a_dm_read_all_servers_by_name() -> None:
    async with running(make_bot()) as rig:
        use(rig)
        use_elsewhere(rig)
        use(rig, "hello", guild_id=None, guild_name=None)
        owner_is_here(rig)
        for message in (
            await ask(rig, rig.discord.owner, rig.discord.owner.dm_channel),
            await ask(rig, rig.discord.owner, scope="all guilds"),
        ):
            assert message.embeds[0]["title"] == "History · all servers"
            text = said(message)
            assert [name in text for name in ("Another place", rig.discord.guild.name, "in a direct message")] == [
                True
            ] * 3


async def test_days_are_those_of_the_servers_zone() -> None:
    async with running(make_bot()) as rig:
        use(rig, "old", ago=DAY)
        use(rig, "new")
        await put(rig, rig.discord.guild.id, timezone="Pacific/Kiritimati")
        message = await ask(rig)
        local = rig.clock.now() + timedelta(hours=14)
        assert [field["name"] for field in message.embeds[0]["fields"]] == ["Today", "Yesterday"]
        assert text_lines(message)[0].startswith(f"`{local:%H:%M}`")
        assert message.embeds[0]["footer"]["text"] == "times in Pacific/Kiritimati · kept 90 days"


async def test_nothing_on_record_says_what_will_appear() -> None:
    async with running(make_bot()) as rig:
        message = await ask(rig)
        assert "Nothing recorded yet. Each use of a command appears here" in said(message)
        assert "Nothing matches" in said(await ask(rig, since="2 h"))


async def test_names_of_others_can_neither_format_nor_ping() -> None:
    async with running(make_bot()) as rig:
        use(rig, "a`b\n@everyone", username="**x** <@1> ||y||", kind=Kind.BUTTON)
        text = said(await ask(rig))
        assert "<@1>" not in text
        assert "\n@everyone" not in text
        assert "**x**" not in text


# -- filters -----------------------------------------------------------------------------------------------------------


async def test_filters_leave_only_what_fits() -> None:
    async with running(make_bot()) as rig:
        anna = rig.discord.user
        use(rig, "play", ago=3 * DAY, user_id=anna.id)
        use(rig, "play", ago=MINUTE, outcome=Outcome.LATE, username="bert")
        use(rig, "stop", ago=MINUTE, outcome=Outcome.ERROR, user_id=anna.id)
        use(rig, "stop", ago=MINUTE, outcome=Outcome.USER_ERROR)
        assert len(lines(await ask(rig, command="play"))) == 2
        assert len(lines(await ask(rig, command="/Play"))) == 2
        assert len(lines(await ask(rig, outcome="failed"))) == 2
        assert lines(await ask(rig, outcome="user_error")) == ["✏️ **/stop** anna · used wrongly"]
        assert len(lines(await ask(rig, user=anna))) == 2
        assert len(lines(await ask(rig, since="2 d"))) == 3
        message = await ask(rig, command="stop", outcome="failed", user=anna, since="yesterday")
        assert lines(message) == ["❌ **/stop** anna · failed"]
        first = message.embeds[0]["description"].splitlines()[0]
        assert first.startswith(f"-# only `stop` · any failure of the bot · by <@{anna.id}> · since ")


async def test_a_name_that_is_not_on_record_is_met_with_names_like_it() -> None:
    async with running(make_bot()) as rig:
        use(rig, "play")
        use_elsewhere(rig, "plan")
        message = await ask(rig, command="plaay")
        assert "Did you mean `play`?" in said(message)
        assert "plan" not in said(message)
        assert message.components == []


async def test_a_time_that_cannot_be_read_is_met_with_examples() -> None:
    async with running(make_bot()) as rig:
        message = await ask(rig, since="soon")
        assert message.embeds[0]["title"] == "Since when?"
        assert "`soon` can't be read as a time in the past. Try `2 h`" in said(message)


async def test_completion_offers_what_is_on_record_here_and_how_times_are_read() -> None:
    async with running(make_bot()) as rig:
        admin, owner, channel = rig.discord.admin, rig.discord.owner, rig.discord.channel
        owner_is_here(rig)
        use(rig, "play")
        use(rig, "play")
        use(rig, "playlist show")
        use(rig, "display")
        use_elsewhere(rig)
        await rig.rows()

        async def names(who: LoopbackUser, where: LoopbackChannel, value: str, **options: Any) -> list[str]:
            found = await who.autocomplete(where, "stats history", focused="command", value=value, **options)
            return [choice["name"] for choice in found]

        assert await names(admin, channel, "/PLAY") == ["play", "playlist show", "display"]
        assert await names(admin, channel, "else") == []
        assert await names(admin, channel, "else", scope="all guilds") == []
        assert await names(owner, channel, "else", scope="all guilds") == ["elsewhere"]
        assert await names(owner, owner.dm_channel, "else") == ["elsewhere"]
        assert await names(admin, admin.dm_channel, "") == []
        times = await admin.autocomplete(channel, "stats history", focused="since", value="3 d")
        assert [choice["value"] for choice in times] == ["3 d"]
        at = rig.clock.now() - 3 * DAY
        assert times[0]["name"].startswith(f"3 d · since {at.day} ")
        assert await admin.autocomplete(channel, "stats history", focused="since", value="soon") == []
        assert len(await admin.autocomplete(channel, "stats history", focused="since", value="")) == 6


# -- pages -------------------------------------------------------------------------------------------------------------


async def test_pages_are_turned_there_and_back_also_after_a_restart(tmp_path: Path) -> None:
    bot = make_bot()
    bot.botmon_config = make_config(str(tmp_path / "bot.db"))
    async with running(bot) as rig:
        admin = rig.discord.admin
        for n in range(25):
            use(rig, f"c{n}", ago=(n + 1) * MINUTE)
            use_elsewhere(rig, ago=(n + 1) * MINUTE)
        message = await ask(rig)
        assert [line.split("**")[1] for line in lines(message)] == [f"/c{n}" for n in range(10)]
        assert enabled(message) == ["Older", "Refresh"]
        use(rig, "new")
        assert (await admin.click(message, "Older")).message is message
        assert [line.split("**")[1] for line in lines(message)] == [f"/c{n}" for n in range(10, 20)]
        assert enabled(message) == ["Newer", "Older", "Refresh"]
        await rig.bot.reload_extension(EXTENSION)
        await admin.click(message, "Refresh")
        assert [line.split("**")[1] for line in lines(message)] == [f"/c{n}" for n in range(10, 20)]
        await admin.click(message, "Older")
        assert [line.split("**")[1] for line in lines(message)] == [f"/c{n}" for n in range(20, 25)]
        assert enabled(message) == ["Newer", "Refresh"]
        await admin.click(message, "Newer")
        await admin.click(message, "Newer")
        assert [line.split("**")[1] for line in lines(message)] == [f"/c{n}" for n in range(10)]
        await admin.click(message, "Newer")
        assert lines(message)[0].startswith("**/new**")
        assert enabled(message) == ["Older", "Refresh"]
        assert "elsewhere" not in json.dumps(dict(message.body))


async def test_filters_stay_while_pages_are_turned() -> None:
    async with running(make_bot()) as rig:
        anna = rig.discord.user
        for n in range(30):
            at = (n + 1) * MINUTE
            use(rig, "wanted", ago=at, outcome=Outcome.ERROR, user_id=anna.id)
            use(rig, "other", ago=at, outcome=Outcome.ERROR, user_id=anna.id)
            use(rig, "wanted", ago=at, user_id=anna.id)
            use(rig, "wanted", ago=at, outcome=Outcome.ERROR, user_id=7)
        message = await ask(rig, command="wanted", outcome="error", user=anna, since="20 min")
        head = message.embeds[0]["description"].splitlines()[0]
        assert all(len(item["custom_id"]) <= 100 for item in buttons(message).values())
        await rig.discord.admin.click(message, "Older")
        assert lines(message) == ["❌ **/wanted** anna · failed"] * 10
        assert message.embeds[0]["description"].splitlines()[0] == head
        assert enabled(message) == ["Newer", "Refresh"]


async def test_a_database_that_is_away_is_said_beside_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(make_bot()) as rig:
        use(rig)
        message = await ask(rig)
        before = dict(message.body)

        async def away(*_: object, **__: object) -> None:
            raise StorageError("away")

        with monkeypatch.context() as patched:
            patched.setattr(cog_of(rig.bot).system, "catch_up", away)
            answer = await rig.discord.admin.click(message, "Refresh")
            assert "database does not answer" in said(answer.message)
        assert dict(message.body) == before, "it can be tried again"
        await rig.discord.admin.click(message, "Refresh")
        assert len(lines(message)) == 1


# -- who may -----------------------------------------------------------------------------------------------------------

HERE, REFUSED, ALL = "here", "refused", "all"
MATRIX = {
    "member": (HIDDEN, None),
    "admin": (HERE, REFUSED),
    "administrator": (HERE, REFUSED),
    "other server's admin": (HIDDEN, None),
    "member whom the server allowed": (HERE, REFUSED),
    "owner": (HERE, ALL),
    "member in a DM": (REFUSED, None),
    "admin in a DM": (REFUSED, None),
    "owner in a DM": (ALL, None),
}
"""What each person gets, and with `scope:all guilds`."""


def kind_of(message: SeenMessage) -> str:
    text = json.dumps(dict(message.body))
    if "elsewhere" in text:
        return ALL
    return HERE if "local" in text else REFUSED


@pytest.mark.parametrize("person", MATRIX)
async def test_who_gets_what(person: str) -> None:
    async with running(make_bot()) as rig:
        use(rig, "local")
        use_elsewhere(rig)
        await rig.rows()
        who: LoopbackUser = await as_person(rig, person)
        where = who.dm_channel if "DM" in person else rig.discord.channel
        for options, expected in zip(({}, {"scope": "all guilds"}), MATRIX[person], strict=True):
            if expected == HIDDEN:
                with pytest.raises(PermissionError):
                    await who.slash(where, "stats history", **options)
            elif expected is not None:
                assert kind_of(await ask(rig, who, where, **options)) == expected


async def replay(rig: Rig, where: LoopbackChannel, *custom_ids: str) -> SeenMessage:
    """A message that everybody sees, with these buttons."""
    view = discord.ui.View(timeout=None)
    for custom_id in custom_ids:
        view.add_item(discord.ui.Button(label=custom_id[:80], custom_id=custom_id))
    view.stop()
    await rig.bot.get_channel(where.id).send("buttons", view=view)
    return await where.next_message()


async def test_replayed_buttons_show_nobody_more_than_the_command() -> None:
    async with running(make_bot()) as rig:
        use(rig, "local")
        use_elsewhere(rig)
        here = buttons(await ask(rig))["Refresh"]["custom_id"]
        everywhere = buttons(await ask(rig, rig.discord.owner, rig.discord.owner.dm_channel))["Refresh"]["custom_id"]
        other_admin = rig.discord.add_user("Other admin")
        rig.discord.guild.add_member(other_admin)
        other_admin.set_permissions(rig.discord.guild, discord.Permissions(view_channel=True))
        elsewhere = rig.discord.add_guild("Elsewhere", members=[other_admin])
        other_admin.set_permissions(elsewhere, ADMIN)
        message = await replay(rig, rig.discord.channel, here, everywhere)
        expected = {
            rig.discord.user: (REFUSED, REFUSED),
            other_admin: (REFUSED, REFUSED),
            rig.discord.admin: (HERE, REFUSED),
            rig.discord.owner: (HERE, ALL),
        }
        before = dict(message.body)
        for who, kinds in expected.items():
            for custom_id, kind in zip((here, everywhere), kinds, strict=True):
                answer = await who.click(message, custom_id)
                assert answer.message.ephemeral
                assert answer.message is not message
                assert kind_of(answer.message) == kind, who
        assert dict(message.body) == before


async def test_a_button_shows_the_server_in_which_it_is_pressed() -> None:
    async with running(make_bot()) as rig:
        use(rig, "local")
        here = buttons(await ask(rig))["Refresh"]["custom_id"]
        admin = rig.discord.admin
        other = rig.discord.add_guild("Another", members=[admin])
        admin.set_permissions(other, ADMIN)
        channel = other.add_text_channel("general")
        use(rig, "theirs", guild_id=other.id)
        await until(lambda: rig.bot.get_channel(channel.id) is not None)
        answer = await admin.click(await replay(rig, channel, here), here)
        assert "theirs" in said(answer.message)
        assert "local" not in said(answer.message)


async def test_in_direct_messages_only_owners_get_anywhere() -> None:
    async with running(make_bot()) as rig:
        use(rig, "local")
        use_elsewhere(rig)
        here = buttons(await ask(rig))["Refresh"]["custom_id"]
        everywhere = buttons(await ask(rig, rig.discord.owner, rig.discord.owner.dm_channel))["Refresh"]["custom_id"]
        for who, kind in ((rig.discord.admin, REFUSED), (rig.discord.owner, ALL)):
            channel: Any = await rig.bot.get_user(who.id).create_dm()
            view = discord.ui.View(timeout=None)
            for custom_id in (here, everywhere):
                view.add_item(discord.ui.Button(label=custom_id[:80], custom_id=custom_id))
            view.stop()
            await channel.send("buttons", view=view)
            message = await who.next_dm()
            for custom_id in (here, everywhere):
                assert kind_of((await who.click(message, custom_id)).message) == kind


async def test_whether_somebody_may_is_asked_at_each_press() -> None:
    async with running(make_bot()) as rig:
        use(rig, "local")
        message = await ask(rig)
        rig.discord.admin.set_permissions(rig.discord.guild, discord.Permissions(view_channel=True))
        before = dict(message.body)
        answer = await rig.discord.admin.click(message, "Refresh")
        assert kind_of(answer.message) == REFUSED
        assert dict(message.body) == before


# -- custom ids --------------------------------------------------------------------------------------------------------


async def test_state_comes_back_from_a_custom_id_whatever_was_asked_for(storage) -> None:
    await storage.write([invocation(command="x" * 200)])
    largest = 2**63 - 1
    key = RowKey(largest, 2**32 - 1, 2**63)
    for guild_id, outcome, cursor in (
        ("1", None, None),
        (None, "crashed", Cursor("older", key)),
        ("1", "failed", Cursor("newer", RowKey(1, 1, 0))),
    ):
        asked = Asked(guild_id=guild_id, command="x" * 200, outcome=outcome, user_id=str(largest))
        (text,) = await encode_all(storage.engine, asked, cursor)
        assert len(f"botmon:history:o:{text}") <= 100
        assert ":" not in text
        state = await decode(storage.engine, text, "1")
        assert (state.asked, state.cursor) == (asked, cursor)
    assert len(CHOICES) < 256


@pytest.mark.parametrize("text", ["", "-", "AAAA", "A" * 55, "é" * 55, "A" * 90])
async def test_what_is_no_state_is_refused(storage, text) -> None:
    with pytest.raises(StaleStateError):
        await decode(storage.engine, text, "1")


async def test_a_command_of_another_store_is_not_taken_for_one_of_this(storage) -> None:
    await storage.write([invocation(command="play")])
    (text,) = await encode_all(storage.engine, Asked(command="play"), None)

    await storage.engine.write(execute("UPDATE @labels SET text = 'ban' WHERE text = 'play'", {}))
    with pytest.raises(StaleStateError):
        await decode(storage.engine, text, "1")


async def test_a_button_of_another_version_is_answered() -> None:
    async with running(make_bot()) as rig:
        ids = ["botmon:history", "botmon:history:o", "botmon:history:x:AAAA", "botmon:history:o:AAAA"]
        message = await replay(rig, rig.discord.channel, *ids)
        for custom_id in ids:
            answer = await rig.discord.admin.click(message, custom_id)
            assert answer.message.ephemeral
            assert "another version" in said(answer.message)
