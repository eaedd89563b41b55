"""What is the owners' reaches nobody else: every reason fires in a real bot, and everybody asks and presses everything.

The lines of `botmon_cog` in the bot's log, which the owners read, hold none of it; a library's own at DEBUG do.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, get_type_hints

import discord
import pytest

from botmon_cog.config import AlertsConfig, HeartbeatConfig, HttpConfig, RuleConfig, StorageConfig
from botmon_cog.domain.models import HealthRecord
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.uptime import Run
from botmon_cog.health.words import words_of
from tests.engines import Engine
from tests.harness import Rig, cog_of, make_bot, make_config, make_health, running
from tests.health_people import People, health_of_everybody, labels, others_try_everything, owner_looks_at_everything
from tests.health_secrets import CASES, DECLARED, MARK, WELL, Case, fired, received, secret, secrets_of
from tests.outside import Outside, ask, counting
from tests.test_liveness_push import has_run

RULES = (
    RuleConfig(metric="threads", over=0, message=secret(RuleConfig, "message")),
    RuleConfig(metric="memory.percent", over=0),
)
PATHS = ("/healthz", "/readyz")
COMMAND, ERROR = f"{MARK}-play", f"{MARK}-error"
LIBRARIES = {"discord", "aiohttp", "apprise", "urllib3", "requests"}
"""What these write at DEBUG is not ours; the addresses that they ask for are in it."""

pytestmark = pytest.mark.usefixtures("certain_at_once")


def test_there_is_a_case_for_every_reason() -> None:
    assert {what for cases in CASES.values() for one in cases for what in one.whats} == DECLARED


def test_every_text_of_a_sample_is_a_secret_somewhere() -> None:
    shown = {mark for cases in CASES.values() for one in cases for mark in secrets_of(one.sample)}
    shown |= {mark for sample in WELL.values() for mark in secrets_of(sample)}
    texts = {
        secret(type(part), field)
        for cases in CASES.values()
        for one in cases
        for part in parts(one.sample)
        for field, hint in get_type_hints(type(part)).items()
        if hint in (str, str | None, tuple[str, ...])
    }
    assert len(texts) > 15
    assert {text for text in texts if not any(mark.startswith(text) for mark in shown)} == set()


def parts(sample: Any) -> Iterator[Any]:
    yield sample
    for field in get_type_hints(type(sample)):
        value = getattr(sample, field)
        for part in value if isinstance(value, tuple) and not hasattr(value, "_fields") else (value,):
            if hasattr(type(part), "__struct_fields__") or hasattr(part, "_fields"):
                yield part


@pytest.fixture
def outside() -> Iterator[Outside]:
    with counting() as outside:
        yield outside


@asynccontextmanager
async def watching(outside: Outside, *rules: RuleConfig, url: str = ":memory:", **host: Any) -> AsyncIterator[Rig]:
    """A bot that tells everything at once, by every way that there is."""
    bot = make_bot()
    for name, command in host.items():
        bot.tree.command(name=name, description="of the host")(command)
    bot.botmon_config = make_config(
        url=url,
        alerts=AlertsConfig(after_s=(0, 0), recover_after_s=0, messages_per_h=1_000, repeat_after_s=(0, 0), rule=rules),
        http=HttpConfig(listen="127.0.0.1:0"),
        heartbeat=HeartbeatConfig(url=outside.url + "?status={status}&message={message}", interval_s=60.0),
    )
    async with running(bot) as rig:
        yield rig


async def endpoints(rig: Rig) -> str:
    port = cog_of(rig.bot).http.port
    return json.dumps([await asyncio.to_thread(ask, f"http://127.0.0.1:{port}{path}") for path in PATHS])


def show(rig: Rig, monkeypatch: pytest.MonkeyPatch, name: str, one: Case) -> None:
    """Let one component see that, and all others that they are well."""
    components = cog_of(rig.bot).system.health.components
    for component, sample in (dict(WELL) | ({name: one.sample} if name in WELL else {})).items():

        async def look(sample: Any = sample) -> Any:
            return sample

        monkeypatch.setattr(components[component], "sample", look)


def words(reasons: list[Any]) -> set[str]:
    """All that can be read of them, texts and numbers."""
    found = [text for reason in reasons for text in (words_of(reason).what, words_of(reason).detail) if text]
    return {re.sub(r"\W+", " ", text).strip().lower() for text in found}


@pytest.mark.parametrize("name", CASES)
async def test_what_a_component_says_is_the_owners(
    name: str, outside: Outside, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told, reasons, open_to_all = set[str](), list[Any](), ""
    async with watching(outside, *(RULES if name == "rule" else ())) as rig:
        people = await People.of(rig)
        for one in CASES[name]:
            show(rig, monkeypatch, name, one)
            found = fired(await cog_of(rig.bot).check_health())
            assert one.whats <= {reason.what for reason in found}
            reasons += found
            told |= secrets_of([reason.values for reason in found])
            await health_of_everybody(rig, people)
            open_to_all += await endpoints(rig)
            await rig.clock.advance(60)
            await has_run(rig)
        await owner_looks_at_everything(rig)
        await others_try_everything(rig, people)
        got = {user.name: text for user, text in received(rig.discord).items()}
    owners = got.pop("owner")
    assert told | secrets_of(WELL["monitor"]) <= secrets_of(owners)
    assert {user: marks for user, text in got.items() if (marks := secrets_of(text))} == {}
    assert secrets_of(open_to_all) == set()
    read = {user: re.sub(r"\W+", " ", text.replace("\\", "")).lower() for user, text in got.items()}
    assert [(user, each) for user, text in read.items() for each in words(reasons) if each in text] == []
    assert not [path for path in outside.paths if "message=" not in path]
    assert "s3cret-uuid" not in caplog.text
    assert rig.discord.token not in caplog.text
    said = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("botmon_cog"))
    assert secrets_of(said) == set()


async def test_a_failing_command_of_one_server_is_no_business_of_another(outside: Outside, tmp_path: Path) -> None:
    url = str(tmp_path / "bot.db")

    async def s3cret_function(interaction: discord.Interaction) -> None:
        raise RuntimeError(ERROR)

    async with watching(outside, url=url, **{COMMAND: s3cret_function}) as rig:
        people = await People.of(rig)
        another = Reason.of("database.away", said=f"{MARK}-said-elsewhere")
        async with Engine.of(url).storage(f"{MARK}-instance") as storage:
            now = rig.clock.now()
            await storage.uptime.put_run(Run(started_at=now, seen_at=now))
            await storage.append([HealthRecord(occurred_at=now, status="unhealthy", reason=another)])
        for who in (people.other_admin, rig.discord.owner) * 4:
            await who.slash(people.elsewhere, COMMAND, wait=False)
        await rig.discord.settled()
        await rig.rows()
        report = await cog_of(rig.bot).check_health()
        assert {"commands.one_failing"} <= {reason.what for reason in fired(report)}
        assert "Traceback" in labels(rig.discord.owner.dms[-1])
        await health_of_everybody(rig, people)
        await owner_looks_at_everything(rig)
        await others_try_everything(rig, people)
        got = {user.name: secrets_of(answers_in(text)) for user, text in received(rig.discord).items()}
    texts = {ERROR, COMMAND, f"{MARK}-said-elsewhere", f"{MARK}-instance"}
    assert texts <= got.pop("owner")
    there = {user.name for user in people.their_guild.members}
    assert {user: marks for user, marks in got.items() if marks} == {name: {COMMAND} for name in there - {"owner"}}


def answers_in(text: str) -> str:
    """Without what Discord itself shows to everybody: the names of commands."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("["))


async def test_no_password_and_no_token_of_the_configuration_gets_anywhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bot = make_bot()
    bot.botmon_config = make_config(
        storage=StorageConfig(
            url=f"postgresql://bot:{MARK}-password@127.0.0.1:1/db",
            connect_timeout_s=0.1,
            close_timeout_s=0.1,
            spool_max_mb=0,
        ),
        health=make_health(database_timeout_s=0.1),
        alerts=AlertsConfig(
            after_s=(0, 0),
            dm=False,
            webhook=f"http://:{MARK}-hook@127.0.0.1:1/{MARK}-webhook",
            notify=(f"json://user:{MARK}-apprise@127.0.0.1:1/{MARK}-path",),
        ),
        http=HttpConfig(listen="127.0.0.1:0"),
        heartbeat=HeartbeatConfig(url=f"http://:{MARK}-heartbeat@127.0.0.1:1/{MARK}-uuid?m={{message}}"),
    )
    async with running(bot) as rig:
        people = await People.of(rig)
        await cog_of(rig.bot).check_health()
        assert (await cog_of(rig.bot).check_health()).overall_status == "unhealthy"
        open_to_all = await endpoints(rig)
        await owner_looks_at_everything(rig)
        await health_of_everybody(rig, people)
        got = {user.name: secrets_of(text) for user, text in received(rig.discord).items()}
        failures = cog_of(rig.bot).system.failures.last
    assert {user: marks for user, marks in got.items() if marks} == {}
    assert secrets_of(open_to_all) == set()
    assert secrets_of(failures) == set()
    said = [record for record in caplog.records if record.name.partition(".")[0] not in LIBRARIES]
    for way in ("the webhook was not reached", "json target 1 did not take it", "the heartbeat push is not taken"):
        assert way in caplog.text
    formatter = logging.Formatter()
    assert secrets_of([formatter.format(record) for record in said]) == set()
    assert not any(rig.discord.token in formatter.format(record) for record in caplog.records)
