"""Posts the reports that are due: the weekly ones of servers, and the owners' summaries. Each once, by one process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from botmon_cog.discord_ui.responder import Responder
from botmon_cog.domain.alerts import Sent as Delivered
from botmon_cog.domain.settings import BOT, Settings
from botmon_cog.errors import StorageError
from botmon_cog.posting.drawing import DrawReport
from botmon_cog.posting.plan import MADE_UP_FOR, Planner, to_try
from botmon_cog.posting.sending import Sent, Summary, nonce_of, not_posted, post, tell
from botmon_cog.store.posts import PostKey, PostState

_log = logging.getLogger(__name__)

_NAME = "posting reports"
_EVERY_S = 60.0
_AT_ONCE = 200
"""Servers that are looked at without a pause: a few milliseconds."""
_STOP_TIMEOUT_S = 5.0
_NO_COMMANDS = "no command was used in that week or the one before"
_WRONG = "something went wrong; the bot's log has the details"
_BECAME: dict[str, PostState] = {"told": "sent", "failed": "due", "refused": "failed"}
"""What the ways to the owners say, as a post's state."""

DeliverSummary = Callable[[Summary], Awaitable[Delivered]]


class ReportPosts:
    """For one bot. Looks every minute; what is posted now is posted before it stops, for 5 s at the most."""

    def __init__(self, responder: Responder, draw: DrawReport, to_owners: DeliverSummary) -> None:
        self._responder = responder
        self._system = system = responder.system
        self._draw = draw
        self._to_owners = to_owners
        self._by = f"{system.instance} {system.store.run.token:x}"
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = self._is_posting = False

    def start(self) -> None:
        """Needs a running event loop."""
        if self._task is None:
            self._is_stopping = False
            self._system.loops.begin(_NAME, _EVERY_S)
            self._task = asyncio.get_running_loop().create_task(self._run(), name="botmon-posts")

    async def stop(self) -> None:
        """Return when nothing is posted any more."""
        self._is_stopping = True
        self._system.loops.end(_NAME)
        task, self._task = self._task, None
        if task is None:
            return
        if self._is_posting:
            await asyncio.wait([task], timeout=_STOP_TIMEOUT_S)
        task.cancel()
        await asyncio.wait([task])

    async def _run(self) -> None:
        while not self._is_stopping:
            await self._system.clock.sleep(_EVERY_S)
            await self.look()
            self._system.loops.note(_NAME)

    async def look(self) -> None:
        """Post what is due. Raises nothing."""
        try:
            await self._look()
        except StorageError as error:  # a database that is away is what the health check tells of
            _log.warning("can't see which reports are due, will look again: %s", error)
        except Exception as error:  # noqa: BLE001 (a task would end for good with its first error)
            self._system.failures.note(_NAME, error)

    async def _look(self) -> None:
        if not self._responder.bot.is_ready():
            return
        system, now = self._system, self._system.clock.now()
        settings = await system.store.settings.with_report()
        planner = Planner(system.settings, settings, now)
        due: list[PostKey] = []
        for n, key in enumerate(planner.last()):
            if planner.is_recent(key) and (key.scope == BOT or self._serves(key.scope)):
                due.append(key)
            if n % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)  # of thousands of servers it takes a while
        if not due:
            return
        known = await system.store.posts.since(min(key.due_at for key in due) - MADE_UP_FOR - timedelta(minutes=1))
        for key in to_try(sorted(due), known, now):
            if self._is_stopping:
                return
            if await system.store.posts.claim(key, self._by, system.clock.now()):
                await self._post(key, planner, settings.get(key.scope, Settings()))
            system.loops.note(_NAME)  # on a Monday morning there may be thousands

    def _serves(self, guild_id: int) -> bool:
        """Whether this process has the server now. Of one in an outage, it may not know the channels."""
        guild = self._responder.bot.get_guild(guild_id)
        return guild is not None and not guild.unavailable

    async def _post(self, key: PostKey, planner: Planner, settings: Settings) -> None:
        """Post a claimed one, and note what became of it."""
        self._is_posting = True
        try:
            sent = await self._try(key, planner, settings)
            await self._system.store.posts.finish(key, self._by, sent.state, sent.words, self._system.clock.now())
        finally:
            self._is_posting = False
        if sent.state == "failed":
            _log.warning("the %s report of %s was not posted: %s", key.kind, key.scope or "the bot", sent.words)
            await self._tell_who_set_it_up(key, settings, sent.words)

    async def _try(self, key: PostKey, planner: Planner, settings: Settings) -> Sent:
        guild = self._responder.bot.get_guild(key.scope)
        try:
            drawn = await self._draw(None if key.scope == BOT else str(key.scope), planner.period(key))
            if not drawn.has_content:
                return Sent("skipped", _NO_COMMANDS)
            if key.scope == BOT:
                delivered = await self._to_owners(Summary(drawn.embed))
                return Sent(_BECAME[delivered.state], delivered.words)
            if guild is None:  # it left since
                return Sent("failed", "the bot is no longer in that server")
            return await post(guild, settings.report_channel_id, drawn, nonce_of(key))
        except StorageError as error:
            return Sent("due", f"the database did not answer: {error}")
        except Exception as error:  # noqa: BLE001 (the edge: the others are to be posted)
            self._system.failures.note(_NAME, error)
            return Sent("failed", _WRONG)

    async def _tell_who_set_it_up(self, key: PostKey, settings: Settings, why: str) -> None:
        """Once for a row of failures: not again before one was posted, or the settings were changed."""
        guild = self._responder.bot.get_guild(key.scope)
        if guild is None or settings.report_by is None:
            return
        before = await self._system.store.posts.last(key.kind, key.scope, key.due_at)
        since = settings.report_since
        if before is not None and before.state == "failed" and (since is None or before.key.due_at > since):
            return
        stats = self._responder.names().get("stats", "stats")
        if not await tell(self._responder.bot, settings.report_by, not_posted(guild, why, stats)):
            _log.info("who set up the report of server %s could not be told", key.scope)
