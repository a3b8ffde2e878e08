"""Where the AWS CLI is: on PATH, where `make` put it, or in a virtual environment that the tests make for themselves.

The CLI pins a botocore of its own, so it cannot live in fleet's environment.
"""

import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

__all__ = ["find_cli"]

# The first versions that go where AWS_ENDPOINT_URL_COMPREHEND says; an older one would ask AWS itself.
_OLDEST: Final = {1: (1, 29, 54), 2: (2, 13, 0)}
_LOCK: Final = str(Path(__file__).with_name("awscli.lock"))
_MADE: Final = Path(__file__).parents[2] / ".venv-aws" / "bin" / "aws"


def find_cli(cache: Path) -> Path:
    """An `aws` that can be led to a sandbox; `cache` keeps one that was installed. RuntimeError if none can be."""
    own = cache / "bin" / "aws"
    for found in (shutil.which("aws"), _MADE, own):
        if found is not None and _serves(Path(found)):
            return Path(found)
    venv.create(cache, with_pip=True, clear=True)
    pip = [str(cache / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    ended = subprocess.run([*pip, "--require-hashes", "-r", _LOCK], capture_output=True, text=True, check=False)
    if ended.returncode or not _serves(own):
        raise RuntimeError(f"no AWS CLI: install it, or let {sys.executable} reach PyPI\n{ended.stderr}")
    return own


def _serves(command: Path) -> bool:
    if not command.exists():
        return False
    ended = subprocess.run([command, "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"aws-cli/(\d+)\.(\d+)\.(\d+)", ended.stdout)
    if ended.returncode or found is None:
        return False
    version = tuple(map(int, found.groups()))
    return version >= _OLDEST.get(version[0], _OLDEST[2])
