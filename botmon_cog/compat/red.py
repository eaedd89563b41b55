"""Red (Red-DiscordBot): its own class of cogs, its folders for data, and its own way to say why a cog did not load.

Every function takes any bot; one that is not Red's is served as usual. Red itself is never imported: a bot of its class
has imported it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import new_class
from typing import Any, TypeVar, cast

from msgspec.structs import replace

from botmon_cog.compat.libraries import packages_of
from botmon_cog.config import Config, StorageConfig, load_config
from botmon_cog.database_url import is_postgres

_FOLDER = "BotMon"
"""Under `[p]datapath`/cogs."""

CogT = TypeVar("CogT")


def is_red(bot: object) -> bool:
    return "redbot" in packages_of(bot)


def cog_class_for(bot: object, cog_class: type[CogT]) -> type[CogT]:
    """The class to make the cog of: in Red one that is Red's as well, because Red takes no other."""
    if not is_red(bot):
        return cog_class
    theirs: Any = _module("commands").Cog
    ours: Any = cog_class

    def fill(namespace: dict[str, Any]) -> None:
        # Unloading finds the cogs of an extension by the module of their class.
        namespace.update(__module__=ours.__module__, __qualname__=ours.__qualname__, __doc__=ours.__doc__)

    made = new_class(ours.__name__, (ours, theirs), {"name": ours.__cog_name__}, fill)
    return cast("type[CogT]", made)


def load_config_for(bot: object) -> Config:
    """As `load_config`. In Red, `botmon.toml` and the default store lie in the cog's data folder.

    Red's working directory is wherever its service was started, often `/`.

    Raises:
        ConfigError: a key or a value in the file is wrong.
    """
    if not is_red(bot):
        return load_config()
    folder: Path = _module("data_manager").cog_data_path(raw_name=_FOLDER)
    config, default = load_config(directory=folder), StorageConfig()
    storage = config.storage
    if storage.url == default.url:
        storage = replace(storage, url=str(folder / Path(default.url).name))
    elif is_postgres(storage.url) and not storage.spool:
        storage = replace(storage, spool=str(folder / "botmon.spool.db"))
    return replace(config, storage=storage)


def load_error_for(bot: object, error: Exception) -> Exception:
    """What to raise instead of `error`: Red shows the text of its own class in Discord, and logs any other."""
    if not is_red(bot):
        return error
    return cast("Exception", _module("errors").CogLoadError(str(error)))


def _module(name: str) -> Any:
    return sys.modules[f"redbot.core.{name}"]
