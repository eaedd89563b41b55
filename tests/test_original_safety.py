"""Nothing of the original's interface raises into the host: whatever it passes, and whatever becomes of the store."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck as Checks
from hypothesis import given, settings
from hypothesis import strategies as st

import botmon_cog
from botmon_cog import (
    CommandLogger,
    Config,
    HealthCheck,
    Monitors,
    PerformanceMonitor,
    StatisticsCollector,
    create_monitoring_system,
)
from botmon_cog.config import StorageConfig
from tests.original_helpers import monitors

SIGNATURES = {
    (CommandLogger, "log_command"): (
        "guild_id, guild_name, user_id, username, command, parameters=None, duration=None, success=True, "
        "error_message=None"
    ),
    (CommandLogger, "get_command_history"): "guild_id=None, user_id=None, command=None, limit=100, success_only=False",
    (CommandLogger, "get_command_stats"): "guild_id, days=7",
    (PerformanceMonitor, "track_command"): "command_name, guild_id, user_id",
    (PerformanceMonitor, "get_performance_stats"): "guild_id, days=7",
    (PerformanceMonitor, "detect_bottlenecks"): "guild_id, threshold=2.0",
    (StatisticsCollector, "record_song_played"): "guild_id, duration, user_id",
    (StatisticsCollector, "record_skip"): "guild_id",
    (StatisticsCollector, "record_pause"): "guild_id",
    (StatisticsCollector, "record_command"): "guild_id, user_id",
    (StatisticsCollector, "get_daily_stats"): "guild_id, date=None",
    (StatisticsCollector, "generate_weekly_report"): "guild_id",
    (StatisticsCollector, "generate_monthly_report"): "guild_id",
    (HealthCheck, "check_memory"): "",
    (HealthCheck, "check_cpu"): "",
    (HealthCheck, "check_database"): "",
    (HealthCheck, "check_error_rate"): "guild_id=None",
    (HealthCheck, "get_full_health_report"): "guild_id=None",
    (botmon_cog, "log_command_execution"): (
        "guild_id, guild_name, user_id, username, command, duration, success, details=None, db_path='data/bot.db'"
    ),
    (botmon_cog, "get_performance_stats"): "guild_id, days=7, db_path='data/bot.db'",
    (botmon_cog, "get_health_report"): "guild_id=None, db_path='data/bot.db'",
    (botmon_cog, "get_statistics_report"): "guild_id, period='weekly', db_path='data/bot.db'",
}
"""As in the original."""
READS = {
    "get_command_history": [],
    "get_command_stats": {},
    "get_performance_stats": {},
    "detect_bottlenecks": [],
    "get_daily_stats": {},
    "generate_weekly_report": {},
    "generate_monthly_report": {},
}
"""What comes back while the store can't be read."""
RECORDS = ("log_command", "record_song_played", "record_skip", "record_pause", "record_command")


@pytest.mark.parametrize(("owner", "name"), SIGNATURES, ids=lambda each: getattr(each, "__name__", each))
def test_parameters_are_the_originals(owner: Any, name: str):
    parameters = inspect.signature(getattr(owner, name)).parameters.values()
    said = [
        each.name if each.default is each.empty else f"{each.name}={each.default!r}"
        for each in parameters
        if each.name != "self"
    ]
    assert ", ".join(said) == SIGNATURES[owner, name]


# -- nonsense ----------------------------------------------------------------------------------------------------------


class Awkward:
    """Raises at whatever it is asked."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __str__(self) -> str:
        raise RuntimeError("no text")

    def __bool__(self) -> bool:
        raise RuntimeError("neither")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("incomparable")

    def __hash__(self) -> int:
        raise RuntimeError("no hash")

    def __float__(self) -> float:
        raise RuntimeError("no number")

    def __index__(self) -> int:
        raise RuntimeError("no number")


class Mirror:
    """Has every attribute, as mocks do; each is itself."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self


ENDLESS: list[Any] = []
ENDLESS.extend([ENDLESS] * 50)
DEEP: list[Any] = []
for _ in range(5_000):
    DEEP = [DEEP]
VALUES: list[Any] = [
    None,
    True,
    "",
    "None",
    "1",
    "a\0b\ud800",
    "x" * 100_000,
    10**400,
    -(10**4_999),
    2**63,
    -1,
    0,
    1e308,
    float("nan"),
    float("inf"),
    Decimal("sNaN"),
    Decimal("1e999999"),
    1j,
    b"\xff",
    object,
    object(),
    Awkward(),
    Mirror(),
    ENDLESS,
    DEEP,
    {"a": Awkward()},
    {(1, 2): {3: ENDLESS}},
    frozenset({1}),
    ValueError("odd"),
    asyncio.CancelledError(),
    timedelta.max,
    timedelta(seconds=-5),
    datetime.max.replace(tzinfo=UTC),
    datetime.fromisoformat("0001-01-01"),
    date.max,
    date.min,
    "9999-12-31",
    "0001-01-01",
    Path("data"),
    print,
    Config(),
    iter(()),
    range(3),
    len,
    __import__("math"),
]
# By number: Hypothesis writes down what it samples from, and some of these can't be.
ODD = st.integers(0, len(VALUES) - 1).map(VALUES.__getitem__)
ANYTHING = ODD | st.integers() | st.floats() | st.text() | st.binary() | st.lists(ODD) | st.dictionaries(st.text(), ODD)


