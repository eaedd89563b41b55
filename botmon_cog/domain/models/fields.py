"""What fields of an event are besides plain values: how the store keeps them follows from it."""

from __future__ import annotations

from typing import Annotated

import msgspec

Id = int | str
"""A Discord id as a number, or whatever text a host uses in its place. `"123"` and `123` are the same id."""


Label = Annotated[str, msgspec.Meta(extra={"store": "label"})]
"""A text that comes again and again, such as a command's name: stored once, referred to by number."""


GuildName = Annotated[str | None, msgspec.Meta(extra={"store": "guild_name"})]
"""Kept once per guild, not in each row."""


Durations = Annotated[tuple[tuple[int, int], ...], msgspec.Meta(extra={"store": "durations"})]
"""(bucket of `domain.histogram`, n), in any order."""
