"""Where a ledger may be, what its file must be, and what a person reads when it is not so."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fleet.core.errors import Corrupt, InvalidInput, TooNew
from fleet.ledger import Ledger
from fleet.ledger.sqlite.file import SQLiteFile, network_file_system
from tests.contract.conftest import planned

SETTINGS = {
    "journal_mode": "wal",
    "synchronous": 2,
    "foreign_keys": 1,
    "wal_autocheckpoint": 20_000,
    "cache_size": -65_536,
    "busy_timeout": 5_000,
}


def url(path: Path) -> str:
    """The URL of the ledger at this path."""
    return f"sqlite:///{path}"


def modes(directory: Path) -> dict[str, int]:
    """The files of the directory with their permissions."""
    return {file.name: file.stat().st_mode & 0o777 for file in directory.iterdir()}


async def filled(path: Path, jobs: int = 1) -> Path:
    """A closed ledger with so many pending jobs."""
    async with await Ledger.open(url(path)) as ledger:
        manifest = await ledger.begin_manifest("test", None)
        await ledger.add(manifest.id, [(number, planned(number)) for number in range(jobs)])
    return path


async def test_every_commit_is_on_the_disk(tmp_path: Path) -> None:
    """WAL with FULL, foreign keys, and the checkpoint and cache that were measured to pay."""
    file = SQLiteFile(f"{tmp_path}/fleet.db")
    file.hold()
    with closing(file.writer()) as connection:
        settings = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in SETTINGS}
    file.release()

    assert settings == SETTINGS


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
async def test_the_ledger_is_for_its_owner_alone(tmp_path: Path, umask: int) -> None:
    """The file and all that SQLite puts beside it have mode 0600, whatever the umask."""
    before = os.umask(umask)
    try:
        async with await Ledger.open(url(tmp_path / "fleet.db")) as ledger:
            await ledger.begin_manifest("test", None)
            found = modes(tmp_path)
    finally:
        os.umask(before)

    assert found == dict.fromkeys(["fleet.db", "fleet.db-wal", "fleet.db-shm", "fleet.db.lock"], 0o600)


async def test_a_clean_close_leaves_one_file_to_copy(tmp_path: Path) -> None:
    """After close everything is in the file itself: no WAL is left beside it."""
    await filled(tmp_path / "fleet.db")

    assert sorted(modes(tmp_path)) == ["fleet.db", "fleet.db.lock"]


async def test_a_relative_path_is_meant_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`sqlite:///name.db` is below the working directory, also when that changes afterwards."""
    monkeypatch.chdir(tmp_path)
    ledger = await Ledger.open("sqlite:///fleet ü.db")
    monkeypatch.chdir("/")

    await ledger.begin_manifest("test", None)
    await ledger.close()

    assert (tmp_path / "fleet ü.db").exists()
    assert Ledger.exists(url(tmp_path / "fleet ü.db"))
    assert not Ledger.exists(url(tmp_path / "other.db"))


async def test_a_ledger_in_memory_needs_no_place() -> None:
    """`:memory:` writes and reads like any other, and is gone when it is closed."""
    for _ in range(2):
        async with await Ledger.open("sqlite:///:memory:") as ledger:
            manifest = await ledger.begin_manifest("test", None)
            assert (await ledger.add(manifest.id, [(1, planned(0))])).new == 1
            assert len(await ledger.jobs()) == 1


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("postgresql://fleet:CANARY@[db/fleet", "no postgresql:// URL that libpq understands"),
        ("postgresql+psycopg://fleet:CANARY@db/fleet", "write postgresql://"),
        ("mysql://fleet:CANARY@db/fleet", "must be sqlite"),
        ("fleet.db", "must be sqlite"),
        ("sqlite://fleet.db", "must be sqlite"),
        ("sqlite:///", "must be sqlite"),
        ("sqlite:///fleet.db?mode=ro", "no options"),
        ("", "must be sqlite"),
    ],
)
async def test_an_address_that_is_none_is_explained(address: str, says: str) -> None:
    """`InvalidInput` says what an address looks like, and repeats no password."""
    with pytest.raises(InvalidInput, match=says) as caught:
        await Ledger.open(address)

    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize("read_only", [False, True])
async def test_a_missing_directory_is_explained(tmp_path: Path, read_only: bool) -> None:
    """Nothing is made above the ledger's own file."""
    with pytest.raises(InvalidInput, match="directory does not exist"):
        await Ledger.open(url(tmp_path / "missing" / "fleet.db"), read_only=read_only)


@pytest.mark.parametrize("read_only", [False, True])
async def test_a_directory_is_no_ledger(tmp_path: Path, read_only: bool) -> None:
    """A directory in the ledger's place is explained."""
    with pytest.raises(InvalidInput, match="is a directory"):
        await Ledger.open(url(tmp_path), read_only=read_only)


async def test_there_is_nothing_to_read_before_the_first_run(tmp_path: Path) -> None:
    """Reading makes no file, and says what does."""
    with pytest.raises(InvalidInput, match="no ledger yet"):
        await Ledger.open(url(tmp_path / "fleet.db"), read_only=True)
    assert modes(tmp_path) == {}
    (tmp_path / "fleet.db").touch()

    with pytest.raises(InvalidInput, match="is empty"):
        await Ledger.open(url(tmp_path / "fleet.db"), read_only=True)


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("content", [b"not a database, but long enough to be taken for one" * 100, b"x"])
async def test_what_is_no_database_is_left_alone(tmp_path: Path, content: bytes, read_only: bool) -> None:
    """`Corrupt` says what to do; not one byte is changed."""
    path = tmp_path / "fleet.db"
    path.write_bytes(content)

    with pytest.raises(Corrupt, match="Keep it"):
        await Ledger.open(url(path), read_only=read_only)

    assert path.read_bytes() == content


