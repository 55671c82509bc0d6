"""How a worker's process takes and gives back memory, for batches that come and go.

Without it a batch costs twice the processor time: the collector looks through everything that was ever imported to find
that thousands of short-lived records hold no cycles, and the allocator gives pages back with each batch that the next
one takes again. Every two seconds is seldom enough not to matter.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import threading
from collections.abc import Callable, Iterator, Mapping

YOUNG_OBJECTS = 50_000
"""So many more containers than were freed since, before the collector looks at the young ones: above any batch."""

# Parameters of glibc's mallopt(3).
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
KEPT_FREE_BYTES = 128 << 20
LARGEST_FROM_HEAP_BYTES = 3 << 20
"""Above what a batch's columns need: a larger piece becomes a mapping of its own, of pages that the system has to clear
each time anew."""

GIVE_BACK_S = 2.0


def share_one_arena() -> None:
    """Let all threads take memory from one place. Call before the first thread starts: an arena is never taken back.

    With an arena a thread, each keeps the most that its threads ever needed, in holes that no other thread can fill.
    """
    _mallopt({_ARENA_MAX: 1})


def settle() -> None:
    """Call when everything is imported and before the work begins."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 10, 10)
    _mallopt({_TRIM_THRESHOLD: KEPT_FREE_BYTES, _MMAP_THRESHOLD: LARGEST_FROM_HEAP_BYTES})


@contextlib.contextmanager
def giving_back(every_s: float = GIVE_BACK_S) -> Iterator[None]:
    """Give the whole pages of the heap's holes back to the system, again and again, on a thread of its own.

    Without it the process keeps the most that it ever held at one moment, and a rarer coincidence comes as time goes:
    fetched records, answers in the queue and a snapshot all at once. Nothing else takes memory meanwhile, for 1 ms as a
    rule, and up to 40 where the heap is of hundreds of MB and full of holes.
    """
    malloc_trim = _glibc("malloc_trim")
    if malloc_trim is None:
        yield
        return
    over = threading.Event()

    def give_back() -> None:
        while not over.wait(every_s):
            malloc_trim(0)

    thread = threading.Thread(target=give_back, name="give-memory-back", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _mallopt(parameters: Mapping[int, int]) -> None:
    mallopt = _glibc("mallopt")
    if mallopt is not None:
        for parameter, value in parameters.items():
            mallopt(parameter, value)


def _glibc(name: str) -> Callable[..., int] | None:
    """A function of glibc's malloc. None with another library: its own ways will do."""
    try:
        found: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError):
        return None
    return found
