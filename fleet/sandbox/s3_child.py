"""The child that s3.py starts: `python -m fleet.sandbox.s3_child HOST PORT` prints the port it got, then serves S3.

A module of its own, for nobody else needs moto and its import takes a second.
"""

import io
import logging
import os
import sys
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["OneAtATime"]


class _Handler(WSGIRequestHandler):
    """Keeps connections open: a new one for each object would cost more than the object."""

    protocol_version = "HTTP/1.1"


class OneAtATime:
    """Requests come in parallel, moto sees one after the other.

    Its S3 is not safe for threads: of two writes of one key at the same time (every job writes the same access check)
    one is answered with 500, because the other has closed its buffer. The body is read before, so that a slow sender
    holds up nobody else.
    """

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app
        self._turn = threading.Lock()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        size = -1 if environ.get("wsgi.input_terminated") else int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(size)
        environ.update(
            {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True, "CONTENT_LENGTH": str(len(body))}
        )
        with self._turn:
            return self._app(environ, start_response)


def _serve(host: str, port: int) -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server(
        host,
        port,
        OneAtATime(DomainDispatcherApplication(create_backend_app)),
        threaded=True,
        request_handler=_Handler,
    )
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    server.serve_forever()


def _end_with_parent() -> None:
    """Standard input ends when the parent is gone, however it went."""
    while sys.stdin.buffer.read(1):
        pass
    os._exit(0)


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
