"""Databases that are lent to one test after the other: to make one takes a server far longer than most tests take.

There are bare ones, and those that have the store's tables and no row in them. Each is as new when it is lent: what a
test left in it is removed, and where it did more than that, the database is dropped and another one made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tests.engines import Engine
from tests.postgres_server import USER, PostgresServer

BARE, TABLES = "botmon_bare", "botmon_tables"

# A word for all that a test may have done to a database besides rows. What is of the server itself has lower oids.
_FACTS = """
SELECT md5(string_agg(fact, E'\\n' ORDER BY fact COLLATE "C")) FROM (
    SELECT format('namespace %s', n) FROM pg_namespace AS n WHERE nspname !~ '^pg_(temp|toast)'
    UNION ALL SELECT format('class %s %s %s %s %s %s %s', oid, relname, relowner, relacl, reloptions, relrowsecurity,
        relpersistence) FROM pg_class WHERE oid >= 16384 AND relnamespace <> 'pg_toast'::regnamespace
    UNION ALL SELECT format('column %s', a) FROM (
        SELECT attrelid, attnum, attname, atttypid, atttypmod, attnotnull, attisdropped, attidentity, attacl, attoptions
        FROM pg_attribute WHERE attrelid >= 16384 AND attnum > 0) AS a
    UNION ALL SELECT format('default %s', d) FROM pg_attrdef AS d
    UNION ALL SELECT format('constraint %s', c) FROM pg_constraint AS c WHERE oid >= 16384
    UNION ALL SELECT format('index %s %s %s', indexrelid, indisvalid, indisready)
        FROM pg_index WHERE indexrelid >= 16384
    UNION ALL SELECT format('trigger %s %s', oid, tgenabled) FROM pg_trigger
    UNION ALL SELECT format('rule %s %s', oid, ev_enabled) FROM pg_rewrite WHERE oid >= 16384
    UNION ALL SELECT format('function %s', oid) FROM pg_proc WHERE oid >= 16384
    UNION ALL SELECT format('type %s', oid) FROM pg_type WHERE oid >= 16384
    UNION ALL SELECT format('extension %s', oid) FROM pg_extension
    UNION ALL SELECT format('event trigger %s', oid) FROM pg_event_trigger
    UNION ALL SELECT format('policy %s', oid) FROM pg_policy
    UNION ALL SELECT format('default right %s', a) FROM pg_default_acl AS a
    UNION ALL SELECT format('large object %s', oid) FROM pg_largeobject_metadata
    UNION ALL SELECT format('database %s %s %s %s', datdba, datacl, datallowconn, datconnlimit)
        FROM pg_database WHERE datname = current_database()
    UNION ALL SELECT format('setting %s', s)
        FROM pg_db_role_setting AS s JOIN pg_database AS d ON d.oid = setdatabase WHERE datname = current_database()
) AS facts(fact)
"""
_REMOVED = {
    BARE: "DROP SCHEMA IF EXISTS botmon CASCADE",
    TABLES: """
    SELECT string_agg(CAST(CAST(oid AS regclass) AS TEXT), ', ') INTO used
    FROM pg_class WHERE oid >= 16384 AND relkind = 'r' AND pg_relation_size(oid) > 0;
    EXECUTE 'TRUNCATE ' || used;
    PERFORM setval(CAST(seqrelid AS regclass), seqstart, false)
    FROM pg_sequence WHERE pg_sequence_last_value(seqrelid) IS NOT NULL;
    INSERT INTO botmon.marks SELECT * FROM json_populate_recordset(CAST(NULL AS botmon.marks), '{marks}')""",
}
_AS_NEW = """
DO $as_new$
DECLARE
    used TEXT;
BEGIN
    PERFORM pg_terminate_backend(pid, 10000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend';
    {removed};
    IF ({facts}) <> '{expected}' THEN
        RAISE EXCEPTION 'it is not as new';
    END IF;
END $as_new$
"""


class Databases:
    """Those of one server and kind."""

    def __init__(self, server: PostgresServer, kind: str) -> None:
        self._server = server
        self._kind = kind
        self._free: list[str] = []
        self._made = 0
        marks = "[]"
        url = server.create_database(kind)
        if kind == TABLES:
            with ThreadPoolExecutor(1) as thread:  # a loop may be running here
                thread.submit(asyncio.run, _make_tables(url)).result()
            (marks,) = server.sql("SELECT json_agg(m) FROM botmon.marks AS m", kind)
            rows = "SELECT count(*) FROM pg_class WHERE oid >= 16384 AND relkind = 'r' AND pg_relation_size(oid) > 0"
            assert server.sql(rows, kind) == ["1"], "a table besides `marks` begins with rows"
        (expected,) = server.sql(_FACTS, kind)
        removed = _REMOVED[kind].replace("{marks}", marks)
        self._as_new = _AS_NEW.format(removed=removed, facts=_FACTS, expected=expected)

    @contextmanager
    def lent(self) -> Iterator[str]:
        """The URL of a database that nobody else has."""
        name = self._free.pop() if self._free else self._new()
        url = self._server.url_of(name)
        try:
            yield url
        finally:
            try:
                self._server.sql(self._as_new, name)
            except RuntimeError:  # also where it is gone
                self._server.drop_database(url)
            else:
                self._free.append(name)

    def _new(self) -> str:
        self._made += 1
        name = f"{self._kind}_{self._made}"
        self._server.sql(f"CREATE DATABASE {name} OWNER {USER} TEMPLATE {self._kind} STRATEGY file_copy")
        return name


async def _make_tables(url: str) -> None:
    async with Engine.of(url).storage() as storage:
        await storage.open()
