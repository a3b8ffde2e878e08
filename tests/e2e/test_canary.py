"""Canaries: secrets in every place where one can be, and none of them in anything that fleet writes or says."""

import json
import urllib.request
from pathlib import Path

from tests.e2e.conftest import Place
from tests.e2e.test_serve import SERVE, serving

SECRET_KEY = "wJalrXUtnFEMIcanaryK7MDENGbPxRfiCYKEY"
SESSION_TOKEN = "FwoGZXIvYXdzEcanary//////////wEaDHRva2Vu"
PASSWORD = "hunter2canaryofatrustworthydba"
DOCUMENT = "Zebulon Canary-Quillfeather"
QUOTED = "IQoJb3JpZ2luX2VjEcanaryquotedbyaws"
CANARIES = (SECRET_KEY, SESSION_TOKEN, PASSWORD, DOCUMENT, QUOTED, "canary")
PAGES = (
    *("/", "/livez", "/readyz", "/metrics", "/api/v1/status", "/api/v1/jobs", "/api/v1/openapi.json"),
    *("/api/v1/jobs?state=discarded", "/fleet.js", "/fleet.css"),
)
ENVIRONMENT = {
    "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    "AWS_SESSION_TOKEN": SESSION_TOKEN,
    "FLEET_LOG_LEVEL": "debug",
    "HTTPS_PROXY": f"http://fleet:{PASSWORD}@127.0.0.1:9",
}


def add_fault(place: Place, **rule: object) -> None:
    """From now on the sandbox does this to requests."""
    request = urllib.request.Request(  # noqa: S310 - our own sandbox
        f"{place.environment['AWS_ENDPOINT_URL_COMPREHEND']}/sandbox/faults",
        data=json.dumps(rule).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        assert answer.status < 300


def assert_clean(place: str, text: str) -> None:
    """None of the canaries is in the text."""
    for canary in CANARIES:
        assert canary.lower() not in text.lower(), f"{canary} is in {place}"


def test_no_secret_and_no_document_leaves_the_process(place: Place) -> None:
    """Keys and tokens of the environment, what AWS quotes of a request, and the documents: not in logs, pages, ledger.

    Logs at DEBUG, refused Starts, a failed job and a verified one; then every page, the ledger's files and `report`.
    """
    place.documents("fails/", "refused/", "works/", body=f"{DOCUMENT} lives in Paris.\n".encode() * 20)
    quoted = f"The canonical request was: host:x\nx-amz-security-token:{QUOTED}\nsecret {SECRET_KEY}"
    rules = {"what": "error", "operation": "Start*", "status": 400, "code": "InvalidRequestException"}
    add_fault(place, **rules, input_prefix="s3://corpus-in/refused/", message=quoted)
    add_fault(place, what="fail_job", operation="Start*", input_prefix="s3://corpus-in/fails/", message=quoted)
    manifest = place.write("manifest.jsonl", *({"prefix": f"s3://corpus-in/{name}/"} for name in ("fails", "works")))

    with serving(place, manifest, config=f"{SERVE}\n[retry]\nattempts = 1\n", **ENVIRONMENT) as served:
        served.wait(lambda: served.status()["done"] == 2, "two jobs ended")
        with (place.directory / "manifest.jsonl").open("a") as file:
            file.write(json.dumps({"prefix": "s3://corpus-in/refused/"}) + "\n")
        served.wait(lambda: "InvalidRequestException" in served.get("/api/v1/jobs")[1], "a Start was refused")
        pages = {path: served.get(path)[1] for path in PAGES}
        for job in json.loads(pages["/api/v1/jobs"])["jobs"]:
            pages[job["key"]] = served.get(f"/api/v1/jobs/{job['key']}")[1]
        _, logged = served.end()
    report = place.fleet("report", "--json")

    assert "***" in pages["/api/v1/jobs"]
    for path, body in pages.items():
        assert_clean(path, body)
    assert_clean("the log", logged)
    assert_clean("the report", report.stdout + report.stderr)
    for path in place.directory.glob("fleet.db*"):
        assert_clean(path.name, path.read_bytes().decode("latin-1"))


def test_a_password_in_a_url_is_not_told(place: Place, tmp_path: Path) -> None:
    """A ledger's URL with a password that cannot work ends in an error that does not hold it."""
    url = f"postgresql://fleet:{PASSWORD}@127.0.0.1:1/fleet"
    (tmp_path / "fleet.toml").write_text(SERVE.replace("sqlite:///fleet.db", url))

    for command in (("serve",), ("status",), ("config", "show")):
        ended = place.fleet(*command, timeout_s=40)
        assert_clean(str(command), ended.stdout + ended.stderr)
