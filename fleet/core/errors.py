"""The few errors that change what fleet does next.

Foreign errors die at the door: `fleet.aws.errors` turns every AWS and network error into one of these, and the
ledger raises `Conflict`, `Fenced`, `Unwritable`, `Locked`, `Corrupt`, `TooNew` and `DiskFailed`. Nothing else in fleet
branches on an error's text.
"""

__all__ = [
    "Conflict",
    "Corrupt",
    "Denied",
    "DiskFailed",
    "Fenced",
    "FleetError",
    "Forbidden",
    "InvalidInput",
    "Locked",
    "Lost",
    "Misconfigured",
    "NameInUse",
    "Rejected",
    "Throttled",
    "TooNew",
    "Unavailable",
    "Unwritable",
    "leaves",
]


class FleetError(Exception):
    """Something fleet knows how to answer. The text is meant for a person.

    `request_id` is the one that AWS gave its answer, where AWS answered. It is not in the text, which many jobs share.
    """

    request_id: str | None = None


class InvalidInput(FleetError):
    """The user gave something that cannot work: a file, a setting, an argument. Says what, where and what next."""


class Misconfigured(InvalidInput):
    """The configuration cannot work: a file, a variable, a target. Says which key, and what next."""


class Throttled(FleetError):
    """AWS asked us to slow down, or all slots are taken. Snooze; no attempt is counted."""


class Unavailable(FleetError):
    """AWS or the network failed. Try again with back-off; no attempt is counted.

    `maybe_accepted` is true when the call may have reached the service: then only a lookup by JobName can tell.
    """

    def __init__(self, message: str, *, maybe_accepted: bool) -> None:
        super().__init__(message)
        self.maybe_accepted = maybe_accepted


class NameInUse(Unavailable):
    """AWS says that the JobName is in use: look it up. What that means where List shows no such job is UNKNOWN."""

    def __init__(self, message: str) -> None:
        super().__init__(message, maybe_accepted=True)


class Denied(FleetError):
    """The environment is wrong, not the job: credentials, permissions, clock. Wait, say so, count no attempt."""


class Forbidden(Denied):
    """AWS knows who asks and does not allow this call: permissions lack, for all or for what this one call names."""


class Rejected(FleetError):
    """The request can never succeed as it is. Discard the job and keep the reason."""


class Lost(FleetError):
    """AWS does not know this job. Rescue decides."""


class Conflict(FleetError):
    """Somebody else moved the job first. Drop our copy and go on."""


class Fenced(Conflict):
    """This replica no longer holds the lane, and its write was refused. Who holds it now goes on from the ledger."""


class Unwritable(FleetError):
    """The ledger cannot be used now: its disk is full or read-only, or another program is in the way. Nothing of what
    was asked for is durable. It passes by itself: wait and try again, and until then start nothing in AWS."""


class Locked(FleetError):
    """Another process holds the ledger. The text names the holder."""


class Corrupt(FleetError):
    """The ledger file cannot be trusted: damaged, or not a ledger. The text says how to recover."""


class TooNew(FleetError):
    """The ledger was made by a newer fleet. This one must not touch it."""


class DiskFailed(FleetError):
    """The ledger's disk fails, and a fresh look at the file failed too: leave, before anything else is lost."""


def leaves(error: BaseException) -> list[BaseException]:
    """The errors in a task group's group of groups, or the error itself."""
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    return [leaf for inner in error.exceptions for leaf in leaves(inner)]
