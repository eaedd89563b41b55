"""Voice connections: whether they stand, and how fast Discord's voice servers answer.

Works for discord.py's own client and for the players of Lavalink libraries, some of which tell less of themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from botmon_cog.config import HealthConfig
from botmon_cog.domain.samples import Sample
from botmon_cog.domain.text import finite
from botmon_cog.health.component import Component, Finding, Trouble
from botmon_cog.health.sources import Sources

LOST_S = 60.0
"""Without its connection for longer than this a voice client is lost: libraries reconnect by themselves, and sooner."""
SLOW_S = 1.0


class VoiceSample(Sample, frozen=True, kw_only=True):
    connections: int = 0
    lost: int = 0
    """Of them without a connection to Discord for more than a minute."""
    lost_s: float = 0.0
    """How long the longest of those has been."""
    latency_s: float | None = None
    """Of the slowest; None if none is measured."""


_LOST = Trouble(
    "voice.lost",
    "{n:count} of {connections:count} voice {connections:connection|connections} {n:has|have} been down for up to "
    "{lost_s:duration}",
    "every voice connection stands",
    remedy="Let the bot leave the voice channel and join again. If it comes back, see the network, or the log of the "
    "Lavalink node.",
    meanwhile="Nobody hears the bot in those channels.",
)
_SLOW = Trouble(
    "voice.latency",
    "a Discord voice server takes {latency_s:latency} to answer",
    "voice servers answer in time",
    remedy="See the machine's network, or pick another voice region for the channel.",
    meanwhile="What the bot plays may stutter.",
)


class Voice(Component[VoiceSample]):
    name = "voice"
    title = "Voice"
    troubles = (_LOST, _SLOW)
    in_brief = ("{connections:count?} voice {connections:connection|connections}",)
    in_numbers = (
        "{connections:count} {connections:connection|connections}",
        "slowest {latency_s:latency}",
        "**{lost:count?} down for up to {lost_s:duration}**",
    )

    def __init__(self, sources: Sources) -> None:
        super().__init__(sources)
        self._lost_at_s: dict[int, float] = {}
        """By voice client (its `id()`): since when it has been without a connection."""
        self._is_used = False

    async def sample(self) -> VoiceSample | None:
        """None until the bot first joins a voice channel."""
        bot = self._sources.bot
        clients: tuple[object, ...] = () if bot is None else tuple(bot.voice_clients)
        self._is_used = self._is_used or bool(clients)
        if not self._is_used:
            return None
        now_s = self._sources.clock.monotonic()
        self._lost_at_s = {
            id(client): self._lost_at_s.get(id(client), now_s) for client in clients if not _is_connected(client)
        }
        lost_s = [now_s - at_s for at_s in self._lost_at_s.values() if now_s - at_s > LOST_S]
        latencies = [s for client in clients if (s := _latency_s(client)) is not None]
        return VoiceSample(
            connections=len(clients),
            lost=len(lost_s),
            lost_s=max(lost_s, default=0.0),
            latency_s=max(latencies, default=None),
        )

    def judge(self, sample: VoiceSample, config: HealthConfig) -> Iterable[Finding]:  # noqa: ARG002
        if sample.lost > 0:
            lost_s = finite(sample.lost_s) or 0.0
            yield _LOST.fact("warning", None, lost_s, n=sample.lost, connections=sample.connections, lost_s=lost_s)
        if sample.latency_s is not None:
            yield _SLOW.level(sample.latency_s, (SLOW_S, None), latency_s=sample.latency_s)


def _is_connected(client: object) -> bool:
    """True for one that does not tell."""
    return bool(next(_told(client, "is_connected", "connected"), True))


def _latency_s(client: object) -> float | None:
    """Over the last heartbeats where it tells, or else of the newest; None for one that measured none."""
    told = _told(client, "average_latency", "latency")
    return next((each for each in told if isinstance(each, float) and finite(each) is not None), None)


def _told(client: object, *names: str) -> Iterator[object]:
    """What its attributes hold, or its methods return, without those that there are not, or that are not to be had."""
    for name in names:
        try:
            told = getattr(client, name, None)
            told = told() if callable(told) else told
        except Exception:  # noqa: BLE001, S112 (somebody else's player: half-made ones raise, no fault of the bot)
            continue
        if told is not None:
            yield told
