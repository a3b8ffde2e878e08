"""Where a ledger is: the two kinds of URL that `[ledger] url` may have."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from fleet.core.errors import InvalidInput, Misconfigured

if TYPE_CHECKING:
    from fleet.ledger.postgres.line import Server

__all__ = ["check_url", "is_shared", "server_of", "sqlite_path"]

_SHARED: Final = ("postgresql", "postgres")


def check_url(url: str) -> None:
    """Nothing; `Misconfigured` or `InvalidInput` where no ledger can be."""
    if is_shared(url):
        server_of(url)
    else:
        sqlite_path(url)


def server_of(url: str, *, password_file: Path | None = None) -> "Server":
    """The database of a `postgresql://` URL; it is not asked yet. `Misconfigured` if it cannot be one."""
    try:
        # a driver and its library of ten MiB, which nobody needs who has the ledger in a file
        from fleet.ledger.postgres.line import Server
    except ImportError:
        raise Misconfigured(
            "ledger.url: PostgreSQL needs its driver; install it: pip install 'comprehend-fleet[postgres]'"
        ) from None
    return Server(url, password_file=password_file)


def is_shared(url: str) -> bool:
    """Whether the ledger is on a server, where several processes may write it."""
    scheme, separator, _ = url.partition("://")
    if separator and scheme.split("+")[0] in _SHARED and "+" in scheme:
        raise Misconfigured(f"ledger.url: {scheme}:// names a driver; write postgresql://")
    return bool(separator) and scheme in _SHARED


def sqlite_path(url: str) -> str:
    """The path in `sqlite:///relative.db`, `sqlite:////absolute.db` or `sqlite:///:memory:`."""
    if is_shared(url):
        raise InvalidInput("the ledger is on PostgreSQL, and this works only for one in a file")
    scheme, separator, path = url.partition("://")
    if scheme != "sqlite" or not path.startswith("/") or path == "/":
        # the text may hold a password: name its scheme alone, if it has one
        what = f"not {scheme!r}://..." if separator else "and has no ://"
        raise Misconfigured(
            f"ledger.url: must be sqlite:///relative.db, sqlite:////absolute.db or postgresql://..., {what}"
        )
    if "?" in path:
        raise InvalidInput("ledger.url: sqlite:///path takes no options")
    return path[1:]
