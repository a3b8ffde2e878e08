"""What one simulated world is like: all that decides its course, drawn from a seed, and printed when it fails."""

import json
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import msgspec

from fleet.sandbox.configure import read_switches
from fleet.sandbox.faults import Fault
from fleet.sandbox.switches import Switches

__all__ = ["WINDOWS_S", "Options", "draw"]

WINDOWS_S: Final = (math.inf, 600.0, 0.0)
"""How long a ClientRequestToken may be remembered: for ever, for ten minutes, not at all (UNKNOWN, facts sheet 2)."""

_JOB_S: Final = 5.0
_LAG_S: Final = 3.0  # less than [track] list_lag_s, by more than a request can be on its way
_FAULTS: Final = (
    Fault(what="lose_answer", operation="Start*", probability=0.3),
    Fault(what="lose_answer", probability=0.1),
    Fault(what="half_answer", operation="Start*", probability=0.2),
    Fault(what="deliver_twice", operation="Start*", probability=0.3),
    Fault(what="throttle", operation="Start*", probability=0.3),
    Fault(what="throttle", operation="List*", probability=0.2),
    Fault(what="error", probability=0.15),
    Fault(what="error", operation="Start*", probability=0.3, status=503, code="ServiceUnavailable"),
    Fault(what="reset_before", operation="Start*", probability=0.2),
    Fault(what="hang", operation="Start*", probability=0.1, accept=True),
    Fault(what="slow", operation="Start*", probability=0.2, seconds=4.0),
    Fault(what="html_200", operation="Start*", probability=0.15, accept=True),
    Fault(what="empty_200", operation="Start*", probability=0.15, accept=True),
    Fault(what="empty_page", operation="List*", probability=0.2),
    Fault(what="fail_job", operation="Start*", probability=0.2),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One world. Times are virtual seconds; what is UNKNOWN of AWS stands in `switches`.

    `downtime_s` passes between a death of fleet and its next life. What a dying fleet had sent is `delivered`, or
    `dropped` if it had not yet arrived. For the first `gusts_s` faults of all kinds come and go. A life that takes
    longer than `limit_s` has not ended.
    """

    seed: int
    jobs: int = 3
    kinds: tuple[str, ...] = ("entities",)
    slots: int = 2
    list_per_s: int = 3
    downtime_s: float = 0.0
    in_flight: Literal["delivered", "dropped"] = "delivered"
    every_lane: bool = False
    depth: Literal["full", "head", "off"] = "full"
    limit_s: float = 1800.0
    token_window_s: float | None = None
    switches: Mapping[str, Any] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    gusts_s: float = 0.0

    def sandbox(self) -> Switches:
        """The switches of this world's sandbox."""
        window_s = math.inf if self.token_window_s is None else self.token_window_s
        values = {"submitted_s": 1.0, "overhead_s": _JOB_S, "failure_s": 2.0, "spread": 0.3, **self.switches}
        read = read_switches(
            values={**values, "seed": self.seed, "active_jobs": self.slots, "list_per_s": self.list_per_s}
        )
        return replace(read, faults=self.faults, token_window_s=window_s)

    def rates(self) -> dict[str, int]:
        """Verb of an operation -> the most requests in any second."""
        return {"Start": 1, "Describe": 10, "List": self.list_per_s, "Stop": 1}

    def text(self) -> str:
        """One line of JSON that says only what is not as usual; `Options.read` reads it."""
        usual = msgspec.to_builtins(Options(seed=self.seed))
        said = {name: value for name, value in msgspec.to_builtins(self).items() if value != usual[name]}
        plain = msgspec.to_builtins(Fault(what="error"))
        for fault in said.get("faults", ()):
            for name in [name for name in fault if name != "what" and fault[name] == plain[name]]:
                del fault[name]
        return json.dumps({"seed": self.seed, **said})

    @classmethod
    def read(cls, text: str) -> "Options":
        """The options of such a line; ValueError for anything else."""
        return msgspec.json.decode(text, type=cls)


def draw(seed: int, **given: Any) -> Options:
    """The world of this seed: each unknown of AWS that matters to a recovery gets one of its answers.

    What is `given` is not drawn; the rest is what it would have been.
    """
    chance = random.Random(seed)
    switches = {
        "replay_ended": chance.choice(["same_job", "new_job"]),
        "replay_takes_rate": chance.random() < 0.5,
        "replay_needs_slot": chance.random() < 0.5,
        "replay_scope": chance.choice(["operation", "account"]),
        "mismatch": chance.choice(["reject", "same_job", "new_job"]),
        "mismatch_code": chance.choice(["InvalidRequestException", "ResourceInUseException"]),
        "job_name_unique": chance.random() < 0.3,
        "name_match": chance.choice(["exact", "prefix"]),
        "list_order": chance.choice(["ascending", "descending"]),
        "list_delay_s": chance.choice([0.0, _LAG_S]),
        "describe_delay_s": chance.choice([0.0, _LAG_S]),
        "cap": chance.choice(["reject", "queue"]),
        "cap_code": chance.choice(["TooManyRequestsException", "ThrottlingException"]),
        "throttle_code": chance.choice(["TooManyRequestsException", "ThrottlingException"]),
        "slot_statuses": chance.choice(
            [["SUBMITTED", "IN_PROGRESS", "STOP_REQUESTED"], ["SUBMITTED", "IN_PROGRESS"], ["IN_PROGRESS"]]
        ),
        "rate_model": chance.choice(["window", "bucket"]),
        "throttled_count": chance.random() < 0.5,
    }
    window_s = chance.choice(WINDOWS_S)
    downtime_s = chance.choice([0.0, 0.0, 30.0, 3600.0])
    in_flight = chance.choice(["delivered", "dropped"])
    faults = tuple(chance.sample(_FAULTS, chance.choice([0, 1, 1, 2])))
    options = Options(
        seed=seed,
        kinds=tuple(chance.choice([["entities"], ["pii_entities"], ["entities", "pii_entities"]])),
        jobs=chance.choice([2, 3, 4]),
        downtime_s=given.pop("downtime_s", downtime_s),
        in_flight=given.pop("in_flight", in_flight),
        depth=chance.choice(["full", "off", "head"]),
        every_lane=chance.random() < 0.1,
        token_window_s=_finite(given.pop("token_window_s", window_s)),
        switches={**switches, **given.pop("switches", {})},
        faults=given.pop("faults", faults),
    )
    return fair(replace(options, **given))


def fair(options: Options) -> Options:
    """The options without faults that double a job whatever a client does.

    A service that forgets tokens at once makes two jobs of one request that reaches it twice.
    """
    unfair = "deliver_twice" if options.token_window_s == 0.0 else ""
    return replace(options, faults=tuple(fault for fault in options.faults if fault.what != unfair))


def _finite(seconds: float | None) -> float | None:
    """JSON has no infinity: none means for ever."""
    return None if seconds is None or math.isinf(seconds) else seconds
