"""DM to every owner; where nobody was reached the channel, then the webhook; and Apprise's targets besides."""

from __future__ import annotations

import logging
from collections.abc import Callable

from discord.ext import commands

from botmon_cog.clock import Clock
from botmon_cog.cog.delivery.apprise import AppriseTargets
from botmon_cog.cog.delivery.channel import Channel
from botmon_cog.cog.delivery.closed import ClosedWays
from botmon_cog.cog.delivery.dm import DirectMessages
from botmon_cog.cog.delivery.outgoing import ForDiscord, MakeView, Outgoing
from botmon_cog.cog.delivery.webhook import Webhook
from botmon_cog.config import AlertsConfig
from botmon_cog.domain.alerts import Notice, Sent

_log = logging.getLogger(__name__)


def _no_command() -> None:
    """Where nothing shows errors in Discord."""


class Delivery:
    """Sends notices to the people who run the bot. Raises nothing if a way fails."""

    def __init__(
        self,
        bot: commands.Bot,
        config: AlertsConfig,
        clock: Clock,
        make_view: MakeView,
        errors_command: Callable[[], str | None] = _no_command,
    ) -> None:
        """`errors_command` tells what shows errors in Discord: `/botmon errors`, or None."""
        self._config = config
        self._make_view = make_view
        self._errors_command = errors_command
        self._closed = ClosedWays(clock)
        self._dms = DirectMessages(bot, self._closed) if config.dm else None
        self._channel = Channel(bot, config.channel_id, self._closed) if config.channel_id else None
        self._webhook = Webhook(config.webhook, self._closed) if config.webhook else None
        self._apprise = AppriseTargets(config.notify, self._closed) if config.notify else None

    def unreachable(self) -> tuple[str, ...]:
        """The ways that are closed, in words."""
        return self._closed.reasons

    async def send(self, notice: Notice, is_repeat: bool = False) -> Sent:
        """`told` where somebody was; `failed` where trying again later makes sense."""
        if not self._config.enabled:
            return Sent(state="refused", words="[alerts] enabled is false")
        outgoing = Outgoing(
            notice=notice, is_repeat=is_repeat, make_view=self._make_view, errors_command=self._errors_command()
        )
        tried: list[Sent] = []
        for way in (self._dms, self._channel, self._webhook):
            if way is not None and not any(sent.state == "told" for sent in tried):
                tried.append(await way.tell(outgoing))
        if self._apprise is not None:
            tried += await self._apprise.tell(outgoing)
        return _summed(tried, outgoing)

    async def try_every_way(self, notice: Notice) -> list[Sent]:
        """Send it in each way there is, also in those that are closed: what became of it in each."""
        self._closed.open_all()
        outgoing = Outgoing(notice=notice, is_repeat=False, make_view=self._make_view)
        ways = [way for way in (self._dms, self._channel, self._webhook) if way is not None]
        tried = [await way.tell(outgoing) for way in ways]
        return tried if self._apprise is None else [*tried, *await self._apprise.tell(outgoing)]

    async def greet(self, message: ForDiscord) -> Sent:
        """Send what is no alert: a DM to the owners, or else to the channel; no other way is tried."""
        tried: list[Sent] = []
        for way in (self._dms, self._channel):
            if way is not None and not any(sent.state == "told" for sent in tried):
                tried.append(await way.tell(message))
        states = [sent.state for sent in tried]
        words = "; ".join(sent.words for sent in tried) or "no way to the owners"
        return Sent(state="told" if "told" in states else "failed" if "failed" in states else "refused", words=words)

    async def close(self) -> None:
        """Let go of connections and threads."""
        if self._webhook is not None:
            await self._webhook.close()
        if self._apprise is not None:
            await self._apprise.close()


def _summed(tried: list[Sent], outgoing: Outgoing) -> Sent:
    words = "; ".join(sent.words for sent in tried)
    states = {sent.state for sent in tried}
    if "told" in states:
        told = "; ".join(sent.words for sent in tried if sent.state == "told")
        if told != words:
            _log.warning("told the owners %r only by %s: %s", outgoing.title, told, words)
        return Sent(state="told", words=told)
    hint = "set [alerts] channel_id, webhook or notify for another way"
    _log.error("no owner could be told %r: %s; %s", outgoing.title, words or "there is no way to them", hint)
    return Sent(state="failed" if "failed" in states else "refused", words=words or f"no way to the owners: {hint}")
