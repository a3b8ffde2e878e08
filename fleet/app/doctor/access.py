"""Checks of who we are and of the role that Comprehend takes on."""

import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from fleet.app.doctor.visit import Visit
from fleet.aws.account import SERVICES, Identity, endpoint_source, regions_of
from fleet.core.checkup import CLOCK_BROKEN_S, CLOCK_DOUBTFUL_S, Finding, Outcome, Tick, principal_role, skew_s
from fleet.core.errors import Forbidden, Lost
from fleet.core.rules import ROLE_ARN
from fleet.core.secrets import redacted
from fleet.core.text import nearest
from fleet.core.trust import Trust, trust_of

__all__ = [
    "check_clock",
    "check_endpoints",
    "check_expiry",
    "check_identity",
    "check_pass_role",
    "check_region",
    "check_role",
]

_SOON_S: Final = 900.0


def check_endpoints(visit: Visit) -> list[Finding]:
    """Where each service is asked. A server that is not AWS's own is worth a warning: it sees every document's path."""
    foreign = [service for service in SERVICES if not visit.account.at_aws(service)]
    if not foreign:
        return [visit.finding("endpoints", Outcome.PASS, f"AWS's own: {visit.account.endpoint('comprehend')}")]
    places: dict[str, list[str]] = {}
    for service in foreign:
        place = f"{redacted(visit.account.endpoint(service))} ({endpoint_source(service)})"
        places.setdefault(place, []).append(service)
    then = "this is not AWS itself: unset it for real work"
    return [
        visit.finding("endpoint", Outcome.WARN, f"{', '.join(services)}: {place}", then)
        for place, services in places.items()
    ]


def check_region(visit: Visit) -> list[Finding]:
    """The Region exists, and Comprehend is served there, as far as the SDK knows."""
    served, every = regions_of()
    if visit.region in served:
        return [visit.finding("region", Outcome.PASS, f"{visit.region}: Comprehend is served there")]
    if visit.region in every:
        found = f"{visit.region}: Comprehend is not served there"
    else:
        meant = nearest(visit.region, sorted(served))
        found = f"{visit.region}: no Region that the SDK knows" + (f"; did you mean {meant}?" if meant else "")
    outcome = Outcome.FAIL if visit.account.at_aws("comprehend") else Outcome.WARN
    return [visit.finding("region", outcome, found, f"one of {', '.join(sorted(served))}", configured=True)]


async def check_identity(visit: Visit) -> tuple[list[Finding], Identity | None]:
    """Who AWS takes us for; raises as `Account.identity` does."""
    if not visit.account.asked_for_real("sts"):
        return [visit.stands_in("credentials", "STS")], None
    identity = await visit.account.identity()
    return [_same_account(visit, identity)], identity


def _same_account(visit: Visit, identity: Identity) -> Finding:
    if identity.account == visit.role_account:
        return visit.finding("credentials", Outcome.PASS, f"{identity.arn} in account {identity.account}")
    return visit.finding(
        "credentials",
        Outcome.FAIL,
        f"{identity.arn} is in account {identity.account}, the data access role in {visit.role_account}",
        f"a role can be passed only within its account: set targets.{visit.name}.profile or assume_role_arn",
        configured=True,
    )


def check_expiry(visit: Visit) -> Finding:
    """When the credentials in hand end."""
    expires_at = visit.account.credentials.expires_at
    if expires_at is None:
        return visit.finding("expiry", Outcome.PASS, "the credentials do not expire")
    end = f"{datetime.fromtimestamp(expires_at, UTC):%Y-%m-%dT%H:%M:%SZ}"
    if expires_at - time.time() < _SOON_S:
        return visit.finding(
            "expiry", Outcome.WARN, f"the credentials end at {end}", "see that they are renewed where they come from"
        )
    return visit.finding("expiry", Outcome.PASS, f"the credentials end at {end}; fleet renews what can be renewed")


def check_clock(ticks: list[Tick]) -> Finding:
    """Our clock against the Date of AWS's answers."""
    skew = skew_s(ticks)
    if skew is None:
        return Finding(check="clock", outcome=Outcome.SKIPPED, found="no answer of AWS told its time")
    if abs(skew) < CLOCK_DOUBTFUL_S:
        return Finding(check="clock", outcome=Outcome.PASS, found=f"within {max(1.0, abs(skew)):.0f} s of AWS's")
    found = f"{abs(skew):,.0f} s {'ahead of' if skew > 0 else 'behind'} AWS's"
    broken = abs(skew) >= CLOCK_BROKEN_S
    then = "set the machine's clock (NTP)"
    if broken:
        then += f": AWS refuses requests that are {CLOCK_BROKEN_S:.0f} s off"
    return Finding(check="clock", outcome=Outcome.FAIL if broken else Outcome.WARN, found=found, next=then)


async def check_role(visit: Visit) -> list[Finding]:
    """The data access role exists, and Comprehend may take it on for our jobs."""
    if not visit.account.asked_for_real("iam"):
        return [visit.stands_in("role", "IAM")]
    name = visit.role_arn.rpartition("/")[2]
    try:
        role = await visit.account.role(name)
    except Lost:
        found = f"{visit.role_arn} does not exist"
        then = f"make it, or set targets.{visit.name}.data_access_role_arn"
        return [visit.finding("role", Outcome.FAIL, found, then, configured=True)]
    if role.arn != visit.role_arn:
        found = f"the role {name} is {role.arn}, not {visit.role_arn}"
        return [visit.finding("role", Outcome.FAIL, found, "set the ARN as IAM tells it", configured=True)]
    match = ROLE_ARN.fullmatch(visit.role_arn)
    trusted = trust_of(
        role.trust,
        account=visit.role_account,
        region=visit.region,
        kinds=sorted(visit.corpus.kinds),
        partition=match["partition"] if match else "aws",
    )
    outcome = {Trust.GIVEN: Outcome.PASS, Trust.DENIED: Outcome.FAIL}.get(trusted.trust, Outcome.WARN)
    advice = None if outcome is Outcome.PASS else "see deploy/iam/data-access-role-trust.json"
    return [
        visit.finding("role", Outcome.PASS, f"{visit.role_arn} exists"),
        visit.finding("trust", outcome, trusted.why, advice),
    ]


async def check_pass_role(visit: Visit) -> list[Finding]:
    """Whether IAM would let us pass the role to Comprehend."""
    if not visit.account.asked_for_real("iam"):
        return [visit.stands_in("pass role", "IAM")]
    if visit.identity is None:
        return [visit.finding("pass role", Outcome.SKIPPED, "who we are is not known")]
    principal = principal_role(visit.identity.arn)
    if principal is None:
        return [visit.finding("pass role", Outcome.SKIPPED, f"IAM cannot simulate {visit.identity.arn}")]
    arn, assumed = principal
    if assumed:
        with suppress(Forbidden, Lost):
            arn = (await visit.account.role(assumed)).arn  # the identity leaves out the path
    decision = await visit.account.may_pass(arn, visit.role_arn)
    if decision == "allowed":
        return [visit.finding("pass role", Outcome.PASS, f"{arn} may pass the role to Comprehend")]
    then = f"allow iam:PassRole on {visit.role_arn} (deploy/iam/submitter.json)"
    return [visit.finding("pass role", Outcome.FAIL, f"{arn} may not pass the role: {decision}", then)]
