"""When owners are told, and of what."""

from botmon_cog.domain.alerts.values import (
    EVERYTHING,
    SHARED,
    Alert,
    AlertBook,
    AlertMessage,
    AlertsOverview,
    Mute,
    Notice,
    NoticeItem,
    OtherAlert,
    Sent,
    ToldBy,
    covers,
    silences,
)

__all__ = [
    "EVERYTHING",
    "SHARED",
    "Alert",
    "AlertBook",
    "AlertMessage",
    "AlertsOverview",
    "Mute",
    "Notice",
    "NoticeItem",
    "OtherAlert",
    "Sent",
    "ToldBy",
    "covers",
    "silences",
]
