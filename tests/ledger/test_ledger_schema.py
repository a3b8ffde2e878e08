"""The schema, its migrations and the queries: what is written down is what the database has and does."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fleet.core.errors import Corrupt
from fleet.ledger.database import load_queries, read_sql
from fleet.ledger.sqlite.file import SQLiteFile
from fleet.ledger.sqlite.schema import APPLICATION_ID, MIGRATIONS, verify

QUERIES = load_queries(read_sql("queries.sql"))

ADD_COLUMN = "ALTER TABLE lanes ADD COLUMN note TEXT;"


def schema(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Everything that is in the database, without the comments and line breaks of its text."""
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
    return [(name, re.sub(r"\s+", " ", re.sub(r"--.*", "", sql)).replace("( ", "(")) for name, sql in rows]


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """A database in memory with the newest schema."""
    with closing(SQLiteFile(":memory:").writer()) as connection:
        yield connection


def open_with(path: Path, *migrations: str) -> sqlite3.Connection:
    """A writing connection of a fleet that knows these migrations."""
    return SQLiteFile(str(path), migrations=migrations).writer()


def test_the_schema_is_all_migrations_in_a_row(connection: sqlite3.Connection) -> None:
    """sqlite/schema.sql says what a ledger has after every migration: nobody has to add them up while reading."""
    with closing(sqlite3.connect(":memory:")) as written:
        written.executescript(read_sql("sqlite/schema.sql"))

        assert schema(connection) == schema(written)
        assert written.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)


def test_an_older_ledger_is_copied_and_then_brought_up_to_date(tmp_path: Path) -> None:
    """Rows stay; beside the ledger lies a copy for its owner alone, still with the older schema."""
    path = tmp_path / "fleet.db"
    path.touch()
    with closing(open_with(path, *MIGRATIONS)) as older:
        older.execute("INSERT INTO lanes (name) VALUES ('a/b/c')")

    with closing(open_with(path, *MIGRATIONS, ADD_COLUMN)) as newer:
        assert newer.execute("SELECT name, note FROM lanes").fetchall() == [("a/b/c", None)]
        assert newer.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)

    (copy,) = tmp_path.glob("*.schema-*")
    assert copy.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(copy)) as kept:
        assert kept.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert kept.execute("SELECT * FROM lanes").fetchone()[:2] == (1, "a/b/c")


def test_a_migration_happens_whole_or_not_at_all(tmp_path: Path) -> None:
    """One that fails half way leaves the older ledger as it was, and can be tried again."""
    path = tmp_path / "fleet.db"
    path.touch()
    open_with(path, *MIGRATIONS).close()

    with pytest.raises(sqlite3.OperationalError, match="nonsense"):
        open_with(path, *MIGRATIONS, f"{ADD_COLUMN} SELECT nonsense;")

    with closing(open_with(path, *MIGRATIONS)) as connection:
        assert "note" not in dict(schema(connection))["lanes"]
    open_with(path, *MIGRATIONS, ADD_COLUMN).close()


def scribble(connection: sqlite3.Connection, sql: str) -> None:
    """Write past every rule of the schema, as another program might."""
    for pragma, inside in (("ignore_check_constraints", "ON"), ("foreign_keys", "OFF")):
        connection.execute(f"PRAGMA {pragma} = {inside}")
    connection.execute(sql)
    for pragma, outside in (("ignore_check_constraints", "OFF"), ("foreign_keys", "ON")):
        connection.execute(f"PRAGMA {pragma} = {outside}")


def test_a_row_that_cannot_be_is_damage(connection: sqlite3.Connection) -> None:
    """A row that contradicts the schema shows that somebody else wrote the file: `Corrupt` names the table."""
    connection.execute("INSERT INTO lanes (name) VALUES ('a/b/c')")
    verify(connection, "fleet.db")

    scribble(connection, "UPDATE tallies SET jobs = -1")

    with pytest.raises(Corrupt, match=r"damaged .*tallies"):
        verify(connection, "fleet.db")


