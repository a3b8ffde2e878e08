"""Output as it should never be: cut short, hostile, or no records at all (faults.py names the faults).

Promises: the same fault and output give the same bytes. Does not: write anything; what is made here may be large, and
takes seconds of CPU time for each GB that a bomb unpacks to.
"""

import gzip
import io
import tarfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import Final

from fleet.sandbox.faults import Fault, WrongMember
from fleet.sandbox.output import MEMBER, archive

__all__ = ["spoiled"]

Object = tuple[str, str, bytes]

_CHUNK: Final = bytes(1 << 20)
# PII's objects are not packed, so a bomb of theirs is held in memory as it is.
_PLAIN_BYTES_MAX: Final = 256 << 20
_GARBAGE: Final = (
    b'{"File": "part-0.txt", "Lin',
    b"[]",
    b"<html><body>502 Bad Gateway</body></html>",
    b"\xff\xfe\x00\x80 no text",
    b'{"Line": "seven", "Entities": null}',
    b"NaN",
)
_GZIP: Final = 31  # zlib's window for gzip


def spoiled(fault: Fault, kind: str, files: Mapping[str, Sequence[bytes]], objects: Sequence[Object]) -> list[Object]:
    """The output objects as the fault leaves them; `files` is what they were made of. Other faults change nothing."""
    spoil = _SPOILERS.get(fault.what)
    if spoil is None:
        return list(objects)
    packed = kind != "pii_entities"
    return [
        (bucket, key, spoil(fault, body, _records(files) if packed else body, packed)) for bucket, key, body in objects
    ]


def _truncated(_: Fault, body: bytes, __: bytes, ___: bool) -> bytes:
    return body[: len(body) // 2]


def _garbage(_: Fault, __: bytes, records: bytes, packed: bool) -> bytes:
    """As many lines as there were, and none of them a record."""
    count = max(1, records.count(b"\n"))
    lines = b"".join(line + b"\n" for _, line in zip(range(count), cycle(_GARBAGE), strict=False))
    return archive([(MEMBER, lines)]) if packed else lines


def _bomb(fault: Fault, _: bytes, __: bytes, packed: bool) -> bytes:
    if not packed:
        return bytes(min(fault.size_bytes, _PLAIN_BYTES_MAX))
    entry = tarfile.TarInfo(MEMBER)
    entry.size = fault.size_bytes
    left = fault.size_bytes + -fault.size_bytes % tarfile.BLOCKSIZE + 2 * tarfile.BLOCKSIZE
    compressor = zlib.compressobj(9, zlib.DEFLATED, _GZIP)
    pieces = [compressor.compress(entry.tobuf(tarfile.PAX_FORMAT))]
    while left > 0:
        pieces.append(compressor.compress(_CHUNK[:left]))
        left -= len(_CHUNK)
    return b"".join([*pieces, compressor.flush()])


def _wrong_member(fault: Fault, body: bytes, records: bytes, packed: bool) -> bytes:
    """The honest member, unless there shall be none, and the wrong one behind it."""
    if not packed:
        return body
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry in [] if fault.wrong == "none" else [tarfile.TarInfo(MEMBER), _entry(fault.wrong)]:
            content = records if entry.isreg() else b""
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), mtime=0)


def _entry(wrong: WrongMember) -> tarfile.TarInfo:
    """A member that must not be believed; paths lead to places where a careless reader would write."""
    names = {"parent_path": "../../escaped", "absolute_path": "/tmp/escaped", "twice": MEMBER}  # noqa: S108 - bait
    entry = tarfile.TarInfo(names.get(wrong, "linked"))
    types = {"symlink": tarfile.SYMTYPE, "hardlink": tarfile.LNKTYPE, "device": tarfile.CHRTYPE}
    entry.type = types.get(wrong, tarfile.REGTYPE)
    if wrong in ("symlink", "hardlink"):
        entry.linkname = "/etc/passwd"
    if wrong == "device":
        entry.devmajor, entry.devminor = 1, 5
    return entry


def _records(files: Mapping[str, Sequence[bytes]]) -> bytes:
    return b"".join(piece for pieces in files.values() for piece in pieces)


_SPOILERS: Final[Mapping[str, Callable[[Fault, bytes, bytes, bool], bytes]]] = {
    "truncate_output": _truncated,
    "garbage_output": _garbage,
    "bomb_output": _bomb,
    "wrong_member": _wrong_member,
}
