"""One store: an engine, and what is kept with it."""

from __future__ import annotations

from botmon_cog.store.alerts import AlertStore
from botmon_cog.store.crashes import Crashes
from botmon_cog.store.daily import Daily
from botmon_cog.store.elsewhere import Elsewhere
from botmon_cog.store.engine import Engine
from botmon_cog.store.errors import Errors
from botmon_cog.store.fleet import FleetStore
from botmon_cog.store.history import History
from botmon_cog.store.inventory import InventoryStore
from botmon_cog.store.log import Log, RunKey
from botmon_cog.store.posts import PostStore
from botmon_cog.store.reports import Reports
from botmon_cog.store.rollup import RollUps
from botmon_cog.store.settings import SettingsStore
from botmon_cog.store.totals import TotalsStore
from botmon_cog.store.unrecorded import UnrecordedStore
from botmon_cog.store.uptime import UptimeStore


class Store:
    """What is kept of one run, and of all others.

    Attributes:
        run: whose events are appended.
    """

    def __init__(self, engine: Engine, run: RunKey) -> None:
        self.engine = engine
        self.run = run
        self.log = Log(engine)
        self.rollups = RollUps(engine)
        self.reports = Reports(engine)
        self.daily = Daily(engine)
        self.history = History(engine)
        self.alerts = AlertStore(engine, run.instance)
        self.elsewhere = Elsewhere(engine)
        self.crashes = Crashes(engine)
        self.errors = Errors(engine)
        self.uptime = UptimeStore(engine, run)
        self.fleet = FleetStore(engine)
        self.inventory = InventoryStore(engine, run)
        self.posts = PostStore(engine)
        self.settings = SettingsStore(engine)
        self.totals = TotalsStore(engine, run)
        self.unrecorded = UnrecordedStore(engine)