@pytest.mark.parametrize("wrong", ["jobs - 1", "jobs + 1"])
def test_a_thorough_look_counts_the_jobs(connection: sqlite3.Connection, wrong: str) -> None:
    """A tally that is not the count of its jobs is found, whether it says too few or too many."""
    connection.execute("INSERT INTO lanes (name) VALUES ('a/b/c'), ('a/b/d')")
    connection.execute("INSERT INTO requests (sha256, body) VALUES (zeroblob(32), '{}')")
    connection.execute("INSERT INTO manifests (source) VALUES ('test')")
    connection.execute(
        "INSERT INTO jobs (key, lane_id, manifest_id, target, prefix, request_id, created_at, updated_at)"
        " VALUES (zeroblob(16), 1, 1, 'main', 's3://a/b/', 1, 0, 0)"
    )
    verify(connection, "fleet.db", thorough=True)

    scribble(connection, f"UPDATE tallies SET jobs = {wrong} WHERE state = 'pending' AND lane_id = 1")  # noqa: S608

    verify(connection, "fleet.db")
    with pytest.raises(Corrupt, match="tallies are not a count"):
        verify(connection, "fleet.db", thorough=True)


def test_the_look_at_a_large_ledger_ends_in_time(connection: sqlite3.Connection) -> None:
    """What is not reached within the time is not looked at, and that is no error."""
    connection.execute("INSERT INTO manifests (source) VALUES ('test')")
    rows = [(1, line, None, "is empty") for line in range(20_000)]
    connection.executemany("INSERT INTO rejections (manifest_id, line, field, reason) VALUES (?, ?, ?, ?)", rows)
    scribble(connection, "INSERT INTO events (job_id, at, event, attempt) VALUES (1, 0, 'invented', 1)")

    verify(connection, "fleet.db", max_s=-1.0)

    with pytest.raises(Corrupt):
        verify(connection, "fleet.db")


def test_migrations_are_numbered_without_a_gap() -> None:
    """Their order is the order of their names, 0001 and on."""
    folder = Path(__file__).parents[2] / "fleet" / "ledger" / "sqlite" / "migrations"
    numbers = sorted(int(file.name[:4]) for file in folder.glob("*.sql"))

    assert numbers == list(range(1, len(MIGRATIONS) + 1))


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_fits_the_schema(connection: sqlite3.Connection, name: str) -> None:
    """SQLite can prepare it: tables, columns and parameters exist."""
    names = re.findall(r":(\w+)", QUERIES[name])

    connection.execute(f"EXPLAIN {QUERIES[name]}", dict.fromkeys(names))


def test_every_query_is_used_and_says_what_it_is_for() -> None:
    """No dead SQL; under each name stands a line of plain English."""
    package = Path(__file__).parents[2] / "fleet" / "ledger"
    code = "".join(file.read_text() for file in package.glob("*.py"))

    unused = [name for name in QUERIES if f'"{name}"' not in code]
    silent = [
        name for name in QUERIES if not re.search(rf"^-- name: {name}\n-- \w", read_sql("queries.sql"), re.MULTILINE)
    ]

    assert (unused, silent) == ([], [])


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("claimable", "jobs_pending"),
        ("any_claimable", "jobs_pending"),
        ("next_due", "jobs_pending"),
        ("live_jobs", "jobs_live"),
        ("cancelling_jobs", "jobs_cancelling"),
        ("job_by_key", "sqlite_autoindex_jobs_1"),
        ("history", "events_job"),
        ("report", "PRIMARY KEY (manifest_id=? AND (line,job_id)>(?,?))"),
    ],
)
def test_what_runs_all_the_time_reads_an_index(connection: sqlite3.Connection, name: str, index: str) -> None:
    """A million ended jobs cost these queries nothing: they never walk the table of jobs or events."""
    names = re.findall(r":(\w+)", QUERIES[name])
    rows = connection.execute(f"EXPLAIN QUERY PLAN {QUERIES[name]}", dict.fromkeys(names)).fetchall()

    plan = [row[3] for row in rows]

    assert any(index in step for step in plan), plan
    assert not any(re.fullmatch(r"SCAN (jobs|events|entries)", step) for step in plan), plan


def test_the_loader_reads_names_and_texts() -> None:
    """A block is a name, a line for people, and one query without its semicolon."""
    first = "-- about the file\n\n-- name: one\n-- What it does.\nSELECT :a\nFROM b;\n\n"

    assert load_queries(f"{first}-- name: two\n-- Else.\nSELECT 2\n") == {"one": "SELECT :a\nFROM b", "two": "SELECT 2"}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("-- name: one\n-- Only words.\n", id="no text"),
        pytest.param("-- name: One\nSELECT 1\n", id="no such name"),
        pytest.param("-- name:\nSELECT 1\n", id="no name"),
        pytest.param("-- name: a\nSELECT 1\n-- name: a\nSELECT 2\n", id="twice"),
    ],
)
def test_the_loader_refuses_what_cannot_be_meant(text: str) -> None:
    """A query without text, with a name that is none, or with another's name is a `ValueError`."""
    with pytest.raises(ValueError, match="a query needs"):
        load_queries(text)
