"""What may go wrong on the way to the service and back, on demand and by rule.

Promises: for each request at most one fault, the first rule that fires; `fired` counts what really happened.
Does not: touch a socket (mischief.py says what is left of an answer, the shells act on it) or read a clock.

Errors, before the service sees the request (it is not counted in any quota):
  throttle             the throttle error
  expired_credentials  ExpiredTokenException
  access_denied        AccessDeniedException
  unavailable          ServiceUnavailable, 503
  error                any `code`, `message` and `status`; as it stands InternalServerException, 500
The way:
  reset_before         the connection is reset before the service sees the request
  lose_answer          the service does it, the connection is reset, no byte of the answer leaves
  half_answer          the service does it, half of the answer leaves, the connection is reset
  deliver_twice        the request reaches the service twice, the client hears the first answer
  slow                 the service does it, the answer leaves `seconds` later
  drip                 the service does it, the answer leaves byte by byte over `seconds`
  hang                 no answer, ever; the service does it only with `accept`
The answer:
  html_200             200 with a page of HTML, as from a proxy; the service does it only with `accept`
  empty_200            200 with {}; the service does it only with `accept`
  unknown_status       every JobStatus of the answer is `value`
  missing_member       the member named `value` is taken out of the answer, at any depth
  replace_member       the member named `member` becomes `value`, at any depth
  endless_pages        a List's NextToken leads to the same page again
  empty_page           a List's page is empty, its NextToken leads to what should have been there
The job, once its Start is accepted:
  fail_job             it ends FAILED with `message`
  stick_job            it never leaves the status `stuck_in`; a Stop still ends it
  lose_output          it ends COMPLETED, and wrote nothing
  short_output         it ends COMPLETED, and wrote only the first half of the documents
  truncate_output      each of its output objects ends in the middle
  garbage_output       none of its records is one
  bomb_output          its output unpacks to `size_bytes` and more; PII, which is not packed, has an object of that size
  wrong_member         its archive holds a `wrong` member (PII has no archive, and is never hit)
Somebody else:
  foreign_jobs         `jobs` jobs of the operation's kind take slots for `seconds` of AWS's time, as many as are free;
                       then the service does the request

In the file of switches, and at run time the same table as JSON to POST /sandbox/faults:
  [[faults]]
  what = "error"                          # the role is gone: every third Start of one prefix, five times
  operation = "Start*"
  input_prefix = "s3://corpus-in/a/"
  code = "InvalidRequestException"
  status = 400
  every = 3
  times = 5
"""

import random
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Final, Literal, get_args

from msgspec import Meta

__all__ = ["JOB_FAULTS", "Fault", "Faults", "What", "WrongMember"]

JobFault = Literal[
    "fail_job",
    "stick_job",
    "lose_output",
    "short_output",
    "truncate_output",
    "garbage_output",
    "bomb_output",
    "wrong_member",
]
PageFault = Literal["endless_pages", "empty_page"]
What = Literal[
    "throttle",
    "expired_credentials",
    "access_denied",
    "unavailable",
    "error",
    "reset_before",
    "lose_answer",
    "half_answer",
    "deliver_twice",
    "slow",
    "drip",
    "hang",
    "html_200",
    "empty_200",
    "unknown_status",
    "missing_member",
    "replace_member",
    "foreign_jobs",
    PageFault,
    JobFault,
]
# What a hostile archive may hold: a link, a device, a path that leads out, the same name twice, no member at all.
WrongMember = Literal["symlink", "hardlink", "device", "parent_path", "absolute_path", "twice", "none"]

JOB_FAULTS: Final = frozenset(get_args(JobFault))
_PAGE_FAULTS: Final = frozenset(get_args(PageFault))
_BOMB_BYTES_MAX: Final = 1 << 34


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One rule: which requests it is for, when it fires, and what it does.

    `operation` may hold wildcards (`Start*`). `input_prefix` narrows it to Starts whose input begins so. Of the
    requests that match, the first `after` pass; then every `every`-th is hit, with `probability`, at most `times`.
    """

    what: What
    operation: str = "*"
    input_prefix: str = ""
    times: Annotated[int, Meta(ge=1)] | None = None
    every: Annotated[int, Meta(ge=1)] = 1
    probability: Annotated[float, Meta(gt=0, le=1)] = 1.0
    after: Annotated[int, Meta(ge=0)] = 0
    code: str = "InternalServerException"
    message: str = ""
    status: Annotated[int, Meta(ge=200, le=599)] = 500
    seconds: Annotated[float, Meta(ge=0)] = 1.0
    value: str = "PAUSED"
    accept: bool = False
    member: str = "JobId"
    stuck_in: Literal["SUBMITTED", "IN_PROGRESS"] = "IN_PROGRESS"
    size_bytes: Annotated[int, Meta(ge=1, le=_BOMB_BYTES_MAX)] = 256 << 20
    wrong: WrongMember = "symlink"
    jobs: Annotated[int, Meta(ge=1, le=10_000)] = 1

    def matches(self, operation: str, input_uri: str) -> bool:
        """True if the rule is for such a request."""
        wanted = self.operation
        if wanted not in ("*", operation) and not fnmatchcase(operation, wanted):
            return False
        if self.what in JOB_FAULTS and not operation.startswith("Start"):
            return False
        if self.what in _PAGE_FAULTS and not operation.startswith("List"):
            return False
        if self.what == "wrong_member" and operation == "StartPiiEntitiesDetectionJob":
            return False
        return input_uri.startswith(self.input_prefix)


@dataclass(slots=True)
class _Rule:
    fault: Fault
    seen: int = 0
    fired: int = 0

    def fires(self, chance: random.Random) -> bool:
        """Count one matching request, and say whether the fault hits it."""
        fault = self.fault
        self.seen += 1
        if fault.times is not None and self.fired >= fault.times:
            return False
        if self.seen <= fault.after or (self.seen - fault.after) % fault.every:
            return False
        if fault.probability < 1 and chance.random() >= fault.probability:
            return False
        self.fired += 1
        return True


class Faults:
    """The rules in force, in the order in which they were added."""

    def __init__(self, rules: tuple[Fault, ...] = (), chance: random.Random | None = None) -> None:
        self._rules = [_Rule(rule) for rule in rules]
        self._chance = chance or random.Random()
        self.fired: Counter[str] = Counter()

    def __bool__(self) -> bool:
        """True if there is any rule, used up or not."""
        return bool(self._rules)

    def add(self, *faults: Fault) -> None:
        """The rules are in force, after those that were."""
        self._rules.extend(_Rule(fault) for fault in faults)

    def clear(self) -> None:
        """No rule is in force; the counts stay."""
        self._rules.clear()

    def rules(self) -> list[tuple[Fault, int, int]]:
        """Each rule in force, with the requests that matched it and how often it fired."""
        return [(rule.fault, rule.seen, rule.fired) for rule in self._rules]

    def pick(self, operation: str, input_uri: str = "") -> Fault | None:
        """The fault that hits this request, if any. A request that one rule hits is not seen by the later ones."""
        for rule in self._rules:
            if rule.fault.matches(operation, input_uri) and rule.fires(self._chance):
                self.fired[rule.fault.what] += 1
                return rule.fault
        return None
