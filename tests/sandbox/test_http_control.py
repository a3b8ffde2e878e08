"""The sandbox's own endpoints: truth, log, faults, switches, health."""

import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

Open = Callable[..., Any]


async def test_the_truth_is_told(opened: Open, client_of: Open, request_for: Open) -> None:
    """Jobs by kind and status, duplicates, worst second and peak, as they are."""
    async with (
        opened(submitted_s=1_000.0) as sandbox,
        client_of(sandbox) as client,
        aiohttp.ClientSession(sandbox.comprehend_url) as session,
    ):
        twice = [(await client.start_entities_detection_job(**request_for()))["JobId"] for _ in range(2)]
        await client.start_sentiment_detection_job(**request_for("sentiment"))
        truth = await (await session.get("/sandbox/truth")).json()

    assert truth["jobs"] == {"entities": {"SUBMITTED": 2}, "sentiment": {"SUBMITTED": 1}}
    assert (truth["jobs_started"], truth["starts_accepted"], truth["log_complete"]) == (3, 3, True)
    assert truth["duplicates"] == [{"kind": "entities", "input": "s3://corpus-in/a/", "job_ids": sorted(twice)}]
    assert truth["peak_active"] == {"entities": 2, "sentiment": 1}
    assert truth["requests"]["StartEntitiesDetectionJob accepted"] == 2


async def test_a_sandbox_without_jobs_has_a_truth_too(opened: Open) -> None:
    """Nothing happened: empty, not broken."""
    async with opened() as sandbox:
        assert sandbox.truth()["jobs_started"] == 0


async def test_the_log_is_json_lines(opened: Open, client_of: Open, request_for: Open) -> None:
    """One line for each request, in order."""
    async with (
        opened() as sandbox,
        client_of(sandbox) as client,
        aiohttp.ClientSession(sandbox.comprehend_url) as session,
    ):
        await client.start_entities_detection_job(**request_for(JobName="n"))
        await client.list_entities_detection_jobs()
        text = await (await session.get("/sandbox/log")).text()

    first, second = (json.loads(line) for line in text.splitlines())
    assert (first["operation"], first["job_name"], first["outcome"]) == ("StartEntitiesDetectionJob", "n", "accepted")
    assert second["operation"] == "ListEntitiesDetectionJobs"


async def test_faults_are_added_seen_and_cleared(opened: Open) -> None:
    """POST adds one or many, GET shows them with their counts, DELETE ends them."""
    slow = {"what": "slow", "operation": "List*"}
    async with opened() as sandbox, aiohttp.ClientSession(sandbox.comprehend_url) as session:
        one = await session.post("/sandbox/faults", json=slow)
        many = await session.post("/sandbox/faults", json=[slow, {"what": "hang"}])
        rules = await (await session.get("/sandbox/faults")).json()
        await session.delete("/sandbox/faults")

        assert (one.status, many.status) == (201, 201)
        assert [(rule["what"], rule["seen"], rule["fired"]) for rule in rules] == [
            ("slow", 0, 0),
            ("slow", 0, 0),
            ("hang", 0, 0),
        ]
        assert not sandbox.faults


@pytest.mark.parametrize("body", ["{", "3", '{"what": "explode"}', '[{"what": "slow"}, {"operation": "x"}]'])
async def test_a_bad_fault_is_refused_whole(opened: Open, body: str) -> None:
    """400 with the reason, and no rule was added."""
    async with opened() as sandbox, aiohttp.ClientSession(sandbox.comprehend_url) as session:
        response = await session.post("/sandbox/faults", data=body)

        assert response.status == 400
        assert (await response.json())["error"]
        assert not sandbox.faults


async def test_switches_health_and_the_list_of_endpoints(opened: Open) -> None:
    """What is on, that it lives, and what else there is."""
    async with opened(time_scale=60.0) as sandbox, aiohttp.ClientSession(sandbox.comprehend_url) as session:
        switches = {row["name"]: row for row in await (await session.get("/sandbox/switches")).json()}
        health = await session.get("/sandbox/health")
        nowhere = await session.get("/sandbox/nowhere")

        assert switches["time_scale"]["value"] == "60.0"
        assert "UNKNOWN" in switches["cap"]["known"]
        assert (health.status, await health.json()) == (200, {"alive": True})
        assert nowhere.status == 404
        assert "GET /sandbox/truth" in (await nowhere.json())["endpoints"]
