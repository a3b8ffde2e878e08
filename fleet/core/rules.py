"""What Comprehend asks of a Start request in prose, and the service model's shapes cannot say.

Every rule takes a request that may be wrong in any other way too, and names only what breaks this rule. Sources: the
service model's documentation texts, and the facts sheet: languages 1.9, redaction 4.3, tags 1.6, keys and roles 6.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from fleet.core import uri
from fleet.core.kinds import Kind
from fleet.core.layers import at
from fleet.core.shapes import Problem
from fleet.core.text import nearest, shown

__all__ = ["ROLE_ARN", "TAGS_MAX", "rule_problems"]

TAGS_MAX: Final = 50

ROLE_ARN: Final = re.compile(r"arn:(?P<partition>aws(?:-[^:]+)?):iam::(?P<account>[0-9]{12}):role/.+")

_PARTITIONS: Final = (
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-isob-", "aws-iso-b"),
    ("us-isof-", "aws-iso-f"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-iso-", "aws-iso"),
    ("eusc-", "aws-eusc"),
)
_KEY_ID: Final = r"(?:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|mrk-[0-9a-f]{32})"
_KEY_ARN: Final = r"arn:aws(?:-[^:]+)?:kms:[a-z0-9-]+:[0-9]{12}:"
_VOLUME_KEY: Final = re.compile(rf"(?:{_KEY_ARN}key/)?{_KEY_ID}")
_OUTPUT_KEY: Final = re.compile(rf"(?:{_KEY_ARN})?alias/[A-Za-z0-9/_-]+|{_VOLUME_KEY.pattern}")


def rule_problems(kind: Kind, request: Mapping[str, Any], region: str) -> list[Problem]:
    """Everything in a Start request of this kind that breaks a rule of prose."""
    return [
        *_language(kind, request),
        *_output(request),
        *_redaction(kind, request),
        *_document_reader(request),
        *_tags(request),
        *_encryption(request),
        *_role(request, region),
    ]


def _language(kind: Kind, request: Mapping[str, Any]) -> Iterator[Problem]:
    language = request.get("LanguageCode")
    if language is None:
        if "LanguageCode" not in request:
            yield Problem(path=("LanguageCode",), reason="no language: give one in the line or in [defaults]")
    elif isinstance(language, str) and language not in kind.languages:
        meant = nearest(language, sorted(kind.languages))
        instead = f": did you mean {meant!r}?" if meant else f", only {', '.join(sorted(kind.languages))}"
        yield Problem(path=("LanguageCode",), reason=f"{shown(language)} is not supported{instead}")


def _output(request: Mapping[str, Any]) -> Iterator[Problem]:
    if isinstance(output := at(request, ("OutputDataConfig", "S3Uri")), str):
        try:
            uri.split(output)
        except ValueError as error:
            yield Problem(path=("OutputDataConfig", "S3Uri"), reason=str(error))


def _redaction(kind: Kind, request: Mapping[str, Any]) -> Iterator[Problem]:
    if kind.name == "pii_entities" and request.get("Mode") == "ONLY_REDACTION":
        if "RedactionConfig" not in request:
            reason = "Mode ONLY_REDACTION needs a RedactionConfig with PiiEntityTypes"
            yield Problem(path=("RedactionConfig",), reason=reason)
        elif at(request, ("RedactionConfig", "PiiEntityTypes")) in (None, []):
            reason = 'Mode ONLY_REDACTION needs at least one type here, e.g. ["ALL"]'
            yield Problem(path=("RedactionConfig", "PiiEntityTypes"), reason=reason)


def _document_reader(request: Mapping[str, Any]) -> Iterator[Problem]:
    reader = at(request, ("InputDataConfig", "DocumentReaderConfig"))
    if not isinstance(reader, Mapping):
        return
    path = ("InputDataConfig", "DocumentReaderConfig")
    if at(request, ("InputDataConfig", "InputFormat")) == "ONE_DOC_PER_LINE":
        yield Problem(path=path, reason="is for PDF and image files, which cannot be ONE_DOC_PER_LINE")
    if reader.get("DocumentReadAction") == "TEXTRACT_ANALYZE_DOCUMENT" and not reader.get("FeatureTypes"):
        yield Problem(path=(*path, "FeatureTypes"), reason="TEXTRACT_ANALYZE_DOCUMENT needs TABLES, FORMS or both")


def _tags(request: Mapping[str, Any]) -> Iterator[Problem]:
    tags = request.get("Tags")
    if not isinstance(tags, list):
        return
    if len(tags) > TAGS_MAX:
        yield Problem(path=("Tags",), reason=f"a job takes at most {TAGS_MAX} tags, here are {len(tags):,}")
        return
    keys = [at(tag, ("Key",)) for tag in tags]
    counts = Counter(key for key in keys if isinstance(key, str))
    for position, key in enumerate(keys):
        if not isinstance(key, str):
            continue
        if key.lower().startswith("aws:"):
            yield Problem(
                path=("Tags", position, "Key"), reason=f"{shown(key)}: keys that begin with aws: are AWS's own"
            )
        if counts[key] > 1 and key in keys[:position]:
            yield Problem(path=("Tags", position, "Key"), reason=f"{shown(key)} is given twice")


def _encryption(request: Mapping[str, Any]) -> Iterator[Problem]:
    volume_key, output_key = request.get("VolumeKmsKeyId"), at(request, ("OutputDataConfig", "KmsKeyId"))
    if isinstance(volume_key, str) and not _VOLUME_KEY.fullmatch(volume_key):
        reason = f"{shown(volume_key)} is no KMS key: give a key id or a key's ARN (no alias)"
        yield Problem(path=("VolumeKmsKeyId",), reason=reason)
    if isinstance(output_key, str) and not _OUTPUT_KEY.fullmatch(output_key):
        reason = f"{shown(output_key)} is no KMS key: give a key id, a key's ARN, alias/NAME or an alias's ARN"
        yield Problem(path=("OutputDataConfig", "KmsKeyId"), reason=reason)


def _role(request: Mapping[str, Any], region: str) -> Iterator[Problem]:
    role = request.get("DataAccessRoleArn")
    if not isinstance(role, str):
        return
    partition = next((name for start, name in _PARTITIONS if region.startswith(start)), "aws")
    if (match := ROLE_ARN.fullmatch(role)) is None:
        reason = f"{shown(role)} is no role's ARN: write arn:{partition}:iam::<12 digits>:role/<name>"
        yield Problem(path=("DataAccessRoleArn",), reason=reason)
    elif match["partition"] != partition:
        reason = f"{shown(role)} is of partition {shown(match['partition'])}, but {region} is in {partition}"
        yield Problem(path=("DataAccessRoleArn",), reason=reason)
