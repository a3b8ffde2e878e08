"""Rows 1 to 17, 26 to 36 of the catalogue: what a whole manifest may have wrong, and how it may come."""

# ruff: noqa: E501 - a row of the table stands on one line

import gzip
from typing import Final

from tests.input.rows import File

__all__ = ["FILES"]

GOOD: Final = b'{"prefix": "s3://corpus-in/a/"}\n{"prefix": "s3://corpus-in/b/"}\n'
TABLE: Final = b"prefix,kinds\ns3://corpus-in/a/,entities\ns3://corpus-in/b/,entities|sentiment\n"
NO_LANGUAGE: Final = '[defaults]\nkinds = ["entities"]\n'
ENGLISH: Final = NO_LANGUAGE + 'language = "en"\n'
ROLE: Final = "arn:aws:iam::123456789012:role/"
ONE: Final = b'{"prefix": "s3://corpus-in/a/"}\n'
BOMB: Final = b'a: &a ["lol","lol","lol"]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nprefix: *c\n'


def target(role: str, region: str = "us-east-1") -> str:
    return f'[targets.main]\nregion = "{region}"\noutput = "s3://corpus-out/r/"\ndata_access_role_arn = "{role}"\n'


# fmt: off
FILES: Final = [
    File(number=1, what="empty", body=b"", code=0, says=("in/manifest.jsonl has no entries",)),
    File(number=1, what="blank lines alone", body=b"\n \r\n", code=0, says=("in/manifest.jsonl has no entries",)),
    File(number=2, what="byte order mark", body=b"\xef\xbb\xbf" + GOOD, code=0, good=2),
    File(number=2, what="byte order mark before CSV", body=b"\xef\xbb\xbf" + TABLE, code=0, good=3),
    File(number=3, what="UTF-16", body=GOOD.decode().encode("utf-16"), says=("1: the file is UTF-16: save it as UTF-8",)),
    File(number=3, what="UTF-16 without a mark", body=GOOD.decode().encode("utf-16-be"), says=("1: the file is UTF-16: save it as UTF-8",)),
    File(number=4, what="Latin-1 in CSV", body=TABLE + b"s3://corpus-in/\xe9/,entities\n", name="m.csv", good=3, says=("4: not UTF-8: byte 0xe9 at position 16; save the file as UTF-8",)),
    File(number=5, what="CRLF", body=GOOD.replace(b"\n", b"\r\n"), code=0, good=2),
    File(number=5, what="CR alone", body=TABLE.replace(b"\n", b"\r"), code=0, good=3),
    File(number=6, what="no last line end", body=GOOD.rstrip(), code=0, good=2),
    File(number=7, what="NUL bytes behind good lines", body=GOOD + b"\0" * 512, good=2, says=("3: contains a NUL character at position 1",)),
    File(number=8, what="64 MiB in one line, among good ones", make="hole", good=2, says=("3: longer than 1,048,576 bytes",)),
    File(number=10, what="gzip under another name", body=gzip.compress(GOOD), name="m.jsonl", code=0, good=2),
    File(number=10, what="gzip", body=gzip.compress(TABLE), name="m.csv.gz", code=0, good=3),
    File(number=10, what="no gzip under gzip's name", body=GOOD, name="m.jsonl.gz", code=0, good=2),
    File(number=10, what="gzip in gzip", body=gzip.compress(gzip.compress(GOOD)), name="m.jsonl.gz", says=("1: the file is compressed with gzip twice: unpack it once",)),
    File(number=10, what="gzip that breaks off", body=gzip.compress(GOOD * 500)[:-30], name="m.jsonl.gz", good=2, says=("785: the compressed file is damaged behind this line, so pack it again: Compressed file ended before the end-of-stream marker was reached",)),
    File(number=10, what="gzip with garbage behind it", body=gzip.compress(GOOD) + b"garbage", good=2, says=("3: the compressed file is damaged behind this line, so pack it again: Not a gzipped file (b'ga')",)),
    File(number=10, what="gzip bomb", body=gzip.compress(b"\n" * (9 << 20)), name="m.jsonl.gz", make="bomb", says=("1: the manifest cannot be read beyond this line: it unpacks to more than 300 times its size, as no manifest does",)),
    File(number=11, what="JSONL that breaks off", body=GOOD[:-4], good=1, says=("2: not JSON: Unterminated string starting at character 12",)),
    File(number=11, what="CSV that breaks off", body=TABLE[:-26], name="m.csv", good=1, says=("3: has 1 cells, the header has 2",)),
    File(number=12, what="a column twice", body=b"prefix,label,label\n" + TABLE, name="m.csv", says=("1: CSV header: 'label' is given twice",)),
    File(number=12, what="a column missing", body=b"kinds,language\nentities,en\n", name="m.csv", says=("1: CSV header: the column 'prefix' is missing",)),
    File(number=12, what="a column too many", body=b"prefix,langauge,owner\ns3://corpus-in/a/,en,me\n", name="m.csv", says=("1: CSV header: 'langauge' is unknown (did you mean 'language'?); 'owner' is unknown (known: prefix, kinds, language, input_format, output, target, label, request)",)),
    File(number=12, what="rows of other lengths", body=TABLE + b"s3://corpus-in/c/\ns3://corpus-in/d/,,\n", good=3, says=("4: has 1 cells, the header has 2", "5: has 3 cells, the header has 2")),
    File(number=12, what="semicolons", body=TABLE.replace(b",", b";"), name="m.csv", says=("1: CSV header: 'prefix;kinds' is unknown (did you mean 'prefix'?); the column 'prefix' is missing; cells are separated by commas",)),
    File(number=12, what="no header", body=b"s3://corpus-in/a/,entities\n", name="m.csv", says=("1: CSV header: 's3://corpus-in/a/' is unknown (known: prefix, kinds, language, input_format, output, target, label, request); 'entities' is unknown (known: prefix, kinds, language, input_format, output, target, label, request); the column 'prefix' is missing; the first line names the columns, such as prefix,kinds,language",)),
    File(number=12, what="a quote that is not closed", body=TABLE + b'"s3://corpus-in/c/,entities\n', good=3, says=("4: a quoted cell is not closed on its line",)),
    File(number=12, what="a column without a name at all", body=b"prefix,\ns3://corpus-in/a/,\n", name="m.csv", says=("1: CSV header: '' is unknown (known: prefix, kinds, language, input_format, output, target, label, request)",)),
    File(number=13, what="header alone", body=b"prefix,kinds\n", name="m.csv", code=0, says=("in/m.csv has no entries",)),
    File(number=14, what="pipe with a name", body=GOOD, make="fifo", code=0, good=2),
    File(number=14, what="device", name="/dev/zero", code=65, says=("fleet: manifest /dev/zero: not a regular file; give a file, - for standard input, or s3://",)),
    File(number=14, what="directory of manifests", body=GOOD, make="directory", code=0, good=2),
    File(number=14, what="directory without manifests", make="empty directory", name="d", code=65, says=("fleet: manifest in/d: no file in this directory ends in .jsonl, .csv, .jsonl.gz, .csv.gz",)),
    File(number=14, what="link to nowhere", make="dangling link", code=65, says=("fleet: manifest in/manifest.jsonl: it is a link to 'gone.jsonl', which is not there",)),
    File(number=14, what="link", body=GOOD, make="link", code=0, good=2),
    File(number=14, what="not there", make="nothing", code=65, says=("fleet: manifest in/manifest.jsonl: no such file",)),
    File(number=14, what="name that is not UTF-8", body=GOOD, name="m\udcff.jsonl", code=65, says=("fleet: manifest 'in/m\\udcff.jsonl': its name is not UTF-8; rename it, or give it on standard input",)),
    File(number=14, what="S3 URI without a key", name="s3://corpus-in/manifests/", make="nothing", code=65, says=("fleet: manifest s3://corpus-in/manifests/: names no object; give s3://bucket/key of one manifest",)),
    File(number=14, what="S3 URI that is none", name="s3://Corpus/m.jsonl", make="nothing", code=65, says=("fleet: manifest s3://Corpus/m.jsonl: 's3://Corpus/m.jsonl' has no valid bucket name: small letters, digits, dots and dashes, with a letter or digit at both ends",)),
    File(number=16, what="YAML with anchors", body=BOMB, name="m.yaml", why="fleet reads no YAML, so no alias is ever followed; the file is told from CSV.", says=("1: the file is YAML: a manifest is JSONL (one JSON object per line) or CSV",)),
    File(number=17, what="YAML with its dates and truths", body=b"- prefix: s3://corpus-in/a/\n  language: no\n  label: 2024-01-01\n", name="m.yml", why="fleet reads no YAML; in JSON `no` is no value and a date is a string.", says=("1: the file is YAML: a manifest is JSONL (one JSON object per line) or CSV",)),
    File(number=17, what="YAML document", body=b"---\nprefix: s3://corpus-in/a/\n", says=("1: the file is YAML: a manifest is JSONL (one JSON object per line) or CSV",)),
    File(number=18, what="JSON array", body=b'[{"prefix": "s3://corpus-in/a/"}]\n', says=("1: the file is a JSON array: write one JSON object per line",)),
    File(number=18, what="JSON on several lines", body=b'{\n  "prefix": "s3://corpus-in/a/"\n}\n', says=("1: the file has a JSON object on several lines: write one JSON object per line",)),
    File(number=18, what="workbook", body=b"PK\x03\x04\x14\0", name="m.xlsx", says=("1: the file is a ZIP archive or an Excel workbook: save it as CSV",)),
    File(number=18, what="page", body=b"<!DOCTYPE html><title>Sign in</title>\n", says=("1: the file is HTML or XML: a manifest is JSONL or CSV",)),
    File(number=34, what="no language anywhere", body=ONE, config=NO_LANGUAGE + target(ROLE + "r"), says=("1: language: entities: no language: give one in the line or in [defaults]",)),
    File(number=36, what="a user, not a role", body=ONE, code=78, config=NO_LANGUAGE + target("arn:aws:iam::123456789012:user/r"), says=("fleet: targets.main.data_access_role_arn: 'arn:aws:iam::123456789012:user/r' is no role's ARN: write arn:aws:iam::<12 digits>:role/<name>",)),
    File(number=36, what="another partition", body=ONE, config=ENGLISH + target("arn:aws-cn:iam::123456789012:role/r"), says=("1: targets.main.data_access_role_arn: entities: 'arn:aws-cn:iam::123456789012:role/r' is of partition 'aws-cn', but us-east-1 is in aws",)),
    File(number=36, what="2,049 characters", body=ONE, config=ENGLISH + target(ROLE + "r" * 2018), says=("1: targets.main.data_access_role_arn: entities: takes at most 2048 characters, has 2,049",)),
    File(number=36, what="a role of another account", body=ONE, code=0, good=1, config=ENGLISH + target("arn:aws:iam::999999999999:role/r"), why="whose credentials will be used is known only to AWS: the role's account is taken as the lane's, and AWS refuses a role of another one with AccessDenied, which fleet shows."),
]
# fmt: on
