"""The status page: three static files, no script of anybody else, no asset from anywhere else."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from aiohttp import web

__all__ = ["page"]

_STATIC: Final = Path(__file__).parent / "static"
_FILES: Final = {
    "/": ("index.html", "text/html"),
    "/fleet.css": ("fleet.css", "text/css"),
    "/fleet.js": ("fleet.js", "text/javascript"),
}


def page() -> Sequence[web.RouteDef]:
    """The routes of the page and what it needs."""
    return [_route(path, name, media) for path, (name, media) in _FILES.items()]


def _route(path: str, name: str, media: str) -> web.RouteDef:
    body = (_STATIC / name).read_bytes()

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type=media, charset="utf-8")

    return web.get(path, answer)
