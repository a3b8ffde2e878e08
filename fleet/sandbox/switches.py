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
from fleet.sandbox.messages import Message

__all__ = ["FIXED", "UNKNOWN", "About", "Switches"]

UNKNOWN: Final = "UNKNOWN"

# Read once, when the sandbox starts: all other switches may change while it runs.
FIXED: Final = frozenset(
    {"account", "region", "accounts", "constraint_code", "unknown_members", "rate_model", "throttled_count", "seed"}
    | {"work_at_once", "log_max", "faults"}
)

_OWN: Final = "the sandbox's own"

_Rate = Annotated[float, Meta(gt=0, le=1e6)]
_Seconds = Annotated[float, Meta(ge=0)]
_Count = Annotated[int, Meta(ge=1)]
_Account = Annotated[str, Meta(pattern=r"^[0-9]{12}$")]
_Region = Annotated[str, Meta(pattern=r"^[a-z0-9-]+$")]
_Prefixes = tuple[str, ...]
_ThrottleCode = Literal["TooManyRequestsException", "ThrottlingException"]
_Replay = Literal["same_job", "new_job"]
_SlotStatus = Literal["SUBMITTED", "IN_PROGRESS", "STOP_REQUESTED"]
_KindName = Annotated[str, Meta(pattern=r"^(entities|key_phrases|pii_entities|sentiment|targeted_sentiment)$")]
_LimitName = Annotated[str, Meta(pattern=r"^(document_bytes_max|job_bytes_max|job_bytes_min|files_max)$")]


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
    rate_model: Annotated[
        Literal["window", "bucket"],
        About("a strict sliding window, or a token bucket that fills while it is used", f"{UNKNOWN} (1.1)"),
    ] = "window"
    throttled_count: Annotated[
        bool, About("throttled requests count against the rate too", f"{UNKNOWN} (1.1, 1.5)")
    ] = False
    active_jobs: Annotated[_Count, About("active jobs per kind", "10 (1.2)")] = 10
    cap: Annotated[
        Literal["reject", "queue"],
        About("what the job after the last slot gets: an error, or a wait in SUBMITTED", f"{UNKNOWN} (1.2)"),
    ] = "reject"
    slot_statuses: Annotated[
        tuple[_SlotStatus, ...], About("which jobs a Start counts if `cap` is reject", "not documented (1.2)")
    ] = ("SUBMITTED", "IN_PROGRESS", "STOP_REQUESTED")
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

    throttle_message: Annotated[str, About("its text; none: the documented one", f"{UNKNOWN} (1.5)")] = ""
    retry_after_s: Annotated[
        _Seconds | None, About("a Retry-After header on it; none: no such header", f"{UNKNOWN} (1.5)")
    ] = None

    # Requests
    constraint_code: Annotated[
        Literal["ValidationException", "InvalidRequestException"],
        About("the error if a member breaks its shape", "either was seen (1.6)"),
    ] = "ValidationException"
    unknown_members: Annotated[Literal["reject", "ignore"], About("members that the model does not have", UNKNOWN)] = (
        "reject"
    )
    unsupported_language_code: Annotated[
        Literal["InvalidRequestException", "ValidationException", "UnsupportedLanguageException"],
        About("the error for a language that the kind does not have", f"{UNKNOWN} (1.9)"),
    ] = "InvalidRequestException"
    replay: Annotated[_Replay, About("a Start with a ClientRequestToken that was used", f"{UNKNOWN} (2)")] = "same_job"
    replay_ended: Annotated[
        _Replay, About("the same if that job is COMPLETED or STOPPED, where `replay` is same_job", f"{UNKNOWN} (2)")
    ] = "same_job"
    replay_failed: Annotated[
        _Replay, About("the same if that job is FAILED, where `replay` is same_job", f"{UNKNOWN} (2)")
    ] = "same_job"
    replay_takes_rate: Annotated[bool, About("such a Start counts against the rate", f"{UNKNOWN} (2)")] = True
    replay_needs_slot: Annotated[bool, About("such a Start is refused while all slots are full", f"{UNKNOWN} (2)")] = (
        False
    )
    replay_scope: Annotated[
        Literal["operation", "account"],
        About("a token is known to one operation, or to all of the account and Region", f"{UNKNOWN} (2)"),
    ] = "operation"
    mismatch: Annotated[
        Literal["reject", "same_job", "new_job"], About("a used token with other parameters", f"{UNKNOWN} (2)")
    ] = "reject"
    mismatch_code: Annotated[
        Literal["InvalidRequestException", "ResourceInUseException"],
        About("the error if `mismatch` is reject", f"{UNKNOWN} (1.6, 2)"),
    ] = "InvalidRequestException"
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
    cross_kind_code: Annotated[
        Literal["JobNotFoundException", "InvalidRequestException"],
        About("Describe or Stop of a job of another kind", f"{UNKNOWN} (3.2)"),
    ] = "JobNotFoundException"
    next_token_s: Annotated[_Seconds, About("how long a NextToken is good for", f"{UNKNOWN} (3.6)")] = math.inf
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
    overhead_s: Annotated[
        _Seconds, About("time in IN_PROGRESS whatever the size", "6 to 10 minutes were seen in all (3.3)")
    ] = 480.0
    per_mb_s: Annotated[_Seconds, About("more time for each MB of input", f"{UNKNOWN} (3.3)")] = 1.0
    failure_s: Annotated[
        _Seconds, About("time in IN_PROGRESS before an access failure", "12 to 15 s were seen in all (3.3)")
    ] = 7.0
    stop_s: Annotated[_Seconds, About("time in STOP_REQUESTED", f"{UNKNOWN} (3.3)")] = 30.0
    spread: Annotated[
        Annotated[float, Meta(ge=0, le=3)],
        About("sigma of the log-normal factor on each job's time in IN_PROGRESS", "6:07 to 10:08 were seen (3.3)"),
    ] = 0.15
    tail_probability: Annotated[
        Annotated[float, Meta(ge=0, le=1)],
        About("the part of the jobs that take `tail_factor` times longer", f"{UNKNOWN} (3.3)"),
    ] = 0.0
    tail_factor: Annotated[Annotated[float, Meta(ge=1)], About("how many times longer", f"{UNKNOWN} (3.3)")] = 5.0
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
    limits: Annotated[
        Mapping[_KindName, Mapping[_LimitName, Annotated[int, Meta(ge=0)]]],
        About("kind -> size limit -> another value", "500 bytes at least, 5 GB at most, and more (1.7)"),
    ] = field(default_factory=dict)
    over_limit: Annotated[
        Literal["fail", "complete"],
        About("an input that breaks a limit of the whole job", f"{UNKNOWN} (1.7)"),
    ] = "fail"
    messages: Annotated[
        Mapping[Message, str],
        About(
            "name -> the text of a failed job; {found} and {limit} are filled in",
            f"four are known (3.5), else {UNKNOWN}",
        ),
    ] = field(default_factory=dict)
    recognizers: Annotated[
        Mapping[str, Mapping[str, tuple[str, ...]]],
        About("recognizer or flywheel ARN -> type -> the terms that it finds", "the user's own model (4.2)"),
    ] = field(default_factory=dict)
    blank_lines: Annotated[
        Literal["document", "skip"], About("a blank line of a per-line input", f"{UNKNOWN} (1.7)")
    ] = "document"
    targeted_layout: Annotated[
        Literal["one_file", "per_input_file"], About("the tar of targeted sentiment", "the two sources disagree (4, 9)")
    ] = "one_file"
    redaction_errors: Annotated[
        Literal["empty", "skip", "record"],
        About("a bad document of a redacted text: an empty document, nothing, or its JSON", f"{UNKNOWN} (4.3)"),
    ] = "empty"
    offset_unit: Annotated[
        Literal["code_point", "utf16"], About("what offsets count", f"characters; their unit is {UNKNOWN} (4.1)")
    ] = "code_point"
    output_join: Annotated[
        Literal["slash", "plain"], About("an output prefix without a slash at its end", f"{UNKNOWN} (3.2)")
    ] = "slash"

    # The sandbox itself
    work_at_once: Annotated[_Count, About("jobs whose documents are read at the same time", _OWN)] = 4
    log_max: Annotated[_Count, About("entries kept in the accept log", _OWN)] = 1_000_000
    faults: Annotated[tuple[Fault, ...], About("faults from the start; more come over /sandbox/faults", _OWN)] = ()
