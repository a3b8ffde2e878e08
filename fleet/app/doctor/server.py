"""Whether a ledger on PostgreSQL will work and keep what it is told: reached, allowed, encrypted, durable, attended."""

from anyio import to_thread

from fleet.app.ledger import open_ledger
from fleet.app.replicas import replicas
from fleet.core.checkup import Finding, Outcome
from fleet.core.report import plural
from fleet.ledger.postgres_checkup import ServerCheckup, look_at
from fleet.settings import Settings

__all__ = ["check_server"]


async def check_server(settings: Settings) -> list[Finding]:
    """The database answers, its role may do what fleet needs, and who shares it. Changes nothing."""
    where = settings.ledger
    found = await to_thread.run_sync(look_at, where.url, where.password_file)
    return [_ledger(found), _encryption(found), _durability(found), *await _replicas(settings, found)]


def _ledger(found: ServerCheckup) -> Finding:
    what = f"{found.place}, PostgreSQL {found.version}"
    if found.standby:
        return Finding(
            check="ledger",
            outcome=Outcome.FAIL,
            found=f"{what}: is a standby, which takes no writes",
            next="name the primary in [ledger] url, or several hosts with target_session_attrs=read-write",
        )
    if found.jobs is None and not found.may_create:
        return Finding(
            check="ledger",
            outcome=Outcome.FAIL,
            found=f"{what}: its role may not create the ledger's tables",
            next="GRANT USAGE, CREATE ON SCHEMA public TO the role; see docs/replicas.md",
        )
    jobs = "no ledger yet: the first run makes it" if found.jobs is None else f"{found.jobs:,} jobs"
    return Finding(check="ledger", outcome=Outcome.PASS, found=f"{what}: {jobs}")


def _encryption(found: ServerCheckup) -> Finding:
    if found.here:
        return Finding(check="ledger TLS", outcome=Outcome.PASS, found="the database is on this machine")
    if found.encrypted and found.verified:
        return Finding(check="ledger TLS", outcome=Outcome.PASS, found="encrypted; certificate and name are checked")
    what = "encrypted, but not checked with whom" if found.encrypted else "not encrypted"
    return Finding(
        check="ledger TLS",
        outcome=Outcome.WARN,
        found=f"the connection is {what}",
        next="leave sslmode out of [ledger] url, or write sslmode=verify-full with sslrootcert",
    )


def _durability(found: ServerCheckup) -> Finding:
    if not found.fsync:
        return Finding(
            check="ledger durability",
            outcome=Outcome.FAIL,
            found="fsync is off: a power cut destroys the ledger",
            next="set fsync = on in postgresql.conf",
        )
    if found.synchronous_commit == "off":
        return Finding(
            check="ledger durability",
            outcome=Outcome.WARN,
            found="synchronous_commit is off by default; fleet turns it on for its own commits",
            next="ALTER ROLE ... SET synchronous_commit = 'on'",
        )
    found_is = f"synchronous_commit is {found.synchronous_commit}"
    return Finding(check="ledger durability", outcome=Outcome.PASS, found=found_is)


async def _replicas(settings: Settings, found: ServerCheckup) -> list[Finding]:
    if found.jobs is None:
        return []
    async with open_ledger(settings, read_only=True) as ledger:
        members = await replicas(ledger, lease_s=settings.ledger.lease_s)
    told = ", ".join(f"{member.name} ({plural(len(member.leases), 'lease')})" for member in members) or "none runs now"
    return [Finding(check="replicas", outcome=Outcome.PASS, found=told)]
