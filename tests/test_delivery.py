"""How notices reach the owners: each way, their order, and what closes one."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import discord
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from botmon_cog.cog.delivery import Delivery
from botmon_cog.cog.views import notice_buttons
from botmon_cog.config import AlertsConfig
from botmon_cog.domain.alerts import Notice, NoticeItem, Sent
from botmon_cog.domain.reasons import Reason
from botmon_cog.health.words import words_of
from tests.harness import EXTENSION, Rig, cog_of, make_bot, make_config, running
from tests.test_commands import text_of
from tests.test_lifecycle import trace

SINCE = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAY_S = 86_400
AWAY = Reason.of("database.away", said="disk I/O error")


def notice(**parts: Any) -> Notice:
    item = NoticeItem(
        scope="main",
        key="database",
        change="fired",
        severity="critical",
        reason=AWAY,
        since=SINCE,
    )
    return Notice(**({"kind": "alert", "items": (item,), "instance": "main", "made_at": SINCE} | parts))


@asynccontextmanager
async def delivering(rig: Rig, **alerts: Any) -> AsyncIterator[Delivery]:
    delivery = Delivery(
        rig.bot,
        AlertsConfig(**alerts),
        rig.clock,
        notice_buttons,
    )
    try:
        yield delivery
    finally:
        await delivery.close()


class Listener:
    """A server that answers every request with `status` and keeps what it got."""

    def __init__(self) -> None:
        self.status = 200
        self.got: list[tuple[str, Any]] = []

    async def take(self, request: web.Request) -> web.Response:
        self.got.append((request.path, await request.json()))
        return web.Response(status=self.status, headers={"Location": "/elsewhere"})


@pytest.fixture
async def listener() -> AsyncIterator[tuple[Listener, TestServer]]:
    listener = Listener()
    app = web.Application()
    app.router.add_post("/{path:.*}", listener.take)
    async with TestServer(app, host="127.0.0.1") as server:
        yield listener, server


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """All that was logged, but for the listener's own log."""
    return "\n".join(record.getMessage() for record in caplog.records if record.name != "aiohttp.access")


def posts(rig: Rig) -> int:
    return sum(request.method == "POST" for request in rig.discord.requests)


# -- order -------------------------------------------------------------------------------------------------------------


async def test_owners_are_told_by_dm_and_then_nobody_else(listener: tuple[Listener, TestServer]) -> None:
    taken, server = listener
    async with running(make_bot(), load=False) as rig:
        channel = rig.discord.channel
        async with delivering(rig, channel_id=channel.id, webhook=str(server.make_url("/hook"))) as delivery:
            sent = await delivery.send(notice(message_id="m1"))
            assert sent == Sent(state="told", words="DM to 1 owner")
            (dm,) = rig.discord.owner.dms
            assert [button["custom_id"] for button in dm.components[0]["components"]] == [
                "botmon:show",
                "botmon:mute:60:m1",
                "botmon:mute:1440:m1",
            ]
            assert channel.messages == []
            assert taken.got == []
            assert delivery.unreachable() == ()


async def test_admins_and_developers_of_a_team_are_told() -> None:
    async with running(make_bot(), load=False, team=True) as rig, delivering(rig) as delivery:
        assert (await delivery.send(notice())).words == "DM to 3 owners"
        assert [len(member.dms) for member in rig.discord.team_members] == [1, 1, 1, 0]


async def test_one_owner_with_closed_dms_does_not_keep_the_others_from_being_told() -> None:
    async with running(make_bot(), load=False, team=True) as rig, delivering(rig) as delivery:
        first, second, *_ = rig.discord.team_members
        rig.discord.faults.close_dms(first)
        assert (await delivery.send(notice())).words == "DM to 2 owners"
        assert len(second.dms) == 1
        (closed,) = delivery.unreachable()
        assert str(first.id) in closed
        assert "50007" in closed


async def test_closed_dms_then_a_channel_then_the_webhook(listener: tuple[Listener, TestServer]) -> None:
    taken, server = listener
    async with running(make_bot(), load=False) as rig:
        channel = rig.discord.channel
        rig.discord.faults.close_dms(rig.discord.owner)
        async with delivering(rig, channel_id=channel.id, webhook=str(server.make_url("/hook"))) as delivery:
            assert await delivery.send(notice(message_id="m1")) == Sent(state="told", words=f"channel {channel.id}")
            message = await channel.next_message()
            assert message.components
            assert len(delivery.unreachable()) == 1
            rig.discord.guild.set_bot_permissions(discord.Permissions(view_channel=True))
            assert await delivery.send(notice(), is_repeat=True) == Sent(state="told", words="webhook")
            assert len(delivery.unreachable()) == 2
            assert f"channel {channel.id} can't be used" in delivery.unreachable()[1]
    ((path, body),) = taken.got
    assert path == "/hook"
    assert body["title"] == "🔴 Unhealthy: the database does not answer"
    assert body["content"] == body["text"]
    assert body["content"].startswith(body["title"])
    assert "disk I/O error" in body["body"]
    assert f"What to do: {words_of(AWAY).remedy}" in body["body"]
    assert (body["kind"], body["severity"], body["instance"], body["is_repeat"]) == ("alert", "critical", "main", True)
    assert body["alerts"] == [
        {
            "key": "database",
            "change": "fired",
            "severity": "critical",
            "reason": "the database does not answer (disk I/O error)",
            "remedy": words_of(AWAY).remedy,
            "cause": None,
            "since": "2026-03-01T12:00:00Z",
            "ended_at": None,
        }
    ]


