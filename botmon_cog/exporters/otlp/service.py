"""Pushes metrics and spans at intervals, as long as the extension is loaded."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from botmon_cog.clock import Clock
from botmon_cog.config import OtelConfig
from botmon_cog.domain.exposed import Family
from botmon_cog.exporters.otlp.about import About
from botmon_cog.exporters.otlp.destination import Signal, interval_s, is_disabled
from botmon_cog.exporters.otlp.problem import PushError
from botmon_cog.exporters.otlp.span_queue import SpanQueue
from botmon_cog.loop_thread import LoopThread
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.loop_runs import LoopRuns
from botmon_cog.monitors.recorder import Recorder

if TYPE_CHECKING:
    from botmon_cog.exporters.otlp.exporter import Exporter

_log = logging.getLogger(__name__)

SPANS_EVERY_S = 5.0
_LAST_PUSH_S = 0.7
"""How long the last push may hold up the unloading."""
_NAMES: dict[Signal, str] = {"metrics": "OTLP metrics", "traces": "OTLP spans"}

Gather = Callable[[], Awaitable[Sequence[Family]]]
Push = Callable[[], Awaitable[None]]


class OtlpPush:
    """Needs the extra `otel`. What is sent is made, and sent, in a thread of its own.

    A receiver that is away costs spans at the most: the metrics of the next push hold all that the missed ones held.

    Attributes:
        problems: of each signal that is not taken, why.
        pushed: how many pushes were taken.
        spans: those that wait, and how many were dropped.
    """

    def __init__(
        self,
        config: OtelConfig,
        gather: Gather,
        about: Callable[[], About],
        recorder: Recorder,
        clock: Clock,
        failures: Failures,
        loops: LoopRuns,
        env: Mapping[str, str] = os.environ,
    ) -> None:
        """`gather`: all families, awaited before each push."""
        self._config = config
        self._gather = gather
        self._about = about
        self._recorder = recorder
        self._clock = clock
        self._failures = failures
        self._loops = loops
        self._env = env
        self._thread: LoopThread | None = None
        self._exporter: Exporter | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._pushes: dict[Signal, Push] = {}
        self._stop_listening: Callable[[], None] | None = None
        self.problems: dict[Signal, str] = {}
        self.pushed: dict[Signal, int] = {"metrics": 0, "traces": 0}
        self.spans = SpanQueue()

    @property
    def not_taken(self) -> tuple[str, ...]:
        """What does not arrive, with why, in words."""
        return tuple(f"{_NAMES[signal]} are not taken: {why}" for signal, why in self.problems.items())

    def start(self) -> None:
        """Begin. Needs a running event loop; does nothing if neither metrics nor spans are wanted."""
        if is_disabled(self._env) or not (self._config.metrics or self._config.spans):
            return
        self._thread = LoopThread("botmon-otlp", lambda _: False)
        if self._config.metrics:
            self._begin("metrics", interval_s(self._config, self._env), self._push_metrics)
        if self._config.spans:
            self._stop_listening = self._recorder.listen(self.spans.take)
            self._begin("traces", SPANS_EVERY_S, self._push_spans)

    def _begin(self, signal: Signal, every_s: float, push: Push) -> None:
        self._pushes[signal] = push
        self._loops.begin(_NAMES[signal], every_s)
        run = self._run(signal, every_s, push)
        self._tasks.append(asyncio.get_running_loop().create_task(run, name=f"botmon-otlp-{signal}"))

    async def stop(self) -> None:
        """Push what is left, for less than a second, and end."""
        if self._stop_listening is not None:
            self._stop_listening()
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._thread is None:
            return
        for signal in self._pushes:
            self._loops.end(_NAMES[signal])
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_PUSH_S):
                await self._push_last()
        thread, self._thread = self._thread, None
        await thread.stop(self._close)

    async def _push_last(self) -> None:
        """Of what was taken until now; a receiver that is away is not asked once more."""
        due: dict[Signal, Push] = {signal: push for signal, push in self._pushes.items() if signal not in self.problems}
        await asyncio.gather(*(self._attempt(signal, push) for signal, push in due.items()))

    async def _run(self, signal: Signal, every_s: float, push: Push) -> None:
        pause_s = 0.0
        while True:
            await self._clock.sleep(max(every_s, pause_s))
            pause_s = await self._attempt(signal, push)
            self._loops.note(_NAMES[signal])

    async def _attempt(self, signal: Signal, push: Push) -> float:
        """Returns how many seconds the receiver asked to be left alone. Raises nothing."""
        try:
            await push()
        except PushError as error:
            self._note(signal, str(error))
            return error.pause_s
        except Exception as error:  # noqa: BLE001 (the next push is as good)
            if signal not in self.problems:
                self._failures.note(f"pushing {_NAMES[signal]}", error)
            self.problems[signal] = type(error).__name__
        else:
            self._note(signal, None)
        return 0.0

    def _note(self, signal: Signal, problem: str | None) -> None:
        """Log the beginning and the end of an outage, and nothing between."""
        if problem is None:
            if self.problems.pop(signal, None) is not None:
                lost = (
                    f"; {self.spans.dropped:,} spans were lost so far"
                    if signal == "traces" and self.spans.dropped
                    else ""
                )
                _log.info("%s are taken again%s", _NAMES[signal], lost)
        elif signal not in self.problems:
            _log.warning("%s are not taken: %s; botmon goes on trying", _NAMES[signal], problem)
        if problem is not None:
            self.problems[signal] = problem

    async def _push_metrics(self) -> None:
        families, at, about = await self._gather(), self._clock.now(), self._about()
        await self._in_thread(lambda exporter: exporter.push_metrics(families, about, at))
        self.pushed["metrics"] += 1

    async def _push_spans(self) -> None:
        about = self._about()
        while batch := self.spans.batch():
            try:
                await self._in_thread(lambda exporter, batch=batch: exporter.push_spans(batch, about))
            except PushError as error:
                if not error.may_pass:
                    self.spans.done(refused=error.rejected or len(batch))
                raise
            self.spans.done()
            self.pushed["traces"] += 1

    async def _in_thread(self, work: Callable[[Exporter], Awaitable[None]]) -> None:
        async def there() -> None:
            if self._exporter is None:
                # Here, for it takes the loop's time to import, and needs the extra.
                from botmon_cog.exporters.otlp.exporter import Exporter  # noqa: PLC0415

                self._exporter = Exporter(self._config, self._env)
            await work(self._exporter)

        assert self._thread is not None
        await self._thread.run(there)

    async def _close(self) -> None:
        exporter, self._exporter = self._exporter, None
        if exporter is not None:
            await exporter.close()
