"""Beginning a rebuild: the roll-ups are cleared, and the log is marked to be counted again.

What then counts is `RollUps`, as it always does: the bot and the next report go on with it wherever a rebuild ended.
"""

from __future__ import annotations

from botmon_cog.domain.rollup import HOURS_PER_DAY
from botmon_cog.errors import StorageError
from botmon_cog.store.rollup import RECOUNT_FROM
from botmon_cog.store.schema import MARKS
from botmon_cog.store.script import Exclude, Execute, Insert, Query, Script
from botmon_cog.store.tools.copy import COPYING
from botmon_cog.store.tools.proof import first_provable_day

_MARK = "SELECT value FROM @marks WHERE name = :name"
_GOING_ON = "SELECT COUNT(*) FROM @runs WHERE rolled_up_seq < recount_seq"
_CLEAR = (
    "DELETE FROM @rollups WHERE day >= :day",
    "DELETE FROM @people WHERE day >= :day",
    "DELETE FROM @song_titles WHERE day >= :day",
    "DELETE FROM @metric_days WHERE day >= :day",
)
_CLEAR_HOURS = "DELETE FROM @guild_hourly WHERE hour >= :hour"
_COUNT_AGAIN = "UPDATE @runs SET recount_seq = rolled_up_seq, rolled_up_seq = 0"


def begin_rebuild() -> Script[bool]:
    """Clear the roll-ups from the first whole day on; False if a rebuild is going on already, which is left to go on.

    Raises:
        StorageError: the store is an unfinished copy.
    """
    yield Exclude()
    if (yield Query(_MARK, {"name": COPYING})):
        raise StorageError("the database is an unfinished copy; finish that first, or delete it")
    if (yield Query(_GOING_ON))[0][0]:
        # Begun anew, it would no longer know which rows of older days it has yet to count.
        return False
    day = yield from first_provable_day()
    for statement in _CLEAR:
        yield Execute(statement, {"day": day})
    yield Execute(_CLEAR_HOURS, {"hour": day * HOURS_PER_DAY})
    yield Execute(_COUNT_AGAIN)
    yield Insert(MARKS, [(RECOUNT_FROM, str(day))], "replace")
    return True