async def test_dms_can_be_left_out_and_all_of_it_switched_off() -> None:
    async with running(make_bot(), load=False) as rig:
        async with delivering(rig, dm=False, channel_id=rig.discord.channel.id) as delivery:
            assert (await delivery.send(notice())).state == "told"
        async with delivering(rig, enabled=False) as delivery:
            assert (await delivery.send(notice())).state == "refused"
        assert rig.discord.owner.dms == []
        assert len(rig.discord.channel.messages) == 1


# -- what closes a way -------------------------------------------------------------------------------------------------


async def test_a_closed_way_is_tried_again_after_a_day(caplog: pytest.LogCaptureFixture) -> None:
    async with running(make_bot(), load=False) as rig, delivering(rig) as delivery:
        rig.discord.faults.close_dms(rig.discord.owner)
        sent = await delivery.send(notice())
        assert sent.state == "refused"
        assert "50007" in sent.words
        assert "[alerts] channel_id" in caplog.text
        rig.discord.faults.open_dms(rig.discord.owner)
        n_posts = posts(rig)
        assert (await delivery.send(notice())).state == "refused"
        assert posts(rig) == n_posts, "nothing is sent on a way that is closed"
        rig.clock.jump_wall(2 * DAY_S)
        assert delivery.unreachable() != (), "the wall clock does not matter"
        await rig.clock.advance(DAY_S)
        assert delivery.unreachable() == ()
        assert (await delivery.send(notice())).state == "told"


async def test_a_channel_that_is_not_there_and_one_that_takes_no_messages() -> None:
    async with running(make_bot(), load=False) as rig:
        async with delivering(rig, dm=False, channel_id=12345) as delivery:
            sent = await delivery.send(notice())
            assert sent.state == "refused"
            assert delivery.unreachable() == (sent.words,)
            assert "12345" in sent.words
        rig.discord.guild.set_bot_permissions(discord.Permissions.none())
        async with delivering(rig, dm=False, channel_id=rig.discord.channel.id) as delivery:
            assert (await delivery.send(notice())).state == "refused"
            assert len(delivery.unreachable()) == 1


@pytest.mark.parametrize(
    ("status", "state", "is_closed"),
    [
        (204, "told", False),
        (302, "refused", False),
        (400, "refused", False),
        (401, "refused", True),
        (403, "refused", True),
        (404, "refused", True),
        (429, "failed", False),
        (503, "failed", False),
    ],
)
async def test_answers_of_a_webhook(
    listener: tuple[Listener, TestServer],
    caplog: pytest.LogCaptureFixture,
    status: int,
    state: str,
    is_closed: bool,
) -> None:
    caplog.set_level(logging.DEBUG)
    taken, server = listener
    taken.status = status
    async with running(make_bot(), load=False) as rig:
        async with delivering(rig, dm=False, webhook=str(server.make_url("/secret-token"))) as delivery:
            sent = await delivery.send(notice())
            assert sent.state == state
            assert bool(delivery.unreachable()) == is_closed
            taken.status = 200
            again = await delivery.send(notice())
            assert again.state == ("refused" if is_closed else "told")
        assert len(taken.got) == (1 if is_closed else 2)
    assert "secret-token" not in logged(caplog) + sent.words


