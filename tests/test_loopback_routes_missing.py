"""REST: a route that is not imitated makes the test fail, and says which it was."""

from __future__ import annotations

import discord
import pytest
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord, NotImitatedError
from botmon_cog.testing.rest.table import ROUTES, name_of

STICKERS = "GET /guilds/{id}/stickers"


async def fetch_stickers(bot: commands.Bot, loopback: LoopbackDiscord) -> discord.HTTPException:
    guild = bot.get_guild(loopback.guild.id)
    with pytest.raises(discord.HTTPException) as caught:
        await guild.fetch_stickers()
    return caught.value


async def use_stickers(loopback: LoopbackDiscord, failure: Exception | None = None) -> None:
    """A test of a bot that takes any error for an empty list, and that fails with `failure`."""
    bot = commands.Bot("!", intents=discord.Intents.default())
    async with loopback, loopback.running(bot):
        error = await fetch_stickers(bot, loopback)
        assert (error.status, error.text) == (501, f"{STICKERS} is not imitated by this loopback")
        await fetch_stickers(bot, loopback)
        if failure is not None:
            raise failure


async def test_a_bot_that_swallows_the_error_fails_its_test_all_the_same():
    loopback = LoopbackDiscord()
    with pytest.raises(NotImitatedError, match=r"GET /guilds/\{id\}/stickers is not imitated") as caught:
        await use_stickers(loopback)
    assert caught.value.requests == [STICKERS]
    assert loopback.not_imitated == [STICKERS] * 2


async def test_it_is_told_of_with_the_error_that_the_test_fails_with():
    with pytest.raises(AssertionError, match="no stickers") as caught:
        await use_stickers(LoopbackDiscord(), AssertionError("no stickers"))
    assert isinstance(caught.value.__cause__, NotImitatedError)


async def test_an_error_that_has_a_cause_keeps_it():
    failure, cause = AssertionError("no stickers"), KeyError("x")
    failure.__cause__ = cause
    with pytest.raises(AssertionError) as caught:
        await use_stickers(LoopbackDiscord(), failure)
    assert caught.value.__cause__ is cause
    assert [note for note in caught.value.__notes__ if STICKERS in note]


async def test_a_test_can_allow_it_or_plan_the_answer():
    bot = commands.Bot("!", intents=discord.Intents.default())
    async with LoopbackDiscord(strict=False) as loopback, loopback.running(bot):
        assert (await fetch_stickers(bot, loopback)).status == 501
        assert loopback.not_imitated == [STICKERS]
    bot = commands.Bot("!", intents=discord.Intents.default())
    async with LoopbackDiscord() as loopback, loopback.running(bot):
        loopback.faults.fail_next(status=403, path="/stickers")
        assert (await fetch_stickers(bot, loopback)).status == 403
        assert loopback.not_imitated == []


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("PUT", "/guilds/123/onboarding", "PUT /guilds/{id}/onboarding"),
        ("POST", "/webhooks/1/abc-DEF/slack", "POST /webhooks/{id}/{token}/slack"),
        ("PATCH", "/invites/aBc", "PATCH /invites/{code}"),
        (
            "DELETE",
            "/channels/1/messages/2/reactions/%F0%9F%91%8D/x/y",
            "DELETE /channels/{id}/messages/{id}/reactions/{emoji}/x/y",
        ),
    ],
)
def test_its_name_holds_nothing_of_the_one_request(method: str, path: str, name: str):
    assert name_of(method, path) == name


def test_no_route_is_listed_twice():
    keys = [(route.method, route.pattern().pattern.replace("(?P<", "")) for route in ROUTES]
    assert len(keys) == len(set(keys))
