"""Secrets in text: what is made unreadable, and what must stay as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.core.secrets import is_secret, known_secrets, redacted

CANARY = "hunter2CANARY"


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://fleet:{CANARY}@db.example/fleet",
        f"postgresql://fleet:p@{CANARY}@db.example/fleet",
        f"host=db password={CANARY} user=fleet",
        f'{{"Password": "{CANARY}"}}',
        f"AWS_SECRET_ACCESS_KEY={CANARY}",
        f"SecretAccessKey: '{CANARY}'",
        f"InvalidSignatureException: host:x\nx-amz-security-token:{CANARY}\nx-amz-target:y",
        f"https://s3/x?X-Amz-Signature={CANARY}&X-Amz-Date=1",
        f"Authorization: AWS4-HMAC-SHA256 Credential=me, Signature={CANARY}",
        f"{{'Authorization': 'AWS4-HMAC-SHA256 {CANARY}'}}",
        f"Proxy-Authorization: Basic {CANARY}",
        f"refused: Bearer {CANARY}",
    ],
)
def test_what_looks_like_a_secret_is_not_in_the_text(text: str) -> None:
    """Passwords, keys, tokens, signatures and URL user information are gone, whatever notation they are in."""
    clean = redacted(text)

    assert CANARY not in clean
    assert "***" in clean


@pytest.mark.parametrize("key", ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"])
def test_of_an_access_key_id_its_sort_is_left(key: str) -> None:
    """AKIA or ASIA says whether it was a long-lived or a temporary one; the rest is gone."""
    assert redacted(f"InvalidAccessKeyId: {key} does not exist") == f"InvalidAccessKeyId: {key[:4]}*** does not exist"


@pytest.mark.parametrize(
    "text",
    [
        "s3://corpus-in/2024/01/ holds 3 documents",
        "arn:aws:iam::123456789012:role/comprehend may not be assumed",
        "NO_READ_ACCESS_TO_INPUT: the password policy of the secretary",
        "NextToken repeats",
        "stage submit 123456789012/us-east-1/entities",
        "ClientRequestToken 5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    """Prefixes, roles, tokens of requests and ordinary words are what logs are read for."""
    assert redacted(text) == text


def test_known_secrets_go_wherever_they_are() -> None:
    """What the environment holds is known by value, also as a URL would have it; short values would blot out words."""
    environment = {"AWS_SESSION_TOKEN": "abc/def+ghi=", "PGPASSWORD": "s", "AWS_REGION": "us-east-1"}

    known = known_secrets(environment)

    assert redacted("a abc/def+ghi= b abc%2Fdef%2Bghi%3D c us-east-1", known) == "a *** b *** c us-east-1"


@pytest.mark.parametrize("name", ["password", "AWS_SECRET_ACCESS_KEY", "db_password", "X-Amz-Security-Token"])
def test_names_of_secrets_are_known(name: str) -> None:
    """A value under such a name is never shown, whatever it looks like; a request token is no secret."""
    assert is_secret(name)
    assert not is_secret("token")
    assert not is_secret("request_token")


@given(st.text(max_size=300))
def test_any_text_can_be_redacted_twice(text: str) -> None:
    """Nothing raises, and what is clean stays clean."""
    once = redacted(text)

    assert redacted(once) == once
