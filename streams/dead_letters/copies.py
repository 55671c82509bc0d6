"""Dead letters of the same event and model, of which one is sent in again. Pure, in bounded memory.

With `kafka.delivery = "at_least_once"`, and where a group lost its offsets, a dead letter may be there twice.
"""

from __future__ import annotations

import hashlib

from streams.dead_letters.letter import DeadLetter

REMEMBERED = 100_000


class Copies:
    """Of the latest letters, in the order in which they are read. 16 bytes of digest each."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._seen: dict[bytes, None] = {}

    def is_copy(self, letter: DeadLetter) -> bool:
        """Whether one like it came before. The bytes count too: in a topic made anew offsets come again."""
        digest = hashlib.blake2b(digest_size=16)
        for part in (str(letter.source).encode(), letter.model.encode(), letter.key or b"", letter.value):
            digest.update(len(part).to_bytes(8, "little") + part)
        name = digest.digest()
        if name in self._seen:
            return True
        self._seen[name] = None
        if len(self._seen) > self._remembered:
            del self._seen[next(iter(self._seen))]
        return False
