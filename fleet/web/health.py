"""What probes and Prometheus ask: alive, ready, metrics. None of them tells a secret or needs one."""

from collections.abc import Sequence

from aiohttp import web
from anyio import to_thread
from prometheus_client.exposition import choose_encoder

from fleet.web.source import Source

__all__ = ["Health"]


class Health:
    """`/livez`, `/readyz` and `/metrics`."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def routes(self) -> Sequence[web.RouteDef]:
        return [
            web.get("/livez", self.livez),
            web.get("/readyz", self.readyz),
            web.get("/metrics", self.metrics),
        ]

    async def livez(self, _: web.Request) -> web.Response:
        """200 while the loop and the stages move. AWS, the network or a full disk are no reason to be restarted."""
        return _sentences(self._source.stalled())

    async def readyz(self, _: web.Request) -> web.Response:
        """200 while the ledger takes writes, the configuration is good and credentials are there."""
        return _sentences(self._source.problems())

    async def metrics(self, request: web.Request) -> web.Response:
        """All metrics, as OpenMetrics to whoever asks for it."""
        await self._source.refresh()
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        body = await to_thread.run_sync(encode, self._source.telemetry.registry)  # thousands of lines on a large fleet
        return web.Response(body=body, headers={"Content-Type": content_type})


def _sentences(found: list[str]) -> web.Response:
    return web.Response(text="\n".join(found or ["ok"]) + "\n", status=503 if found else 200)
