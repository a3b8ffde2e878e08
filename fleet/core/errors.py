"""The few errors that change what fleet does next.

Foreign errors die at the door: `fleet.aws.errors` turns every AWS and network error into one of these, and the
ledger raises `Conflict`, `Locked` and `Corrupt`. Nothing else in fleet branches on an error's text.
"""

__all__ = [
    "Conflict",
    "Corrupt",
    "Denied",
    "FleetError",
    "InvalidInput",
    "Locked",
    "Lost",
    "Misconfigured",
    "Rejected",
    "Throttled",
    "Unavailable",
    "leaves",
]


class FleetError(Exception):
    """Something fleet knows how to answer. The text is meant for a person."""


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


class Denied(FleetError):
    """The environment is wrong, not the job: credentials, permissions, clock. Wait, say so, count no attempt."""


class Rejected(FleetError):
    """The request can never succeed as it is. Discard the job and keep the reason."""


class Lost(FleetError):
    """AWS does not know this job. Rescue decides."""


class Conflict(FleetError):
    """Somebody else moved the job first. Drop our copy and go on."""


class Locked(FleetError):
    """Another process holds the ledger. The text names the holder."""


class Corrupt(FleetError):
    """The ledger file cannot be trusted: damaged, not a ledger, or made by a newer fleet."""


def leaves(error: BaseException) -> list[BaseException]:
    """The errors in a task group's group of groups, or the error itself."""
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    return [leaf for inner in error.exceptions for leaf in leaves(inner)]
