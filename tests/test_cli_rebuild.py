"""`rebuild`: roll-ups computed anew beside a running bot, and gone on with after a kill."""

from __future__ import annotations

import asyncio
import time

import pytest

from botmon_cog.__main__ import main
from botmon_cog.cli import rebuild as command
from botmon_cog.storage.script import Put
from botmon_cog.storage.upkeep import rebuild_run
from tests.child import Child, Talk
from tests.storage_helpers import OLD_AUDIT_LOGS, OLD_BOT_STATS, make
from tests.test_cli_doctor import TAMPERED, bot
from tests.tool_helpers import ENGINES, execute, fetch, history, new_database, write

ROLL_UPS = {
    "command_hourly": "1, 2, 3",
    "command_seen": "1, 2",
    "active_users": "1, 2, 3",
    "latency_hourly": "1, 2, 3, 4",
    "latency_daily": "1, 2, 3, 4, 5",
    "music_hourly": "1, 2",
    "guild_names": "1",
}


@pytest.fixture(params=ENGINES)
def database(request, tmp_path) -> str:
    url = new_database(request.param, tmp_path, lambda: request.getfixturevalue("postgres_url"))
    asyncio.run(write(url, history(300)))
    return url


def rolled_up(url: str) -> dict[str, object]:
    found: dict[str, object] = {
        table: fetch(url, f"SELECT * FROM {table} ORDER BY {order}")  # noqa: S608
        for table, order in ROLL_UPS.items()
        if table != "guild_names"
    }
    stats = fetch(url, "SELECT * FROM bot_stats ORDER BY guild_id, date")
    return found | {"bot_stats": [row[1:] for row in stats if any(row[3:])]}  # a row of zeros counts nothing


