"""botocore's descriptions of services, of which only what calls need stays in memory: a fifth of it.

Left out are the prose, which is for `help()`, and where the services are that fleet never calls: 10 of 12 MiB that
botocore would keep for the process's life.
"""

import gzip
import json
from pathlib import Path
from typing import Any, Final

from botocore.loaders import JSONFileLoader, Loader

__all__ = ["lean_loader"]

_ENDPOINTS: Final = "endpoints"
_CALLED: Final = frozenset({"comprehend", "s3", "sts", "iam", "servicequotas", "oidc", "portal.sso", "signin"})
"""Endpoint prefixes of the services that fleet calls, or that botocore calls for its credentials."""


def lean_loader() -> Loader:
    """A loader for all sessions of a process: what it has read it keeps, and each of its own would cost 3 MiB."""
    return Loader(file_loader=_LeanFiles())


class _LeanFiles(JSONFileLoader):
    """Reads botocore's files without what no call needs, and into plain dictionaries, which take less room."""

    def load_file(self, file_path: str) -> Any:
        """The content of the file, named without its suffix; None if there is none."""
        for suffix, unpacked in ((".json", bytes), (".json.gz", gzip.decompress)):
            path = Path(f"{file_path}{suffix}")
            if path.is_file():
                content = json.loads(unpacked(path.read_bytes()), object_hook=_without_prose)
                return _with_called_only(content) if path.name.startswith(f"{_ENDPOINTS}.") else content
        return None


def _without_prose(found: dict[str, Any]) -> dict[str, Any]:
    if isinstance(found.get("documentation"), str):  # a shape may have a member of this name
        found["documentation"] = ""  # and botocore wants the member itself
    return found


def _with_called_only(endpoints: dict[str, Any]) -> dict[str, Any]:
    for partition in endpoints["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in services if name in _CALLED}
    return endpoints
