"""Encodes and sends: what runs in the thread of its own, away from the bot's event loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from opentelemetry import context
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from botmon_cog.config import OtelConfig
from botmon_cog.domain.exposed import Family
from botmon_cog.exporters.otlp.about import About
from botmon_cog.exporters.otlp.client import OtlpClient
from botmon_cog.exporters.otlp.destination import destination, is_exponential
from botmon_cog.exporters.otlp.metrics import metrics_data
from botmon_cog.exporters.otlp.resource import resource_of
from botmon_cog.exporters.otlp.span_queue import Traced
from botmon_cog.exporters.otlp.spans import span_of


class Exporter:
    """Of one bot. It is made, used and closed on one event loop."""

    def __init__(self, config: OtelConfig, env: Mapping[str, str]) -> None:
        self._config = config
        self._env = env
        self._client = OtlpClient()
        self._resource = lru_cache(maxsize=1)(resource_of)

    async def push_metrics(self, families: Sequence[Family], about: About, at: datetime) -> None:
        """Raises PushError if they are not taken, and OSError if a certificate can't be read."""
        to = destination(self._config, "metrics", self._env)
        data = metrics_data(families, self._resource(about), at, is_exponential=is_exponential(self._env))
        _leave_untraced()
        await self._client.post(to, encode_metrics(data).SerializeToString(), _rejected_points)

    async def push_spans(self, batch: Sequence[Traced], about: About) -> None:
        """Raises as `push_metrics`."""
        to = destination(self._config, "traces", self._env)
        resource = self._resource(about)
        request = encode_spans([span_of(traced, resource) for traced in batch])
        _leave_untraced()
        await self._client.post(to, request.SerializeToString(), _rejected_spans)

    async def close(self) -> None:
        await self._client.close()


def _leave_untraced() -> None:
    """A host that traces aiohttp does not trace this task."""
    context.attach(context.set_value("suppress_instrumentation", True))


def _rejected_points(body: bytes) -> tuple[int, str]:
    found = ExportMetricsServiceResponse.FromString(body).partial_success
    return found.rejected_data_points, found.error_message


def _rejected_spans(body: bytes) -> tuple[int, str]:
    found = ExportTraceServiceResponse.FromString(body).partial_success
    return found.rejected_spans, found.error_message
