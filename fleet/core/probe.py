"""What a probe of AWS saw, and what follows: findings for people, quotas for fleet, switches for the sandbox.

Every question here is one that no source answers (facts sheet, section 10); the names of the switches are those of the
sandbox's `--switches` file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from fleet.core.checkup import Finding, Outcome

__all__ = ["Seen", "probe_findings", "probe_quotas", "switches_text"]

_THROTTLE_CODES: Final = frozenset({"TooManyRequestsException", "ThrottlingException"})
_MISMATCH_CODES: Final = frozenset({"InvalidRequestException", "ResourceInUseException"})
_CROSS_KIND_CODES: Final = frozenset({"JobNotFoundException", "InvalidRequestException"})
_STEP_S: Final = 0.1


@dataclass(slots=True)
class Seen:
    """What the probe saw; None where it could not tell.

    `burst`: how many of `burst_sent` Starts at once were taken. `cap`: what the job above the last slot got: `reject`,
    `queue`, or `higher` where there were more slots than configured; `slots`: how many jobs were active then.
    `replay` and `mismatch`: the answer to a used token with the same and with another request: `same_job`, `new_job`,
    or the code of an error. `list_lag_s`: for how long List did not show a job that Start had taken.
    """

    start_per_s: float
    configured_slots: int
    burst_sent: int = 0
    burst: int | None = None
    throttle_code: str | None = None
    retry_after_s: float | None = None
    cap: str | None = None
    cap_code: str | None = None
    slots: int | None = None
    replay: str | None = None
    replay_needs_slot: bool | None = None
    mismatch: str | None = None
    list_lag_s: float | None = None
    name_match: str | None = None
    list_order: str | None = None
    cross_kind_code: str | None = None


def probe_findings(seen: Seen, target: str) -> list[Finding]:
    """One line for each question, in plain words."""
    cap = {
        "reject": f"{seen.slots} jobs are active at most; the next Start gets {seen.cap_code}",
        "queue": f"the job above {seen.slots} active ones is taken and waits in SUBMITTED",
        "higher": f"more than the configured {seen.configured_slots} jobs may be active",
    }.get(seen.cap or "")
    told = {"same_job": "gets the same job", "new_job": "starts a second job"}
    lag = None
    if seen.list_lag_s is not None:
        lag = f"List showed a new job {f'after {seen.list_lag_s:g} s' if seen.list_lag_s else 'at once'}"
    burst = None
    if seen.burst is not None:
        refused = f", the others get {seen.throttle_code}" if seen.throttle_code else ", so the burst may be larger"
        burst = f"{seen.burst} of {seen.burst_sent} Starts at once are taken{refused}"
    said: Mapping[str, str | None] = {
        "slots": cap,
        "burst": burst,
        "token replayed": seen.replay and f"the same Start again {told.get(seen.replay, f'gets {seen.replay}')}",
        "token reused": seen.mismatch and f"another Start under it {told.get(seen.mismatch, f'gets {seen.mismatch}')}",
        "list lag": lag,
        "name filter": seen.name_match and f"Filter.JobName matches {_matching(seen.name_match)}",
        "list order": seen.list_order and f"List without a filter is {seen.list_order}",
        "other kind": seen.cross_kind_code and f"Describe of another kind's job gets {seen.cross_kind_code}",
    }
    return [
        Finding(
            check=f"probe: {check}",
            outcome=Outcome.PASS if text else Outcome.SKIPPED,
            found=text or "the probe could not tell",
            next=_advice(check, seen),
            target=target,
        )
        for check, text in said.items()
    ]


def probe_quotas(seen: Seen) -> dict[str, float]:
    """What to configure for fleet where it differs from what is configured."""
    if seen.cap in ("reject", "queue") and seen.slots and seen.slots != seen.configured_slots:
        return {"active_jobs": float(seen.slots)}
    return {}


def switches_text(seen: Seen) -> str:
    """A switches file for `fleet sandbox --switches` that behaves as AWS was seen to; with a comment on each line."""
    return "".join(f"{line}\n" for line in ("# What fleet doctor --probe saw of AWS.", *_switches(seen)))


def _switches(seen: Seen) -> Iterator[str]:
    yield f"start_per_s = {seen.start_per_s:g} # as configured"
    if seen.burst:
        least = "" if seen.throttle_code else "at least: "
        yield f"burst_s = {seen.burst / seen.start_per_s:g} # {least}{seen.burst} Starts at once were taken"
    yield from _word("throttle_code", seen.throttle_code, _THROTTLE_CODES)
    if seen.retry_after_s is not None:
        yield f"retry_after_s = {seen.retry_after_s:g}"
    if seen.cap in ("reject", "queue"):
        yield f"active_jobs = {seen.slots}"
    yield from _word("cap", seen.cap, frozenset({"reject", "queue"}))
    yield from _word("cap_code", seen.cap_code, _THROTTLE_CODES)
    yield from _word("replay", seen.replay, frozenset({"same_job", "new_job"}))
    if seen.replay_needs_slot is not None:
        yield f"replay_needs_slot = {str(seen.replay_needs_slot).lower()}"
    if seen.mismatch in ("same_job", "new_job"):
        yield f'mismatch = "{seen.mismatch}"'
    elif seen.mismatch:
        yield 'mismatch = "reject"'
        yield from _word("mismatch_code", seen.mismatch, _MISMATCH_CODES)
    if seen.list_lag_s is not None:
        yield f"list_delay_s = {seen.list_lag_s:g} # {_STEP_S:g} s more or less"
    yield from _word("name_match", seen.name_match, frozenset({"exact", "prefix"}))
    yield from _word("list_order", seen.list_order, frozenset({"ascending", "descending"}))
    yield from _word("cross_kind_code", seen.cross_kind_code, _CROSS_KIND_CODES)


def _word(name: str, value: str | None, known: frozenset[str]) -> Iterator[str]:
    """A line for a value that the sandbox knows, a comment for any other."""
    if value is not None:
        plain = "".join(char for char in value if char.isalnum() or char in "._-")
        yield f'{"" if value in known else "# the sandbox has no such answer: "}{name} = "{plain}"'


def _matching(match: str) -> str:
    return "the whole name" if match == "exact" else "beginnings of names too"


def _advice(check: str, seen: Seen) -> str | None:
    if check == "slots" and seen.cap == "higher":
        return "raise active_jobs in [targets.NAME.quotas] to what Service Quotas tells"
    if check == "list lag" and seen.list_lag_s:
        return f"[track] list_lag_s must not be less than {seen.list_lag_s:g}"
    return None
