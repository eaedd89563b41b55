"""Where OTLP goes, and how: what `[otel]` says, and what it leaves open by OpenTelemetry's environment variables."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Literal, NamedTuple
from urllib.parse import unquote

from botmon_cog.config import OtelConfig

Signal = Literal["metrics", "traces"]

_LOCAL = "http://localhost:4318"
_TIMEOUT_S = 10.0
_INTERVAL_S = 60.0
_PREFIX = "OTEL_EXPORTER_OTLP"


class Destination(NamedTuple):
    """One signal's address.

    Attributes:
        headers: they may hold a secret.
        tls: None for the machine's own certificates.
    """

    url: str
    headers: Mapping[str, str]
    timeout_s: float
    is_gzip: bool
    tls: ssl.SSLContext | None


def destination(config: OtelConfig, signal: Signal, env: Mapping[str, str]) -> Destination:
    """`[otel]` first, then the signal's variables, then those for all signals, then OpenTelemetry's defaults.

    Raises:
        OSError: a certificate can't be read.
    """
    of_signal = env.get(f"{_PREFIX}_{signal.upper()}_ENDPOINT")
    base = config.endpoint or env.get(f"{_PREFIX}_ENDPOINT") or _LOCAL
    return Destination(
        url=of_signal if of_signal and not config.endpoint else f"{base.rstrip('/')}/v1/{signal}",
        headers=pairs(_setting(env, signal, "HEADERS")) | {key.lower(): text for key, text in config.headers.items()},
        timeout_s=_number(_setting(env, signal, "TIMEOUT"), _TIMEOUT_S),
        is_gzip=_setting(env, signal, "COMPRESSION").strip().lower() == "gzip",
        tls=_tls(env, signal),
    )


def interval_s(config: OtelConfig, env: Mapping[str, str]) -> float:
    """Seconds between two pushes of the metrics."""
    return config.interval_s or _number(env.get("OTEL_METRIC_EXPORT_INTERVAL", ""), _INTERVAL_S * 1_000) / 1_000


def is_exponential(env: Mapping[str, str]) -> bool:
    """Whether histograms are wanted with exponential buckets."""
    wanted = env.get(f"{_PREFIX}_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "")
    return wanted.strip().lower() == "base2_exponential_bucket_histogram"


def is_disabled(env: Mapping[str, str]) -> bool:
    return env.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def pairs(text: str) -> dict[str, str]:
    """`key=value,key2=value2`, percent-encoded, with the keys in lower case. What is no pair is left out."""
    found = (part.partition("=") for part in text.split(","))
    return {unquote(key).strip().lower(): unquote(value).strip() for key, equals, value in found if equals}


def _setting(env: Mapping[str, str], signal: Signal, name: str) -> str:
    return env.get(f"{_PREFIX}_{signal.upper()}_{name}") or env.get(f"{_PREFIX}_{name}") or ""


def _number(text: str, default: float) -> float:
    try:
        number = float(text)
    except ValueError:
        return default
    return number if 0 < number < float("inf") else default


def _tls(env: Mapping[str, str], signal: Signal) -> ssl.SSLContext | None:
    authority, certificate, key = (
        _setting(env, signal, name) for name in ("CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY")
    )
    if not authority and not certificate:
        return None
    context = ssl.create_default_context(cafile=authority or None)
    if certificate:
        context.load_cert_chain(certificate, key or None)
    return context
