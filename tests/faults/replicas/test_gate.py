"""The gate itself, between a real client and a real PostgreSQL."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import psycopg
import pytest

from tests.faults.replicas.gate import Cut, Gate, gates
from tests.postgres import PostgreSQL

Connection = psycopg.Connection[tuple[Any, ...]]
HELD_S = 0.1


@pytest.fixture
def gate(postgres: PostgreSQL) -> Iterator[Gate]:
    """One open gate to the server."""
    with gates((postgres.host, postgres.port), 1) as (gate,):
        yield gate


@pytest.fixture
def connection(postgres: PostgreSQL, gate: Gate) -> Iterator[Connection]:
    """A connection through it, which gives up a connection that says nothing after a second."""
    name = postgres.create_database()
    with psycopg.connect(postgres.url(name, port=gate.port), autocommit=True, connect_timeout=2) as connection:
        yield connection


def test_an_open_gate_passes_everything(connection: Connection) -> None:
    """A megabyte there and back."""
    word = "x" * 1_000_000

    row = connection.execute("SELECT %s::text", (word,)).fetchone()

    assert row == (word,)


def test_a_reset_breaks_old_connections_and_new_ones(connection: Connection, gate: Gate, postgres: PostgreSQL) -> None:
    """Both are errors at once; after it is open again a new one works."""
    gate.shut(Cut.RESET)

    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(postgres.url("postgres", port=gate.port))
    gate.open()

    psycopg.connect(postgres.url("postgres", port=gate.port)).close()


@pytest.mark.parametrize("cut", [Cut.HANG, Cut.DEAF])
def test_what_was_asked_is_answered_once_the_gate_is_open(connection: Connection, gate: Gate, cut: Cut) -> None:
    """Nothing is lost, and nothing comes before."""
    gate.shut(cut)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(connection.execute, "SELECT 7")
        answered_before, _ = wait([asked], HELD_S)
        gate.open()

        assert asked.result().fetchone() == (7,)
    assert not answered_before


def test_a_deaf_replica_is_heard_by_the_database(connection: Connection, gate: Gate, postgres: PostgreSQL) -> None:
    """What it wrote is committed, although it does not learn of it."""
    connection.execute("CREATE TABLE heard (word text)")
    name = connection.info.dbname
    gate.shut(Cut.DEAF)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(connection.execute, "INSERT INTO heard VALUES ('yes')")
        while not postgres.execute("SELECT word FROM heard", database=name):
            pass
        answered_before = asked.done()
        gate.open()

        asked.result()
    assert not answered_before


def test_a_hanging_replica_is_not_heard(connection: Connection, gate: Gate, postgres: PostgreSQL) -> None:
    """A connection is accepted, but never greeted."""
    gate.shut(Cut.HANG)

    with pytest.raises(psycopg.errors.ConnectionTimeout):
        psycopg.connect(postgres.url("postgres", port=gate.port), connect_timeout=2)
    gate.open()
