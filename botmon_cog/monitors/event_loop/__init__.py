"""How late the event loop runs, and who kept it from running."""

from botmon_cog.monitors.event_loop.watch import LoopTotals, LoopWatch

__all__ = ["LoopTotals", "LoopWatch"]
