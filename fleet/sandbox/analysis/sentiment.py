"""The sentiment of a text by a lexicon, with negation, intensifiers and contrast (facts 4.2).

Promises: one of POSITIVE, NEGATIVE, NEUTRAL, MIXED, which is the largest of four scores that add up to 1.
Does not: know irony, or any language but English.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from fleet.sandbox.analysis.lexicon import CONTRASTS, INTENSIFIERS, NEGATORS, OPINIONS

TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|[.!?;\n]")
_STOPS = frozenset(".!?;\n")
_LABELS = ("Mixed", "Negative", "Neutral", "Positive")
# How far before an opinion its negation or intensifier may stand, in words.
_REACH = 3
# A neutral text keeps this much weight; one clear opinion (2.0) outweighs it.
_NEUTRAL = 1.2
_TRACE = 0.02


def detect(text: str) -> dict[str, Any]:
    """Sentiment and SentimentScore of the whole text."""
    return judge(weigh(TOKEN.findall(text.lower().replace("’", "'"))))


def judge(weights: Sequence[float], neutral: float = _NEUTRAL) -> dict[str, Any]:
    """Sentiment and SentimentScore of opinions with these signed weights, against that much indifference."""
    positive = sum(weight for weight in weights if weight > 0)
    negative = -sum(weight for weight in weights if weight < 0)
    label, scores = _verdict(positive, negative, neutral)
    return {"Sentiment": label, "SentimentScore": dict(zip(_LABELS, scores, strict=True))}


@lru_cache(maxsize=16_384)
def _verdict(positive: float, negative: float, neutral: float) -> tuple[str, list[float]]:
    less, more = sorted((positive, negative))
    mixed = 2.5 * less * (less / more) if more else 0.0
    raw = [value + _TRACE for value in (mixed, negative, neutral, positive)]
    scores = [round(value / sum(raw), 6) for value in raw]
    top = max(range(4), key=scores.__getitem__)
    # Rounding must not break the sum.
    scores[top] = round(1 - sum(score for place, score in enumerate(scores) if place != top), 6)
    return _LABELS[top].upper(), scores


def weigh(tokens: Sequence[str]) -> list[float]:
    """The signed weight of each opinion among lower-case tokens, in order."""
    return [weight for _, weight in weigh_at(tokens)]


def weigh_at(tokens: Sequence[str]) -> list[tuple[int, float]]:
    """Place and signed weight of each opinion: turned by a negator, changed by intensifiers and by a "but"."""
    weighed = []
    for place in [place for place, token in enumerate(tokens) if token in OPINIONS]:
        weight = OPINIONS[tokens[place]]
        for before in reversed(tokens[max(0, place - _REACH) : place]):
            if before in _STOPS:
                break
            if before in NEGATORS:
                weight *= -0.8
            weight *= INTENSIFIERS.get(before, 1.0)
        weighed.append((place, weight * _contrast(tokens, place)))
    return weighed


def _contrast(tokens: Sequence[str], place: int) -> float:
    """What stands before a "but" counts less than what stands after it, within its sentence and 12 words."""
    for after in tokens[place + 1 : place + 12]:
        if after in _STOPS:
            break
        if after in CONTRASTS:
            return 0.8
    return 1.0
