"""`[reports] timezone`: which names it takes, and that reports of a real database are cut by it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import zoneinfo
from datetime import UTC, date, datetime
from pathlib import Path

import discord
import msgspec
import pytest
from discord.ext import commands

from botmon_cog import Config, ConfigError, MonitoringSystem
from botmon_cog.__main__ import main
from botmon_cog.config import DEFAULT_FILE, ReportsConfig, StorageConfig, read_config
from botmon_cog.domain.reports import Period, StatisticsReport
from botmon_cog.testing import ManualClock
from botmon_cog.timezones import find_zone
from tests.engines import Storage
from tests.harness import EXTENSION, make_bot, make_config, running
from tests.storage_helpers import invocation

ALLOWED = "Allowed: the name of a time zone such as 'Europe/Berlin'"


# -- names -------------------------------------------------------------------------------------------------------------


def refusal(tmp_path: Path, name: str) -> str:
    path = tmp_path / DEFAULT_FILE
    path.write_text(f"[reports]\ntimezone = {msgspec.json.encode(name).decode()}", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    return str(caught.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    "name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "Asia/Kathmandu"]
)
def test_a_zone_is_called_as_it_was_asked_for(tmp_path: Path, name: str) -> None:
    assert str(find_zone(name)) == name
    path = tmp_path / DEFAULT_FILE
    path.write_text(f"[reports]\ntimezone = '{name}'")
    assert read_config(path).reports.timezone == name


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("europe/berlin", " (did you mean 'Europe/Berlin'?)"),
        ("Europe/Berlim", " (did you mean 'Europe/Berlin'?)"),
        ("Berlin", " (did you mean 'Europe/Berlin'?)"),
        ("new york", " (did you mean 'America/New_York'?)"),
        ("utc", " (did you mean 'UTC'?)"),
        ("Europe/Berlin ", " (did you mean 'Europe/Berlin'?)"),
        ("zzzzzzzz", ""),
        ("", ""),
    ],
)
def test_an_unknown_zone_is_refused_with_the_nearest_name(tmp_path: Path, name: str, hint: str) -> None:
    assert refusal(tmp_path, name) == f"reports.timezone: {name!r} can't be used. {ALLOWED}{hint}"


@pytest.mark.parametrize(
    "name", ["Mars/Base", "Europe", "/etc/passwd", "../etc", "tzdata.zi", "a\0b", "x" * 5000, "Europe/Berlin\n", "é"]
)
def test_what_is_no_zone_is_refused(tmp_path: Path, name: str) -> None:
    assert refusal(tmp_path, name).startswith(f"reports.timezone: {name!r} can't be used. {ALLOWED}")


def test_a_number_is_no_zone(tmp_path: Path) -> None:
    path = tmp_path / DEFAULT_FILE
    path.write_text("[reports]\ntimezone = 2")
    with pytest.raises(ConfigError, match=r"reports\.timezone: 2 can't be used\. Allowed: a text"):
        read_config(path)


def test_a_zone_set_in_code_is_checked_too() -> None:
    with pytest.raises(ConfigError, match=r"^the configuration: reports\.timezone: 'Mars/Base' can't be used"):
        MonitoringSystem(Config(reports=ReportsConfig(timezone="Mars/Base")))


def test_utc_needs_no_time_zone_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a bare Windows: no system's database, no tzdata."""
    loaded = [name for name in sys.modules if name.startswith("tzdata.")]  # where an earlier test needed them
    for name in ("tzdata", *loaded):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(zoneinfo, "TZPATH", ())
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()
    try:
        assert find_zone("UTC") is UTC
        assert (
            Period(name="x", start=datetime(2026, 1, 1, tzinfo=UTC), end=datetime(2026, 1, 1, tzinfo=UTC)).zone is UTC
        )
        with pytest.raises(ConfigError, match=r"no time zone database is installed\. Allowed: 'UTC', or pip install"):
            find_zone("Europe/Berlin")
    finally:
        zoneinfo.reset_tzpath()
    assert str(find_zone("Europe/Berlin")) == "Europe/Berlin"


# -- reports of a real database ----------------------------------------------------------------------------------------

BEFORE_MIDNIGHT = datetime(2026, 10, 24, 21, 30, tzinfo=UTC)  # 23:30 in Berlin
AFTER_MIDNIGHT = datetime(2026, 10, 24, 22, 30, tzinfo=UTC)
TWO, TWO_AGAIN = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
LAST_HOUR = datetime(2026, 10, 25, 22, 30, tzinfo=UTC)  # 23:30 of the same, long day
TOMORROW = datetime(2026, 10, 25, 23, 30, tzinfo=UTC)
BERLIN = ReportsConfig(timezone="Europe/Berlin")


