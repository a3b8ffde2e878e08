"""The proof that the image builds and runs: by buildah on a Debian base, then as nobody on a read-only root.

    python -m tests.deploy.image        (make image; needs root on Linux; about two minutes)

Without a registry: the base is the container root of machine.py, and pip reads the wheels of its wheelhouse. Exit code
0 when every claim held, 1 when one did not, 77 where this machine cannot build.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import anyio

from fleet import __version__
from fleet.core.kinds import KINDS
from fleet.sandbox import S3Store
from tests.deploy.machine import build_root, wheelhouse
from tests.deploy.proof import Proof
from tests.deploy.tools import ROOT, Missing, fetch
from tests.e2e.conftest import CONFIG, SWITCHES, TEXT, sandbox

# what Debian's buildah links against and a machine may lack
_PACKAGES: Final = ("buildah", "libgpgme11", "libassuan0", "libdevmapper1.02.1", "libseccomp2", "libsubid4")
_BASE, _IMAGE = "localhost/base:proof", "localhost/comprehend-fleet:proof"
_PREFIXES: Final = ("2024/01/", "2024/02/", "2024/03/")
_OUTSIDE: Final = ("proc", "sys", "dev", "run", "tmp", "var/cache/apt", "var/lib/apt/lists")
_RUN: Final = """
mount --bind "$1" "$1"
mount --options remount,bind,ro "$1"
mount --types tmpfs --options uid=65532,gid=65532,mode=0700 ledger "$1/var/lib/fleet"
mount --types tmpfs --options mode=1777 tmp "$1/tmp"
mount --types proc proc "$1/proc"
mount --bind --options ro "$2" "$1/mnt"
shift 2
exec "$@"
"""


class Buildah:
    """Debian's buildah, unpacked: its libraries are laid over the machine's in a mount namespace of each call's own."""

    def __init__(self, store: Path) -> None:
        self._unpacked = fetch("buildah", _PACKAGES)
        self._store = store
        (store / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        (store / "none.conf").write_text("")

    def __call__(self, command: str, *words: str) -> str:
        """One command of buildah; what it printed."""
        (missing,) = self._unpacked.glob("usr/lib/*-linux-gnu")
        libraries = Path("/", missing.relative_to(self._unpacked))
        overlay = f"mount -t overlay -o lowerdir={libraries}:{missing} overlay {libraries}"
        policy = ["--signature-policy", str(self._store / "policy.json")] if command in ("build", "commit") else []
        buildah = [
            *(str(self._unpacked / "usr/bin/buildah"), "--root", str(self._store / "root")),
            *("--runroot", str(self._store / "run"), "--storage-driver", "vfs", command, *policy, *words),
        ]
        environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self._store),
            "REGISTRIES_CONFIG_PATH": str(self._store / "none.conf"),
            "CONTAINERS_CONF": str(self._store / "none.conf"),
        }
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-euc", f'{overlay}\nexec "$@"', "sh", *buildah],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"buildah {command} left with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout.strip()


def main() -> int:
    """Build the image, look at it and run it; the exit code."""
    proof = Proof()
    try:
        proof.say("a base, the wheels and buildah: kept in .tools/, made where they are missing")
        root, wheels = build_root(), wheelhouse()
        with tempfile.TemporaryDirectory() as directory:
            buildah = Buildah(Path(directory))
            make_base(buildah, root)
            proof.say("the base is an image; building")
            buildah(
                *("build", "--isolation", "chroot", "--pull-never", "--volume", f"{wheels}:/wheels:ro"),
                *("--build-arg", f"PYTHON={_BASE}", "--build-arg", f"VERSION={__version__}"),
                *("--file", "deploy/docker/Dockerfile", "--tag", _IMAGE, "."),
            )
            proof.claim(True, "deploy/docker/Dockerfile builds")
            prove(proof, buildah, Path(directory))
    except Missing as missing:
        proof.say(f"not possible here: {missing}")
        return 77
    return proof.end()


