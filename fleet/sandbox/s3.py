"""S3 for the sandbox: moto's server as a child process, bound to this machine alone.

Promises: inside the block the server answers at `url`; it ends with the block, and also if this process is killed, for
then its standard input closes. Only that one child is ever signalled.
"""

import asyncio
import sys
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

__all__ = ["S3Process", "S3StartError"]

_START_S = 30.0
_END_S = 3.0


class S3StartError(RuntimeError):
    """The child did not come up; the text holds what it said."""


class S3Process(AbstractAsyncContextManager["S3Process"]):
    """One S3 server while the block runs. Port 0 takes a free one; `port` and `url` say which."""

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host = host
        self.port = port
        self._child: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where the server answers."""
        return f"http://{self.host}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The child's process id, None while there is none."""
        return self._child.pid if self._child is not None else None

    async def __aenter__(self) -> Self:
        self._child = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "fleet.sandbox.s3_child", self.host, str(self.port)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # Ctrl-C reaches every process of a session; the child shall end with the block, after the last write.
            start_new_session=True,
        )
        try:
            self.port = await self._read_port(self._child)
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def _read_port(self, child: asyncio.subprocess.Process) -> int:
        """The child binds its socket before it prints, so a connection is taken from that line on."""
        if child.stdout is None:
            raise S3StartError("the S3 server has no output")
        try:
            async with asyncio.timeout(_START_S):
                line = await child.stdout.readline()
        except TimeoutError as error:
            raise S3StartError(f"the S3 server was not up after {_START_S:.0f} s") from error
        if not line.strip().isdigit():
            raise S3StartError(f"the S3 server did not start on {self.host}:{self.port}: its log says why")
        return int(line)

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        if child.returncode is None:
            child.terminate()
        try:
            async with asyncio.timeout(_END_S):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()
        if child.stdin is not None:
            child.stdin.close()
