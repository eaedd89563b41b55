"""Everything that Apprise knows: ntfy, Slack, Telegram, mail and a hundred more. An extra."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from botmon_cog.cog.delivery.closed import ClosedWays
from botmon_cog.cog.delivery.outgoing import Outgoing
from botmon_cog.domain.alerts import Sent
from botmon_cog.errors import MissingExtraError

_WAY = "apprise"
_CLOSE_TIMEOUT_S = 10.0
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,20})://", re.IGNORECASE)
_TALKATIVE = ("apprise", "urllib3.connectionpool")
"""Loggers that put URLs, and so secrets, into their records."""


class AppriseTargets:
    """`[alerts] notify`. Apprise waits while it sends, so that it does so in a thread of ours.

    A URL holds a secret: messages name a target by its scheme and its place in the list.
    """

    def __init__(self, urls: Sequence[str], closed: ClosedWays) -> None:
        self._targets = {f"{_scheme(url)} target {place}": url for place, url in enumerate(urls, 1)}
        self._closed = closed
        self._thread: ThreadPoolExecutor | None = None
        self._sending: asyncio.Future[dict[str, Sent]] | None = None

    async def tell(self, outgoing: Outgoing) -> list[Sent]:
        """One for each target that was tried."""
        if self._closed.why(_WAY) is not None:
            return []
        if self._thread is None:
            self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="botmon-notify")
        open_targets = {name: url for name, url in self._targets.items() if self._closed.why(name) is None}
        self._sending = asyncio.get_running_loop().run_in_executor(self._thread, _send, open_targets, outgoing)
        try:
            tried = await asyncio.shield(self._sending)
        except MissingExtraError as error:
            self._closed.close(_WAY, str(error))
            return [Sent(state="refused", words=str(error))]
        for name, sent in tried.items():
            if sent.state == "refused":
                self._closed.close(name, sent.words)
        return list(tried.values())

    async def close(self) -> None:
        """End the thread, once it has sent what it is about to send."""
        if self._thread is None:
            return
        if self._sending is not None:
            await asyncio.wait([self._sending], timeout=_CLOSE_TIMEOUT_S)
        self._thread.shutdown(wait=self._sending is None or self._sending.done(), cancel_futures=True)
        self._thread = self._sending = None


def _send(targets: dict[str, str], outgoing: Outgoing) -> dict[str, Sent]:
    """In the thread.

    Raises:
        MissingExtraError: Apprise is not installed.
    """
    with _silenced():
        try:
            import apprise  # noqa: PLC0415 (an extra, and slow to import)
        except ImportError as error:
            raise MissingExtraError("[alerts] notify", "notify") from error
        asset = _without_threads(apprise.AppriseAsset)
        return {name: _send_to(apprise.Apprise(asset=asset), name, url, outgoing) for name, url in targets.items()}


def _without_threads(asset: Any) -> Any:
    """Settings with which Apprise sends in the thread that asks it to: its own threads stay for good."""
    try:
        return asset(async_mode=False, service_timeout=0)  # without a limit there is nothing to watch from outside
    except (AttributeError, TypeError):  # a version that has no such limit
        return asset(async_mode=False)


def _send_to(target: Any, name: str, url: str, outgoing: Outgoing) -> Sent:
    try:
        if not target.add(url):
            return Sent(state="refused", words=f"{name} is none that Apprise knows")
        is_told = target.notify(title=outgoing.title, body=outgoing.body, notify_type=_notify_type(outgoing))
    except Exception as error:  # noqa: BLE001 (a hundred services, and any may fail in its own way)
        return Sent(state="failed", words=f"{name}: {type(error).__name__}")
    return Sent(state="told", words=name) if is_told else Sent(state="failed", words=f"{name} did not take it")


def _scheme(url: str) -> str:
    found = _SCHEME.match(url)
    return found[1].lower() if found else "notify"


def _notify_type(outgoing: Outgoing) -> str:
    if outgoing.notice.kind == "recovery":
        return "success"
    return "failure" if outgoing.notice.items[0].severity == "critical" else "warning"


@contextmanager
def _silenced() -> Generator[None]:
    """Let this thread log nothing through the loggers that would name URLs; the host's own use of them goes on."""
    ours = threading.get_ident()

    def is_not_ours(_: logging.LogRecord) -> bool:
        return threading.get_ident() != ours

    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    for logger in loggers:
        logger.addFilter(is_not_ours)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(is_not_ours)
