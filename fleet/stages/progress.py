"""Whether every stage still moves: what a liveness probe and a watchdog ask.

An AWS, a network or a ledger that fails stalls nothing: the stage gives up its call, waits and comes back. A stage has
stalled only where a restart may help: a tick that never ends, or a wait that outlasts itself.
"""

from dataclasses import dataclass
from typing import Final

__all__ = ["TICK_LIMIT_S", "TRANSFER_LIMIT_S", "Progress"]

TICK_LIMIT_S: Final = 900.0
"""How long one tick may take. The longest honest one waits 51 s for a limiter at its floor (a fiftieth of the default
1/s), then for a call that its deadline ends after 30 s; a sweep or a lookup makes a few dozen such calls in a row."""

TRANSFER_LIMIT_S: Final = 21_600.0
"""The same where a tick reads whole inputs and outputs: 5 GB in and as much out (facts sheet, 1.7) at half a MB/s."""

_OVERSLEPT_S: Final = 60.0  # timers are late only while the event loop is blocked; nothing blocks it for a second


@dataclass(frozen=True, slots=True, kw_only=True)
class _Passage:
    """What a stage does since `at`, in monotonic seconds: it ticks, or waits; and until when that is in order."""

    ticking: bool
    at: float
    until: float


class Progress:
    """When each stage last moved. Fed by the loop around the stages; reads no clock itself."""

    def __init__(self) -> None:
        self._passages: dict[str, _Passage] = {}

    def began(self, stage: str, now: float, limit_s: float = TICK_LIMIT_S) -> None:
        """The stage began a tick, which must end within the limit."""
        self._passages[stage] = _Passage(ticking=True, at=now, until=now + limit_s)

    def rested(self, stage: str, now: float, wait_s: float) -> None:
        """The stage ended a tick and will begin the next one in so many seconds, or earlier."""
        self._passages[stage] = _Passage(ticking=False, at=now, until=now + wait_s + _OVERSLEPT_S)

    def ended(self, stage: str) -> None:
        """The stage has left, and is no longer watched."""
        self._passages.pop(stage, None)

    def stalled(self, now: float) -> list[str]:
        """One sentence for each stage that should have moved long ago; empty where all is in order."""
        late = ((stage, passage) for stage, passage in sorted(self._passages.items()) if now > passage.until)
        return [_sentence(stage, passage, now) for stage, passage in late]

    def last_s(self, now: float) -> dict[str, float]:
        """Seconds since each stage last began or ended a tick."""
        return {stage: max(0.0, now - passage.at) for stage, passage in self._passages.items()}


def _sentence(stage: str, passage: _Passage, now: float) -> str:
    age_s, limit_s = now - passage.at, passage.until - passage.at
    if passage.ticking:
        return f"{stage} has been in one tick for {age_s:.0f} s; {limit_s:.0f} s is the most it should take"
    return f"{stage} has slept for {age_s:.0f} s; it wanted to go on after {limit_s - _OVERSLEPT_S:.0f} s"
