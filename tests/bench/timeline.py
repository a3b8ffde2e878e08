"""What is done to the sandbox while a contender runs: storms, other limits, jobs of another program."""

import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.bench.bound import Limits
from tests.bench.scenarios import FOREIGN, Action, Event, Scenario
from tests.bench.service import ROLE, Service

__all__ = ["STORMY", "Timeline"]

STORMY: Final = ("Start*", "Describe*", "List*")
"""The operations that a storm throttles; they are the keys of `Timeline.faulted`."""

_LOOK_S: Final = 0.2
_TRY_S: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    at_s: float
    event: Event


class Timeline:
    """Does a scenario's events on a thread of its own, counted from the first accepted Start of the contender."""

    def __init__(self, service: Service, scenario: Scenario) -> None:
        self._service = service
        self._scenario = scenario
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="timeline", daemon=True)
        self._foreign: list[str] = []
        self._names = 0
        self._done: list[_Done] = []
        self.problem: Exception | None = None
        self.faulted: Counter[str] = Counter()

    def begin(self) -> None:
        """What comes before the contender is done; the rest follows on the thread."""
        if any(event.action is Action.FOREIGN_START for event in self._scenario.events):
            self._service.control("POST", "faults", {"what": "stick_job", "input_prefix": FOREIGN})
        for event in self._scenario.events:
            if event.at_s is None:
                self._do(event)
        if any(event.action is Action.SWITCHES for event in self._scenario.events):
            self._service.control("POST", "switches", {"active_jobs": self._scenario.slots})
        self._thread.start()

    def end(self) -> None:
        """Nothing more happens; foreign jobs are stopped, faults are gone."""
        self._over.set()
        self._thread.join()
        if self._scenario.events:
            self._stop_foreign()
            self._calm()
        if self.problem is not None:
            raise self.problem

    def limits(self) -> list[Limits]:
        """What AWS allowed and from when on, in Unix seconds. During a storm there is no slot for anybody."""
        slots, rate = self._scenario.slots, self._scenario.start_per_s
        found = [Limits(slots=slots, start_per_s=rate)]
        for done in self._done:
            if done.event.action is Action.SWITCHES:
                slots = int(done.event.values.get("active_jobs", slots))
                rate = float(done.event.values.get("start_per_s", rate))
            if done.event.action in (Action.SWITCHES, Action.STORM, Action.CALM):
                storm = done.event.action is Action.STORM
                found.append(Limits(at_s=done.at_s, slots=0 if storm else slots, start_per_s=rate))
        return found

    def _run(self) -> None:
        try:
            while not self._service.truth()["jobs_started"] > len(self._foreign):
                if self._over.wait(_LOOK_S):
                    return
            began = time.monotonic()
            for event in self._later():
                if self._over.wait(max(0.0, began + (event.at_s or 0.0) - time.monotonic())):
                    return
                self._do(event)
        except Exception as error:  # whoever waits for the end must hear of it
            self.problem = error

    def _later(self) -> Sequence[Event]:
        return [event for event in self._scenario.events if event.at_s is not None]

    def _do(self, event: Event) -> None:
        match event.action:
            case Action.SWITCHES:
                self._service.control("POST", "switches", dict(event.values))
            case Action.STORM:
                faults = [{"what": "throttle", "operation": words} for words in STORMY]
                self._service.control("POST", "faults", faults)
            case Action.CALM:
                self._calm()
            case Action.FOREIGN_START:
                self._start_foreign(event.jobs)
            case Action.FOREIGN_STOP:
                self._stop_foreign()
        self._done.append(_Done(at_s=time.time(), event=event))

    def _calm(self) -> None:
        """No fault is in force; what the storm refused is counted, for it never reached the log."""
        for rule in json.loads(self._service.control("GET", "faults")):
            if rule["what"] == "throttle":
                self.faulted[rule["operation"]] += rule["fired"]
        self._service.control("DELETE", "faults")

    def _start_foreign(self, jobs: int) -> None:
        """So many jobs hold a slot, whatever the contender does: asked for again and again until they do."""
        wanted = len(self._foreign) + jobs
        while len(self._foreign) < wanted and not self._over.is_set():
            self._names += 1
            answer = self._service.call(
                "StartEntitiesDetectionJob",
                {
                    "InputDataConfig": {"S3Uri": f"{FOREIGN}{self._names}/"},
                    "OutputDataConfig": {"S3Uri": "s3://corpus-out/foreign/"},
                    "DataAccessRoleArn": ROLE,
                    "LanguageCode": "en",
                },
            )
            if answer is None:
                self._over.wait(_TRY_S)
            else:
                self._foreign.append(answer["JobId"])

    def _stop_foreign(self) -> None:
        while self._foreign:
            if self._service.call("StopEntitiesDetectionJob", {"JobId": self._foreign[-1]}) is None:
                time.sleep(_TRY_S)
            else:
                self._foreign.pop()
