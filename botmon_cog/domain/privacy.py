"""What may be kept of what people typed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from botmon_cog.config import PrivacyConfig

HIDDEN = "[hidden]"
_CUT = "…"
_LONGEST_MESSAGE = 300
_SHORTEST_HIDDEN = 3
"""Shorter values are everyday words and digits; hiding them would eat the message and protect nothing."""

_SECRETS = re.compile(
    r"https?://\S+"  # any URL may carry a token: Discord's own callbacks do
    r"|[\w-]{23,28}\.[\w-]{6,7}\.[\w-]{27,}"  # a bot's token
    r"|/(?:interactions|webhooks)/\d+/\S+"
)


def parameters_json(parameters: Mapping[str, Any], config: PrivacyConfig) -> str | None:
    """What `[privacy] log_parameters` lets be kept, as JSON: nothing, a list of names, or an object with values.

    Values whose name says that they are secret are hidden, the others cut at `value_max_chars`.
    """
    if config.log_parameters == "none" or not parameters:
        return None
    if config.log_parameters == "names":
        return names_json(tuple(parameters))
    return msgspec.json.encode({name: _kept(name, value, config) for name, value in parameters.items()}).decode()


@lru_cache(maxsize=1024)  # a bot has few commands, and they have few options
def names_json(names: tuple[str, ...]) -> str:
    """What `parameters_json` makes of parameters with these names where only names are kept."""
    return msgspec.json.encode(names).decode()


def _kept(name: str, value: Any, config: PrivacyConfig) -> Any:
    lowered = name.lower()
    if any(key.lower() in lowered for key in config.scrub_keys):
        return HIDDEN
    if value is None or isinstance(value, bool | int | float):
        return value
    text = _SECRETS.sub(HIDDEN, str(value)).encode(errors="replace").decode()  # JSON takes no lone surrogates
    return text if len(text) <= config.value_max_chars else text[: config.value_max_chars - 1] + _CUT


def redact(message: str, typed: Iterable[object]) -> str:
    """An error's text without URLs, tokens, and what people typed; cut at 300 characters."""
    for value in sorted({str(v) for v in typed if not isinstance(v, bool)}, key=len, reverse=True):
        if len(value) >= _SHORTEST_HIDDEN:
            message = message.replace(value, HIDDEN)
    message = _SECRETS.sub(HIDDEN, message)
    return message if len(message) <= _LONGEST_MESSAGE else message[: _LONGEST_MESSAGE - 1] + _CUT
