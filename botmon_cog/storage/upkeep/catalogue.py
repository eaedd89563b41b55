"""What an engine tells about a database beside our rows: its tables, how large they are, and how it is set up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from botmon_cog.storage import tables

_OURS = frozenset({table.name for table in tables.ALL_TABLES} | {"schema_migrations"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Queries, each of one engine.

    Attributes:
        columns: (table, column) of all tables.
        needed: (table, column) of those that take no NULL.
        others: (kind, name, table) of whatever else is in there: views, triggers.
        sizes: (table, bytes), indexes included; it may read the whole file.
        settings: (name, value) of what is worth knowing.
        undated: how many rows of `audit_logs` have a timestamp that is no date.
        older: how many rows of `audit_logs` an older bot wrote.
    """

    columns: str
    needed: str
    others: str
    sizes: str
    settings: str
    undated: str
    older: str = "SELECT COUNT(*) FROM audit_logs WHERE event_id IS NULL"


CATALOGUES: Mapping[str, Catalogue] = {
    "sqlite": Catalogue(
        columns="""
SELECT found.name, columns.name FROM sqlite_master AS found, pragma_table_info(found.name) AS columns
WHERE found.type = 'table' AND found.name NOT LIKE 'sqlite|_%' ESCAPE '|' ORDER BY 1, columns.cid
""",
        needed="""
SELECT found.name, columns.name FROM sqlite_master AS found, pragma_table_info(found.name) AS columns
WHERE found.type = 'table' AND columns."notnull"
""",
        others="SELECT type, name, tbl_name FROM sqlite_master WHERE type IN ('view', 'trigger') ORDER BY 1, 2",
        sizes="""
SELECT found.tbl_name, SUM(pages.pgsize) FROM dbstat AS pages JOIN sqlite_master AS found USING (name) GROUP BY 1
""",
        settings="""
SELECT 'journal mode', journal_mode FROM pragma_journal_mode
UNION ALL SELECT 'auto vacuum', CASE auto_vacuum WHEN 0 THEN 'none' WHEN 1 THEN 'full' ELSE 'incremental' END
FROM pragma_auto_vacuum
UNION ALL SELECT 'free pages', freelist_count || ' of ' || page_count FROM pragma_freelist_count, pragma_page_count
UNION ALL SELECT 'page size', page_size || ' bytes' FROM pragma_page_size
UNION ALL SELECT 'SQLite', sqlite_version()
""",
        undated="SELECT COUNT(*) FROM audit_logs WHERE strftime('%s', timestamp) IS NULL",
    ),
    "postgres": Catalogue(
        columns="""
SELECT c.table_name, c.column_name FROM information_schema.columns AS c
JOIN information_schema.tables AS t USING (table_schema, table_name)
WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' ORDER BY 1, c.ordinal_position
""",
        needed="""
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = current_schema() AND is_nullable = 'NO'
""",
        others="""
SELECT 'view', table_name, table_name FROM information_schema.views WHERE table_schema = current_schema()
UNION SELECT 'trigger', trigger_name, event_object_table FROM information_schema.triggers
WHERE trigger_schema = current_schema() ORDER BY 1, 2
""",
        sizes="""
SELECT c.relname, pg_total_relation_size(c.oid) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')
""",
        settings="""
SELECT CASE name WHEN 'server_version' THEN 'PostgreSQL' ELSE replace(name, '_', ' ') END, setting FROM pg_settings
WHERE name IN ('server_version', 'autovacuum', 'fsync', 'synchronous_commit', 'full_page_writes', 'server_encoding')
UNION ALL SELECT 'schema', current_schema() ORDER BY 1
""",
        undated="SELECT COUNT(*) FROM audit_logs WHERE timestamp IS NULL",
    ),
}


def is_ours(table: str) -> bool:
    return table in _OURS
