"""Ports: a chosen one or none, a default one or the next."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from streams.http.ports import PortTaken, listen


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on, with at least one port after it."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_taken_default_gives_way_to_the_next_free_port(taken: int) -> None:
    with listen("127.0.0.1", taken, chosen=False, key="admin.port") as server:
        assert server.getsockname()[1] > taken


def test_a_taken_choice_is_an_error_that_names_it(taken: int) -> None:
    with pytest.raises(PortTaken, match=rf"127\.0\.0\.1:{taken}.*admin\.port") as raised:
        listen("127.0.0.1", taken, chosen=True, key="admin.port")
    assert (raised.value.exit_code, raised.value.port) == (2, taken)


def test_an_address_that_is_not_ours_is_an_error_at_once() -> None:
    with pytest.raises(PortTaken, match=r"192\.0\.2\.1"):
        listen("192.0.2.1", 6066, chosen=False, key="admin.port")
    with pytest.raises(PortTaken, match="no-such-host"):
        listen("no-such-host.invalid", 6066, chosen=False, key="admin.port")


def test_port_0_is_any_free_one() -> None:
    with (
        listen("127.0.0.1", 0, chosen=True, key="k") as one,
        listen("127.0.0.1", 0, chosen=True, key="k") as other,
    ):
        assert one.getsockname() != other.getsockname()
