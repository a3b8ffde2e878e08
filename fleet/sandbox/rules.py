"""The rules of a Start request that stand only in the prose of the API pages.

Sources: facts sheet 1.6, 1.9, 4.3 and the model's documentation. Where the code of an error is UNKNOWN it is
InvalidRequestException, the only one that every Start operation declares and that fits.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fleet.sandbox.errors import ServiceError
from fleet.sandbox.kinds import Kind, Verb
from fleet.sandbox.switches import Switches

__all__ = ["check_start"]

_TAGS_MAX: Final = 50


def check_start(kind: Kind, params: Mapping[str, Any], switches: Switches) -> None:
    """The request, already valid by the model, obeys the rules in prose; else ServiceError."""
    _check_language(kind, params, switches.unsupported_language_code)
    _check_reader(params["InputDataConfig"].get("DocumentReaderConfig") or {})
    _check_redaction(params)
    _check_tags(params.get("Tags") or ())
    _check_resources(params, switches)


def _check_language(kind: Kind, params: Mapping[str, Any], code: str) -> None:
    """Languages per kind (facts 1.9); a custom recognizer brings its own, and LanguageCode is ignored."""
    if params.get("EntityRecognizerArn") or params.get("FlywheelArn"):
        return
    if params["LanguageCode"] not in kind.languages:
        supported = ", ".join(sorted(kind.languages))
        raise ServiceError(
            code,
            f"LanguageCode {params['LanguageCode']} is not supported by {kind.operation(Verb.START)}: use {supported}",
        )


def _check_reader(reader: Mapping[str, Any]) -> None:
    """Textract's analysis must be told what to look for (the model's documentation of FeatureTypes)."""
    if reader.get("DocumentReadAction") == "TEXTRACT_ANALYZE_DOCUMENT" and not reader.get("FeatureTypes"):
        raise ServiceError(
            "InvalidRequestException",
            "DocumentReaderConfig must have FeatureTypes if DocumentReadAction is TEXTRACT_ANALYZE_DOCUMENT",
        )


def _check_redaction(params: Mapping[str, Any]) -> None:
    """ONLY_REDACTION must come with the types to redact (facts 4.3; botocore's model does not say so)."""
    if params.get("Mode") != "ONLY_REDACTION":
        return
    if not (params.get("RedactionConfig") or {}).get("PiiEntityTypes"):
        raise ServiceError(
            "InvalidRequestException",
            "RedactionConfig with PiiEntityTypes is required if Mode is ONLY_REDACTION",
        )


def _check_tags(tags: Sequence[Mapping[str, Any]]) -> None:
    """At most 50 tags, no key twice, none that begins with `aws:` (the last two are AWS's general tag rules)."""
    if len(tags) > _TAGS_MAX:
        raise ServiceError("TooManyTagsException")
    keys = [tag["Key"] for tag in tags]
    if len(set(keys)) < len(keys):
        raise ServiceError("InvalidRequestException", "Tags must not have the same Key twice")
    if any(key.lower().startswith("aws:") for key in keys):
        raise ServiceError("InvalidRequestException", "A tag's Key must not begin with aws:")


def _check_resources(params: Mapping[str, Any], switches: Switches) -> None:
    """What AWS would look up in IAM, KMS and Comprehend is said by switches (facts 1.6)."""
    if params["DataAccessRoleArn"] in switches.unassumable_roles:
        raise ServiceError(
            "InvalidRequestException", "The data access role cannot be assumed by comprehend.amazonaws.com"
        )
    keys = (params.get("VolumeKmsKeyId"), params["OutputDataConfig"].get("KmsKeyId"))
    if any(key in switches.unusable_kms_keys for key in keys):
        raise ServiceError("KmsKeyValidationException")
    models = (params.get("EntityRecognizerArn"), params.get("FlywheelArn"))
    if any(model in switches.missing_recognizers for model in models):
        raise ServiceError("ResourceNotFoundException")
    if any(model in switches.untrained_recognizers for model in models):
        raise ServiceError("ResourceUnavailableException")
