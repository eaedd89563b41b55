"""Invocations as spans. Nothing in them says who, where, or what was typed. Pure."""

from __future__ import annotations

from datetime import timedelta

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.util.types import AttributeValue

from botmon_cog.domain.models import Invocation
from botmon_cog.domain.uptime import shown_name
from botmon_cog.exporters.otlp.metrics import nanoseconds
from botmon_cog.exporters.otlp.resource import scope
from botmon_cog.exporters.otlp.span_queue import Traced

FIRST_RESPONSE = "first response"
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


def span_of(traced: Traced, resource: Resource) -> ReadableSpan:
    """A trace of its own, from received to finished; of no length where nobody measured it."""
    invocation = traced.invocation
    start = nanoseconds(invocation.started_at)
    responded: tuple[Event, ...] = ()
    if invocation.response_s is not None:
        responded = (Event(FIRST_RESPONSE, timestamp=_after(start, invocation.response_s)),)
    is_fault = invocation.outcome.is_fault
    return ReadableSpan(
        name=shown_name(invocation.kind, invocation.command),
        context=SpanContext(traced.trace_id, traced.span_id, is_remote=False, trace_flags=_SAMPLED),
        resource=resource,
        attributes=_attributes(invocation),
        events=responded,
        kind=SpanKind.SERVER,
        status=Status(StatusCode.ERROR, invocation.outcome.words) if is_fault else Status(),
        start_time=start,
        end_time=_after(start, invocation.duration_s or 0.0),
        instrumentation_scope=scope(),
    )


def _attributes(invocation: Invocation) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = {
        "botmon.command": invocation.command,
        "botmon.kind": invocation.kind.value,
        "botmon.outcome": invocation.outcome.value,
        "botmon.shard": invocation.shard_id,
    }
    if not invocation.outcome.is_success:
        found["error.type"] = invocation.error_type or invocation.outcome.value
    if invocation.gateway_delay_s is not None:
        found["botmon.gateway_delay"] = invocation.gateway_delay_s
    return found


def _after(start: int, seconds: float) -> int:
    return start + timedelta(seconds=max(seconds, 0.0)) // timedelta(microseconds=1) * 1_000
