"""Who tells: the resource that stands over all metrics and spans, named by OpenTelemetry's semantic conventions."""

from __future__ import annotations

from functools import cache

from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from botmon_cog.exporters.otlp.about import About
from botmon_cog.installed import installed_version


def resource_of(about: About) -> Resource:
    """`OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` win over what we know, as everywhere."""
    ours = {
        "service.name": about.service_name,
        "service.instance.id": about.instance,
        "telemetry.distro.name": "botmon-cog",
    }
    if about.version:
        ours["service.version"] = about.version
    if version := installed_version():
        ours["telemetry.distro.version"] = version
    return Resource.create(ours).merge(OTELResourceDetector().detect())


@cache
def scope() -> InstrumentationScope:
    return InstrumentationScope("botmon_cog", installed_version())
