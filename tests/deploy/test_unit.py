"""The systemd unit, as far as it can be judged without booting it; `make systemd` boots it."""

import re
import subprocess
from pathlib import Path

import pytest

from fleet.settings import Settings
from tests.deploy.tools import ROOT, found

UNIT = ROOT / "deploy" / "systemd" / "fleet.service"


@pytest.fixture(scope="module")
def service() -> dict[str, list[str]]:
    """The directives of [Service], each with every value that it is given."""
    text = UNIT.read_text().partition("[Service]")[2].partition("[Install]")[0]
    directives: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE):
        directives.setdefault(name, []).append(value)
    return directives


def analysed(*words: str) -> "subprocess.CompletedProcess[str]":
    """What systemd-analyze says."""
    command = [*found("systemd-analyze", "systemd", "libsystemd-shared"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_its_exposure_is_under_two() -> None:
    """`systemd-analyze security` gives less than 2.0 of 10 (OK)."""
    done = analysed("security", "--offline=true", "--threshold=20", str(UNIT))

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    exposure = re.search(r"Overall exposure level for fleet\.service: ([\d.]+) OK", done.stdout)
    assert exposure is not None
    assert float(exposure[1]) < 2.0


def test_a_unit_without_its_sandbox_would_fail_the_gate(tmp_path: Path) -> None:
    """The same unit without its system call filter and its empty capability set is over the threshold."""
    weak = tmp_path / "fleet.service"
    weak.write_text(
        re.sub(r"^(SystemCallFilter|CapabilityBoundingSet|PrivateUsers)=.*\n", "", UNIT.read_text(), flags=re.M)
    )

    done = analysed("security", "--offline=true", "--threshold=20", str(weak))

    assert done.returncode != 0


def test_systemd_knows_every_directive(tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say, once the program exists; a misspelt directive it names."""
    unit = UNIT.read_text().replace("/opt/fleet/bin/fleet", "/bin/true")
    good, bad = tmp_path / "fleet.service", tmp_path / "typo.service"
    good.write_text(unit)
    bad.write_text(unit.replace("ProtectSystem=", "ProtectSytem="))

    verified, typo = analysed("verify", str(good)), analysed("verify", str(bad))

    assert (verified.returncode, verified.stderr) == (0, "")
    assert "ProtectSytem" in typo.stderr


def test_what_cannot_heal_is_not_restarted_and_all_else_always_is(service: dict[str, list[str]]) -> None:
    """Usage, data and configuration errors stay down; everything else comes back, however often."""
    assert service["Restart"] == ["on-failure"]
    assert set(service["RestartPreventExitStatus"][0].split()) == {"2", "64", "65", "78"}
    assert re.search(r"^StartLimitIntervalSec=0$", UNIT.read_text(), re.MULTILINE)


def test_a_drain_is_never_cut_short(service: dict[str, list[str]]) -> None:
    """systemd waits for longer than fleet drains, and takes its exit code after SIGTERM for a good end."""
    (timeout,) = service["TimeoutStopSec"]

    assert int(timeout.removesuffix("s")) > 1.5 * Settings().drain.deadline_s
    assert service["SuccessExitStatus"] == ["143"]


def test_it_is_watched_and_drains_and_dumps_no_core(service: dict[str, list[str]]) -> None:
    """Readiness by notification, a watchdog, the first signal to the main process alone, no core."""
    assert service["Type"] == ["notify"]
    assert service["WatchdogSec"] == ["30s"]
    assert service["KillMode"] == ["mixed"]
    assert service["LimitCORE"] == ["0"]
    assert set(service) >= {"DynamicUser", "StateDirectory", "LoadCredential", "MemoryHigh", "MemoryMax"}
