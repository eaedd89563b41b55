"""/botmon metrics: right sums over series and processes, drawn within Discord's limits, for the owners alone."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from botmon_cog.discord_ui.parts import TABLE_COLUMNS
from botmon_cog.domain import text
from botmon_cog.domain.models import MetricKind
from botmon_cog.domain.periods import report_period
from botmon_cog.domain.reports import Percentiles
from botmon_cog.domain.uptime import Run
from botmon_cog.errors import StorageError
from botmon_cog.metrics.embeds import board_embed, metric_embed
from botmon_cog.metrics.figures import change, figure
from botmon_cog.metrics.gather import metrics
from botmon_cog.metrics.values import MetricReport, SeriesFigure
from botmon_cog.monitors.metrics.metric import MOST_SERIES
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.log import Batch, RunKey
from botmon_cog.store.store import Store
from botmon_cog.testing import LoopbackUser, ManualClock, SeenMessage
from tests import metrics_scene
from tests.harness import EXTENSION, Rig, cog_of, make_bot, make_config, running
from tests.storage_helpers import point
from tests.test_commands import let_everybody_in
from tests.test_embeds_limits import any_report, assert_shows, made, names, some
from tests.test_errors_command import labels, said
from tests.test_errors_permissions import strangers

NOON = datetime(2026, 1, 7, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
IDS = ("botmon:metrics:7", "botmon:metrics:30", "botmon:metrics:7:of:players", "botmon:metrics:30:of:players")


async def told(system: MonitoringSystem, name: str = "weekly") -> dict[str, MetricReport]:
    return {each.name: each for each in (await metrics(system, name))[1]}


# -- sums --------------------------------------------------------------------------------------------------------------


async def test_what_a_system_alone_counted_is_told_after_a_restart(tmp_path):
    """Without any extension, and by roll-ups alone."""
    config, clock = make_config(str(tmp_path / "botmon.db")), ManualClock(NOON)
    for start in range(2):
        async with MonitoringSystem(config, clock=clock) as system:
            songs = system.metrics.counter("songs", unit="songs", labels=("source",))
            search, players = system.metrics.timer("search"), system.metrics.gauge("players")
            for n in range(10):
                songs.add(1, "file" if n < 3 else "web")
                search.observe(n)
                players.set(n)
            await clock.advance(60)
            songs.add(5, "web")
            players.set(20 * start)
    async with MonitoringSystem(config, clock=clock) as system:
        found = await told(system)
        assert (found["songs"].figure, found["songs"].n, found["songs"].previous) == (30.0, 22, None)
        assert found["songs"].series == (
            SeriesFigure(labels="source=web", figure=24.0),
            SeriesFigure(labels="source=file", figure=6.0),
        )
        assert found["songs"].days[-1] == (NOON.date(), 30.0)
        assert (found["search"].n, found["search"].figure, found["search"].unit) == (20, 4.5, "s")
        assert abs((found["search"].percentiles or Percentiles()).p95_s - 8.9) < 0.2
        assert (found["players"].lowest, found["players"].highest, found["players"].now) == (0.0, 20.0, None)
        assert system.failures.n == 0


async def test_processes_and_series_of_a_gauge_add_up_or_count_as_it_says():
    async with MonitoringSystem(make_config(":memory:"), clock=ManualClock(NOON)) as system:
        other = Store(system.store.engine, RunKey.new("other", NOON))
        await other.uptime.put_run(Run(started_at=NOON, seen_at=NOON))
        minutes = {"n": 30, "minutes": (1 << 30) - 1, "occurred_at": NOON - HOUR}
        for name, kind in (
            ("sum", MetricKind.GAUGE),
            ("max", MetricKind.GAUGE_MAX),
            ("mean", MetricKind.GAUGE_MEAN),
        ):
            for store, value in ((system.store, 4.0), (other, 10.0)):
                gauge = point(
                    name=name, kind=kind, total=30 * value, last=value, lowest=value, highest=value, **minutes
                )
                seq = 1 + ("sum", "max", "mean").index(name)
                await store.log.append([Batch(run=store.run, first_seq=seq, events=[gauge])])
            combine = {"sum": "sum", "max": "max", "mean": "mean"}[name]
            system.metrics.gauge(name, combine=combine).set(2)  # type: ignore[arg-type]
        system.writer.pending.next_seq = 4
        found = await told(system)
        assert {name: each.now for name, each in found.items()} == {"sum": 12.0, "max": 10.0, "mean": 6.0}
        assert abs((found["max"].figure or 0) - 10) < 1e-9
        by_day = {name: dict(each.days)[NOON.date()] for name, each in found.items()}
        assert by_day == {
            "sum": pytest.approx((30 * 14 + 2) / 31),
            "max": 10.0,
            "mean": pytest.approx((30 * 14 + 2) / 61),
        }
        assert (found["sum"].lowest, found["max"].lowest) == (None, 2.0)


async def test_period_before_is_that_of_the_same_hours():
    async with MonitoringSystem(make_config(":memory:"), clock=ManualClock(NOON)) as system:
        for days, n in ((1, 6.0), (8, 2.0), (14, 50.0), (40, 7.0)):
            system.recorder.record(point(total=n, occurred_at=NOON - days * DAY - (HOUR if days == 14 else 0 * HOUR)))
        system.recorder.record(point(total=3.0, occurred_at=NOON - 7 * DAY + 2 * HOUR))
        week, month = await told(system), await told(system, "monthly")
        assert (week["songs_queued"].figure, week["songs_queued"].previous) == (6.0, 2.0)
        assert (month["songs_queued"].figure, month["songs_queued"].previous) == (61.0, 7.0)


async def test_only_the_newest_of_what_one_name_stood_for_is_told():
    async with MonitoringSystem(make_config(":memory:"), clock=ManualClock(NOON)) as system:
        system.recorder.record(point(occurred_at=NOON - 2 * DAY))
        gauge = point(kind=MetricKind.GAUGE, total=5.0, n=1, minutes=1, occurred_at=NOON - DAY)
        system.recorder.record(gauge)
        assert (await told(system))["songs_queued"].figure == 5.0
        system.metrics.timer("songs_queued").observe(3)
        assert (await told(system))["songs_queued"].kind is MetricKind.TIMER


async def test_flood_of_labels_is_bounded_and_said_in_health():
    async with running(make_bot()) as rig:
        system = cog_of(rig.bot).system
        requests = system.metrics.counter("requests", labels=("path",))
        for n in range(3 * MOST_SERIES):
            requests.add(1, f"/{n}")
        found = (await told(system))["requests"]
        assert (found.figure, len(found.series)) == (3.0 * MOST_SERIES, MOST_SERIES + 1)
        assert any("more than 50 different labels" in hint for hint in system.sources.hints())


# -- words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.1423, "s", "142 ms"),
        (1.5 * 2**30, "bytes", "1.5 GiB"),
        (84, "%", "84 %"),
        (1204, "songs", "1,204"),
        (14_400, "", "14.4k"),
        (3.84, "", "3.8"),
        (38.4, "", "38"),
        (-0.0423, "", "-0.042"),
        (1e-7, "", "1e-07"),
        (0, "", "0"),
        (-5, "s", "-5"),
        (float("nan"), "", text.NONE),
        (None, "s", text.NONE),
    ],
)
def test_figures(value, unit, words):
    assert figure(value, unit) == words


def test_change_is_a_share_whatever_the_unit():
    assert (change(0.3, 0.2), change(3e9, 2e9), change(0.3, 0.2, is_cell=True)) == ("▲ 50 %", "▲ 50 %", "+50%")
    assert [change(*each) for each in ((1, 0), (1, None), (None, 1), (1, -1), (-1, 1))] == [""] * 5


floats = st.floats(-1e15, 1e15) | st.sampled_from([0.0, 1e-9, 1e15])
maybe = st.none() | floats
reports = made(
    MetricReport,
    name=st.sampled_from(["players", "x" * 60]),
    kind=st.sampled_from(MetricKind),
    unit=st.sampled_from(["", "s", "bytes", "%"]) | names.map(lambda name: name[:20]),
    what=names,
    period=st.sampled_from([report_period(each, NOON) for each in ("weekly", "monthly")]),
    now=maybe,
    figure=maybe,
    previous=maybe,
    n=st.integers(0, 2**63),
    lowest=maybe,
    highest=maybe,
    days=st.sampled_from([7, 30]).flatmap(
        lambda n: st.lists(st.tuples(st.just(NOON.date()), maybe), min_size=n, max_size=n).map(tuple)
    ),
    percentiles=st.none() | made(Percentiles, n=st.integers(0, 9), p50_s=maybe, p95_s=maybe, p99_s=maybe, max_s=maybe),
    series=some(made(SeriesFigure, labels=names, figure=floats)).map(lambda found: tuple(found or ())),
)


@any_report
@given(reports)
def test_metric_fits_whatever_it_holds(report):
    assert_shows(metric_embed(report))


def test_board_of_a_hundred_metrics_fits():
    period = report_period("monthly", NOON)
    days = tuple((NOON.date(), 1e15) for _ in range(30))
    wide = {"unit": "w" * 20, "period": period, "now": -1e15, "figure": 1e15, "previous": 1e-9, "days": days}
    found = [MetricReport(name=f"m{n:_>59}", kind=MetricKind.GAUGE, **wide) for n in range(100)]
    embed = board_embed(period, found)
    assert_shows(embed)
    assert "and 75 more" in embed.description
    assert all(text.columns(line) <= TABLE_COLUMNS for line in embed.description.split("```")[1].splitlines())


# -- in Discord --------------------------------------------------------------------------------------------------------


async def open_metrics(rig: Rig, who: LoopbackUser, where: object = None) -> SeenMessage:
    answer = await who.slash(where or who.dm_channel, "botmon metrics")
    assert answer.message.ephemeral
    return answer.message


async def test_an_owner_looks_at_all_and_at_one():
    bot = make_bot()
    async with running(bot) as rig:
        owner = rig.discord.owner
        let_everybody_in(rig)
        message = await open_metrics(rig, owner)
        assert "No metrics of your own yet" in message.embeds[0]["title"]
        assert message.components == []
        await metrics_scene.fill(cog_of(bot).system, rig.clock)
        for where in (None, rig.discord.channel):
            message = await open_metrics(rig, owner, where)
            assert "Your metrics, last 7 days" in message.embeds[0]["title"]
            assert "31 now" in said(message)
            assert all(name in said(message) for name in ("cache_size", "queue_length", "search", "songs_queued"))
            menu, *_ = [item for row in message.components for item in row["components"]]
            assert [option["label"] for option in menu["options"]][:2] == ["cache_size", "players"]
            await owner.select(message, menu["custom_id"], "songs_queued")
            assert message.embeds[0]["title"] == "songs_queued"
            assert "By source" in said(message)
            assert (labels(message), pressed_buttons(message)) == (["Week", "Month", "All metrics"], ["Week"])
            await owner.click(message, "Month")
            assert (message.embeds[0]["title"], pressed_buttons(message)) == ("songs_queued", ["Month"])
            await owner.click(message, "All metrics")
            assert "Your metrics, last 30 days" in message.embeds[0]["title"]
        assert cog_of(bot).system.failures.n == 0


def pressed_buttons(message: SeenMessage) -> list[str]:
    items = [item for row in message.components for item in row["components"] if item["type"] == 2]
    return [item["label"] for item in items if item["style"] == discord.ButtonStyle.primary.value]


async def post(where: discord.abc.Messageable) -> None:
    view = discord.ui.View(timeout=None)
    for custom_id in IDS:
        view.add_item(discord.ui.Button(label=custom_id, custom_id=custom_id))
    view.stop()
    await where.send("buttons", view=view)


@pytest.mark.parametrize("team", [False, True])
async def test_nobody_else_gets_an_answer_by_command_or_by_press(team: bool):
    async with running(make_bot(), team=team) as rig:
        cog_of(rig.bot).system.metrics.gauge("players", what="Secret").set(31)
        let_everybody_in(rig)
        await post(rig.bot.get_channel(rig.discord.channel.id))
        public = await rig.discord.channel.next_message()
        before = dict(public.body)
        for person in await strangers(rig):
            if person.name == "other_admin":
                may = discord.Permissions(view_channel=True, use_application_commands=True)
                person.set_permissions(rig.discord.guild, may)
            asked = await open_metrics(rig, person, rig.discord.channel)
            assert asked.embeds[0]["title"] == "For the bot's owners"
            assert asked.components == []
            assert "players" not in json.dumps(dict(asked.body))
            for custom_id in IDS:
                answer = await person.click(public, custom_id)
                assert answer.message.ephemeral
                assert "Only the bot's owners" in said(answer.message)
                assert "Secret" not in json.dumps(dict(answer.message.body))
        assert (await open_metrics(rig, rig.discord.admin)).embeds[0]["title"] == "For the bot's owners"
        answer = await rig.discord.owner.click(public, IDS[2])
        assert (answer.message.ephemeral, answer.message is public) == (True, False)
        assert dict(public.body) == before


async def test_a_database_that_is_away_is_a_sentence_and_the_buttons_stay(monkeypatch):
    async with running(make_bot()) as rig:
        owner, system = rig.discord.owner, cog_of(rig.bot).system
        system.metrics.gauge("players").set(31)
        message = await open_metrics(rig, owner)

        async def away() -> None:
            raise StorageError("no answer")

        monkeypatch.setattr(system.recorder, "catch_up", away)
        await owner.click(message, "Month")
        assert "The database does not answer" in message.embeds[0]["title"]
        assert labels(message) == ["Week", "Month"]


async def test_metric_counts_on_and_its_buttons_answer_after_a_reload(tmp_path):
    bot = make_bot()
    bot.botmon_config = make_config(str(tmp_path / "botmon.db"))
    async with running(bot) as rig:
        songs = cog_of(bot).system.metrics.counter("songs", what="Queued")
        songs.add(2)
        message = await open_metrics(rig, rig.discord.owner)
        await bot.reload_extension(EXTENSION)
        songs.add(3)  # by what the host has held all the time
        system = cog_of(bot).system
        assert system.metrics.counter("songs") is songs
        await rig.discord.owner.click(message, "Month")
        assert re.search(r"songs +5\n", said(message))
        assert system.metrics.collect()[0].series[0].value == 5.0
        assert system.failures.n == 0
