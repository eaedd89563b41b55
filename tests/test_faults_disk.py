"""The disk is full, or may not be written to, and later is again: every row is stored."""

from __future__ import annotations

import pytest

from tests.child import Child
from tests.faults import PATIENCE_S, full, spooled
from tests.faulty_children import ROWS, alert, drain_a_full_spool, obey, report
from tests.sqlite_faults import open_folder, set_writable, write_lock

MEGABYTE = 1_000_000


def end(child: Child) -> None:
    child.ask("record")
    assert child.ask("drain", PATIENCE_S)["spooled"] == 0
    last = child.ask("close")
    assert (last["missing"], last["dropped"]) == (0, 0)
    assert last["made"] >= 2 * ROWS
    assert child.wait() == 0


@pytest.mark.parametrize("where", ["same disk", "other disk"])
def test_a_disk_that_is_full_for_a_while_loses_nothing(tmp_path, where):
    folder, other = tmp_path / "disk", tmp_path / "other"
    folder.mkdir()
    spool = (folder if where == "same disk" else other) / "spool.db"
    with Child(obey, folder / "bot.db", {"spool": str(spool)}, disk=(folder, 4 * MEGABYTE)) as child:
        child.ask("record")
        child.ask("flush")
        child.ask("fill" if child.disk == "tmpfs" else "limit")
        for n in range(1, full(20, 3)):
            child.ask("record")
            child.ask("beat")
            away = child.ask("fail", PATIENCE_S)
            assert away["queued"] + away["spooled"] == n * ROWS
            assert away["dropped"] == 0
        if where == "other disk":
            child.ask("flush")
            assert spooled(spool) == n * ROWS
        elif child.disk == "tmpfs":
            assert away["spooled"] == 0
        child.ask("make room")
        end(child)


def test_a_disk_that_our_own_rows_fill_up_loses_nothing_once_there_is_room(tmp_path):
    """It is full in the middle of whatever transaction."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with Child(obey, folder / "bot.db", {"batch_max": 37}, disk=(folder, 24 * MEGABYTE)) as child:
        child.ask("record")
        child.ask("flush")
        child.ask("fill partly" if child.disk == "tmpfs" else "limit")
        for _ in range(10):
            assert child.ask("record")["dropped"] == 0
            child.ask("beat")
        assert child.ask("fail", PATIENCE_S)["dropped"] == 0
        child.ask("make room")
        end(child)


def test_a_spool_whose_disk_is_full_is_replayed_until_there_is_room_and_doubles_nothing(tmp_path):
    """To take rows out of it needs room as well, so the next starts find them again."""
    folder, path = tmp_path / "disk", tmp_path / "bot.db"
    folder.mkdir()
    with Child(drain_a_full_spool, path, folder / "spool.db", disk=(folder, 2 * MEGABYTE)) as child:
        assert child.receive() == "made"
        with write_lock(path):
            assert child.ask(child.disk) == "spooled"
        last = child.ask("go on", PATIENCE_S)
        assert last == {"left": ROWS if child.disk == "tmpfs" else 0, "left in the end": 0, "missing": 0}
        assert child.wait() == 0


@pytest.mark.parametrize("is_new", [True, False])
def test_a_folder_that_may_not_be_written_to_at_the_start(is_new):
    with open_folder() as folder, open_folder() as other:
        if not is_new:
            with Child(obey, folder / "bot.db", {}, unprivileged=True) as child:
                child.ask("close")
        set_writable(folder, writable=False)
        with Child(obey, folder / "bot.db", {"spool": str(other / "spool.db")}, unprivileged=True) as child:
            for n in (1, 2):
                child.ask("record")
                child.ask("fail", PATIENCE_S)
                assert child.ask("flush")["spooled"] == n * ROWS
            set_writable(folder, writable=True)
            end(child)


def test_a_folder_that_may_not_be_written_to_for_a_while():
    """A connection that is open goes on writing; at the next start neither the database nor the spool can be had."""
    with open_folder() as folder:
        with Child(obey, folder / "bot.db", {}, unprivileged=True) as child:
            child.ask("record")
            set_writable(folder, writable=False)
            for _ in range(2):
                child.ask("record")
                child.ask("flush")
            set_writable(folder, writable=True)
            end(child)
        (folder / "bot.db").unlink()
        set_writable(folder, writable=False)
        with Child(obey, folder / "bot.db", {}, unprivileged=True) as child:
            child.ask("record")
            away = child.ask("fail", PATIENCE_S)
            assert (away["queued"], away["spooled"], away["dropped"]) == (ROWS, 0, 0)
            set_writable(folder, writable=True)
            end(child)


@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_the_health_report_says_what_is_wrong_with_the_disk(fault):
    with open_folder() as folder:
        if fault == "read-only":
            set_writable(folder, writable=False)
        disk = (folder, 4 * MEGABYTE) if fault == "full" else None
        with Child(report, folder / "bot.db", {}, unprivileged=fault == "read-only", disk=disk) as child:
            assert child.receive() == "ready"
            status, reason, remedy = child.ask({"tmpfs": "fill", "limit": "limit", None: "beat"}[child.disk])
            assert status == "unhealthy"
            if fault == "read-only":
                assert reason.startswith("the database does not answer (")
                assert "Let the bot's user write" in remedy
            else:  # it answers all the same
                assert reason.startswith("the database accepts no rows (")
                assert ("full" in reason and "Free some disk space" in remedy) or child.disk == "limit"


def test_the_owners_are_told_of_a_full_disk_though_nothing_can_be_written_down(tmp_path):
    """Once each: what was sent from memory is on record when there is room again."""
    with Child(alert, tmp_path / "bot.db", {}, disk=(tmp_path, 4 * MEGABYTE)) as child:
        assert child.receive() == ["ready", [], 0]
        assert child.ask("fill" if child.disk == "tmpfs" else "limit", PATIENCE_S) == ["done", ["fired database"], 0]
        last = child.ask("make room", PATIENCE_S)
        assert last == ["closed", ["fired database", "recovered database"], 0]
        assert child.wait() == 0
