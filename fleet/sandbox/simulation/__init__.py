"""The sandbox in process, under virtual time: hours pass in seconds, and the same seed gives the same run.

    async def main(sandbox: Simulation) -> None:
        config = AioConfig(http_session_cls=sandbox.http_session)
        ...

    simulate(main, Switches(seed=1))

The service, its faults and its truth are those of the HTTP server; S3 is a dict, read and written through S3's own
protocol. Real aiobotocore clients run on it without a socket.
"""

from fleet.sandbox.simulation.loop import Deadlock, LoopClock, OutsideWorld, VirtualLoop, simulate_coroutine
from fleet.sandbox.simulation.simulation import Simulation, simulate

__all__ = ["Deadlock", "LoopClock", "OutsideWorld", "Simulation", "VirtualLoop", "simulate", "simulate_coroutine"]