class Said(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        record.getMessage()


@contextmanager
def listening() -> Iterator[Said]:
    said, logger = Said(), logging.getLogger("botmon_cog")
    logger.addHandler(said)
    try:
        yield said
    finally:
        logger.removeHandler(said)


@contextmanager
def in_a_loop() -> Iterator[tuple[asyncio.Runner, Monitors]]:
    """The four in an event loop of their own, in which each example of a property runs."""
    with asyncio.Runner() as runner:
        opened = monitors(":memory:")
        made = runner.run(opened.__aenter__())
        yield runner, made
        runner.run(opened.__aexit__(None, None, None))


def bound(made: Monitors, owner: Any, name: str) -> Callable[..., Any]:
    kinds = {type(each): each for each in made}
    return getattr(kinds.get(owner, owner), name)


AWAITED = [each for each in SIGNATURES if each[1] != "track_command"]


@pytest.mark.parametrize(("owner", "name"), AWAITED, ids=lambda each: getattr(each, "__name__", each))
def test_nonsense_comes_to_nothing(owner: Any, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Each call returns what it should or its failure value, and says in one line why it did nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("botmon_cog.original.health_check._CPU_WINDOW_S", 0)
    names = [each.partition("=")[0] for each in SIGNATURES[owner, name].split(", ") if each]
    names = [each for each in names if each != "db_path"]
    taken = 0
    with in_a_loop() as (runner, made), listening() as said:
        call = bound(made, owner, name)

        @settings(max_examples=100 if names else 1, suppress_health_check=list(Checks))
        @given(st.fixed_dictionaries(dict.fromkeys(names, ANYTHING)))
        def check(arguments: dict[str, Any]) -> None:
            nonlocal taken
            said.records.clear()
            found = runner.run(call(**arguments))
            assert type(found) in {bool, dict, list}
            assert [(each.levelname, each.exc_info) for each in said.records] in ([], [("WARNING", None)])
            if type(found) is bool:
                assert found is not bool(said.records), "False is said, True is not"
                taken += found and "command" in names
            if said.records:
                assert found in (False, {}, []) or found.get("status") == "error"

        check()
        assert made.system.failures.n == 0
        assert len(runner.run(made.logger.get_command_history(limit=-1))) == taken, "what is taken is stored"


def test_constructors_refuse_at_once_what_is_no_database():
    for wrong in (object(), 3, [], b"bot.db"):
        with pytest.raises(TypeError):
            create_monitoring_system(wrong)
        with pytest.raises(TypeError):
            CommandLogger(wrong)


def test_tracked_block_raises_what_its_body_raises():
    async def command(made: Monitors, arguments: tuple[Any, ...], kind: type[BaseException] | None) -> None:
        async with made.performance.track_command(*arguments):
            if kind is not None:
                raise kind

    with in_a_loop() as (runner, made):
        made.performance.thresholds["command_slow"] = "nonsense"  # pyright: ignore[reportArgumentType]

        @settings(suppress_health_check=list(Checks))
        @given(st.tuples(ANYTHING, ANYTHING, ANYTHING), st.sampled_from([None, ValueError, asyncio.CancelledError]))
        def check(arguments: tuple[Any, ...], kind: type[BaseException] | None) -> None:
            raised: type[BaseException] | None = None
            try:
                runner.run(command(made, arguments, kind))
            except (ValueError, asyncio.CancelledError) as error:
                raised = type(error)
            assert raised is kind

        check()
        assert made.system.failures.n == 0


async def test_wrong_number_of_arguments_raises_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    async with monitors(tmp_path / "bot.db") as made:
        assert await made.logger.log_command("1") is False  # pyright: ignore[reportCallIssue]
        assert await made.statistics.record_skip("1", color="red") is False  # pyright: ignore[reportCallIssue]
    assert "missing" in caplog.text
    assert "color" in caplog.text


# -- a store that can't be read ----------------------------------------------------------------------------------------


def folder(path: Path) -> None:
    path.mkdir()


def garbage(path: Path) -> None:
    path.write_bytes(b"no database at all " * 1_000)


def unmounted(path: Path) -> None:
    path.symlink_to(path.parent / "not mounted" / "store.db")


@pytest.mark.parametrize("spoil", [folder, garbage, unmounted], ids=lambda each: each.__name__)
async def test_store_that_cannot_be_read_gives_failure_values(
    tmp_path: Path, spoil: Callable[[Path], None], caplog: pytest.LogCaptureFixture
):
    store = tmp_path / "store.db"
    spoil(store)
    config = Config(storage=StorageConfig(url=str(store), close_timeout_s=0.1))
    async with create_monitoring_system(tmp_path / "bot.db", config=config) as made:
        for name, failed in READS.items():
            owner = next(owner for owner, method in SIGNATURES if method == name and owner is not botmon_cog)
            optional = name == "get_command_history"
            assert await bound(made, owner, name)(*([] if optional else ["1"])) == failed, name
        database = await made.health.check_database()
        assert list(database) == ["connected", "status", "error"]
        assert (database["connected"], database["status"]) == (False, "error")
        assert database["error"]
        rate = await made.health.check_error_rate("1")
        assert list(rate) == ["status", "error"]
        report = await made.health.get_full_health_report()
        assert (report["overall_status"], report["database"]["connected"]) == ("unhealthy", False)
        assert await made.logger.log_command("1", None, "2", None, "play"), "it waits until the store is back"
    assert "Traceback" in caplog.text
