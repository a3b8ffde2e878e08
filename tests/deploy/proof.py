"""What a proof claims, and what it prints of it."""

import sys
import time

__all__ = ["Proof"]


class Proof:
    """What was claimed and what happened; `failed` counts the claims that did not hold."""

    def __init__(self) -> None:
        self.failed = 0
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        """A line with the time since the start."""
        sys.stdout.write(f"{time.monotonic() - self._began:6.1f} s  {text}\n")
        sys.stdout.flush()

    def claim(self, holds: object, text: str) -> None:
        """A claim, and whether it holds."""
        self.failed += not holds
        self.say(f"{'ok  ' if holds else 'NOT '} {text}")

    def end(self) -> int:
        """The exit code: 0 when every claim held."""
        self.say(f"everything has ended; {self.failed} claims did not hold")
        return int(self.failed > 0)
