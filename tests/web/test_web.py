"""What is served over HTTP, asked by a real client: probes, metrics, the API, and the limits around them."""

import asyncio
import json

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fleet.core.errors import Misconfigured
from fleet.telemetry import CATALOGUE
from fleet.web import Web, parse_address
from fleet.web.openapi import document
from tests.web.conftest import Served
from tests.web.described import problems_of, schema_of


async def test_a_probe_says_ok_or_what_is_wrong(served: Served) -> None:
    """Liveness asks the stages alone, readiness what the work needs; each names what is wrong."""
    assert (await served.get("/livez"))[:2] == (200, "ok\n")
    assert (await served.get("/readyz"))[:2] == (200, "ok\n")

    served.troubles = ["ledger: no room on the disk"]
    served.stalls = ["track: has been in one tick for an hour"]

    assert (await served.get("/readyz"))[:2] == (503, "ledger: no room on the disk\n")
    assert (await served.get("/livez"))[:2] == (503, "track: has been in one tick for an hour\n")


async def test_every_metric_of_the_catalogue_is_served(served: Served) -> None:
    """By its name and type, in Prometheus text, after the gauges were made true."""
    status, body, headers = await served.get("/metrics")

    families = {family.name: family.type for family in text_string_to_metric_families(body)}
    wanted = {row.name.removesuffix("_total"): row.type for row in CATALOGUE}
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert served.refreshed == 1
    assert {name: families.get(name) for name in wanted} == wanted


async def test_open_metrics_is_served_to_whoever_asks_for_it(served: Served) -> None:
    """The format is negotiated, as Prometheus does it."""
    _, body, headers = await served.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")

    assert headers["Content-Type"].startswith("application/openmetrics-text")
    assert body.endswith("# EOF\n")


async def test_jobs_come_in_pages_that_join(served: Served) -> None:
    """Following `next` shows every job once."""
    jobs = await served.plan(25)

    seen, after = [], ""
    while True:
        _, page, _ = await served.get(f"/api/v1/jobs?limit=10{after}")
        seen += [job["key"] for job in page["jobs"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"

    assert seen == [job.key for job in jobs]


async def test_jobs_can_be_chosen(served: Served) -> None:
    """By state, kind, target and the text of their reason."""
    first, *_ = await served.plan(3)
    await served.discard(first)

    async def keys(query: str) -> list[str]:
        return [job["key"] for job in (await served.get(f"/api/v1/jobs?{query}"))[1]["jobs"]]

    assert await keys("state=discarded") == [first.key]
    assert await keys("reason=INPUT") == [first.key]
    assert len(await keys("state=pending&state=discarded&kind=entities&target=main")) == 3
    assert await keys("kind=sentiment") == []


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/api/v1/jobs?state=lost", 400, "known: pending"),
        ("/api/v1/jobs?limit=0", 400, "from 1 to 500"),
        ("/api/v1/jobs?limit=%F0%9F%98%80", 400, "from 1 to 500"),
        ("/api/v1/jobs?colour=red", 400, "unknown parameter colour"),
        ("/api/v1/jobs/no-key", 400, "hex digits"),
        ("/api/v1/jobs/ffffffffffff", 404, "no job has the key"),
        ("/nothing", 404, "Not Found"),
    ],
)
async def test_a_bad_question_gets_a_sentence(served: Served, path: str, status: int, text: str) -> None:
    """An object with what is wrong, never a traceback."""
    found, body, _ = await served.get(path)

    assert found == status
    assert body["status"] == status
    assert text in body["detail"]


async def test_one_job_comes_with_its_history(served: Served) -> None:
    """By its key or the first digits of it, if they are its alone."""
    first, *_ = await served.plan(20)
    await served.discard(first)

    _, job, _ = await served.get(f"/api/v1/jobs/{first.key}")
    status, _, _ = await served.get(f"/api/v1/jobs/{first.key[:10]}")

    assert (job["state"], job["lane"]) == ("discarded", "123456789012/us-east-1/entities")
    assert [event["event"] for event in job["events"]] == ["claimed", "discarded"]
    assert "intent" not in job
    assert status == 400


async def test_moves_are_told_as_they_happen(served: Served) -> None:
    """A reader of events hears of a move with its reason, exactly once."""
    first, *_ = await served.plan(2)

    async with served.http.get(f"{served.url}/api/v1/events") as stream:
        assert await stream.content.readline() == b": connected\n"
        await served.discard(first)
        lines = [await stream.content.readline() for _ in range(3)]

    assert stream.content_type == "text/event-stream"
    assert lines[1] == b"event: move\n"
    told = json.loads(lines[2].removeprefix(b"data: "))
    assert (told["event"], told["key"], told["reason"]) == ("discarded", first.key, "no <b>input</b>")


