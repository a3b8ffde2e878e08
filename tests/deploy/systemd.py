"""The proof that the unit keeps its word: the install guide followed in a booted machine, fleet run, hung and stopped.

    python -m tests.deploy.systemd        (make systemd; needs root on Linux; about four minutes)

The sandbox runs on the machine's own network; its accept log decides whether anything was lost or doubled. Exit code 0
when every claim held, 1 when one did not, 77 where this machine cannot boot a container.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from fleet.sandbox.corpus import make
from tests.deploy.machine import Machine, booted, build_root, until, wheelhouse
from tests.deploy.proof import Proof
from tests.deploy.tools import ROOT, Missing

_GUIDE: Final = ROOT / "deploy" / "systemd" / "README.md"
_COMPREHEND, _S3, _HTTP = "http://127.0.0.1:4510", "http://127.0.0.1:4511", "http://127.0.0.1:9377"
_LINES: Final = 120
_SWITCHES: Final = ("time_scale=30", "start_per_s=6", "describe_per_s=50", "list_per_s=20", "seed=1")
_CONFIG: Final = """\
[defaults]
kinds = ["entities"]
language = "en"

[targets.main]
region = "us-east-1"
data_access_role_arn = "arn:aws:iam::123456789012:role/comprehend"
output = "s3://{output}/results/"

[targets.main.quotas]
start_per_s = 6
describe_per_s = 50
list_per_s = 20
"""
_ENVIRONMENT: Final = f"AWS_ENDPOINT_URL_COMPREHEND={_COMPREHEND}\nAWS_ENDPOINT_URL_S3={_S3}\n"
_UNFINISHED: Final = ("pending", "submitting", "running", "finished")
_CREDENTIALS: Final = "[default]\naws_access_key_id = sandbox\naws_secret_access_key = sandbox\n"


class Service:
    """The unit in the machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def show(self, name: str) -> str:
        """One property of the unit."""
        return self.machine.run("systemctl", "show", "--property", name, "--value", "fleet")

    @property
    def pid(self) -> int:
        """Its main process, 0 while there is none."""
        return int(self.show("MainPID"))

    def journal(self, pattern: str) -> list[str]:
        """The lines of its journal that hold this."""
        said = self.machine.run("journalctl", "--unit", "fleet", "--output", "cat", "--no-pager")
        return [line for line in said.splitlines() if re.search(pattern, line)]

    def truth(self) -> dict[str, Any]:
        """What the sandbox saw."""
        truth: dict[str, Any] = json.loads(self.machine.get(f"{_COMPREHEND}/sandbox/truth"))
        return truth

    def states(self) -> dict[str, int]:
        """The ledger's jobs by state, as `fleet status` tells it."""
        command = "cd /var/lib/fleet && /opt/fleet/bin/fleet status --json --config /etc/fleet/fleet.toml"
        states: dict[str, int] = json.loads(self.machine.run("sh", "-c", command))["states"]
        return states


def main() -> int:
    """Boot, follow the guide, and put the unit through it all; the exit code."""
    proof = Proof()
    try:
        proof.say("a container's root and the wheels: kept in .tools/, made where they are missing")
        root, wheels = build_root(), wheelhouse()
        with tempfile.TemporaryDirectory() as directory:
            checkout = Path(directory, "checkout")
            checkout.mkdir()
            stage(checkout)
            binds = {checkout: "/srv/fleet", wheels: "/srv/wheels"}
            with booted(root, binds, Path(directory, "console.log")) as machine, sandboxed(machine):
                proof.say("booted: " + machine.run("systemctl", "--version").splitlines()[0])
                prove(proof, Service(machine), follow_guide(proof, machine))
    except Missing as missing:
        proof.say(f"not possible here: {missing}")
        return 77
    return proof.end()


def stage(checkout: Path) -> None:
    """What a user has: the files that the guide names, and the wheel."""
    for name in ("config", "deploy"):
        shutil.copytree(ROOT / name, checkout / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(checkout / "dist"), str(ROOT)], check=True)


