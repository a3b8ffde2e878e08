"""The table of rolling upgrades in docs/replicas.md: two releases on one PostgreSQL ledger, and one too many."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from fleet.core.errors import TooNew
from fleet.ledger.postgres.database import PostgreSQL as Database
from fleet.ledger.postgres.line import Server
from fleet.ledger.postgres.schema import POSTGRES_MIGRATIONS as NOW
from tests.postgres import PostgreSQL

KNOWN = len(NOW)
ADDS = (*NOW, f"-- min_code: {KNOWN}\nCREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT);")
RELIES = (*ADDS, f"-- min_code: {KNOWN + 1}\nALTER TABLE notes ALTER COLUMN text SET NOT NULL;")
SILENT = (*NOW, "CREATE TABLE notes (id BIGINT PRIMARY KEY);")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A database that replicas of several releases use."""

    server: PostgreSQL
    name: str

    @asynccontextmanager
    async def replica(self, migrations: Sequence[str]) -> AsyncIterator[Database]:
        """A replica of the release that brings these migrations."""
        database = await Database.open(Server(self.server.url(self.name)), migrations=migrations)
        try:
            yield database
        finally:
            await database.close()

    def schema(self) -> tuple[int, int]:
        """Its version, and how many versions a fleet must know to write to it."""
        ((version, min_code),) = self.server.execute("SELECT version, min_code FROM fleet_schema", database=self.name)
        return version, min_code


@pytest.fixture
def shared(postgres: PostgreSQL) -> Iterator[Shared]:
    """An empty one."""
    name = postgres.create_database()
    yield Shared(server=postgres, name=name)
    postgres.drop_database(name)


async def writes(replica: Database, lease: str) -> bool:
    """Whether the replica can commit something."""
    return await replica.write(lambda transaction: transaction.run("add_lease", lease=lease)) == 1


async def test_old_and_new_work_side_by_side(shared: Shared) -> None:
    """A migration that only adds: the replica that ran before it writes on, and an old one can even be started anew."""
    async with shared.replica(NOW) as old, shared.replica(ADDS) as new:
        assert await writes(old, "1")
        assert await writes(new, "2")

        async with shared.replica(NOW) as started_again:
            assert await writes(started_again, "3")

    assert shared.schema() == (KNOWN + 1, KNOWN)


async def test_the_next_release_shuts_the_oldest_out_and_says_what_to_do(shared: Shared) -> None:
    """The minimum is raised: the release before goes on, the one before that changes nothing and names its remedy."""
    async with shared.replica(ADDS), shared.replica(RELIES):
        pass

    with pytest.raises(TooNew, match=rf"knows version {KNOWN + 1}, this one knows {KNOWN}.*Install the newer fleet"):
        async with shared.replica(NOW):
            pass
    async with shared.replica(ADDS) as before:
        assert await writes(before, "1")
    assert shared.schema() == (KNOWN + 2, KNOWN + 1)


async def test_releases_may_be_skipped(shared: Shared) -> None:
    """A replica that is two releases newer makes both steps, and the old one is shut out at once."""
    async with shared.replica(NOW):
        pass

    async with shared.replica(RELIES) as new:
        assert await writes(new, "1")

    assert shared.schema() == (KNOWN + 2, KNOWN + 1)


async def test_a_migration_that_says_nothing_shuts_every_older_replica_out(shared: Shared) -> None:
    """Whoever forgets the line cannot harm a ledger: only those that know the migration may write."""
    async with shared.replica(SILENT):
        pass

    with pytest.raises(TooNew):
        async with shared.replica(NOW):
            pass
    assert shared.schema() == (KNOWN + 1, KNOWN + 1)