def rebuild(capsys, url: str, *options: str) -> str:
    assert main(["rebuild", "--database", url, *options]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def is_sound(url: str) -> bool:
    return main(["doctor", "--database", url]) == 0


@pytest.mark.parametrize("tampered", TAMPERED)
def test_whatever_the_doctor_finds_is_mended(tampered, database, capsys):
    before = rolled_up(database)
    execute(database, TAMPERED[tampered])
    out = rebuild(capsys, database)
    assert "(2020-02-29 to" in out if tampered == "bot_stats more" else "(2026-01-05 to 2026-01-08)" in out
    assert rolled_up(database) == before
    assert is_sound(database)
    assert fetch(database, "SELECT * FROM marks") == []


def test_only_the_days_that_are_asked_for(database, capsys):
    execute(database, "UPDATE command_hourly SET n = n + 1")
    out = rebuild(capsys, database, "--from", "2026-01-06", "--to", "2026-01-07")
    assert "2 days (2026-01-06 to 2026-01-07)" in out
    total = "ok + user_error + denied + error + late + unanswered + cancelled"
    wrong = f"SELECT DISTINCT hour / 24 FROM command_hourly WHERE n <> {total}"  # noqa: S608
    assert sorted(fetch(database, wrong)) == [(20458,), (20461,)]


def test_names_are_those_of_the_last_day_whichever_is_rebuilt(database, capsys):
    execute(database, "UPDATE audit_logs SET guild_name = 'renamed' WHERE timestamp > '2026-01-08' AND guild_id = '1'")
    execute(database, "UPDATE guild_names SET name = 'renamed' WHERE guild_id = '1'")
    rebuild(capsys, database, "--from", "2026-01-05", "--to", "2026-01-05")
    assert fetch(database, "SELECT name FROM guild_names WHERE guild_id = '1'") == [("renamed",)]


def test_days_whose_raw_rows_were_removed_are_left_alone(database, capsys):
    execute(
        database,
        "DELETE FROM audit_logs WHERE timestamp < '2026-01-07 06:00:00'",
        "INSERT INTO marks (name, value) VALUES ('raw_since', '2026-01-07T06:00:00+00:00')",
    )
    before = rolled_up(database)
    assert "1 day (2026-01-08)" in rebuild(capsys, database)
    assert rolled_up(database) == before
    assert is_sound(database)


async def slow(talk: Talk, url: str, days: int, before: str) -> None:
    """Rebuilds so many days, and the next one up to a step, and stops there until it is killed."""
    real, done = rebuild_run.rebuild, 0

    def pausing(*args, **kwargs):
        nonlocal done
        script = real(*args, **kwargs)
        answer = None
        while True:
            try:
                step = script.send(answer)
            except StopIteration:
                break
            if done == days and before in (
                step.table.name if isinstance(step, Put) else getattr(step, "statement", "")
            ):
                talk.send("here")
                time.sleep(600)
            answer = yield step
        done += 1

    rebuild_run.rebuild = pausing
    await asyncio.to_thread(main, ["rebuild", "--database", url])


@pytest.mark.parametrize(
    "before", ["DELETE FROM command_hourly", "DELETE FROM latency_daily", "bot_stats", "music_hourly"]
)
@pytest.mark.parametrize("days", [0, 1, 3])
def test_killed_in_the_middle_it_goes_on_from_there(days, before, database, capsys):
    right = rolled_up(database)
    execute(database, "UPDATE command_hourly SET n = n + 1", "UPDATE active_users SET hours = 1")
    with Child(slow, database, days, before) as child:
        assert child.receive() == "here"
    if days:
        main(["doctor", "--database", database])
        assert "a rebuild was interrupted" in " ".join(capsys.readouterr().out.split())
    out = rebuild(capsys, database)
    assert (f"{days} day" in out and "done before" in out) == (days > 0)
    assert f"the roll-ups of {4 - days} day" in out
    assert rolled_up(database) == right
    assert is_sound(database)


def test_it_begins_anew_where_that_is_asked_for_or_other_days_are(database, capsys):
    with Child(slow, database, 2, "bot_stats") as child:
        assert child.receive() == "here"
    assert "2 days were done before" not in rebuild(capsys, database, "--from", "2026-01-06")
    with Child(slow, database, 2, "bot_stats") as child:
        assert child.receive() == "here"
    assert "of 4 days" in rebuild(capsys, database, "--restart")


def test_a_bot_may_be_writing_meanwhile(database, capsys):
    execute(database, "UPDATE command_hourly SET n = n + 1", "DELETE FROM active_users")
    with Child(bot, database) as child:
        assert child.receive() == "writing"
        n = fetch(database, "SELECT COUNT(*) FROM audit_logs")
        rebuild(capsys, database)
        assert is_sound(database)
        assert fetch(database, "SELECT COUNT(*) FROM audit_logs") > n


def test_an_older_schema_is_upgraded(tmp_path, capsys):
    path = make(
        tmp_path / "old.db",
        OLD_AUDIT_LOGS.format(more=""),
        OLD_BOT_STATS.format(columns="", constraints=""),
        "INSERT INTO audit_logs (guild_id, user_id, action) VALUES ('7', '8', 'play')",
        "INSERT INTO bot_stats (guild_id, date, total_songs_played) VALUES ('7', '2020-01-01', 3)",
        "INSERT INTO bot_stats (guild_id, date, total_songs_played) VALUES (NULL, '2020-01-01', 5)",
    )
    rebuild(capsys, str(path))
    assert is_sound(str(path))
    assert fetch(str(path), "SELECT guild_id, total_songs_played FROM bot_stats WHERE date = '2020-01-01'") == [
        ("7", 3),
        (None, 5),
    ]


def test_what_can_not_be_counted_gets_one_sentence_and_stays(database, capsys):
    execute(database, "UPDATE audit_logs SET outcome = 'splendid' WHERE timestamp > '2026-01-07'")
    before = rolled_up(database)
    assert main(["rebuild", "--database", database]) == 1
    captured = capsys.readouterr()
    assert "2026-01-07 can't be computed" in captured.err
    assert captured.err.count("\n") == 1
    assert rolled_up(database) == before


def test_no_file_is_made(tmp_path, capsys):
    assert main(["rebuild", "--database", str(tmp_path / "no.db")]) == 1
    assert "there is no database" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_database_is_left_where_it_is(tmp_path, capsys):
    path = tmp_path / "bot.db"
    path.write_text("no database, but long enough to look like one " * 9)
    assert main(["rebuild", "--database", str(path)]) == 1
    assert "not a database" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--from", "2026-01-02", "--to", "2026-01-01"], "--to comes before --from"),
        (["--from", "yesterday"], "'yesterday' is no date"),
    ],
)
def test_wrong_input(options, says, tmp_path, capsys):
    assert main(["rebuild", "--database", str(tmp_path / "no.db"), *options]) == 2
    assert says in capsys.readouterr().err


def test_an_interrupt_says_how_to_go_on(monkeypatch, tmp_path, capsys):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "_rebuild", interrupted)
    assert main(["rebuild", "--database", str(tmp_path / "no.db")]) == 130
    assert capsys.readouterr().err == "botmon: interrupted; the same command goes on from here\n"
