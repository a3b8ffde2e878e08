"""Targeted sentiment: what the text says about each thing in it (facts 4.2).

Targets are entities, aspect nouns (price, battery, staff ...) and pronouns. Each opinion goes to the nearest target of
its clause, persons who only speak excepted; targets with the same words are one entity with several mentions.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from fleet.sandbox.analysis import entities
from fleet.sandbox.analysis.sentiment import judge, weigh_at
from fleet.sandbox.analysis.spans import Span, score, settle


def _aspects(**listed: str) -> dict[str, str]:
    return {word: kind for kind, words in listed.items() for word in words.split()}


_ASPECTS = _aspects(
    ATTRIBUTE="""price prices quality service support delivery shipping battery screen display sound picture design
    size color food taste flavor menu breakfast dinner lunch drinks location view atmosphere comfort value cost
    performance speed interface documentation manual packaging warranty fit fabric material camera keyboard engine
    installation setup refund response instructions performance security stability""",
    FACILITY="hotel room rooms restaurant store shop office warehouse kitchen bathroom lobby gym pool apartment",
    PERSON="""staff waiter waitress driver agent technician representative seller customer customers team manager
    doctor nurse teacher owner host guide crew receptionist""",
    COMMERCIAL_ITEM="""phone laptop tablet product item items device charger cable headphones speaker printer vacuum
    blender kettle shoes jacket dress bag watch car bike chair table mattress sofa lamp""",
    SOFTWARE="app website software update browser program application system login checkout",
    MOVIE="movie film show series",
    BOOK="book novel story plot ending",
    MUSIC="song album concert playlist",
    GAME="game games",
    BRAND="brand",
    PERSONAL_TITLE="ceo president director supervisor",
)
_SPEAKERS = {
    word: group
    for group, words in {
        "i": "i me my mine myself",
        "we": "we us our ours",
        "you": "you your",
        "he": "he him his",
        "she": "she her",
        "they": "they them their",
    }.items()
    for word in words.split()
}
# Below the weight of a mild word: what is said of a target is meant.
_NEUTRAL = 0.8
_TYPES = {"TITLE": "BOOK"}
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|[.!?;,\n]")
_CLAUSE_ENDS = frozenset(".!?;,\n") | {"but", "however", "although", "though", "while", "whereas"}


class _Target:
    """One mention: its span, its place among the tokens, and the opinions that fell to it."""

    __slots__ = ("group", "place", "span", "weights")

    def __init__(self, span: Span, place: int, group: str) -> None:
        self.span = span
        self.place = place
        self.group = group
        self.weights: list[float] = []

    @property
    def speaks(self) -> bool:
        return self.group.startswith("\0")


def detect(text: str) -> list[dict[str, Any]]:
    """The entities with their mentions, both by offset."""
    matches = list(_WORD.finditer(text))
    tokens = [match.group().lower().replace("’", "'") for match in matches]
    targets = _targets(text, matches, tokens)
    _assign(tokens, targets)
    groups: dict[str, list[_Target]] = {}
    for target in targets:
        groups.setdefault(target.group, []).append(target)
    return [_entity(text, mentions) for mentions in groups.values()]


def _targets(text: str, matches: Sequence[re.Match[str]], tokens: Sequence[str]) -> list[_Target]:
    spans = [Span(begin, end, _TYPES.get(kind, kind)) for begin, end, kind in entities.detect(text)]
    for match, token in zip(matches, tokens, strict=True):
        kind = _ASPECTS.get(token) or _ASPECTS.get(token.removesuffix("s")) or ("PERSON" if token in _SPEAKERS else "")
        if kind:
            spans.append(Span(match.start(), match.end(), kind))
    starts = [match.start() for match in matches]
    return [
        _Target(span, bisect_left(starts, span.begin), _group(text[span.begin : span.end]))
        for span in settle(spans, len(text))
    ]


def _group(name: str) -> str:
    """What mentions of one entity have in common: the pronoun's person, or the words without their plural."""
    lower = name.lower()
    if lower in _SPEAKERS:
        return "\0" + _SPEAKERS[lower]
    return lower[:-1] if lower.endswith("s") and len(lower) > 3 else lower


def _assign(tokens: Sequence[str], targets: Sequence[_Target]) -> None:
    """Each opinion falls to the nearest target of its clause; to none if the clause has none."""
    hearers = [target for target in targets if not target.speaks]
    places = [target.place for target in hearers]
    ends = [place for place, token in enumerate(tokens) if token in _CLAUSE_ENDS]
    for place, weight in weigh_at(tokens):
        end = bisect_left(ends, place)
        first = ends[end - 1] if end else -1
        last = ends[end] if end < len(ends) else len(tokens)
        near = bisect_left(places, place)
        candidates = [target for target in hearers[max(0, near - 1) : near + 1] if first < target.place < last]
        if candidates:
            min(candidates, key=lambda target: (abs(target.place - place), target.place)).weights.append(weight)


def _entity(text: str, mentions: Sequence[_Target]) -> dict[str, Any]:
    lengths = [mention.span.end - mention.span.begin for mention in mentions]
    return {
        "DescriptiveMentionIndex": [lengths.index(max(lengths))],
        "Mentions": [_mention(text, mention, place) for place, mention in enumerate(mentions)],
    }


def _mention(text: str, target: _Target, place: int) -> dict[str, Any]:
    begin, end, kind = target.span
    words = text[begin:end]
    return {
        "BeginOffset": begin,
        "EndOffset": end,
        "GroupScore": 1 if place == 0 else score(f"{target.group}\n{place}", 0.7),
        "MentionSentiment": judge(target.weights, _NEUTRAL),
        "Score": score(words),
        "Text": words,
        "Type": kind,
    }
