"""Bytes near the seeds, by chance: the same for the same seed of the generator."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.fuzz.targets import SEEDS

MOST_BYTES = 8_192
TOKENS = (
    b'"', b"{", b"}", b"[", b"]", b":", b",", b"null", b"true", b"1e999", b"-0", b"NaN", b"\\u0000", b"\\ud800",
    b"\xff", b"\x00",
    b'"id"', b'"features"', b'"events"', b'"input"', b'"inputs"', b'"shape"', b'"data"', b'"time"', b'"age"',
    b"9223372036854775808", b"0.1", b"[" * 40, b'{"a":' * 8,
)  # fmt: skip


def mutations(rng: random.Random) -> Iterator[bytes]:
    """Without an end."""
    while True:
        data = bytearray(rng.choice(SEEDS))
        for _ in range(rng.randint(1, 6)):
            _mutate(data, rng)
        yield bytes(data[:MOST_BYTES])


def _mutate(data: bytearray, rng: random.Random) -> None:
    at = rng.randint(0, len(data))
    match rng.randrange(7):
        case 0:
            data[at:at] = rng.choice(TOKENS)
        case 1:
            data[at:at] = rng.randbytes(rng.randint(1, 8))
        case 2:
            del data[at : at + rng.randint(1, 16)]
        case 3:
            data[at : at + 1] = bytes([rng.randrange(256)])
        case 4:
            other = rng.choice(SEEDS)
            cut = rng.randint(0, len(other))
            data[at:] = other[cut:]
        case 5:
            data[at:at] = data[at : at + rng.randint(1, 64)] * rng.randint(1, 4)
        case 6:
            data[at : at + rng.randint(1, 8)] = rng.choice(TOKENS)
