"""Commands over a ledger on a real PostgreSQL: what they show, how they end without it, what they never say."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from fleet.core.job import PlannedJob
from fleet.ledger import Ledger
from tests.cli.conftest import CONFIG, LANES, REQUEST, Fleet, key
from tests.postgres import PostgreSQL

CANARY = "c4n4ry-Of-The-Ledger"


@pytest.fixture
def url(postgres: PostgreSQL, fleet: Fleet, tmp_path: Path) -> Iterator[str]:
    """A database with one pending job, which the configuration names with a password file."""
    database = postgres.create_database()
    asyncio.run(_fill(postgres.url(database)))
    configured = postgres.url(database, password=False)
    password_file = f'password_file = "{postgres.password_file}"'
    (tmp_path / "fleet.toml").write_text(CONFIG.replace('"sqlite:///fleet.db"', f'"{configured}"\n{password_file}'))
    yield configured
    postgres.drop_database(database)


async def _fill(url: str) -> None:
    async with await Ledger.open(url) as ledger:
        manifest = await ledger.begin_manifest("corpus.jsonl", "digest")
        job = PlannedJob(key=key(1), lane=LANES[0], target="main", prefix="s3://corpus-in/1/", request=REQUEST)
        await ledger.add(manifest.id, [(1, job)])


def test_status_works_while_nobody_runs(fleet: Fleet, url: str) -> None:
    """All jobs are shown; that no replica runs is said, and to a program an empty list."""
    said, machine = fleet("status"), fleet("status", "--json")

    assert (said.code, machine.code) == (0, 0), said.err + machine.err
    assert "Nothing is running. 0 of 1 jobs done" in said.out
    assert (machine.json["replicas"], machine.json["running"]) == ([], None)
    assert [lane["holder"] for lane in machine.json["lanes"]] == [None]


def test_where_the_password_is_may_be_shown(fleet: Fleet, url: str, postgres: PostgreSQL) -> None:
    """`password_file` is a path, which is no secret."""
    found = fleet("config", "show", "--json").json["settings"]

    assert found["ledger.password_file"]["value"] == str(postgres.password_file)


def test_a_ledger_of_a_newer_fleet_ends_as_documented(fleet: Fleet, url: str, postgres: PostgreSQL) -> None:
    """78, and which version it needs."""
    postgres.execute("UPDATE fleet_schema SET version = 99, min_code = 98", database=url.rpartition("/")[2])

    said = fleet("retry", "--state", "discarded", "--yes")

    assert said.code == 78
    assert "needs a fleet that knows version 98" in said.err


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("postgresql://fleet:{secret}@127.0.0.1:1/fleet", 74),
        ("postgresql://fleet@127.0.0.1:1/fleet?password={secret}", 74),
        ("postgresql://fleet:{secret}@no-such-host.invalid/fleet", 74),
        ("postgresql://fleet:{secret}@127.0.0.1:{port}/postgres", 78),
        ("postgresql://nobody:{secret}@127.0.0.1:{port}/postgres", 78),
        ("{good}-no-such-database", 78),
        ("postgresql://fleet:a/{secret}@127.0.0.1/fleet", 78),
        ("postgresql://fleet:1/{secret}@127.0.0.1/fleet", 78),
        ("postgresql://fleet:a@{secret}@127.0.0.1/fleet", 78),
        ("postgresql://fleet:%zz{secret}@127.0.0.1/fleet", 78),
        ("postgresql://fleet:{secret}@127.0.0.1/fleet?unknown=1", 78),
        ("postgresql+asyncpg://fleet:{secret}@127.0.0.1/fleet", 78),
        ("postgresql:fleet:{secret}@127.0.0.1/fleet", 78),
        ("mysql://fleet:{secret}@127.0.0.1/fleet", 78),
        ("fleet:{secret}@127.0.0.1", 78),
    ],
)
@pytest.mark.parametrize("words", [("status",), ("status", "--json"), ("ledger", "check")])
def test_no_error_ever_holds_the_password(
    fleet: Fleet, postgres: PostgreSQL, tmp_path: Path, what: str, code: int, words: tuple[str, ...]
) -> None:
    """However wrong the URL is; the exit code tells what waiting mends from what an edit does."""
    url = what.format(secret=CANARY, port=postgres.port, good=postgres.url("fleet"))
    (tmp_path / "fleet.toml").write_text(CONFIG.replace("sqlite:///fleet.db", url))

    said = fleet(*words)

    assert said.code == code, said.err
    assert "ledger" in said.err
    assert CANARY not in said.out + said.err
    assert postgres.password_file.read_text() not in said.err
    if code == 74:
        assert "fleet doctor" in said.err


@pytest.mark.parametrize(
    "password", [CANARY, f"a@{CANARY}", f"a/{CANARY}", quote(f"a@/:{CANARY}", safe=""), f"{CANARY}@b@c"]
)
def test_no_setting_shows_the_password(fleet: Fleet, monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    """Neither before the host nor among the parameters, quoted or not."""
    monkeypatch.setenv(
        "FLEET_LEDGER__URL", f"postgresql://fleet:{password}@db/fleet?sslpassword={CANARY}&password={CANARY}"
    )

    text, machine = fleet("config", "show").out, fleet("config", "show", "--json").out

    assert CANARY not in text + machine
    assert "postgresql://fleet:********@" in machine
