"""The layout of a file of open invocations, and how one that a dead process left is read.

A page of header, then slots of one size. The byte that says what a slot holds is its last, and is written last: a
process that is killed in the middle of writing a slot leaves one that holds what it held before, or nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from struct import Struct
from typing import Any, NamedTuple

from botmon_cog.domain.models import AnsweredElsewhere, Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.store.log import RunKey
from botmon_cog.store.records import milliseconds, moment

MAGIC = b"botmopen"
VERSION = 3
HEADER_BYTES = 4096
SLOT_BYTES = 512
MOST_SLOTS = 4096
MOST_BYTES = HEADER_BYTES + MOST_SLOTS * SLOT_BYTES

FREE, OPEN, ENDED, ELSEWHERE, ANSWERED = range(5)
"""What a slot holds.

`ELSEWHERE`: it has ended here, but another process with the same token answered it. `ANSWERED`: it has ended with `ok`,
and is of the kind that it was when it opened.
"""
IS_OWN = 1
"""A flag: one of this package's own commands."""
NAME_BYTES = 300
"""Of a command's name: a slash command's, with its groups, is 98 characters at the most."""
ERROR_BYTES = 100

KINDS: Sequence[Kind] = list(Kind)
OUTCOMES: Sequence[Outcome] = list(Outcome)
KIND_CODES = {kind: code for code, kind in enumerate(KINDS)}
OUTCOME_CODES = {outcome: code for code, outcome in enumerate(OUTCOMES)}

_INSTANCE_BYTES = 1024
_HEADER = Struct(f"<8x H I q q {_INSTANCE_BYTES}s")
"""version, process id, the run's token, when it started in ms, its instance. The magic comes last, too."""
SETTLED = Struct("<q")
SETTLED_AT = 2048
"""Up to which number the run's events are stored, spooled or dropped; on its own, for it changes all the time."""

_STARTED_FIELDS = "<d q q q q H"
_OPEN_FIELDS = f"{_STARTED_FIELDS} B B {NAME_BYTES}s"
_ENDED_FIELDS = f"<q d d B B B {ERROR_BYTES}s"
ENDED_AT = Struct(_OPEN_FIELDS).size
STATE_AT = SLOT_BYTES - 1
WHOLE = Struct(f"{_STARTED_FIELDS} {2 + NAME_BYTES}s {STATE_AT - ENDED_AT}x B")
"""started, in s since 1970; ids of interaction or message, user, guild and channel, 0 for none; shard;
kind, flags and name, as `what` has them; and the state."""
END = Struct(_ENDED_FIELDS)
"""the event's number in its run; duration and response in s, NaN for none; outcome; kind; flags; the error's type."""
ANSWERED_END = Struct(f"<q d d {STATE_AT - ENDED_AT - 24}x B")
"""Of `ANSWERED`: number, duration and response as in `END`, and the state."""
_SLOT = Struct(_OPEN_FIELDS)

_DISCORD_EPOCH_S = 1_420_070_400
_LARGEST_S = 253_402_300_799.0
"""The year 9999."""


class Left(NamedTuple):
    """What a dead process left.

    Attributes:
        run: the run that it belonged to.
        pid: of the process.
        opened: what ran when it died, in the order of the slots; the outcome is `crashed`.
        ended: what had ended, with its number in the run, in the order of the numbers. Some of it is stored by now.
        damaged: slots that can't be read.
    """

    run: RunKey
    pid: int
    opened: Sequence[Invocation]
    ended: Sequence[tuple[int, Invocation | AnsweredElsewhere]]
    damaged: int


@lru_cache(maxsize=2048)  # a bot has few commands and components, and each comes again and again
def what(kind: Kind, name: str, *, is_own: bool) -> bytes:
    """What an invocation is of, as a slot has it: kind, flags and name."""
    return bytes((KIND_CODES[kind], IS_OWN if is_own else 0)) + name.encode("utf-8", "replace")[:NAME_BYTES]


def header_of(run: RunKey, pid: int) -> bytes:
    """The beginning of a file, but for its magic."""
    instance = run.instance.encode("utf-8", "replace")[:_INSTANCE_BYTES]
    return _HEADER.pack(VERSION, pid, run.token, milliseconds(run.started_at), instance)


