"""Everybody who may ask for the health, and all that each of them can ask and press."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import discord
import pytest

from botmon_cog.testing import LoopbackChannel, LoopbackGuild, LoopbackUser, SeenMessage
from tests.harness import Rig, cog_of
from tests.health_secrets import received
from tests.test_commands import ADMIN

VIEWS: tuple[dict[str, Any], ...] = ({}, {"view": "details"}, {"view": "history"})
ALL_SERVERS: dict[str, Any] = {"scope": "all guilds"}


@dataclass
class People:
    """Who is not an owner, and where each of them asks."""

    member: LoopbackUser
    admin: LoopbackUser
    administrator: LoopbackUser
    other_admin: LoopbackUser
    elsewhere: LoopbackChannel
    their_guild: LoopbackGuild

    @classmethod
    async def of(cls, rig: Rig) -> People:
        other_admin, administrator = rig.discord.add_user("Other admin"), rig.discord.add_user("Administrator")
        other = rig.discord.add_guild("Elsewhere", members=[other_admin, rig.discord.owner])
        other_admin.set_permissions(other, ADMIN)
        rig.discord.guild.add_member(administrator, discord.Permissions.all())
        rig.discord.owner.set_permissions(rig.discord.guild, ADMIN)
        await rig.discord.settled()
        return cls(rig.discord.user, rig.discord.admin, administrator, other_admin, other.channel, other)

    def places(self, rig: Rig) -> list[tuple[LoopbackUser, LoopbackChannel]]:
        here = rig.discord.channel
        return [
            (self.member, here),
            (self.admin, here),
            (self.administrator, here),
            (self.other_admin, self.elsewhere),
        ]


async def health_of_everybody(rig: Rig, people: People) -> None:
    """Everybody asks for the verdict and the numbers, each where they may."""
    owner = rig.discord.owner
    for who, where in ((owner, owner.dm_channel), *people.places(rig)[1:]):
        for options in VIEWS[:2]:
            await who.slash(where, "health", **options)


async def owner_looks_at_everything(rig: Rig) -> None:
    """In DMs and in the server: each view, each button, and the newest message with its own."""
    owner = rig.discord.owner
    for where in (owner.dm_channel, rig.discord.channel):
        for options in VIEWS:
            await press_all(owner, (await owner.slash(where, "health", **options)).message)
    for command in ("list", "history"):
        await owner.slash(owner.dm_channel, f"botmon alerts {command}")
    for message in owner.dms[-1:]:
        for label in {"Show health", "Traceback"} & set(labels(message)):
            await owner.click(message, label)


async def others_try_everything(rig: Rig, people: People) -> None:
    """Each view with its buttons, the buttons of the owner's messages, and what is the owners' alone."""
    ids = buttons_of_owner(rig)
    for who, where in people.places(rig):
        if who is people.member:
            with pytest.raises(PermissionError):
                await who.slash(where, "health")
        else:
            for options in (*VIEWS, ALL_SERVERS):
                await press_all(who, (await who.slash(where, "health", **options)).message)
        for options in VIEWS:
            await who.slash(who.dm_channel, "health", **options)
        for command in ("list", "history"):
            await who.slash(who.dm_channel, f"botmon alerts {command}")
        assert await who.autocomplete(who.dm_channel, "botmon alerts mute", focused="what") == []
        for place in (where, who.dm_channel) if who is people.admin else (where,):
            for custom_id in ids:
                await who.click(await replay(rig, place, custom_id), custom_id)
    for command in ("list", "history"):
        await people.administrator.slash(rig.discord.channel, f"botmon alerts {command}")
    assert (await cog_of(rig.bot).system.alerts.overview()).mutes == ()


async def press_all(who: LoopbackUser, message: SeenMessage) -> None:
    pressed = set[str]()
    while left := [label for label in labels(message) if label not in pressed]:
        await who.click(message, left[0])
        pressed.add(left[0])


def buttons_of_owner(rig: Rig) -> list[str]:
    """The custom ids that the owner ever got; of those that mute, the newest message's."""
    ids = list(dict.fromkeys(re.findall(r'"custom_id": "(botmon:[^"]+)"', received(rig.discord)[rig.discord.owner])))
    mutes = [each for each in ids if each.startswith("botmon:mute:")]
    assert mutes
    return [each for each in ids if each not in mutes[:-2]]


async def replay(rig: Rig, place: LoopbackChannel, custom_id: str) -> SeenMessage:
    """A message of the host's own, in that place, with the same button."""
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label="the owner's", custom_id=custom_id))
    view.stop()
    sent = await rig.bot.get_partial_messageable(place.id).send("buttons", view=view)
    return next(message for message in place.messages if message.id == sent.id)


def buttons(message: SeenMessage) -> list[dict[str, Any]]:
    return [part for row in message.components for part in row["components"] if part.get("label")]


def labels(message: SeenMessage) -> list[str]:
    return [button["label"] for button in buttons(message)]
