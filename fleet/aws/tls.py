"""TLS as AWS calls need it: the certificate is always checked, and so is the host that it is for.

aiobotocore 2.25 does not do the second: botocore makes its TLS contexts without a check of the host name, because
urllib3 checks it afterwards; aiohttp, in urllib3's place, does not. Any certificate that a public authority signed for
anybody would do. And an empty AWS_CA_BUNDLE would switch the first off.
"""

import ssl
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession

__all__ = ["CheckedConfig"]

# its stubs know neither a session's class nor the members of a configuration
_Session: Any = AIOHTTPSession
_Config: Any = AioConfig


class _CheckedSession(_Session):  # type: ignore[misc] # see above
    """aiobotocore's way to an endpoint, with a certificate that is for this host or no connection at all."""

    _verify: Any

    def __init__(self, *words: Any, **named: Any) -> None:
        super().__init__(*words, **named)
        self._verify = self._verify or True

    def _get_ssl_context(self) -> ssl.SSLContext:
        context: ssl.SSLContext = super()._get_ssl_context()
        context.check_hostname = True
        return context


class CheckedConfig(_Config):  # type: ignore[misc] # see above
    """The default of a session: all its clients, those that only fetch credentials too, check whom they talk to."""

    def __init__(self) -> None:
        super().__init__(http_session_cls=_CheckedSession)

    def merge(self, other_config: Any) -> Any:
        """The other configuration over this one. aiobotocore's own `merge` would lose the class of the session."""
        merged = _Config(self.connector_args).merge(other_config)
        merged.http_session_cls = _CheckedSession
        return merged
