"""Questions to botocore's service model: which operations there are, what fits a shape, and whether an answer fits it.

The model is AWS's own description of the wire, so it is the judge here, and nothing of the sandbox is.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ListShape, OperationModel, ServiceModel, Shape, StructureShape

ACCOUNT: Final = "123456789012"
ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/comprehend"
STEMS: Final = (
    "EntitiesDetectionJob",
    "KeyPhrasesDetectionJob",
    "PiiEntitiesDetectionJob",
    "SentimentDetectionJob",
    "TargetedSentimentDetectionJob",
)
VERBS: Final = ("Start", "Describe", "List", "Stop")

_MODEL: Final = ServiceModel(Loader().load_service_model("comprehend", "service-2"), "comprehend")
_ARN: Final = f"arn:aws:comprehend:us-east-1:{ACCOUNT}"
# What fits the pattern of each shape of text that has no enum.
_TEXTS: Final = {
    "ClientRequestTokenString": "token-1",
    "ComprehendFlywheelArn": f"{_ARN}:flywheel/wheel",
    "EntityRecognizerArn": f"{_ARN}:entity-recognizer/clauses",
    "IamRoleArn": ROLE,
    "JobName": "Verträge 2024/日本 @50%",
    "KmsKeyId": "1234abcd-12ab-34cd-56ef-1234567890ab",
    "MaskCharacter": "#",
    "S3Uri": "s3://corpus-in/a/",
    "SecurityGroupId": "sg-03b388029b0a285ea",
    "SubnetId": "subnet-04ccf456919e69055",
    "TagKey": "project",
    "TagValue": "",
}
_WIRE_TYPES: Final[dict[str, tuple[type, ...]]] = {"string": (str,), "timestamp": (int, float), "integer": (int,)}
_PARSED_TYPES: Final[dict[str, type[Any]]] = {"string": str, "timestamp": datetime, "integer": int}


def name_of(verb: str, stem: str) -> str:
    """The operation, e.g. `ListSentimentDetectionJobs`."""
    return f"{verb}{stem}{'s' if verb == 'List' else ''}"


OPERATIONS: Final = tuple(name_of(verb, stem) for stem in STEMS for verb in VERBS)


def stem_of(operation: str) -> str:
    """The kind's part of an operation's name, e.g. `SentimentDetectionJob`."""
    found = re.fullmatch(r"(?:Start|Describe|List|Stop)(\w+Job)s?", operation)
    assert found is not None
    return found[1]


def model_of(operation: str) -> OperationModel:
    """Everything that botocore knows of an operation."""
    return _MODEL.operation_model(operation)


def method_of(operation: str) -> str:
    """The client's method, e.g. `list_sentiment_detection_jobs`."""
    return str(xform_name(operation))


def request_shape(operation: str) -> StructureShape:
    """The shape of the operation's request."""
    shape = model_of(operation).input_shape
    assert shape is not None
    return shape


def answer_shape(operation: str) -> StructureShape:
    """The shape of the operation's answer."""
    shape = model_of(operation).output_shape
    assert shape is not None
    return shape


def job_members(stem: str) -> set[str]:
    """Every member that Describe may show of a job."""
    properties = answer_shape(name_of("Describe", stem)).members[f"{stem}Properties"]
    assert isinstance(properties, StructureShape)
    return set(properties.members)


def declared_errors(operation: str) -> set[str]:
    """The errors that the operation lists as its own."""
    return {shape.name for shape in model_of(operation).error_shapes}


def fill(shape: Shape, path: str = "") -> Any:
    """A value with every member there is, each valid by the model."""
    if isinstance(shape, StructureShape):
        return {name: fill(member, f"{path}.{name}") for name, member in shape.members.items()}
    if isinstance(shape, ListShape):
        return [fill(shape.member, f"{path}[]")]
    if shape.metadata.get("enum"):
        return "en" if shape.name == "LanguageCode" else shape.metadata["enum"][0]
    return "s3://corpus-out/results/" if path.endswith("OutputDataConfig.S3Uri") else _TEXTS[shape.name]


def full_request(operation: str) -> dict[str, Any]:
    """A request with every member of the model."""
    request: dict[str, Any] = fill(request_shape(operation))
    return request


def minimal_request(operation: str, **changes: Any) -> dict[str, Any]:
    """A Start request with the required members alone, at every depth, and with changes; None takes a member out."""
    request = _required(request_shape(operation), "")
    # The other mode has a member of its own that the model does not mark as required.
    request |= ({"Mode": "ONLY_OFFSETS"} if "Mode" in request else {}) | changes
    return {name: value for name, value in request.items() if value is not None}


def enums(shape: Shape, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every value of every enum of a request, with the path to its member."""
    if isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            yield from enums(member, (*path, name))
    elif isinstance(shape, ListShape):
        yield from enums(shape.member, path)
    else:
        for value in shape.metadata.get("enum", ()):
            yield path, value


def losses(shape: Shape | None, wire: Any, parsed: Any, path: str = "answer") -> Iterator[str]:
    """What is on the wire and not in the model, of another type than there, or not in what the client made of it."""
    if isinstance(shape, StructureShape):
        for name, value in wire.items():
            if name not in shape.members:
                yield f"{path}.{name} is not in the model"
            elif name not in parsed:
                yield f"{path}.{name} was lost by the client"
            else:
                yield from losses(shape.members[name], value, parsed[name], f"{path}.{name}")
    elif isinstance(shape, ListShape):
        if len(wire) != len(parsed):
            yield f"{path} has {len(wire)} members on the wire, {len(parsed)} for the client"
        for place, (value, member) in enumerate(zip(wire, parsed, strict=False)):
            yield from losses(shape.member, value, member, f"{path}[{place}]")
    elif shape is not None:
        yield from _leaf_losses(shape, wire, parsed, path)


def _leaf_losses(shape: Shape, wire: Any, parsed: Any, path: str) -> Iterator[str]:
    if not isinstance(wire, _WIRE_TYPES[shape.type_name]) or not isinstance(parsed, _PARSED_TYPES[shape.type_name]):
        yield f"{path} is {wire!r} on the wire and {parsed!r} for the client, not a {shape.type_name}"
    elif shape.type_name == "timestamp" and abs(parsed.timestamp() - wire) > 1e-3:
        yield f"{path} is {wire} on the wire and {parsed.timestamp()} for the client"
    if shape.metadata.get("enum") and wire not in shape.metadata["enum"]:
        yield f"{path} is {wire!r}, which is not in its enum"


def _required(shape: Shape, path: str) -> Any:
    assert isinstance(shape, StructureShape)
    return {
        name: _required(member, f"{path}.{name}")
        if isinstance(member := shape.members[name], StructureShape)
        else fill(member, f"{path}.{name}")
        for name in shape.required_members
    }