@pytest.fixture
async def berlin(tmp_path: Path):
    """A bot in Berlin, of which each moment above was one user's command."""
    config = Config(storage=StorageConfig(url=str(tmp_path / "bot.db")), reports=BERLIN)
    moments = (BEFORE_MIDNIGHT, AFTER_MIDNIGHT, TWO, TWO_AGAIN, LAST_HOUR, TOMORROW)
    async with MonitoringSystem(config, clock=ManualClock(LAST_HOUR)) as system:
        await Storage(system.store.engine).write(
            [invocation(started_at=when, user_id=str(i)) for i, when in enumerate(moments)]
        )
        yield system


async def test_today_is_the_local_day(berlin: MonitoringSystem) -> None:
    for report in (
        await berlin.statistics.daily(1),
        await berlin.statistics.daily(1, date(2026, 10, 25)),
        await berlin.statistics.daily(1, LAST_HOUR),
    ):
        assert (report.total_commands, report.unique_users, report.previous_commands) == (4, 4, 1)
        assert report.period.timezone == report.previous.timezone == "Europe/Berlin"
        assert [hour.start for hour in report.hours] == [
            when.replace(minute=0) for when in (AFTER_MIDNIGHT, TWO, TWO_AGAIN, LAST_HOUR)
        ]
    tomorrow = await berlin.statistics.daily(1, date(2026, 10, 26))
    assert (tomorrow.total_commands, tomorrow.previous_commands) == (1, 4)


async def test_a_week_is_of_local_days(berlin: MonitoringSystem) -> None:
    report = await berlin.statistics.weekly(1)
    assert (report.total_commands, report.unique_users) == (5, 5)
    assert report.period.start == datetime(2026, 10, 18, 22, tzinfo=UTC)
    month = await berlin.statistics.monthly(1)
    assert month.period.start == datetime(2026, 9, 25, 22, tzinfo=UTC)


async def test_the_answers_in_a_bot_are_of_the_configured_zone() -> None:
    bot = make_bot()
    bot.botmon_config = make_config(reports=ReportsConfig(timezone="Pacific/Kiritimati"))

    @bot.tree.command(description="Say hello")
    async def hello(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("Hello!")

    async with running(bot) as rig:
        admin, channel = rig.discord.admin, rig.discord.channel
        await admin.slash(channel, "hello")
        await rig.rows()
        for name in ("stats today", "stats weekly", "stats monthly"):
            answer = await admin.slash(channel, name)
            assert ", Pacific/Kiritimati" in answer.message.embeds[0]["description"]


async def test_a_wrong_zone_set_on_the_bot_stops_the_extension_from_loading() -> None:
    bot = make_bot()
    bot.botmon_config = make_config(reports=ReportsConfig(timezone="Mars/Base"))
    async with running(bot, load=False):
        with pytest.raises(commands.ExtensionFailed, match=r"reports\.timezone: 'Mars/Base' can't be used"):
            await bot.load_extension(EXTENSION)


def test_the_report_in_a_terminal_is_of_the_configured_zone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def write() -> None:
        async with MonitoringSystem(Config(storage=StorageConfig(url=str(tmp_path / "bot.db")))) as system:
            await Storage(system.store.engine).write([invocation(started_at=datetime.now(UTC))])

    asyncio.run(write())
    monkeypatch.chdir(tmp_path)
    (tmp_path / DEFAULT_FILE).write_text('[storage]\nurl = "bot.db"\n[reports]\ntimezone = "Pacific/Kiritimati"')
    assert main(["report", "today", "--width", "80"]) == 0
    drawn = capsys.readouterr().out
    assert ", Pacific/Kiritimati, so far" in drawn
    assert "1 command" in drawn
    assert main(["report", "weekly", "--json"]) == 0
    told = msgspec.json.decode(capsys.readouterr().out, type=StatisticsReport)
    assert (told.period.timezone, told.period.start.hour, told.total_commands) == ("Pacific/Kiritimati", 10, 1)


def test_a_wrong_zone_ends_the_report_in_a_terminal_with_one_line(tmp_path: Path) -> None:
    (tmp_path / DEFAULT_FILE).write_text('[reports]\ntimezone = "Berlin"')
    ran = subprocess.run(
        [sys.executable, "-m", "botmon_cog", "report", "today"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode != 0
    assert "botmon.toml: reports.timezone: 'Berlin' can't be used." in ran.stderr
    assert "Traceback" not in ran.stderr
