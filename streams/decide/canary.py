"""Which events a canary answers: a share of the keys, the same ones at every worker and at all times. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

BITS = 64


def in_share(model: str, keys: Iterable[bytes], share: float) -> NDArray[np.bool_]:
    """Which keys are below the share, by BLAKE2b. Salted with the model's name, so that two models do not try their
    canaries on the same customers; a larger share holds the keys of a smaller one."""
    salted = hashlib.blake2b(digest_size=BITS // 8, key=hashlib.blake2b(model.encode(), digest_size=32).digest())
    digests = []
    for key in keys:
        own = salted.copy()
        own.update(key)
        digests.append(own.digest())
    places = np.frombuffer(b"".join(digests), dtype="<u8")
    return places / 2.0**BITS < share