@contextmanager
def sandboxed(machine: Machine) -> Iterator[None]:
    """A sandbox with the demo's corpus on the machine's loopback."""
    words = [sys.executable, "-m", "fleet", "sandbox", "--port", "4510", "--s3-port", "4511", "--corpus"]
    for switch in _SWITCHES:
        words += ["--set", switch]
    with machine.beside(*words, stdout=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def follow_guide(proof: Proof, machine: Machine) -> int:
    """The guide's own commands, with our edits where it says edit; how many jobs `fleet plan` expects of it."""
    install, start = re.findall(r"```sh\n(.*?)```", _GUIDE.read_text(), re.DOTALL)
    corpus = make()
    lines = corpus.manifest.splitlines(keepends=True)[:_LINES]
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/srv/wheels", "PIP_QUIET": "1"}
    machine.run("sh", "-euc", f"cd /srv/fleet\n{install}", env=offline)
    proof.say(
        "installed as the guide says, from the locks with hashes: " + machine.run("/opt/fleet/bin/fleet", "--version")
    )
    machine.write("/etc/fleet/fleet.toml", _CONFIG.format(output=corpus.output_bucket))
    machine.write("/etc/fleet/manifest.jsonl", "".join(lines))
    machine.write("/etc/fleet/fleet.env", _ENVIRONMENT)
    machine.write("/etc/credstore/aws_credentials", _CREDENTIALS, 0o600)
    machine.write("/etc/credstore/fleet_ledger__url", "sqlite:///fleet.db", 0o600)
    until(lambda: b"true" in machine.get(f"{_COMPREHEND}/sandbox/health"), 60, "the sandbox")
    plan = "cd /tmp && /opt/fleet/bin/fleet plan --json --config /etc/fleet/fleet.toml /etc/fleet/manifest.jsonl"
    jobs: int = json.loads(machine.run("sh", "-c", plan))["new"]
    said = machine.run("sh", "-euc", start)
    proof.say("started as the guide says: " + next(line.strip() for line in said.splitlines() if "Active:" in line))
    return jobs


def prove(proof: Proof, service: Service, jobs: int) -> None:
    """Everything that the unit claims, in the order of a service's life."""
    prove_ready_and_confined(proof, service)
    until(lambda: service.truth()["jobs_started"] >= 10, 60, "the first jobs")
    prove_reload(proof, service)
    prove_watchdog(proof, service)
    prove_stop(proof, service)
    waiting = service.states()["pending"]  # root looks at the ledger of a user that does not exist at the moment
    service.machine.run("systemctl", "start", "fleet")
    proof.claim(service.show("ActiveState") == "active", f"started again, {waiting} jobs to start")
    until(lambda: not any(service.states()[state] for state in _UNFINISHED), 300, "the last job")
    truth, states = service.truth(), service.states()
    proof.say(f"the ledger: {', '.join(f'{count} {state}' for state, count in states.items() if count)}")
    proof.claim(
        truth["jobs_started"] == jobs == sum(states.values()) and not truth["duplicates"],
        f"nothing lost, nothing doubled: the sandbox accepted {truth['jobs_started']} jobs for {jobs} asked, "
        f"{len(truth['duplicates'])} duplicates",
    )
    prove_no_restart_loop(proof, service)


def prove_ready_and_confined(proof: Proof, service: Service) -> None:
    """READY came from the process itself, its endpoint answers, and it is a nobody in a cage."""
    proof.claim(service.show("ActiveState") == "active", f"READY=1 reached; status: {service.show('StatusText')!r}")
    proof.claim(service.machine.get(f"{_HTTP}/readyz"), "/readyz answers 200")
    status = service.machine.run("cat", f"/proc/{service.pid}/status")
    facts = dict(re.findall(r"^(Uid|NoNewPrivs|Seccomp|CapBnd):\s+(\S+)", status, re.MULTILINE))
    user = int(facts.pop("Uid"))
    caged = facts == {"NoNewPrivs": "1", "Seccomp": "2", "CapBnd": "0" * 16}
    proof.claim(user and caged, f"it runs as user {user} with {facts}")
    limits = service.machine.run("cat", f"/proc/{service.pid}/limits")
    proof.claim(re.search(r"Max core file size\s+0\s+0", limits), "it leaves no core")
    home = "/var/lib/private/fleet"
    files = service.machine.run("stat", "--format", "%a %U %n", home, f"{home}/fleet.db").splitlines()
    modes = [line.split()[0] for line in files]
    proof.claim(modes == ["700", "600"], f"the ledger, named by LoadCredential, is for it alone: {', '.join(files)}")


def prove_reload(proof: Proof, service: Service) -> None:
    """The same process goes on with the new configuration; a wrong one is refused."""
    before, toml = service.pid, "/etc/fleet/fleet.toml"
    ready = len(service.journal("fleet.ready"))
    service.machine.run("sed", "-i", "s/describe_per_s = 50/describe_per_s = 40/", toml)
    service.machine.run("systemctl", "reload", "fleet")
    until(lambda: len(service.journal("fleet.ready")) > ready, 60, "the reload")
    said = service.journal("config.reloaded")
    proof.claim(service.pid == before and said, f"systemctl reload: the same process {before}; it says {said[-1:]}")
    service.machine.run("sed", "-i", "s/^region/regoin/", toml)
    service.machine.run("systemctl", "reload", "fleet")
    until(lambda: service.journal("config.rejected"), 60, "the refusal")
    until(lambda: service.show("ActiveState") == "active", 60, "the service to be active")
    service.machine.run("sed", "-i", "s/^regoin/region/", toml)
    proof.claim(
        service.pid == before, f"a wrong configuration is refused, the old one stays: {service.show('StatusText')!r}"
    )


def prove_watchdog(proof: Proof, service: Service) -> None:
    """A process that is stopped is killed by the watchdog and comes back by itself."""
    before = service.pid
    service.machine.run("kill", "-STOP", str(before))
    proof.say(f"SIGSTOP to the main process {before}, with {service.truth()['jobs_started']} jobs started")
    took_s = until(
        lambda: service.show("ActiveState") == "active" and service.pid not in (0, before), 120, "the watchdog"
    )
    proof.claim(service.journal("Watchdog timeout"), f"the watchdog saw it: {service.journal('Watchdog timeout')[-1:]}")
    proof.claim(
        service.show("NRestarts") == "1",
        f"and {took_s:.0f} s after the stop it was ready again as process {service.pid}",
    )


def prove_stop(proof: Proof, service: Service) -> None:
    """`systemctl stop` in the middle of the work: in time, with no failure, and with nothing left of it."""
    states = service.states()
    until(lambda: service.truth()["jobs_started"] > sum(states.values()) // 2, 60, "half of the jobs")
    states = service.states()
    began = time.monotonic()
    service.machine.run("systemctl", "stop", "fleet")
    took_s = time.monotonic() - began
    proof.claim(states["pending"] and states["running"], f"stopped in the middle of the work: {states}")
    ended = [service.show(name) for name in ("ActiveState", "Result", "ExecMainStatus")]
    proof.claim(
        ended[:2] == ["inactive", "success"] and took_s < 30,
        f"systemctl stop drained in {took_s:.1f} s: {ended[0]}, result {ended[1]}, exit code {ended[2]}",
    )


def prove_no_restart_loop(proof: Proof, service: Service) -> None:
    """A configuration error is told once and stays told: no restart."""
    service.machine.run("systemctl", "stop", "fleet")
    service.machine.run("sed", "-i", "s/^region/regoin/", "/etc/fleet/fleet.toml")
    service.machine.run("systemctl", "start", "fleet", check=False)
    until(lambda: service.show("ActiveState") in ("failed", "active"), 60, "the refusal")
    ended = [service.show(name) for name in ("ActiveState", "NRestarts", "ExecMainStatus")]
    proof.claim(
        ended == ["failed", "0", "78"],
        f"a configuration error: {ended[0]} with exit code {ended[2]}, {ended[1]} restarts",
    )
    proof.claim(service.journal("did you mean region"), f"and it says why: {service.journal('regoin')[-1:]}")


if __name__ == "__main__":
    sys.exit(main())
