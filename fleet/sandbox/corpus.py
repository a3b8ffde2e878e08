"""The demo corpus: hundreds of small prefixes of real English, with personal data planted and remembered.

Promises: the same seed and size give the same objects, manifest and ground truth; every prefix holds at least the 500
bytes that a job needs (facts 1.7), except the empty one; a few prefixes must fail or degrade, and the corpus says
which. Does not: need AWS, or know fleet: the manifest is text in the format that fleet reads.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import anyio

from fleet.sandbox.analysis import Recognizers
from fleet.sandbox.documents import LIMITS, InputFormat
from fleet.sandbox.passages import CLAUSES, CONTRACTS, LETTERS, NEWS, REVIEWS, TICKETS
from fleet.sandbox.planting import Planter
from fleet.sandbox.store import Store

INPUT_BUCKET = "corpus-in"
OUTPUT_BUCKET = "corpus-out"
RECOGNIZER_ARN = "arn:aws:comprehend:us-east-1:123456789012:entity-recognizer/clauses"
_UPLOADS_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """One piece of personal data: its document's text[begin:end] is `text`; `line` is None for a document per file."""

    key: str
    line: int | None
    type: str
    begin: int
    end: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Everything that the demo needs; `objects` is by key in the input bucket, all other places are S3 URIs.

    Jobs under `unreadable` and `empty` must fail, those under `partial` complete with documents missing or refused.
    `unreadable` takes effect only if the sandbox is told of it, and so do the term lists of `recognizers`.
    """

    objects: Mapping[str, bytes]
    manifest: str
    prefixes: int
    jobs: int
    planted: Sequence[Planted]
    unreadable: tuple[str, ...]
    empty: tuple[str, ...]
    partial: tuple[str, ...]
    recognizers: Recognizers
    input_bucket: str = INPUT_BUCKET
    output_bucket: str = OUTPUT_BUCKET

    def toml(self) -> str:
        """What the sandbox must be told, as the end of a file of switches (a table ends the top level of TOML)."""
        lines = [f"unreadable = {json.dumps(list(self.unreadable))}"]
        for arn, types in self.recognizers.items():
            lines += ["", f"[recognizers.{json.dumps(arn)}]"]
            lines += [f"{kind} = {json.dumps(list(terms))}" for kind, terms in types.items()]
        return "\n".join([*lines, ""])


class Buckets(Store, Protocol):
    """A store that can make a bucket."""

    async def create_bucket(self, bucket: str) -> None:
        """The bucket exists."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Theme:
    """One sort of text: its sentences, how they become documents, and the kinds that are asked of it."""

    name: str
    sentences: Sequence[str]
    kinds: tuple[str, ...]
    input_format: InputFormat
    sentences_per_document: int
    documents_per_object: int
    objects_max: int


_THEMES = (
    _Theme(
        name="reviews",
        sentences=REVIEWS,
        kinds=("sentiment", "targeted_sentiment"),
        input_format=InputFormat.PER_LINE,
        sentences_per_document=3,
        documents_per_object=12,
        objects_max=2,
    ),
    _Theme(
        name="tickets",
        sentences=TICKETS,
        kinds=("pii_entities", "sentiment"),
        input_format=InputFormat.PER_LINE,
        sentences_per_document=2,
        documents_per_object=15,
        objects_max=2,
    ),
    _Theme(
        name="contracts",
        sentences=CONTRACTS,
        kinds=("entities", "key_phrases"),
        input_format=InputFormat.PER_FILE,
        sentences_per_document=24,
        documents_per_object=1,
        objects_max=3,
    ),
    _Theme(
        name="letters",
        sentences=LETTERS,
        kinds=("pii_entities",),
        input_format=InputFormat.PER_FILE,
        sentences_per_document=16,
        documents_per_object=1,
        objects_max=3,
    ),
    _Theme(
        name="news",
        sentences=NEWS,
        kinds=("entities", "key_phrases"),
        input_format=InputFormat.PER_LINE,
        sentences_per_document=2,
        documents_per_object=14,
        objects_max=2,
    ),
)
_BY_NAME = {theme.name: theme for theme in _THEMES}


def make(seed: int = 1, prefixes: int = 320, *, bucket: str = INPUT_BUCKET) -> Corpus:
    """A corpus of that many prefixes, the special ones among them."""
    writer = _Writer(seed=seed, bucket=bucket)
    special = _write_special(writer)
    for number in range(prefixes - len(special)):
        theme = _THEMES[number % len(_THEMES)]
        writer.entry(theme, f"{theme.name}/{2019 + number % 6}/{number:04d}/")
    manifest = [*writer.entries, *special]
    return Corpus(
        objects=writer.objects,
        manifest="".join(json.dumps(entry) + "\n" for entry in manifest),
        prefixes=len(manifest),
        jobs=sum(len(entry["kinds"]) for entry in manifest),
        planted=writer.planted,
        unreadable=(f"s3://{bucket}/forbidden/",),
        empty=(f"s3://{bucket}/empty/",),
        partial=(f"s3://{bucket}/overlong/", f"s3://{bucket}/mojibake/"),
        recognizers={RECOGNIZER_ARN: CLAUSES},
        input_bucket=bucket,
    )


