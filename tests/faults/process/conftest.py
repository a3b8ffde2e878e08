"""One sandbox process for all tests of this folder; each test is an account of its own in it."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bench.service import INPUT, Service, serve
from tests.faults.process.place import Place, prefixes

PREFIXES = 12
FOREIGN_WORDS = f"{INPUT}größe/данные/"
SWITCHES = ("seed=1", "start_per_s=100", "describe_per_s=100", "list_per_s=100", "submitted_s=0.1", "overhead_s=0.4")
ACCOUNTS = itertools.count(100_000_000_001)

MakePlace = Callable[..., Place]


@pytest.fixture(scope="session")
def shared_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A sandbox whose jobs last half a second."""
    keys = [f"{uri.removeprefix(INPUT)}part-0.txt" for uri in (*prefixes(PREFIXES), FOREIGN_WORDS)]
    with serve(tmp_path_factory.mktemp("sandbox"), (*SWITCHES, "per_mb_s=0", "spread=0"), keys) as service:
        yield service


@pytest.fixture
def service(shared_service: Service) -> Iterator[Service]:
    """The shared sandbox, without the faults that a test added to it."""
    yield shared_service
    shared_service.control("DELETE", "faults")


@pytest.fixture
def make_place(service: Service, tmp_path: Path) -> MakePlace:
    """Makes a fleet of an account of its own, with as many prefixes as wanted."""

    def make(count: int = 4, **more: Any) -> Place:
        account = str(next(ACCOUNTS))
        wanted = {"directory": tmp_path / account, "uris": prefixes(count), **more}
        return Place(service=service, account=account, **wanted)

    return make
