"""`demo`, as a stranger runs it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
from rich.cells import cell_len

from botmon_cog.__main__ import main
from botmon_cog.cli.demo.stage import Stage
from botmon_cog.testing import LoopbackDiscord

STRICT = [sys.executable, "-X", "dev", "-W", "error", "-W", "ignore:'audioop' is deprecated:DeprecationWarning"]
CHECKED = """
import sys, threading, psutil
from botmon_cog.__main__ import main
code = main()
left = [str(thread) for thread in threading.enumerate()[1:]] + [str(p) for p in psutil.Process().children()]
sys.exit(f"left behind: {left}" if left else code)
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What it printed, and its database."""
    database = tmp_path_factory.mktemp("demo") / "demo.db"
    done = subprocess.run(
        [*STRICT, "-c", CHECKED, "demo", "--seconds", "0.5", "--width", "80", "--database", str(database)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout, database


def test_every_scene_is_shown_in_order(demo):
    out, _ = demo
    scenes = [
        "two weeks of invented history",
        "/health",
        "Healthy",
        "/stats weekly",
        "Last 7 days in The Listening Room",
        "play",
        "/perf",
        "p95",
        "/stats history",
        "listener_",
        "/stats export",
        "with the period before",
        "command,used,used in the period before",
        "play,",
        "/privacy",
        "What this bot's monitor knows about you",
        "/botmon overview",
        "All servers, last 7 days",
        "Lofi Lounge",
        "Bass Cave",
        "/stats people",
        "Most active",
        "/stats settings",
        "Mondays at 09:00",
        "The weekly post",
        "The week in The Listening Room",
        "The database is locked",
        "Unhealthy: the database does not answer",
        "What to do",
        "The database is free again",
        "Recovered: the database answers",
        "Exactly one row per command",
        "That was all real",
        "report weekly --guild",
    ]
    at = [out.index(scenes[0])]
    for scene in scenes[1:]:
        at.append(out.index(scene, at[-1]))


def test_it_reads_well_when_piped(demo):
    out, _ = demo
    assert "\x1b" not in out
    assert "**" not in out
    assert "<t:" not in out
    wide = [line for line in out.splitlines() if cell_len(line) > 80]
    assert all(line.startswith("botmon report") for line in wide)


def test_every_command_has_its_row(demo):
    out, _ = demo
    used, rows = map(int, re.findall(r"(\d+) commands used, (\d+) rows written", out)[0])
    assert used == rows > 12


def test_the_week_is_compared_with_the_one_before(demo):
    out, _ = demo
    assert "▲" in out
    assert "compared with the week before" in out
    assert "was not used for 30 days" in out


def test_what_it_says_about_its_database_is_true(demo):
    out, database = demo
    command = next(line for line in out.splitlines() if line.startswith("botmon report")).split()
    assert command[-1] == str(database)
    left = sorted(file.relative_to(database.parent).as_posix() for file in database.parent.rglob("*") if file.is_file())
    spools = [name for name in left if name.endswith(f".spool{database.suffix}")]  # of alerts, if it flaps
    assert [name for name in left if name not in spools] == [database.name]
    done = subprocess.run(
        [sys.executable, "-m", "botmon_cog", *command[1:]], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Last 7 days in The Listening Room" in done.stdout


PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
WITHOUT_EXTRAS = """
import importlib.metadata, sys, tomllib
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

with open(sys.argv[1], "rb") as file:
    texts = tomllib.load(file)["project"]["dependencies"]
needed = set()
while texts:
    requirements = [Requirement(text) for text in texts]
    wanted = {canonicalize_name(r.name) for r in requirements if not r.marker or r.marker.evaluate({"extra": ""})}
    new = wanted - needed
    needed |= wanted
    texts = [text for name in new for text in importlib.metadata.requires(name) or []]
modules = importlib.metadata.packages_distributions()
extra = {module for module, names in modules.items() if not needed & {canonicalize_name(name) for name in names}}
for module in extra - {"botmon_cog", "packaging", "pip", "setuptools"}:
    sys.modules[module] = None