async def test_a_webhook_that_is_not_reached_and_one_that_is_no_url(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with running(make_bot(), load=False) as rig:
        async with delivering(rig, dm=False, webhook="http://127.0.0.1:1/secret-token") as delivery:
            sent = await delivery.send(notice())
            assert sent.state == "failed"
            assert delivery.unreachable() == ()
        async with delivering(rig, dm=False, webhook="secret-token") as delivery:
            assert (await delivery.send(notice())).state == "refused"
            assert len(delivery.unreachable()) == 1
    assert "secret-token" not in logged(caplog) + sent.words


async def test_discord_that_is_away_is_worth_another_try() -> None:
    async with running(make_bot(), load=False) as rig, delivering(rig) as delivery:
        await rig.bot.fetch_user(rig.discord.owner.id)
        rig.discord.faults.drop_next(50, path="/users/@me/channels")
        sent = await delivery.send(notice())
        assert sent.state == "failed"
        assert delivery.unreachable() == ()
        rig.discord.faults.clear()
        assert (await delivery.send(notice())).state == "told"
        assert len(rig.discord.owner.dms) == 1


async def test_no_owner_and_no_other_way_says_what_to_set(caplog: pytest.LogCaptureFixture) -> None:
    async with running(make_bot(), load=False) as rig, delivering(rig, dm=False) as delivery:
        sent = await delivery.send(notice())
        assert sent.state == "refused"
        assert "[alerts] channel_id" in sent.words
        assert "no owner could be told" in caplog.text


# -- Apprise -----------------------------------------------------------------------------------------------------------


async def test_apprise_targets_are_told_besides_and_one_that_fails_does_not_hurt_the_others(
    listener: tuple[Listener, TestServer], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    taken, server = listener
    urls = (
        "json://127.0.0.1:1/secret-token",
        f"json://127.0.0.1:{server.port}/secret-path",
        "no-such-thing://secret-token",
        f"ntfy://127.0.0.1:{server.port}/secret-topic",
    )
    async with running(make_bot(), load=False) as rig, delivering(rig, notify=urls) as delivery:
        recovered = [
            NoticeItem(
                scope="main",
                key="memory",
                change="recovered",
                severity="warning",
                reason=Reason.of("memory.full", used_percent=91.0, used_bytes=91, limit_bytes=100),
                since=SINCE,
                ended_at=SINCE + timedelta(minutes=5),
            )
        ]
        sent = await delivery.send(notice(kind="recovery", items=tuple(recovered * 2)))
        assert sent == Sent(state="told", words="DM to 1 owner; json target 2; ntfy target 4")
        by_path = dict(taken.got)
        assert by_path["/secret-path"]["title"].startswith("🟢 2 alerts are over")
        assert by_path["/secret-path"]["type"] == "success"
        assert "Memory is back to normal, after 5 min" in by_path["/"]["message"]
        assert by_path["/"]["topic"] == "secret-topic"
        assert delivery.unreachable() == ("no-such-thing target 3 is none that Apprise knows",)
        await delivery.send(notice())
        assert len(taken.got) == 4
    assert "json target 1 did not take it" in caplog.text
    assert "secret" not in logged(caplog)


async def test_apprise_alone_is_enough(listener: tuple[Listener, TestServer]) -> None:
    _, server = listener
    url = f"json://127.0.0.1:{server.port}/"
    before = set(threading.enumerate())
    async with running(make_bot(), load=False) as rig, delivering(rig, dm=False, notify=(url,)) as delivery:
        assert await delivery.send(notice()) == Sent(state="told", words="json target 1")
        assert "botmon-notify" in {thread.name.rpartition("_")[0] for thread in threading.enumerate()}
    assert set(threading.enumerate()) <= before, "not even a thread of Apprise's own"
    assert not [f for name in ("apprise", "urllib3.connectionpool") for f in logging.getLogger(name).filters]


async def test_apprise_that_is_not_installed_closes_that_way_alone(
    monkeypatch: pytest.MonkeyPatch, listener: tuple[Listener, TestServer]
) -> None:
    _, server = listener
    monkeypatch.setitem(sys.modules, "apprise", None)
    url = f"json://127.0.0.1:{server.port}/"
    async with running(make_bot(), load=False) as rig, delivering(rig, notify=(url,)) as delivery:
        assert (await delivery.send(notice())).words == "DM to 1 owner"
        (why,) = delivery.unreachable()
        assert "botmon-cog[notify]" in why
        assert (await delivery.send(notice())).state == "told"


async def test_sending_that_is_called_off_ends_before_the_thread_is_let_go(
    listener: tuple[Listener, TestServer],
) -> None:
    taken, server = listener
    url = f"json://127.0.0.1:{server.port}/"
    async with running(make_bot(), load=False) as rig, delivering(rig, dm=False, notify=(url,)) as delivery:
        sending = asyncio.ensure_future(delivery.send(notice()))
        await asyncio.sleep(0)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await delivery.close()
        assert len(taken.got) == 1
        assert not [t.name for t in threading.enumerate() if t.name.startswith("botmon")]


async def test_unloading_leaves_no_trace_of_what_was_sent(
    listener: tuple[Listener, TestServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    taken, server = listener
    bot = make_bot()
    bot.botmon_config = make_config(
        alerts=AlertsConfig(
            dm=False, webhook=str(server.make_url("/hook")), notify=(f"json://127.0.0.1:{server.port}/notify",)
        )
    )
    async with running(bot, load=False) as rig:
        before = trace(bot)
        await bot.load_extension(EXTENSION)
        sent = await cog_of(rig.bot).delivery.send(notice())
        assert sent == Sent(state="told", words="webhook; json target 1")
        await bot.unload_extension(EXTENSION)
        assert trace(bot) == before
    assert sorted(path for path, _ in taken.got) == ["/hook", "/notify"]


async def test_a_closed_way_is_named_in_the_health() -> None:
    async with running(make_bot()) as rig:
        rig.discord.faults.close_dms(rig.discord.owner)
        assert (await cog_of(rig.bot).delivery.send(notice())).state == "refused"
        owner = rig.discord.owner
        answer = await owner.slash(owner.dm_channel, "health", view="details")
        assert f"DMs to owner {owner.id} are closed" in text_of(answer.message.embeds[0])
