"""One target under examination, and how a check is made so that it cannot spoil the others."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import anyio

from fleet.app.doctor.corpus import Corpus
from fleet.aws.account import Account, Identity
from fleet.core.checkup import Finding, Outcome
from fleet.core.errors import FleetError, Forbidden, Unavailable
from fleet.core.lane import Quotas

__all__ = ["CHECK_S", "Check", "Visit", "bounded"]

CHECK_S: Final = 20.0
"""How long one check may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A target: its name, where it is, its role and output, what is asked of it, and the way to its account."""

    name: str
    region: str
    role_arn: str
    role_account: str
    quotas: Quotas
    account: Account
    corpus: Corpus
    identity: Identity | None = None

    def finding(
        self, check: str, outcome: Outcome, found: str, then: str | None = None, *, configured: bool = False
    ) -> Finding:
        """One line about this target."""
        return Finding(check=check, outcome=outcome, found=found, next=then, target=self.name, configured=configured)

    def stands_in(self, check: str, service: str) -> Finding:
        """The line where AWS itself is not asked, because Comprehend is another server here."""
        found = f"Comprehend is {self.account.endpoint('comprehend')} here, and {service} has no endpoint beside it"
        return self.finding(check, Outcome.SKIPPED, found)


Check = Callable[[Visit], Awaitable[list[Finding]]]
"""Makes one check of a target."""


async def bounded(visit: Visit, check: str, make: Check, *, permission: str = "") -> list[Finding]:
    """What the check found, whatever goes wrong: then it is the failure of this check alone.

    `permission`: what AWS must allow for the check, where a run itself does without: if that lacks, or the service
    cannot be reached, the check is skipped.
    """
    try:
        with anyio.fail_after(CHECK_S):
            return await make(visit)
    except TimeoutError:
        return [visit.finding(check, Outcome.FAIL, f"no answer within {CHECK_S:.0f} s", "look at network and proxy")]
    except Forbidden as error:
        return [visit.finding(check, Outcome.SKIPPED, str(error), f"to check it, allow {permission}")]
    except Unavailable as error:
        outcome = Outcome.SKIPPED if permission else Outcome.FAIL
        return [visit.finding(check, outcome, str(error), "look at endpoint, network and proxy")]
    except FleetError as error:
        return [visit.finding(check, Outcome.FAIL, str(error))]
    except Exception as error:  # a checkup that breaks at its first surprise helps nobody
        return [visit.finding(check, Outcome.FAIL, f"{type(error).__name__}: {error}", "a bug: please report it")]
