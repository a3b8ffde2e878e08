"""What a probe will do and may cost, told before it is done. Starts nothing."""

import json
from dataclasses import dataclass
from typing import Any, Final

from fleet.app.doctor.visit import Visit
from fleet.app.ledger import has_ledger, open_ledger
from fleet.app.planning import planner
from fleet.app.replicas import replicas
from fleet.aws.comprehend import ACTIVE
from fleet.core.errors import Conflict, InvalidInput
from fleet.core.kinds import KINDS
from fleet.core.manifest import Entry
from fleet.core.prices import Prices, units_of
from fleet.ledger.ledger import Ledger
from fleet.ledger.place import is_shared
from fleet.settings import Settings, default_prices

__all__ = ["ProbePlan", "prepare"]

_INPUT_BYTES_MAX: Final = 1_000_000
_INPUT_BYTES_MIN: Final = 500  # facts sheet, 1.7
_OBJECTS_MAX: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbePlan:
    """What a probe will do: at most so many jobs of a kind, and what they may cost (None: no price is known)."""

    target: str
    kind: str
    prefix: str
    request: dict[str, Any]
    jobs_max: int
    size_bytes: int
    cost: float | None
    currency: str


async def prepare(visit: Visit, settings: Settings, prefix: str, kind: str) -> ProbePlan:
    """What a probe of this kind with this input will do. Starts nothing.

    `InvalidInput` for an input that is too large or too small, `Conflict` where jobs of this kind are active or a fleet
    holds the ledger: the probe and they would spoil each other.
    """
    if kind not in KINDS:
        raise InvalidInput(f"kind {kind!r}: unknown; known: {', '.join(KINDS)}")
    if Ledger.holder(settings.ledger.url) is not None or await _replicas(settings):
        raise Conflict("a fleet is running here: stop it first, the probe takes all slots of a kind")
    jobs, rejections = planner(settings)(Entry(line=1, prefix=prefix, kinds=(kind,), target=visit.name))
    if rejections or not jobs:
        raise InvalidInput(f"--probe-input: {'; '.join(one.reason for one in rejections)}")
    size_bytes = objects = 0
    async for blob in visit.account.s3.blobs(prefix):
        size_bytes, objects = size_bytes + blob.size_bytes, objects + 1
        if size_bytes > _INPUT_BYTES_MAX or objects > _OBJECTS_MAX:
            break
    if not _INPUT_BYTES_MIN <= size_bytes <= _INPUT_BYTES_MAX or objects > _OBJECTS_MAX:
        raise InvalidInput(
            f"--probe-input {prefix}: give a prefix that holds {_INPUT_BYTES_MIN} bytes to "
            f"{_INPUT_BYTES_MAX // 10**6} MB in at most {_OBJECTS_MAX} objects"
        )
    for status in ACTIVE:
        if (await visit.account.comprehend.page(kind, status=status, size=1)).jobs:
            raise Conflict(f"jobs of kind {kind} are active in {visit.region}: probe when there are none")
    jobs_max, prices = visit.quotas.active_jobs + 1, Prices(**default_prices())
    price = prices.per_unit.get(kind)
    return ProbePlan(
        target=visit.name,
        kind=kind,
        prefix=prefix,
        request=json.loads(jobs[0].request),
        jobs_max=jobs_max,
        size_bytes=size_bytes,
        cost=None if price is None else jobs_max * units_of(size_bytes, objects, prices) * price,
        currency=prices.currency,
    )


async def _replicas(settings: Settings) -> bool:
    """Whether replicas work on a ledger that is shared."""
    if not is_shared(settings.ledger.url) or not has_ledger(settings):
        return False
    async with open_ledger(settings, read_only=True) as ledger:
        return bool(await replicas(ledger, lease_s=settings.ledger.lease_s))
