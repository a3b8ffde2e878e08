"""The place of the end-to-end tests: a sandbox process, and `fleet` commands as anybody would type them."""

from tests.e2e.conftest import place

__all__ = ["place"]
