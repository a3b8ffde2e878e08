"""Rows 55 to 60 of the catalogue: output objects as they should never be, and honest ones beside them."""

# ruff: noqa: E501 - a row of the table stands on one line

import gzip
import io
import json
import tarfile
from typing import Final

from fleet.core.job import Verdict
from fleet.sandbox.faults import Fault, WrongMember
from fleet.sandbox.output import archive
from fleet.sandbox.spoiling import spoiled
from tests.input.rows import Output

__all__ = ["OUTPUTS"]


def record(line: int, **more: object) -> bytes:
    return json.dumps({"File": "a.txt", "Line": line, "Entities": [], **more}).encode() + b"\n"


def error(line: int) -> bytes:
    body = {"File": "a.txt", "Line": line, "ErrorCode": "INTERNAL_SERVER_ERROR", "ErrorMessage": "\x1b[31m=1+1"}
    return json.dumps(body).encode() + b"\n"


BOTH: Final = record(0) + record(1)
HONEST: Final = archive([("output", BOTH)])
PLAIN: Final = gzip.decompress(HONEST)


def wrong(what: WrongMember) -> bytes:
    """The honest archive with the wrong member behind the honest one, as the sandbox makes it."""
    fault = Fault(what="wrong_member", wrong=what)
    ((_, _, body),) = spoiled(fault, "entities", {"a.txt": [BOTH]}, [("out", "output.tar.gz", HONEST)])
    return body


def tar(*entries: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=form) as file:
        for entry, body in entries:
            entry.size = len(body)
            file.addfile(entry, io.BytesIO(body))
    return gzip.compress(plain.getvalue(), mtime=0)


def entry(name: str, kind: bytes = tarfile.REGTYPE, headers: dict[str, str] | None = None) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type = kind
    found.pax_headers = headers or {}
    return found


def huge_header() -> bytes:
    """An extended header that says it has 8 GB, as a bomb would fill."""
    header = entry("x", tarfile.XHDTYPE)
    header.size = 8 << 30
    return gzip.compress(header.tobuf(tarfile.GNU_FORMAT) + bytes(1024), mtime=0)


def chain_of_headers() -> bytes:
    header = entry("x", tarfile.XHDTYPE)
    return gzip.compress(header.tobuf() * 5_000 + PLAIN, mtime=0)


FOLDER: Final = (entry("./", tarfile.DIRTYPE), b"")
LONG: Final = "d/" * 100 + "output"
BODY: Final = (entry("output"), BOTH)
BOMB: Final = spoiled(Fault(what="bomb_output", size_bytes=8 << 20), "entities", {}, [("out", "o", b"")])[0][2]
GOOD: Final = Verdict.COMPLETE
PART: Final = Verdict.PARTIAL

