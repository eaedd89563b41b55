"""Which monitoring system a host's objects work on: one per database, and the extension's while that is loaded."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from msgspec.structs import replace

from botmon_cog.config import Config, StorageConfig, load_config
from botmon_cog.database_url import IN_MEMORY, described, is_postgres, sqlite_path
from botmon_cog.host import Given, given
from botmon_cog.monitors.metrics import Metrics
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.sqlite.file import expanded

if TYPE_CHECKING:
    from botmon_cog.clock import Clock

_log = logging.getLogger(__name__)

# Unloading the extension takes every module of this package out of sys.modules, while hosts keep what they imported and
# made. What old and new copies of this module share must therefore live beside the package.
SHARED = "_botmon_cog_shared"


class Shared:
    """One system for all who named the same database.

    Attributes:
        config: with the store and the host's database filled in.
        users: how many leases there are.
    """

    def __init__(self, key: str, config: Config, clock: Clock | None) -> None:
        self.key = key
        self.config = config
        self.users = 0
        self._clock = clock
        self._own: MonitoringSystem | None = None

    @property
    def system(self) -> MonitoringSystem:
        """The extension's while it is loaded, else one that is made at the first use."""
        extensions = _registry().extensions
        if extensions:
            return extensions[-1]
        if self._own is None:
            self._own = MonitoringSystem(self.config, clock=self._clock)
        return self._own

    async def close_own(self) -> Metrics | None:
        """Write what is queued and close; the next use makes a system anew. Returns the host's metrics, if any."""
        own, self._own = self._own, None
        if own is None:
            return None
        await own.close()
        return own.metrics


class Lease:
    """One user of a shared system, who closes it or lives as long as the process."""

    def __init__(self, shared: Shared, *, is_user: bool = True) -> None:
        """`is_user`: whether the system stays open for it."""
        self._shared = shared
        self._is_closed = not is_user
        shared.users += is_user

    @property
    def system(self) -> MonitoringSystem:
        """To be asked anew at each call: the extension may have been loaded or unloaded meanwhile."""
        return self._shared.system

    async def close(self) -> None:
        """Let go of it. The last user writes what is queued and closes; the extension's system closes with that."""
        if self._is_closed:
            return
        self._is_closed = True
        self._shared.users -= 1
        if self._shared.users <= 0:
            registry = _registry()
            if registry.shared.get(self._shared.key) is self._shared:
                del registry.shared[self._shared.key]
            await self._shared.close_own()


# -- for hosts ---------------------------------------------------------------------------------------------------------


def system_for(
    db: object = None, *, config: Config | None = None, clock: Clock | None = None, is_user: bool = True
) -> Lease:
    """The system of a database, shared with whoever named the same one before.

    Args:
        db: what names it, see `host.given`; None means the configured one.
        config: None means `botmon.toml`, as the extension reads it. That of a system which is there already stays.
        clock: None means the machine's.
        is_user: whether the system stays open until this lease is closed. Who asks anew at each call is none.

    Raises:
        TypeError: `db` names no database.
        ConfigError: the configuration or the URL is wrong. The database itself is opened on first use.
    """
    registry = _registry()
    config = resolved(load_config() if config is None else config, given(db))
    key = f"{_place(config)}\n{_resolved(config.host.database)}"
    if registry.extensions:
        config = _joined(registry.extensions[-1], config)
    shared = registry.shared.get(key)
    if shared is None:
        shared = registry.shared[key] = Shared(key, config, clock)
    return Lease(shared, is_user=is_user)


def newest() -> Lease | None:
    """The system that was made last, or the extension's; None if there is none. No user of it: see `system_for`."""
    registry = _registry()
    if registry.shared:
        return Lease(list(registry.shared.values())[-1], is_user=False)
    if registry.extensions:
        return Lease(Shared("", registry.extensions[-1].config, None), is_user=False)
    return None


def of(bot: object) -> MonitoringSystem:
    """The extension's system of a bot.

    Raises:
        LookupError: the extension is not loaded.
    """
    get_cog: Any = getattr(bot, "get_cog", None)
    system: object = None if get_cog is None else getattr(get_cog("botmon"), "system", None)
    if system is None:
        raise LookupError('the extension is not loaded: await bot.load_extension("botmon_cog")')
    return cast("MonitoringSystem", system)