@pytest.mark.parametrize("read_only", [False, True])
async def test_another_programs_database_is_left_alone(tmp_path: Path, read_only: bool) -> None:
    """A SQLite file that is no ledger is neither migrated nor switched to WAL."""
    path = tmp_path / "fleet.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE precious (id INTEGER)")
    content = path.read_bytes()

    with pytest.raises(Corrupt, match="another program"):
        await Ledger.open(url(path), read_only=read_only)

    assert path.read_bytes() == content


@pytest.mark.parametrize("read_only", [False, True])
async def test_a_ledger_of_a_newer_fleet_is_left_alone(tmp_path: Path, read_only: bool) -> None:
    """A downgrade is refused, and the text says which schema needs which fleet."""
    path = await filled(tmp_path / "fleet.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")

    with pytest.raises(TooNew, match=r"newer fleet.* version 99"):
        await Ledger.open(url(path), read_only=read_only)


async def test_a_damaged_page_is_found_at_the_start(tmp_path: Path) -> None:
    """Pages of zeros in the middle of the file: `Corrupt`, before anything is started."""
    path = await filled(tmp_path / "fleet.db", jobs=500)
    with path.open("r+b") as file:
        file.seek(10 * 4096)
        file.write(bytes(20 * 4096))

    with pytest.raises(Corrupt, match="damaged"):
        await Ledger.open(url(path))


async def test_a_file_that_was_cut_off_is_found(tmp_path: Path) -> None:
    """Half a ledger is `Corrupt`."""
    path = await filled(tmp_path / "fleet.db", jobs=500)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)

    with pytest.raises(Corrupt, match="damaged"):
        await Ledger.open(url(path))


@pytest.mark.parametrize("rest", ["missing", "empty"])
async def test_a_wal_without_its_file_is_not_thrown_away(tmp_path: Path, rest: str) -> None:
    """SQLite would delete it without a word; fleet refuses, because it may hold the only copy of the last commits."""
    path = tmp_path / "fleet.db"
    if rest == "empty":
        path.touch()
    (tmp_path / "fleet.db-wal").write_bytes(b"commits")

    with pytest.raises(Corrupt, match=r"fleet\.db-wal"):
        await Ledger.open(url(path))

    assert (tmp_path / "fleet.db-wal").read_bytes() == b"commits"


async def test_a_file_that_may_not_be_written_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`InvalidInput` names the file."""
    path = await filled(tmp_path / "fleet.db")
    # root may write everything, so that permissions themselves would show nothing where tests run as root
    monkeypatch.setattr("os.access", lambda path, mode: False)

    with pytest.raises(InvalidInput, match="may not be written"):
        await Ledger.open(url(path))


async def test_a_reader_finds_the_commits_of_a_killed_writer(tmp_path: Path) -> None:
    """A WAL that nobody folded in is read, also where its -shm is gone."""
    async with await Ledger.open(url(tmp_path / "fleet.db")) as ledger:
        manifest = await ledger.begin_manifest("test", None)
        await ledger.add(manifest.id, [(1, planned(0))])
        for name in ("fleet.db", "fleet.db-wal"):
            shutil.copy(tmp_path / name, tmp_path / f"copy-{name}")
    (tmp_path / "copy-fleet.db-wal").rename(tmp_path / "copy.db-wal")
    (tmp_path / "copy-fleet.db").rename(tmp_path / "copy.db")

    async with await Ledger.open(url(tmp_path / "copy.db"), read_only=True) as reader:
        assert len(await reader.jobs()) == 1


def test_a_directory_that_cannot_be_written_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no -shm can be made and no WAL is left, the file is read as it stands."""
    path = tmp_path / "fleet.db"
    file = SQLiteFile(str(path))
    file.hold()
    file.writer().close()
    file.release()
    reader = SQLiteFile(str(path), read_only=True)
    connect = reader._connect

    def refuse(uri: str) -> sqlite3.Connection:
        if "mode=ro" in uri:
            raise sqlite3.OperationalError("unable to open database file")
        return connect(uri)

    monkeypatch.setattr(reader, "_connect", refuse)

    with closing(reader.reader()) as connection:
        assert connection.execute("SELECT COUNT(*) FROM jobs").fetchone() == (0,)
    (tmp_path / "fleet.db-wal").write_bytes(b"commits")
    with pytest.raises(sqlite3.OperationalError):
        reader.reader()


MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
40 22 0:50 / /mnt/share rw - nfs4 server:/ rw
41 40 254:1 / /mnt/share/local\\040disk rw - xfs /dev/vdb rw
42 22 0:51 / /mnt/sharedata rw - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("directory", "kind"),
    [
        ("/var/lib/fleet", None),
        ("/mnt/share/fleet", "nfs4"),
        ("/mnt/share/local disk", None),
        ("/mnt/sharedata", None),
    ],
)
def test_network_file_systems_are_recognised(tmp_path: Path, directory: str, kind: str | None) -> None:
    """The innermost mount decides; without a list of mounts nothing is known."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)

    assert network_file_system(Path(directory), mounts) == kind
    assert network_file_system(Path(directory), tmp_path / "missing") is None


async def test_a_ledger_on_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """WAL needs shared memory, which no network has: `InvalidInput` before a file is made."""
    monkeypatch.setattr("fleet.ledger.sqlite.file.network_file_system", lambda directory, mounts: "nfs4")

    with pytest.raises(InvalidInput, match="local disk"):
        await Ledger.open(url(tmp_path / "fleet.db"))

    assert modes(tmp_path) == {}
