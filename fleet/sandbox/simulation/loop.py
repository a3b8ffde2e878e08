"""An asyncio event loop whose time is virtual: it jumps to the next timer as soon as nothing is left to do.

Promises:
  - `loop.time()`, and with it every sleep, timeout and deadline of asyncio and anyio, is virtual. It starts at 0.
  - One thread of events: executor work (`run_in_executor`, `asyncio.to_thread`) runs in the loop's own thread, at once,
    and takes no time. `anyio.to_thread.run_sync` keeps its real threads, for `anyio.from_thread` needs them, but one at
    a time, and the loop goes on only when the thread has answered: what it does takes no time either. A thread may
    wait for the loop (`from_thread.run`); then time goes on, and the thread with it.
  - The same program gives the same order of events. Tasks hash by their number, so that sets of them have one order.
  - If nothing can ever happen any more, `Deadlock` is raised, and says which tasks wait where.
  - Nothing reaches the outside: connections, name look-ups, servers and child processes raise `OutsideWorld`.

Does not: change `time.time()` or `time.monotonic()` (take `LoopClock`), wait for threads that anyio's default limiter
does not count (`threading.Thread`, a limiter of one's own, `abandon_on_cancel`), or order what anyio keeps in sets by
address: child scopes that are cancelled at one instant. A task that spins on `sleep(0)` for a thread waits for ever.
"""

import asyncio
import contextvars
import itertools
import queue
import selectors
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar, TypeVarTuple

import anyio
from anyio import to_thread
from anyio._backends._asyncio import _threadpool_idle_workers, _threadpool_workers

