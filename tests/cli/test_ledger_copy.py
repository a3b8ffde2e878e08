"""`fleet ledger copy` as a person types it: what it says, where passwords come from, and that it repeats none."""

import io
from pathlib import Path
from urllib.parse import quote

import pytest

from fleet.cli.ledger import _ProgressLine
from fleet.cli.screen import Screen
from tests.cli.conftest import CONFIG, Fleet
from tests.postgres import PostgreSQL

pytestmark = pytest.mark.usefixtures("ledger")

SAYS = "Copied 8 jobs with 22 events from {} to {}; both are the same.\n"


@pytest.fixture
def database(postgres: PostgreSQL) -> str:
    """The name of an empty database."""
    return postgres.create_database()


def test_a_copy_is_told_in_one_sentence(fleet: Fleet, postgres: PostgreSQL, database: str) -> None:
    """To a server and back: jobs and events, where from and where to, without the password of the URL."""
    url = postgres.url(database)
    shown = f"postgresql://{postgres.host}/{database}"

    there = fleet("ledger", "copy", "sqlite:///fleet.db", url)
    again = fleet("ledger", "copy", "sqlite:///fleet.db", url)
    back = fleet("ledger", "copy", url, "sqlite:///back.db", "--json")

    secret = url.split(":")[2].split("@")[0]
    assert (there.code, there.out) == (0, SAYS.format("sqlite:///fleet.db", shown))
    assert (again.code, again.out) == (65, "")
    assert "has jobs or manifests already" in again.err
    assert (back.json["from"], back.json["to"], back.json["same"]) == (shown, "sqlite:///back.db", True)
    assert {name: table["rows"] for name, table in back.json["tables"].items()}["events"] == 22
    assert secret not in "".join(said.out + said.err for said in (there, again, back))


def test_passwords_come_from_files(fleet: Fleet, postgres: PostgreSQL, database: str, tmp_path: Path) -> None:
    """An option for each side; for the configured URL, the configured file; none of them for a ledger in a file."""
    url, other = postgres.url(database, password=False), postgres.url(postgres.create_database(), password=False)
    file = str(postgres.password_file)
    configured = f'url = "{url}"\npassword_file = "{file}"'
    (tmp_path / "fleet.toml").write_text(CONFIG.replace('url = "sqlite:///fleet.db"', configured))

    none = fleet("ledger", "copy", "sqlite:///fleet.db", other)
    there = fleet("ledger", "copy", "sqlite:///fleet.db", other, "--to-password-file", file)
    on = fleet("ledger", "copy", other, url, "--from-password-file", file)
    wrong = fleet("ledger", "copy", "sqlite:///fleet.db", url, "--from-password-file", file)

    assert (none.code != 0, none.out) == (True, "")
    assert (there.code, on.code) == (0, 0), there.err + on.err
    assert wrong.code == 65
    assert "leave its password file out" in wrong.err


def test_a_secret_is_in_no_error(fleet: Fleet, postgres: PostgreSQL, database: str) -> None:
    """A URL that is wrong in any way is refused without the password that it holds."""
    secret = "hunter2-canary"
    wrong = [
        f"postgresql://fleet:{secret}@{postgres.host}:{postgres.port}/{database}",
        f"postgresql://fleet:{secret}@{postgres.host}:{postgres.port}/{database}?nonsense={quote(secret)}",
        f"postgresql+asyncpg://fleet:{secret}@db/fleet",
        f"mysql://fleet:{secret}@db/fleet",
    ]

    said = [fleet("ledger", "copy", "sqlite:///fleet.db", url) for url in wrong]
    said += [fleet("ledger", "copy", url, "sqlite:///new.db") for url in wrong]

    assert all(one.code == 78 for one in said), said
    assert secret not in "".join(one.out + one.err for one in said)


def test_progress_is_shown_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line that is drawn anew: rows copied, then rows compared; nothing where there is no terminal."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    drawn = []
    for stream in (Terminal(), io.StringIO()):
        line = _ProgressLine(Screen(stream, environment={"NO_COLOR": "1"}, columns=80))
        for done in (500, 1_500):
            monkeypatch.setattr(line, "_drawn_at", -1.0)
            line(done, 2_000)
        line.end()
        drawn.append(stream.getvalue())

    assert "500 of 1,000 rows copied" in drawn[0]
    assert drawn[0].endswith("500 of 1,000 rows compared\n")
    assert drawn[1].strip() == ""