# -- for the extension -------------------------------------------------------------------------------------------------


def joining(config: Config) -> Config:
    """The extension's configuration, with the store and the host's database of a system that the host made before.

    What is named in the configuration stays.
    """
    found: list[Shared] = list(_registry().shared.values())
    if not found:
        beside = resolved(config, Given(None, None, is_store=False))
        # What the extension has stored so far stays in sight when a database of the host is named later.
        is_kept = expanded(config.storage.url).exists() and not expanded(beside.storage.url).exists()
        return replace(beside, storage=config.storage) if _is_default(config) and is_kept else beside
    theirs = found[-1].config
    url = theirs.storage.url if _is_default(config) else config.storage.url
    database = config.host.database or theirs.host.database
    joined = replace(config, storage=replace(config.storage, url=url), host=replace(config.host, database=database))
    for shared in found:
        _tell_two_stores(joined, shared.config)
    return joined


async def take_over(system: MonitoringSystem) -> None:
    """Let all that hosts made work on the extension's system."""
    registry = _registry()
    registry.extensions.append(system)
    for shared in [*registry.shared.values()]:
        shared.config = system.config  # what comes after the extension works on the same store
        if (metrics := await shared.close_own()) is not None:
            system.metrics.adopt(metrics)


def keep_metrics(bot: object, metrics: Metrics) -> None:
    """Go on with the metrics that the bot had when the extension was unloaded: its cogs hold them still."""
    kept = _registry().metrics
    if bot in kept:
        metrics.adopt(kept[bot])
    kept[bot] = metrics


def step_back(system: MonitoringSystem) -> None:
    """The extension is unloaded: what hosts made goes on with systems of their own, over the same store."""
    registry = _registry()
    if system in registry.extensions:
        registry.extensions.remove(system)


# -- stores ------------------------------------------------------------------------------------------------------------


def resolved(config: Config, db: Given) -> Config:
    """The configuration with what the host gave: the store lies beside its database unless one is configured."""
    if db.database is None and not db.is_store and config.host.database:
        db = given(config.host.database)
    url = config.storage.url
    if db.store_url is not None and (db.is_store or _is_default(config)):
        url = db.store_url
    database = "" if db.database is None else str(db.database)
    return replace(config, storage=replace(config.storage, url=url), host=replace(config.host, database=database))


def _joined(extension: MonitoringSystem, wanted: Config) -> Config:
    """What the extension's system has, and the host's database if it has none."""
    if wanted.host.database:
        extension.attach_host(Path(wanted.host.database))
    _tell_two_stores(extension.config, wanted)
    database = extension.config.host.database or wanted.host.database
    return replace(extension.config, host=replace(extension.config.host, database=database))


def _tell_two_stores(used: Config, named: Config) -> None:
    """One warning, where another store was named or holds something already."""
    registry = _registry()
    if _place(used) == _place(named) or _place(named) in registry.told:
        return
    is_beside = named.host.database != "" and named.storage.url == given(Path(named.host.database)).store_url
    if is_beside and not Path(named.storage.url).exists():
        return
    registry.told.add(_place(named))
    _log.warning(
        "two stores are named, and all is written to %s; what %s holds is not seen. Name one of them in [storage] url",
        described(used.storage.url),
        described(named.storage.url),
    )


def _is_default(config: Config) -> bool:
    return config.storage.url == StorageConfig().url


def _place(config: Config) -> str:
    """Where the store is, the same however that is written."""
    url = config.storage.url
    if is_postgres(url) or sqlite_path(url) == IN_MEMORY:
        return url
    return _resolved(sqlite_path(url))


def _resolved(path: str) -> str:
    return str(expanded(path).resolve()) if path else ""


def _registry() -> Any:
    """What all copies of this module share.

    Attributes: `shared`, by key, in the order in which they were made; `extensions`, the systems of those that are
    loaded; `told`, the stores that were warned of; `metrics`, by bot.
    """
    module = sys.modules.setdefault(SHARED, ModuleType(SHARED))
    if "registry" not in vars(module):
        vars(module)["registry"] = SimpleNamespace(shared={}, extensions=[], told=set(), metrics=WeakKeyDictionary())
    return vars(module)["registry"]
