"""A PostgreSQL that does not let us in, and the ways of others to be told how to get in."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.faults import Load, drained, make_system, nothing_left, stored
from tests.postgres_server import USER, PostgresServer

SECRET = "hunter2@:/ %é"


@pytest.fixture(autouse=True)
def _nobodys_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(name)


def _wrong_password(url: str) -> str:
    server = url.rpartition("@")[2]
    return f"postgresql://{USER}:{quote(SECRET, safe='')}@{server}"


def _unknown_database(url: str) -> str:
    return url.rpartition("/")[0] + "/nowhere"


def _tls(url: str) -> str:
    return url + "?sslmode=require"


def _unknown_host(url: str) -> str:
    return url.replace("127.0.0.1", "no-such-host.invalid")


def _nobody_listens(url: str) -> str:
    return url.rpartition(":")[0] + ":1/nowhere"


def _unknown_option(url: str) -> str:
    return url + "?sslmode=perhaps"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_wrong_password, "password authentication failed"),
        (_unknown_database, 'database "nowhere" does not exist'),
        (_tls, "SSL"),
        (_unknown_host, "no-such-host.invalid"),
        (_nobody_listens, "127.0.0.1:1"),
        (_unknown_option, "sslmode"),
    ],
)
async def test_a_server_that_does_not_let_us_in_is_said_clearly_and_without_the_password(
    postgres_server: PostgresServer, postgres_url: str, tmp_path, caplog, spoil, words
):
    async with nothing_left(tmp_path):
        async with make_system(spoil(postgres_url), spool_folder=str(tmp_path / "spool")) as system:
            load = Load(system)
            load.record(50)
            await system.flush()
            assert system.writer.spooled == 50
            report = await system.health.get_full_health_report()
        said = [record for record in caplog.records if record.name.startswith("botmon_cog")]
        opening = [record for record in said if record.name == "botmon_cog.runtime"]
        assert len(opening) == 1
        assert opening[0].exc_info is not None
        assert words in str(opening[0].exc_info[1])
        assert type(opening[0].exc_info[1]).__name__ == "StorageError"
        assert words in (report.database.reason or "")
        assert report.overall_status == "unhealthy"
        assert len([record for record in said if record.name == "botmon_cog.storage.queue.writer"]) <= 2
        for secret in (postgres_server.password, quote(postgres_server.password, safe=""), SECRET, quote(SECRET)):
            assert secret not in caplog.text
            assert secret not in str(report)
        async with make_system(postgres_url, spool_folder=str(tmp_path / "spool")) as system:
            await drained(system)
    assert await stored(postgres_url) == load.ids


@pytest.mark.parametrize("way", ["PGPASSWORD", "PGPASSFILE", "all of PG*"])
async def test_what_the_url_leaves_out_comes_from_the_environment(
    postgres_server: PostgresServer, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
):
    database = postgres_url.rpartition("/")[2]
    password, port = postgres_server.password, postgres_server.port
    url = f"postgresql://{USER}@127.0.0.1:{port}/{database}"
    if way == "PGPASSFILE":
        file = tmp_path / "pgpass"
        file.write_text(f"127.0.0.1:{port}:*:{USER}:{password}\n", encoding="utf-8")
        file.chmod(0o600)
        monkeypatch.setenv("PGPASSFILE", str(file))
    else:
        monkeypatch.setenv("PGPASSWORD", password)
    if way == "all of PG*":
        url = "postgresql://"
        for name, value in {"HOST": "127.0.0.1", "PORT": str(port), "USER": USER, "DATABASE": database}.items():
            monkeypatch.setenv(f"PG{name}", value)
    async with nothing_left(tmp_path), make_system(url, spool_folder=str(tmp_path / "spool")) as system:
        load = Load(system)
        load.record(50)
        await system.flush()
        assert system.writer.spooled == 0
    assert await stored(postgres_url) == load.ids
