"""PII redaction: a copy of the text without the personal data in it (facts 4.3).

MASK puts MaskCharacter for each character, so length and offsets stay; AWS's samples disagree on white space inside a
span, here it is masked too, but line ends never are, so that the line structure stays. REPLACE_WITH_PII_ENTITY_TYPE
puts [TYPE]. What the service does without MaskMode or MaskCharacter is UNKNOWN: here MASK and "*".
"""

import re
from collections.abc import Mapping
from typing import Any

from fleet.sandbox.analysis import pii

_NOT_LINE_END = re.compile(r"[^\r\n]")
_LINE_ENDS = re.compile(r"[^\r\n]+")


def redact(text: str, config: Mapping[str, Any]) -> str:
    """The text with every span of the configured types masked or replaced; no PiiEntityTypes means ALL."""
    types = frozenset(config.get("PiiEntityTypes") or ("ALL",))
    replace = config.get("MaskMode") == "REPLACE_WITH_PII_ENTITY_TYPE"
    character = config.get("MaskCharacter") or "*"
    pieces: list[str] = []
    position = 0
    for begin, end, kind in pii.detect(text):
        if kind not in types and "ALL" not in types:
            continue
        words = text[begin:end]
        pieces.append(text[position:begin])
        pieces.append(f"[{kind}]" + _LINE_ENDS.sub("", words) if replace else _NOT_LINE_END.sub(character, words))
        position = end
    pieces.append(text[position:])
    return "".join(pieces)
