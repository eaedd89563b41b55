"""JSON to a URL of one's own; Discord's and Slack's webhooks take it too."""

from __future__ import annotations

import aiohttp
import msgspec

from botmon_cog.cog.delivery.closed import ClosedWays
from botmon_cog.cog.delivery.outgoing import Outgoing
from botmon_cog.domain.alerts import NoticeItem, Sent
from botmon_cog.health.words import sentence, words_of

_WAY = "webhook"
_TIMEOUT_S = 10.0
_LONGEST_TEXT = 1_900
"""Discord takes 2000 characters."""
_CLOSED = frozenset({401, 403, 404, 410})
_TOO_MANY = 429
_FAULTS_OF_THEIRS = 500


class Webhook:
    """`[alerts] webhook`. Its URL may hold a secret, so that no message names it, nor a part of it."""

    def __init__(self, url: str, closed: ClosedWays) -> None:
        self._url = url
        self._closed = closed
        self._session: aiohttp.ClientSession | None = None

    async def tell(self, outgoing: Outgoing) -> Sent:
        closed = self._closed.why(_WAY)
        if closed is not None:
            return Sent(state="refused", words=closed)
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S))
        try:
            answer = await self._session.post(
                self._url,
                data=msgspec.json.encode(payload(outgoing)),
                headers={"Content-Type": "application/json"},
                allow_redirects=False,
            )
        except aiohttp.InvalidURL:
            return self._close("its URL is none")
        except (aiohttp.ClientError, OSError) as error:  # their texts may name the URL
            return Sent(state="failed", words=f"the webhook was not reached ({type(error).__name__})")
        answer.release()
        if answer.ok and answer.status < 300:  # noqa: PLR2004 (a redirect is not followed, and took nothing)
            return Sent(state="told", words="webhook")
        if answer.status in _CLOSED:
            return self._close(f"HTTP {answer.status}")
        is_worth_retrying = answer.status == _TOO_MANY or answer.status >= _FAULTS_OF_THEIRS
        return Sent(
            state="failed" if is_worth_retrying else "refused", words=f"the webhook answered HTTP {answer.status}"
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _close(self, because: str) -> Sent:
        why = f"the webhook can't be used: {because}"
        self._closed.close(_WAY, why)
        return Sent(state="refused", words=why)


def payload(outgoing: Outgoing) -> dict[str, object]:
    """`content` is what Discord shows, `text` what Slack shows, neither pinging anybody; the rest is for programs."""
    notice = outgoing.notice
    short = f"{outgoing.title}\n{outgoing.body}".replace("<", "<\u200b")[:_LONGEST_TEXT]
    return {
        "content": short,
        "text": short,
        "allowed_mentions": {"parse": []},
        "title": outgoing.title,
        "body": outgoing.body,
        "kind": notice.kind,
        "severity": notice.items[0].severity,
        "instance": notice.instance,
        "alerts": [_alert(item) for item in notice.items],
        "is_repeat": outgoing.is_repeat,
    }


def _alert(item: NoticeItem) -> dict[str, object]:
    return {
        "key": item.key,
        "change": item.change,
        "severity": item.severity,
        "reason": sentence(item.reason),
        "remedy": words_of(item.reason).remedy,
        "cause": item.cause,
        "since": item.since,
        "ended_at": item.ended_at,
    }
