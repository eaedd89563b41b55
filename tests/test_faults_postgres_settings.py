"""A PostgreSQL that does not let us in, and the ways of others to be told how to get in."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from urllib.parse import quote

import pytest

from botmon_cog.errors import StorageError
from botmon_cog.store.postgres import PostgresEngine
from tests.postgres_scripts import engine_at, put
from tests.postgres_server import USER, PostgresServer

SECRET = "hunter2@:/ %é"


@pytest.fixture(autouse=True)
def _nobodys_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(name)


def _wrong_password(url: str) -> str:
    server = url.rpartition("@")[2]
    return f"postgresql://{USER}:{quote(SECRET, safe='')}@{server}"


def _raw_password(url: str) -> str:
    server = url.rpartition("@")[2]
    return f"postgresql://{USER}:hunter2/@{server}"


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
        (_raw_password, "%2F"),
        (_unknown_database, 'database "nowhere" does not exist'),
        (_tls, "SSL"),
        (_unknown_host, "no-such-host.invalid"),
        (_nobody_listens, "127.0.0.1:1"),
        (_unknown_option, "sslmode"),
    ],
)
async def test_a_server_that_does_not_let_us_in_is_said_clearly_and_without_the_password(
    postgres_server: PostgresServer, postgres_url: str, spoil, words
):
    async with engine_at(spoil(postgres_url)) as engine:
        with pytest.raises(StorageError) as raised:
            await engine.write(put("x"))
    assert words in str(raised.value)
    said = "".join(traceback.format_exception(raised.value)) + engine.description
    for secret in (postgres_server.password, quote(postgres_server.password, safe=""), SECRET, quote(SECRET, safe="")):
        assert secret not in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("url", "description"),
    [
        ("postgresql://me:secret@db.example:5433/botmon", "PostgreSQL db.example:5433/botmon"),
        ("postgresql://me:se/c?r#e@t@db.example/botmon", "PostgreSQL server"),
        ("postgresql://me:se/c#r@et@db.example/botmon", "PostgreSQL db.example/botmon"),
        ("postgres://a:1,b:2/botmon?user=me&password=secret", "PostgreSQL a:1,b:2/botmon"),
        ("postgresql:///botmon?host=/run/postgresql&password=se@cret", "PostgreSQL server"),
        ("postgresql:///botmon?host=/run/postgresql", "PostgreSQL server/botmon"),
        ("postgresql://", "PostgreSQL server"),
    ],
)
def test_the_description_holds_no_secret(url, description):
    assert PostgresEngine(url).description == description


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
    async with engine_at(url) as engine:
        assert await engine.write(put("x")) == 1