def make_base(buildah: Buildah, root: Path) -> None:
    """A Debian with Python, whose pip knows the wheelhouse and nothing else."""
    container = buildah("from", "scratch")
    place = Path(buildah("mount", container))
    left_out = [f"--exclude=./{name}/*" for name in _OUTSIDE]
    pack = subprocess.Popen(["tar", "-C", str(root), *left_out, "-cf", "-", "."], stdout=subprocess.PIPE)
    subprocess.run(["tar", "-C", str(place), "-xf", "-"], stdin=pack.stdout, check=True)
    if pack.wait():
        raise RuntimeError("the root could not be packed")
    (place / "etc" / "pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n")
    buildah("commit", "--quiet", "--rm", container, _BASE)


def prove(proof: Proof, buildah: Buildah, directory: Path) -> None:
    """What the image says of itself, and what it does."""
    config = json.loads(buildah("inspect", "--type", "image", _IMAGE))["OCIv1"]["config"]
    proof.claim(config["User"] == "65532:65532", f"its user is {config['User']}")
    version = config["Labels"]["org.opencontainers.image.version"]
    proof.claim(version == __version__, f"its label says version {version}")
    place = Path(buildah("mount", buildah("from", "--pull-never", _IMAGE)))
    tools = [path.name for path in (place / "opt/fleet").rglob("*") if path.name in ("pip", "hatchling", "setuptools")]
    proof.claim(not tools and not list(place.glob("wheel*/*")), f"no build tool and no wheel is left in it: {tools}")
    outside = directory / "outside"
    outside.mkdir()
    (outside / "fleet.toml").write_text(CONFIG.replace("sqlite:///fleet.db", "sqlite:////var/lib/fleet/fleet.db"))
    lines = ({"prefix": f"s3://corpus-in/{prefix}"} for prefix in _PREFIXES)
    (outside / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    said = run(place, outside, config, {}, ["fleet", "--version"])
    proof.claim(said.returncode == 0, f"as nobody, on a read-only root: {said.stdout.strip()}")
    driver = run(place, outside, config, {}, ["python3", "-c", "import psycopg; print(psycopg.pq.__impl__)"])
    proof.claim(driver.stdout == "binary\n", f"the driver of PostgreSQL is in it, with its library: {driver.stdout!r}")
    refused = run(place, outside, config, {}, ["python3", "-c", "open('/opt/fleet/x', 'w')"])
    proof.claim("Read-only file system" in refused.stderr, "its root cannot be written")
    with sandbox(directory, SWITCHES) as environment:
        prove_run(proof, place, outside, config, environment)


def prove_run(proof: Proof, place: Path, outside: Path, config: dict[str, Any], environment: dict[str, str]) -> None:
    """The main job from inside the image: every kind over a few prefixes, all verified."""
    anyio.run(put_documents, environment["AWS_ENDPOINT_URL_S3"])
    aws = {name: value for name, value in environment.items() if name.startswith("AWS_")}
    aws["FLEET_CONFIG"] = "/mnt/fleet.toml"
    done = run(place, outside, config, aws, [*config["Entrypoint"], "run", "--json", "/mnt/manifest.jsonl"])
    jobs = len(_PREFIXES) * len(KINDS)
    verified = json.loads(done.stdout)["states"]["verified"] if done.returncode == 0 else done.stdout + done.stderr
    proof.claim(verified == jobs, f"fleet run in it: {verified} of {jobs} jobs verified on the sandbox")


async def put_documents(s3_url: str) -> None:
    """One object under each prefix."""
    async with S3Store(s3_url) as store:
        for bucket in ("corpus-in", "corpus-out"):
            await store.create_bucket(bucket)
        for prefix in _PREFIXES:
            await store.write("corpus-in", f"{prefix}part-0.txt", TEXT)


def run(
    place: Path, outside: Path, config: dict[str, Any], environment: dict[str, str], words: Sequence[str]
) -> "subprocess.CompletedProcess[str]":
    """One command as the image's user, without a capability, on its root made read-only."""
    user, group = config["User"].split(":")
    variables = dict(line.split("=", 1) for line in config["Env"]) | environment
    nobody = ["setpriv", "--reuid", user, "--regid", group, "--clear-groups", "--no-new-privs", "--bounding-set=-all"]
    inside = ["chroot", str(place), *nobody, "env", "-i", *(f"{name}={value}" for name, value in variables.items())]
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", _RUN, "sh"]
    return subprocess.run(
        [*command, str(place), str(outside), *inside, f"--chdir={config['WorkingDir']}", *words],
        capture_output=True,
        text=True,
        check=False,
    )


if __name__ == "__main__":
    sys.exit(main())
