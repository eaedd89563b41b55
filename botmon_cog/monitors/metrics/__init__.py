"""Metrics of the host's own: counters, gauges, histograms and timers, counted in memory and recorded once a minute."""

from botmon_cog.monitors.metrics.counter import Counter
from botmon_cog.monitors.metrics.gauge import Gauge
from botmon_cog.monitors.metrics.histogram import Histogram
from botmon_cog.monitors.metrics.registry import Metrics
from botmon_cog.monitors.metrics.timer import Timer, Timing

__all__ = ["Counter", "Gauge", "Histogram", "Metrics", "Timer", "Timing"]
