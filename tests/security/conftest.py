"""One secured Kafka for these tests, topics of each test's own on it, and a model to serve."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import CACHE
from tests.faults.workload import publish_model
from tests.kafka.topics import Topics
from tests.security.secured import Secured, secured_kafka


@pytest.fixture(scope="package")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """TLS, SASL and ACLs; the test itself may do everything, at `bootstrap_servers`."""
    with secured_kafka(tmp_path_factory.mktemp("secured"), CACHE) as cluster:
        yield cluster


@pytest.fixture(scope="package")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with one model."""
    folder = tmp_path_factory.mktemp("models") / "registry"
    publish_model(folder)
    return folder


@pytest.fixture
def topics(secured: Secured) -> Iterator[Topics]:
    """Topics of this test's own on the secured broker."""
    mine = Topics(secured.bootstrap_servers)
    yield mine
    mine.close()
