"""Who reads what of failures in `/perf` and `/stats`, over real sockets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import discord
import pytest
from discord.ext import commands

from botmon_cog.config import AlertsConfig, CommandsConfig, ReportsConfig
from botmon_cog.domain.models import ErrorGroup, ErrorSource, Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.uptime import Run
from botmon_cog.store.log import RunKey
from botmon_cog.store.store import Store
from tests.harness import Rig, cog_of, make_bot, make_config, running
from tests.test_commands import ADMIN, as_person, ask, text_of
from tests.test_prefix_commands import ask as prefix_ask

ELSEWHERE = 999
FAR = "secret of another server"


def failing_bot(**tables: Any) -> commands.Bot:
    bot = make_bot()
    bot.botmon_config = make_config(**tables)

    @bot.tree.command(name="lyrics", description="l")
    async def lyrics(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("looking for it")
        raise ValueError("API key wrong")

    @bot.tree.command(name="purge", description="p")
    async def purge(interaction: discord.Interaction, message: str) -> None:
        await interaction.response.send_message("purging")
        await interaction.channel.get_partial_message(int(message)).delete()

    @bot.tree.command(name="play", description="p")
    async def play(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("playing")

    @bot.tree.error
    async def on_error(interaction: discord.Interaction, error: Exception) -> None:
        """Quiet."""

    return bot


async def fail(rig: Rig, n: int = 3) -> None:
    """`/lyrics` fails here, and something else, with a secret, in another server."""
    for _ in range(n):
        await rig.discord.user.slash(rig.discord.channel, "lyrics")
    now, recorder = rig.clock.now(), cog_of(rig.bot).system.recorder
    far = {"what": "far", "source": ErrorSource.COMMAND, "outcome": Outcome.ERROR, "error_message": FAR}
    recorder.record(ErrorGroup(fingerprint=77, first_at=now, error_type="KeyError", file="far.py", line=7, **far))
    for command, fingerprint in (("far", 77), ("far", 77), ("lyrics", None), ("lyrics", None)):
        recorder.record(
            Invocation(
                kind=Kind.SLASH,
                command=command,
                outcome=Outcome.ERROR,
                started_at=now,
                duration_s=0.1,
                guild_id=ELSEWHERE,
                user_id=5,
                error_type="KeyError",
                error_message=FAR,
                fingerprint=fingerprint,
            )
        )
    await rig.rows()


NOTHING, COUNTS, CAUSES, EVERYTHING = "nothing", "counts", "causes here", "everything"
MATRIX = {
    "member": NOTHING,
    "admin": COUNTS,
    "administrator": COUNTS,
    "other server's admin": NOTHING,
    "member whom the server allowed": COUNTS,
    "owner": CAUSES,
    "member in a DM": NOTHING,
    "admin in a DM": NOTHING,
    "owner in a DM": EVERYTHING,
}
"""What each person reads of failures."""


@pytest.mark.parametrize("person", MATRIX)
async def test_causes_are_the_owners_and_counts_the_servers(person: str) -> None:
    async with running(failing_bot()) as rig:
        await fail(rig)
        who = await as_person(rig, person)
        where = who.dm_channel if "DM" in person else rig.discord.channel
        expected = MATRIX[person]
        for command, options in (("perf", {}), ("perf", {"command": "lyrics"}), ("stats weekly", {})):
            said = await asked(who, where, command, **options)
            is_whole = expected == EVERYTHING
            if not is_whole:
                assert FAR not in said, (command, said)
                assert "far" not in said
            elif command == "perf" and not options:
                assert f"`KeyError: {FAR}` · `far.py:7`" in said
            has_cause = expected in {CAUSES, EVERYTHING} and command == "perf"
            assert ("ValueError: API key wrong" in said) == has_cause, (command, said)
            assert ("test_perf_failures.py:" in said) == has_cause
            n = 5 if is_whole else 3
            if expected == NOTHING:
                assert "lyrics" not in said
                assert "failed here" not in said
            elif command == "perf":
                assert f"**/lyrics** fails: **{n} of {n}** calls" in said
            elif is_whole:
                assert "kinds of errors, " in said
                assert "`/botmon errors`" in said
            else:
                owner = "`/botmon errors`" if expected == CAUSES else "the owner"
                assert "3 commands failed here" in said
                assert owner in said


@pytest.mark.parametrize(("member", "is_owner"), [(0, True), (1, True), (2, True), (3, False)])
async def test_of_a_team_those_read_causes_who_own_the_bot_for_discord_py(member: int, is_owner: bool) -> None:
    async with running(failing_bot(), team=True) as rig:
        await fail(rig)
        who = rig.discord.team_members[member]
        if who.id not in rig.discord.guild.memberships:
            rig.discord.guild.add_member(who)
        who.set_permissions(rig.discord.guild, discord.Permissions.all())
        for command, options in (("perf", {}), ("perf", {"command": "lyrics"}), ("stats weekly", {})):
            said = await asked(who, rig.discord.channel, command, **options)
            assert ("ValueError: API key wrong" in said) == (is_owner and command == "perf")
            assert ("`/botmon errors`" in said) >= (is_owner and command == "stats weekly")
            assert FAR not in said


async def asked(who: Any, where: Any, name: str, /, **options: object) -> str:
    """What the answer says; nothing where the command is hidden."""
    try:
        answer = await who.slash(where, name, **options)
    except PermissionError:
        return ""
    assert answer.message.ephemeral
    return text_of(answer.message.embeds[0])


async def test_admin_asking_for_a_command_of_another_server_learns_nothing() -> None:
    async with running(failing_bot()) as rig:
        await fail(rig)
        said = await ask(rig, rig.discord.admin, rig.discord.channel, "perf", command="far")
        assert "There is no command `far`, and none was used." in said
        assert FAR not in said
        for typed in ("fra", "fa"):
            assert "`far`?" not in await ask(rig, rig.discord.admin, rig.discord.channel, "perf", command=typed)
        owner = rig.discord.owner
        assert "`far`" in await ask(rig, owner, owner.dm_channel, "perf", command="fra")


async def test_one_command_shows_owners_the_share_of_servers_and_the_traceback_to_open() -> None:
    async with running(failing_bot()) as rig:
        await fail(rig)
        owner = rig.discord.owner
        said = await ask(rig, owner, owner.dm_channel, "perf", command="lyrics")
        assert "Used in 2 of 2 servers (100 %)" in said
        assert "Traceback: `/botmon errors id:" in said
        owner.set_permissions(rig.discord.guild, ADMIN)
        here = await ask(rig, owner, rig.discord.channel, "perf", command="lyrics")
        assert "servers (" not in here
        assert "3 with an error" in here
        admin = await ask(rig, rig.discord.admin, rig.discord.channel, "perf", command="lyrics")
        assert "3 with an error" in admin
        assert "Traceback" not in admin


async def test_name_is_found_whatever_its_capitals_and_a_wrong_one_gets_suggestions() -> None:
    bot = failing_bot()

    @bot.command(hidden=True)
    async def playsecret(context: commands.Context) -> None:
        """Not for admins."""

    @bot.command()
    async def playlist(context: commands.Context) -> None:
        """Never used so far."""

    async with running(bot) as rig:
        admin, channel = rig.discord.admin, rig.discord.channel
        await rig.discord.user.slash(channel, "play")
        await rig.rows()
        assert "1 call so far" in await ask(rig, admin, channel, "perf", command="/PLAY ")
        assert "`playlist` was not used in the last 7 days" in await ask(
            rig, admin, channel, "perf", command="playlist"
        )
        said = await ask(rig, admin, channel, "perf", command="playli")
        assert "Did you mean `playlist` or `play`?" in said
        assert "playsecret" not in said
        assert "`perf`" not in await ask(rig, admin, channel, "perf", command="prf"), "our own are in no report"


async def test_prefix_answers_hold_causes_only_in_direct_messages() -> None:
    async with running(failing_bot(commands=CommandsConfig(prefix=True))) as rig:
        await fail(rig)
        owner = rig.discord.owner
        owner.set_permissions(rig.discord.guild, discord.Permissions.all())
        for where, has_cause in ((rig.discord.channel, False), (owner.dm_channel, True)):
            for words in ("!perf", "!perf lyrics", "!stats weekly"):
                said = text_of((await prefix_ask(rig, owner, where, words)).embeds[0])
                assert ("API key wrong" in said) == (has_cause and words != "!stats weekly"), words
                assert ("botmon errors" in said) == (has_cause and words != "!perf"), words


async def test_missing_permissions_are_told_to_the_server_that_can_give_them() -> None:
    async with running(failing_bot()) as rig:
        rig.discord.guild.set_bot_permissions(ADMIN)
        message = await rig.discord.user.send(rig.discord.channel, "off topic")
        for _ in range(2):
            await rig.discord.user.slash(rig.discord.channel, "purge", message=str(message.id))
        await rig.rows()
        said = await ask(rig, rig.discord.admin, rig.discord.channel, "stats weekly")
        assert "Permissions missing here\n`purge` lacks *Manage Messages* here (2×)" in said  # noqa: RUF001
        owner = rig.discord.owner
        assert "Permissions missing" not in await ask(rig, owner, owner.dm_channel, "stats weekly")


@pytest.mark.parametrize(("enabled", "told"), [(True, "the owner knows"), (False, "the owner can see why")])
async def test_owner_is_said_to_know_only_where_there_are_alerts(enabled: bool, told: str) -> None:
    async with running(failing_bot(alerts=AlertsConfig(enabled=enabled))) as rig:
        await fail(rig, 1)
        said = await ask(rig, rig.discord.admin, rig.discord.channel, "stats today")
        assert f"1 command failed here; {told}" in said


async def test_deploys_are_compared_where_both_sides_have_twenty_calls() -> None:
    async with running(failing_bot(reports=ReportsConfig(timezone="Europe/Berlin"))) as rig:
        system, now = cog_of(rig.bot).system, rig.clock.now()
        owner = rig.discord.owner

        def called(n: int, failed: int, hours: float, seconds: float) -> None:
            for i in range(n):
                system.recorder.record(
                    Invocation(
                        kind=Kind.SLASH,
                        command="mix",
                        outcome=Outcome.ERROR if i < failed else Outcome.OK,
                        started_at=now - timedelta(hours=hours),
                        duration_s=seconds,
                        guild_id=rig.discord.guild.id,
                        user_id=1,
                    )
                )

        called(100, 3, 30, 2.4)
        called(19, 0, 1, 0.9)
        await rig.rows()
        await put_runs(rig, ("a1b2", 40), ("9c1d", 2))
        assert "Since version" not in await ask(rig, owner, owner.dm_channel, "perf", command="mix")
        called(1, 0, 1, 0.9)
        await rig.rows()
        for options in ({}, {"command": "mix"}):
            said = await ask(rig, owner, owner.dm_channel, "perf", **options)
            assert "Since version `9c1d` (<t:" in said
            assert "p95 2.4 s → 0.9 s, failed 3 % → 0 %" in said
        assert "By hour, Berlin" in said
        admin = await ask(rig, rig.discord.admin, rig.discord.channel, "perf", command="mix")
        assert "Since the bot's last update (<t:" in admin
        assert "9c1d" not in admin


async def put_runs(rig: Rig, *versions: tuple[str, float]) -> None:
    """Write that the bot ran in these versions, since so many hours ago each; the last one runs."""
    system, now = cog_of(rig.bot).system, rig.clock.now()
    for version, hours in versions:
        started_at = now - timedelta(hours=hours)
        store = system.store if version == versions[-1][0] else Store(system.store.engine, RunKey.new("", started_at))
        await store.uptime.put_run(Run(started_at=started_at, seen_at=now, version=version))
