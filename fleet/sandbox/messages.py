"""Why a job failed, in the words that Describe shows: AWS's own where they were found, ours where they are UNKNOWN.

Sources: facts sheet 3.5. The part before the colon is a stable code. The switch `messages` replaces any of them.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

__all__ = ["MESSAGES", "Message", "message"]


class Message(StrEnum):
    """A name for each text, which is how the switch calls it."""

    NO_READ = "no_read"
    NO_WRITE = "no_write"
    NO_WRITE_KMS = "no_write_kms"
    VPC = "vpc"
    NO_FILES = "no_files"
    TOO_LARGE = "too_large"
    TOO_SMALL = "too_small"
    TOO_MANY_FILES = "too_many_files"
    TOO_MANY_LINES = "too_many_lines"
    INTERNAL = "internal"


_NO_WRITE: Final = (
    "NO_WRITE_ACCESS_TO_OUTPUT: The provided data access role does not have write access to the output S3 URI"
)

MESSAGES: Final[Mapping[Message, str]] = {
    # found in AWS's output, to the letter
    Message.NO_READ: (
        "NO_READ_ACCESS_TO_INPUT: The provided data access role does not have proper access to the input data."
    ),
    Message.NO_WRITE: f"{_NO_WRITE}.",
    Message.NO_WRITE_KMS: f"{_NO_WRITE} or it does not have access to the output S3 KMS Key.",
    Message.VPC: (
        "NOT_ENOUGH_ACCESS_TO_VPC: The provided data access role does not have ec2:DescribeSecurityGroups permission."
    ),
    # our own
    Message.NO_FILES: "NO_INPUT_FILES: No input files were found under the input S3 URI.",
    Message.TOO_LARGE: "INPUT_SIZE_EXCEEDED: The input has {found} bytes, more than the {limit} bytes of one job.",
    Message.TOO_SMALL: "INPUT_SIZE_TOO_SMALL: The input has {found} bytes, fewer than the {limit} that a job needs.",
    Message.TOO_MANY_FILES: "INPUT_FILES_EXCEEDED: The input has {found} files, more than the {limit} of one job.",
    Message.TOO_MANY_LINES: "INPUT_LINES_EXCEEDED: The input has more than the {limit} lines of one job.",
    Message.INTERNAL: "INTERNAL_ERROR: The job failed for an internal reason. Try again.",
}


def message(name: Message, own: Mapping[Message, str], *, found: int | None = None, limit: int | None = None) -> str:
    """The text of this name, from the user's `own` texts first; {found} and {limit} are replaced in either."""
    text = own.get(name, MESSAGES[name])
    return text.replace("{found}", str(found)).replace("{limit}", str(limit))
