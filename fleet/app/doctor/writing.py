"""Quotas written into the configuration file, shown as a difference before, and the file replaced as a whole."""

import difflib
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from fleet.core.errors import InvalidInput, Misconfigured
from fleet.core.toml_edit import with_numbers

__all__ = ["QuotaEdit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaEdit:
    """The text of a configuration before and after."""

    path: Path
    before: str
    after: str

    @classmethod
    def of(cls, config: Path | None, quotas: Mapping[str, Mapping[str, float]]) -> Self:
        """The edit that sets these quotas by target; `Misconfigured` where the file cannot be edited safely."""
        path = (config or Path("fleet.toml")).resolve()
        try:
            with path.open(encoding="utf-8", newline="") as file:
                before = file.read()
        except OSError as error:
            raise Misconfigured(f"configuration {path}: {error.strerror}; quotas are written into a file") from None
        after = before
        for target, numbers in quotas.items():
            try:
                after = with_numbers(after, ("targets", target, "quotas"), numbers)
            except ValueError as error:
                raise Misconfigured(f"configuration {path}: [targets.{target}.quotas]: {error}") from None
        return cls(path=path, before=before, after=after)

    def diff(self) -> list[str]:
        """The lines of a unified diff; none where nothing changes."""
        lines = difflib.unified_diff(
            self.before.splitlines(), self.after.splitlines(), self.path.name, self.path.name, lineterm="", n=2
        )
        return list(lines)

    def write(self) -> None:
        """The file has the new text, with the mode that it had; a crash leaves the old one whole.

        `InvalidInput` if somebody has changed it meanwhile, or it cannot be written.
        """
        try:
            with self.path.open(encoding="utf-8", newline="") as file:
                if file.read() != self.before:
                    raise InvalidInput(f"{self.path}: somebody has changed it meanwhile; run the command again")
            descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
                    file.write(self.after)
                    file.flush()
                    os.fsync(file.fileno())
                os.chmod(name, self.path.stat().st_mode & 0o7777)
                os.replace(name, self.path)
            except BaseException:
                with suppress(OSError):
                    os.unlink(name)
                raise
        except OSError as error:
            raise InvalidInput(f"{self.path}: cannot be written ({error.strerror})") from None