async def test_readers_of_events_are_limited_and_forgotten(served: Served) -> None:
    """The twenty-first is turned away; once one has left, there is room again."""
    streams = [await served.http.get(f"{served.url}/api/v1/events") for _ in range(20)]

    assert (await served.get("/api/v1/events"))[0] == 503

    streams.pop().close()
    await served.plan(40)
    for job in await served.ledger.jobs():
        await served.discard(job)
        await asyncio.sleep(0)
        if len(served.telemetry.feed) < 20:
            break
    for stream in streams:
        stream.close()
    assert len(served.telemetry.feed) < 20


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "evil.example:80"])
async def test_a_name_that_is_not_ours_is_refused(served: Served, host: str) -> None:
    """A page elsewhere may point a name of its own at us; it reads nothing (DNS rebinding)."""
    status, body, _ = await served.get("/api/v1/jobs", Host=host)

    assert status == 421
    assert "host name" in body["detail"]


@pytest.mark.parametrize("host", ["localhost", "localhost:9377", "127.0.0.1", "10.2.3.4:9377", "[::1]:9377"])
async def test_localhost_and_addresses_may_ask(served: Served, host: str) -> None:
    """Probes and scrapes come by address."""
    assert (await served.get("/livez", Host=host))[0] == 200


async def test_every_answer_forbids_what_it_does_not_need(served: Served) -> None:
    """No script, frame or asset of anybody else, also on errors."""
    for path in ("/", "/fleet.js", "/api/v1/status", "/nothing"):
        _, _, headers = await served.get(path)

        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"


async def test_the_page_has_no_markup_that_its_policy_forbids(served: Served) -> None:
    """No inline script or style, no address of another host; what it asks for is there."""
    _, page, _ = await served.get("/")
    _, script, _ = await served.get("/fleet.js")

    assert "<script src=" in page
    assert "style=" not in page
    assert "http://" not in page + script
    assert "https://" not in page + script
    assert "innerHTML" not in script


async def raw(served: Served, data: bytes) -> bytes:
    """What the server sends to these bytes until it closes."""
    host, port = served.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(data)
    answer = await reader.read()
    writer.close()
    return answer


async def test_a_head_that_is_too_long_is_refused(served: Served) -> None:
    """Eight KiB of a header are the most."""
    head = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Long: " + b"x" * 9000 + b"\r\n\r\n"

    assert b"400" in (await raw(served, head)).split(b"\r\n")[0]


async def test_other_methods_change_nothing(served: Served) -> None:
    """The API only reads."""
    async with served.http.post(f"{served.url}/api/v1/jobs", data=b"{}") as answer:
        assert answer.status == 405


async def test_a_request_that_never_ends_is_cut_off(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte by byte for ever (slow loris): the connection is closed, and others are answered meanwhile."""
    monkeypatch.setattr("fleet.web.server._IDLE_S", 0.0)

    answer = await raw(served, b"GET /livez HTTP/1.1\r\nHost: local")

    assert answer == b""
    assert (await served.get("/livez"))[0] == 200


async def test_a_port_that_is_taken_is_told(served: Served) -> None:
    """The address and the reason, as a configuration error."""
    taken = served.url.removeprefix("http://")

    with pytest.raises(Misconfigured, match="another process listens there"):
        async with Web(served, taken):
            pass


@pytest.mark.parametrize("listen", ["9377", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:70000", ":80"])
def test_an_address_that_is_none_is_told(listen: str) -> None:
    """`host:port`, and nothing else."""
    with pytest.raises(Misconfigured, match=r"http\.listen"):
        parse_address(listen)


def test_an_address_may_be_of_either_family() -> None:
    """IPv6 stands in brackets."""
    assert parse_address("127.0.0.1:9377") == ("127.0.0.1", 9377)
    assert parse_address("[::1]:0") == ("::1", 0)


async def test_the_document_describes_every_route_and_every_answer(served: Served) -> None:
    """What is served and what is described are the same paths; real answers have the described shape."""
    first, *_ = await served.plan(2)
    await served.discard(first)
    paths = document()["paths"]

    _, page, _ = await served.get("/api/v1/jobs")
    _, job, _ = await served.get(f"/api/v1/jobs/{first.key}")
    _, described, _ = await served.get("/api/v1/openapi.json")

    assert described == json.loads(json.dumps(document()))
    for path in paths:
        asked = path.replace("{key}", first.key)
        if not path.endswith("/events"):
            assert (await served.get(asked))[0] == 200
    assert problems_of(page, schema_of(paths, "/api/v1/jobs")) == []
    assert problems_of(job, schema_of(paths, "/api/v1/jobs/{key}")) == []


async def test_a_request_that_is_no_http_is_no_error_of_ours(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    """A client that talks nonsense gets 400, and nobody is woken up: no record, which an alert would count."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(served.url.rpartition(":")[2]))

    writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 9000 + b"\r\n\r\n")
    answer = await reader.readline()
    writer.close()

    assert b" 400 " in answer
    assert not caplog.records


async def test_of_too_many_connections_the_oldest_quiet_ones_are_closed(served: Served) -> None:
    """Sixty that say nothing: ten are closed, and a probe is still answered."""
    port = int(served.url.rpartition(":")[2])
    quiet = [await asyncio.open_connection("127.0.0.1", port) for _ in range(60)]

    first = await asyncio.wait_for(quiet[0][0].read(), 10)

    assert first == b""
    assert (await served.get("/livez"))[0] == 200
    assert not quiet[-1][0].at_eof()
    for _, writer in quiet:
        writer.close()
