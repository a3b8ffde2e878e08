"""What `kubectl apply -k` would send: valid to the letter, locked down, and true to fleet and to grafana/."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleet import __version__
from fleet.core.manifest import Entry, entries
from fleet.settings import Settings, load
from tests.deploy.kustomize import KUBERNETES, OVERLAYS, only, pod_of, rendered, validated
from tests.deploy.tools import ROOT, load_script


@pytest.fixture(scope="module", params=["postgres", "sqlite"])
def objects(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    """The objects of an overlay that runs fleet."""
    return rendered(KUBERNETES / "overlays" / request.param)


@pytest.fixture(scope="module")
def pod(objects: list[dict[str, Any]]) -> dict[str, Any]:
    """The Pod that it makes."""
    return pod_of(objects)


@pytest.fixture(scope="module")
def sqlite() -> list[dict[str, Any]]:
    """The objects of the overlay with one replica and a volume."""
    return rendered(KUBERNETES / "overlays" / "sqlite")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_overlay_is_valid_to_the_letter(overlay: str, tmp_path: Path) -> None:
    """Each overlay renders, and every object of Kubernetes' own kinds passes the strict schema."""
    objects = rendered(KUBERNETES / "overlays" / overlay)

    done = validated(objects, tmp_path)

    assert objects
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_misspelt_field_would_be_caught(tmp_path: Path) -> None:
    """One letter too few in the rendered StatefulSet: the same check fails and names it."""
    overlay = tmp_path / "kubernetes"
    shutil.copytree(KUBERNETES, overlay)
    statefulset = overlay / "overlays" / "sqlite" / "statefulset.yaml"
    statefulset.write_text(statefulset.read_text().replace("readOnlyRootFilesystem", "readOnlyRootFilesytem"))

    done = validated(rendered(overlay / "overlays" / "sqlite"), tmp_path)

    assert done.returncode != 0
    assert "readOnlyRootFilesytem" in done.stdout + done.stderr


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_has_the_recommended_labels(overlay: str) -> None:
    """Name and part-of on everything, so that one selector finds all of fleet."""
    for item in rendered(KUBERNETES / "overlays" / overlay):
        labels = item["metadata"]["labels"]

        assert labels["app.kubernetes.io/name"] == labels["app.kubernetes.io/part-of"] == "fleet", item["kind"]


def test_the_pod_is_restricted(pod: dict[str, Any]) -> None:
    """What the Pod Security Standard `restricted` demands, a root that cannot be written, and no API token."""
    (container,) = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 65532
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_two_writers_of_one_ledger_cannot_happen(sqlite: list[dict[str, Any]]) -> None:
    """One replica of a StatefulSet, replaced only after its end, with a volume that one node holds."""
    spec = only(sqlite, "StatefulSet")["spec"]

    assert not [item for item in sqlite if item["kind"] == "Deployment"]
    assert (spec["replicas"], spec["updateStrategy"]["type"]) == (1, "RollingUpdate")
    assert spec["volumeClaimTemplates"][0]["spec"]["accessModes"] == ["ReadWriteOnce"]


def test_no_variable_of_the_cluster_looks_like_a_setting(pod: dict[str, Any]) -> None:
    """The Service is named fleet: with service links Kubernetes would set FLEET_PORT, which fleet refuses."""
    names = {variable["name"] for variable in pod["containers"][0]["env"] if variable["name"].startswith("FLEET_")}

    assert pod["enableServiceLinks"] is False
    assert "FLEET_CONFIG" in names
    assert names <= {"FLEET_CONFIG", "FLEET_LEDGER__URL"}


def test_memory_is_bounded_and_the_processor_is_not(pod: dict[str, Any]) -> None:
    """Requests for both, a limit for memory alone."""
    resources = pod["containers"][0]["resources"]

    assert set(resources["requests"]) == {"cpu", "memory"}
    assert set(resources["limits"]) == {"memory"}


def test_the_configuration_and_the_manifest_are_read_by_fleet(objects: list[dict[str, Any]], tmp_path: Path) -> None:
    """The ConfigMaps hold settings and entries that fleet accepts, and they are where the container looks."""
    maps = {name: text for item in objects if item["kind"] == "ConfigMap" for name, text in item["data"].items()}
    (tmp_path / "fleet.toml").write_text(maps["fleet.toml"])

    settings = load(tmp_path / "fleet.toml", environment={})

    assert isinstance(settings, Settings)
    assert settings.http.listen == "0.0.0.0:9377"
    lines = maps["manifest.jsonl"].encode().splitlines(keepends=True)
    assert all(isinstance(line, Entry) for line in entries(lines))


def test_probes_and_ports_are_those_that_fleet_serves(objects: list[dict[str, Any]], pod: dict[str, Any]) -> None:
    """Alive says nothing of AWS; ready does; every way to the port goes by its name."""
    (container,) = pod["containers"]
    paths = {probe: container[probe]["httpGet"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}

    assert {probe: get["path"] for probe, get in paths.items()} == {
        "startupProbe": "/livez",
        "livenessProbe": "/livez",
        "readinessProbe": "/readyz",
    }
    assert {get["port"] for get in paths.values()} == {"http"}
    assert container["ports"] == [{"name": "http", "containerPort": 9377, "protocol": "TCP"}]
    assert only(objects, "Service")["spec"]["ports"][0]["targetPort"] == "http"


def test_a_drain_is_never_cut_short(pod: dict[str, Any]) -> None:
    """The kubelet waits for longer than fleet drains."""
    assert pod["terminationGracePeriodSeconds"] > 1.5 * Settings().drain.deadline_s


def test_the_image_is_this_version(pod: dict[str, Any]) -> None:
    """A release changes the tag with the version."""
    assert pod["containers"][0]["image"] == f"comprehend-fleet:{__version__}"


def test_the_volume_holds_the_ledger(sqlite: list[dict[str, Any]]) -> None:
    """The ledger's file lies on the claimed volume, and nothing but it and /tmp can be written."""
    (container,) = pod_of(sqlite)["containers"]
    environment = {variable["name"]: variable["value"] for variable in container["env"]}
    writable = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}

    assert environment["FLEET_LEDGER__URL"] == "sqlite:////var/lib/fleet/fleet.db"
    assert writable == {"/var/lib/fleet", "/tmp"}


def test_rules_and_dashboards_are_those_of_grafana() -> None:
    """The monitoring overlay holds exactly grafana/'s rules and dashboards; `generate.py` writes it anew."""
    grafana = ROOT / "grafana"

    objects = rendered(KUBERNETES / "overlays" / "monitoring")

    assert only(objects, "PrometheusRule")["spec"] == yaml.safe_load((grafana / "prometheus" / "rules.yml").read_text())
    shown = {
        name: json.loads(text) for item in objects if item["kind"] == "ConfigMap" for name, text in item["data"].items()
    }
    assert shown == {path.name: json.loads(path.read_text()) for path in (grafana / "dashboards").glob("*.json")}


def test_generated_files_are_up_to_date() -> None:
    """`python deploy/kubernetes/generate.py` would change nothing."""
    generated = load_script("kubernetes/generate").generated()

    assert {path: path.read_text() for path in generated} == generated
