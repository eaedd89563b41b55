"""What the bot asked of the REST API, and what it was told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class RecordedRequest:
    method: str
    path: str
    """Below /api/v10, without the query."""
    query: dict[str, str]
    json: Any
    """The body; of a multipart request its `payload_json`; None where there was none."""
    files: list[str]
    """Names of the files that came along."""
    at_s: float
    """When it arrived, by the loopback's monotonic clock."""
    reason: str | None = None
    """What the bot wants to see in the guild's audit log."""
    status: int = 0
    """0 while unanswered, and where the connection was dropped."""
    response: Any = None
