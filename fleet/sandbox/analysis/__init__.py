"""Light but real functions of a text, one per kind: the same text and request give the same fields, always.

Promises: offsets count code points, the end is exclusive, and text[Begin:End] is the text that a span claims; spans of
one kind do not overlap and stand in order; scores lie in [0, 1]. Does not: know the language. The word lists are
English; another LanguageCode gives fewer findings, never an error.
"""

from collections.abc import Mapping
from typing import Any

from fleet.sandbox.analysis import custom, entities, key_phrases, pii, sentiment, targeted
from fleet.sandbox.analysis.custom import Recognizers
from fleet.sandbox.analysis.redaction import redact
from fleet.sandbox.analysis.spans import Span, score

__all__ = ["Recognizers", "analyse", "redact"]


def analyse(kind: str, text: str, request: Mapping[str, Any], recognizers: Recognizers | None = None) -> dict[str, Any]:
    """The fields of one result that depend on the text (facts 4.2); ValueError for a kind that does not exist."""
    match kind:
        case "entities":
            arn = request.get("EntityRecognizerArn") or request.get("FlywheelArn")
            spans = custom.detect(text, arn, recognizers) if arn else entities.detect(text)
            return {"Entities": [_typed(span, text) for span in spans]}
        case "key_phrases":
            return {"KeyPhrases": [_untyped(span, text) for span in key_phrases.detect(text)]}
        case "sentiment":
            return sentiment.detect(text)
        case "targeted_sentiment":
            return {"Entities": targeted.detect(text)}
        case "pii_entities":
            return {"Entities": [_private(span, text) for span in pii.detect(text)]}
    raise ValueError(f"no such kind: {kind}")


def _typed(span: Span, text: str) -> dict[str, Any]:
    return _untyped(span, text) | {"Type": span.type}


def _untyped(span: Span, text: str) -> dict[str, Any]:
    words = text[span.begin : span.end]
    return {"BeginOffset": span.begin, "EndOffset": span.end, "Score": score(words), "Text": words}


def _private(span: Span, text: str) -> dict[str, Any]:
    """Without the text: the service does not repeat personal data (facts 4.2)."""
    words = text[span.begin : span.end]
    return {"BeginOffset": span.begin, "EndOffset": span.end, "Score": score(words, 0.9), "Type": span.type}
