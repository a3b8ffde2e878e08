"""What fleet leaves out of botocore's descriptions of services is what no call needs."""

import json
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.loaders import Loader, create_loader

from fleet.aws.account import SERVICES
from fleet.aws.loader import lean_loader

WHOLE, LEAN = create_loader(), lean_loader()
CREDENTIALS = ("sso", "sso-oidc")
REGIONS = ("us-east-1", "eu-central-1", "us-gov-west-1", "cn-north-1")


def client(loader: Loader, service: str, region: str) -> Any:
    session = botocore.session.Session()
    session.register_component("data_loader", loader)
    return session.create_client(service, region, aws_access_key_id="id", aws_secret_access_key="key")


def without_prose(found: Any) -> Any:
    if isinstance(found, dict):
        return {
            name: "" if name == "documentation" and isinstance(value, str) else without_prose(value)
            for name, value in found.items()
        }
    return [without_prose(one) for one in found] if isinstance(found, list) else found


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("service", [*SERVICES, *CREDENTIALS])
def test_every_service_that_is_called_is_where_botocore_says(
    monkeypatch: pytest.MonkeyPatch, service: str, region: str
) -> None:
    """Endpoint, signature, signed name and Region are those of a client that has read everything."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_COMPREHEND", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_STS"):
        monkeypatch.delenv(name, raising=False)

    whole, lean = client(WHOLE, service, region), client(LEAN, service, region)

    assert lean.meta.endpoint_url == whole.meta.endpoint_url
    assert lean.meta.partition == whole.meta.partition
    assert lean.meta.config.signature_version == whole.meta.config.signature_version
    assert lean._request_signer.signing_name == whole._request_signer.signing_name
    assert lean._request_signer.region_name == whole._request_signer.region_name


@pytest.mark.parametrize("file", ["service-2", "endpoint-rule-set-1"])
@pytest.mark.parametrize("service", SERVICES)
def test_of_a_service_only_the_prose_is_left_out(service: str, file: str) -> None:
    """Operations, shapes, their order and the rules of endpoints are all there."""
    whole = without_prose(WHOLE.load_service_model(service, file))

    lean = LEAN.load_service_model(service, file)

    assert json.dumps(lean) == json.dumps(whole)


def test_a_member_that_is_called_documentation_is_no_prose(tmp_path: Path) -> None:
    """A service may take or give something of that name."""
    shape = {"members": {"documentation": {"shape": "String", "documentation": "What it is."}}}
    folder = tmp_path / "archive" / "2000-01-01"
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text(json.dumps(shape))
    loader = lean_loader()
    loader.search_paths.append(str(tmp_path))

    found = loader.load_service_model("archive", "service-2")

    assert found == {"members": {"documentation": {"shape": "String", "documentation": ""}}}
