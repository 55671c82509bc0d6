"""A real broker behind a proxy, one for all of these tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import CACHE
from tests.faults.stage import Stage


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """One real broker, and the proxy that workers go through."""
    with Stage(1, CACHE) as stage:
        yield stage
