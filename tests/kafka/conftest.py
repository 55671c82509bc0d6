"""Fixtures of the suites that need a broker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kafka.lane_kit import Stream
from tests.kafka.topics import Topics


@pytest.fixture
def stream(topics: Topics) -> Iterator[Stream]:
    """Input, output and state topics of three partitions."""
    mine = Stream(topics)
    yield mine
    mine.close()
