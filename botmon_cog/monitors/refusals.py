"""Which commands Discord refuses, and in how many of the servers that use the bot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from operator import attrgetter
from typing import NamedTuple

from botmon_cog.domain.ended import Judged
from botmon_cog.domain.models import Id, Invocation
from botmon_cog.domain.outcome import Outcome

MOST_SERVERS = 2_000
"""Of a bot in more servers than that these are a sample."""
MOST_REFUSALS = 4_000
"""Pairs of a command and a server."""
_GUILD = attrgetter("guild_id")


class RefusedCommand(NamedTuple):
    """A command that Discord did not let the bot finish."""

    command: str
    n: int
    servers: int
    lacks: str | None
    """The permissions that most of these servers have not given; None if it is something else."""


class _Refusal(NamedTuple):
    minute: int
    n: int
    lacks: str | None
    fingerprint: int | None


class Refusals:
    """Refusals by command and server, beside the servers that used any command. By the minute of the last time."""

    def __init__(self) -> None:
        self._servers: dict[Id | None, int] = {}
        self._refused: dict[tuple[str, Id], _Refusal] = {}

    def add_servers(self, invocations: Iterable[Judged], minute: int) -> None:
        used = dict.fromkeys(map(_GUILD, invocations), minute)
        if len(self._servers) >= MOST_SERVERS:
            used = {server: minute for server in used if server in self._servers}
        self._servers.update(used)

    def add(self, invocations: Iterable[Judged], minute: int, oldest: int) -> None:
        """Note the refused ones among them; a pause until after `oldest` begins the count anew."""
        for each in invocations:
            if not isinstance(each, Invocation) or each.outcome is not Outcome.REFUSED:
                continue
            if each.guild_id is None or each.guild_id not in self._servers:
                continue
            key = each.command, each.guild_id
            before = self._refused.get(key)
            if before is None and len(self._refused) >= MOST_REFUSALS:
                continue
            n = before.n if before is not None and before.minute > oldest else 0
            self._refused[key] = _Refusal(minute, n + 1, each.lacks, each.fingerprint)

    def forget(self, oldest: int) -> None:
        """Drop what was last seen in this minute or before."""
        self._servers = {server: minute for server, minute in self._servers.items() if minute > oldest}
        self._refused = {key: each for key, each in self._refused.items() if each.minute > oldest}

    def servers(self, oldest: int) -> int:
        """How many used any command."""
        return sum(minute > oldest for server, minute in self._servers.items() if server is not None)

    def commands(self, muted: Collection[int], oldest: int) -> list[RefusedCommand]:
        """Those refused in most servers first."""
        found: dict[str, list[_Refusal]] = {}
        for (command, _), each in self._refused.items():
            if each.minute > oldest and each.fingerprint not in muted:
                found.setdefault(command, []).append(each)
        refused = [
            RefusedCommand(command, sum(each.n for each in refusals), len(refusals), _most_lacked(refusals))
            for command, refusals in found.items()
        ]
        return sorted(refused, key=lambda each: (-each.servers, -each.n, each.command))


def _most_lacked(refusals: Iterable[_Refusal]) -> str | None:
    ((lacks, _),) = Counter(each.lacks for each in refusals).most_common(1)
    return lacks
