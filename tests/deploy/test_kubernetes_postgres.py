"""The overlay with several replicas: no volume, one replica replaced at a time, the database reached safely."""

import tomllib
from ipaddress import ip_network
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from fleet.settings import Settings
from tests.deploy.kustomize import KUBERNETES, only, pod_of, rendered
from tests.deploy.tools import ROOT


@pytest.fixture(scope="module")
def objects() -> list[dict[str, Any]]:
    """The objects of the overlay."""
    return rendered(KUBERNETES / "overlays" / "postgres")


@pytest.fixture(scope="module")
def deployment(objects: list[dict[str, Any]]) -> dict[str, Any]:
    """How the replicas are run and replaced."""
    spec: dict[str, Any] = only(objects, "Deployment")["spec"]
    return spec


@pytest.fixture(scope="module")
def ledger(objects: list[dict[str, Any]]) -> dict[str, Any]:
    """What the rendered configuration says under [ledger]."""
    (text,) = [item["data"]["fleet.toml"] for item in objects if "fleet.toml" in item.get("data", {})]
    section: dict[str, Any] = tomllib.loads(text)["ledger"]
    return section


def test_three_replicas_and_no_volume(objects: list[dict[str, Any]], deployment: dict[str, Any]) -> None:
    """A Deployment alone: nothing claims a volume, and /tmp is all that a replica can write."""
    (container,) = pod_of(objects)["containers"]
    writable = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}

    assert deployment["replicas"] == 3
    assert not {"StatefulSet", "PersistentVolumeClaim"} & {item["kind"] for item in objects}
    assert writable == {"/tmp"}


def test_a_new_replica_works_before_an_old_one_ends(deployment: dict[str, Any], ledger: dict[str, Any]) -> None:
    """One at a time, and never one fewer; the next waits for two leases, within which lanes find a holder."""
    assert deployment["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert deployment["minReadySeconds"] >= 2 * ledger["lease_s"]


def test_a_start_and_an_end_fit_into_the_time_of_a_rollout(objects: list[dict[str, Any]]) -> None:
    """The longest start, the wait after it and the longest end are no rollout that has failed."""
    spec, pod = only(objects, "Deployment")["spec"], pod_of(objects)
    startup = pod["containers"][0]["startupProbe"]

    longest_s = startup["periodSeconds"] * startup["failureThreshold"] + spec["minReadySeconds"]

    assert pod["terminationGracePeriodSeconds"] > Settings().drain.deadline_s
    assert spec["progressDeadlineSeconds"] > longest_s + pod["terminationGracePeriodSeconds"]


def test_no_node_and_no_zone_is_a_single_point_of_failure(
    objects: list[dict[str, Any]], deployment: dict[str, Any]
) -> None:
    """Replicas are spread over nodes without exception and over zones where there is room; one is evicted at a time."""
    spread = {rule["topologyKey"]: rule for rule in pod_of(objects)["topologySpreadConstraints"]}
    budget = only(objects, "PodDisruptionBudget")["spec"]

    assert {key: (rule["maxSkew"], rule["whenUnsatisfiable"]) for key, rule in spread.items()} == {
        "kubernetes.io/hostname": (1, "DoNotSchedule"),
        "topology.kubernetes.io/zone": (1, "ScheduleAnyway"),
    }
    assert all(rule["labelSelector"] == deployment["selector"] for rule in spread.values())
    assert (budget["maxUnavailable"], budget["selector"]) == (1, deployment["selector"])
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_the_database_proves_who_it_is_and_the_url_holds_no_secret(ledger: dict[str, Any]) -> None:
    """TLS with the certificate and the name checked; the password comes from a file."""
    url = urlsplit(ledger["url"])
    options = parse_qs(url.query)

    assert (url.scheme, url.username, url.password) == ("postgresql", "fleet", None)
    assert options["sslmode"] == ["verify-full"]
    assert not options.get("options")  # a session's state, which a pooler does not carry over


def test_the_password_and_the_certificates_are_where_the_configuration_looks(
    objects: list[dict[str, Any]], ledger: dict[str, Any]
) -> None:
    """Mounted read-only as whole folders, which follow when the Secret changes; none optional, none a variable."""
    pod = pod_of(objects)
    (container,) = pod["containers"]
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}

    def holds(folder: str, kind: str) -> list[str]:
        mount = mounts[folder]
        assert mount["readOnly"]
        assert "subPath" not in mount
        source = volumes[mount["name"]][kind]
        assert not source.get("optional")
        return [f"{folder}/{item['path']}" for item in source["items"]]

    assert holds("/etc/fleet/postgres", "secret") == [ledger["password_file"]]
    assert holds("/etc/fleet/postgres-ca", "configMap") == parse_qs(urlsplit(ledger["url"]).query)["sslrootcert"]
    assert not [variable for variable in container["env"] if "valueFrom" in variable]


def test_the_way_to_the_database_is_open_and_leads_nowhere_else(
    objects: list[dict[str, Any]], ledger: dict[str, Any]
) -> None:
    """Its port alone, to a namespace or to addresses that are not of the internet."""
    (policy,) = [item["spec"] for item in objects if item["metadata"]["name"] == "fleet-postgres"]
    (rule,) = policy["egress"]
    networks = [ip_network(peer["ipBlock"]["cidr"]) for peer in rule["to"] if "ipBlock" in peer]

    assert policy["podSelector"] == only(objects, "Deployment")["spec"]["selector"]
    assert policy["policyTypes"] == ["Egress"]
    assert rule["ports"] == [{"port": urlsplit(ledger["url"]).port, "protocol": "TCP"}]
    assert networks
    assert not any(network.is_global for network in networks)


def test_but_for_the_ledger_both_overlays_run_the_same(objects: list[dict[str, Any]]) -> None:
    """What one Pod has learnt the other has too: they differ in where the ledger is, and in nothing else."""
    here, there = pod_of(objects), pod_of(rendered(KUBERNETES / "overlays" / "sqlite"))

    def bare(pod: dict[str, Any]) -> dict[str, Any]:
        (container,) = pod["containers"]
        ours = {"config", "ledger", "postgres", "postgres-ca"}
        kept = {key: value for key, value in pod.items() if key != "topologySpreadConstraints"}
        kept["volumes"] = [volume for volume in pod["volumes"] if volume["name"] not in ours]
        kept["containers"] = [
            container
            | {"volumeMounts": [mount for mount in container["volumeMounts"] if mount["name"] not in ours - {"config"}]}
            | {"env": [variable for variable in container["env"] if variable["name"] != "FLEET_LEDGER__URL"]}
        ]
        return kept

    assert bare(here) == bare(there)


def test_but_for_the_ledger_the_configuration_is_the_base_s() -> None:
    """The overlay's fleet.toml adds [ledger], and changes nothing."""
    overlay = tomllib.loads((KUBERNETES / "overlays" / "postgres" / "fleet.toml").read_text())
    base = tomllib.loads((KUBERNETES / "base" / "fleet.toml").read_text())

    del overlay["ledger"]

    assert overlay == base


def test_the_image_brings_the_driver() -> None:
    """psycopg with its own libpq and no URL: every line of the image's lock is a version and its hashes."""
    text = (ROOT / "deploy" / "requirements.lock").read_text()
    pinned = {line.split("==")[0] for line in text.splitlines() if "==" in line and not line.startswith(" ")}

    assert {"psycopg", "psycopg-binary"} <= pinned
    assert "://" not in text
    assert " @ " not in text
