"""Watching manifests: what was written is read, half a line is not, and one bad manifest holds up no other."""

import os
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.core.errors import InvalidInput, Lost
from fleet.stages.ingest import Reading, complete_lines
from fleet.stages.watch import Watch

QUIET_S = 10.0
LINE = '{"prefix": "s3://corpus-in/a/"}\n'


class Objects:
    """As much of S3 as a watch asks for."""

    def __init__(self) -> None:
        self.tags: dict[str, str] = {}
        self.asked = 0

    async def etag(self, uri: str) -> str:
        self.asked += 1
        if uri not in self.tags:
            raise Lost("404: Not Found")
        return self.tags[uri]


@dataclass
class Bench:
    """A watch of these sources, whose time and readings the test owns."""

    sources: list[str]
    now: float = 1_000.0
    read: list[tuple[str, bool]] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    objects: Objects = field(default_factory=Objects)
    looked: int = 0
    took_s: float = 0.0

    def __post_init__(self) -> None:
        self.watch = Watch(
            self.sources,
            self._read,
            self.objects,  # type: ignore[arg-type]
            look_s=5.0,
            quiet_s=QUIET_S,
            wall=lambda: self.now,
            monotonic=lambda: self.now,
            looked=self._looked,
        )

    async def _read(self, source: str, growing: bool) -> Reading:
        self.now += self.took_s
        if source in self.broken:
            raise InvalidInput(f"manifest {source}: cannot be read")
        self.read.append((Path(source).name, growing))
        return Reading(source=source, manifest_id=1)

    def _looked(self) -> None:
        self.looked += 1

    async def look(self, after_s: float = 5.0) -> list[tuple[str, bool]]:
        """What one look had read."""
        self.now += after_s
        before = len(self.read)
        assert await self.watch.tick(self.now) == 5.0
        return self.read[before:]

    def write(self, path: Path, text: str, *, mode: str = "w") -> None:
        """Write the file now, on the clock of this test."""
        with path.open(mode) as file:
            file.write(text)
        os.utime(path, (self.now, self.now))


async def test_a_manifest_that_did_not_change_is_read_once(tmp_path: Path) -> None:
    """An old file is read whole at the first look, and then only looked at."""
    bench = Bench([str(tmp_path / "a.jsonl")])
    bench.write(tmp_path / "a.jsonl", LINE)

    looks = [await bench.look(after_s=60) for _ in range(4)]

    assert looks == [[("a.jsonl", False)], [], [], []]
    assert bench.looked == 4


async def test_lines_that_are_appended_are_read_at_the_next_look(tmp_path: Path) -> None:
    """While it grows complete lines only; once it is quiet, to its very end."""
    path = tmp_path / "a.jsonl"
    bench = Bench([str(path)])
    bench.write(path, LINE)
    await bench.look(after_s=60)

    bench.write(path, LINE, mode="a")
    looks = [await bench.look(), await bench.look(), await bench.look()]

    assert looks == [[("a.jsonl", True)], [("a.jsonl", False)], []]


async def test_a_file_that_never_rests_is_read_all_the_same(tmp_path: Path) -> None:
    """Somebody who writes a line every few seconds for hours has them read in between."""
    path = tmp_path / "a.jsonl"
    bench = Bench([str(path)])
    bench.write(path, LINE)
    await bench.look(after_s=60)

    looks = []
    for _ in range(5):
        bench.write(path, LINE, mode="a")
        looks += await bench.look()

    assert looks == [("a.jsonl", True)] * 5


async def test_a_packed_manifest_is_read_only_when_it_is_quiet(tmp_path: Path) -> None:
    """Half of a gzip file cannot be unpacked."""
    path = tmp_path / "a.jsonl.gz"
    bench = Bench([str(path)])
    bench.write(path, "not yet all of it")

    looks = [await bench.look(), await bench.look(), await bench.look()]

    assert looks == [[], [("a.jsonl.gz", False)], []]


async def test_a_line_written_while_the_file_was_read_is_not_lost(tmp_path: Path) -> None:
    """What counts as read is the file from before the reading."""
    path = tmp_path / "a.jsonl"
    bench = Bench([str(path)])
    bench.write(path, LINE)
    taken = bench.watch._read

    async def grow(source: str, growing: bool) -> Reading:
        reading = await taken(source, growing)
        if len(bench.read) == 1:
            bench.write(path, LINE, mode="a")
        return reading

    bench.watch._read = grow
    looks = [await bench.look(after_s=60), await bench.look()]

    assert looks == [[("a.jsonl", False)], [("a.jsonl", True)]]


