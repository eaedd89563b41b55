"""What is kept of when an instance ran, and was without the gateway."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from botmon_cog.domain.models import Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.uptime import GatewayLoss, Run, shown_name
from botmon_cog.store.alerts import execute
from botmon_cog.store.engine import Engine
from botmon_cog.store.log import RunKey
from botmon_cog.store.records import bound, clean, fields, milliseconds, moment
from botmon_cog.store.schema import GATEWAY_LOSSES
from botmon_cog.store.script import Query, Script
from botmon_cog.store.sql import insert_statement

_VERSIONS = ("version", "python_version", "discord_version", "botmon_version")
_CHANGING = ("started_ms", "seen_ms", "ended_ms", "ending", *_VERSIONS)
_PUT_RUN = f"""
INSERT INTO @runs (token, instance, {", ".join(_CHANGING)})
VALUES (:token, :instance, {", ".join(f":{column}" for column in _CHANGING)})
ON CONFLICT (token) DO UPDATE SET {", ".join(f"{column} = excluded.{column}" for column in _CHANGING)}
"""  # noqa: S608 (names)
_OF_INSTANCE = "instance = :instance AND seen_ms IS NOT NULL"
_RUNS = f"""
SELECT token, started_ms, seen_ms, ended_ms, ending, {", ".join(_VERSIONS)} FROM @runs
WHERE {_OF_INSTANCE} AND (seen_ms >= :since OR id = (
    SELECT id FROM @runs WHERE {_OF_INSTANCE} AND seen_ms < :since ORDER BY seen_ms DESC LIMIT 1
))
ORDER BY started_ms
"""  # noqa: S608 (text of ours)
_RAN = f"""
SELECT DISTINCT r.token, i.kind, l.text FROM @runs AS r
JOIN @runs AS c ON c.token = -r.token JOIN @invocations AS i ON i.run_id = c.id JOIN @labels AS l ON l.id = i.command_id
WHERE r.instance = :instance AND r.started_ms >= :oldest AND i.outcome = {list(Outcome).index(Outcome.CRASHED)}
ORDER BY i.kind, l.text
"""  # noqa: S608 (a code)
"""What ran when a run crashed: see `crashes.crash_run`."""
_PUT_LOSS = insert_statement(
    GATEWAY_LOSSES, f"VALUES ({', '.join(f':{column}' for column in GATEWAY_LOSSES.columns)})", "replace"
)
_LOSSES = f"""
SELECT {", ".join(column.name for column in GATEWAY_LOSSES.of)} FROM @gateway_losses
WHERE instance = :instance AND ended_ms >= :since ORDER BY began_ms, shard_id
"""  # noqa: S608 (names)


class UptimeStore:
    """The runs of one instance. Every method raises StorageError if the database is away."""

    def __init__(self, engine: Engine, run: RunKey) -> None:
        self._engine = engine
        self._run = run

    async def put_run(self, run: Run) -> None:
        """Store how this run is, in place of how it was."""
        ended_ms = None if run.ended_at is None else milliseconds(run.ended_at)
        values: dict[str, Any] = {
            "token": self._run.token,
            "instance": self._run.instance,
            "started_ms": milliseconds(run.started_at),
            "seen_ms": milliseconds(run.seen_at),
            "ended_ms": ended_ms,
            "ending": run.ending,
        }
        for name in _VERSIONS:
            version: str | None = getattr(run, name)
            values[name] = None if version is None else clean(version)
        await self._engine.write(execute(_PUT_RUN, values))

    async def runs(self, since: datetime) -> list[Run]:
        """Those of this instance, oldest first: those still seen at `since` or later, and the one before them."""
        return await self._engine.read(_runs(self._since(since)))

    async def put_gateway_loss(self, loss: GatewayLoss) -> None:
        await self._engine.write(execute(_PUT_LOSS, bound(GATEWAY_LOSSES, loss) | {"instance": self._run.instance}))

    async def gateway_losses(self, since: datetime) -> list[GatewayLoss]:
        """Those of this instance that ended at `since` or later, oldest first."""
        return await self._engine.read(_losses(self._since(since)))

    def _since(self, since: datetime) -> dict[str, Any]:
        return {"instance": self._run.instance, "since": milliseconds(since)}


def _runs(values: dict[str, Any]) -> Script[list[Run]]:
    rows = yield Query(_RUNS, values)
    running: dict[int, list[str]] = {}
    kinds = list(Kind)
    oldest = rows[0][1] if rows else values["since"]
    for token, kind, command in (yield Query(_RAN, {"instance": values["instance"], "oldest": oldest})):
        running.setdefault(token, []).append(shown_name(kinds[int(kind)], command))
    return [
        Run(
            started_at=moment(started_ms),
            seen_at=moment(seen_ms),
            ended_at=None if ended_ms is None else moment(ended_ms),
            ending=ending,
            running=tuple(running.get(token, ())),
            **dict(zip(_VERSIONS, versions, strict=True)),
        )
        for token, started_ms, seen_ms, ended_ms, ending, *versions in rows
    ]


def _losses(values: dict[str, Any]) -> Script[list[GatewayLoss]]:
    return [GatewayLoss(**fields(GATEWAY_LOSSES.of, row)) for row in (yield Query(_LOSSES, values))]