from botmon_cog.__main__ import main
sys.exit(main(["demo", "--seconds", "0.5"]))
"""
"""Hides every installed package that is not needed by this one, and runs the demo."""


def test_demo_needs_no_extra_and_leaves_nothing_behind(tmp_path):
    temporary, folder = tmp_path / "tmp", tmp_path / "here"
    temporary.mkdir()
    folder.mkdir()
    env = {name: value for name, value in os.environ.items() if not name.startswith("BOTMON_")}
    done = subprocess.run(
        [sys.executable, "-B", "-c", WITHOUT_EXTRAS, str(PYPROJECT)],
        cwd=folder,
        env=env | {"TMPDIR": str(temporary), "HOME": str(folder), "DISCORD_OPENAPI": str(tmp_path / "none.json")},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    assert "Nothing of it is left on this computer." in done.stdout
    assert [*temporary.iterdir(), *folder.iterdir()] == []


def test_a_file_that_is_there_is_not_touched(tmp_path, capsys):
    file = tmp_path / "bot.db"
    file.write_text("mine")
    assert main(["demo", "--database", str(file)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert file.read_text() == "mine"


def test_what_goes_wrong_is_said(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["demo", "--database", str(tmp_path / "file" / "demo.db")]) == 1
    captured = capsys.readouterr()
    assert "a part of that path is a file" in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
@pytest.mark.parametrize("presses", [1, 2])
def test_an_interrupt_ends_it_quietly_and_leaves_nothing(presses: int, tmp_path):
    # The handler is set, for a shell has its background jobs ignore this signal.
    program = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    program += "from botmon_cog.__main__ import main; sys.exit(main(sys.argv[1:]))"
    argv = [*STRICT, "-c", program, "demo", "--seconds", "60"]
    env = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "two weeks" not in process.stdout.readline():
            assert process.poll() is None
        assert [folder.name.startswith("botmon-demo-") for folder in tmp_path.iterdir()] == [True]
        for _ in range(presses):
            process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (130, "")
    assert list(tmp_path.iterdir()) == []


async def test_metrics_of_the_demo_name_no_server_and_no_person(tmp_path: Path) -> None:
    async with LoopbackDiscord(name="Music Bot") as loopback:
        stage = Stage(loopback, tmp_path / "demo.db", metrics_port=0)
        await stage.seed()
        async with stage.bot_running():
            await stage.crowd.use_bot(0.3)
            await stage.rows()
            await stage.ask("health")
            assert stage.metrics_url is not None
            async with aiohttp.ClientSession() as session, session.get(stage.metrics_url) as response:
                body = await response.text()
            used = stage.used
        series = re.findall(r"^botmon_\w+(?:\{(.*)\})? ", body, re.MULTILINE)
        labels = {name for labels in series for name in re.findall(r'(\w+)="', labels)}
        values = {value for labels in series for value in re.findall(r'="([^"]*)"', labels)}
        guilds, people = loopback.world.guilds.values(), loopback.world.users.values()
    counted = re.findall(r"^botmon_invocations_total\{.*\} (\S+)$", body, re.MULTILINE)
    assert sum(map(float, counted)) == used > 0, "of now, and not of the history that was invented"
    assert labels <= {
        *("command", "kind", "outcome", "le", "result", "type", "shard", "level", "component"),
        *("process", "version", "discord_py", "python", "release"),
    }
    assert len(guilds) > 2
    assert len(people) > 10
    for one in (*guilds, *people):
        assert not {str(one.id), one.name} & values


def test_metrics_of_the_demo_need_the_extra(monkeypatch, capsys):
    monkeypatch.setattr("botmon_cog.cli.demo.command.find_spec", lambda _: None)
    assert main(["demo", "--metrics", "0"]) != 0
    assert "botmon-cog[prometheus]" in capsys.readouterr().err
