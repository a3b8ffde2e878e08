"""The runbook as a dashboard: one text panel for each section of runbook.md, so that it can be read where it is needed.

A link leads to one section's panel alone. Grafana needs no way to the repository for it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.builders import text
from grafana_foundation_sdk.models.text import TextMode

__all__ = ["UID", "link", "panels", "sections"]

UID: Final = "fleet-runbook"

_FILE: Final = Path(__file__).parent / "runbook.md"
_MARK: Final = "## "


def sections() -> dict[str, str]:
    """The text of each section of the runbook, by its heading, in the file's order."""
    _, *parts = _FILE.read_text().split(f"\n{_MARK}")
    found = (part.partition("\n") for part in parts)
    return {heading: body.strip() for heading, _, body in found}


def link(alert: str) -> str:
    """Where in Grafana the section about this alert is; ValueError where there is none."""
    return f"/d/{UID}?viewPanel={list(sections()).index(alert) + 1}"


def panels() -> Iterator[text.Panel]:
    """One panel for each section; the n-th must get the id n, for links count on it."""
    for heading, body in sections().items():
        panel = text.Panel().title(heading).description(f"What the alert {heading} means and what to do")
        yield panel.mode(TextMode.MARKDOWN).content(body).height(9).span(12)
