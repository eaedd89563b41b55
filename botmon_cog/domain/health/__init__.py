"""Samples and thresholds to a verdict, with its reason and a remedy in words. Pure, and safe for NaN and infinity."""

from botmon_cog.domain.health.commands import error_rate_health
from botmon_cog.domain.health.discretion import discreet, discreet_moment
from botmon_cog.domain.health.judge import Judge
from botmon_cog.domain.health.verdict import (
    CRITICAL,
    DEGRADED,
    ERROR,
    HEALTHY,
    SLOW,
    UNHEALTHY,
    UNKNOWN,
    WARNING,
    overall,
)

__all__ = [
    "CRITICAL",
    "DEGRADED",
    "ERROR",
    "HEALTHY",
    "SLOW",
    "UNHEALTHY",
    "UNKNOWN",
    "WARNING",
    "Judge",
    "discreet",
    "discreet_moment",
    "error_rate_health",
    "overall",
]
