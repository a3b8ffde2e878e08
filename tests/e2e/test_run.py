"""`fleet run` as a process, against `fleet sandbox` as a process: the main job, and what may come in its way."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from fleet.core.kinds import KINDS
from tests.e2e.conftest import CONFIG, Place

PREFIXES = tuple(f"2024/{number:02}/" for number in range(8))
MANIFEST = tuple({"prefix": f"s3://corpus-in/{prefix}"} for prefix in PREFIXES)


def wait_until_some_are_started(place: Place, jobs: int) -> None:
    """Return once the sandbox has accepted that many jobs."""
    deadline = time.monotonic() + 30
    while place.truth()["jobs_started"] < jobs:
        assert time.monotonic() < deadline, "no job was started"


def test_a_manifest_of_all_kinds_runs_to_the_end(place: Place) -> None:
    """JSONL: every (prefix, kind) verified, exit code 0; the same manifest again starts nothing and exits 0."""
    place.documents(*PREFIXES)
    manifest = place.write("manifest.jsonl", *MANIFEST)

    first = place.fleet("run", manifest, "--json")
    started = place.truth()["jobs_started"]
    again = place.fleet("run", manifest, "--json")

    assert first.returncode == 0, first.stderr
    summary = json.loads(first.stdout)
    assert summary["states"]["verified"] == summary["jobs"] == started == 5 * len(PREFIXES)
    assert set(summary["kinds"]) == set(KINDS)
    assert all(kind["verdicts"] == {"complete": len(PREFIXES)} for kind in summary["kinds"].values())
    assert again.returncode == 0
    assert json.loads(again.stdout)["states"]["verified"] == started
    assert place.truth()["jobs_started"] == started
    assert place.truth()["duplicates"] == []


def test_csv_and_gzip_and_standard_input_are_manifests_too(place: Place) -> None:
    """The form is told from the content: CSV with a header, gzip by its magic, `-` for standard input."""
    place.documents("a/", "b/")
    place.write("plain.csv", "prefix,kinds,input_format", "s3://corpus-in/a/,entities|sentiment,ONE_DOC_PER_FILE")
    place.write("more.csv", "prefix,kinds", "s3://corpus-in/b/,key_phrases")
    subprocess.run(["gzip", "more.csv"], cwd=place.directory, check=True)
    last = place.write("last.jsonl", {"prefix": "s3://corpus-in/b/", "kinds": ["pii_entities"]})

    files = place.fleet("run", "plain.csv", "more.csv.gz", "--json")
    with (place.directory / last).open() as stream:
        piped = place.fleet("run", "-", "--json", stdin=stream)

    assert (files.returncode, piped.returncode) == (0, 0), files.stderr + piped.stderr
    assert json.loads(files.stdout)["jobs"] == 3
    assert json.loads(piped.stdout)["jobs"] == 1


@pytest.mark.switches("time_scale=100", "submitted_s=50")
def test_a_killed_run_goes_on_without_a_loss_or_a_double(place: Place) -> None:
    """SIGKILL in the middle, three times; the same command goes on, and AWS has one job for each (prefix, kind)."""
    place.documents(*PREFIXES)
    manifest = place.write("manifest.jsonl", *MANIFEST)

    for jobs in (3, 15, 30):
        process = place.start("run", manifest)
        wait_until_some_are_started(place, jobs)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    last = place.fleet("run", manifest, "--json")

    assert last.returncode == 0, last.stderr
    assert json.loads(last.stdout)["states"]["verified"] == 5 * len(PREFIXES)
    truth = place.truth()
    assert truth["jobs_started"] == 5 * len(PREFIXES)
    assert truth["duplicates"] == []
    assert max(truth["peak_active"].values()) <= 10


@pytest.mark.switches("time_scale=100", "submitted_s=50")
def test_a_lost_ledger_is_no_reason_to_pay_twice(place: Place) -> None:
    """The ledger's files are deleted in the middle: the same command adopts what AWS already has."""
    place.documents(*PREFIXES)
    manifest = place.write("manifest.jsonl", *MANIFEST)
    process = place.start("run", manifest)
    wait_until_some_are_started(place, 12)
    process.send_signal(signal.SIGKILL)
    process.communicate()

    for file in place.directory.glob("fleet.db*"):
        file.unlink()
    last = place.fleet("run", manifest, "--json")

    assert last.returncode == 0, last.stderr
    assert place.truth()["jobs_started"] == 5 * len(PREFIXES)
    assert place.truth()["duplicates"] == []


@pytest.mark.switches("time_scale=80")
def test_sigterm_drains_and_the_next_run_goes_on(place: Place) -> None:
    """SIGTERM: no new Start, exit code 143, and the same command finishes the work."""
    place.documents(*PREFIXES[:2])
    manifest = place.write("manifest.jsonl", *MANIFEST[:2])
    process = place.start("run", manifest)
    wait_until_some_are_started(place, 3)

    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=20)
    last = place.fleet("run", manifest)

    assert process.returncode == 143
    assert "run the same command to go on" in said
    assert last.returncode == 0, last.stderr
    assert place.truth()["duplicates"] == []


@pytest.mark.switches("time_scale=20")
def test_a_second_run_on_the_same_ledger_leaves_at_once(place: Place) -> None:
    """Exit code 75, and the message names the process that holds the ledger."""
    place.documents(PREFIXES[0])
    manifest = place.write("manifest.jsonl", MANIFEST[0])
    first = place.start("run", manifest)
    wait_until_some_are_started(place, 1)

    second = place.fleet("run", manifest)
    status = place.fleet("status", "--json")
    first.send_signal(signal.SIGKILL)
    first.communicate()

    assert second.returncode == 75
    assert str(first.pid) in second.stderr
    assert "Traceback" not in second.stderr
    assert json.loads(status.stdout)["jobs"] == 5


