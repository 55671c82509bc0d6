"""Fixtures of the suites that need a broker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kafka.lane_kit import Stream
from tests.kafka.topics import Topics


@pytest.fixture
def delivery(request: pytest.FixtureRequest) -> str:
    """How the lanes of the test publish; exactly once, unless the test is parametrised with something else."""
    return str(getattr(request, "param", "exactly_once"))


@pytest.fixture
def topics(request: pytest.FixtureRequest, delivery: str) -> Iterator[Topics]:
    """Topics of this test's own: on the real broker, or on the one that the test is parametrised with."""
    broker = request.getfixturevalue(getattr(request, "param", "kafka"))
    mine = Topics(broker.bootstrap_servers, delivery=delivery)
    yield mine
    mine.close()


@pytest.fixture
def stream(topics: Topics) -> Iterator[Stream]:
    """Input, output and state topics of three partitions."""
    mine = Stream(topics)
    yield mine
    mine.close()