# fmt: off
OUTPUTS: Final = [
    Output(number=56, what="an honest archive", body=HONEST, verdict=GOOD),
    Output(number=56, what="a way out", body=wrong("parent_path"), says="a member's name leads out of the archive"),
    Output(number=56, what="an absolute path", body=wrong("absolute_path"), says="a member's name leads out of the archive"),
    Output(number=56, what="a symlink", body=wrong("symlink"), says="a member of the archive is not a regular file"),
    Output(number=56, what="a hardlink", body=wrong("hardlink"), says="a member of the archive is not a regular file"),
    Output(number=56, what="a device", body=wrong("device"), says="a member of the archive is not a regular file"),
    Output(number=56, what="a pipe", body=tar((entry("output", tarfile.FIFOTYPE), b"")), says="a member of the archive is not a regular file"),
    Output(number=56, what="a sparse file", body=tar((entry("output", headers={"GNU.sparse.map": "0,1"}), BOTH)), says="a member of the archive is not a regular file"),
    Output(number=56, what="a bomb", body=BOMB, says="the archive holds more than 4194304 bytes"),
    Output(number=56, what="a bomb in an extended header", body=huge_header(), says="the archive has an extended header of 8589934592 bytes"),
    Output(number=56, what="5,000 extended headers in a row", body=chain_of_headers(), says="the archive has more than 8 extended headers in a row"),
    Output(number=56, what="a folder before the file", body=tar(FOLDER, BODY), verdict=GOOD),
    Output(number=56, what="a long name", body=tar((entry(LONG), BOTH), form=tarfile.GNU_FORMAT), verdict=GOOD),
    Output(number=56, what="a long name in pax", body=tar((entry(LONG), BOTH)), verdict=GOOD),
    Output(number=57, what="two members of the same name", body=wrong("twice"), says="two members of the archive have the same name"),
    Output(number=57, what="two members of two names", body=tar((entry("a.txt.out"), record(0)), (entry("b.txt.out"), record(1))), verdict=GOOD, why="whether AWS writes one member or one per input file is unknown (facts sheet, 4.1), so both are read."),
    Output(number=58, what="an archive of nothing", body=wrong("none"), says="the archive cannot be read: it has no member"),
    Output(number=58, what="an empty object", body=b"", says="the archive cannot be read: it has no member"),
    Output(number=58, what="a tar without output", body=tar((entry("readme"), b"hello\n")), says="a record is not what Comprehend writes: JSON is malformed: invalid character (byte 0)"),
    Output(number=58, what="gzip, but no tar", body=gzip.compress(BOTH, mtime=0), says="the archive cannot be read: truncated header"),
    Output(number=58, what="no gzip", body=BOTH, says="the archive cannot be read: Not a gzipped file (b'{\"')"),
    Output(number=58, what="gzip that breaks off", body=HONEST[: len(HONEST) // 2], says="the archive cannot be read: Compressed file ended before the end-of-stream marker was reached"),
    Output(number=58, what="gzip without its checksum", body=HONEST[:-8], says="the archive cannot be read: Compressed file ended before the end-of-stream marker was reached"),
    Output(number=58, what="gzip with another checksum", body=HONEST[:-8] + bytes(8), says="the archive cannot be read: CRC check failed 0x0 != 0xa738b3e9"),
    Output(number=58, what="garbage behind gzip", body=HONEST + b"garbage", says="the archive cannot be read: Not a gzipped file (b'ga')"),
    Output(number=58, what="garbage behind tar", body=gzip.compress(PLAIN + b"garbage", mtime=0), says="the archive has something behind its end"),
    Output(number=58, what="zeros behind gzip, as tapes have them", body=HONEST + bytes(512), verdict=GOOD),
    Output(number=58, what="a damaged second header", body=gzip.compress(PLAIN[:1024] + b"x" * 512, mtime=0), says="the archive cannot be read: invalid header"),
    Output(number=59, what="plain records, as PII has them", body=BOTH, archived=False, verdict=GOOD),
    Output(number=59, what="an archive where records should be", body=HONEST, archived=False, says="a record is not what Comprehend writes: JSON is malformed: invalid character (byte 0)"),
    Output(number=60, what="no JSON", body=record(0) + b"<html>502</html>\n", archived=False, says="a record is not what Comprehend writes: JSON is malformed: invalid character (byte 0)"),
    Output(number=60, what="no record", body=record(0) + b"[]\n", archived=False, says="a record is not what Comprehend writes: Expected `object`, got `array`"),
    Output(number=60, what="a record without File", body=b'{"Line": 0}\n', archived=False, says="a record is not what Comprehend writes: Object missing required field `File`"),
    Output(number=60, what="not UTF-8", body=b'{"File": "\xff\xfe"}\n', archived=False, says="a record is not what Comprehend writes: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
    Output(number=60, what="50,000 levels", body=b"[" * 50_000 + b"\n", archived=False, says="a record is not what Comprehend writes: Expected `object`, got `array`"),
    Output(number=60, what="an error for a document", body=archive([("output", record(0) + error(1))]), verdict=PART, says="1 x INTERNAL_SERVER_ERROR"),
    Output(number=60, what="a document missing", body=archive([("output", record(0))]), verdict=PART, says="1 not in the output (most in a.txt)"),
    Output(number=60, what="lines in another order", body=archive([("output", record(1) + record(0))]), verdict=GOOD),
    Output(number=60, what="blank lines between", body=b"\n" + record(0) + b"\n\n" + record(1), archived=False, verdict=GOOD),
    Output(number=60, what="a long line", body=record(0, Text="x" * 200_000), archived=False, says="a line is longer than 100000 bytes"),
    Output(number=60, what="a name of 2,000 characters", body=b'{"File": "%s"}\n' % (b"f" * 2000), archived=False, says="a record names a file by 2000 characters"),
    Output(number=60, what="more files than there are", body=b"".join(b'{"File": "%d"}\n' % n for n in range(200)), archived=False, says="the output speaks of more files than the input can have"),
    Output(number=55, what="File that is a path", body=BOTH.replace(b"a.txt", b"../../etc/passwd"), archived=False, verdict=GOOD),
]
# fmt: on
