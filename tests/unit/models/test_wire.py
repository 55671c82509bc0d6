"""What goes over the socket comes out of it, bit for bit."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from models.wire import Channel, Garbled, NotLoaded, Numbers, Raised, Ready


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


# Any 64 bits: NaN with every payload, infinities, subnormals, -0.0.
MATRICES = arrays(np.uint64, array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=40)).map(
    lambda bits: bits.view(np.float64)
)


@given(MATRICES)
def test_numbers_keep_their_bits(matrix: np.ndarray) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        Channel(ours).send(Numbers(matrix.shape), matrix)
        frame, numbers = Channel(theirs).receive()
    assert frame == Numbers(matrix.shape)
    assert numbers.shape == matrix.shape and numbers.tobytes() == matrix.tobytes()


def test_a_matrix_larger_than_any_buffer_passes(pair) -> None:
    matrix = np.random.default_rng(1).normal(size=(300_000, 10))
    sender = threading.Thread(target=lambda: Channel(pair[0]).send(Numbers(matrix.shape), matrix))
    sender.start()
    _, numbers = Channel(pair[1]).receive()
    sender.join()
    assert np.array_equal(numbers, matrix)


@given(st.sampled_from([Ready(), NotLoaded("a", "b", "c", "d"), Raised("KeyError", "'é\n'")]))
def test_words_arrive(frame) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        Channel(ours).send(frame)
        assert Channel(theirs).receive()[0] == frame


def test_silence_ends_at_the_deadline_and_a_closed_end_at_once(pair) -> None:
    with pytest.raises(TimeoutError):
        Channel(pair[0]).receive(until=time.monotonic() + 0.01)
    with pytest.raises(TimeoutError):
        Channel(pair[0]).send(Numbers((1 << 20,)), np.zeros(1 << 20), until=time.monotonic() + 0.01)
    pair[1].close()
    with pytest.raises(EOFError):
        Channel(pair[0]).receive()
    with pytest.raises(EOFError):
        Channel(pair[0]).send(Ready())


HUGE = b"\x82\xa4type\xa7Numbers\xa5shape\x92\xce\xff\xff\xff\xff\xce\xff\xff\xff\xff"
NEGATIVE = b"\x82\xa4type\xa7Numbers\xa5shape\x91\xff"


@pytest.mark.parametrize("header", [b"", b"\x80", b"\xc1", b"\x81\xa4type\xa4Quit", HUGE, NEGATIVE])
def test_what_is_no_frame_is_named_so(pair, header: bytes) -> None:
    pair[0].sendall(struct.pack("=I", len(header)) + header)
    with pytest.raises(Garbled):
        Channel(pair[1]).receive()


def test_the_child_brings_neither_kafka_nor_faust_along() -> None:
    check = (
        "import sys, models.serve_version; sys.exit(bool({'confluent_kafka', 'faust', 'streams'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
