"""OpenTelemetry: metrics and spans over OTLP/HTTP, for Grafana Cloud, Datadog, Honeycomb or a collector.

Only `service` may be imported without the extra `otel`. OpenTelemetry's own global providers are never set: those are
the host's.
"""
