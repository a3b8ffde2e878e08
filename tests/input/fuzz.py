"""Coverage-guided fuzzing of everything that reads strangers' bytes. Not a test.

    python -m tests.input.fuzz --seconds N [TARGET ...]

Needs the environment of `fuzz.lock` (atheris) in .venv-fuzz; fleet's own dependencies come from the environment that
runs this. Inputs that found new ground are kept in .fuzz/TARGET and are where the next run begins; one that breaks a
target is left beside them as crash-*, and makes the exit code 1.
"""

import argparse
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final
from unittest import mock

__all__ = ["main"]

ROOT: Final = Path(__file__).parents[2]
_PYTHON: Final = ROOT / ".venv-fuzz" / "bin" / "python"
_NAMES: Final = ("manifest", "uri", "config", "archive", "packed", "records")


def main(words: Sequence[str] | None = None) -> int:
    """Fuzz each target for its share of the seconds; 1 where one of them broke."""
    given = list(sys.argv[1:] if words is None else words)
    if given[:1] == ["--inside"]:
        _fuzz(given[1], given[2:])
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m tests.input.fuzz", description=__doc__, formatter_class=formatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(_NAMES)}; all, if none is named")
    parser.add_argument("--seconds", type=int, default=60, help="for all targets together")
    asked = parser.parse_args(words)
    if unknown := set(asked.targets) - set(_NAMES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if not _PYTHON.is_file():
        parser.error("there is no .venv-fuzz: make a venv of that name and install tests/input/fuzz.lock into it")
    targets = asked.targets or _NAMES
    broken = [target for target in targets if not _run(target, max(1, asked.seconds // len(targets)))]
    return 1 if broken else 0


def _run(target: str, seconds: int) -> bool:
    """Whether the target stood; prints one line of figures."""
    room = ROOT / ".fuzz" / target
    room.mkdir(parents=True, exist_ok=True)
    _plant(target, room)
    limits = [f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=1500", "-max_len=20000", "-verbosity=1"]
    done = subprocess.run(
        [_PYTHON, "-m", "tests.input.fuzz", "--inside", target, *limits, f"-artifact_prefix={room}/", str(room)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), sysconfig.get_paths()["purelib"]])},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    runs = re.findall(r"Done (\d+) runs|^#(\d+)", done.stderr, re.MULTILINE)
    covered = re.findall(r"cov: (\d+)", done.stderr)
    executions = max([int(one or other) for one, other in runs], default=0)
    sys.stdout.write(
        f"{target:9} {executions:>10,} executions in {seconds} s, {covered[-1] if covered else '?'} edges, "
        f"{'stood' if not done.returncode else 'BROKE'}\n"
    )
    if done.returncode:
        sys.stdout.write(done.stdout[-3_000:] + done.stderr[-3_000:] + "\n")
    sys.stdout.flush()
    return not done.returncode


def _plant(target: str, room: Path) -> None:
    from tests.input.targets import seeds

    for seed in seeds(target):
        (room / sha256(seed).hexdigest()[:16]).write_bytes(seed)


def _fuzz(target: str, flags: Sequence[str]) -> None:
    """Inside the environment of atheris: does not return."""
    import atheris  # type: ignore[import-untyped]

    with atheris.instrument_imports(include=["fleet", "tarfile", "gzip", "tomllib"]):
        from tests.input.targets import TARGETS

    # a bomb of a megabyte shows what one of a gigabyte would, a thousand times as often
    mock.patch("fleet.stages.source._BOMB_FLOOR_BYTES", 1 << 20).start()
    atheris.Setup([f"fuzz-{target}", *flags], TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
