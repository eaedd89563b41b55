"""What is said of each component, by the key of an alert: `database`, `gateway.shard.3`, `commands.play`."""

from __future__ import annotations

import re

from botmon_cog.config.metrics import CUSTOM, METRICS

NAMES = {
    "database": "Database",
    "gateway": "Gateway",
    "loop": "Event loop",
    "error_rate": "Commands, last hour",
    "commands": "Commands against last week",
    "memory": "Memory",
    "cpu": "Processor",
    "files": "Open files",
    "rest": "Discord's API",
    "monitor": "Monitor",
}

_RECOVERED = {
    "database": "the database answers",
    "database.slow": "the database is quick",
    "gateway": "the bot is connected to Discord",
    "gateway.latency": "Discord answers heartbeats in time",
    "gateway.reconnects": "the connection to Discord holds",
    "gateway.identifies": "the bot may begin sessions with Discord",
    "gateway.heartbeat": "heartbeats get through",
    "loop": "the event loop runs freely",
    "error_rate": "commands work",
    "memory": "memory is back to normal",
    "memory.growth": "memory grows no more",
    "cpu": "the processor is back to normal",
    "files": "open files are back to normal",
    "rest": "Discord takes requests",
    "monitor": "the monitor works",
    "monitor.spool": "no row waits on disk",
    "monitor.unreachable": "every way to the owners is open",
    "monitor.broken": "everything that was asked for works",
}
_MEANWHILE = {
    "gateway": "What people do does not reach the bot.",
    "gateway.shard": "What people do in that shard's servers does not reach the bot.",
    "gateway.latency": "Some answers come late or not at all.",
    "gateway.reconnects": "Some answers come late or not at all.",
    "gateway.heartbeat": "Some answers come late or not at all.",
    "gateway.identifies": "The bot runs on, and it must not lose its connection.",
    "loop": "While it is blocked nobody gets an answer.",
    "rest": "Some answers come late or not at all.",
    "error_rate": "The other commands run on.",
    "commands": "It works, only slowly.",
}
_SHARD = "gateway.shard."
_LIMIT = re.compile(r"\.(over|under)_[-+.e\d]+$")


def recovered(key: str) -> str:
    """`the database answers`, `shard 3 is connected`, `/play is as quick as it used to be`."""
    component, _, rest = key.partition(".")
    if key.startswith(_SHARD):
        return f"shard {key.removeprefix(_SHARD)} is connected"
    if component == "commands" and rest:
        return f"/{rest.removeprefix('/')} is as quick as it used to be"
    if component == "rule" and rest:
        return f"{_metric(rest)} is within its limit"
    return _RECOVERED.get(key) or _RECOVERED.get(component, "all is well")


def _metric(rule: str) -> str:
    """What a rule is about, without its limit: `songs_loaded`, `the memory of this process`."""
    name = _LIMIT.sub("", rule)
    words, _ = METRICS.get(name, (name.removeprefix(CUSTOM), ""))
    return words


def meanwhile(key: str) -> str:
    """What happens as long as it lasts."""
    component, _, rest = key.partition(".")
    return _MEANWHILE.get(f"{component}.{rest.partition('.')[0]}") or _MEANWHILE.get(component, "Commands run on.")
