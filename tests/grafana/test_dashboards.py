"""The dashboards as Grafana would load them: made from code, whole, readable, and the same on every Grafana."""

import itertools
from typing import Any

import pytest

from grafana import runbook
from grafana.generate import generated
from tests.grafana.rooms import DASHBOARDS, GRAFANA, alerts, dashboards, plan

LOADED = dashboards()
COLUMNS = 24


def panels_of(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """The panels that show something: all but the rows."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    """Whether two places on the grid share a cell."""
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not (beside or above)


def test_generating_again_changes_nothing() -> None:
    """The committed files are what the code makes, and there are no others: `python -m grafana.generate`."""
    texts = generated()

    assert {path: path.read_text() for path in DASHBOARDS} == texts


@pytest.mark.parametrize("uid", LOADED)
def test_a_dashboard_is_the_same_everywhere(uid: str) -> None:
    """Its uid is its file's name, nobody edits it in the browser, and the others are one link away."""
    dashboard = LOADED[uid]

    assert dashboard["uid"] == uid
    assert dashboard["editable"] is False
    assert dashboard["tags"] == ["fleet"]
    assert dashboard["description"]
    (link,) = dashboard["links"]
    assert (link["type"], link["tags"], link["includeVars"], link["keepTime"]) == ("dashboards", ["fleet"], True, True)


@pytest.mark.parametrize("uid", LOADED)
def test_no_panel_lies_over_another(uid: str) -> None:
    """Every panel is inside the grid of 24 columns, and no two share a cell."""
    dashboard = LOADED[uid]
    places = [panel["gridPos"] for panel in dashboard["panels"]]

    assert all(at["x"] + at["w"] <= COLUMNS for at in places), plan(dashboard)
    assert not [pair for pair in itertools.combinations(places, 2) if overlap(*pair)], plan(dashboard)


@pytest.mark.parametrize("uid", LOADED)
def test_no_row_has_a_hole(uid: str) -> None:
    """Panels that begin at one height fill the whole width, and are equally high."""
    dashboard = LOADED[uid]
    shown = sorted(
        (panel["gridPos"]["y"], panel["gridPos"]["h"], panel["gridPos"]["w"]) for panel in panels_of(dashboard)
    )

    for _, line in itertools.groupby(shown, key=lambda place: place[0]):
        heights, widths = zip(*((h, w) for _, h, w in line), strict=True)

        assert len(set(heights)) == 1, plan(dashboard)
        assert sum(widths) == COLUMNS or uid == runbook.UID, plan(dashboard)


@pytest.mark.parametrize("uid", LOADED)
def test_every_panel_says_what_it_shows(uid: str) -> None:
    """A title of its own, a description of a sentence, a unit, and ids that links can rely on."""
    panels = panels_of(LOADED[uid])
    titles = [panel["title"] for panel in panels]
    ids = [panel["id"] for panel in LOADED[uid]["panels"]]

    assert len(set(titles)) == len(titles)
    assert len(set(ids)) == len(ids)
    for panel in panels:
        assert len(panel["description"]) > 20, panel["title"]
        assert panel["type"] in ("text", "table") or panel["fieldConfig"]["defaults"]["unit"], panel["title"]
    for panel in (panel for panel in panels if panel["type"] == "table"):
        units = [
            wish for one in panel["fieldConfig"]["overrides"] for wish in one["properties"] if wish["id"] == "unit"
        ]
        assert len(units) == len(panel["targets"]), panel["title"]


@pytest.mark.parametrize("uid", LOADED)
def test_no_data_source_is_written_down(uid: str) -> None:
    """Every panel, query, variable and annotation asks the data source that the reader chose."""
    dashboard = LOADED[uid]
    asking = [panel for panel in panels_of(dashboard) if panel["type"] != "text"]
    asking += [target for panel in asking for target in panel["targets"]]
    asking += [variable for variable in dashboard["templating"]["list"] if variable["type"] == "query"]
    asking += dashboard["annotations"].get("list", [])

    assert dashboard["templating"]["list"][0]["name"] == "datasource"
    assert {(one["datasource"]["type"], one["datasource"]["uid"]) for one in asking} <= {
        ("prometheus", "${datasource}")
    }


@pytest.mark.parametrize("uid", LOADED)
def test_targets_of_a_panel_have_letters_of_their_own(uid: str) -> None:
    """Grafana tells the queries of one panel apart by their letters."""
    for panel in panels_of(LOADED[uid]):
        letters = [target["refId"] for target in panel.get("targets", [])]

        assert len(set(letters)) == len(letters)
        assert all(letters)


@pytest.mark.parametrize("uid", ["fleet", "fleet-internals"])
def test_rows_lead_from_the_answer_to_the_causes(uid: str) -> None:
    """First whether it is all right, then rate, errors and durations, then what is used up."""
    rows = [panel["title"] for panel in LOADED[uid]["panels"] if panel["type"] == "row"]
    order = [word for row in rows for word in ("all right", "RED", "USE") if word in row]

    assert LOADED[uid]["panels"][0]["type"] == "row"
    assert order == ["all right", "RED", "USE"]


@pytest.mark.parametrize("uid", ["fleet", "fleet-internals"])
def test_a_reader_can_narrow_what_is_shown(uid: str) -> None:
    """Data source, job, instance, account, Region and kind can be chosen; several of each, and all at first."""
    variables = {variable["name"]: variable for variable in LOADED[uid]["templating"]["list"]}

    assert {"datasource", "job", "instance", "kind"} <= set(variables)
    for variable in (variable for variable in variables.values() if variable["type"] == "query"):
        assert variable["multi"]
        assert variable["includeAll"]
        assert variable["description"]


def test_every_alert_has_its_section_of_the_runbook_and_a_panel() -> None:
    """The runbook has one section for each alert and no other; on its dashboard the n-th panel has the id n."""
    shown = {panel["title"]: panel["id"] for panel in LOADED[runbook.UID]["panels"]}

    assert list(runbook.sections()) == list(alerts())
    assert {name: f"/d/{runbook.UID}?viewPanel={number}" for name, number in shown.items()} == {
        name: runbook.link(name) for name in alerts()
    }


def test_links_of_panels_lead_to_the_runbook() -> None:
    """Each link in a panel's corner is the place of an existing section."""
    places = {runbook.link(name) for name in alerts()}
    links = [
        link["url"]
        for dashboard in LOADED.values()
        for panel in panels_of(dashboard)
        for link in panel.get("links", [])
    ]

    assert links
    assert set(links) <= places


def test_provisioning_holds_no_place_of_any_machine() -> None:
    """Addresses and folders come from Grafana's own environment."""
    for path in (GRAFANA / "provisioning").rglob("*.yaml"):
        text = path.read_text()

        assert "$" in text
        assert "http:" not in text
        assert "https:" not in text