def test_bad_lines_are_named_and_the_good_ones_done(place: Place) -> None:
    """Ten bad lines among good ones: each named with number, field and reason; the good ones verified; exit code 1."""
    place.documents("good/", "fine/")
    bad = [
        ("{not json", None),
        ('{"kinds": ["entities"]}', "prefix"),
        ({"prefix": "http://169.254.169.254/"}, "prefix"),
        ({"prefix": "s3://corpus-in/x/", "kinds": ["entites"]}, "kinds"),
        ({"prefix": "s3://corpus-in/x/", "kinds": ["targeted_sentiment"], "language": "fr"}, "language"),
        ({"prefix": "s3://corpus-in/x/", "kinds": ["entities"], "input_format": "ONE_DOC"}, "input_format"),
        ({"prefix": "s3://corpus-in/x/", "kind": ["entities"]}, "kind"),
        ({"prefix": "s3://corpus-in/x/", "kinds": ["entities"], "target": "elsewhere"}, "target"),
        ({"prefix": "s3://corpus-in/x/", "kinds": ["pii_entities"], "request": {"Mode": "ONLY_REDACTION"}}, "request"),
        ('{"prefix": "s3://corpus-in/x/", "prefix": "s3://corpus-in/y/"}', None),
    ]
    lines: list[object] = [{"prefix": "s3://corpus-in/good/", "kinds": ["entities"]}]
    lines += [line for line, _ in bad]
    lines.append({"prefix": "s3://corpus-in/fine/", "kinds": ["sentiment"]})
    manifest = place.write("manifest.jsonl", *lines)

    done = place.fleet("run", manifest, "--json")
    told = place.fleet("run", manifest)

    summary = json.loads(done.stdout)
    assert done.returncode == told.returncode == 1
    assert summary["states"]["verified"] == summary["jobs"] == 2
    rejected = {line["line"]: line for line in summary["rejected"]}
    assert sorted(rejected) == list(range(2, 12))
    for number, (_, field) in enumerate(bad, start=2):
        assert (rejected[number]["field"] or "").split(".")[0] == (field or ""), rejected[number]
        assert f"manifest.jsonl:{number}: " in told.stdout
    assert "did you mean" in rejected[5]["reason"]


def test_plan_touches_nothing(place: Place) -> None:
    """`plan` shows what a run would start and which lines are rejected; no ledger appears, AWS hears nothing."""
    manifest = place.write("manifest.jsonl", *MANIFEST, {"prefix": "nonsense"})

    planned = place.fleet("plan", manifest, "--json")
    told = place.fleet("plan", manifest)

    found = json.loads(planned.stdout)
    assert planned.returncode == told.returncode == 1
    assert (found["new"], len(found["rejected"])) == (5 * len(PREFIXES), 1)
    assert "40 jobs to start" in told.stdout
    assert not list(place.directory.glob("fleet.db*"))
    assert place.truth()["requests"] == {}


@pytest.mark.switches("unreadable=s3://corpus-in/2024/01/")
def test_status_and_report_tell_what_became_of_every_line(place: Place) -> None:
    """After a run, `status` counts and `report` names outcome, output and reason for every line and kind."""
    place.documents(*PREFIXES[:2])
    manifest = place.write("manifest.jsonl", *MANIFEST[:2])
    run = place.fleet("run", manifest)

    status = json.loads(place.fleet("status", "--json").stdout)
    report = [json.loads(line) for line in place.fleet("report", manifest, "--json").stdout.splitlines()]

    assert run.returncode == 1
    assert (status["states"]["verified"], status["states"]["discarded"]) == (5, 5)
    assert len(report) == 10
    assert all(row["output"].startswith("s3://corpus-out/results/") for row in report if row["line"] == 1)
    assert all(row["reason"].startswith("NO_READ_ACCESS_TO_INPUT") for row in report if row["line"] == 2)
    assert "NO_READ_ACCESS_TO_INPUT" in run.stdout


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("run", "nowhere.jsonl", "--config", "good.toml"), 65, "nowhere.jsonl: no such file"),
        (("run", "manifest.jsonl", "--config", "nowhere.toml"), 78, "nowhere.toml: no such file"),
        (("run", "manifest.jsonl", "--config", "bad.toml"), 78, "did you mean region?"),
        (("run", "manifest.jsonl", "--config", "empty.toml"), 78, "no target is configured"),
        (("run",), 2, "Missing argument"),
        (("run", "--no-such-option"), 2, "No such option"),
        (("status",), 65, "fleet.db"),
        (("sandbox", "--set", "activ_jobs=3"), 65, "did you mean active_jobs?"),
    ],
)
def test_mistakes_end_in_a_plain_message(tmp_path: Path, words: tuple[str, ...], code: int, says: str) -> None:
    """The documented exit code, what is wrong, and no traceback."""
    (tmp_path / "manifest.jsonl").write_text('{"prefix": "s3://corpus-in/x/"}\n')
    (tmp_path / "bad.toml").write_text('[targets.main]\nregoin = "us-east-1"\n')
    (tmp_path / "empty.toml").write_text("")
    (tmp_path / "good.toml").write_text(CONFIG)

    done = Place(tmp_path, {"PATH": ""}).fleet(*words)

    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
