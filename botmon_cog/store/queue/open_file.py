"""The open invocations of a run, in a small file that outlives the process.

The file is mapped into memory: what is written there the kernel has, and it stays when the process is killed. It is
locked as long as its process lives. So whoever gets the lock knows that the process is dead, and makes rows of what
the file holds: see `store.crashes`.

An invocation that has ended stands there until the writer has settled its event: between its end and the commit nobody
else knows of it.
"""

from __future__ import annotations

import logging
import math
import mmap
import os
import secrets
import struct
from bisect import bisect_right
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from operator import itemgetter
from pathlib import Path
from weakref import ref

from botmon_cog.domain.ended import Origin
from botmon_cog.domain.models import Invocation
from botmon_cog.store.log import RunKey
from botmon_cog.store.queue import open_slots
from botmon_cog.store.queue.open_slots import (
    ANSWERED,
    ANSWERED_END,
    ELSEWHERE,
    END,
    ENDED,
    ENDED_AT,
    ERROR_BYTES,
    FREE,
    HEADER_BYTES,
    IS_OWN,
    KIND_CODES,
    MAGIC,
    MOST_SLOTS,
    OPEN,
    OUTCOME_CODES,
    SETTLED,
    SETTLED_AT,
    SLOT_BYTES,
    STATE_AT,
    WHOLE,
)

try:
    import fcntl
except ImportError:  # Windows: nothing tells there whether a process that has a file open is alive
    fcntl = None

_log = logging.getLogger(__name__)

NOWHERE = -1
"""The slot of what is not kept."""
SUFFIX = ".open"
"""Such a file is beside the spool: `botmon.spool.<random>.open`."""
_FIRST_SLOTS = 64
_TRIES = 3
"""Another process may take a file that is not locked yet for one that was left."""

_pack_whole, _pack_end, _pack_settled = WHOLE.pack_into, END.pack_into, SETTLED.pack_into
_pack_answered = ANSWERED_END.pack_into
_NAN = math.nan
_SEQ, _SLOT = itemgetter(0), itemgetter(1)


