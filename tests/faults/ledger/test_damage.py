"""A ledger that cannot be trusted is refused and left as it is, and what the message says to do works."""

import os
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from fleet.core.errors import Corrupt
from fleet.core.job import State
from fleet.ledger import Ledger
from tests.faults.ledger.recovery import problems
from tests.faults.ledger.writer import use

PAGE_BYTES = 4096


def url(path: Path) -> str:
    """The URL of the ledger at this path."""
    return f"sqlite:///{path}"


async def filled(path: Path, jobs: int = 60) -> list[tuple[str, str]]:
    """A closed ledger with so many verified jobs; what it acknowledged."""
    said: list[tuple[str, str]] = []
    async with await Ledger.open(url(path)) as ledger:
        await use(ledger, jobs, lambda word, key: said.append((word, key)))
    return said


def flip_a_bit(path: Path, page: int, offset: int = 1) -> None:
    """Change one bit of the file."""
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE_BYTES + offset)
        (byte,) = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte ^ 0x40]))


def root_page(path: Path, name: str) -> int:
    """The first page of a table or index."""
    with closing(sqlite3.connect(path)) as connection:
        page: int = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()[0]
    return page


def damage(path: Path) -> None:
    """One page of an index is not what it was: the rows themselves can still be read."""
    flip_a_bit(path, root_page(path, "events_job"), offset=0)


def commands(error: Corrupt, word: str) -> str:
    """The shell commands that the message gives for this way to recover."""
    text = str(error)
    after = text[text.index(f"  {word}") :].split(":", 1)[1]
    return " ".join(after.split("\n  re", 1)[0].split("\nThen", 1)[0].split())


def run(script: str) -> None:
    """Type the commands into a shell."""
    subprocess.run(["sh", "-ec", script], check=True)


async def refusal(path: Path) -> Corrupt:
    """The error with which the ledger is refused; every file is left as it was."""
    before = {file.name: file.read_bytes() for file in path.parent.iterdir() if file.suffix != ".lock"}
    with pytest.raises(Corrupt) as caught:
        await Ledger.open(url(path))
    for name, content in before.items():
        if not name.endswith("-shm"):
            assert (path.parent / name).read_bytes() == content, name
    return caught.value


async def test_a_flipped_bit_is_found_at_the_start(tmp_path: Path) -> None:
    """`Corrupt` with three ways to recover; nothing was changed."""
    path = tmp_path / "fleet.db"
    await filled(path)
    damage(path)

    told = str(await refusal(path))

    assert all(words in told for words in ("left as it is", "restore a backup:", ".recover |", "fleet ledger rebuild"))


async def test_restoring_a_backup_as_the_message_says_works(tmp_path: Path) -> None:
    """The commands, typed as they stand with the backup's name, give a sound ledger with all that the backup had."""
    path = tmp_path / "my fleet.db"
    said = await filled(path)
    async with await Ledger.open(url(path), read_only=True) as ledger:
        await ledger.back_up(str(tmp_path / "yesterday.db"))
    damage(path)

    script = commands(await refusal(path), "restore a backup").replace("BACKUP", "yesterday.db")
    run(script)

    assert await problems(path, said) == []


def why_not_recover() -> str | None:
    """Why the sqlite3 shell of this machine recovers nothing; None if it does."""
    if shutil.which("sqlite3") is None:
        return "the sqlite3 shell is not installed"
    script = "create table t (a); insert into t values (7);"
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["sqlite3", f"{directory}/t.db", script], check=True)
        tried = subprocess.run(
            ["sqlite3", f"{directory}/t.db", ".recover"], capture_output=True, text=True, check=False
        )
    return None if "7" in tried.stdout else f"this sqlite3 cannot .recover even a sound file: {tried.stderr.strip()}"


@pytest.mark.skipif(bool(why_not_recover()), reason=str(why_not_recover()))
async def test_recovering_as_the_message_says_works(tmp_path: Path) -> None:
    """The commands, typed as they stand, give a sound ledger with every job, because only an index was damaged."""
    path = tmp_path / "fleet.db"
    said = await filled(path)
    damage(path)

    script = commands(await refusal(path), "recover, where")
    run(script.removesuffix("&& fleet ledger check"))

    assert await problems(path, said) == []


async def test_a_wal_of_another_ledger_is_refused(tmp_path: Path) -> None:
    """A file put back beside the WAL of another ledger is `Corrupt`, and the WAL is not folded into it."""
    path, other = tmp_path / "fleet.db", tmp_path / "other.db"
    await filled(path)
    async with await Ledger.open(url(other)) as ledger:
        await use(ledger, 8, lambda word, key: None, first=1_000)
        shutil.copy(f"{other}-wal", f"{path}-wal")

    assert "damaged" in str(await refusal(path))


async def test_an_older_file_beside_a_newer_wal_is_refused(tmp_path: Path) -> None:
    """Yesterday's backup under today's WAL is a mixture of both: `Corrupt`, whatever pages the two have in common."""
    path, copy = tmp_path / "fleet.db", tmp_path / "copy.db"
    await filled(path, 4)
    shutil.copy(path, copy)
    await filled(path)
    async with await Ledger.open(url(path)) as ledger:
        await use(ledger, 2, lambda word, key: None, first=2_000)
        shutil.copy(f"{path}-wal", f"{copy}-wal")

    assert "damaged" in str(await refusal(copy))


async def test_a_page_that_goes_bad_later_stops_fleet(tmp_path: Path) -> None:
    """Damage under an open ledger is `Corrupt` with what to do as soon as the page is read."""
    path = tmp_path / "fleet.db"
    await filled(path)
    async with await Ledger.open(url(path)) as ledger:
        flip_a_bit(path, root_page(path, "events"), offset=0)

        with pytest.raises(Corrupt, match="fleet ledger rebuild"):
            async for _ in ledger.histories():
                pass
        assert any(
            "events" in finding or "malformed" in finding or "Tree" in finding for finding in await found(ledger)
        )


async def found(ledger: Ledger) -> list[str]:
    """What the check finds, or why it could not even look."""
    try:
        return await ledger.check()
    except Corrupt as error:
        return [str(error)]


async def test_a_ledger_that_is_moved_away_under_fleet_stops_it(tmp_path: Path) -> None:
    """What is written to a file that has no name any more would be lost: `Corrupt`, and fleet leaves."""
    path = tmp_path / "fleet.db"
    async with await Ledger.open(url(path)) as ledger:
        await ledger.begin_manifest("test", None)
        path.rename(tmp_path / "elsewhere.db")

        with pytest.raises(Corrupt, match="was moved, removed or replaced"):
            await ledger.begin_manifest("test", "digest")


async def test_moved_aside_a_ledger_makes_room(tmp_path: Path) -> None:
    """File and WAL get a name that says so and stay a pair; a new ledger can be made; without one there is nothing."""
    path = tmp_path / "fleet.db"
    said = await filled(path, 4)
    (tmp_path / "fleet.db-journal").touch()

    moved = Ledger.move_aside(url(path))

    assert moved is not None
    assert moved.startswith(f"{path}.damaged-")
    assert os.path.exists(f"{moved}-journal")  # noqa: ASYNC240
    assert not path.exists()
    assert await problems(Path(moved), said) == []
    async with await Ledger.open(url(path)) as ledger:
        assert await ledger.jobs(states=set(State)) == []
    assert Ledger.move_aside(url(tmp_path / "none.db")) is None
