"""Two tables held against each other without having either in memory: counts, sums, and a sum over all rows."""

from __future__ import annotations

import math
from collections.abc import Iterable

from botmon_cog.storage.rows import Row
from botmon_cog.storage.tables import Table, Type
from botmon_cog.storage.upkeep.converting import Conversion

_MASK = (1 << 64) - 1
_TOLERANCE = 1e-9


class Totals:
    """What is known of a table after all its rows were added, in whichever order.

    Attributes:
        n: rows.
        integers: the sum of all that are whole numbers, by column.
        reals: the same for the others; rounding depends on the order.
        digest: the sum of the rows' hashes, which are this process's own.
    """

    def __init__(self, table: Table) -> None:
        columns = list(enumerate(table.columns.items()))
        self._integers = [(i, name) for i, (name, kind) in columns if kind in {Type.INTEGER, Type.BOOLEAN}]
        self._reals = [(i, name) for i, (name, kind) in columns if kind is Type.REAL]
        self.n = 0
        self.integers = {name: 0 for _, name in self._integers}
        self.reals = {name: 0.0 for _, name in self._reals}
        self.digest = 0

    def add(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self.n += 1
            self.digest = (self.digest + hash(row)) & _MASK
            for position, name in self._integers:
                if isinstance(row[position], int):
                    self.integers[name] += row[position]
            for position, name in self._reals:
                if isinstance(row[position], int | float):
                    self.reals[name] += row[position]


class Comparison:
    """One table on both sides.

    Attributes:
        conversion: knows what could not be kept.
    """

    def __init__(self, *, table: str, source: Totals, target: Totals, conversion: Conversion) -> None:
        self.table = table
        self.source = source
        self.target = target
        self.conversion = conversion

    @property
    def differences(self) -> list[str]:
        """In words; empty where the two are the same."""
        there, here = self.source, self.target
        found = [f"{self.table} has {here.n} rows, {there.n} were expected"] if there.n != here.n else []
        found += [
            f"{self.table}.{name} sums up to {here.integers[name]}, {n} was expected"
            for name, n in there.integers.items()
            if here.integers[name] != n
        ]
        found += [
            f"{self.table}.{name} sums up to {here.reals[name]}, {value} was expected"
            for name, value in there.reals.items()
            if not _is_close(here.reals[name], value)
        ]
        if not found and there.digest != here.digest:
            found.append(f"{self.table} has other values, though as many rows and the same sums")
        return found

    @property
    def losses(self) -> list[str]:
        """What the target could not take, in words."""
        conversion = self.conversion
        found = [
            f"{self.table}.{name}: {n} values are of no use there and were left empty (the first in {_named(first)})"
            for name, (n, first) in conversion.emptied.items()
        ]
        found += [
            f"{self.table}.{name}: {n} values were kept without what can't be stored (the first in {_named(first)})"
            for name, (n, first) in conversion.altered.items()
        ]
        if conversion.left_out is not None:
            n, first = conversion.left_out
            found.append(f"{self.table}: {n} rows were left out (the first is {_named(first)})")
        return found


def _is_close(a: float, b: float) -> bool:
    return a == b or math.isclose(a, b, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE) or (math.isnan(a) and math.isnan(b))


def _named(key: Row) -> str:
    return f"row {', '.join(map(repr, key))}"
