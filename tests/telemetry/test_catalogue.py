"""The catalogue of metrics: the one list that the process, the README and the dashboards share."""

import re
from pathlib import Path

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from fleet.telemetry import CATALOGUE, Telemetry
from fleet.telemetry.catalogue import as_markdown

README = Path(__file__).parent.parent.parent / "README.md"
WORDS = {"kind", "state", "verdict", "event", "code", "cause", "operation", "outcome", "lane", "bound", "level"}
OTHERS = {"stage", "target", "transition", "version"}


def test_the_readme_has_the_catalogue() -> None:
    """The table in the README is the one that the code makes."""
    assert as_markdown() in README.read_text()


def test_names_and_units_are_as_prometheus_wants_them() -> None:
    """One prefix; `_total` on counters and nothing else; base units; help for everybody."""
    for metric in CATALOGUE:
        assert re.fullmatch(r"fleet_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") == (metric.type == "counter")
        assert not re.search(r"_(ms|milliseconds|minutes|hours|kb|mib|percent)(_|$)", metric.name)
        assert metric.help
        assert bool(metric.buckets) == (metric.type == "histogram")
        assert list(metric.buckets) == sorted(metric.buckets)
    assert len({metric.name for metric in CATALOGUE}) == len(CATALOGUE)


def test_labels_are_words_from_small_sets() -> None:
    """No job, prefix, bucket or token is ever a label."""
    assert {label for metric in CATALOGUE for label in metric.labels} <= WORDS | OTHERS


def test_every_metric_is_there_from_the_start() -> None:
    """Also before anything happened, so that a rate is right from the first scrape on; each counter once."""
    families = {family.name: family for family in text_string_to_metric_families(_exported(Telemetry()))}

    assert families.keys() == {metric.name.removesuffix("_total") for metric in CATALOGUE}
    assert not [name for name in families if name.endswith("_created")]


def test_codes_from_outputs_cannot_make_new_series() -> None:
    """What Comprehend documents is counted by its code, everything else as one."""
    telemetry = Telemetry()

    telemetry.documents_failed("entities", {"DOCUMENT_SIZE_EXCEEDED": 2, "x" * 1000: 3, "y": 4})

    exported = _exported(telemetry)
    assert 'fleet_document_errors_total{code="DOCUMENT_SIZE_EXCEEDED",kind="entities"} 2.0' in exported
    assert 'fleet_document_errors_total{code="other",kind="entities"} 7.0' in exported
    assert "xxx" not in exported


def _exported(telemetry: Telemetry) -> str:
    return generate_latest(telemetry.registry).decode()