async def upload(corpus: Corpus, store: Buckets) -> None:
    """Both buckets exist, and every object of the corpus is in the input bucket."""
    await store.create_bucket(corpus.input_bucket)
    await store.create_bucket(corpus.output_bucket)
    waiting = iter(corpus.objects.items())

    async def work() -> None:
        for key, body in waiting:
            await store.write(corpus.input_bucket, key, body)

    async with anyio.create_task_group() as group:
        for _ in range(_UPLOADS_AT_ONCE):
            group.start_soon(work)


class _Writer:
    """Collects objects, ground truth and manifest entries."""

    def __init__(self, *, seed: int, bucket: str) -> None:
        self.bucket = bucket
        self.objects: dict[str, bytes] = {}
        self.planted: list[Planted] = []
        self.entries: list[dict[str, Any]] = []
        self._planter = Planter(seed)

    def entry(self, theme: _Theme, folder: str) -> None:
        """A prefix of this theme, with its objects and its manifest line."""
        for number in range(self._planter.random.randint(1, theme.objects_max)):
            self.write(theme, f"{folder}part-{number}.txt")
        self.entries.append(self.line(theme, folder))

    def line(self, theme: _Theme, folder: str, **more: object) -> dict[str, Any]:
        """A manifest line (design, section 6); `more` replaces or adds members."""
        return {
            "prefix": f"s3://{self.bucket}/{folder}",
            "kinds": list(theme.kinds),
            "language": "en",
            "input_format": str(theme.input_format),
            "label": folder.partition("/")[0],
        } | more

    def write(self, theme: _Theme, key: str) -> None:
        """One object of this theme, its planted values remembered with their offsets in their documents."""
        texts: list[str] = []
        for number in range(theme.documents_per_object):
            per_line = theme.input_format == InputFormat.PER_LINE
            text, values = self._planter.fill(self._choose(theme), " " if per_line else "\n")
            line = number if per_line else None
            self.planted += [
                Planted(key=key, line=line, type=kind, begin=begin, end=end, text=text[begin:end])
                for kind, begin, end in values
            ]
            texts.append(text)
        self.objects[key] = ("\n".join(texts) + "\n").encode()

    def _choose(self, theme: _Theme) -> list[str]:
        """Sentences without repeats where there are enough, in the order of the theme where they make one long text."""
        random = self._planter.random
        if theme.input_format == InputFormat.PER_LINE:
            return random.sample(theme.sentences, theme.sentences_per_document)
        rounds = -(-theme.sentences_per_document // len(theme.sentences))
        return [sentence for _ in range(rounds) for sentence in theme.sentences if random.random() < 0.85]


def _write_special(writer: _Writer) -> list[dict[str, Any]]:
    """The prefixes that fail, degrade, redact or use a recognizer of the user, and their manifest lines."""
    reviews, tickets, contracts, letters, news = (_BY_NAME[theme.name] for theme in _THEMES)
    for theme, folder in (
        (contracts, "forbidden/"),
        (reviews, "overlong/"),
        (news, "mojibake/"),
        (tickets, "redact-mask/"),
        (letters, "redact-type/"),
        (contracts, "clauses/"),
    ):
        writer.write(theme, folder + "part-0.txt")
        writer.write(theme, folder + "part-1.txt")
    _lengthen(writer.objects, "overlong/part-0.txt")
    _corrupt(writer.objects, "mojibake/part-0.txt")
    mask = {"PiiEntityTypes": ["ALL"], "MaskMode": "MASK", "MaskCharacter": "*"}
    replace = {"PiiEntityTypes": ["NAME", "SSN", "ADDRESS", "EMAIL"], "MaskMode": "REPLACE_WITH_PII_ENTITY_TYPE"}
    return [
        writer.line(contracts, "forbidden/", kinds=["entities"]),
        writer.line(contracts, "empty/", kinds=["key_phrases"]),
        writer.line(reviews, "overlong/", kinds=["sentiment"]),
        writer.line(news, "mojibake/", kinds=["entities"]),
        writer.line(tickets, "redact-mask/", kinds=["pii_entities"], request=_redaction(mask)),
        writer.line(letters, "redact-type/", request=_redaction(replace)),
        writer.line(
            contracts,
            "clauses/",
            kinds=["entities"],
            request={"entities": {"EntityRecognizerArn": RECOGNIZER_ARN}},
        ),
    ]


def _redaction(config: dict[str, Any]) -> dict[str, Any]:
    return {"pii_entities": {"Mode": "ONLY_REDACTION", "RedactionConfig": config}}


def _lengthen(objects: dict[str, bytes], key: str) -> None:
    """Two lines of the object are longer than a sentiment document may be (facts 1.7)."""
    lines = objects[key].splitlines()
    for place in (2, 7):
        lines[place] = (lines[place] + b" ") * (LIMITS["sentiment"].document_bytes_max // len(lines[place]) + 1)
    objects[key] = b"\n".join(lines) + b"\n"


def _corrupt(objects: dict[str, bytes], key: str) -> None:
    """A line in the middle of the object is Latin-1, so the service drops it and all that follow (facts 4.4)."""
    lines = objects[key].splitlines()
    lines[len(lines) // 2] = "The café at the Zürich fair was closed.".encode("latin-1")
    objects[key] = b"\n".join(lines) + b"\n"
