"""One replica: a place in the fleet where one real `fleet serve` process lives after the other."""

import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.faults.replicas.gate import Gate

__all__ = ["Life", "Replica"]

_SERIES: Final = re.compile(r"^(\w+(?:\{[^}]*\})?) (\S+)$", re.MULTILINE)
_LISTENING: Final = re.compile(r'"port": (\d+), "event": "http\.listening"')
_ANSWER_S: Final = 1.0
_DRAIN_S: Final = 60.0


@dataclass(slots=True, kw_only=True)
class Life:
    """One process of a replica. The sandbox knows it by its access key, the ledger by its process id."""

    access_key: str
    process: "subprocess.Popen[bytes]"
    began_at: float
    figures: dict[str, float] = field(default_factory=dict)  # its metrics, as they were read last
    code: int | None = None  # how it left, None while it lives; what we kill has -9

    @property
    def process_id(self) -> int:
        """Of the process, as its replica's name has it."""
        return self.process.pid


@dataclass(slots=True, kw_only=True)
class Replica:
    """One place in the fleet, where one process lives after the other."""

    number: int
    directory: Path
    environment: Mapping[str, str]
    gate: Gate
    lives: list[Life] = field(default_factory=list)
    paused: bool = False
    left: list[str] = field(default_factory=list)  # who left by itself, and its code: before it answered for the first
    died: list[str] = field(default_factory=list)  # time, for it found no database; and after that, which none must
    _address: str = ""

    @property
    def life(self) -> Life:
        """The present process, or the last one."""
        return self.lives[-1]

    @property
    def alive(self) -> bool:
        """Whether its process lives; one that left by itself is noted."""
        if not self.lives or self.life.code is not None:
            return False
        code = self.life.process.poll()
        if code is None:
            return True
        self.life.code = code
        after_s = time.time() - self.life.began_at
        sentence = f"{self.life.access_key} left by itself with {code} after {after_s:.0f} s"
        (self.died if self.life.figures else self.left).append(sentence)
        return False

    def start(self) -> None:
        """A new process."""
        access_key = f"REPLICA{self.number}LIFE{len(self.lives) + 1}"
        with (self.directory / f"{access_key}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "fleet", "serve", "manifest.jsonl"],
                cwd=self.directory,
                env={**self.environment, "AWS_ACCESS_KEY_ID": access_key},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._address = ""
        self.lives.append(Life(access_key=access_key, process=process, began_at=time.time()))

    def kill(self) -> None:
        """SIGKILL, if it lives."""
        if self.alive:
            self.life.process.kill()
            self.life.code = self.life.process.wait()
        self.paused = False

    def pause(self) -> None:
        """SIGSTOP."""
        self.paused = True
        self.life.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT, if it is paused."""
        if self.paused:
            self.life.process.send_signal(signal.SIGCONT)
        self.paused = False

    def drain(self) -> None:
        """SIGTERM; it has left by itself soon after, and its code is noted."""
        if self.alive:
            self.life.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.life.code = self.life.process.wait(_DRAIN_S)
        self.kill()

    def read_figures(self) -> None:
        """The figures of the present process, if it answers."""
        if not self.alive or self.paused:
            return
        with suppress(OSError):
            text = self._get("metrics").decode()
            self.life.figures.update({name: float(value) for name, value in _SERIES.findall(text)})

    def code_of(self, probe: str) -> int:
        """The HTTP status of a probe, such as readyz; 0 where nobody answers."""
        try:
            self._get(probe)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0
        return 200

    def said(self) -> str:
        """All that its processes logged."""
        return "".join(self.said_by(life) for life in self.lives)

    def said_by(self, life: Life) -> str:
        """All that this process logged."""
        return (self.directory / f"{life.access_key}.log").read_text(errors="replace")

    def _get(self, endpoint: str) -> bytes:
        if not self._address:
            found = _LISTENING.search(self.said_by(self.life))
            if found is None:
                raise ConnectionRefusedError
            self._address = f"http://127.0.0.1:{found[1]}"
        with urllib.request.urlopen(f"{self._address}/{endpoint}", timeout=_ANSWER_S) as answer:  # noqa: S310 - ours
            body: bytes = answer.read()
        return body
