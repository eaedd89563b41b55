"""What is kept of when this instance ran, and was without the gateway."""

from __future__ import annotations

from datetime import datetime

from botmon_cog.domain.uptime import GatewayLoss, Run
from botmon_cog.storage import queries, tables, values
from botmon_cog.storage.engine import SqlEngine


class SqlUptime(SqlEngine):
    """The verbs of `Storage` about uptime."""

    async def put_run(self, run: Run) -> None:
        await self._put(queries.PUT_RUN, run)

    async def runs(self, since: datetime) -> list[Run]:
        rows = await self.rows(queries.RUNS, self._since(since))
        return [Run(**values.fields(tables.RUNS, Run.__struct_fields__, row, self.when)) for row in rows]

    async def put_gateway_loss(self, loss: GatewayLoss) -> None:
        await self._put(queries.PUT_GATEWAY_LOSS, loss)

    async def gateway_losses(self, since: datetime) -> list[GatewayLoss]:
        rows = await self.rows(queries.GATEWAY_LOSSES, self._since(since))
        names = GatewayLoss.__struct_fields__
        return [GatewayLoss(**values.fields(tables.GATEWAY_LOSSES, names, row, self.when)) for row in rows]

    async def _put(self, statement: str, value: Run | GatewayLoss) -> None:
        await self.execute(statement, values.bound(value, self.dialect.moment) | {"instance": self.instance})

    def _since(self, since: datetime) -> dict[str, object]:
        return {"instance": self.instance, "since": self.dialect.moment(since)}
