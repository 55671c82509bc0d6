"""Bytes that stay while batches come and go, each in a mapping of its own.

In the heap they would stand between what is short-lived, so that no hole is as large as what comes next, and the heap
grows though nothing more is in use.
"""

from __future__ import annotations

from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap


def set_aside(data: bytes) -> memoryview:
    """The same bytes out of the heap. Their pages go back to the system when nobody holds them."""
    if not data:
        return memoryview(b"")
    # Private: such mappings are one to the system where they touch, and their number has a limit.
    mapping = mmap(-1, len(data), flags=MAP_PRIVATE | MAP_ANONYMOUS)
    mapping[:] = data
    return memoryview(mapping).toreadonly()
