"""docs/replicas.md: its statements give fleet what it needs and nobody else anything, on a real PostgreSQL."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from fleet.core.errors import Misconfigured
from fleet.ledger import Ledger
from fleet.telemetry import CATALOGUE
from tests.deploy.tools import ROOT
from tests.grafana.rooms import alerts
from tests.postgres import PostgreSQL

PAGE = ROOT / "docs" / "replicas.md"
TEXT = PAGE.read_text()
OURS = ("leases_held", "lease_transitions", "fenced_writes", "lanes_without_holder", "replicas")


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language, in the page's order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def statements(block: str) -> list[str]:
    """Its statements, each without its comment."""
    bare = re.sub(r"--[^\n]*", "", block)
    return [" ".join(words.split()) for words in bare.split(";") if words.strip()]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    """A server after all that the page tells its administrator to do; every role has the password of the tests."""
    making, inside, reading, *_ = blocks("sql")
    with PostgreSQL() as server:
        server.execute("DROP ROLE fleet")
        for statement in statements(making):
            server.execute(statement)
        for statement in statements(inside) + statements(reading):
            server.execute(statement, database="fleet")
        server.execute("CREATE ROLE stranger LOGIN")
        password = server.password_file.read_text()
        for role in ("fleet", "fleet_reader", "stranger"):
            server.execute(f"ALTER ROLE {role} PASSWORD '{password}'")
        yield server


def url(server: PostgreSQL, role: str) -> str:
    """The database's for this role, without the password."""
    return server.url("fleet", password=False).replace("//fleet@", f"//{role}@")


def asked(server: PostgreSQL, role: str, statement: str) -> list[tuple[object, ...]]:
    """The rows that the role gets."""
    password = server.password_file.read_text()
    with psycopg.connect(url(server, role), password=password) as connection:
        return connection.execute(statement.encode()).fetchall()


async def test_the_role_can_do_what_fleet_does(server: PostgreSQL) -> None:
    """fleet makes its schema with the rights that the page gives it, and comes in again; its commits are durable."""
    for _ in range(2):
        async with await Ledger.open(url(server, "fleet"), password_file=server.password_file) as ledger:
            assert await ledger.counts() == {}

    (made,) = asked(server, "fleet", "SELECT version >= min_code FROM fleet_schema")
    (durable,) = asked(server, "fleet", "SHOW synchronous_commit")
    assert (made, durable) == ((True,), ("on",))


async def test_the_role_is_no_more_than_it_must_be(server: PostgreSQL) -> None:
    """No superuser, no roles, no databases, no replication, and no member of anything."""
    (granted,) = server.execute(
        "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles"
        " WHERE rolname = 'fleet'"
    )
    memberships = server.execute("SELECT 1 FROM pg_auth_members WHERE member = 'fleet'::regrole")

    assert not any(granted)
    assert not memberships


async def test_the_reader_reads_and_cannot_write(server: PostgreSQL) -> None:
    """Also the tables that fleet makes later; each write is refused."""
    async with await Ledger.open(url(server, "fleet"), password_file=server.password_file):
        pass

    async with await Ledger.open(
        url(server, "fleet_reader"), read_only=True, password_file=server.password_file
    ) as ledger:
        assert await ledger.counts() == {}
    for refused in ("INSERT INTO lanes (name) VALUES ('x') RETURNING id", "DELETE FROM jobs RETURNING id"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            asked(server, "fleet_reader", refused)


def test_nobody_else_comes_in(server: PostgreSQL) -> None:
    """A role of the same server that was given nothing cannot even connect."""
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        asked(server, "stranger", "SELECT 1")


async def test_a_role_without_the_rights_is_sent_to_this_page(server: PostgreSQL) -> None:
    """Where the schema may not be made, the error says where the statements are."""
    server.execute("CREATE DATABASE bare TEMPLATE template0")
    server.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC", database="bare")

    with pytest.raises(Misconfigured, match=r"docs/replicas\.md"):
        await Ledger.open(server.url("bare", password=False), password_file=server.password_file)


def test_its_urls_are_ones_that_libpq_reads() -> None:
    """Each names a role without a password, and asks for the strictest TLS."""
    urls = re.findall(r"postgresql://\S+?(?=[\"'\s])", TEXT)

    assert len(urls) == 3
    for one in urls:
        given = conninfo_to_dict(one)
        assert (given["user"], given["sslmode"], given.get("password")) == ("fleet", "verify-full", None)
        assert str(given["sslrootcert"]).startswith("/")
        assert urlsplit(one).path == "/fleet"


def test_its_links_lead_somewhere() -> None:
    """Every file that the page links to exists."""
    targets = re.findall(r"\]\(([^)#]+)\)", TEXT)

    assert targets
    assert all((PAGE.parent / target).exists() for target in targets)


def test_it_tells_of_every_metric_and_alert_of_replicas() -> None:
    """The page's table holds what the catalogue has of replicas; the alerts that it names exist."""
    of_replicas = {metric.name for metric in CATALOGUE if metric.attribute in OURS}

    told = set(re.findall(r"^\| `(fleet_\w+)", TEXT, re.MULTILINE))
    named = set(re.findall(r"\bFleet[A-Z]\w+", TEXT))

    assert told == of_replicas
    assert {"FleetLaneWithoutHolder", "FleetFencedWrites"} <= named <= set(alerts())


def test_its_configuration_is_the_overlay_s() -> None:
    """Page and overlay say the same of [ledger], but for the server's name."""
    (page,) = blocks("toml")
    overlay = (ROOT / "deploy" / "kubernetes" / "overlays" / "postgres" / "fleet.toml").read_text()

    def said(text: str) -> list[str]:
        lines = [line.split("  #")[0].split("   ")[0] for line in text.splitlines()]
        return [
            re.sub(r"@[\w.-]+:", "@host:", line) for line in lines if re.match(r"(url|password_file|lease_s) =", line)
        ]

    assert said(page) == said(overlay)
    assert len(said(page)) == 3