class OpenFile:
    """Keeps what is open, up to 4,096 invocations at once; of more it keeps none.

    A slot is where an invocation stands. Nothing here raises, and nothing waits but for the disk's cache.

    Attributes:
        path: of the file; None while there is none.
    """

    def __init__(self, spool: Callable[[], Path | None], run: RunKey) -> None:
        """`spool` says where the spool is. None: nothing may be left on disk, and nothing is kept."""
        self._spool = spool
        self._run = run
        self._pid = 0
        self._descriptor = NOWHERE
        self._map: mmap.mmap | None = None
        self._slots = 0
        self._free: list[int] = []
        self._ended: list[tuple[int, int]] = []
        """(number of its event, slot), in the order of the numbers."""
        self._is_closing = False
        self.path: Path | None = None

    # -- the file ------------------------------------------------------------------------------------------------------

    def create(self) -> None:
        """Make the file; does nothing if it is there, or if there is to be none. That it can't be made is logged."""
        spool = self._spool()
        if spool is None or self._map is not None or fcntl is None:
            return
        try:
            is_made = any(self._make(spool) for _ in range(_TRIES))
        except (OSError, ValueError) as error:
            self._remove()
            _log.warning("which commands run when this process is killed will not be known: %s", error)
            return
        self._is_closing = False
        if is_made:
            os.register_at_fork(after_in_child=partial(_abandon, ref(self)))

    def _make(self, spool: Path) -> bool:
        """Make a file and lock it; False if somebody else has locked it, or taken it away."""
        assert fcntl is not None
        path = spool.with_name(f"{spool.stem}.{secrets.token_hex(8)}{SUFFIX}")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self.path = path
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._extend(_FIRST_SLOTS)
            there = path.stat()
        except (BlockingIOError, FileNotFoundError):
            self._let_go()  # it is theirs, and they remove it
            return False
        if not os.path.samestat(there, os.fstat(descriptor)):
            self._let_go()
            return False
        assert self._map is not None
        self._pid = os.getpid()
        header = open_slots.header_of(self._run, self._pid)
        self._map[len(MAGIC) : len(header)] = header[len(MAGIC) :]
        self._map[: len(MAGIC)] = MAGIC
        return True

    def _extend(self, slots: int) -> None:
        """Make room for so many. Raises OSError."""
        size = HEADER_BYTES + slots * SLOT_BYTES
        before = os.fstat(self._descriptor).st_size
        # Written, not only declared: a page that the disk has no room for would kill the process when it is touched.
        written = 0
        while before + written < size:
            written += os.pwrite(self._descriptor, bytes(size - before - written), before + written)
        mapped = mmap.mmap(self._descriptor, size)
        if self._map is not None:
            self._map.close()
        self._map = mapped
        first = HEADER_BYTES + self._slots * SLOT_BYTES
        self._free.extend(reversed(range(first, size, SLOT_BYTES)))
        self._slots = slots

    def _grow(self) -> bool:
        if self._map is None or self._is_closing or self._slots >= MOST_SLOTS:
            return False
        try:
            self._extend(self._slots * 2)
        except (OSError, ValueError):  # the disk is full: what there are slots for is kept
            return False
        return True

    def close(self) -> None:
        """Take the file away as soon as no slot is in use any more: what has ended is settled, or goes with it.

        If the process ends before that, the file stays, and with it what it holds.
        """
        self._is_closing = True
        self._close_if_empty()

    def _close_if_empty(self) -> None:
        if self._map is not None and len(self._free) == self._slots and self._pid == os.getpid():
            self._remove()

    def _remove(self) -> None:
        if self.path is not None:
            with suppress(OSError):  # it holds nothing: whoever comes next removes it
                self.path.unlink()
        self._let_go()

    def _let_go(self) -> None:
        """Forget the file, and leave it as it is."""
        mapped, self._map = self._map, None
        self._slots = 0
        self._free = []
        self._ended.clear()
        self.path = None
        if mapped is not None:
            mapped.close()
        descriptor, self._descriptor = self._descriptor, NOWHERE
        if descriptor != NOWHERE:
            with suppress(OSError):
                os.close(descriptor)

    def abandon(self) -> None:
        """In a child that was forked: the file, and the lock, are its parent's alone."""
        self._let_go()

    # -- what is open --------------------------------------------------------------------------------------------------

    def add(self, started_s: float, origin: Origin, shard_id: int, what: bytes) -> int:
        """Keep an invocation; returns its slot, negative if there is none for it.

        Args:
            started_s: since 1970.
            origin: whose it is, and where.
            shard_id: of its guild.
            what: as `open_slots.what` makes it.
        """
        try:
            slot = self._free.pop()
        except IndexError:
            if not self._grow():
                return NOWHERE
            slot = self._free.pop()
        try:  # without a file no slot is free
            _pack_whole(self._map, slot, started_s, *origin, shard_id, what, OPEN)  # pyright: ignore[reportArgumentType]
        except struct.error:  # an id that is none of Discord's
            self.remove(slot)
            return NOWHERE
        return slot

    def rewrite(self, slot: int, started_s: float, origin: Origin, shard_id: int, what: bytes) -> int:
        """As `add`, of what stands in a slot already; or nowhere yet, if that is negative."""
        if slot >= 0 and self._map is not None:
            self._free.append(slot)  # the next one that is taken
        return self.add(started_s, origin, shard_id, what)

    def answered(self, slot: int, seq: int, duration_s: float, response_s: float) -> None:
        """As `ended`, for what ended well and as what it began: nearly all that ends."""
        if self._map is not None and slot >= 0:
            _pack_answered(self._map, slot + ENDED_AT, seq, duration_s, response_s, ANSWERED)
            self._ended.append((seq, slot))

    def ended(self, slot: int, seq: int, invocation: Invocation, *, is_elsewhere: bool = False) -> None:
        """It has ended. It stands there until `settle` is told of the number of its event, or of a later one.

        `is_elsewhere`: that event is an `AnsweredElsewhere`.
        """
        mapped = self._map
        if mapped is None or slot < 0:
            return
        duration_s, response_s, error = invocation.duration_s, invocation.response_s, invocation.error_type
        _pack_end(
            mapped,
            slot + ENDED_AT,
            seq,
            _NAN if duration_s is None else duration_s,
            _NAN if response_s is None else response_s,
            OUTCOME_CODES[invocation.outcome],
            KIND_CODES[invocation.kind],
            IS_OWN if invocation.is_own else 0,
            b"" if error is None else error.encode("utf-8", "replace")[:ERROR_BYTES],
        )
        mapped[slot + STATE_AT] = ELSEWHERE if is_elsewhere else ENDED
        self._ended.append((seq, slot))

    def remove(self, slot: int) -> None:
        """It is not to be recorded, or somebody else records it."""
        if self._map is None or slot < 0:
            return
        self._map[slot + STATE_AT] = FREE
        self._free.append(slot)
        if self._is_closing:
            self._close_if_empty()

    def wipe(self) -> None:
        """Overwrite what slots hold that are not in use: of whom it tells is to be forgotten."""
        if self._map is not None:
            for slot in self._free:
                self._map[slot : slot + SLOT_BYTES] = bytes(SLOT_BYTES)

    def settle(self, upto: int) -> None:
        """Events up to this number are stored, spooled or dropped."""
        ended, mapped = self._ended, self._map
        if not ended or mapped is None or ended[0][0] > upto:
            return
        _pack_settled(mapped, SETTLED_AT, upto)  # before any of the slots is used again
        n = bisect_right(ended, upto, key=_SEQ)
        self._free.extend(map(_SLOT, ended[:n]))
        del ended[:n]
        if self._is_closing:
            self._close_if_empty()


def _abandon(which: ref[OpenFile]) -> None:
    file = which()
    if file is not None:
        file.abandon()
