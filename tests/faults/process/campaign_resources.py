"""Resources that run out under the real process: file descriptors, memory, a host that cannot be found."""

import os
import resource
import signal
import subprocess
from pathlib import Path

from tests.faults.process.accept_log import Limits
from tests.faults.process.conftest import MakePlace
from tests.faults.process.place import Place
from tests.faults.process.proxy import Proxy, proxied

BUSY_S = 3.0


def cpu_s(process: "subprocess.Popen[bytes]") -> float:
    """The CPU time that the process has used."""
    after_name = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, after_name[11:13])) / os.sysconf("SC_CLK_TCK")


def memory_bytes(process: "subprocess.Popen[bytes]") -> int:
    """The address space of the process."""
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def limit(process: "subprocess.Popen[bytes]", which: int, soft: int) -> None:
    """The process may have no more of it from now on than this."""
    resource.prlimit(process.pid, which, (soft, resource.prlimit(process.pid, which)[1]))


def exhaust_descriptors(place: Place, process: "subprocess.Popen[bytes]", proxy: Proxy) -> float:
    """No new file can be opened, and every connection breaks. The CPU time of the seconds until fleet says so twice."""
    limit(process, resource.RLIMIT_NOFILE, 3)
    said, used_s = len(place.said()), cpu_s(process)
    proxy.reset_all()
    place.wait(process, lambda: place.said()[said:].count("Too many open files") >= 2, "the limit was noticed")
    return cpu_s(process) - used_s


def test_a_process_without_file_descriptors_backs_off_and_recovers(make_place: MakePlace) -> None:
    """Every connection breaks and none can be opened: it waits, logs why, burns no CPU, and goes on afterwards."""
    place = make_place(4, kinds=("entities",), limits=Limits(start_per_s=1))
    with (
        proxied(place.service.url, {}) as proxy,
        place.running(environment={"AWS_ENDPOINT_URL_COMPREHEND": proxy.url}) as process,
    ):
        place.wait(process, lambda: place.starts() >= 2, "two Starts")
        hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)[1]
        used_s = exhaust_descriptors(place, process, proxy)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (min(1024, hard), hard))
        code = process.wait(50)

    assert code == 0, place.said()
    assert used_s < BUSY_S
    assert place.violations() == []


def test_a_process_that_cannot_open_its_files_at_all_says_so_and_leaves(make_place: MakePlace) -> None:
    """A handful of descriptors is not enough to begin with: a non-zero code and the reason, then a good run."""
    place = make_place(1, kinds=("entities",))

    with place.running(within=("sh", "-c", 'ulimit -n 8 && exec "$0" "$@"')) as process:
        code = process.wait(50)
    said = place.said()
    place.finish()

    assert code != 0
    assert "Too many open files" in said or "unable to open" in said
    assert place.violations() == []


def test_a_process_without_memory_leaves_and_the_next_one_goes_on(make_place: MakePlace) -> None:
    """The address space may not grow any more in the middle of the run: whatever becomes of it, nothing is doubled."""
    place = make_place(8, kinds=("entities", "sentiment"), limits=Limits(start_per_s=2))
    with place.running() as process:
        place.wait(process, lambda: place.starts() >= 2, "two Starts")
        limit(process, resource.RLIMIT_AS, memory_bytes(process))
        code = process.wait(50)

    place.finish()

    assert code in {0, 1, 70, 74, 75, -signal.SIGABRT, -signal.SIGSEGV}, place.said()[-2000:]
    assert place.violations() == []


def test_an_endpoint_that_does_not_resolve_is_waited_for(make_place: MakePlace) -> None:
    """The log names the host, SIGTERM ends the process, nothing was sent; with the right name the work is done."""
    place = make_place(1, kinds=("entities",))
    nowhere = "http://comprehend.invalid:4510"

    with place.running(environment={"AWS_ENDPOINT_URL_COMPREHEND": nowhere}) as process:
        place.wait(process, lambda: place.said().count("comprehend.invalid") >= 3, "the reason was logged")
        process.send_signal(signal.SIGTERM)
        code = process.wait(30)
    place.finish()

    assert code == 143
    assert place.violations() == []
