"""Every choice that the sandbox leaves to its user, with its default, what AWS documents of it and what nobody knows.

Promises: a `Switches` value is valid; an unknown name or a bad value is refused with the nearest name or the choices.
Sources stand in each row as sections of the facts sheet. UNKNOWN means: looked for, and found in no source.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal, NamedTuple

from msgspec import Meta

from fleet.sandbox.faults import Fault

__all__ = ["UNKNOWN", "About", "Switches"]

UNKNOWN: Final = "UNKNOWN"

_OWN: Final = "the sandbox's own"

_Rate = Annotated[float, Meta(gt=0, le=1e6)]
_Seconds = Annotated[float, Meta(ge=0)]
_Count = Annotated[int, Meta(ge=1)]
_Account = Annotated[str, Meta(pattern=r"^[0-9]{12}$")]
_Region = Annotated[str, Meta(pattern=r"^[a-z0-9-]+$")]
_Prefixes = tuple[str, ...]
_ThrottleCode = Literal["TooManyRequestsException", "ThrottlingException"]


class About(NamedTuple):
    """What a switch is for, and what is known of AWS's own behaviour."""

    text: str
    known: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """How the sandbox behaves; the defaults are AWS's default quotas and the most likely reading of what is unknown."""

    # Who is asking
    account: Annotated[_Account, About("the caller's account if its access key says none", _OWN)] = "123456789012"
    region: Annotated[_Region, About("the Region of a request without a signature", _OWN)] = "us-east-1"
    accounts: Annotated[
        Mapping[str, _Account], About("access key -> account; a key of 12 digits is its own account", _OWN)
    ] = field(default_factory=dict)
    unsigned: Annotated[
        Literal["reject", "accept"],
        About("a request without Authorization (no signature is ever verified)", "CommonErrors: rejected with 403"),
    ] = "reject"

    # Quotas, per account, Region and operation
    start_per_s: Annotated[_Rate, About("Start requests per second", "1 (1.1)")] = 1.0
    describe_per_s: Annotated[_Rate, About("Describe requests per second", "10 (1.1)")] = 10.0
    list_per_s: Annotated[_Rate, About("List requests per second", "10 (1.1)")] = 10.0
    stop_per_s: Annotated[_Rate, About("Stop requests per second", "1 (1.1)")] = 1.0
    burst_s: Annotated[_Rate, About("how many seconds' worth of requests may come at once", f"{UNKNOWN} (1.1)")] = 1.0
    active_jobs: Annotated[_Count, About("active jobs per kind", "10 (1.2)")] = 10
    cap: Annotated[
        Literal["reject", "queue"],
        About("what the job after the last slot gets: an error, or a wait in SUBMITTED", f"{UNKNOWN} (1.2)"),
    ] = "reject"
    cap_code: Annotated[_ThrottleCode, About("the error if `cap` is reject", f"{UNKNOWN} (1.2)")] = (
        "TooManyRequestsException"
    )
    throttle_code: Annotated[
        _ThrottleCode,
        About(
            "the error above a rate; Stop does not declare it and always gets ThrottlingException",
            f"both codes are documented, which one is raised is {UNKNOWN} (1.5)",
        ),
    ] = "TooManyRequestsException"

    # Requests
    constraint_code: Annotated[
        Literal["ValidationException", "InvalidRequestException"],
        About("the error if a member breaks its shape", "either was seen (1.6)"),
    ] = "ValidationException"
    unknown_members: Annotated[Literal["reject", "ignore"], About("members that the model does not have", UNKNOWN)] = (
        "reject"
    )
    replay: Annotated[
        Literal["same_job", "new_job"], About("a Start with a ClientRequestToken that was used", f"{UNKNOWN} (2)")
    ] = "same_job"
    mismatch: Annotated[
        Literal["reject", "same_job", "new_job"], About("a used token with other parameters", f"{UNKNOWN} (2)")
    ] = "reject"
    token_window_s: Annotated[_Seconds, About("how long a token is remembered after its Start", f"{UNKNOWN} (2)")] = (
        86_400.0
    )
    job_name_unique: Annotated[
        bool, About("a JobName in use gets ResourceInUseException", f"when it is raised is {UNKNOWN} (1.6)")
    ] = False
    unassumable_roles: Annotated[_Prefixes, About("role ARNs that Start refuses", "InvalidRequestException (1.6)")] = ()
    unusable_kms_keys: Annotated[
        _Prefixes, About("KMS keys that Start refuses", "KmsKeyValidationException (1.6)")
    ] = ()
    missing_recognizers: Annotated[
        _Prefixes, About("recognizer ARNs that do not exist", "ResourceNotFoundException (1.6)")
    ] = ()
    untrained_recognizers: Annotated[
        _Prefixes, About("recognizer ARNs not ready", "ResourceUnavailableException (1.6)")
    ] = ()

    # What Describe and List show
    name_match: Annotated[Literal["exact", "prefix"], About("how Filter.JobName matches", f"{UNKNOWN} (3.6)")] = "exact"
    list_order: Annotated[
        Literal["ascending", "descending"],
        About("order by SubmitTime where no SubmitTime filter sets it", f"{UNKNOWN} (3.6)"),
    ] = "ascending"
    describe_delay_s: Annotated[_Seconds, About("Describe shows the world of so long ago", UNKNOWN)] = 0.0
    list_delay_s: Annotated[_Seconds, About("List shows the world of so long ago", UNKNOWN)] = 0.0
    retention_s: Annotated[_Seconds, About("how long an ended job is shown", f"{UNKNOWN} (3.6)")] = math.inf
    stop_submitted: Annotated[
        Literal["STOP_REQUESTED", "STOPPED"],
        About("what Stop makes of a job that is still SUBMITTED", "either was seen (3.4)"),
    ] = "STOP_REQUESTED"

    # Durations of jobs: all of them are divided by time_scale, nothing else is
    submitted_s: Annotated[_Seconds, About("time in SUBMITTED", f"{UNKNOWN} (3.3)")] = 5.0
    overhead_s: Annotated[_Seconds, About("time in IN_PROGRESS whatever the size", "6 to 10 minutes in all (3.3)")] = (
        480.0
    )
    per_mb_s: Annotated[_Seconds, About("more time for each MB of input", f"{UNKNOWN} (3.3)")] = 1.0
    failure_s: Annotated[_Seconds, About("time in IN_PROGRESS before an access failure", "12 to 15 s in all (3.3)")] = (
        7.0
    )
    stop_s: Annotated[_Seconds, About("time in STOP_REQUESTED", f"{UNKNOWN} (3.3)")] = 30.0
    spread: Annotated[
        Annotated[float, Meta(ge=0, le=3)],
        About("sigma of the log-normal factor on each job's time in IN_PROGRESS", "6:07 to 10:08 were seen (3.3)"),
    ] = 0.15
    seed: Annotated[int | None, About("seed of JobIds and durations; none: another one each time", _OWN)] = None
    time_scale: Annotated[_Rate, About("jobs run this many times faster than at AWS", _OWN)] = 1.0

    # Input and output
    unreadable: Annotated[
        _Prefixes, About("S3 URI prefixes that no role may read", "NO_READ_ACCESS_TO_INPUT (3.5)")
    ] = ()
    unwritable: Annotated[
        _Prefixes, About("S3 URI prefixes that no role may write", "NO_WRITE_ACCESS_TO_OUTPUT (3.5)")
    ] = ()
    vpc_denied: Annotated[bool, About("jobs with a VpcConfig fail", "NOT_ENOUGH_ACCESS_TO_VPC (3.5)")] = False
    empty_input: Annotated[Literal["fail", "complete"], About("a prefix without objects", f"{UNKNOWN} (3.5)")] = "fail"
    blank_lines: Annotated[
        Literal["document", "skip"], About("a blank line of a per-line input", f"{UNKNOWN} (1.7)")
    ] = "document"
    targeted_layout: Annotated[
        Literal["one_file", "per_input_file"], About("the tar of targeted sentiment", "the two sources disagree (4, 9)")
    ] = "one_file"

    # The sandbox itself
    work_at_once: Annotated[_Count, About("jobs whose documents are read at the same time", _OWN)] = 4
    log_max: Annotated[_Count, About("entries kept in the accept log", _OWN)] = 1_000_000
    faults: Annotated[tuple[Fault, ...], About("faults from the start; more come over /sandbox/faults", _OWN)] = ()