def read(content: bytes) -> Left | None:
    """What a file holds; None if it was never finished, and so holds nothing.

    Raises:
        ValueError: it is no file of open invocations, or another version of this package's.
    """
    magic = content[: len(MAGIC)]
    if len(content) < HEADER_BYTES or magic == bytes(len(MAGIC)):
        return None
    if magic != MAGIC:
        raise ValueError("it is no file of open invocations")
    version, pid, token, started_ms, instance = _HEADER.unpack_from(content, 0)
    if version != VERSION:
        raise ValueError(f"it has the format {version}, and this version of botmon_cog reads {VERSION}")
    run = RunKey(token=token, instance=_text(instance), started_at=moment(started_ms))
    (settled,) = SETTLED.unpack_from(content, SETTLED_AT)
    opened: list[Invocation] = []
    ended: dict[int, Invocation | AnsweredElsewhere] = {}
    damaged = 0
    for state, slot in _slots(content):
        try:
            if state == OPEN:
                opened.append(_opened(slot))
            elif (seq := END.unpack_from(slot, ENDED_AT)[0]) > settled:
                ended[seq] = _answered(slot) if state == ANSWERED else _ended(slot, is_elsewhere=state == ELSEWHERE)
        except (ValueError, IndexError):  # half of a slot reached the disk before the machine lost its power
            damaged += 1
    return Left(run, pid, opened, sorted(ended.items()), damaged)


def _slots(content: bytes) -> Iterator[tuple[int, bytes]]:
    """(state, slot) of those that are not free."""
    for at in range(HEADER_BYTES, len(content) - STATE_AT, SLOT_BYTES):
        state = content[at + STATE_AT]
        if state != FREE:
            yield state, content[at : at + SLOT_BYTES]


def _opened(slot: bytes) -> Invocation:
    return Invocation(**_fields(slot), outcome=Outcome.CRASHED)


def _answered(slot: bytes) -> Invocation:
    _, duration_s, response_s, _ = ANSWERED_END.unpack_from(slot, ENDED_AT)
    return Invocation(
        **_fields(slot), outcome=Outcome.OK, duration_s=_number(duration_s), response_s=_number(response_s)
    )


def _ended(slot: bytes, *, is_elsewhere: bool) -> Invocation | AnsweredElsewhere:
    _, duration_s, response_s, outcome, kind, flags, error = END.unpack_from(slot, ENDED_AT)
    ending: dict[str, Any] = {
        "outcome": OUTCOMES[outcome],
        "kind": KINDS[kind],
        "is_own": bool(flags & IS_OWN),
        "duration_s": _number(duration_s),
        "response_s": _number(response_s),
        "error_type": _text(error) or None,
    }
    invocation = Invocation(**_fields(slot) | ending)
    if not is_elsewhere:
        return invocation
    return AnsweredElsewhere(
        discord_id=invocation.discord_id or 0, received_at=invocation.started_at, invocation=invocation
    )


def _fields(slot: bytes) -> dict[str, Any]:
    """What was known when it was opened."""
    started_s, discord_id, user_id, guild_id, channel_id, shard_id, kind, flags, name = _SLOT.unpack_from(slot, 0)
    if not 0 < started_s < _LARGEST_S or discord_id <= 0:
        raise ValueError("it can't have begun then")
    delay_s = started_s - (discord_id >> 22) / 1000 - _DISCORD_EPOCH_S
    return {
        "kind": KINDS[kind],
        "command": _text(name),
        "started_at": datetime.fromtimestamp(started_s, UTC),
        "gateway_delay_s": max(delay_s, 0.0),
        "guild_id": guild_id or None,
        "channel_id": channel_id or None,
        "user_id": user_id or None,
        "shard_id": shard_id,
        "discord_id": discord_id,
        "is_own": bool(flags & IS_OWN),
    }


def _text(padded: bytes) -> str:
    """Without the padding, and without half a character where it was cut."""
    return padded.rstrip(b"\0").decode("utf-8", "ignore")


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
