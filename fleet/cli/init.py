"""`fleet init`: a configuration and a manifest to begin with, and what to do next."""

import os
import shlex
from pathlib import Path
from typing import Final

from fleet.cli.exits import CannotCreate
from fleet.cli.screen import Screen

__all__ = ["init_command"]

_CONFIG: Final = """\
# fleet's configuration. Every setting has a default but those of a target; `fleet config show` tells all of them, and
# `fleet config check` whether they can work. A flag goes before the environment (FLEET_LEDGER__URL=...), and that
# before this file.

[ledger]
url = "sqlite:///fleet.db"         # all that fleet remembers; keep it on a local disk

[defaults]                         # for every manifest line that does not say otherwise
kinds = ["entities"]               # entities, key_phrases, pii_entities, sentiment, targeted_sentiment
language = "en"
input_format = "ONE_DOC_PER_LINE"  # or ONE_DOC_PER_FILE

# [defaults.request]               # anything of AWS's own Start request, for every kind ...
# Tags = [{ Key = "project", Value = "migration" }]
# [defaults.request.pii_entities]  # ... or for one
# Mode = "ONLY_OFFSETS"

[targets.main]                     # an account and Region that runs jobs
region = "us-east-1"
data_access_role_arn = "arn:aws:iam::123456789012:role/comprehend"  # CHANGE: Comprehend's role
output = "s3://example-results/fleet/" # CHANGE: where results go; not below an input
# profile = "migration"            # an AWS profile, where the default credentials will not do

# [targets.main.quotas]            # where your account has more than AWS's defaults
# active_jobs = 10
# start_per_s = 1
"""

_MANIFEST: Final = """\
{"prefix": "s3://example-corpus/2024/01/"}
{"prefix": "s3://example-corpus/2024/02/", "kinds": ["sentiment", "key_phrases"], "label": "february"}
{"prefix": "s3://example-corpus/contracts/", "input_format": "ONE_DOC_PER_FILE"}
"""


def init_command(directory: Path, *, quiet: bool) -> int:
    """Write fleet.toml and manifest.jsonl; 0. `CannotCreate` where one is there already: then nothing is written."""
    files = {directory / "fleet.toml": _CONFIG, directory / "manifest.jsonl": _MANIFEST}
    there = [path for path in files if path.exists() or path.is_symlink()]
    if there:
        raise CannotCreate(
            f"{' and '.join(map(str, there))}: there already, and init overwrites nothing; give another directory: "
            "fleet init DIR"
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise CannotCreate(f"{error.filename or directory}: cannot be made ({error.strerror})") from None
    if not quiet:
        screen = Screen()
        enter = "" if directory == Path() else f"cd {shlex.quote(str(directory))} && "
        screen.say(
            *(f"Wrote {path}" for path in files),
            "",
            "Next:",
            "  1. in fleet.toml, set the Region, the data access role and the output of [targets.main]",
            f"  2. {screen.paint(f'{enter}fleet discover s3://YOUR-CORPUS/ --output corpus.jsonl', 'cyan')}",
            "     lists your prefixes (or edit manifest.jsonl by hand)",
            f"  3. {screen.paint('fleet plan corpus.jsonl', 'cyan')} shows what would be done; it touches nothing",
            f"  4. {screen.paint('fleet run corpus.jsonl', 'cyan')}",
            "",
            f"No AWS account at hand? {screen.paint('fleet demo', 'cyan')} runs the whole thing on a sandbox.",
        )
    return 0
