"""Whether a ledger on PostgreSQL will work and keep what it is told: reached, allowed, encrypted, durable, attended."""

from anyio import to_thread

from fleet.app.ledger import open_ledger
from fleet.app.replicas import holders_of, replicas
from fleet.core.checkup import Finding, Outcome
from fleet.core.job import ENDED
from fleet.core.report import plural
from fleet.ledger.postgres.checkup import ServerCheckup, look_at
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
    ledger = found.ledger
    if ledger is None and not found.may_create:
        return Finding(
            check="ledger",
            outcome=Outcome.FAIL,
            found=f"{what}: its role may not create the ledger's tables",
            next="GRANT USAGE, CREATE ON SCHEMA public TO the role; see docs/replicas.md",
        )
    if ledger is None:
        return Finding(check="ledger", outcome=Outcome.PASS, found=f"{what}: no ledger yet: the first run makes it")
    said = f"{what}: {ledger.jobs:,} jobs, schema {ledger.version}"
    if ledger.closed:
        return Finding(
            check="ledger",
            outcome=Outcome.FAIL,
            found=f"{said}; its role may not read and write {', '.join(ledger.closed[:3])}",
            next="name the role that owns the tables in [ledger] url: it may also migrate them; see docs/replicas.md",
        )
    if ledger.version < ledger.knows:
        said += f", which the first fleet that starts makes {ledger.knows}"
    return Finding(check="ledger", outcome=Outcome.PASS, found=said)


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
        next="in [ledger] url: ?sslmode=verify-full&sslrootcert=FILE, which holds who vouches for the server",
    )


def _durability(found: ServerCheckup) -> Finding:
    if not found.safe_writes:
        return Finding(
            check="ledger durability",
            outcome=Outcome.FAIL,
            found="fsync or full_page_writes is off: a power cut destroys the ledger",
            next="set fsync = on and full_page_writes = on in postgresql.conf",
        )
    if found.waits_for_standby and found.synchronous_commit == "local":
        return _may_lose("synchronous_commit is local: commits do not wait for the synchronous standbys")
    if found.synchronous_commit == "off":
        return _may_lose("synchronous_commit is off by default; fleet turns it on for its own commits")
    if found.late_standbys and not found.waits_for_standby:
        return Finding(
            check="ledger durability",
            outcome=Outcome.WARN,
            found="its standbys are asynchronous: a failover loses the last commits, and fleet adopts their jobs anew",
            next="set synchronous_standby_names on the primary; see docs/replicas.md, Durability and standbys",
        )
    found_is = f"synchronous_commit is {found.synchronous_commit}"
    return Finding(check="ledger durability", outcome=Outcome.PASS, found=found_is)


def _may_lose(said: str) -> Finding:
    return Finding(
        check="ledger durability",
        outcome=Outcome.WARN,
        found=said,
        next="as the database's owner: ALTER ROLE fleet IN DATABASE fleet SET synchronous_commit = 'on'",
    )


async def _replicas(settings: Settings, found: ServerCheckup) -> list[Finding]:
    if found.ledger is None or found.ledger.version < found.ledger.knows:
        return []
    async with open_ledger(settings, read_only=True) as ledger:
        members = await replicas(ledger, lease_s=settings.ledger.lease_s)
        counts = await ledger.counts()
    told = ", ".join(f"{member.name} ({plural(len(member.leases), 'lease')})" for member in members) or "none runs now"
    holders = holders_of(members)
    unheld = [
        str(lane)
        for lane, states in sorted(counts.items())
        if lane not in holders and any(jobs for state, jobs in states.items() if state not in ENDED)
    ]
    if not members or not unheld:
        return [Finding(check="replicas", outcome=Outcome.PASS, found=told)]
    return [
        Finding(
            check="replicas",
            outcome=Outcome.WARN,
            found=f"{told}; nobody holds {', '.join(unheld[:3])}{' ...' if len(unheld) > 3 else ''}",
            next=f"still so after {2 * settings.ledger.lease_s:.0f} s? Then give a replica a target for that account "
            "and Region",
        )
    ]
