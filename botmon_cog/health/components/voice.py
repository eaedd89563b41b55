"""Voice connections: whether they stand, and how fast Discord's voice servers answer.

Works for discord.py's own client and for the players of Lavalink libraries, some of which tell less of themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import ClassVar, Protocol

from botmon_cog.clock import Clock
from botmon_cog.config import HealthConfig
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.samples import Sample
from botmon_cog.domain.text import count, duration, finite, latency, plural
from botmon_cog.health.component import Component, Finding, Saying, Words, fact, level

LOST_S = 60.0
"""Without its connection for longer than this a voice client is lost: libraries reconnect by themselves, and sooner."""
SLOW_S = 1.0


class HasVoiceClients(Protocol):
    """A bot, as far as it matters here."""

    @property
    def voice_clients(self) -> Sequence[object]: ...


class VoiceSample(Sample, frozen=True, kw_only=True):
    connections: int = 0
    lost: int = 0
    """Of them without a connection to Discord for more than a minute."""
    lost_s: float = 0.0
    """How long the longest of those has been."""
    latency_s: float | None = None
    """Of the slowest; None if none is measured."""


def _lost(n: int, connections: int, lost_s: float | None) -> Words:
    return Words(
        what=f"{count(n)} of {count(connections)} voice {plural(connections, 'connection', 'connections')} "
        f"{plural(n, 'has', 'have')} been down for up to {duration(lost_s)}",
        remedy="Let the bot leave the voice channel and join again. If it comes back, see the network, or the log of "
        "the Lavalink node.",
    )


def _slow(latency_s: float | None) -> Words:
    return Words(
        what=f"a Discord voice server takes {latency(latency_s)} to answer",
        remedy="See the machine's network, or pick another voice region for the channel.",
    )


class Voice(Component[VoiceSample]):
    name = "voice"
    title = "Voice"
    sayings: ClassVar[Mapping[str, Saying]] = {
        "voice.lost": Saying(
            words=_lost, recovered="every voice connection stands", meanwhile="Nobody hears the bot in those channels."
        ),
        "voice.latency": Saying(
            words=_slow, recovered="voice servers answer in time", meanwhile="What the bot plays may stutter."
        ),
    }

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._bot: HasVoiceClients | None = None
        self._lost_at_s: dict[int, float] = {}
        """By voice client (its `id()`): since when it has been without a connection."""
        self._is_used = False

    def watch(self, bot: HasVoiceClients) -> None:
        """Look at this bot's voice clients."""
        self._bot = bot

    async def sample(self) -> VoiceSample | None:
        """None until the bot first joins a voice channel."""
        clients = () if self._bot is None else tuple(self._bot.voice_clients)
        self._is_used = self._is_used or bool(clients)
        if not self._is_used:
            return None
        now_s = self._clock.monotonic()
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
            lost = Reason.of("voice.lost", n=sample.lost, connections=sample.connections, lost_s=lost_s)
            yield fact("voice.lost", "warning", lost, lasted_s=lost_s)
        if sample.latency_s is not None:
            slow = Reason.of("voice.latency", latency_s=sample.latency_s)
            yield level("voice.latency", sample.latency_s, (SLOW_S, None), slow)

    def brief(self, sample: VoiceSample) -> Iterable[str]:
        n = sample.connections
        return [f"{count(n)} voice {plural(n, 'connection', 'connections')}"] if n else []

    def numbers(self, sample: VoiceSample, now: datetime) -> Iterable[str]:  # noqa: ARG002
        n = sample.connections
        items = [f"{count(n)} {plural(n, 'connection', 'connections')}"]
        if finite(sample.latency_s) is not None:
            items.append(f"slowest {latency(sample.latency_s)}")
        if sample.lost:
            items.append(f"**{count(sample.lost)} down for up to {duration(sample.lost_s)}**")
        return [", ".join(items)]


# -- voice clients of any library --------------------------------------------------------------------------------------


def _is_connected(client: object) -> bool:
    """True for one that does not tell."""
    for name in ("is_connected", "connected"):
        told = _told(client, name)
        if told is not None:
            return bool(told)
    return True


def _latency_s(client: object) -> float | None:
    """Over the last heartbeats where it tells, or else of the newest; None for one that measured none."""
    for name in ("average_latency", "latency"):
        told = _told(client, name)
        if isinstance(told, float) and finite(told) is not None:
            return told
    return None


def _told(client: object, name: str) -> object:
    """What an attribute holds, or its method returns; None if there is none, or it is not to be had now."""
    try:
        told = getattr(client, name, None)
        return told() if callable(told) else told
    except Exception:  # noqa: BLE001 (somebody else's player: half-made ones raise, and that is no fault of the bot)
        return None
