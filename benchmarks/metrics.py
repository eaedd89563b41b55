"""What one call of a custom metric costs: `python benchmarks/metrics.py`.

The median of several rounds of 200,000 calls each in one thread, less the empty loop, in nanoseconds of CPU time.
Nobody records meanwhile: that is done once a minute, beside these calls.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

from _root import ROOT  # noqa: F401 (makes the package importable)
from _table import aligned, machine

from botmon_cog.clock import SystemClock
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.metrics import Metrics

_CALLS = 200_000


def _variants() -> dict[str, Callable[[], object]]:
    clock = SystemClock()
    metrics = Metrics(lambda _: None, clock, Failures(clock))
    counter, labelled = metrics.counter("songs"), metrics.counter("queued", labels=("source", "region"))
    gauge, histogram, timer = metrics.gauge("players"), metrics.histogram("length"), metrics.timer("search")
    crowded = metrics.counter("crowded", labels=("n",))
    for n in range(60):
        crowded.add(1, n)

    def timed() -> None:
        with timer.time():
            pass

    return {
        "counter.add()": counter.add,
        "counter.add(1, a, b)": lambda: labelled.add(1, "file", "eu"),
        "gauge.set(7)": lambda: gauge.set(7),
        "gauge.add(1)": gauge.add,
        "histogram.observe(12.5)": lambda: histogram.observe(12.5),
        "with timer.time()": timed,
        "counter.add(1, a) beyond 50 series": lambda: crowded.add(1, 59),
    }


def _call_ns(call: Callable[[], object]) -> float:
    calls = range(_CALLS)
    started = time.thread_time_ns()
    for _ in calls:
        pass
    empty = time.thread_time_ns() - started
    started = time.thread_time_ns()
    for _ in calls:
        call()
    return (time.thread_time_ns() - started - empty) / _CALLS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="(default: %(default)s)")
    rounds = parser.parse_args().rounds
    variants = _variants()
    figures: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, call in variants.items():
            figures[name].append(_call_ns(call))
    print(machine())
    rows = [["", "ns a call", "least", "most"]]
    rows += [
        [name, f"{statistics.median(found):.0f}", f"{min(found):.0f}", f"{max(found):.0f}"]
        for name, found in figures.items()
    ]
    print(aligned(rows))


if __name__ == "__main__":
    main()
