"""What hosts did wrong with their metrics: counted, and said once for each metric."""

from __future__ import annotations

import asyncio
from collections import Counter

from botmon_cog.monitors.failures import Failures


class Problems:
    """May be told from any thread; says it in the event loop's, at the latest when `say` is called there."""

    def __init__(self, failures: Failures | None) -> None:
        """`failures` None: nothing is said."""
        self._failures = failures
        self._counts: Counter[tuple[str, str]] = Counter()
        self._texts: dict[tuple[str, str], str] = {}
        self._unsaid: list[tuple[str, Exception]] = []
        self._failing: set[str] = set()

    def refused(self, metric: str, error: Exception) -> None:
        """A value can't be taken."""
        self._tell((metric, "value"), f"taking a value of the metric {metric}", error)

    def not_made(self, metric: str, error: Exception) -> None:
        """It was asked for in a way that can't be."""
        self._tell((metric, "shape"), f"making the metric {metric!r:.60}", error)

    def overflowed(self, metric: str, most: int) -> None:
        """It has more series than are kept."""
        self._counts[metric, "series"] += 1
        self._texts[metric, "series"] = (
            f"the metric {metric} has more than {most} different labels, so that the rest counts as `other`: "
            "a label is for a few values, never for servers, people or texts"
        )

    def callback_failed(self, metric: str, error: Exception) -> None:
        """Its callback raised; said again only once it has worked in between."""
        if metric not in self._failing:
            self._failing.add(metric)
            self._later(f"calling the callback of the metric {metric}", error)

    def callback_worked(self, metric: str) -> None:
        self._failing.discard(metric)

    def hints(self) -> tuple[str, ...]:
        """All of it for the bot's owners, in words."""
        found: list[str] = []
        for (metric, kind), n in list(self._counts.items()):
            text = self._texts[metric, kind]
            found.append(f"{n} values of the metric {metric} were not taken: {text}" if kind == "value" else text)
        return tuple(found)

    def say(self) -> None:
        """Note what is not noted yet."""
        unsaid, self._unsaid = self._unsaid, []
        if self._failures is not None:
            for doing, error in unsaid:
                self._failures.note(doing, error)

    def _tell(self, key: tuple[str, str], doing: str, error: Exception) -> None:
        self._counts[key] += 1
        if self._counts[key] == 1:
            self._texts[key] = str(error)
            self._later(doing, error)

    def _later(self, doing: str, error: Exception) -> None:
        self._unsaid.append((doing, error.with_traceback(None)))
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return  # another thread's, or nothing runs yet
        self.say()
