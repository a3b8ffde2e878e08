"""Checks of what the jobs use: buckets, keys, quotas, and Comprehend itself."""

import time

import anyio

from fleet.app.doctor.visit import Visit
from fleet.core.checkup import Finding, Outcome, kms_problem
from fleet.core.errors import FleetError, Forbidden, Lost, Throttled
from fleet.core.kinds import KINDS
from fleet.core.service_quotas import CODES, differences, least
from fleet.core.text import shown
from fleet.core.uri import split

__all__ = ["check_buckets", "check_keys", "check_lists", "check_outputs", "granted"]

_BUCKETS_MAX = 100
_AT_ONCE = 8
_LOOK = "look at credentials, endpoint, network and proxy"
_SERVED_BY = "the input and output buckets must be in the Region of the jobs"


def check_outputs(visit: Visit) -> list[Finding]:
    """Every output is an S3 URI that Comprehend can take; only what is wrong is told."""
    found = []
    for output in sorted(visit.corpus.outputs[visit.name]):
        try:
            split(output)
        except ValueError as error:
            found.append(
                visit.finding("output", Outcome.FAIL, str(error), "write s3://bucket/prefix/", configured=True)
            )
    return found


async def check_buckets(visit: Visit) -> list[Finding]:
    """Every bucket can be reached and is in the target's Region."""
    roles: dict[str, set[str]] = {}
    for output in visit.corpus.outputs[visit.name]:
        try:
            roles.setdefault(split(output)[0], set()).add("output")
        except ValueError:
            continue  # told by check_outputs
    for bucket in visit.corpus.inputs[visit.name]:
        roles.setdefault(bucket, set()).add("input")
    chosen = sorted(roles)[:_BUCKETS_MAX]
    findings: dict[str, Finding] = {}
    limiter = anyio.CapacityLimiter(_AT_ONCE)

    async def look(bucket: str) -> None:
        async with limiter:
            findings[bucket] = await _bucket(visit, bucket, " and ".join(sorted(roles[bucket])))

    async with anyio.create_task_group() as group:
        for bucket in chosen:
            group.start_soon(look, bucket)
    found = [findings[bucket] for bucket in chosen]
    if len(roles) > len(chosen):
        found.append(visit.finding("bucket", Outcome.SKIPPED, f"{len(roles) - len(chosen):,} more buckets"))
    return found


async def _bucket(visit: Visit, bucket: str, use: str) -> Finding:
    try:
        region = await visit.account.bucket_region(bucket)
    except Lost:
        return visit.finding("bucket", Outcome.FAIL, f"{bucket} ({use}) does not exist", "make it, or name another")
    except Forbidden:
        found = f"{bucket} ({use}): s3:ListBucket is denied, or the bucket is somebody else's"
        return visit.finding("bucket", Outcome.WARN, found, f"to check it, allow s3:ListBucket on {bucket}")
    except Throttled as error:
        return visit.finding("bucket", Outcome.WARN, f"{bucket} ({use}): {error}", "run it again later")
    except FleetError as error:
        return visit.finding("bucket", Outcome.FAIL, f"{bucket} ({use}): {error}", _LOOK)
    if region is None:
        return visit.finding("bucket", Outcome.WARN, f"{bucket} ({use}): S3 does not tell its Region", _SERVED_BY)
    if region != visit.region:
        found = f"{bucket} ({use}) is in {region}, the target in {visit.region}"
        return visit.finding("bucket", Outcome.FAIL, found, _SERVED_BY, configured=True)
    return visit.finding("bucket", Outcome.PASS, f"{bucket} ({use}) is in {region}")


def check_keys(visit: Visit) -> list[Finding]:
    """The form of every KMS key that a request names; nothing where none is."""
    keys = visit.corpus.keys[visit.name]
    count = sum(len(some) for some in keys.values())
    if not count:
        return []
    problem = kms_problem(keys, visit.region)
    if problem:
        return [visit.finding("encryption", Outcome.FAIL, problem, "mend the request", configured=True)]
    return [
        visit.finding("encryption", Outcome.PASS, f"{count} KMS key(s), well formed; whether they work, a job tells")
    ]


async def granted(visit: Visit) -> tuple[list[Finding], dict[str, float]]:
    """The quotas of the account beside the configured ones, and what to configure so that they agree."""
    if not visit.account.asked_for_real("service-quotas"):
        return [visit.stands_in("quotas", "Service Quotas")], {}
    values = await visit.account.quotas()
    known = {code: value for code, value in values.items() if code in CODES}
    if not known:
        found = "Service Quotas knows none of Comprehend's codes here"
        return [visit.finding("quotas", Outcome.WARN, found, "compare by hand")], {}
    different = differences(known, visit.quotas, visit.corpus.kinds)
    if not different:
        slots = least(known, visit.corpus.kinds).get("active_jobs", (0.0, ()))[0]
        return [visit.finding("quotas", Outcome.PASS, f"as configured: {slots:g} active jobs a kind")], {}
    findings = []
    for one in different:
        of_kinds = "" if len(one.kinds) == len(visit.corpus.kinds) else f", least for {', '.join(one.kinds)}"
        then = f"fleet doctor --write-quotas sets {one.name} = {one.granted:g}"
        findings.append(visit.finding("quotas", Outcome.WARN, f"{one}{of_kinds}", then))
    return findings, {one.name: one.granted for one in different}


async def check_lists(visit: Visit) -> list[Finding]:
    """One List of each kind: Comprehend is reached, we may ask, and how long it takes."""
    kinds = sorted(visit.corpus.kinds)
    findings: dict[str, Finding] = {}

    async def look(kind: str) -> None:
        findings[kind] = await _list(visit, kind)

    async with anyio.create_task_group() as group:
        for kind in kinds:
            group.start_soon(look, kind)
    return [findings[kind] for kind in kinds]


async def _list(visit: Visit, kind: str) -> Finding:
    operation, begun = KINDS[kind].list, time.monotonic()
    try:
        await visit.account.comprehend.page(kind, size=1)
    except Forbidden:
        then = f"allow comprehend:{operation}: without it a job whose Start got no answer is not found again"
        return visit.finding("list", Outcome.WARN, f"{kind}: comprehend:{operation} is denied", then)
    except Throttled as error:
        return visit.finding("list", Outcome.WARN, f"{kind}: {shown(str(error))}", "somebody else uses up the rate")
    except FleetError as error:
        return visit.finding("list", Outcome.FAIL, f"{kind}: {error}", _LOOK)
    return visit.finding("list", Outcome.PASS, f"{kind}: answered in {(time.monotonic() - begun) * 1000:.0f} ms")
