"""What kubectl makes of deploy/kubernetes, and what the strict schemas say of it."""

import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import yaml

from tests.deploy.tools import ROOT, found

__all__ = ["KUBERNETES", "OVERLAYS", "only", "pod_of", "rendered", "validated"]

KUBERNETES: Final = ROOT / "deploy" / "kubernetes"
OVERLAYS: Final = sorted(path.name for path in (KUBERNETES / "overlays").iterdir() if path.is_dir())

_OPERATORS: Final = {"ServiceMonitor", "PrometheusRule"}
"""Kinds of the Prometheus operator: Kubernetes has no schema of them."""

_WORKLOADS: Final = {"StatefulSet", "Deployment"}


def rendered(overlay: Path) -> list[dict[str, Any]]:
    """The objects that kubectl makes of this folder."""
    kubectl = found("kubectl", "kubernetes-client")
    done = subprocess.run([*kubectl, "kustomize", str(overlay)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [item for item in yaml.safe_load_all(done.stdout) if item]


def validated(objects: list[dict[str, Any]], directory: Path) -> "subprocess.CompletedProcess[str]":
    """What `kubernetes-validate --strict` says of the objects whose kinds are Kubernetes' own."""
    core = [item for item in objects if item["kind"] not in _OPERATORS]
    file = directory / "objects.yaml"
    file.write_text(yaml.safe_dump_all(core))
    command = [str(Path(sys.executable).parent / "kubernetes-validate"), "--strict", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def only(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """The one object of this kind."""
    (item,) = [item for item in objects if item["kind"] == kind]
    return item


def pod_of(objects: list[dict[str, Any]]) -> dict[str, Any]:
    """The Pod that the one workload makes."""
    (workload,) = [item for item in objects if item["kind"] in _WORKLOADS]
    spec: dict[str, Any] = workload["spec"]["template"]["spec"]
    return spec
