"""From problems to notices, and from there to the owners."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from botmon_cog.clock import Clock
from botmon_cog.config import Config
from botmon_cog.domain.alerts import EVERYTHING, SHARED, Alert, AlertMessage, AlertsOverview, Mute
from botmon_cog.domain.alerts.incidents import Basis, decided, ended, parted, told_by, undecided
from botmon_cog.domain.alerts.machine import UNTOLD, Look, Moved, Name, is_graver, is_told, moved, shifted
from botmon_cog.domain.alerts.notices import NOTHING
from botmon_cog.domain.reports import Problem
from botmon_cog.errors import StorageError
from botmon_cog.monitors.alert_causes import AlertCauses
from botmon_cog.monitors.alert_keeper import AlertKeeper
from botmon_cog.monitors.alert_sender import AlertSender, Send
from botmon_cog.monitors.alert_teller import AlertContext, AlertTeller, Found
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.wall_jumps import WallJumps
from botmon_cog.store.alerts import AlertStore
from botmon_cog.store.engine import answered
from botmon_cog.store.queue.spool import Spool

_log = logging.getLogger(__name__)

_TRIES = 5
_ON_RECORD = timedelta(days=30)
_MANY = 1_000


class Alerts:
    """Moves the alerts of one instance and the shared ones, tells what is new, and has it sent once."""

    def __init__(
        self,
        store: AlertStore,
        clock: Clock,
        config: Config,
        failures: Failures,
        spool: Spool | None = None,
        *,
        inhibits: Mapping[str, Sequence[str]] = NOTHING,
        causes: AlertCauses | None = None,
    ) -> None:
        """Nothing is read yet.

        `spool`: where alerts are kept while the database does not take them; None keeps them in memory only.
        `inhibits`: what follows from what, and is not told besides: patterns of keys by pattern. `causes`: finds out
        what is behind trouble with commands; None leaves messages without it.
        """
        self._store = store
        self._clock = clock
        self._jumps = WallJumps(clock)
        self._config = config.alerts
        self._interval_s = config.health.interval_s
        self._instance = config.instance
        self._timeout_s = config.health.database_timeout_s
        self._failures = failures
        self._keeper = AlertKeeper(store, config.instance, self._timeout_s, failures, spool)
        self._teller = AlertTeller(config, inhibits, causes)
        self._sender = AlertSender(store, self._keeper, clock, config, failures, spool)
        self._lock = asyncio.Lock()
        """Held by whoever moves alerts or messages."""
        self._problems: tuple[Problem, ...] = ()
        """What the last check found."""
        self._seen: dict[Name, datetime] = {}
        """When what is shared, and fires, was last found by this process."""

    async def recall(self) -> None:
        """Take up what an earlier process left on disk; what the database has is read at every step."""
        await self._keeper.recall()
        self._teller.made_at = [message.made_at for message in self._keeper.outbox.values()]

    async def settle(self) -> None:
        """Return when no message is on its way any more, which takes 10 s at the most."""
        await self._sender.settle()

    async def close(self) -> None:
        """Return when nothing of this is at work any more."""
        await self.settle()

    async def firing(self) -> tuple[Alert, ...] | None:
        """What an earlier process found, told, and did not see the end of; None while nobody can tell.

        What is shared is among it: it may be certain to others long before it is to a process that has just begun.
        """
        if not self._config.enabled:
            return ()
        book = await self._keeper.look(self._clock.now())
        if book is None and not self._keeper.knows:
            return None
        return tuple(alert for alert in (book or self._keeper).alerts if alert.state == "firing")

    async def step(self, troubles: Sequence[Problem], context: AlertContext | None = None) -> None:
        """Move the alerts by one check, and put what is to be told on its way. Never raises.

        `troubles`: everything that is not known to be over, also what does not last yet.
        """
        if not self._config.enabled:
            return
        async with self._lock:
            try:
                await self._step(troubles, context or AlertContext())
            except Exception as error:  # noqa: BLE001 (the edge: the check goes on)
                self._failures.note("moving the alerts", error)

    async def deliver(self, audience: str, send: Send) -> None:
        """Send what is due to one bot's owners, whichever of its processes it is from.

        Never raises: what can't be sent or noted now is, the next time.
        """
        if not self._config.enabled:
            return
        async with self._lock:
            try:
                await self._sender.deliver(audience, send)
            except Exception as error:  # noqa: BLE001 (the edge: the check goes on)
                self._failures.note("delivering alerts", error)

    async def mute(self, names: Iterable[Name], until: datetime, by: str) -> None:
        """Tell nothing of keys, each with its scope, until a moment; `by` is a user's id."""
        now, audience = self._clock.now(), self._keeper.audience
        mutes = (Mute(scope=scope, key=key, until=until, by=by, made_at=now, audience=audience) for scope, key in names)
        await self._keeper.change_mutes({(mute.scope, mute.key): mute for mute in mutes})

    async def unmute(self, names: Iterable[Name]) -> bool:
        """Whether any of these keys was muted, in this process or, as it holds for all of them, in another."""
        wanted = set(names)
        keys = {key for scope, key in wanted if scope != SHARED and key != EVERYTHING}
        muted = [(mute.scope, mute.key) for mute in (await self.overview()).mutes]
        unmuted = [name for name in muted if name in wanted or (name[0] != SHARED and name[1] in keys)]
        await self._keeper.change_mutes(dict.fromkeys(unmuted))
        return bool(unmuted)

    async def overview(self) -> AlertsOverview:
        """How it is now; nothing, where alerts are switched off. Changes nothing."""
        if not self._config.enabled:
            return AlertsOverview()
        now = self._clock.now()
        book = await self._keeper.look(now)
        alerts = sorted((book or self._keeper).alerts, key=_by_gravity)
        return AlertsOverview(
            firing=tuple(alert for alert in alerts if alert.state == "firing"),
            elsewhere=tuple(
                other
                for other in parted(book.others if book else self._keeper.others, now, self._interval_s)[0]
                if other.state == "firing"
            ),
            pending=tuple(sorted(filter(self._is_pending, self._problems), key=_by_gravity)),
            mutes=self._keeper.mutes(now, book.mutes if book else None),
            maintenance_until=self._teller.maintenance_until(now),
        )

    async def history(self, since: datetime, limit: int) -> list[AlertMessage]:
        """What was told or was to be, of all instances, newest first.

        Raises:
            StorageError: the database is away.
        """
        return await answered(self._store.alert_history(since, limit), self._timeout_s)

    async def message(self, message_id: str) -> AlertMessage | None:
        """One message of the last 30 days; None where it is not on record.

        Raises:
            StorageError: the database is away.
        """
        waiting = self._keeper.outbox.get(message_id)
        if waiting is not None:
            return waiting
        told = await self.history(self._clock.now() - _ON_RECORD, _MANY)
        return next((message for message in told if message.message_id == message_id), None)

    # -- moving --------------------------------------------------------------------------------------------------------

    async def _step(self, problems: Sequence[Problem], context: AlertContext) -> None:
        self._problems = tuple(problems)
        self._keeper.audience = context.audience or self._keeper.audience
        jumped = timedelta(seconds=self._jumps.look())
        for _ in range(_TRIES):
            now = self._clock.now()
            stored = await self._keeper.read(now)
            self._teller.forget_made_at(now)
            if stored is not None:
                await self._sender.claims.end()
                await self._teller.recall_made_at(now, lambda since: self.history(since, _MANY))
            before = shifted(self._keeper.alerts, jumped, self._instance) if jumped else self._keeper.alerts
            after = moved(before, problems, self._look(problems, now, context), self._config)
            if await self._told(stored, after, context, now):
                return
        _log.debug("other processes were quicker %d times; the next check moves the alerts", _TRIES)

    async def _told(self, stored: Sequence[Alert] | None, after: Moved, context: AlertContext, now: datetime) -> bool:
        """Tell what there is to tell, and keep that. False: others were quicker, and it is to be decided anew."""
        others, left = parted(self._keeper.others, now, self._interval_s)
        if stored is None:
            left = ()
        before = (*after.alerts, *(ended(alert, now) for alert in left if is_told(alert)))
        gone = (*after.gone, *(alert for alert in left if not is_told(alert)))
        found = Found(
            problems=self._problems,
            others=others,
            can_agree=stored is not None,
            mutes=self._keeper.mutes(now),
        )
        alerts, messages = await self._teller.tell(before, found, context, now)
        try:
            if stored is None:
                await self._keeper.put_aside(alerts, gone, messages)
            elif not await self._keeper.keep(stored, alerts, gone, messages, self._basis(before, alerts)):
                return False
        except StorageError:
            in_messages = ((item.scope, item.key) for message in messages for item in message.notice.items)
            await self._keeper.put_aside(undecided(before, alerts, in_messages), gone, messages)
        self._teller.kept(alerts, messages, context)
        return True

    def _basis(self, before: Sequence[Alert], after: Sequence[Alert]) -> Basis:
        """What others may not have told meanwhile."""
        told = told_by(other.alert for other in self._keeper.others)
        return Basis(audience=self._keeper.audience, told={key: told.get(key) for key in decided(before, after)})

    def _look(self, problems: Sequence[Problem], now: datetime, context: AlertContext) -> Look:
        look = Look(
            at=now,
            instance=self._instance,
            interval_s=self._interval_s,
            seen=self._seen,
            is_recalled=context.is_recalled,
        )
        firing = {alert.key for alert in self._keeper.alerts if alert.scope == SHARED}
        shared = (problem for problem in problems if problem.is_shared)
        known = {name: at for name, at in self._seen.items() if name[1] in firing}
        self._seen = known | {look.name(problem): look.seen_at(problem) for problem in shared}
        return replace(look, seen=self._seen)

    def _is_pending(self, problem: Problem) -> bool:
        """Whether it will be told, should it last."""
        is_told_once_it_lasts = problem.key not in UNTOLD and not is_graver(self._config.level, problem.severity)
        return problem.lasting is None and problem.good_since is None and is_told_once_it_lasts


def _by_gravity(each: Alert | Problem) -> tuple[bool, datetime, str]:
    return each.severity != "critical", each.since, each.key
