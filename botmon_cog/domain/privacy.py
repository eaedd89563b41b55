"""What may be kept of what people typed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from botmon_cog.config import PrivacyConfig
from botmon_cog.domain.secret_patterns import HIDDEN, hide_secrets

_CUT = "…"
_LONGEST_READ = 6_000
"""Characters; more than Discord lets anybody type."""


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
    text = hide_secrets(str(value)[:_LONGEST_READ]).encode(errors="replace").decode()  # JSON takes no lone surrogates
    return text if len(text) <= config.value_max_chars else text[: config.value_max_chars - 1] + _CUT