async def test_a_file_that_was_replaced_is_another_file(tmp_path: Path) -> None:
    """`mv new.jsonl a.jsonl` keeps size and time perhaps, but not the inode."""
    path, other = tmp_path / "a.jsonl", tmp_path / "new"
    bench = Bench([str(path)])
    bench.write(path, LINE)
    bench.write(other, LINE.replace("/a/", "/b/"))
    await bench.look(after_s=60)

    other.rename(path)

    assert await bench.look() == [("a.jsonl", False)]


async def test_a_directory_stands_for_its_manifests_new_ones_too(tmp_path: Path) -> None:
    """Every *.jsonl and *.csv, packed or not; nothing hidden and nothing else."""
    bench = Bench([str(tmp_path)])
    for name in ("b.csv", "a.jsonl", "README.md", ".hidden.jsonl", "c.csv.gz"):
        bench.write(tmp_path / name, LINE)
    (tmp_path / "folder.jsonl").mkdir()

    first = await bench.look(after_s=60)
    bench.write(tmp_path / "d.jsonl", LINE)
    second = await bench.look()

    assert first == [("a.jsonl", False), ("b.csv", False), ("c.csv.gz", False)]
    assert second == [("d.jsonl", True)]


async def test_a_manifest_that_is_missing_holds_up_no_other(tmp_path: Path) -> None:
    """It is told of once and looked for again; meanwhile not all manifests count as looked at."""
    missing, there = tmp_path / "missing.jsonl", tmp_path / "there.jsonl"
    bench = Bench([str(missing), str(there), "s3://bucket/none.jsonl"])
    bench.write(there, LINE)

    first = await bench.look(after_s=60)
    troubles = bench.watch.troubles
    bench.write(missing, LINE)
    bench.objects.tags["s3://bucket/none.jsonl"] = "1"
    second = await bench.look(after_s=60)

    assert first == [("there.jsonl", False)]
    assert troubles == [f"manifest {missing}: No such file or directory", "404: Not Found"]
    assert second == [("missing.jsonl", False), ("none.jsonl", False)]
    assert (bench.watch.troubles, bench.looked) == ([], 1)


async def test_a_reading_that_fails_is_tried_again(tmp_path: Path) -> None:
    """What could not be read does not count as read."""
    path = tmp_path / "a.jsonl"
    bench = Bench([str(path)], broken={str(path)})
    bench.write(path, LINE)

    first = await bench.look(after_s=60)
    bench.broken.clear()

    assert (first, await bench.look()) == ([], [("a.jsonl", False)])


async def test_an_object_in_s3_is_read_when_its_tag_changes() -> None:
    """Objects are replaced as a whole, so there is nothing to wait for; they are asked about every 15 s."""
    bench = Bench(["s3://bucket/a.jsonl"])
    bench.objects.tags["s3://bucket/a.jsonl"] = "1"

    looks = [await bench.look(), await bench.look()]
    bench.objects.tags["s3://bucket/a.jsonl"] = "2"
    asked = bench.objects.asked
    looks += [await bench.look(), await bench.look(), await bench.look()]

    assert looks == [[("a.jsonl", False)], [], [], [], [("a.jsonl", False)]]
    assert bench.objects.asked == asked + 1


async def test_a_large_manifest_is_not_read_without_a_pause(tmp_path: Path) -> None:
    """Where reading takes a minute, five pass until the same manifest is read again, however often it changes."""
    path = tmp_path / "a.jsonl"
    bench = Bench([str(path)], took_s=60.0)
    bench.write(path, LINE)
    began = bench.now

    while len(bench.read) < 2:
        bench.write(path, LINE, mode="a")
        await bench.look()

    assert bench.now - began >= 60 + 5 * 60


async def test_after_a_reload_everything_is_read_again(tmp_path: Path) -> None:
    """Other defaults make other jobs of the same lines."""
    path = tmp_path / "a.jsonl"
    bench = Bench([str(path)])
    bench.write(path, LINE)
    await bench.look(after_s=60)

    bench.watch.read_all_again()

    assert await bench.look() == [("a.jsonl", False)]


@pytest.mark.parametrize("text", [b"", b"no end", b"a\n", b"a\nb", b"a\nb\n", b"x" * 600_000 + b"\n" + b"y" * 600_000])
def test_of_a_growing_file_complete_lines_are_read(text: bytes) -> None:
    """Up to the last line end, however far back that is."""
    assert complete_lines(BytesIO(text)).read() == text[: text.rfind(b"\n") + 1]


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_what_is_written_later_is_not_in_it(text: bytes, more: bytes) -> None:
    """The end is that of the moment of opening; seeking back to the beginning gives the same bytes."""
    file = BytesIO(text)
    lines = complete_lines(file)
    file.seek(0, 2)
    file.write(more)
    lines.seek(0)

    first = lines.read()
    lines.seek(0)

    assert first == lines.read() == text[: text.rfind(b"\n") + 1]