__all__ = ["Deadlock", "LoopClock", "OutsideWorld", "VirtualLoop", "simulate_coroutine"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# A real thread that computes for longer than this is taken for one that will never answer.
_THREAD_S: Final = 120.0
_SETTLE_S: Final = 0.0005
_OUTSIDE: Final = (
    "connect_accepted_socket",
    "create_connection",
    "create_datagram_endpoint",
    "create_server",
    "create_unix_connection",
    "create_unix_server",
    "getaddrinfo",
    "getnameinfo",
    "sock_connect",
    "subprocess_exec",
    "subprocess_shell",
)


class Deadlock(RuntimeError):
    """Every task waits for another, and no timer is set: nothing can happen any more."""


class OutsideWorld(RuntimeError):
    """Something in the simulation has tried to reach a network or to start a process."""


class LoopClock:
    """The virtual time as the sandbox and whoever is tested against it want it: `epoch_s` at the loop's 0."""

    def __init__(self, epoch_s: float = 1_800_000_000.0) -> None:
        self._epoch_s = epoch_s

    def now(self) -> float:
        """Epoch seconds."""
        return self._epoch_s + self.monotonic()

    def monotonic(self) -> float:
        """Seconds since the loop began."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Return so many virtual seconds later."""
        await anyio.sleep(seconds)


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop itself; `asyncio.Runner(loop_factory=VirtualLoop)` runs on it. For anyio's threads see `serialise`."""

    def __init__(self) -> None:
        self._now_s = 0.0
        self._owner = threading.get_ident()
        self._inbox: queue.SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...], contextvars.Context | None]]
        self._inbox = queue.SimpleQueue()
        self._limiter: anyio.CapacityLimiter | None = None
        self._hears_thread = False
        self._calls_of_threads: set[asyncio.Task[Any]] = set()
        super().__init__(_Selector(self))
        numbers = itertools.count()
        self.set_task_factory(lambda loop, coro, **more: _Task(next(numbers), coro, loop=loop, **more))
        for name in _OUTSIDE:
            setattr(self, name, _refusal(name))

    def serialise(self) -> None:
        """From now on one thread of anyio's works at a time, and the loop waits for it. Call it on the loop."""
        self._limiter = to_thread.current_default_thread_limiter()
        self._limiter.total_tokens = 1

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now_s

    def run_forever(self) -> None:
        self._owner = threading.get_ident()
        super().run_forever()

    def run_in_executor(  # type: ignore[override]
        self, executor: object, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """The work is done when this returns; who awaits it hears of it in the loop's next turn."""
        future: asyncio.Future[T] = self.create_future()
        try:
            result = func(*args)
        except Exception as error:
            self.call_soon(_fail, future, error)
        else:
            self.call_soon(_succeed, future, result)
        return future

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """From another thread: the callback runs when the loop has nothing else to do at this instant."""
        if threading.get_ident() == self._owner:
            return super().call_soon_threadsafe(callback, *args, context=context)
        if self.is_closed():
            raise RuntimeError("Event loop is closed")
        context = context or contextvars.copy_context()  # the thread's own, as on any loop
        self._inbox.put((callback, args, context))
        return asyncio.Handle(callback, args, self, context)

    def create_task(self, coro: Any, **more: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = super().create_task(coro, **more)
        if self._hears_thread:
            # what a thread waits for: until it is done the thread does nothing
            self._calls_of_threads.add(task)
            task.add_done_callback(self._calls_of_threads.discard)
        return task

    def settle(self) -> None:
        """The thread in hand has done its work, whose end the loop has not heard of yet; it takes real time.

        For a process that forks: what a thread holds inside a library at that instant (SQLite's memory is behind one
        lock) is held in the copy for ever.
        """
        until = time.monotonic() + _THREAD_S
        with suppress(LookupError):  # no thread was ever needed
            workers, idle = _threadpool_workers.get(), _threadpool_idle_workers.get()
            # one that has been told to work, unlike one for which only a token of the limiter was taken
            while len(workers) - len(idle) > len(self._calls_of_threads) and self._inbox.empty():
                if time.monotonic() > until:
                    raise Deadlock(f"a thread has worked for {_THREAD_S:.0f} s of real time")
                time.sleep(_SETTLE_S)

    def forget_threads(self) -> None:
        """No thread works, and none waits for the loop: for a forked process, which has only the thread that forked."""
        self._calls_of_threads.clear()
        self._inbox = queue.SimpleQueue()
        with suppress(LookupError):  # no thread was ever needed
            _threadpool_workers.get().clear()
            _threadpool_idle_workers.get().clear()
        while self._limiter is not None and (borrowers := self._limiter.statistics().borrowers):
            self._limiter.release_on_behalf_of(borrowers[0])

    def idle(self, timeout_s: float | None) -> None:
        """Nothing is ready: hear a thread, else go on to the next timer. Called by the selector alone."""
        if self._thread_works() or not self._inbox.empty():
            self._hear()
        elif timeout_s is None:
            raise Deadlock(_who_waits(self))
        else:
            self._now_s += timeout_s

    def _thread_works(self) -> bool:
        """Threads in hand, without those that wait for a call of theirs in the loop."""
        return self._limiter is not None and self._limiter.borrowed_tokens > len(self._calls_of_threads)

    def _hear(self) -> None:
        try:
            callback, args, context = self._inbox.get(timeout=_THREAD_S)
        except queue.Empty:
            raise Deadlock(f"a thread has not answered for {_THREAD_S:.0f} s of real time") from None
        self.call_soon(self._run_for_thread, callback, args, context=context)

    def _run_for_thread(self, callback: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._hears_thread = True
        try:
            callback(*args)
        finally:
            self._hears_thread = False


def simulate_coroutine(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What `main` returns, run to its end under virtual time."""

    async def serialised() -> T:
        loop = asyncio.get_running_loop()
        if isinstance(loop, VirtualLoop):
            loop.serialise()
        return await main()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(serialised())


class _Selector(selectors.DefaultSelector):
    """Looks at file descriptors without ever waiting for one."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and (timeout is None or timeout > 0):
            self._loop.idle(timeout)
        return ready


class _Task(asyncio.Task[T]):
    """A task that hashes by its number: by address, the order of a set would differ from run to run."""

    def __init__(self, number: int, coro: Any, **more: Any) -> None:
        self._number = number  # first, for the task puts itself into a set
        super().__init__(coro, **more)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


def _refusal(name: str) -> Callable[..., Awaitable[NoReturn]]:
    async def refuse(*_: Any, **__: Any) -> NoReturn:
        raise OutsideWorld(f"{name}: there is no world outside a simulation")

    return refuse


def _succeed(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(
            RuntimeError("StopIteration in an executor") if isinstance(error, StopIteration) else error
        )


def _who_waits(loop: asyncio.AbstractEventLoop) -> str:
    lines = [f"  {task.get_name()} at {_place(task)}" for task in sorted(asyncio.all_tasks(loop), key=hash)]
    return "\n".join(["nothing can ever happen any more; what waits:", *lines])


def _place(task: asyncio.Task[Any]) -> str:
    """The innermost line of the task that is not the event loop library's own."""
    coroutine: Any = task.get_coro()
    place = "its end"
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        file = frame.f_code.co_filename
        if not any(library in Path(file).parts for library in ("asyncio", "anyio")):
            place = f"{file}:{frame.f_lineno}"
        coroutine = coroutine.cr_await
    return place
