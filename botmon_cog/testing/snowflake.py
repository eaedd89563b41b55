"""Discord's ids: milliseconds since 2015 in the upper 42 bits, a counter in the lower 22."""

from __future__ import annotations

from botmon_cog.clock import Clock

DISCORD_EPOCH_MS = 1_420_070_400_000
_COUNTER_MASK = (1 << 22) - 1


class SnowflakeFactory:
    """Ids that tell when they were made, by the given clock; unique even while the clock stands still."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._made = 0

    def next(self) -> int:
        return self._at(self._now_ms())

    def next_for_shard(self, shard_id: int, shard_count: int) -> int:
        """An id whose guild belongs to this shard: Discord routes by `(id >> 22) % shard_count`."""
        now_ms = self._now_ms()
        return self._at(now_ms - (now_ms - shard_id) % shard_count)

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000) - DISCORD_EPOCH_MS

    def _at(self, ms: int) -> int:
        self._made = (self._made + 1) & _COUNTER_MASK
        return (ms << 22) | self._made
