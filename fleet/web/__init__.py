"""What fleet serves over HTTP: health, metrics, the status API and one page. Reads only; changes nothing."""

from fleet.web.server import Web, parse_address
from fleet.web.source import Source

__all__ = ["Source", "Web", "parse_address"]
