"""TOML without its traps.

`tomllib` raises four different errors: for bytes that are no UTF-8, for numbers of thousands of digits, for arrays in
arrays in arrays, and for what is no TOML. Here every text is a table or one `ValueError` with a short reason.
"""

import tomllib
from codecs import BOM_UTF8
from typing import Any, Final

__all__ = ["BYTES_MAX", "parse"]

BYTES_MAX: Final = 4 << 20


def parse(data: bytes) -> dict[str, Any]:
    """The table of a TOML document; `ValueError` says why it has none."""
    if len(data) > BYTES_MAX:
        raise ValueError(f"larger than {BYTES_MAX:,} bytes, so it is something else")
    if data.startswith(BOM_UTF8):
        raise ValueError("begins with a byte order mark; save it as UTF-8 without one")
    try:
        return tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        where = f"byte 0x{data[error.start]:02x} at position {error.start + 1:,}"
        raise ValueError(f"not UTF-8: {where}; save the file as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"not valid TOML: {error}") from None
    except RecursionError:
        raise ValueError("not valid TOML: nested too deep") from None
    except ValueError:
        raise ValueError("not valid TOML: a number has too many digits") from None
