"""The whole checkup: everything at once, each check on its own, told in one order."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

import anyio

from fleet.app.doctor.access import (
    check_clock,
    check_endpoints,
    check_expiry,
    check_identity,
    check_pass_role,
    check_region,
    check_role,
)
from fleet.app.doctor.corpus import Corpus, read_corpus
from fleet.app.doctor.supply import check_buckets, check_keys, check_lists, check_outputs, granted
from fleet.app.doctor.surroundings import check_ledger_file, check_proxy
from fleet.app.doctor.visit import Check, Visit, bounded
from fleet.app.planning import targets_of
from fleet.aws.account import Account, Identity, open_account
from fleet.aws.session import Access, Timeouts
from fleet.core.checkup import Finding, Outcome
from fleet.core.errors import Denied, FleetError, InvalidInput, Misconfigured
from fleet.core.secrets import known_secrets, redacted
from fleet.settings import Settings, load

__all__ = ["TIMEOUTS", "Diagnosis", "examine", "open_visit"]

TIMEOUTS: Final = Timeouts(connect_s=4.0, read_s=10.0, call_s=15.0)

_NEEDS: Final = "needs {what}"
_QUOTAS_NEED: Final = "servicequotas:ListServiceQuotas and servicequotas:ListAWSDefaultServiceQuotas"
_OF_TARGETS: Final = ("endpoints", "credentials", "region", "role", "pass role", "bucket", "quotas", "list")
_ORDER: Final = (
    *("configuration", "target", "proxy", "ledger", "ledger room", "ledger holder", "endpoints", "endpoint", "region"),
    *("credentials", "expiry", "clock", "role", "trust", "pass role", "manifest", "output apart", "output", "bucket"),
    *("encryption", "quotas", "list"),
)


@dataclass(slots=True)
class Diagnosis:
    """All findings in order; and for each target the quotas that AWS grants where others are configured."""

    findings: list[Finding] = field(default_factory=list)
    quotas: dict[str, dict[str, float]] = field(default_factory=dict)


async def examine(config: Path | None, sources: Sequence[str] = (), *, only: Sequence[str] = ()) -> Diagnosis:
    """Every check of this configuration and these manifests; `only` these targets, if any are named.

    Never raises for what it finds. Nothing in it is a secret.
    """
    diagnosis = Diagnosis(findings=[check_proxy()])
    try:
        settings = _sound(load(config), only)
    except Misconfigured as error:
        diagnosis.findings += _broken(str(error), config)
    else:
        diagnosis.findings.append(_configured(config, settings))
        async with anyio.create_task_group() as group:
            group.start_soon(_ledger, settings, diagnosis)
            group.start_soon(_targets, settings, sources, diagnosis)
    known = known_secrets(os.environ)
    diagnosis.findings = [_clean(one, known) for one in sorted(diagnosis.findings, key=_place)]
    return diagnosis


def _sound(settings: Settings, only: Sequence[str]) -> Settings:
    """The settings with the chosen targets alone; `Misconfigured` for none, and for a role that is no role."""
    if not settings.targets:
        raise Misconfigured("no target is configured; add a [targets.NAME] table (fleet init writes an example)")
    for name in only:
        if name not in settings.targets:
            raise Misconfigured(f"target {name!r}: unknown; known: {', '.join(settings.targets)}")
    try:
        for target in targets_of(settings).values():
            _ = target.account
    except InvalidInput as error:
        raise Misconfigured(str(error)) from None
    chosen = {name: target for name, target in settings.targets.items() if not only or name in only}
    return settings.model_copy(update={"targets": chosen})


async def _ledger(settings: Settings, diagnosis: Diagnosis) -> None:
    try:
        with anyio.fail_after(TIMEOUTS.call_s):
            diagnosis.findings += await check_ledger_file(settings)
    except (OSError, TimeoutError, FleetError) as error:
        diagnosis.findings.append(Finding(check="ledger", outcome=Outcome.FAIL, found=f"it cannot be read: {error}"))


async def _targets(settings: Settings, sources: Sequence[str], diagnosis: Diagnosis) -> None:
    async with AsyncExitStack() as stack:
        accounts: dict[str, Account] = {}
        for name, target in settings.targets.items():
            access = Access(region=target.region, profile=target.profile, assume_role_arn=target.assume_role_arn)
            try:
                accounts[name] = await stack.enter_async_context(open_account(name, access, TIMEOUTS))
            except Misconfigured as error:
                diagnosis.findings.append(
                    Finding(check="target", outcome=Outcome.FAIL, found=str(error), target=name, configured=True)
                )
                diagnosis.findings += _skipped(_OF_TARGETS, "a target that can be opened", name)
        first = next(iter(accounts.values()), None)
        corpus = await read_corpus(settings, sources, first.s3 if first else None)
        diagnosis.findings += corpus.findings
        if not sources:
            diagnosis.findings += _skipped(("manifest",), "a manifest: fleet doctor MANIFEST...", None)
        async with anyio.create_task_group() as group:
            for name, account in accounts.items():
                group.start_soon(_target, _visit(settings, name, account, corpus), diagnosis)
        ticks = [tick for account in accounts.values() for tick in account.ticks]
        diagnosis.findings.append(check_clock(ticks))


async def _target(visit: Visit, diagnosis: Diagnosis) -> None:
    """All checks of one target. Who we are comes first: without credentials nothing else could be told."""
    diagnosis.findings += [*check_endpoints(visit), *check_region(visit), *check_outputs(visit), *check_keys(visit)]
    identity, denied = await _identify(visit, diagnosis)
    if denied:
        diagnosis.findings += _skipped(("role", "pass role", "bucket", "quotas", "list"), "credentials", visit.name)
        return
    visit = replace(visit, identity=identity)
    checks: list[tuple[str, Check, str]] = [
        ("role", check_role, "iam:GetRole"),
        ("pass role", check_pass_role, "iam:SimulatePrincipalPolicy"),
        ("bucket", check_buckets, ""),
        ("quotas", partial(_quotas, diagnosis=diagnosis), _QUOTAS_NEED),
        ("list", check_lists, ""),
    ]

    async def run(check: str, make: Check, permission: str) -> None:
        diagnosis.findings += await bounded(visit, check, make, permission=permission)

    async with anyio.create_task_group() as group:
        for check in checks:
            group.start_soon(run, *check)
    diagnosis.findings.append(check_expiry(visit))


async def _identify(visit: Visit, diagnosis: Diagnosis) -> tuple[Identity | None, bool]:
    """Who we are, and whether AWS takes us for nobody."""
    found: list[Identity | None] = []
    denied = False

    async def ask(visit: Visit) -> list[Finding]:
        nonlocal denied
        try:
            findings, identity = await check_identity(visit)
        except Denied as error:
            denied = True
            then = "give credentials: environment, profile, role (https://docs.aws.amazon.com/cli/ tells how)"
            return [visit.finding("credentials", Outcome.FAIL, str(error), then)]
        found.append(identity)
        return findings

    diagnosis.findings += await bounded(visit, "credentials", ask)
    return (found[0] if found else None), denied


async def _quotas(visit: Visit, diagnosis: Diagnosis) -> list[Finding]:
    findings, values = await granted(visit)
    if values:
        diagnosis.quotas[visit.name] = values
    return findings


def _visit(settings: Settings, name: str, account: Account, corpus: Corpus) -> Visit:
    target = targets_of(settings)[name]
    return Visit(
        name=name,
        region=target.region,
        role_arn=target.data_access_role_arn,
        role_account=target.account,
        quotas=settings.targets[name].quotas.resolved(),
        account=account,
        corpus=corpus,
    )


@asynccontextmanager
async def open_visit(settings: Settings, name: str) -> AsyncIterator[Visit]:
    """One target, opened alone and without manifests."""
    target = settings.targets[name]
    access = Access(region=target.region, profile=target.profile, assume_role_arn=target.assume_role_arn)
    async with open_account(name, access, TIMEOUTS) as account:
        yield _visit(settings, name, account, await read_corpus(settings, (), None))


def _configured(config: Path | None, settings: Settings) -> Finding:
    found = f"{config or Path('fleet.toml')}: {len(settings.targets)} target(s): {', '.join(settings.targets)}"
    return Finding(check="configuration", outcome=Outcome.PASS, found=found)


def _broken(text: str, config: Path | None) -> list[Finding]:
    """The finding of a configuration that cannot work, and that nothing else could be looked at."""
    found = [
        Finding(
            check="configuration",
            outcome=Outcome.FAIL,
            found=line,
            next=f"mend {config or 'fleet.toml'}; fleet config check looks at it alone",
            configured=True,
        )
        for line in text.split("\n")
    ]
    return found + _skipped(("ledger", *_OF_TARGETS), "a sound configuration", None)


def _skipped(checks: Sequence[str], what: str, target: str | None) -> list[Finding]:
    return [
        Finding(check=check, outcome=Outcome.SKIPPED, found=_NEEDS.format(what=what), target=target) for check in checks
    ]


def _place(finding: Finding) -> tuple[str, int]:
    """Findings of no target first, then each target's in the order of the checks."""
    return finding.target or "", _ORDER.index(finding.check)


def _clean(finding: Finding, known: list[str]) -> Finding:
    return replace(
        finding,
        found=redacted(finding.found, known),
        next=redacted(finding.next, known) if finding.next else None,
    )
